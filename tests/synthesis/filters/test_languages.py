"""The detector against the texts that the course has in both languages, with and without diacritics."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from smolcourse.data import milk_tea
from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.synthesis.filters import languages
from smolcourse.synthesis.rows import Row, drafts_of

ROOT = Path(__file__).resolve().parents[3]


def paragraphs(language: str) -> list[str]:
    """Prose of the lessons; code, tables and marks left out."""
    found = []
    for path in sorted((ROOT / "lessons").glob(f"*/lesson.{language}.md")):
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        found += [part for part in re.split(r"\n\s*\n", text) if part[:1].isalpha() and len(part.split()) >= 8]
    return found


def share(texts: list[str], language: str) -> float:
    return sum(languages.guess(text).language == language for text in texts) / len(texts)


def test_lessons_are_read_in_their_language() -> None:
    for language in ("vi", "en"):
        texts = paragraphs(language)
        assert len(texts) > 100
        other = "en" if language == "vi" else "vi"
        assert share(texts, language) >= 0.98 and share(texts, other) <= 0.002, language


def test_vietnamese_without_diacritics_is_vietnamese() -> None:
    rows = files("smolcourse.evaluation").joinpath("vietnam.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in rows]
    assert share(questions, "vi") >= 0.99
    bare = [strip_diacritics(question) for question in questions]
    assert share(bare, "vi") >= 0.95 and share(bare, "en") <= 0.01


def test_orders_in_both_languages() -> None:
    for language in ("vi", "en"):
        rows = milk_tea.generate(200, seed=3, language=language)  # type: ignore[arg-type]
        texts = [row["messages"][-2]["content"] for row in rows]
        assert share(texts, language) >= 0.9 and share(texts, "en" if language == "vi" else "vi") <= 0.01, language


@pytest.mark.parametrize(
    "text",
    [
        "Le petit chat dort sur la chaise pendant que la pluie tombe sur les toits de la ville.",
        "Der Hund läuft durch den Garten und sucht seinen Ball, weil er gern spielt.",
        "El perro corre por el jardín y busca la pelota porque quiere jugar con los niños.",
        "Kucing kecil tidur di atas kursi ketika hujan turun membasahi atap rumah penduduk kota.",
        "Маленькая кошка спит на стуле, пока дождь идёт над крышами города.",
        "小猫在椅子上睡觉，雨落在城市的屋顶上。",
    ],
)
def test_other_languages_are_neither(text: str) -> None:
    assert languages.guess(text).language in ("other", "unclear")


def test_nothing_to_go_by_is_unclear() -> None:
    for text in ("", "12 + 34 = 46", "{}", "SmolLM2-135M", "pizza"):
        assert languages.guess(text).language == "unclear", text


def test_the_step() -> None:
    def dropped(text: str, **settings: object) -> list[str | None]:
        return [one.dropped for one in drafts_of(languages.only(Row("k", {"text": text}), **settings))]  # type: ignore[arg-type]

    english = "The cat sleeps on the chair while it is raining in the town."
    assert dropped("Con mèo nằm ngủ trên ghế trong khi ngoài trời mưa.") == [None]
    assert dropped(english) == ["language en"] and dropped(english, languages=["vi", "en"]) == [None]
    assert dropped("12") == [None] and dropped("12", unclear=False) == ["language unclear"]
