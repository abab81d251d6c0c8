from smolcourse import losses


def dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return losses.dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta=beta)
