"""Random models and conversations; what each forgotten factor would give is computed."""

from random import Random

from smolcourse.course.checking import Mine, Wrong


def check(mine: Mine, rng: Random) -> None:
    for number in (4, 2, 4, 2, 2):
        layers, kv_heads, size = rng.randint(5, 40), rng.choice([2, 3, 5]), rng.choice([16, 32, 64])
        heads = kv_heads * rng.choice([3, 4, 7])
        tokens = [rng.randint(300, 900) for _ in range(rng.randint(3, 9))]
        compare(mine, layers, heads, kv_heads, heads * size, tokens, rng.randint(50, 250), number)
    compare(mine, 12, 8, 4, 512, [rng.randint(300, 900) for _ in range(3)], 0, 4)


def compare(mine: Mine, layers: int, heads: int, kv_heads: int, width: int, tokens: list[int], shared: int, number: int) -> None:
    """Raises the misconception that a wrong count shows."""
    got = mine.kv_bytes(layers, heads, kv_heads, width, tokens, shared, number)
    held = shared + sum(count - shared for count in tokens)
    one = kv_heads * (width // heads)
    wanted = 2 * layers * one * held * number
    known = [
        ("keys-only", wanted / 2, "thiếu thừa số 2: có key, và có value", "the factor 2 is missing: there are keys, and values"),
        ("query-heads", 2 * layers * width * held * number, f"đếm {heads} đầu query; trong cache chỉ có {kv_heads} đầu key/value", f"counts {heads} query heads; the cache holds only {kv_heads} key/value heads"),
        ("layers-forgotten", wanted / layers, "mỗi tầng có cache riêng: thiếu số tầng", "each layer has its own cache: the number of layers is missing"),
        ("head-size-forgotten", 2 * layers * kv_heads * held * number, "một đầu gồm width / heads con số, không phải một", "a head is width / heads numbers, not one"),
        ("numbers-not-bytes", wanted / number, f"đây là số con số; mỗi con số chiếm {number} byte", f"this counts numbers; each takes {number} bytes"),
        ("prefix-each-time", 2 * layers * one * sum(tokens) * number, f"phần đầu chung bị tính {len(tokens)} lần; nó chỉ được giữ một bản", f"the shared beginning is counted {len(tokens)} times; it is kept once"),
        ("prefix-lost", 2 * layers * one * sum(count - shared for count in tokens) * number, "phần đầu chung bị bỏ quên: nó vẫn được giữ một bản", "the shared beginning is left out: it is still kept once"),
        ("longest-for-all", 2 * layers * one * (shared + len(tokens) * (max(tokens) - shared)) * number, "tính mọi cuộc thoại dài bằng cuộc dài nhất", "takes every conversation to be as long as the longest"),
    ]  # fmt: skip
    if got == wanted:
        return
    for name, value, vi, en in known:
        if got == value:
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong("count-differs", "số byte sai", "the bytes are wrong", got=got, wanted=wanted)
