def ipo_loss(chosen, rejected, ref_chosen, ref_rejected, chosen_tokens, rejected_tokens, beta):
    delta = ((chosen - ref_chosen) - (rejected - ref_rejected)) / (chosen_tokens + rejected_tokens)
    return (delta - 1 / (2 * beta)) ** 2
