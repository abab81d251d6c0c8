"""The pictures of module 7."""

from smolcourse.course import svg
from smolcourse.language import tr


def journey() -> str:
    """From the run's folder to a service that is measured."""
    title = tr("Đường đi của bài", "The way of this lesson")
    stations = [
        (tr("lần huấn luyện", "the run"), svg.READ),
        (tr("tệp GGUF", "one GGUF"), svg.OURS),
        ("engine", svg.OURS),
        (tr("máy chủ", "the server"), svg.OURS),
        (tr("số đo", "figures"), svg.OURS),
        (tr("cùng điểm", "same score"), svg.LOSS),
    ]
    steps = [
        tr("nén", "quantise"),
        tr("nạp, sinh", "load, decode"),
        tr("xếp chỗ", "batch"),
        tr("đo", "measure"),
        tr("đối chiếu", "compare"),
    ]
    parts = []
    for index, (label, fill) in enumerate(stations):
        x = 20 + index * 146
        parts.append(svg.box(x, 60, 112, 44, label, fill=fill, size=13))
        if index < len(steps):
            parts.append(svg.arrow(x + 114, 82, x + 144, 82))
            parts.append(svg.text(x + 129, 50, steps[index], size=11))
    return svg.picture(890, 130, *parts, title=title)


def loop() -> str:
    """Tokens, model, logits, choice, and back."""
    title = tr("Một vòng của việc sinh văn bản", "One turn of generation")
    parts = [
        svg.text(20, 28, title, size=15, anchor="start"),
        svg.box(20, 70, 150, 44, tr("dãy token", "the tokens"), fill=svg.READ),
        svg.box(230, 70, 120, 44, tr("mô hình", "the model"), fill=svg.READ),
        svg.box(410, 70, 120, 44, "logits", fill=svg.READ),
        svg.box(590, 70, 150, 44, tr("chọn một token", "choose a token"), fill=svg.OURS),
        svg.arrow(172, 92, 228, 92),
        svg.arrow(352, 92, 408, 92),
        svg.arrow(532, 92, 588, 92),
        svg.line([(665, 116), (665, 160), (95, 160), (95, 130)], colour=svg.INK),
        svg.arrow(95, 140, 95, 116),
        svg.text(380, 152, tr("gắn vào cuối dãy", "put it behind the others"), size=13),
        svg.box(590, 186, 150, 34, tr("kết thúc lượt", "end of turn"), fill=svg.LOSS, size=13),
        svg.arrow(700, 116, 700, 184),
    ]
    return svg.picture(760, 240, *parts, title=title)


def cache() -> str:
    """Rows are steps; squares are tokens computed in that step, with and without a cache."""
    title = tr("Mỗi hàng là một bước: ô nào được tính?", "Each row is a step: which tokens are computed?")
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for side, (label, cached) in enumerate(
        ((tr("không có cache", "without a cache"), False), (tr("có cache", "with a cache"), True))
    ):
        left = 20 + side * 330
        parts.append(svg.text(left, 58, label, size=13, anchor="start"))
        for step in range(5):
            for token in range(4 + step):
                new = step == 0 or token == 3 + step
                if cached and not new:
                    continue
                fill = svg.LOSS if new else svg.READ
                parts.append(svg.box(left + token * 32, 70 + step * 30, 28, 24, fill=fill))
    return svg.picture(640, 235, *parts, title=title)


def roofline() -> str:
    """A slope and a flat, and where decoding and reading a prompt stand: a sketch."""
    title = tr("Mái nhà (phác hoạ)", "The roofline (a sketch)")
    parts = [
        svg.text(20, 28, title, size=15, anchor="start"),
        svg.line([(70, 240), (70, 50)], colour=svg.INK),
        svg.line([(70, 240), (640, 240)], colour=svg.INK),
        svg.line([(70, 240), (330, 90), (640, 90)]),
        svg.text(355, 262, tr("phép tính trên mỗi byte đọc vào", "operations for each byte read"), size=13),
        svg.text(78, 50, tr("tốc độ", "speed"), size=13, anchor="start"),
        svg.text(188, 140, tr("bộ nhớ", "memory"), size=13, anchor="end"),
        svg.text(485, 80, tr("phép tính", "arithmetic"), size=13),
    ]
    points = [
        (110, 217, tr("1 khách, fp32", "1 client, fp32")),
        (170, 182, tr("1 khách, Q8_0", "1 client, Q8_0")),
        (290, 113, tr("16 khách", "16 clients")),
        (520, 90, tr("đọc prompt", "reading a prompt")),
    ]
    for x, y, label in points:
        parts.append(svg.box(x - 6, y - 6, 12, 12, fill=svg.WRONG))
        parts.append(svg.text(x + 12, y + 18, label, size=12, anchor="start"))
    return svg.picture(680, 280, *parts, title=title)


