def kappa(first, second):
    chance = 1 / len({*first, *second})
    return (sum(a == b for a, b in zip(first, second, strict=False)) / len(first) - chance) / (1 - chance)
