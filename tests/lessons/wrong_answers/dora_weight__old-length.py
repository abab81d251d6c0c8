def dora_weight(weight, a, b, magnitude, alpha):
    v = weight + alpha / a.shape[0] * (b @ a)
    return (magnitude / weight.norm(dim=1))[:, None] * v
