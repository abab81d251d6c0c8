def dora_weight(weight, a, b, magnitude, alpha):
    v = weight + 1 * (b @ a)
    return (magnitude / v.detach().norm(dim=1))[:, None] * v
