def shift(input_ids, loss_mask):
    targets = loss_mask.nonzero().squeeze(1)
    return targets - 1, input_ids[targets]
