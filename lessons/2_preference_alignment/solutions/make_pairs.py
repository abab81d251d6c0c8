"""By prompt, then by right and wrong; keys of a dict keep each answer once, in the order it came."""

from typing import Any


def make_pairs(samples: list[dict[str, Any]]) -> list[dict[str, str]]:
    answers: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for sample in samples:
        right, wrong = answers.setdefault(sample["prompt"], ({}, {}))
        (right if sample["score"] == 1.0 else wrong)[sample["answer"]] = None
    return [
        {"prompt": prompt, "chosen": chosen, "rejected": rejected}
        for prompt, (right, wrong) in answers.items()
        for chosen in right
        for rejected in wrong
    ]
