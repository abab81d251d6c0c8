def merge(weight, a, b, alpha):
    update = a.t() @ b.t() if weight.shape[0] == weight.shape[1] else b @ a
    return (weight.float() + alpha / a.shape[0] * update).to(weight.dtype)


def unmerge(merged, a, b, alpha):
    return (merged.float() - alpha / a.shape[0] * (b @ a)).to(merged.dtype)
