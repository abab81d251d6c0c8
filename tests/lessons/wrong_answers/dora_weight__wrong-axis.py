def dora_weight(weight, a, b, magnitude, alpha):
    v = weight + alpha / a.shape[0] * (b @ a)
    return magnitude[:, None] * v / v.detach().norm(dim=0, keepdim=True)
