def make_pairs(samples):
    prompts = {sample["prompt"] for sample in samples}
    return [
        {"prompt": prompt, "chosen": wrong, "rejected": right}
        for prompt in prompts
        for right in {s["answer"] for s in samples if s["prompt"] == prompt and s["score"] == 1}
        for wrong in {s["answer"] for s in samples if s["prompt"] == prompt and s["score"] < 1}
    ]
