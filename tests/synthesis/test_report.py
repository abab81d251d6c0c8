"""Diversity by hand, and the page of a run that kept some rows and dropped others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from smolcourse.errors import SmolError
from smolcourse.language import set_language
from smolcourse.synthesis import diversity
from smolcourse.synthesis.engine import run
from smolcourse.synthesis.filters import duplicates, length
from smolcourse.synthesis.pipeline import Pipeline, Step
from smolcourse.synthesis.report import StepPage, Summary, summarise
from smolcourse.synthesis.report_html import html
from smolcourse.synthesis.rows import Draft


def test_diversity_by_hand() -> None:
    assert diversity.distinct(["a b a", "a b"], 1) == 2 / 5 and diversity.distinct(["a b a", "a b"], 2) == 2 / 3
    assert math.isnan(diversity.distinct(["a"], 2))
    assert diversity.self_bleu(["một hai ba bốn năm"] * 3) == pytest.approx(1.0)
    assert diversity.self_bleu(["một hai ba", "bốn năm sáu"]) == 0.0
    # Orders 1 and 2 of "a b c d" beside "a b c x": 3/4 and (2 + 1)/(3 + 1).
    assert diversity.self_bleu(["a b c d", "a b c x"], n=2) == pytest.approx(0.75)
    # The shorter one is shortened for: exp(1 - 4/2), its own n-grams all stand in the other.
    brief = diversity.self_bleu(["a b", "a b c d"], n=1)
    assert brief == pytest.approx((math.exp(1 - 4 / 2) + 2 / 4) / 2)
    assert diversity.coverage(["x", "x", "y", "y"]) == (2, pytest.approx(1.0)) and diversity.coverage(["x"]) == (1, 1.0)
    assert diversity.coverage(["x"] * 99 + ["y"])[1] < 0.1
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    pairs = [vectors[i] @ vectors[j] for i in range(3) for j in range(3) if i != j]
    assert diversity.spread(vectors) == pytest.approx(1 - np.mean(pairs)) and diversity.spread(vectors[[0, 0]]) == pytest.approx(
        0
    )


def some() -> Iterator[Draft]:
    for place in range(40):
        text = "<b>x</b> & y" if place == 0 else "ngắn" if place == 1 else f"đáp án số {place % 30} cho câu hỏi này"
        yield Draft({"instruction": f"Hỏi {place % 30}", "response": text, "topic": f"chủ đề {place % 3}"})


def test_the_page_says_what_was_dropped_and_why(tmp_path: Path) -> None:
    pipeline = Pipeline("thử", [Step(some), Step(length.within, {"least": 2}), Step(duplicates.exact)])
    run(pipeline, tmp_path / "thử")
    summary = summarise(tmp_path / "thử")
    assert [page.name for page in summary.steps] == ["some", "within", "exact"]
    assert summary.steps[1].dropped == {"too short": 1} and summary.steps[2].dropped == {"duplicate": 8}
    assert summary.rows == len(summary.lengths) == 31 and summary.diversity["topics"] == 3
    assert summary.steps[1].samples["too short"] == ["Hỏi 1\nngắn"] and len(summary.steps[2].samples["duplicate"]) == 3
    page = html(summary)
    assert "too short" in page and page.count("<svg") == 3 and page.startswith("<!doctype html>")
    assert '<td class="number">31</td><td class="number">8</td>' in page and "width:20.00%" in page and 'id="step-2"' in page
    assert "<b>x</b>" not in page and "src=" not in page and "http" not in page


def test_a_page_of_a_run_that_left_nothing_says_so_in_both_languages(tmp_path: Path) -> None:
    nothing = Pipeline("p", [Step(some), Step(length.within, {"least": 99}), Step(duplicates.exact)])
    run(nothing, tmp_path / "p")
    pages = {}
    for language in ("vi", "en"):
        set_language(language)
        pages[language] = html(summarise(tmp_path / "p"))
    assert "Không còn hàng nào" in pages["vi"] and "No row is left" in pages["en"] and 'lang="en"' in pages["en"]
    assert "too short" in pages["vi"] and "No row got to this step" in pages["en"] and "nan" not in pages["en"]


def test_large_numbers_are_grouped_as_the_language_does() -> None:
    summary = Summary("p", [StepPage("a", 1_200_345, Counter())], 1_200_345, [], {})
    assert "1.200.345" in html(summary)
    set_language("en")
    assert "1,200,345" in html(summary)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(SmolError, match="smol synth"):
        summarise(tmp_path)
