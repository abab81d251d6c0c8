def merge(weight, a, b, alpha):
    return (weight.float() - alpha / a.shape[0] * (b @ a)).to(weight.dtype)


def unmerge(merged, a, b, alpha):
    return (merged.float() - alpha / a.shape[0] * (b @ a)).to(merged.dtype)
