def shift(input_ids, loss_mask):
    positions = loss_mask.nonzero().squeeze(1)
    return positions, input_ids[positions]
