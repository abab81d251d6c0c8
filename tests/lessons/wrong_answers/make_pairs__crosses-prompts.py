def make_pairs(samples):
    right = {(s["prompt"], s["answer"]) for s in samples if s["score"] == 1}
    wrong = {s["answer"] for s in samples if s["score"] < 1}
    return [{"prompt": p, "chosen": a, "rejected": b} for p, a in right for b in wrong if a != b]
