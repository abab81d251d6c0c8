"""The list of commands. Their modules import nothing heavy: `smol --help` must not load torch."""

import typer

from smolcourse.cli.assets import assets_app
from smolcourse.cli.chat import chat
from smolcourse.cli.compare import compare
from smolcourse.cli.data import data_app
from smolcourse.cli.doctor import doctor
from smolcourse.cli.inspect import inspect_row
from smolcourse.cli.runs import runs_app
from smolcourse.cli.train import train
from smolcourse.language import tr

app = typer.Typer(
    help=tr(
        "Khoá học và bộ công cụ huấn luyện mô hình ngôn ngữ nhỏ, chạy trên laptop. Thêm --lang en để dùng tiếng Anh.",
        "A course and toolkit for training small language models on a laptop. Add --lang vi for Vietnamese.",
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(assets_app, name="assets")
app.command(help=tr("Trò chuyện với một mô hình hoặc một run.", "Talk to a model or a run."))(chat)
app.command(help=tr("So hai mô hình: câu trả lời, điểm, khác biệt.", "Two models side by side: answers, scores, difference."))(
    compare
)
app.add_typer(data_app, name="data")
app.command(help=tr("Máy đã sẵn sàng chưa, và lệnh sửa nếu chưa.", "Is this machine ready, and what mends it if not."))(doctor)
app.command("inspect", help=tr("Token, vai và loss mask của một hàng.", "Tokens, roles and loss mask of one row."))(inspect_row)
app.add_typer(runs_app, name="runs")
app.command("train", help=tr("Huấn luyện theo một recipe.", "Train by a recipe."))(train)
