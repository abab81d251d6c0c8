"""The pictures of module 5."""

import math

from smolcourse.course import svg
from smolcourse.language import tr


def parts() -> str:
    """Encoder, projector and language model, and what goes between them."""
    title = tr("Ba phần của một VLM", "The three parts of a VLM")
    stations = [
        (tr("ảnh", "picture"), svg.READ),
        (tr("bộ mã hoá ảnh", "image encoder"), svg.READ),
        (tr("pixel shuffle", "pixel shuffle"), svg.OURS),
        ("projector", svg.OURS),
        (tr("mô hình ngôn ngữ", "language model"), svg.READ),
        (tr("câu trả lời", "answer"), svg.LOSS),
    ]
    between = ["", tr("patch", "patches"), tr("ít hơn", "fewer"), tr("image token", "image tokens"), ""]
    drawn = [svg.text(20, 28, title, size=15, anchor="start")]
    for index, (label, fill) in enumerate(stations):
        x = 20 + index * 158
        drawn.append(svg.box(x, 60, 122, 44, label, fill=fill, size=12))
        if index < len(between):
            drawn.append(svg.arrow(x + 124, 82, x + 156, 82))
            drawn.append(svg.text(x + 140, 52, between[index], size=11))
    drawn.append(svg.box(652, 140, 122, 34, tr("câu hỏi", "question"), fill=svg.READ, size=12))
    drawn.append(svg.arrow(713, 138, 713, 106))
    return svg.picture(960, 190, *drawn, title=title)


