"""The pictures of module 6."""

from smolcourse.course import svg
from smolcourse.language import tr


def pipeline() -> str:
    """Seeds, generation, judging, filters, training, measuring; what is dropped falls out below."""
    title = tr("Đường đi của một bộ dữ liệu tự làm", "The way of a data set that is made")
    stations = [
        (tr("hạt giống", "seeds"), svg.READ),
        (tr("sinh", "generate"), svg.OURS),
        (tr("chấm", "judge"), svg.OURS),
        (tr("lọc", "filter"), svg.OURS),
        (tr("huấn luyện", "train"), svg.READ),
        (tr("đo", "measure"), svg.LOSS),
    ]
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for index, (label, fill) in enumerate(stations):
        x = 20 + index * 136
        parts.append(svg.box(x, 50, 108, 44, label, fill=fill, size=13))
        if index:
            parts.append(svg.arrow(x - 26, 72, x - 2, 72))
    for index in (1, 2, 3):
        x = 20 + index * 136 + 54
        parts.append(svg.arrow(x, 96, x, 130, colour=svg.WRONG))
    parts.append(svg.box(156, 132, 380, 30, tr("bị bỏ, kèm lý do", "dropped, and why"), fill=svg.WRONG, size=13))
    parts.append(svg.line([(754, 96), (754, 184), (210, 184)], colour=svg.INK))
    parts.append(svg.arrow(210, 184, 178, 184))
    parts.append(
        svg.text(480, 202, tr("số đo chê thì quay lại, sửa, làm tiếp", "if the figure says no: back, mend, go on"), size=12)
    )
    return svg.picture(850, 214, *parts, title=title)


def magpie() -> str:
    """The chat template's text, and where a model is stopped to write the user's turn."""
    title = tr("Magpie: dừng ngay chỗ người dùng sắp nói", "Magpie: stop where the user is about to speak")
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    rows = [
        (tr("hỏi bình thường", "asking as usual"), [("<|im_start|>user", svg.READ), (tr("cách pha trà?", "how to brew tea?"), svg.READ), ("<|im_end|>", svg.READ), ("<|im_start|>assistant", svg.READ)], tr("câu trả lời…", "the answer…")),
        ("Magpie", [("<|im_start|>user", svg.READ)], tr("lời người dùng…", "what a user says…")),
    ]  # fmt: skip
    for number, (label, pieces, written) in enumerate(rows):
        y = 48 + number * 74
        parts.append(svg.text(20, y + 12, label, size=13, anchor="start"))
        row, width = svg.tokens(20, y + 20, pieces, size=12)
        parts.append(row)
        parts.append(svg.box(20 + width, y + 20, 150, 30, written, fill=svg.LOSS, size=12))
    return svg.picture(780, 200, *parts, title=title)


def evol() -> str:
    """An instruction in depth and in breadth."""
    title = tr("Evol-Instruct: sâu thêm, hoặc rộng ra", "Evol-Instruct: deeper, or wider")
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    deep = [
        tr("Pha trà sữa thế nào?", "How is milk tea made?"),
        tr("… cho 20 người?", "… for 20 people?"),
        tr("… mà không có tủ lạnh?", "… and without a fridge?"),
    ]
    for number, label in enumerate(deep):
        parts.append(svg.box(20 + number * 250, 56, 210, 36, label, fill=svg.READ if not number else svg.OURS, size=12))
        if number:
            parts.append(svg.arrow(20 + number * 250 - 38, 74, 20 + number * 250 - 3, 74))
    parts.append(svg.arrow(125, 94, 125, 136))
    wide = tr("Bảo quản hạt sen thế nào?", "How are lotus seeds kept?")
    parts.append(svg.box(20, 138, 210, 36, wide, fill=svg.OURS, size=12))
    parts.append(svg.text(505, 112, tr("chiều sâu: thêm ràng buộc, thêm bước", "depth: constraints, steps"), size=12))
    parts.append(svg.text(240, 160, tr("chiều rộng: đề tài khác, cùng cỡ", "breadth: another topic of the same size"), size=12, anchor="start"))  # fmt: skip
    return svg.picture(750, 192, *parts, title=title)


