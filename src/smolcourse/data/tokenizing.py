"""Rows to token ids on disk: streamed in batches through the fast tokenizer into Arrow files that are mapped, never loaded.

The result lies in a folder named after everything that decides it (rows, tokenizer, template, `max_length`, truncation),
so a second run reads it back, and another recipe never sees a stale one. Work goes on in `KEY.partial/` shard by shard;
a killed run continues after its last whole shard, and the folder gets its name only when all of it is there.
"""

import errno
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.data.chat import Encoded, EncodedWithImages, Row, Truncation
from smolcourse.data.encoding import Summary, encode_pairs, encode_rows
from smolcourse.data.preferences import EncodedPair, EncodedPairWithImages
from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

VERSION = 1
"""Raised whenever the same row may give other tokens or another mask than before."""
BATCH_ROWS = 500
SHARD_ROWS = 50_000


def tokenize(
    rows: Iterable[Row],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_length: int | None,
    cache_dir: str | Path,
    truncation: Truncation = "drop",
    source: str | None = None,
    name: str = "row",
) -> tuple["Dataset", Summary]:
    """Tokenises rows of the native shapes into a memory-mapped dataset with `input_ids` (int32) and `loss_mask` (int8).
    Rows whose `images` are names keep them, as one more column.

    Preference rows get the columns of `preferences.EncodedPair`; one that is too long is dropped, whatever `drop_turns` says.

    Args:
        rows: any iterable; it is read once, a batch at a time, so memory stays flat.
        max_length: the most tokens a row may have; None for no limit.
        cache_dir: where the Arrow files lie; results are found again by content.
        truncation: what happens to a longer row: `drop` leaves it out and counts it, `drop_turns` leaves out its oldest
            turns, whole, and drops it only if that is not enough, `error` stops. No answer is ever cut.
        source: a fingerprint of where the rows come from (`fingerprint`, or a generator's settings). With it, a finished
            result is found without reading one row and a killed run is continued. Without it, the rows themselves are
            hashed as they stream past.
        name: the file's name, for messages (`orders.jsonl:12 messages[0].role`).

    Raises:
        SmolError: a row of another shape (with its number), no row left, disk full.
    """
    cache = Path(cache_dir)
    recipe = _recipe_key(tokenizer, max_length, truncation)
    if source is None and isinstance(rows, Sequence):
        source = _digest(*map(_canonical, rows))
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if source is None:
            folder = _unnamed(rows, tokenizer, max_length, truncation, cache, recipe, name)
        else:
            folder = cache / _digest(recipe, source)
            _write_once(rows, tokenizer, max_length, truncation, folder, name)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise SmolError(
            f"không ghi được kết quả tokenize ({error.strerror})",
            f"cannot write the tokenised rows ({error.strerror})",
            where=str(cache),
            fix=f"df -h {cache}",
        ) from error
    summary = Summary(**json.loads((folder / "summary.json").read_text(encoding="utf-8")))
    if not summary.rows:
        raise _nothing_left(summary, max_length, name)
    return _open(folder), summary


