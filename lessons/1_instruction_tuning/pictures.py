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


def journey() -> str:
    """The way from a row of data to a scored model."""
    stations = [
        tr("hàng dữ liệu", "row of data"),
        tr("văn bản", "text"),
        "token + mask",
        tr("hàng đã ghép", "packed row"),
        "loss",
        tr("mô hình đã chấm", "scored model"),
    ]
    steps = ["template", tr("tách token", "tokenise"), "pack", "forward", tr("bước học", "step")]
    parts = []
    for index, label in enumerate(stations):
        x = 20 + index * 146
        fill = svg.LOSS if index == len(stations) - 1 else svg.OURS if index in (2, 3, 4) else svg.READ
        parts.append(svg.box(x, 60, 112, 44, label, fill=fill, size=12))
        if index < len(steps):
            parts.append(svg.arrow(x + 114, 82, x + 144, 82))
            parts.append(svg.text(x + 129, 50, steps[index], size=11))
    parts.append(
        svg.text(20, 136, tr("Xanh dương: phần bạn sẽ tự viết.", "Blue: what you will write yourself."), size=13, anchor="start")
    )
    return svg.picture(890, 155, *parts, title=tr("Đường đi của bài", "The way of this lesson"))


def packed_mask() -> str:
    """Three examples in one row: the mask is triangles along the diagonal."""
    lengths, side, parts = (3, 4, 2), 26, []
    tokens, start = sum(lengths), 0
    owner = [number for number, length in enumerate(lengths) for _ in range(length)]
    for row in range(tokens):
        for column in range(tokens):
            reads = owner[row] == owner[column] and column <= row
            leak = owner[row] != owner[column] and column < row
            fill = svg.LOSS if reads else "#f6d9c0" if leak else svg.READ
            parts.append(svg.box(150 + column * side, 50 + row * side, side - 2, side - 2, fill=fill))
    for number, length in enumerate(lengths):
        y = 50 + (start + length / 2) * side + 4
        parts.append(svg.text(140, y, tr(f"ví dụ {number + 1}", f"example {number + 1}"), size=13, anchor="end"))
        start += length
    for index, (fill, label) in enumerate(
        [
            (svg.LOSS, tr("được đọc", "may read")),
            ("#f6d9c0", tr("rò rỉ nếu cho đọc", "a leak if it could")),
            (svg.READ, tr("token đứng sau", "the future")),
        ]
    ):
        parts.append(svg.box(420, 60 + 30 * index, 16, 16, fill=fill))
        parts.append(svg.text(444, 73 + 30 * index, label, size=13, anchor="start"))
    title = tr("Ai được đọc ai trong một hàng đã ghép", "Who reads whom in a packed row")
    return svg.picture(620, 300, svg.text(20, 30, title, size=15, anchor="start"), *parts, title=title)


def curves() -> str:
    """Four sketches: healthy, flat, diverging, too good."""
    shapes = [
        (tr("khoẻ mạnh", "healthy"), svg.LOSS, [0.15 + 0.75 * 0.8**step for step in range(21)]),
        (tr("nằm ngang", "flat"), svg.INK, [0.88 - 0.002 * step for step in range(21)]),
        (tr("phân kỳ", "diverging"), svg.WRONG, [0.9, 0.6, 0.45, 0.5, 0.4, 0.55, 0.42, 0.6, 0.5, 0.75, 0.6, 0.95]),
        (tr("đẹp đến đáng ngờ", "too good"), svg.OURS, [0.02 + 0.88 * 0.35**step for step in range(21)]),
    ]
    parts = []
    for number, (label, colour, heights) in enumerate(shapes):
        x = 20 + number * 170
        parts.append(svg.box(x, 40, 150, 120, fill="#f4f6f8"))
        points = [(x + 8 + 134 * step / 20, 152 - 104 * height) for step, height in enumerate(heights)]
        parts.append(svg.line(points, colour=colour))
        parts.append(svg.text(x + 75, 182, label, size=13))
    title = tr("Bốn dáng đường loss (phác hoạ)", "Four shapes of a loss curve (sketches)")
    return svg.picture(700, 200, svg.text(20, 26, title, size=15, anchor="start"), *parts, title=title)
