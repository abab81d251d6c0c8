"""Training and test rows apart: seeded, by group, and never the same question on both sides."""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.data.cleaning import clean
from smolcourse.data.fingerprints import fingerprint, prompt_text
from smolcourse.data.formats import to_native
from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError, located
from smolcourse.data.reading import read_rows
from smolcourse.data.writing import new_jsonl
from smolcourse.errors import SmolError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class Split:
    """The two files and their sizes. `clusters`: sets of rows that had to stay together (same question or same group)."""

    train: str
    test: str
    train_rows: int
    test_rows: int
    clusters: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def split_file(
    source: str | Path,
    *,
    test: float = 0.1,
    seed: int = 0,
    group: str | None = None,
    split: str | None = None,
    folder: str | Path | None = None,
    force: bool = False,
) -> Split:
    """Writes `NAME.train.jsonl` and `NAME.test.jsonl`; every row goes, as it is, into one of them.

    A row's side depends on its question (or group) and the seed alone, so rows added later move none of the others. Rows
    whose questions differ only in case, punctuation or spacing stay together, and so do rows of one `group` value.

    Args:
        source: what `read_rows` takes.
        test: about this share of the rows becomes the test set, 0 < test < 1.
        seed: another seed, another split.
        group: a column (`customer`, or `meta.customer`) whose equal values stay together.
        split: the part of the source to be split.
        folder: where the files go; beside the source when left out.
        force: replace files of those names.
    """
    if not 0 < test < 1:
        raise SmolError(
            f"test phải nằm giữa 0 và 1, không phải {test}", f"test must lie between 0 and 1, not {test}", fix="--test 0.1"
        )
    train_path, test_path = _targets(source, folder)
    with new_jsonl([train_path, test_path], source=source, force=force) as (write_train, write_test):
        clusters = _clusters(source, group, split)
        in_test, count = _choose(clusters, test, seed, str(source))
        rows = (row for _, row in read_rows(source, split=split))
        for row, is_test in zip(rows, in_test, strict=True):
            (write_test if is_test else write_train)(row)
    held_out = int(in_test.sum())
    return Split(str(train_path), str(test_path), len(in_test) - held_out, held_out, count)


def _targets(source: str | Path, folder: str | Path | None) -> tuple[Path, Path]:
    name = str(source).removeprefix("hf:").replace(":", "-").replace("@", "-")
    path = Path(name.replace("/", "-") if str(source).startswith("hf:") else name)
    stem = path.name.removesuffix(".gz")
    stem = stem.rpartition(".")[0] or stem
    parent = Path(folder) if folder else path.parent
    return parent / f"{stem}.train.jsonl", parent / f"{stem}.test.jsonl"


def _clusters(source: str | Path, group: str | None, split: str | None) -> NDArray[np.uint64]:
    """For each row the name of its cluster: 64 bits, equal for rows that must stay together."""
    import numpy as np

    prompts, groups = array("Q"), array("Q")
    for number, row in read_rows(source, split=split):
        try:
            prompts.append(fingerprint(prompt_text(clean(to_native(row), _ignore))))
            if group is not None:
                groups.append(fingerprint(repr(_value(row, group))))
        except RowError as error:
            error.fix = error.fix or f"smol data check {source} --fix NEW.jsonl"
            raise located(error, source, number) from None
    by_prompt = np.frombuffer(prompts, dtype=np.uint64)
    return by_prompt if group is None else _joined(by_prompt, np.frombuffer(groups, dtype=np.uint64))


def _joined(prompts: NDArray[np.uint64], groups: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Connected rows (a shared question or a shared group, through any number of steps) get the smallest name among them.

    Each round hands the smallest name to all rows of a group and then of a question, until nothing changes.
    """
    import numpy as np

    inverses = [np.unique(values, return_inverse=True)[1] for values in (groups, prompts)]
    names = groups.copy()
    while True:
        before = names
        for inverse in inverses:
            smallest = np.full(inverse.max() + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
            np.minimum.at(smallest, inverse, names)
            names = smallest[inverse]
        if np.array_equal(names, before):
            return names


def _choose(clusters: NDArray[np.uint64], test: float, seed: int, source: str) -> tuple[NDArray[np.bool_], int]:
    """Which rows are test rows: those whose cluster's draw, a number in [0, 1) made of its name and the seed, is below `test`."""
    import numpy as np

    names, inverse = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        raise SmolError(
            "mọi hàng cùng một câu hỏi hoặc một nhóm nên không tách được",
            "all rows ask the same or are of one group, so they cannot be split",
            where=source,
        )
    draws = np.fromiter((_draw(name, seed) for name in names.tolist()), dtype=np.float64, count=len(names))
    chosen = draws < test
    if not chosen.any():  # a small file and bad luck: the nearest to being chosen, rather than an empty file
        chosen[draws.argmin()] = True
    if chosen.all():
        chosen[draws.argmax()] = False
    return chosen[inverse], len(names)


def _draw(name: int, seed: int) -> float:
    digest = blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


def _value(row: Row, path: str) -> Any:
    value: Any = row
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            raise RowError("missing_key", f"không có cột {path!r}", f"there is no column {path!r}", where=path, fix="--group KEY")
        value = value[key]
    return value


def _ignore(_: str) -> None:
    return
