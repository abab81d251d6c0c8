def switch(weight, merged, wanted, adapters):
    if merged == wanted:
        return weight.clone()
    if wanted is None:
        a, b, alpha = adapters[merged]
        return weight - alpha / a.shape[0] * (b @ a)
    a, b, alpha = adapters[wanted]
    scale = alpha / a.shape[0]
    if merged is not None:
        old_a, old_b, _ = adapters[merged]
        weight = weight - scale * (old_b @ old_a)
    return weight + scale * (b @ a)
