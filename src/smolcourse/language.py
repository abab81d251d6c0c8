"""The two languages of the project. Every text a person reads stands as a pair, so that neither can rot unseen."""

import os
from typing import Literal, cast

Language = Literal["vi", "en"]

_current: Language | None = None


def get_language() -> Language:
    """The language in use: set by `--lang`, else by `SMOLCOURSE_LANG`, else Vietnamese."""
    chosen = _current or os.environ.get("SMOLCOURSE_LANG", "vi")[:2].lower()
    return cast(Language, chosen) if chosen in ("vi", "en") else "vi"


def set_language(language: Language) -> None:
    """Chooses the language of everything printed from here on, in this process and those it starts."""
    global _current
    _current = language
    os.environ["SMOLCOURSE_LANG"] = language


def tr(vi: str, en: str) -> str:
    """Returns the text in the language in use. Both are written side by side where they are used."""
    return vi if get_language() == "vi" else en