def minhash() -> str:
    """Two sets, a few hash functions, the smallest of each; equal places are marked."""
    title = tr("MinHash: giá trị nhỏ nhất của mỗi hàm băm", "MinHash: the smallest value of each hash function")
    first, second = [3, 17, 8, 21, 5, 40, 2, 13], [3, 9, 8, 21, 6, 40, 2, 30]
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    for number, (label, values) in enumerate(((tr("hàng 1", "row 1"), first), (tr("hàng 2", "row 2"), second))):
        y = 74 + number * 46
        parts.append(svg.text(76, y + 20, label, size=13, anchor="end"))
        for place, value in enumerate(values):
            fill = svg.LOSS if first[place] == second[place] else svg.READ
            parts.append(svg.box(88 + place * 56 + 12 * (place // 2), y, 50, 30, str(value), fill=fill, size=13))
    for band in range(4):
        parts.append(svg.text(141 + band * 124, 64, tr(f"băng {band + 1}", f"band {band + 1}"), size=12))
    estimate = tr(
        "5 trong 8 vị trí giống nhau: Jaccard khoảng 0,62. Băng 2 giống trọn: hai hàng thành ứng viên",
        "5 of 8 places agree: Jaccard about 0.62. Band 2 agrees as a whole: the two are candidates",
    )
    parts.append(svg.text(88, 190, estimate, size=12, anchor="start"))
    return svg.picture(720, 206, *parts, title=title)


def bands() -> str:
    """The probability to become a candidate over the Jaccard similarity, for two ways to cut a signature."""
    title = tr("Xác suất thành ứng viên theo độ giống", "The chance to become a candidate, over similarity")
    parts = [
        svg.text(20, 28, title, size=15, anchor="start"),
        svg.line([(60, 220), (60, 50)], colour=svg.INK),
        svg.line([(60, 220), (460, 220)], colour=svg.INK),
        svg.text(60, 238, "0", size=12),
        svg.text(460, 238, "1", size=12),
        svg.text(260, 244, "Jaccard", size=13),
        svg.text(50, 58, "1", size=12, anchor="end"),
    ]
    for count, rows, colour, label in (
        (20, 5, svg.OURS, (470, 70)),
        (4, 25, svg.WRONG, (470, 110)),
        (100, 1, svg.LOSS, (470, 150)),
    ):
        points = [(60 + 4 * at, 220 - 170 * (1 - (1 - (at / 100) ** rows) ** count)) for at in range(101)]
        parts.append(svg.line(points, colour=colour))
        parts.append(svg.box(label[0], label[1] - 10, 12, 12, fill=colour))
        named = tr(f"{count} băng, mỗi băng {rows}", f"{count} bands of {rows}")
        parts.append(svg.text(label[0] + 20, label[1], named, size=12, anchor="start"))
    return svg.picture(640, 256, *parts, title=title)


def judge() -> str:
    """A judge, asked both ways round."""
    title = tr("Hỏi giám khảo hai lượt, đổi chỗ", "Ask a judge twice, the other way round")
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    rows = [("A = x, B = y", "A", "x"), ("A = y, B = x", "A", "y")]
    for number, (shown, verdict, named) in enumerate(rows):
        y = 50 + number * 50
        parts.append(svg.box(20, y, 150, 34, shown, fill=svg.READ, size=13))
        parts.append(svg.arrow(172, y + 17, 226, y + 17))
        parts.append(svg.box(228, y, 120, 34, tr(f"chọn {verdict}", f"says {verdict}"), fill=svg.WRONG, size=13))
        parts.append(svg.arrow(350, y + 17, 404, y + 17))
        parts.append(svg.box(406, y, 110, 34, tr(f"tức là {named}", f"that is {named}"), fill=svg.READ, size=13))
    parts.append(svg.text(540, 96, tr("mâu thuẫn: hoà", "it contradicts itself: a tie"), size=13, anchor="start"))
    return svg.picture(730, 160, *parts, title=title)


def lean() -> str:
    """Errors that cancel against errors that lean one way, as the share of each value learned from the same field."""
    title = tr("Lỗi rải đều và lỗi nghiêng một phía", "Faults that cancel, and faults that lean")
    parts = [svg.text(20, 28, title, size=15, anchor="start")]
    rows = [
        (tr("60 % sai, mỗi hàng một kiểu", "60 % wrong, each in its own way"), [(40, svg.LOSS), (12, svg.WRONG), (12, svg.WRONG), (12, svg.WRONG), (12, svg.WRONG), (12, svg.WRONG)], tr("học điều đúng", "learns what is right")),
        (tr("60 % sai, cùng một kiểu", "60 % wrong, all in the same way"), [(40, svg.LOSS), (60, svg.WRONG)], tr("học điều sai", "learns what is wrong")),
    ]  # fmt: skip
    for number, (label, pieces, result) in enumerate(rows):
        y, x = 62 + number * 70, 20
        parts.append(svg.text(20, y - 8, label, size=13, anchor="start"))
        for share, fill in pieces:
            parts.append(svg.box(x, y, share * 4 - 3, 28, f"{share} %", fill=fill, size=12))
            x += share * 4
        parts.append(svg.text(x + 12, y + 19, result, size=13, anchor="start"))
    return svg.picture(640, 180, *parts, title=title)
