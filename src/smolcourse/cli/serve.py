"""`smol serve`: a model behind OpenAI's interface."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from smolcourse.language import tr

MODELS_HELP = tr(
    "tệp .gguf, thư mục đã export, run hay mô hình; nhiều mô hình cách nhau dấu phẩy; đặt tên: ten=MODEL",
    "a .gguf file, an exported folder, a run or a model; several with commas between; with a name: name=MODEL",
)


def serve(
    models: Annotated[str, typer.Argument(metavar="MODEL[,MODEL…]", help=MODELS_HELP)],
    host: Annotated[
        str, typer.Option(help=tr("địa chỉ; ngoài localhost cần API key", "address; beyond localhost needs a key"))
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help=tr("cổng; 0: cổng trống bất kỳ", "port; 0: any free one"))] = 8000,
    api_key_file: Annotated[
        Path | None, typer.Option(help=tr("tệp API key, mỗi dòng một key", "file of API keys, one a line"))
    ] = None,
    slots: Annotated[int, typer.Option(min=1, max=256, help=tr("số request trả lời cùng lúc", "requests answered at once"))] = 4,
    context: Annotated[
        int,
        typer.Option(
            min=64,
            help=tr(
                "số token của một request, cả câu hỏi lẫn câu trả lời; tốn bộ nhớ theo slots",
                "tokens of one request, prompt and answer; takes memory for each slot",
            ),
        ),
    ] = 1024,
    max_tokens: Annotated[
        int, typer.Option(min=1, help=tr("câu trả lời dài nhất được xin", "longest answer one may ask for"))
    ] = 4096,
    queue: Annotated[
        int, typer.Option(min=0, help=tr("số request được chờ; thêm nữa nhận 429", "requests that may wait; more get 429"))
    ] = 64,
    timeout: Annotated[
        float, typer.Option(min=1, help=tr("giây cho một câu trả lời, kể cả chờ", "seconds for one answer, waiting included"))
    ] = 300.0,
    max_body: Annotated[
        int | None,
        typer.Option(
            min=1000,
            help=tr(
                "byte của một request; mặc định 1 triệu, 10 triệu nếu có mô hình xem được ảnh",
                "bytes of one request; by default 1 million, 10 million where a model sees pictures",
            ),
            show_default=False,
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help=tr("0: mọi nhân", "0: all cores"))] = 0,
    lookup: Annotated[
        int,
        typer.Option(min=0, max=64, help=tr("đoán trước từng này token từ prompt", "guess so many tokens ahead from the prompt")),
    ] = 0,
    system: Annotated[
        str | None, typer.Option(help=tr("system prompt mặc định; rỗng: không có", "default system prompt; empty: none"))
    ] = None,
    backend: Annotated[
        Literal["llama", "transformers"],
        typer.Option(help=tr("transformers: mô hình không có GGUF", "transformers: models without a GGUF")),
    ] = "llama",
    log_prompts: Annotated[
        bool, typer.Option("--log-prompts", help=tr("ghi cả nội dung request vào log", "write requests into the log"))
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help=tr("không ghi log", "no log"))] = False,
) -> None:
    from smolcourse.inference.serving.serve import Settings
    from smolcourse.inference.serving.serve import serve as run

    run(
        Settings(
            models=models,
            host=host,
            port=port,
            key_file=api_key_file,
            backend=backend,
            system=system,
            slots=slots,
            context=context,
            threads=threads,
            lookup=lookup,
            waiting=queue,
            most_tokens=max_tokens,
            body_bytes=max_body,
            seconds=timeout,
            log_prompts=log_prompts,
            quiet=quiet,
        )
    )
