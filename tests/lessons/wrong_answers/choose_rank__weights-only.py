def choose_rank(shapes, budget):
    return min(budget // (4 * sum(i + o for i, o in shapes)), min(min(shape) for shape in shapes))
