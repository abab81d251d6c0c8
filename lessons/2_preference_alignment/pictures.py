"""The pictures of module 2."""

from math import exp, log

from smolcourse.course import svg
from smolcourse.language import tr


def way() -> str:
    """RLHF's loop of four models beside DPO's single loss."""
    title = tr("Từ cặp so sánh đến mô hình: hai con đường", "From pairs to a model: two ways")
    pairs = tr("cặp so sánh", "pairs")
    parts = [
        svg.text(20, 28, title, size=15, anchor="start"),
        svg.text(200, 62, "RLHF"),
        svg.box(130, 76, 140, 30, pairs, fill=svg.READ),
        svg.arrow(200, 108, 200, 132),
        svg.box(130, 134, 140, 30, tr("mô hình reward", "reward model"), fill=svg.OURS),
        svg.arrow(200, 166, 200, 200),
        svg.text(212, 187, tr("chấm", "grades"), size=12, anchor="start"),
        svg.box(110, 202, 180, 34, tr("mô hình đang học", "the trained model"), fill=svg.LOSS),
        svg.box(20, 262, 150, 30, tr("tham chiếu", "reference"), fill=svg.READ, size=13),
        svg.box(230, 262, 150, 30, tr("mạng giá trị", "value network"), fill=svg.OURS, size=13),
        svg.arrow(110, 260, 150, 240),
        svg.arrow(290, 260, 250, 240),
        svg.line([(290, 226), (370, 226), (370, 150)], colour=svg.INK),
        svg.arrow(370, 150, 274, 150),
        svg.text(378, 192, tr("câu tự viết", "own answers"), size=12, anchor="start"),
        svg.text(590, 62, "DPO"),
        svg.box(520, 76, 140, 30, pairs, fill=svg.READ),
        svg.arrow(590, 108, 590, 132),
        svg.box(500, 134, 180, 30, "−log σ(β · delta)", fill=svg.OURS),
        svg.arrow(590, 166, 590, 200),
        svg.box(500, 202, 180, 34, tr("mô hình đang học", "the trained model"), fill=svg.LOSS),
        svg.box(500, 262, 180, 30, tr("tham chiếu, tính một lần", "reference, computed once"), fill=svg.READ, size=13),
        svg.arrow(590, 260, 590, 240),
    ]
    return svg.picture(720, 310, *parts, title=title)


def losses() -> str:
    """Four losses over delta, beta = 1, on one pair of axes."""
    title = tr("Loss theo delta (β = 1)", "The loss over delta (β = 1)")
    shapes = [
        ("sigmoid (DPO)", svg.OURS, lambda d: log(1 + exp(-d))),
        ("hinge (SLiC)", svg.WRONG, lambda d: max(0.0, 1 - d)),
        ("IPO", svg.LOSS, lambda d: (d - 0.5) ** 2),
        ("label smoothing 0.1", svg.INK, lambda d: 0.9 * log(1 + exp(-d)) + 0.1 * log(1 + exp(d))),
    ]
    left, bottom, wide, high = 60.0, 230.0, 90.0, 62.0
    parts = [svg.text(20, 28, title, size=15, anchor="start"), svg.line([(left - 10, bottom), (620, bottom)], colour=svg.READ)]
    zero = left + 2 * wide
    parts += [svg.line([(zero, bottom), (zero, 44)], colour=svg.READ), svg.text(zero, 248, "delta = 0", size=12)]
    for number, (label, colour, loss) in enumerate(shapes):
        places = [-2 + step / 20 for step in range(121)]
        drawn = [(left + (d + 2) * wide, bottom - high * loss(d)) for d in places if loss(d) <= 2.95]
        parts.append(svg.line(drawn, colour=colour))
        parts.append(svg.box(462, 50 + 24 * number, 14, 14, fill=colour))
        parts.append(svg.text(484, 62 + 24 * number, label, size=13, anchor="start"))
    return svg.picture(640, 260, *parts, title=title)


def pairs() -> str:
    """One order, four sampled answers, their scores, and the pairs they give."""
    title = tr("Một prompt, bốn câu tự viết, ba cặp", "One prompt, four answers of its own, three pairs")
    answers = [('[{"ly": 2}]', 1), ('[{"ly": 1}]', 0), ('[{"ly": "2"}]', 0), ("2 ly", 0)]
    parts = [
        svg.text(20, 28, title, size=15, anchor="start"),
        svg.box(20, 110, 140, 36, tr("cho mình 2 ly", "two, please"), fill=svg.READ),
        svg.text(230, 60, tr("lấy mẫu", "sample"), size=12),
        svg.text(395, 60, tr("chấm", "score"), size=12),
        svg.text(560, 60, tr("ghép", "pair"), size=12),
    ]
    for number, (text, score) in enumerate(answers):
        y = 74 + number * 40
        parts.append(svg.arrow(164, 128, 216, y + 15))
        parts.append(svg.box(220, y, 140, 30, text, fill=svg.LOSS if score else svg.WRONG, size=13))
        parts.append(svg.text(395, y + 20, tr("đúng", "right") if score else tr("sai", "wrong"), size=13))
        if not score:
            parts.append(svg.box(450, y, 220, 30, f"{answers[0][0]}  ≻  {text}", fill=svg.READ, size=12))
    return svg.picture(690, 250, *parts, title=title)


def curves() -> str:
    """Three sketches of both log-probabilities; the margin between them grows in all."""
    steps = range(21)
    margin = [0.05 + 0.35 * (1 - 0.88**step) for step in steps]  # the same in all three
    runs = [
        (tr("khoẻ mạnh", "healthy"), [0.55 + 0.15 * (1 - 0.85**step) for step in steps]),
        (tr("cả hai cùng tụt", "both fall"), [0.85 - 0.018 * step for step in steps]),
        (tr("sụp đổ", "collapse"), [0.8 + 0.007 * step if step < 7 else max(0.42, 0.85 - 0.09 * (step - 7)) for step in steps]),
    ]
    title = tr("Hai log xác suất trong lúc học (phác hoạ)", "Both log-probabilities in training (sketches)")
    parts = [svg.text(20, 26, title, size=15, anchor="start")]
    for number, (label, chosen) in enumerate(runs):
        x = 20 + number * 190
        rejected = [height - apart for height, apart in zip(chosen, margin, strict=True)]
        parts.append(svg.box(x, 40, 170, 130, fill="#f4f6f8"))
        for heights, colour in ((chosen, svg.LOSS), (rejected, svg.WRONG)):
            parts.append(svg.line([(x + 8 + 154 * s / 20, 162 - 140 * h) for s, h in enumerate(heights)], colour=colour))
        parts.append(svg.text(x + 85, 192, label, size=13))
    for place, (colour, label) in enumerate(((svg.LOSS, tr("được chọn", "chosen")), (svg.WRONG, tr("bị loại", "rejected")))):
        parts.append(svg.box(20 + 140 * place, 206, 14, 14, fill=colour))
        parts.append(svg.text(42 + 140 * place, 218, label, size=13, anchor="start"))
    return svg.picture(590, 232, *parts, title=title)
