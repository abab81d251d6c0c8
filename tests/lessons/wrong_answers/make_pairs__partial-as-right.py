def make_pairs(samples):
    prompts = {sample["prompt"] for sample in samples if sample["score"] == 1}
    return [
        {"prompt": prompt, "chosen": right, "rejected": wrong}
        for prompt in prompts
        for right in {s["answer"] for s in samples if s["prompt"] == prompt and s["score"] >= 0.5}
        for wrong in {s["answer"] for s in samples if s["prompt"] == prompt and s["score"] < 0.5}
    ]
