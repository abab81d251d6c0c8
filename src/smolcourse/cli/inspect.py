"""`smol inspect`: the tokens, roles and loss mask of one row, in colour."""

import itertools
import json
from typing import TYPE_CHECKING, Annotated

import typer

from smolcourse.language import tr

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from smolcourse.data.inspecting import Inspection, PairInspection, Piece

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_TARGET, _TARGET_ALTERNATE = "black on green", "black on bright_green"
_SPECIAL, _TEMPLATE = "bold magenta", "dim"


def inspect_row(
    source: Annotated[
        str,
        typer.Argument(
            help=tr("milk-tea, milk-tea-style (cặp), hoặc tệp dữ liệu", "milk-tea, milk-tea-style (pairs), or a data file")
        ),
    ] = "milk-tea",
    row: Annotated[int, typer.Option(min=1, help=tr("số thứ tự của hàng, từ 1", "number of the row, from 1"))] = 1,
    model: Annotated[str, typer.Option(help=tr("mô hình (tokenizer của nó)", "the model (its tokenizer)"))] = (
        "smollm2-135m-instruct"
    ),
    split: Annotated[
        str | None, typer.Option(help=tr("phần dữ liệu, nếu có nhiều phần", "the split, where there are several"))
    ] = None,
    max_length: Annotated[int, typer.Option(min=1, help=tr("giới hạn token của recipe", "the recipe's token limit"))] = 512,
    chat_template: Annotated[
        str | None, typer.Option(help=tr("tệp Jinja thay chat template, hoặc chatml", "a Jinja file for the template, or chatml"))
    ] = None,
    output_format: Annotated[str, typer.Option("--format", help="text, json")] = "text",
) -> None:
    from smolcourse.data.inspecting import PairInspection, inspect_source
    from smolcourse.errors import SmolError

    if output_format not in ("text", "json"):
        raise SmolError("--format nhận text hoặc json", "--format takes text or json", fix="--format json")
    inspection = inspect_source(source, row, model=model, split=split, chat_template=chat_template)
    if output_format == "json":
        head = {"source": source, "split": split, "row": row, "model": model, "max_length": max_length}
        print(json.dumps({**head, **inspection.as_json()}, ensure_ascii=False))
        return
    title = f"{source}{f' [{split}]' if split else ''} {tr('hàng', 'row')} {row}"
    if isinstance(inspection, PairInspection):
        _print_pair(inspection, title, model, max_length)
    else:
        _print(inspection, title, model, max_length)


def _print(inspection: "Inspection", title: str, model: str, max_length: int) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    coloured = console.color_system is not None and not console.no_color
    share = inspection.target_tokens / max(1, inspection.tokens)
    console.print(Text(f"{title} · {model}", style="bold"))
    console.print(
        tr(
            f"{inspection.tokens} token, {inspection.target_tokens} token tính loss ({share:.0%})",
            f"{inspection.tokens} tokens, {inspection.target_tokens} carry loss ({share:.0%})",
        )
    )
    console.print(_legend(coloured))
    _print_turns(console, inspection.pieces, coloured)
    _print_verdicts(console, inspection, max_length)


