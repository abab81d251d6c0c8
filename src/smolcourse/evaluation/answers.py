"""What models have answered, kept by content: a task that was killed goes on where it stopped, and one asked twice costs once.

One SQLite file a model. A key is the hash of the whole request (prompt, choices, limits), so that scoring may change without a
model being asked again. Answers are written a chunk at a time, and a chunk is there whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from smolcourse.data.image_rows import by_content
from smolcourse.errors import SmolError
from smolcourse.evaluation.examinee import Examinee, Likelihood, Prompt

_T = TypeVar("_T")


@contextmanager
def remembering(examinee: Examinee, folder: Path) -> Iterator[Examinee]:
    """The same examinee, asked only what it has not answered before.

    Args:
        folder: of the answers of all models.
    """
    name = blake2b(examinee.identity.encode(), digest_size=12).hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(folder / f"{name}.sqlite", timeout=60)
        store.execute("CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    except (OSError, sqlite3.Error) as error:
        raise _broken(folder, error) from error
    try:
        yield replace(
            examinee,
            generate=partial(_generate, store, examinee),
            loglikelihoods=partial(_loglikelihoods, store, examinee),
            texts=partial(_texts, store, examinee),
        )
    except sqlite3.Error as error:
        raise _broken(folder, error) from error
    finally:
        store.close()


def _generate(store: sqlite3.Connection, examinee: Examinee, prompts: Sequence[Prompt], max_new_tokens: int) -> Sequence[str]:
    asked = [["generate", prompt, max_new_tokens] for prompt in prompts]
    return _through(store, asked, prompts, lambda missing: examinee.generate(missing, max_new_tokens), examinee.together)


def _loglikelihoods(
    store: sqlite3.Connection, examinee: Examinee, requests: Sequence[tuple[Prompt, Sequence[str]]]
) -> Sequence[Sequence[Likelihood]]:
    return _through(store, [["choose", *request] for request in requests], requests, examinee.loglikelihoods, examinee.together)


def _texts(store: sqlite3.Connection, examinee: Examinee, texts: Sequence[str]) -> Sequence[Likelihood]:
    return _through(store, [["read", text] for text in texts], texts, examinee.texts, examinee.together)


def _through(
    store: sqlite3.Connection,
    asked: Sequence[Any],
    requests: Sequence[_T],
    answer: Callable[[list[_T]], Sequence[Any]],
    together: int,
) -> list[Any]:
    """Answers from the store where it has them, from the model where not, so many at a time."""
    keys = [_key(one) for one in asked]
    known: dict[bytes, Any] = {}
    for key in keys:
        if (row := store.execute("SELECT value FROM answers WHERE key = ?", (key,)).fetchone()) is not None:
            known[key] = json.loads(row[0])
    missing = list({key: request for key, request in zip(keys, requests, strict=True) if key not in known}.items())
    for start in range(0, len(missing), together):
        part = missing[start : start + together]
        fresh = dict(zip([key for key, _ in part], answer([request for _, request in part]), strict=True))
        with store:
            lines = [(key, json.dumps(value, ensure_ascii=False)) for key, value in fresh.items()]
            store.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", lines)
        known |= fresh
    return [known[key] for key in keys]


def _key(request: Any) -> bytes:
    return blake2b(
        json.dumps(by_content(request), ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass"), digest_size=16
    ).digest()


def _broken(folder: Path, error: Exception) -> SmolError:
    return SmolError(
        f"không dùng được kho câu trả lời đã lưu ({error})",
        f"the store of answers cannot be used ({error})",
        where=str(folder),
        fix=f"rm -r {folder}",
    )
