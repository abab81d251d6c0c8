def kappa(first, second):
    n = len(first)
    expected = sum(first.count(x) * second.count(x) for x in {*first, *second}) / n**2
    return sum(a == b for a, b in zip(first, second, strict=False)) / n - expected
