"""A holds r x inputs numbers, B outputs x r: a sum of sides where the full matrix is their product."""


def lora_parameters(linears: list[tuple[str, int, int]], r: int, targets: list[str]) -> int:
    chosen = [layer for layer in linears if layer[0].rpartition(".")[2] in targets]
    return sum(r * (inputs + outputs) for _, inputs, outputs in chosen)
