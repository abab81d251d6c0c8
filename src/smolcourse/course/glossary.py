"""The glossary: each term with its name and meaning in both languages, and renderings that the course does not use."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache

from smolcourse.course.lessons import Text, lessons_folder
from smolcourse.course.myst import TERM


@dataclass(frozen=True)
class Term:
    """One entry. `avoid` are Vietnamese phrases that must not stand for it anywhere in the course."""

    key: str
    name: Text
    means: Text
    avoid: tuple[str, ...]


@lru_cache(maxsize=1)
def glossary() -> dict[str, Term]:
    """All terms by key, which is the English term in lower case."""
    entries = tomllib.loads((lessons_folder() / "glossary.toml").read_text(encoding="utf-8"))["term"]
    terms = [Term(e["key"], Text(**e["name"]), Text(**e["means"]), tuple(e.get("avoid", ()))) for e in entries]
    return {term.key: term for term in terms}


def terms_in(text: str) -> list[tuple[str, str]]:
    """(words shown, key) of every `{term}` in a text."""
    return [(mark[1], (mark[2] or mark[1]).strip().lower()) for mark in TERM.finditer(text)]


def problems(text: str, where: str) -> list[str]:
    """Terms that the glossary lacks, and renderings it forbids."""
    known = glossary()
    found = [f"{where}: no term {key!r} in glossary.toml" for _, key in terms_in(text) if key not in known]
    lower = text.lower()
    return found + [
        f"{where}: {bad!r} stands for {key!r}" for key, term in known.items() for bad in term.avoid if bad.lower() in lower
    ]
