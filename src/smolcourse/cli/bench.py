"""`smol bench`: a server under load, as its clients see it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Annotated

import typer

from smolcourse.errors import SmolError
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.inference.bench import Level
    from smolcourse.inference.served import Served


def bench(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|URL",
            help=tr(
                "mô hình, run, tệp .gguf hay thư mục đã export; hoặc máy chủ đang chạy: http://localhost:8000/v1#tên",
                "a model, run, .gguf or exported folder; or a server that runs: http://localhost:8000/v1#name",
            ),
            show_default=False,
        ),
    ],
    clients: Annotated[str, typer.Option(help=tr("số client cùng lúc", "clients at once"))] = "1,4,16,64",
    task: Annotated[
        str, typer.Option(help=tr("hỏi câu hỏi của bài này (smol eval ls) hay tệp", "ask the questions of this task, or file"))
    ] = "milk-tea:new",
    max_tokens: Annotated[int, typer.Option(min=1, help=tr("câu trả lời dài nhất", "longest answer"))] = 64,
    requests: Annotated[
        int, typer.Option(min=0, help=tr("số request mỗi mức; 0: sáu mỗi client", "requests a level; 0: six a client"))
    ] = 0,
    slots: Annotated[int, typer.Option(min=1, max=256, help=tr("như smol serve", "as in smol serve"))] = 16,
    context: Annotated[int, typer.Option(min=64, help=tr("như smol serve", "as in smol serve"))] = 512,
    threads: Annotated[int, typer.Option(min=0, help=tr("như smol serve", "as in smol serve"))] = 0,
    as_json: Annotated[bool, typer.Option("--json", help=tr("in JSON", "print JSON"))] = False,
) -> None:
    from smolcourse.inference.bench import bench as run
    from smolcourse.inference.endpoint import is_endpoint
    from smolcourse.inference.served import served

    levels = _numbers(clients)
    own = ("--slots", str(slots), "--context", str(context), "--threads", str(threads), "--queue", str(max(levels)))
    with contextlib.nullcontext() if is_endpoint(model) else served(model, *own) as server:
        found = run(
            server.url if server else model,
            clients=levels,
            task=task,
            max_tokens=max_tokens,
            requests=requests,
            server=server,
            say=lambda text: typer.echo(text, err=True),
        )
    if as_json:
        facts = {"ready_seconds": server.seconds, "peak_rss_mb": server.peak / 1e6} if server else {}
        typer.echo(json.dumps({"levels": [level.figures() for level in found], **facts}))
    else:
        _show(found, server)


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and 0 < int(part) <= 1000 for part in parts):
        raise SmolError(
            "cần các số từ 1 đến 1000, cách nhau dấu phẩy",
            "numbers from 1 to 1000 are needed, with commas between",
            where=f"--clients {text}",
            fix="--clients 1,4,16",
        )
    return [int(part) for part in parts]


def _show(levels: list[Level], server: Served | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for head in (
        tr("client", "clients"),
        tr("token/s", "tokens/s"),
        tr("request/s", "requests/s"),
        tr("token đầu, ms (p50 / p95)", "first token, ms (p50 / p95)"),
        tr("giữa hai token, ms (p50 / p95 / p99)", "between tokens, ms (p50 / p95 / p99)"),
        tr("bị từ chối", "refused"),
        tr("Wh mỗi 1.000 token", "Wh per 1,000 tokens"),
    ):
        table.add_column(head, justify="right")
    for level in levels:
        found = level.figures()
        table.add_row(
            str(level.clients),
            f"{found['tokens_per_second']:.1f}",
            f"{found['requests_per_second']:.2f}",
            " / ".join(f"{found[f'first_token_ms_p{share}']:.0f}" for share in (50, 95)),
            " / ".join(f"{found[f'gap_ms_p{share}']:.1f}" for share in (50, 95, 99)),
            str(level.refused),
            f"{found['wh_per_1000_tokens']:.3f}" if "wh_per_1000_tokens" in found else "-",
        )
    Console().print(table)
    if server:
        label = next((level.energy.label for level in levels if level.energy), "")
        typer.echo(
            tr(
                f"Sẵn sàng sau {server.seconds:.1f} giây; bộ nhớ đỉnh {server.peak / 1e6:.0f} MB; năng lượng: {label}",
                f"Ready after {server.seconds:.1f} seconds; peak memory {server.peak / 1e6:.0f} MB; energy: {label}",
            )
        )
