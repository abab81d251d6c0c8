"""The list of commands. Their modules import nothing heavy: `smol --help` must not load torch."""

import typer

from smolcourse.cli.adapters import adapters_app
from smolcourse.cli.assets import assets_app
from smolcourse.cli.bench import bench
from smolcourse.cli.chat import chat
from smolcourse.cli.check import check, watch
from smolcourse.cli.compare import compare
from smolcourse.cli.data import data_app
from smolcourse.cli.dev import dev_app
from smolcourse.cli.doctor import doctor
from smolcourse.cli.eval import eval_app
from smolcourse.cli.exercise import hint, next_exercise, reset, solution
from smolcourse.cli.export import export
from smolcourse.cli.init import init
from smolcourse.cli.inspect import inspect_row
from smolcourse.cli.label import label
from smolcourse.cli.learn import learn
from smolcourse.cli.look import look
from smolcourse.cli.progress import certificate, progress, quiz
from smolcourse.cli.quantize import quantize
from smolcourse.cli.runs import runs_app
from smolcourse.cli.serve import serve
from smolcourse.cli.synth import synth_app
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

app.add_typer(adapters_app, name="adapters")
app.add_typer(assets_app, name="assets")
app.command(help=tr("Đo một máy chủ dưới tải, như client của nó thấy.", "A server under load, as its clients see it."))(bench)
app.command(help=tr("Chứng nhận, sau khi chấm lại mọi bài tập.", "A certificate, after checking everything anew."))(certificate)
app.command(help=tr("Trò chuyện với một mô hình hoặc một lần chạy.", "Talk to a model or a run."))(chat)
app.command(help=tr("Chấm bài tập bằng đầu vào mới.", "Check exercises on fresh inputs."))(check)
app.command(help=tr("So hai mô hình: câu trả lời, điểm, khác biệt.", "Two models side by side: answers, scores, difference."))(
    compare
)
app.add_typer(data_app, name="data")
app.add_typer(dev_app, name="dev")
app.command(help=tr("Máy đã sẵn sàng chưa, và lệnh sửa nếu chưa.", "Is this machine ready, and what mends it if not."))(doctor)
app.add_typer(eval_app, name="eval")
app.command(help=tr("Xuất ra GGUF, safetensors; đối chiếu từng tệp.", "Write GGUF and safetensors, each file checked."))(export)
app.command(help=tr("Gợi ý, mỗi lần một bước.", "A hint, one step each time."))(hint)
app.command(help=tr("Tạo thư mục làm bài.", "Make a workspace for the course."))(init)
app.command("inspect", help=tr("Token, vai và loss mask của một hàng.", "Tokens, roles and loss mask of one row."))(inspect_row)
app.command(help=tr("Giữ, sửa hay bỏ từng câu của một đề.", "Keep, edit or drop the questions of an exam."))(label)
app.command(help=tr("Đọc một bài: terminal, HTML hoặc notebook.", "Read a lesson: terminal, HTML or notebook."))(learn)
app.command(help=tr("Mô hình nhìn vào đâu trong ảnh, và câu trả lời cần gì.", "Where a model looks, what its answer needs."))(
    look
)
app.command("next", help=tr("Bài tập tiếp theo.", "The next exercise."))(next_exercise)
app.command(help=tr("Tiến độ của bạn.", "Your progress."))(progress)
app.command(help=tr("Mỗi kiểu số: dung lượng, điểm, tốc độ.", "Every type of number: size, score, speed."))(quantize)
app.command(help=tr("Câu hỏi: đoán trước, xem đáp án sau.", "Questions: predict, then see."))(quiz)
app.command(help=tr("Làm lại một bài tập từ đầu, giữ bản cũ.", "Start an exercise afresh, keeping your file."))(reset)
app.add_typer(runs_app, name="runs")
app.command(help=tr("Phục vụ mô hình qua giao diện của OpenAI.", "Serve a model behind OpenAI's interface."))(serve)
app.command(help=tr("Lời giải, sau khi đã thử.", "Our answer, after an attempt."))(solution)
app.add_typer(synth_app, name="synth")
app.command("train", help=tr("Huấn luyện theo một recipe.", "Train by a recipe."))(train)
app.command(help=tr("Chấm lại mỗi khi lưu tệp.", "Check again on every save."))(watch)
