"""Models that see, trained by their recipes and asked about pictures they never saw; then without them, or with others."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from smolcourse import experiment, hardware
from smolcourse.config import load_recipe
from smolcourse.data import pictures
from smolcourse.data.easy_vqa import pictures as easy_vqa_pictures
from smolcourse.data.image_rows import content_text
from smolcourse.evaluation.picture_scorers import fields_match
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import load_model
from smolcourse.vision import features

RECEIPTS = 200

Question = tuple[Any, str, str]
"""A picture, what is asked, the gold."""


def figures(folder: Path | None = None) -> dict[str, float]:
    """Accuracy on all test questions of easy-VQA; fields of new receipts, and of those with unknown names; blind ones beside.

    Args:
        folder: where trainings are kept, and found again; None for one that is thrown away.
    """
    with tempfile.TemporaryDirectory() as thrown_away:
        return _figures(folder or Path(thrown_away))


def _figures(folder: Path) -> dict[str, float]:
    model, tokenizer, found = trained("easyvqa", "smolvlm-own/sft/easy-vqa", folder)
    asked = easy_vqa_questions()
    for name, blind in (("easyvqa_accuracy", False), ("easyvqa_blind", True)):
        answers = answered(model, tokenizer, asked, blind=blind, tokens=4)
        right = [answer.strip() == gold for answer, (_, _, gold) in zip(answers, asked, strict=True)]
        found[name] = sum(right) / len(right)
        for kind, chosen in (("yes_no", True), ("open", False)):
            of_kind = [one for one, (_, _, gold) in zip(right, asked, strict=True) if (gold in ("yes", "no")) == chosen]
            found[f"{name}_{kind}"] = sum(of_kind) / len(of_kind)
    del model
    model, tokenizer, more = trained("receipt", "smolvlm-own/sft/receipts", folder)
    found |= more
    new, unseen = receipt_questions("new"), receipt_questions("unseen")
    pictures_of_others = [image for image, _, _ in (*new[1:], new[0])]
    for name, asked, blind in (
        ("receipt_fields", new, False),
        ("receipt_blind", new, True),
        ("receipt_shuffled", [(image, *rest) for image, (_, *rest) in zip(pictures_of_others, new, strict=True)], False),
        ("receipt_fields_unseen_names", unseen, False),
    ):
        answers = answered(model, tokenizer, asked, blind=blind, tokens=96)
        scores = [fields_match(answer, gold) for answer, (_, _, gold) in zip(answers, asked, strict=True)]
        found[name] = sum(score["fields"] for score in scores) / len(scores)
        for field in sorted(key for key in scores[0] if key.startswith("field.") and name == "receipt_fields"):
            found[f"receipt_{field}"] = sum(score[field] for score in scores) / len(scores)
    peaks = (hardware.peak_memory() / 1e6, found["easyvqa_train_rss_mb"], found["receipt_train_rss_mb"])
    return {**found, "peak_rss_mb": round(max(peaks))}


def trained(name: str, recipe: str, folder: Path) -> tuple[Any, Any, dict[str, float]]:
    """A model out of a recipe, its tokenizer, and the seconds that took, looking at the pictures included."""
    # somewhere else, so that no picture was looked at before
    with tempfile.TemporaryDirectory() as fresh, patch.object(features, "home", lambda: Path(fresh)):
        run = experiment.run_once(load_recipe(recipe, [f"output_dir={folder / name}"]), recipe, print)
    peak = max(line["memory"] for line in run.metrics()) / 1e6
    return *load_model(str(run.path)), {
        f"{name}_train_seconds": float(run.status()["seconds"]),
        f"{name}_train_rss_mb": round(peak),
    }


def easy_vqa_questions() -> list[Question]:
    """All test questions."""
    return [(picture.path, question, gold) for picture in easy_vqa_pictures("test") for question, gold in picture.questions]


def receipt_questions(split: str) -> list[Question]:
    """Receipts that no training shows."""
    rows = pictures.generate("receipts", RECEIPTS, split=split)
    turns = [(row["images"][0], *(content_text(turn["content"], mark="").strip() for turn in row["messages"])) for row in rows]
    return [(image, question, gold) for image, question, gold in turns]


def answered(model: Any, tokenizer: Any, asked: list[Question], *, blind: bool, tokens: int) -> list[str]:
    """The model's answers, greedy."""
    conversations = [
        [{"role": "user", "content": [*([] if blind else [{"type": "image", "image": image}]), {"type": "text", "text": text}]}]
        for image, text, _ in asked
    ]
    return generate(model, tokenizer, conversations, max_new_tokens=tokens)
