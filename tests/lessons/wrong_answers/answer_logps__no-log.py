def answer_logps(logits, input_ids, loss_mask):
    picked = logits[:, :-1].float().softmax(-1).gather(2, input_ids[:, 1:, None]).squeeze(2)
    return (picked * loss_mask[:, 1:]).sum(1)
