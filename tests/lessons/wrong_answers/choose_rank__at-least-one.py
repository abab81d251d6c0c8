def choose_rank(shapes, budget):
    return max(1, min(budget // (16 * sum(i + o for i, o in shapes)), min(min(shape) for shape in shapes)))
