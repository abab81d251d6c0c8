import torch


def answer_all(model, prompts, limit, pad, end):
    answers = []
    for prompt in prompts:
        tokens = list(prompt)
        for _ in range(limit):
            ids = torch.tensor([tokens])
            token = int(model(ids, torch.ones_like(ids), torch.arange(len(tokens))[None])[0, -1].argmax())
            if token == end:
                break
            tokens.append(token)
        answers.append(tokens[len(prompt) :])
    return answers
