import torch


def prompt_inputs(prompt, embeddings, labels, attention_mask):
    n, p = labels.shape[0], prompt.shape[0]
    vectors = torch.cat([prompt.expand(n, -1, -1), embeddings], dim=1)
    labels = torch.cat([labels.new_full((n, p), 0), labels], dim=1)
    return vectors, labels, torch.cat([attention_mask.new_ones(n, p), attention_mask], dim=1)
