def choose_rank(shapes, budget):
    return budget // (16 * sum(i + o for i, o in shapes))
