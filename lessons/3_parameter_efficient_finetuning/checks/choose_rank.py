"""Budgets just below and at a whole rank, far too small, and far too large."""

from random import Random

from smolcourse.course.checking import Mine, Wrong


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        shapes = [(rng.randint(200, 400), rng.randint(500, 900)) for _ in range(rng.randint(2, 4))]
        one = 16 * sum(map(sum, shapes))
        rank = rng.randint(9, 40)
        for budget in (one * rank, one * rank + rng.randint(1, one - 1), one * 5000, one - 1):
            compare(mine.choose_rank(shapes, budget), shapes, budget)


def compare(got: object, shapes: list[tuple[int, int]], budget: int) -> None:
    """Raises the misconception that a wrong rank shows."""
    sides, smallest = sum(map(sum, shapes)), min(map(min, shapes))
    wanted = min(budget // (16 * sides), smallest)
    if got == wanted:
        if isinstance(got, int):
            return
        raise Wrong("not-whole", "rank phải là số nguyên", "a rank is a whole number", got=got, wanted=wanted)
    known = [
        ("at-least-one", max(1, wanted), "ngân sách không đủ cho rank 1 thì trả về 0", "where the budget does not hold rank 1, return 0"),
        ("no-limit", budget // (16 * sides), f"vượt cạnh nhỏ nhất ({smallest}): rank của một ma trận không thể lớn hơn cạnh ngắn của nó", f"exceeds the smallest side ({smallest}): no matrix has a rank above its shorter side"),
        ("weights-only", min(budget // (4 * sides), smallest), "chỉ tính 4 byte của chính tham số; gradient và hai moment của AdamW tốn thêm 12", "counts only the parameter's own 4 bytes; gradient and AdamW's two moments take 12 more"),
        ("no-moments", min(budget // (8 * sides), smallest), "quên hai moment của AdamW: 16 byte, không phải 8", "forgets AdamW's two moments: 16 bytes, not 8"),
        ("rounded-up", min(-(-budget // (16 * sides)), smallest), "làm tròn lên: rank này không vừa ngân sách", "rounds up: this rank does not fit the budget"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if got == value:
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong(
        "rank-differs", "không phải rank lớn nhất vừa ngân sách", "not the largest rank that fits", got=got, wanted=wanted
    )
