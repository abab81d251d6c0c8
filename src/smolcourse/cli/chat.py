"""`smol chat`: talk to a model or a run; or one question on the command line or through a pipe."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from smolcourse.cli.terminal import keep_accents_when_editing, repaired, use_utf8
from smolcourse.errors import SmolError
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.inference.chat import Chat

MODEL_HELP = tr(
    "mô hình (alias, thư mục, hf:org/tên) hoặc run (tên, đầu tên, latest)",
    "a model (alias, folder, hf:org/name) or a run (name, beginning of it, latest)",
)


def chat(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP, show_default=False)],
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="PROMPT", help=tr("hỏi một câu rồi thoát", "ask one thing and leave"), show_default=False),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(
            help=tr("system prompt; mặc định: của dữ liệu mà run đã học", "system prompt; default: that of the run's data"),
            show_default=False,
        ),
    ] = None,
    temperature: Annotated[float, typer.Option(help=tr("0: luôn chọn token chắc nhất", "0: always the likeliest token"))] = 0.0,
    top_p: Annotated[
        float, typer.Option(help=tr("chỉ chọn trong phần xác suất này", "draw from this share of probability"))
    ] = 1.0,
    max_new_tokens: Annotated[int, typer.Option(help=tr("độ dài tối đa của câu trả lời", "longest answer, in tokens"))] = 512,
    seed: Annotated[int, typer.Option(min=0, help=tr("hạt giống ngẫu nhiên", "random seed"))] = 0,
    image: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help=tr(
                "ảnh, ảnh động hay thư mục khung hình đi cùng câu hỏi đầu (lặp lại được); cần mô hình xem được ảnh",
                "a picture, an animation or a folder of frames for the first question (may be repeated); needs a model that sees",
            ),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Loads the model, then answers one prompt or a conversation."""
    use_utf8()
    if prompt is None and not sys.stdin.isatty():
        prompt = sys.stdin.read()
    if prompt is not None and not prompt.strip():
        raise SmolError("prompt trống, không có gì để trả lời", "the prompt is empty, there is nothing to answer")
    # Settings out of range are told before the model is loaded, which takes seconds.
    from smolcourse.inference import sampling

    sampling.check(temperature, top_p, max_new_tokens)
    from smolcourse.data.frames import shown_by
    from smolcourse.data.images import open_image
    from smolcourse.inference.loading import can_see, load_model, locate, system_prompt_of
    from smolcourse.vision.loading import needs_sight

    located = locate(repaired(model))
    if image and not can_see(located):
        raise needs_sight(repaired(model))
    pictures = [open_image(picture) for file in image or () for picture in shown_by(file)]
    system = system_prompt_of(located) if system is None else repaired(system) or None
    loaded = load_model(located)
    from smolcourse.inference.chat import Chat
    from smolcourse.inference.generate import Streamer

    conversation = Chat(Streamer(*loaded), system, max_new_tokens, temperature, top_p, seed, pictures=pictures)
    if prompt is None:
        talk(conversation, model)
        return
    for piece in conversation.reply(repaired(prompt)):
        print(piece, end="", flush=True)
    print()


def talk(conversation: Chat, model: str, use: Callable[[str], None] | None = None) -> None:
    """Reads lines until /exit or Ctrl-D. Ctrl-C stops an answer; at any other moment it only says how to leave.

    Args:
        use: what `/use WORDS` does, where there is something to choose from.
    """
    keep_accents_when_editing()
    print(tr(f"Trò chuyện với {model}. /help để xem các lệnh.", f"Chatting with {model}. /help shows the commands."))
    if conversation.system:
        print(f"system: {conversation.system}")
    for picture in conversation.pictures:
        _say_shown(*picture.size)
    while True:
        try:
            line = input("> ").strip()
            if line in ("/exit", "/quit"):
                return
            _turn(conversation, line, use)
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print("\n" + tr("Gõ /exit hoặc Ctrl-D để thoát.", "Type /exit or Ctrl-D to leave."))


def _turn(conversation: Chat, line: str, use: Callable[[str], None] | None) -> None:
    if use and line.split()[:1] == ["/use"]:
        try:
            use(line.removeprefix("/use").strip())
        except SmolError as error:
            print(error, file=sys.stderr)
    elif line.startswith("/"):
        _command(conversation, line, choice=use is not None)
    elif line:
        _answer(conversation, line)


def _command(conversation: Chat, line: str, *, choice: bool) -> None:
    name, _, rest = line.partition(" ")
    if name == "/image" and rest.strip():
        _show(conversation, typed_path(rest))
    elif name == "/reset":
        conversation.reset()
        print(tr("Đã quên các lượt trước.", "Earlier turns are forgotten."))
    elif name == "/system":
        if rest.strip():
            conversation.reset("" if rest.strip() in ("-", '""') else rest.strip())
        print(f"system: {conversation.system or '-'}")
    else:
        if name not in ("/help", "/image"):
            print(tr(f"Không có lệnh {name}.", f"There is no command {name}."))
        if choice:
            print(
                tr(
                    "/use 2        đổi sang adapter 2; 1+2: chồng hai; 0: không adapter",
                    "/use 2        adapter 2; 1+2: both; 0: none",
                )
            )
        if conversation.streamer.sees:
            print(
                tr(
                    "/image FILE   cho xem một ảnh cùng câu hỏi kế tiếp",
                    "/image FILE   shows a picture with the next question",
                )
            )
        print(tr("/reset        quên các lượt trước", "/reset        forget earlier turns"))
        print(
            tr(
                "/system TEXT  đổi system prompt (- để bỏ) và bắt đầu lại",
                "/system TEXT  new system prompt (- for none), start over",
            )
        )
        print(
            tr(
                "/exit         thoát (hoặc Ctrl-D); Ctrl-C dừng câu trả lời",
                "/exit         leave (or Ctrl-D); Ctrl-C stops an answer",
            )
        )


def typed_path(text: str) -> str:
    """The file that was meant: as it stands, in quotation marks, or with a backslash before each space, as terminals write it."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text if os.name == "nt" or os.path.exists(os.path.expanduser(text)) else re.sub(r"\\(.)", r"\1", text)


def _show(conversation: Chat, file: str) -> None:
    try:
        _say_shown(*conversation.show(file).size)
    except SmolError as error:
        print(error, file=sys.stderr)


def _say_shown(width: int, height: int) -> None:
    print(tr(f"[ảnh {width} × {height}] Mời bạn hỏi về ảnh.", f"[picture of {width} × {height}] Ask about it."))


def _answer(conversation: Chat, line: str) -> None:
    from contextlib import closing

    try:
        with closing(conversation.reply(line)) as pieces:  # type: ignore[type-var]
            for piece in pieces:
                print(piece, end="", flush=True)
        print()
    except KeyboardInterrupt:
        print(tr(" … (đã dừng)", " … (stopped)"))
    except SmolError as error:
        print(error, file=sys.stderr)
