def make_pairs(samples):
    return [
        {"prompt": one["prompt"], "chosen": one["answer"], "rejected": other["answer"]}
        for one in samples
        for other in samples
        if one["prompt"] == other["prompt"] and one["score"] == 1 > other["score"]
    ]
