"""The pictures of module 3."""

from smolcourse.course import svg
from smolcourse.language import tr


def lora() -> str:
    """W frozen beside the thin pair A and B; both outputs are added."""
    title = tr("Một tầng có LoRA", "A layer with LoRA")
    parts = [
        svg.text(20, 28, title, size=15, anchor="start"),
        svg.box(250, 240, 120, 32, "x", fill=svg.READ),
        svg.box(110, 90, 150, 110, tr("W đóng băng", "W frozen"), fill=svg.READ),
        svg.box(360, 166, 150, 34, "A  [r × in]", fill=svg.LOSS),
        svg.box(360, 90, 150, 34, "B  [out × r]", fill=svg.LOSS),
        svg.arrow(280, 238, 190, 204),
        svg.arrow(340, 238, 430, 204),
        svg.arrow(435, 164, 435, 128),
        svg.text(450, 150, tr("r số", "r numbers"), size=12, anchor="start"),
        svg.arrow(190, 88, 280, 66),
        svg.arrow(430, 88, 340, 66),
        svg.text(450, 78, "× alpha / r", size=12, anchor="start"),
        svg.box(250, 36, 120, 28, "y = W x + s B A x", fill=svg.OURS, size=12),
    ]
    return svg.picture(600, 290, *parts, title=title)


def where() -> str:
    """One decoder layer: the seven matrices, and what each kind of adapter touches."""
    title = tr("Mỗi loại adapter gắn vào đâu", "What each kind of adapter touches")
    columns = ["q", "k", "v", "o", "gate", "up", "down", tr("đầu vào", "input")]
    rows = [
        ("LoRA, DoRA (all-linear)", {0, 1, 2, 3, 4, 5, 6}),
        ("LoRA (q, v)", {0, 2}),
        ("IA3 (k, v, down)", {1, 2, 6}),
        (tr("prefix tuning: thêm k, v", "prefix tuning: more k, v"), {1, 2}),
        ("prompt tuning", {7}),
    ]
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for place, name in enumerate(columns):
        parts.append(svg.text(270 + place * 62, 58, name, size=12))
    for number, (label, touched) in enumerate(rows):
        y = 70 + number * 36
        parts.append(svg.text(20, y + 19, label, size=13, anchor="start"))
        parts += [
            svg.box(244 + place * 62, y, 52, 28, fill=svg.LOSS if place in touched else svg.READ) for place in range(len(columns))
        ]
    return svg.picture(750, 260, *parts, title=title)


def memory() -> str:
    """Bytes a parameter of the base, full tuning against LoRA against QLoRA; drawn to scale for SmolLM2-135M, r = 32."""
    title = tr("Byte cho mỗi tham số của mô hình gốc (fp32, AdamW)", "Bytes for each parameter of the base (fp32, AdamW)")
    sides = 30 * (2 * (576 + 576) + 2 * (576 + 192) + 3 * (576 + 1536))  # in + out of q and o, k and v, the MLP; 30 layers
    adapter = (16 * 32 * sides / 134_515_008, "A, B", svg.LOSS)
    nf4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8
    rows = [
        (
            tr("tinh chỉnh toàn bộ", "full fine-tuning"),
            [(4.0, "W", svg.READ), (4.0, "gradient", svg.OURS), (8.0, "m, v", svg.LOSS)],
        ),
        ("LoRA, r = 32", [(4.0, "W", svg.READ), adapter]),
        ("QLoRA, r = 32", [(nf4, "", svg.READ), adapter]),
    ]
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for number, (label, pieces) in enumerate(rows):
        y, x = 50 + number * 48, 170.0
        parts.append(svg.text(20, y + 21, label, size=13, anchor="start"))
        for size, name, fill in pieces:
            parts.append(svg.box(x, y, size * 30 - 2, 32, name, fill=fill, size=12))
            x += size * 30
        total = f"{sum(piece[0] for piece in pieces):.3g}"
        parts.append(svg.text(x + 10, y + 21, tr(total.replace(".", ","), total), size=13, anchor="start"))
    return svg.picture(720, 200, *parts, title=title)
