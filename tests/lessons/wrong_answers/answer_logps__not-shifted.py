def answer_logps(logits, input_ids, loss_mask):
    picked = logits.float().log_softmax(-1).gather(2, input_ids[:, :, None]).squeeze(2)
    return (picked * loss_mask).sum(1)
