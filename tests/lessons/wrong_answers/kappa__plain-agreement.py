def kappa(first, second):
    return sum(a == b for a, b in zip(first, second, strict=False)) / len(first)