def patches() -> str:
    """A picture of sixteen numbered patches, and one of them as a vector of three colours."""
    title = tr("Các patch theo thứ tự đọc", "Patches in reading order")
    drawn = [svg.text(20, 28, title, size=15, anchor="start")]
    for place in range(16):
        fill = svg.OURS if place == 6 else svg.READ
        drawn.append(svg.box(20 + place % 4 * 42, 46 + place // 4 * 42, 38, 38, str(place + 1), fill=fill, size=13))
    drawn.append(svg.arrow(196, 130, 246, 130))
    drawn.append(
        svg.text(252, 106, tr("patch 7, duỗi ra thành một vector", "patch 7, flattened into a vector"), size=13, anchor="start")
    )
    colours = [tr("đỏ", "red"), tr("lục", "green"), tr("lam", "blue")]
    for index, colour in enumerate(colours):
        for number in range(4):
            drawn.append(svg.box(252 + index * 128 + number * 30, 118, 27, 30, fill=svg.OURS))
        drawn.append(svg.text(252 + index * 128 + 58, 168, colour, size=12))
    return svg.picture(660, 226, *drawn, title=title)


def shuffle() -> str:
    """Four by four patches, the upper left square marked, and four tokens of four parts each."""
    title = tr("Pixel shuffle 2 × 2", "Pixel shuffle, 2 × 2")
    drawn = [svg.text(20, 28, title, size=15, anchor="start")]
    for row in range(4):
        for column in range(4):
            fill = svg.OURS if row < 2 and column < 2 else svg.READ
            x, y = 20 + column * 38 + 8 * (column // 2), 46 + row * 38 + 8 * (row // 2)
            drawn.append(svg.box(x, y, 35, 35, f"{row + 1}{'abcd'[column]}", fill=fill, size=12))
    drawn.append(svg.arrow(192, 118, 242, 118))
    drawn.append(svg.arrow(242, 136, 192, 136, colour=svg.READ))
    for token in range(4):
        for part in range(4):
            row, column = token // 2 * 2 + part // 2, token % 2 * 2 + part % 2
            fill = svg.OURS if token == 0 else svg.READ
            drawn.append(svg.box(254 + part * 40, 46 + token * 40, 37, 33, f"{row + 1}{'abcd'[column]}", fill=fill, size=12))
        drawn.append(svg.text(424, 68 + token * 40, tr(f"token {token + 1}", f"token {token + 1}"), size=13, anchor="start"))
    return svg.picture(510, 222, *drawn, title=title)


def white() -> str:
    """Points stretched along one direction, and the same points after whitening."""
    title = tr("Trước và sau khi làm trắng", "Before and after whitening")
    drawn = [svg.text(20, 28, title, size=15, anchor="start")]
    labels = (tr("patch như bộ mã hoá cho ra", "patches as the encoder gives them"), tr("đã làm trắng", "whitened"))
    for side, label in enumerate(labels):
        middle = 150 + side * 300
        drawn.append(svg.text(middle, 56, label, size=13))
        for number in range(60):
            radius, angle = math.sqrt((number + 0.5) / 60), number * 2.39996  # evenly over a disc
            along, across = radius * math.cos(angle), radius * math.sin(angle)
            long, short = (110 * along, 9 * across) if side == 0 else (62 * along, 62 * across)
            turn = -0.5
            x = middle + long * math.cos(turn) - short * math.sin(turn)
            y = 138 + long * math.sin(turn) + short * math.cos(turn)
            drawn.append(svg.box(x - 2.5, y - 2.5, 5, 5, fill=svg.OURS if side else svg.INK))
    return svg.picture(600, 222, *drawn, title=title)


def merge() -> str:
    """A row of tokens, where each takes its embedding from, and the row that results."""
    title = tr("Ảnh đứng vào chỗ của từ", "Pictures in the place of words")
    drawn = [svg.text(20, 28, title, size=15, anchor="start")]
    ids = [("user", False), ("▢", True), ("▢", True), ("▢", True), ("what", False), ("color", False), ("?", False)]
    drawn.append(svg.box(20, 100, 130, 36, tr("bảng embedding", "embedding table"), fill=svg.READ, size=12))
    drawn.append(svg.box(20, 150, 130, 36, "projector", fill=svg.OURS, size=12))
    for index, (label, image) in enumerate(ids):
        x = 210 + index * 74
        drawn.append(svg.box(x, 46, 66, 30, label, fill=svg.OURS if image else svg.READ, size=13))
        drawn.append(svg.arrow(x + 33, 78, x + 33, 206, colour=svg.OURS if image else svg.INK))
        drawn.append(svg.box(x, 208, 66, 30, fill=svg.OURS if image else svg.READ))
        if image:
            drawn.append(svg.box(x + 20, 155, 26, 26, str(index), fill=svg.OURS, size=12))
        else:
            drawn.append(svg.box(x + 20, 105, 26, 26, fill=svg.READ))
    return svg.picture(740, 254, *drawn, title=title)


def stages() -> str:
    """What learns in each of the two stages."""
    title = tr("Cái gì học ở giai đoạn nào", "What learns in which stage")
    drawn = [svg.text(20, 28, title, size=15, anchor="start")]
    rows = [
        (tr("1. mô tả", "1. captions"), [svg.READ, svg.LOSS, svg.READ], "describe the image → red circle"),
        (tr("2. câu hỏi", "2. questions"), [svg.READ, svg.LOSS, svg.LOSS], "is there a circle? → yes"),
    ]
    names = [tr("bộ mã hoá", "encoder"), "projector", tr("mô hình (LoRA)", "model (LoRA)")]
    for number, (label, fills, example) in enumerate(rows):
        y = 48 + number * 58
        drawn.append(svg.text(20, y + 24, label, size=13, anchor="start"))
        for index, (name, fill) in enumerate(zip(names, fills, strict=True)):
            drawn.append(svg.box(130 + index * 136, y, 126, 38, name, fill=fill, size=13))
        drawn.append(svg.text(548, y + 24, example, size=13, anchor="start"))
    drawn.append(svg.text(130, 178, tr("xanh lá: học; xám: đóng băng", "green: learns; grey: frozen"), size=12, anchor="start"))
    return svg.picture(790, 194, *drawn, title=title)
