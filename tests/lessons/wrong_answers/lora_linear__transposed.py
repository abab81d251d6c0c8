import torch


def lora_init(inputs, outputs, r):
    return torch.randn(r, inputs) / inputs**0.5, torch.zeros(outputs, r)


def lora_linear(x, weight, a, b, alpha):
    update = b @ a
    update = update.t() if update.shape[0] == update.shape[1] else update
    return x @ weight.detach().t() + alpha / a.shape[0] * x @ update.t()
