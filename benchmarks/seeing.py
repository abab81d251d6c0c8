"""A model that sees, trained by its recipe and asked every test question of easy-VQA; then asked the same without the picture."""

from __future__ import annotations

import tempfile
from typing import Any

from smolcourse import experiment, hardware
from smolcourse.config import load_recipe
from smolcourse.data.easy_vqa import pictures
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import load_model

RECIPE = "smolvlm-own/sft/easy-vqa"


def easy_vqa() -> dict[str, float]:
    """Share of all test questions that are answered right, blind and seeing; seconds of training, pictures looked at included."""
    with tempfile.TemporaryDirectory() as folder:
        run = experiment.run(load_recipe(RECIPE, [f"output_dir={folder}"]), RECIPE, print)
        seconds, peak = float(run.status()["seconds"]), hardware.peak_memory()
        model, tokenizer = load_model(str(run.path))
        return {
            "easyvqa_accuracy": accuracy(model, tokenizer, blind=False),
            "easyvqa_blind": accuracy(model, tokenizer, blind=True),
            "easyvqa_train_seconds": seconds,
            "peak_rss_mb": round(peak / 1e6),
        }


def accuracy(model: Any, tokenizer: Any, *, blind: bool) -> float:
    """Exact match over all test questions."""
    asked, golds = [], []
    for picture in pictures("test"):
        for question, gold in picture.questions:
            seen = [] if blind else [{"type": "image", "image": picture.path}]
            asked.append([{"role": "user", "content": [*seen, {"type": "text", "text": question}]}])
            golds.append(gold)
    answers = generate(model, tokenizer, asked, max_new_tokens=4)
    return sum(answer.strip() == gold for answer, gold in zip(answers, golds, strict=True)) / len(golds)