def fingerprint(*files: str | Path) -> str:
    """SHA-256 over the bytes of files: the `source` of rows that are read from them."""
    total = hashlib.sha256()
    for file in files:
        with open(file, "rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def source_key(name: str, config: dict[str, Any] | None = None, split: str | None = None) -> str | None:
    """The `source` of what `load_rows(name, config, split)` yields, if `name` is a file here; None for everything else."""
    file = Path(name)
    if not file.is_file():
        return None
    return _digest(fingerprint(file), file.suffix, _canonical([config or {}, split]))


def _write_once(
    rows: Iterable[Row],
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int | None,
    truncation: Truncation,
    folder: Path,
    name: str,
) -> None:
    """Fills `folder`, unless it is there; of two processes, one works and the other waits."""
    from filelock import FileLock

    if (folder / "summary.json").exists():
        return
    with FileLock(f"{folder}.lock"):
        if not (folder / "summary.json").exists():
            partial = folder.with_name(folder.name + ".partial")
            _write_shards(rows, tokenizer, max_length, truncation, partial, name)
            os.replace(partial, folder)


def _unnamed(
    rows: Iterable[Row],
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int | None,
    truncation: Truncation,
    cache: Path,
    recipe: str,
    name: str,
) -> Path:
    """Rows that can be read only once: written first, named after their content when all have gone by."""
    partial = cache / f"unnamed-{os.getpid()}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    total = hashlib.sha256()

    def hashed() -> Iterator[Row]:
        for row in rows:
            total.update(hashlib.sha256(_canonical(row)).digest())
            yield row

    try:
        _write_shards(hashed(), tokenizer, max_length, truncation, partial, name)
        folder = cache / _digest(recipe, total.hexdigest())
        if not folder.exists():
            os.replace(partial, folder)
        return folder
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_shards(
    rows: Iterable[Row],
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int | None,
    truncation: Truncation,
    partial: Path,
    name: str,
) -> None:
    """Writes shard after shard, skipping those that an earlier run finished, and the summary of all at the end."""
    partial.mkdir(parents=True, exist_ok=True)
    stream = iter(rows)
    total = Summary()
    for index in itertools.count():
        report = partial / f"{index:05d}.json"
        if report.exists():
            shard = Summary(**json.loads(report.read_text(encoding="utf-8")))
            skipped = sum(1 for _ in itertools.islice(stream, shard.rows_read))
            if skipped < shard.rows_read:
                raise SmolError("dữ liệu đã đổi giữa hai lần chạy", "the data changed between two runs", where=name)
        else:
            chunk = itertools.islice(stream, SHARD_ROWS)
            shard = _write_shard(chunk, total.rows_read, tokenizer, max_length, truncation, report.with_suffix(".arrow"), name)
            _write_text(report, json.dumps(asdict(shard)))
        total.add(shard)
        if shard.rows_read < SHARD_ROWS:
            break
    _write_text(partial / "summary.json", json.dumps(asdict(total)))


def _write_shard(
    rows: Iterable[Row],
    before: int,
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int | None,
    truncation: Truncation,
    file: Path,
    name: str,
) -> Summary:
    """Writes one Arrow file, a record batch for every `BATCH_ROWS` rows. `before` rows came earlier."""
    import pyarrow as pa

    numbered = enumerate(rows, before + 1)
    batch = list(itertools.islice(numbered, BATCH_ROWS))
    pairs = bool(batch) and "chosen" in batch[0][1]
    encode: Any = encode_pairs if pairs else encode_rows
    seeing = bool(batch) and "images" in batch[0][1]
    plain, with_images = (EncodedPair, EncodedPairWithImages) if pairs else (Encoded, EncodedWithImages)
    columns = (with_images if seeing else plain)._fields
    schema = pa.schema([(name, pa.list_(_kind_of(name))) for name in columns])
    summary = Summary()
    temporary = file.with_suffix(".writing")
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        while batch:
            kept = encode(batch, tokenizer, max_length, truncation, summary, name)
            values = [pa.array([row[i] for row in kept], column.type) for i, column in enumerate(schema)]
            writer.write_batch(pa.record_batch(values, schema=schema))
            batch = list(itertools.islice(numbered, BATCH_ROWS))
    os.replace(temporary, file)
    return summary


def _kind_of(column: str) -> Any:
    import pyarrow as pa

    return pa.string() if column == "images" else pa.int8() if column.endswith("mask") else pa.int32()


def _nothing_left(summary: Summary, max_length: int | None, name: str) -> SmolError:
    if not summary.rows_read:
        return SmolError("không có hàng nào", "there are no rows", where=name)
    return SmolError(
        f"cả {summary.rows_read} hàng đều bị bỏ: {summary.dropped}; hàng dài nhất có {summary.longest} token, "
        f"max_length={max_length}",
        f"all {summary.rows_read} rows were left out: {summary.dropped}; the longest has {summary.longest} tokens, "
        f"max_length={max_length}",
        where=name,
        fix=f"max_length={summary.longest}" if summary.dropped.get("too_long") else f"smol inspect {name}",
    )


def _open(folder: Path) -> "Dataset":
    from datasets import Dataset, concatenate_datasets

    shards = [Dataset.from_file(str(file)) for file in sorted(folder.glob("*.arrow"))]
    return concatenate_datasets([shard for shard in shards if len(shard)])


def _recipe_key(tokenizer: "PreTrainedTokenizerBase", max_length: int | None, truncation: Truncation) -> str:
    """Everything but the rows that decides the tokens and the mask."""
    settings = {
        "version": VERSION,
        "tokenizer": _vocabulary_digest(tokenizer),
        "template": tokenizer.chat_template,
        "special": tokenizer.special_tokens_map,
        "max_length": max_length,
        "truncation": truncation if max_length is not None else None,
    }
    return _digest(_canonical(settings))


@lru_cache(maxsize=8)
def _vocabulary_digest(tokenizer: "PreTrainedTokenizerBase") -> str:
    """The whole fast tokenizer: vocabulary, merges, normaliser, pre-tokeniser, post-processor."""
    return _digest(tokenizer.backend_tokenizer.to_str())


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, default=str).encode()


def _digest(*parts: str | bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return total.hexdigest()[:32]


def _write_text(file: Path, text: str) -> None:
    temporary = file.with_suffix(".json.writing")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, file)
