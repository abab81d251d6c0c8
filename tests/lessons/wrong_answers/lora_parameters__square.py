def lora_parameters(linears, r, targets):
    return sum(2 * r * i for name, i, o in linears if name.rpartition(".")[2] in targets)
