"""`smol data pairs`: preference pairs from a model's own answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smolcourse.cli.chat import MODEL_HELP
from smolcourse.cli.progress_line import progress_line
from smolcourse.cli.terminal import repaired, use_utf8
from smolcourse.language import tr


def pairs(
    model: Annotated[str, typer.Argument(metavar="RUN", help=MODEL_HELP, show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help=tr("tệp .jsonl mới", "new .jsonl file"))],
    samples: Annotated[int, typer.Option(min=1, help=tr("số câu trả lời cho mỗi prompt", "answers to each prompt"))] = 4,
    temperature: Annotated[float, typer.Option(help=tr("cao hơn: câu trả lời đa dạng hơn", "higher: answers differ more"))] = 0.8,
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=tr("số prompt; mặc định: 200, hoặc cả tệp", "prompts; default: 200, or the whole file"),
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=tr("mặc định: khác seed của dữ liệu huấn luyện", "default: not that of the training data"),
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help=tr("lấy prompt từ đây; mặc định: dữ liệu của run", "prompts from here; default: the run's data"),
            show_default=False,
        ),
    ] = None,
    gold: Annotated[
        bool,
        typer.Option(
            "--gold/--no-gold",
            help=tr("không câu nào đúng: chọn đáp án, hay bỏ prompt", "no answer right: choose the gold one, or leave it out"),
        ),
    ] = True,
    force: Annotated[bool, typer.Option("--force", help=tr("ghi đè tệp đã có", "replace existing files"))] = False,
) -> None:
    """Samples the model, scores its answers as JSON, writes pairs; started again after a stop, it goes on where it was."""
    use_utf8()
    from smolcourse.synthesis.pairs import make_pairs

    with progress_line() as tell:
        made = make_pairs(
            repaired(model),
            out,
            samples=samples,
            temperature=temperature,
            size=size,
            seed=seed,
            dataset=repaired(data) if data else None,
            gold=gold,
            force=force,
            on_done=lambda done, total: tell(tr("câu trả lời", "answers"), done, total),
        )
    print(
        tr(
            f"{made.prompts} prompt, {made.answers} câu trả lời, {made.right / made.answers:.1%} đúng",
            f"{made.prompts} prompts, {made.answers} answers, {made.right / made.answers:.1%} right",
        )
    )
    print(tr(f"  mọi câu đều đúng, không có gì để so: {made.all_right}", f"  all right, nothing to compare: {made.all_right}"))
    if gold:
        print(
            tr(
                f"  không câu nào đúng, lấy đáp án làm chosen: {made.gold_chosen}",
                f"  none right, the gold answer is chosen: {made.gold_chosen}",
            )
        )
    else:
        print(tr(f"  không câu nào đúng, bỏ: {made.left_out}", f"  none right, left out: {made.left_out}"))
    print(f"{out}: {made.pairs} {tr('cặp', 'pairs')}")
    print(f"smol train smollm2-135m/dpo/lora model_name_or_path={model} dataset_name={out}")
