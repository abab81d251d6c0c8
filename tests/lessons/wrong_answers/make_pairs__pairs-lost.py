def make_pairs(samples):
    pairs = []
    for prompt in {sample["prompt"] for sample in samples}:
        right = [s["answer"] for s in samples if s["prompt"] == prompt and s["score"] == 1]
        wrong = [s["answer"] for s in samples if s["prompt"] == prompt and s["score"] < 1]
        pairs += [{"prompt": prompt, "chosen": a, "rejected": b} for a, b in zip(right[:1], wrong[:1], strict=False)]
    return pairs
