"""Vietnamese typed and printed right, whatever the locale says: terminals speak UTF-8, `LANG=C` or not."""

import contextlib
import os
import sys
from io import TextIOWrapper


def use_utf8() -> None:
    """Reads and writes the standard streams as UTF-8. Bytes that are none become U+FFFD instead of an error."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def repaired(argument: str) -> str:
    """A command-line argument that Python decoded by a locale without Vietnamese, decoded again as UTF-8."""
    try:
        return os.fsencode(argument).decode("utf-8", "replace") if os.name == "posix" else argument
    except UnicodeEncodeError:
        return argument


def keep_accents_when_editing() -> None:
    """Arrow keys and history on the input line; without the settings readline drops the eighth bit under `LANG=C`."""
    with contextlib.suppress(ImportError):  # there is none on Windows, where the console edits by itself
        import readline

        for setting in ("convert-meta off", "input-meta on", "output-meta on", "enable-bracketed-paste on"):
            readline.parse_and_bind(f"set {setting}")
