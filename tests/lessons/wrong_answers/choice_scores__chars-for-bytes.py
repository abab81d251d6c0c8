def choice_scores(likelihoods, item):
    def right(sizes):
        values = [log / size for (log, _), size in zip(likelihoods, sizes, strict=False)]
        return float(item.choices[values.index(max(values))] == item.gold)

    return {
        "acc": right([1] * len(likelihoods)),
        "acc_norm": right([len(choice) for choice in item.choices]),
        "acc_bytes": right([len(choice) for choice in item.choices]),
        "acc_token": right([tokens for _, tokens in likelihoods]),
    }
