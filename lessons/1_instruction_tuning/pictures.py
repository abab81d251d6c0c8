"""The pictures of module 1."""

from smolcourse.course import svg
from smolcourse.language import tr


def loss_mask() -> str:
    """One exchange, token by token: what carries loss."""
    system, rest = svg.tokens(
        20,
        46,
        [
            ("<|im_start|>", svg.READ),
            ("user⏎", svg.READ),
            (tr("1 trà đào ít đá", "1 peach tea"), svg.READ),
            ("<|im_end|>", svg.READ),
            ("⏎", svg.READ),
        ],
        size=13,
    )
    answer, width = svg.tokens(
        20,
        106,
        [
            ("<|im_start|>", svg.READ),
            ("assistant⏎", svg.READ),
            ('[{"ly": 1, …}]', svg.LOSS),
            ("<|im_end|>", svg.LOSS),
            ("⏎", svg.READ),
        ],
        size=13,
    )
    wide = int(max(rest, width)) + 40
    legend = [
        svg.box(20, 160, 16, 16, fill=svg.LOSS),
        svg.text(44, 173, tr("mô hình viết: tính loss (1)", "written by the model: carries loss (1)"), size=13, anchor="start"),
        svg.box(wide / 2 + 20, 160, 16, 16, fill=svg.READ),
        svg.text(wide / 2 + 44, 173, tr("chỉ để đọc (0)", "only read (0)"), size=13, anchor="start"),
    ]
    title = tr("Loss mask của một lượt hỏi đáp", "The loss mask of one exchange")
    return svg.picture(wide, 190, svg.text(20, 30, title, size=15, anchor="start"), system, answer, *legend, title=title)


def shift() -> str:
    """Four tokens; each prediction points to the next token."""
    labels = ["assistant⏎", '[{"', "ly", '": 1', "<|im_end|>"]
    title = tr("Vị trí t đoán token t + 1", "Position t predicts token t + 1")
    parts = [svg.text(20, 30, title, size=15, anchor="start")]
    for index, label in enumerate(labels):
        x = 20 + index * 128
        parts.append(svg.box(x, 50, 112, 32, label, fill=svg.READ if index == 0 else svg.LOSS, size=13))
        parts.append(svg.text(x + 56, 104, f"t = {index}", size=12))
        if index + 1 < len(labels):
            parts.append(
                svg.box(x, 150, 112, 32, tr(f"đoán {labels[index + 1]}", f"predicts {labels[index + 1]}"), fill=svg.OURS, size=12)
            )
            parts.append(svg.arrow(x + 100, 148, x + 152, 86, colour=svg.OURS))
    return svg.picture(660, 200, *parts, title=title)
