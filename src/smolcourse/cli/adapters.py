"""`smol adapters`: what was learned on top of a model: list, merge into it, switch between several, compare."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smolcourse.errors import SmolError
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.adapters import Facts
    from smolcourse.inference.switching import Adapted

adapters_app = typer.Typer(
    help=tr("Các adapter: liệt kê, ghép vào mô hình, đổi qua lại, so sánh.", "Adapters: list, merge, switch, compare."),
    no_args_is_help=True,
)

_RUN_HELP = tr(
    "run có adapter (tên, đầu tên, latest) hoặc thư mục", "a run with an adapter (name, beginning, latest), or a folder"
)
_SAMPLE = "Cho mình 2 trà sữa trân châu size L ít đường, 1 trà đào không đá nha"


class Format(StrEnum):
    text = "text"
    json = "json"


AsFormat = Annotated[Format, typer.Option("--format", help=tr("text hoặc json", "text or json"))]
Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help=_RUN_HELP, show_default=False)]


@adapters_app.command("ls", help=tr("Loại, rank, tham số, dung lượng, mô hình gốc.", "Kind, rank, parameters, size, base model."))
def list_adapters(
    where: Annotated[
        str | None,
        typer.Argument(metavar="[RUN|FOLDER]", help=tr("mặc định: thư mục runs", "default: the runs folder"), show_default=False),
    ] = None,
    format: AsFormat = Format.text,
) -> None:
    from smolcourse.training.run_adapters import list_adapters

    found = list_adapters(where)
    if format is Format.json:
        _print_json(
            [{"name": one.name, "path": str(one.path), **_plain(one.facts), "problem": _text(one.problem)} for one in found]
        )
        return
    if not found:
        print(tr(f"không có adapter nào trong {where or 'runs/'}", f"no adapters in {where or 'runs/'}"))
        print(f"  {tr('Huấn luyện một adapter', 'Train one')}: smol train smollm2-135m/sft/lora")
        return
    from rich.console import Console

    table = _table()
    for one in found:
        table.add_row(*_cells(one.name, one.facts))
    Console().print(table, highlight=False)
    for one in found:
        if one.problem:
            print(one.problem, file=sys.stderr)


@adapters_app.command(
    help=tr("Ghép adapter vào mô hình gốc thành một checkpoint mới.", "Merge an adapter into a new checkpoint.")
)
def merge(
    run: Annotated[str, typer.Argument(metavar="RUN", help=_RUN_HELP, show_default=False)],
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="[OUT]",
            help=tr("thư mục mới; mặc định: merged trong thư mục của run", "new folder; default: merged in the run's folder"),
            show_default=False,
        ),
    ] = None,
) -> None:
    from smolcourse.adapters import TOLERANCE
    from smolcourse.cli.terminal import repaired
    from smolcourse.inference.loading import quiet
    from smolcourse.training.run_adapters import merge_run

    with quiet():
        target, difference = merge_run(repaired(run), out)
    print(
        tr(
            f"logits sau khi ghép lệch nhiều nhất {difference:.1e} so với logit lớn nhất (cho phép {TOLERANCE:g})",
            f"merged logits differ by at most {difference:.1e} of the largest logit ({TOLERANCE:g} is allowed)",
        )
    )
    print(f"{tr('mô hình', 'model')}: {target}")
    print(f"{tr('tiếp theo', 'next')}: smol chat {target}")


@adapters_app.command(
    help=tr("Một mô hình gốc, nhiều adapter: cùng một câu, đổi adapter trả lời.", "One base, several adapters: who answers.")
)
def switch(
    runs: Runs,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", help=tr("hỏi tất cả rồi thoát", "ask all of them and leave"), show_default=False),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(help=tr("system prompt; mặc định: của từng run", "system prompt; default: each run's"), show_default=False),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(help=tr("độ dài tối đa của câu trả lời", "longest answer, in tokens"))] = 256,
) -> None:
    """Answers one prompt with the base and each adapter, or talks with one after another (`/use 2`, `/use 1+2`, `/use 0`)."""
    from smolcourse.cli.chat import talk
    from smolcourse.cli.terminal import repaired, use_utf8

    use_utf8()
    if prompt is None and not sys.stdin.isatty():
        prompt = sys.stdin.read()
    if prompt is not None and not prompt.strip():
        raise SmolError(
            "prompt trống, không có gì để trả lời", "the prompt is empty, there is nothing to answer", fix="--prompt ..."
        )
    from smolcourse.inference import sampling

    sampling.check(0.0, 1.0, max_new_tokens)
    adapted = _open(runs, None if system is None else repaired(system))
    if prompt is not None:
        for number, label in enumerate(adapted.labels):
            print(f"{number}  {label}")
            for piece in adapted.chat([number], max_new_tokens=max_new_tokens).reply(repaired(prompt)):
                print(piece, end="", flush=True)
            print("\n")
        return
    conversation = adapted.chat(max_new_tokens=max_new_tokens)

    def use(choice: str) -> None:
        words = choice.replace(" ", "").split("+")
        conversation.system = adapted.use([int(word) if word.isdecimal() else -1 for word in words])
        conversation.streamer = adapted.answers_now()
        print(tr("Bây giờ trả lời", "Now answering") + f": {' + '.join(adapted.labels[int(word)] for word in words)}")

    for number, label in enumerate(adapted.labels):
        print(f"{'*' if number == 1 else ' '} {number}  {label}")
    talk(conversation, adapted.labels[1], use)


@adapters_app.command(
    help=tr(
        "Các adapter nói khác nhau bao nhiêu, và khác mô hình gốc bao nhiêu.",
        "How far adapters are from the base and each other.",
    )
)
def compare(
    runs: Runs,
    prompt: Annotated[
        str, typer.Option("--prompt", "-p", help=tr("so trên câu trả lời cho câu này", "compared on answers to this"))
    ] = _SAMPLE,
    format: AsFormat = Format.text,
) -> None:
    from dataclasses import asdict

    from smolcourse.adapters import describe
    from smolcourse.cli.terminal import repaired, use_utf8
    from smolcourse.inference.loading import locate

    use_utf8()
    adapted = _open(runs)
    found = adapted.differences(repaired(prompt))
    facts = [describe(locate(repaired(run)).path) for run in runs]
    if format is Format.json:
        named = [{"name": name, **_plain(one)} for name, one in zip(adapted.labels[1:], facts, strict=True)]
        _print_json({"adapters": named, "differences": [asdict(one) for one in found]})
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = _table()
    for name, one in zip(adapted.labels[1:], facts, strict=True):
        table.add_row(*_cells(name, one))
    console.print(table, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(tr("\nso", "\ncompared"), overflow="fold")
    for title in (
        tr("KL\n(nat mỗi token)", "KL\n(nats a token)"),
        tr("cùng chọn\nmột token", "same token\nlikeliest"),
        tr("trọng số\ncách nhau", "weights\napart"),
    ):
        table.add_column(title, justify="right")
    for pair in found:
        distance = "" if pair.distance is None else f"{pair.distance:.2%}"
        table.add_row(f"{pair.first} ↔ {pair.second}", f"{pair.kl:.4f}", f"{pair.agreement:.0%}", distance)
    console.print(table, highlight=False)


def _open(runs: list[str], system: str | None = None) -> Adapted:
    from smolcourse.cli.terminal import repaired
    from smolcourse.inference.switching import Adapted

    return Adapted([repaired(run) for run in runs], system)


def _table() -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(tr("tên", "name"), overflow="fold")
    table.add_column(tr("loại", "kind"))
    for title in ("rank", tr("tham số", "parameters"), tr("đĩa", "disk")):
        table.add_column(title, justify="right")
    table.add_column(tr("mô hình gốc", "base"), overflow="fold")
    return table


def _cells(name: str, facts: Facts | None) -> list[str]:
    from smolcourse.assets.cache import megabytes

    if facts is None:
        return [name, tr("hỏng", "damaged"), "", "", "", ""]
    rank = "" if facts.rank is None else str(facts.rank)
    return [name, facts.kind, rank, f"{facts.parameters:,}", megabytes(facts.size), facts.base]


def _plain(facts: Facts | None) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(facts) if facts else {}


def _text(problem: SmolError | None) -> str | None:
    return str(problem) if problem else None


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, ensure_ascii=False, indent=1))
