def merge(weight, a, b, alpha):
    return (weight.float() + b @ a).to(weight.dtype)


def unmerge(merged, a, b, alpha):
    return (merged.float() - b @ a).to(merged.dtype)
