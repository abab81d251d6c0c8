"""Hygiene of text: NFC, text that was decoded wrongly ("TrÃ  sá»¯a"), and a form in which near duplicates are equal."""

from __future__ import annotations

import re
import unicodedata

# Only signs of spelling: + - * / = < > are left, or "2 + 3" and "2 - 3" would be the same question.
_PUNCTUATION = re.compile("[.,!?;:…\"'“”‘’«»()\\[\\]{}`_~\u200b\u200c\u200d\ufeff]+")

# UTF-8 bytes read as Windows-1252. Five of its bytes have no character; programs then pass the control code through.
_BYTE_OF = {chr(byte): byte for byte in range(256)}
_BYTE_OF |= {bytes([byte]).decode("cp1252"): byte for byte in range(128, 256) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
_TAIL = "".join(re.escape(char) for char, byte in _BYTE_OF.items() if 0x80 <= byte < 0xC0)
_MOJIBAKE = re.compile(f"á[º»][{_TAIL}]|Ã[\u00a0-\u00bf]|â€[{_TAIL}]|Ä[‘ƒ\u0090\u0091]|Æ[°¡]")


def is_nfc(text: str) -> bool:
    """Whether every letter is one code point. "ế" typed on a Mac may be three, and a tokenizer then sees other tokens."""
    return unicodedata.is_normalized("NFC", text)


def to_nfc(text: str) -> str:
    """The text with composed letters; other compatibility characters stay as they are."""
    return unicodedata.normalize("NFC", text)


def looks_misread(text: str) -> bool:
    """Whether the text holds UTF-8 that was read in another encoding, or characters lost for good (U+FFFD)."""
    return not text.isascii() and ("\ufffd" in text or _MOJIBAKE.search(text) is not None)


def reread(text: str) -> str:
    """Undoes a wrong decoding of a whole text. Where that is not possible for the whole, the text is returned as it is."""
    if text.isascii() or not _MOJIBAKE.search(text):
        return text
    try:
        return bytes(_BYTE_OF[char] for char in text).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return text


def comparable(text: str) -> str:
    """The text without case, punctuation, width and spacing. Equal results mean near duplicates."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(_PUNCTUATION.sub(" ", text.casefold()).split())
