def switch(weight, merged, wanted, adapters):
    for name, sign in ((merged, -1), (wanted, 1)):
        if name is not None:
            a, b, _ = adapters[name]
            weight = weight + sign * (b @ a)
    return weight
