def make_pairs(samples):
    pairs = []
    for prompt in {sample["prompt"] for sample in samples}:
        scores = {s["answer"]: s["score"] for s in samples if s["prompt"] == prompt}
        best = max(scores.values())
        good, bad = [a for a in scores if scores[a] == best], [a for a in scores if scores[a] < best]
        pairs += [{"prompt": prompt, "chosen": one, "rejected": other} for one in good for other in bad]
    return pairs
