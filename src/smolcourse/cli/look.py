"""`smol look`: what a model says of a picture, where it looks, and what its answer needs."""

from pathlib import Path
from typing import Annotated

import typer

from smolcourse.language import tr


def look(
    image: Annotated[str, typer.Argument(help=tr("tệp ảnh", "an image file"))],
    question: Annotated[str, typer.Argument(help=tr("câu hỏi về ảnh", "a question about it"))],
    model: Annotated[str, typer.Option(help=tr("mô hình nhìn ảnh, hoặc một run", "a model that sees, or a run"))] = "latest",
    answer: Annotated[
        str | None, typer.Option(help=tr("vẽ cho câu trả lời này, thay vì của mô hình", "draw for this answer, not the model's"))
    ] = None,
    blocks: Annotated[
        int, typer.Option(min=2, max=16, help=tr("che từng ô trong NxN ô", "hide one of NxN blocks at a time"))
    ] = 4,
    out: Annotated[Path, typer.Option(help=tr("thư mục cho hai tệp PNG", "folder for the two PNG files"))] = Path("look"),
) -> None:
    from smolcourse.data.images import open_image
    from smolcourse.errors import SmolError
    from smolcourse.inference.loading import can_see, load_model, locate
    from smolcourse.training.vlm_sft import seeing
    from smolcourse.vision.loading import needs_sight

    located = locate(model)
    if not can_see(located):
        raise needs_sight(model)
    open_image(image)  # before anything heavy
    loaded, tokenizer = load_model(located)
    if hasattr(seeing(loaded), "eye"):
        raise SmolError(
            "smol look chỉ vẽ được cho smolvlm-own và các run huấn luyện từ đó",
            "smol look draws for smolvlm-own only, and for runs trained from it",
            where=model,
            fix=f"smol chat {model} --image {image}",
        )
    from smolcourse.vision import maps

    found = maps.look(seeing(loaded), tokenizer, image, question, answer, blocks=blocks)
    files = maps.write(found, image, out)
    row, column = divmod(int(found.ablation.argmax()), blocks)
    print(tr(f"Trả lời: {found.answer}  (log p {found.score:.2f})", f"Answer: {found.answer}  (log p {found.score:.2f})"))
    print(
        tr(
            f"Attention dành cho ảnh: {found.on_picture:.0%}. Ô cần nhất: hàng {row + 1}, cột {column + 1}; "
            f"che nó thì log p giảm {found.ablation.max():.2f} nat",
            f"Attention on the picture: {found.on_picture:.0%}. Most needed block: row {row + 1}, column {column + 1}; "
            f"hidden, log p falls by {found.ablation.max():.2f} nats",
        )
    )
    for file in files:
        print(file)
