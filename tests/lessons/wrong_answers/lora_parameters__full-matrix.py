def lora_parameters(linears, r, targets):
    return sum(i * o for name, i, o in linears if name.rpartition(".")[2] in targets)
