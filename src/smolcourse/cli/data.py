"""`smol data`: check a file, split it, look at rows, write them out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smolcourse.cli.pairs import pairs
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.data.token_counts import CountTokens

data_app = typer.Typer(help=tr("Kiểm tra, tách, xem và ghi dữ liệu.", "Check, split, show and write data."), no_args_is_help=True)
data_app.command(
    "pairs",
    help=tr(
        "Tạo các cặp chosen/rejected từ câu trả lời của chính mô hình.",
        "Make pairs of chosen and rejected from a model's own answers.",
    ),
)(pairs)

_File = Annotated[
    str,
    typer.Argument(
        help=tr(
            "tệp JSONL/JSON/CSV/TSV/Parquet, thư mục, hf:org/name", "a JSONL/JSON/CSV/TSV/Parquet file, a folder, hf:org/name"
        )
    ),
]
_Source = Annotated[
    str, typer.Argument(help=tr("milk-tea, một tệp, thư mục hoặc hf:org/name", "milk-tea, a file, a folder, or hf:org/name"))
]
_Part = Annotated[str | None, typer.Option("--split", help=tr("phần dữ liệu, ví dụ test", "part of the data, e.g. test"))]
_Force = Annotated[bool, typer.Option("--force", help=tr("ghi đè tệp đã có", "replace existing files"))]
_Format = Annotated[str, typer.Option("--format", help="text, json")]
_Size = Annotated[int | None, typer.Option(min=1, help=tr("số hàng", "number of rows"))]
_Seed = Annotated[int, typer.Option(min=0, help=tr("hạt giống ngẫu nhiên", "random seed"))]
_Language = Annotated[str | None, typer.Option(help=tr("vi, en (milk-tea)", "vi, en (milk-tea)"))]


@data_app.command(
    help=tr(
        "Dữ liệu có huấn luyện được không? Mã thoát 0: được; 2: có lỗi.",
        "Is it fit to train on? Exits with 0 if so, 2 if there are errors.",
    )
)
def check(
    source: _File,
    split: _Part = None,
    against: Annotated[
        str | None, typer.Option(help=tr("tập kiểm thử: tìm câu hỏi bị lộ", "a test set: look for leaked questions"))
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, help=tr("báo hàng dài hơn số token này", "report rows of more tokens"))
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help=tr("đếm token của mô hình này; none: không đếm", "count this model's tokens; none: do not count")),
    ] = None,
    chat_template: Annotated[
        str | None, typer.Option(help=tr("tệp Jinja thay chat template", "a Jinja file for the template"))
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help=tr("số ví dụ mỗi loại", "examples of each kind"))] = 5,
    fix: Annotated[Path | None, typer.Option(help=tr("ghi bản đã sửa vào tệp mới", "write a mended copy to a new file"))] = None,
    force: _Force = False,
    output_format: _Format = "text",
) -> None:
    from smolcourse.cli.data_report import print_fixed, print_report, progress
    from smolcourse.data import checking, fixing
    from smolcourse.data.loading import locate
    from smolcourse.data.writing import check_target

    as_json = _wants_json(output_format)
    where = locate(source)
    if fix:
        check_target(fix, source=where, force=force)
    count_tokens = _counter(model, chat_template, required=max_length is not None)
    with progress(silent=as_json) as on_row:
        report = checking.check(
            where,
            split=split,
            against=locate(against) if against else None,
            max_length=max_length,
            count_tokens=count_tokens,
            examples=examples,
            on_row=on_row,
        )
    fixed = fixing.fix(where, fix, split=split, force=force) if fix else None
    if as_json:
        _print_json(report.to_dict() | ({"fixed": fixed.to_dict()} if fixed else {}))
    else:
        print_report(report)
        if fixed:
            print_fixed(fixed)
    if not (report.trainable or fixed):
        raise typer.Exit(2)


@data_app.command(
    "split",
    help=tr(
        "Tách thành NAME.train.jsonl và NAME.test.jsonl, không lộ câu hỏi.",
        "Split into NAME.train.jsonl and NAME.test.jsonl without leaks.",
    ),
)
def split_data(
    source: _File,
    test: Annotated[float, typer.Option(help=tr("tỉ lệ kiểm thử", "share of test rows"))] = 0.1,
    seed: _Seed = 0,
    group: Annotated[
        str | None, typer.Option(help=tr("cột giữ các hàng đi cùng nhau", "column whose equal values stay together"))
    ] = None,
    split: _Part = None,
    out: Annotated[Path | None, typer.Option(help=tr("thư mục ghi ra", "folder for the files"))] = None,
    force: _Force = False,
    output_format: _Format = "text",
) -> None:
    from smolcourse.data.loading import locate
    from smolcourse.data.splitting import split_file

    as_json = _wants_json(output_format)
    result = split_file(locate(source), test=test, seed=seed, group=group, split=split, folder=out, force=force)
    if as_json:
        _print_json(result.to_dict())
        return
    print(f"{result.train}: {result.train_rows} {tr('hàng', 'rows')}")
    print(f"{result.test}: {result.test_rows} {tr('hàng', 'rows')}")


@data_app.command(help=tr("Xem vài hàng.", "Show a few rows."))
def show(
    source: _Source = "milk-tea",
    split: _Part = None,
    rows: Annotated[int, typer.Option("-n", "--rows", min=1, help=tr("số hàng", "number of rows"))] = 5,
    seed: Annotated[int | None, typer.Option(min=0, help=tr("hạt giống (milk-tea)", "random seed (milk-tea)"))] = None,
    language: _Language = None,
    output_format: _Format = "text",
) -> None:
    from smolcourse.cli.data_report import print_row
    from smolcourse.data.loading import load_rows

    as_json = _wants_json(output_format)
    for number, row in enumerate(load_rows(source, {"size": rows, "seed": seed, "language": language}, split), start=1):
        if as_json:
            _print_json(row)
        else:
            print_row(number, row)


@data_app.command(
    help=tr("Ghi dữ liệu ra một tệp JSONL mới, theo định dạng chuẩn.", "Write data to a new JSONL file, in native form.")
)
def export(
    source: _Source,
    target: Annotated[Path, typer.Argument(help=tr("tệp .jsonl mới", "new .jsonl file"))],
    split: _Part = None,
    size: _Size = None,
    seed: Annotated[int | None, typer.Option(min=0, help=tr("hạt giống (milk-tea)", "random seed (milk-tea)"))] = None,
    language: _Language = None,
    force: _Force = False,
) -> None:
    from smolcourse.data.loading import load_rows
    from smolcourse.data.writing import new_jsonl

    written = 0
    with new_jsonl([target], source=source, force=force) as (write,):
        for row in load_rows(source, {"size": size, "seed": seed, "language": language}, split):
            write(row)
            written += 1
    print(f"{target}: {written} {tr('hàng', 'rows')}")


def _counter(model: str | None, chat_template: str | None, *, required: bool) -> "CountTokens | None":
    """The token counter of a model. Of the default model only if it is on this machine already, unless lengths were asked for."""
    from smolcourse.errors import SmolError

    if model == "none":
        if required:
            raise SmolError("--max-length cần đếm token", "--max-length needs token counts", fix="--model smollm2-135m-instruct")
        return None
    from smolcourse.assets import resolve_model

    try:
        folder = resolve_model(model or "smollm2-135m-instruct", offline=not (model or required))
    except SmolError:
        if model or required:
            raise
        return None
    from smolcourse.data.chat import load_tokenizer
    from smolcourse.data.token_counts import counter

    return counter(load_tokenizer(folder, chat_template))


def _wants_json(output_format: str) -> bool:
    from smolcourse.errors import SmolError

    if output_format not in ("text", "json"):
        raise SmolError("--format nhận text hoặc json", "--format takes text or json", fix="--format json")
    return output_format == "json"


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))