def _print_pair(pair: "PairInspection", title: str, model: str, max_length: int) -> None:
    """The prompt once, then what each answer adds."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    coloured = console.color_system is not None and not console.no_color
    console.print(Text(f"{title} · {model}", style="bold"))
    console.print(tr(f"prompt: {pair.prompt_tokens} token", f"prompt: {pair.prompt_tokens} tokens"))
    sides = {"chosen": pair.chosen, "rejected": pair.rejected}
    for name, side in sides.items():
        answer = side.tokens - pair.prompt_tokens
        console.print(
            tr(
                f"{name}: {answer} token, {side.target_tokens} token tính loss",
                f"{name}: {answer} tokens, {side.target_tokens} carry loss",
            )
        )
    console.print(_legend(coloured))
    ends = list(itertools.accumulate(len(piece.ids) for piece in pair.chosen.pieces))
    shared = sum(end <= pair.prompt_tokens for end in ends)
    _print_turns(console, pair.chosen.pieces[:shared], coloured)
    for name, side in sides.items():
        console.print(Text(f"\n── {name}", style="bold"))
        _print_turns(console, side.pieces[shared:], coloured)
        _print_verdicts(console, side, max_length)


def _print_turns(console: "Console", pieces: "list[Piece]", coloured: bool) -> None:
    from rich.text import Text

    for role, turn in itertools.groupby(pieces, key=lambda piece: piece.role):
        console.print(Text(f"\n{_role_name(role)}", style="bold cyan"))
        console.print(_turn(list(turn), coloured), soft_wrap=True)


def _print_verdicts(console: "Console", inspection: "Inspection", max_length: int) -> None:
    from rich.text import Text

    console.print()
    for line, style in _verdicts(inspection, max_length):
        console.print(Text(line, style=style), soft_wrap=True)


def _legend(coloured: bool) -> "Text":
    from rich.text import Text

    legend = Text()
    legend.append(tr("tính loss", "carries loss") if coloured else f"«{tr('tính loss', 'carries loss')}»", _TARGET)
    legend.append("  ")
    legend.append(tr("chỉ để đọc", "read only"), _TEMPLATE)
    legend.append("  ")
    legend.append(tr("token đặc biệt", "special token") if coloured else "<|...|>", _SPECIAL)
    if not coloured:
        legend.append(tr(" token đặc biệt  · ranh giới token", " special token  · token boundary"))
    legend.append(tr("  ₂ một chữ gồm 2 token  ⏎ xuống dòng", "  ₂ one letter made of 2 tokens  ⏎ newline"))
    return legend


def _role_name(role: str) -> str:
    return tr("template (chat template tự thêm)", "template (added by the chat template)") if role == "template" else role


def _turn(pieces: "list[Piece]", coloured: bool) -> "Text":
    """The tokens of one turn. With colour, neighbours differ in shade; without, `·` parts tokens and `«»` hold targets."""
    from rich.text import Text

    line = Text()
    for index, piece in enumerate(pieces):
        before = pieces[index - 1] if index else None
        shown = piece.text.replace("\r", "␍").replace("\t", "⇥").replace("\n", "⏎")
        shown = "".join(character if character.isprintable() else "�" for character in shown)
        if len(piece.ids) > 1:
            shown += str(len(piece.ids)).translate(_SUBSCRIPTS)
        if coloured:
            line.append(shown, _style(piece, index))
        else:
            opens = piece.target and not (before and before.target)
            closes = piece.target and (index + 1 == len(pieces) or not pieces[index + 1].target)
            line.append("" if before is None or opens or (before.target and not piece.target) else "·")
            line.append(f"{'«' if opens else ''}{shown}{'»' if closes else ''}")
        if "\n" in piece.text and index + 1 < len(pieces):
            line.append("\n")
    return line


def _style(piece: "Piece", index: int) -> str:
    if piece.target:
        shade = _TARGET_ALTERNATE if index % 2 else _TARGET
        return f"bold {shade}" if piece.special else shade
    if piece.special:
        return _SPECIAL
    return _TEMPLATE if index % 2 else f"{_TEMPLATE} underline"


def _verdicts(inspection: "Inspection", max_length: int) -> list[tuple[str, str]]:
    """The checks under the tokens: (line, style)."""
    stop = inspection.stop
    lines = []
    if stop.ok:
        text = tr(
            f"✓ câu trả lời kết thúc bằng {stop.token}: có tính loss, và mô hình dừng ở đó khi sinh văn bản",
            f"✓ an answer ends with {stop.token}: it carries loss, and generation stops there",
        )
        lines.append((text, "green"))
    else:
        lines.append((f"✗ {stop.problem}\n  {tr('Cách sửa', 'Fix')}: {stop.fix}", "bold red"))
    if inspection.tokens > max_length:
        text = tr(
            f"✗ dài hơn max_length={max_length}: hàng này sẽ bị bỏ khi huấn luyện (truncation=drop_turns giữ các lượt cuối)",
            f"✗ longer than max_length={max_length}: training leaves this row out (truncation=drop_turns keeps the last turns)",
        )
        lines.append((text, "bold red"))
    if inspection.rewritten:
        text = tr(
            "! chat template bỏ phần suy luận ở các câu trả lời trước: chúng được học ở dạng đã rút gọn như trên",
            "! the template leaves reasoning out of earlier answers: they are trained in the shortened form shown above",
        )
        lines.append((text, "yellow"))
    return lines
