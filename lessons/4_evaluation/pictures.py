"""The pictures of module 4."""

from smolcourse.course import svg
from smolcourse.language import tr


def journey() -> str:
    """From a question to a conclusion."""
    stations = [
        tr("câu hỏi", "question"),
        "prompt",
        tr("câu trả lời", "answer"),
        tr("điểm", "score"),
        tr("khoảng", "interval"),
        tr("kết luận", "conclusion"),
    ]
    steps = [tr("cách hỏi", "asking"), tr("chọn, viết", "choosing"), tr("chấm", "scoring"), "bootstrap", tr("so cặp", "in pairs")]
    parts = []
    for index, label in enumerate(stations):
        x = 20 + index * 146
        fill = svg.LOSS if index == len(stations) - 1 else svg.OURS if index in (3, 4) else svg.READ
        parts.append(svg.box(x, 60, 112, 44, label, fill=fill, size=13))
        if index < len(steps):
            parts.append(svg.arrow(x + 114, 82, x + 144, 82))
            parts.append(svg.text(x + 129, 50, steps[index], size=11))
    return svg.picture(890, 130, *parts, title=tr("Đường đi của bài", "The way of this lesson"))


def choice() -> str:
    """A question and one choice, token by token; which tokens count, and where they are predicted."""
    labels = ["…", "Trả", " lời", ":", " Hà", " Nội"]
    title = tr("Chỉ token của lựa chọn được tính", "Only the choice's tokens count")
    parts = [svg.text(20, 30, title, size=15, anchor="start")]
    for index, label in enumerate(labels):
        x, counted = 20 + index * 100, index >= 4
        parts.append(svg.box(x, 50, 84, 32, label, fill=svg.LOSS if counted else svg.READ, size=13))
        if counted:
            parts.append(svg.box(x - 100, 140, 84, 30, f"log p({label.strip()})", fill=svg.OURS, size=12))
            parts.append(svg.arrow(x - 40, 138, x + 20, 86, colour=svg.OURS))
            parts.append(svg.arrow(x - 58, 84, x - 58, 138))
    parts.append(svg.text(40, 160, tr("dự đoán ở vị trí trước", "predicted one place before"), size=13, anchor="start"))
    parts.append(svg.text(620, 160, tr("tổng = log-likelihood", "sum = log-likelihood"), size=13, anchor="start"))
    return svg.picture(800, 190, *parts, title=title)


def chance() -> str:
    """Two bars and the line of guessing: a sketch."""
    title = tr("Thấp hơn đoán mò: dấu hiệu của lỗi (phác hoạ)", "Below guessing: the sign of a mistake (a sketch)")
    bars = [(tr("lấy lớn nhất", "largest taken"), 0.46, svg.LOSS), (tr("lấy nhỏ nhất", "smallest taken"), 0.11, svg.WRONG)]
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for index, (label, share, fill) in enumerate(bars):
        height = 260 * share
        parts.append(svg.box(90 + 190 * index, 190 - height, 110, height, fill=fill))
        parts.append(svg.text(145 + 190 * index, 212, label, size=13))
    level = 190 - 260 * 0.25
    parts.append(svg.line([(60, level), (430, level)], colour=svg.INK))
    parts.append(svg.text(440, level + 4, tr("đoán mò: 1 trên 4", "guessing: 1 of 4"), size=13, anchor="start"))
    return svg.picture(580, 230, *parts, title=title)


def paired() -> str:
    """Two intervals that overlap, and that of the paired difference, which leaves out zero: a sketch."""
    title = tr("Cùng những câu hỏi: hãy nhìn hiệu từng cặp (phác hoạ)", "The same questions: look at the difference (a sketch)")
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    rows = [("A", 180, 300, 240, svg.READ), ("B", 220, 340, 280, svg.READ), ("B − A", 474, 526, 500, svg.LOSS)]
    for number, (label, low, high, middle, fill) in enumerate(rows):
        y = 56 + 42 * number
        parts.append(svg.text(130, y + 14, label, size=14, anchor="end"))
        parts.append(svg.box(low, y, high - low, 20, fill=fill))
        parts.append(svg.line([(middle, y - 3), (middle, y + 23)], colour=svg.INK))
    parts.append(svg.line([(440, 44), (440, 176)], colour=svg.WRONG))
    parts.append(svg.text(440, 194, "0", size=13))
    parts.append(svg.text(260, 194, tr("điểm", "score"), size=13))
    parts.append(svg.text(510, 194, tr("hiệu", "difference"), size=13))
    return svg.picture(620, 210, *parts, title=title)


def swap() -> str:
    """Both rounds of one pair, and what each pair of verdicts means."""
    title = tr("Hai lượt, đổi chỗ", "Two rounds, places swapped")
    one, two = tr("mô hình 1", "model 1"), tr("mô hình 2", "model 2")
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for number, (label, first, second) in enumerate([(tr("lượt 1", "round 1"), one, two), (tr("lượt 2", "round 2"), two, one)]):
        y = 48 + 50 * number
        parts.append(svg.text(20, y + 22, label, size=13, anchor="start"))
        for place, (letter, name) in enumerate((("A", first), ("B", second))):
            fill = svg.OURS if name == two else svg.READ
            parts.append(svg.box(90 + 160 * place, y, 146, 34, f"{letter}: {name}", fill=fill, size=13))
    verdicts = [
        ("B, A", tr("mô hình 2 thắng", "model 2 wins"), svg.LOSS),
        ("A, B", tr("mô hình 1 thắng", "model 1 wins"), svg.LOSS),
        ("A, A", tr("mâu thuẫn: 0,5", "contradiction: 0.5"), svg.WRONG),
    ]
    for number, (pair, meaning, fill) in enumerate(verdicts):
        y = 44 + 40 * number
        parts.append(svg.box(440, y, 60, 30, pair, fill=fill, size=13))
        parts.append(svg.text(512, y + 20, meaning, size=13, anchor="start"))
    return svg.picture(680, 175, *parts, title=title)
