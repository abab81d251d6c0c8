def lora_parameters(linears, r, targets):
    return sum(r * (i + o) for name, i, o in linears)