def blocks() -> str:
    """Bytes of one block, for Q8_0 and Q4_0; drawn to scale."""
    title = tr("Một khối 32 trọng số, đúng tỉ lệ", "A block of 32 weights, to scale")
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    rows = [("fp32", 0, 128, ""), ("Q8_0", 2, 32, "32 × int8"), ("Q5_0", 2, 20, "32 × 5 bit"), ("Q4_0", 2, 16, "16 B")]
    for number, (kind, scale, levels, label) in enumerate(rows):
        y = 46 + number * 38
        parts.append(svg.text(64, y + 19, kind, size=13, anchor="end"))
        if scale:
            parts.append(svg.box(74, y, scale * 5 - 1, 28, fill=svg.OURS))
        parts.append(svg.box(74 + scale * 5, y, levels * 5, 28, label, fill=svg.LOSS if scale else svg.READ, size=12))
        size = tr(f"{scale + levels} byte", f"{scale + levels} bytes")
        parts.append(svg.text(84 + (scale + levels) * 5, y + 19, size, size=13, anchor="start"))
    parts.append(svg.box(20, 204, 14, 14, fill=svg.OURS))
    parts.append(svg.text(42, 216, tr("tỉ lệ, fp16", "scale, fp16"), size=12, anchor="start"))
    parts.append(svg.box(150, 204, 14, 14, fill=svg.LOSS))
    parts.append(svg.text(172, 216, tr("các mức", "levels"), size=12, anchor="start"))
    return svg.picture(840, 232, *parts, title=title)


def batching() -> str:
    """Three slots over time, in groups and continuously; letters are requests."""
    title = tr("Ba chỗ ngồi theo thời gian", "Three slots over time")
    static = [[("A", 0, 3), ("D", 9, 4)], [("B", 0, 9), ("E", 9, 2)], [("C", 0, 2), ("F", 9, 6)]]
    moving = [[("A", 0, 3), ("E", 3, 2), ("F", 5, 6)], [("B", 0, 9)], [("C", 0, 2), ("D", 2, 4)]]
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for half, (label, slots) in enumerate(((tr("theo nhóm", "in groups"), static), (tr("liên tục", "continuous"), moving))):
        top = 62 + half * 136
        parts.append(svg.text(20, top - 8, label, size=13, anchor="start"))
        for number, row in enumerate(slots):
            y = top + number * 32
            parts.append(svg.box(20, y, 15 * 44, 26, fill="#f1f3f5"))
            parts += [svg.box(20 + 44 * at, y, 44 * length - 3, 26, name, fill=svg.OURS, size=13) for name, at, length in row]
    return svg.picture(700, 300, *parts, title=title)


def lookup() -> str:
    """A prompt, the tokens that stood in it before, the guess and what the model says."""
    title = tr("Đoán bằng cách chép lại prompt", "Guessing by copying the prompt")
    drawn = [svg.text(20, 28, title, size=15, anchor="start")]
    rows = [
        ("prompt", [("…", svg.READ), ("2", svg.READ), (" trà", svg.WRONG), (" đào", svg.WRONG), (" cam", svg.READ), (" sả", svg.READ), (" size", svg.READ), (" L", svg.READ)]),
        (tr("trả lời", "answer"), [('{"', svg.READ), ("mon", svg.READ), ('": "', svg.READ), (" trà", svg.WRONG), (" đào", svg.WRONG)]),
        (tr("đoán", "guess"), [(" cam", svg.OURS), (" sả", svg.OURS), (" size", svg.OURS), (" L", svg.OURS)]),
        (tr("mô hình", "the model"), [(" cam", svg.LOSS), (" sả", svg.LOSS), ('",', svg.LOSS)]),
    ]  # fmt: skip
    for number, (label, pieces) in enumerate(rows):
        y = 46 + number * 42
        drawn.append(svg.text(110, y + 20, label, size=13, anchor="end"))
        row, _ = svg.tokens(122, y, pieces)
        drawn.append(row)
    return svg.picture(640, 225, *drawn, title=title)


def stops() -> str:
    """Pieces that come, what waits after each, and what goes out."""
    title = tr("Chuỗi dừng “\\n\\nKhách:”", "The stop sequence “\\n\\nKhách:”")
    columns = [tr("đến", "comes"), tr("đi ra", "goes out"), tr("chờ", "waits")]
    rows = [
        ("ít đá", "ít đá", ""),
        ("\\n", "", "\\n"),
        ("ạ", "\\nạ", ""),
        ("\\n\\nKh", "", "\\n\\nKh"),
        ("ách: thêm", tr("(dừng)", "(stopped)"), ""),
    ]
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for place, name in enumerate(columns):
        parts.append(svg.text(100 + place * 180, 58, name, size=13))
    for number, row in enumerate(rows):
        y = 68 + number * 36
        for place, label in enumerate(row):
            fill = (svg.READ, svg.LOSS, svg.WRONG)[place] if label else "#f1f3f5"
            parts.append(svg.box(20 + place * 180, y, 160, 28, label, fill=fill, size=13))
    return svg.picture(570, 260, *parts, title=title)
