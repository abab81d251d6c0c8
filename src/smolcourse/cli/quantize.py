"""`smol quantize`: what each type of number costs and keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smolcourse.cli.chat import MODEL_HELP
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.inference.export.quantise import KQuants, Row


def quantize(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP, show_default=False)],
    items: Annotated[
        int, typer.Option(min=0, help=tr("số câu của bài kiểm tra; 0: không chấm", "items of the run's task; 0: no score"))
    ] = 50,
    tokens: Annotated[
        int, typer.Option(min=8, help=tr("số token viết ra để đo tốc độ", "tokens written to measure speed"))
    ] = 128,
) -> None:
    """Measures every type and prints the table."""
    import sys

    from rich.console import Console
    from rich.table import Table

    from smolcourse.cli.terminal import repaired, use_utf8
    from smolcourse.inference.export.quantise import quantise

    use_utf8()
    found = quantise(repaired(model), items=items, tokens=tokens, say=lambda kind: print(f"… {kind}", file=sys.stderr))
    titles = (tr("kiểu số", "type"), "MB", "perplexity", tr("điểm", "score"), "token/s", tr("bộ nhớ, MB", "memory, MB"))
    table = Table(*titles)
    for row in found.rows:
        table.add_row(*_cells(row))
    Console().print(table)
    print(_about_k_quants(found.k_quants))


def _cells(row: Row) -> list[str]:
    score = "–" if row.score is None else f"{row.score:.1%}"
    perplexity = "–" if row.perplexity is None else f"{row.perplexity:.2f}"
    speed = "–" if row.tokens_per_second is None else f"{row.tokens_per_second:.0f}"
    memory = "–" if row.memory is None else f"{row.memory / 1e6:.0f}"
    return [row.kind, f"{row.size / 1e6:.0f}", perplexity, score, speed, memory]


def _about_k_quants(found: KQuants) -> str:
    if found.share == 1:
        return tr(
            f"K-quant dùng được: mọi hàng chia hết cho 256 (bề rộng {found.width}).",
            f"K-quants would fit: every row is a multiple of 256 (width {found.width}).",
        )
    k, plain = f"{found.size / 1e6:.0f}", f"{found.plain_size / 1e6:.0f}"
    return tr(
        f"K-quant (Q4_K...) gộp 256 số một hàng; bề rộng {found.width} không chia hết cho 256, nên chỉ {found.share:.0%} số "
        f"trong các tầng dùng được, phần còn lại llama.cpp phải để Q5_0: các tầng thành {k} MB thay vì {plain} MB ở Q4_0.",
        f"K-quants (Q4_K ...) take 256 numbers of a row together; {found.width} is no multiple of 256, so only {found.share:.0%} "
        f"of the layers' numbers fit and llama.cpp keeps the rest at Q5_0: layers of {k} MB instead of {plain} MB at Q4_0.",
    )
