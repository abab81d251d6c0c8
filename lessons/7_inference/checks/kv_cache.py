"""Reading in one piece, writing token by token, reading on after writing: each against the whole conversation at once."""

from random import Random
from typing import Any

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close

Cache = tuple[Tensor, Tensor]


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        heads, size = rng.randint(2, 4), rng.choice([4, 6, 8])
        width = heads * size
        weights = {name: torch.randn(width, width) / width**0.5 for name in "qkvo"}
        x = torch.randn(rng.randint(11, 15), width)
        for past, new in ((0, rng.randint(4, 6)), (rng.randint(4, 6), 1), (rng.randint(4, 6), rng.randint(3, 5))):
            compare(mine, x[: past + new], weights, heads, past)
        chained(mine, x, weights, heads, rng)


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    angles = positions[:, None].float() * 10000.0 ** (-torch.arange(half) / half)
    left, right = x[..., :half], x[..., half:]
    return torch.cat([left * angles.cos() - right * angles.sin(), right * angles.cos() + left * angles.sin()], dim=-1)


def attend(x: Tensor, weights: dict[str, Tensor], heads: int, cache: Cache, *, first: int | None = None, mask: str = "right", scaled: bool = True, only_new: bool = False, turned: bool = False, query_at: int | None = None, bare: bool = False, again: bool = False, in_front: bool = False, rotated_values: bool = False) -> tuple[Tensor, Cache]:  # fmt: skip
    """Ours, and the ways to get it wrong."""
    t, d = x.shape
    past = cache[0].shape[1]
    q, k, v = ((x @ (weights[name] if turned else weights[name].T)).view(t, heads, d // heads).transpose(0, 1) for name in "qkv")
    begin = past if first is None else first
    places = torch.arange(begin, begin + t)
    fresh = k if bare else rotate(k, places)
    v = rotate(v, places) if rotated_values else v
    old = rotate(cache[0], torch.arange(past)) if again else cache[0]
    keys = fresh if only_new else torch.cat([fresh, old] if in_front else [old, fresh], dim=1)
    values = v if only_new else torch.cat([v, cache[1]] if in_front else [cache[1], v], dim=1)
    q = q if bare else rotate(q, places if query_at is None else places - begin + query_at)
    scores = q @ keys.transpose(1, 2) / ((d // heads) ** 0.5 if scaled else 1.0)
    wide = keys.shape[1]
    diagonal = {"right": wide - t + 1, "top-left": 1, "itself": wide - t}.get(mask, wide + 1)
    future = torch.ones(t, wide, dtype=torch.bool).triu(diagonal)
    mixed = scores.masked_fill(future, -torch.inf).softmax(dim=-1) @ values
    out = mixed.transpose(0, 1).reshape(t, d)
    return out @ (weights["o"] if turned else weights["o"].T), (keys, values)


def nothing(heads: int, width: int) -> Cache:
    return torch.zeros(heads, 0, width // heads), torch.zeros(heads, 0, width // heads)


def shaped(result: Any, new: int, width: int, heads: int, held: int) -> tuple[Tensor, Cache]:
    """The result's parts, if they have the right sizes."""
    good = isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Tensor) and isinstance(result[1], (tuple, list)) and len(result[1]) == 2  # fmt: skip
    if not good:
        raise Wrong("not-two", "phải trả về (đầu ra, (keys, values))", "return (output, (keys, values))", got=result)
    out, (keys, values) = result
    size = width // heads
    if list(keys.shape) == [heads, held - new, size]:
        raise Wrong("cache-not-extended", f"cache trả về vẫn có {held - new} token: thiếu key và value của {new} token mới", f"the returned cache still has {held - new} tokens: keys and values of the {new} new ones are missing", got=list(keys.shape))  # fmt: skip
    if held > new and list(keys.shape) == [heads, new, size]:
        raise Wrong("cache-overwritten", f"cache trả về chỉ có {new} token mới: {held - new} token cũ bị bỏ mất", f"the returned cache has the {new} new tokens only: {held - new} old ones are lost", got=list(keys.shape))  # fmt: skip
    if list(out.shape) != [new, width] or list(keys.shape) != [heads, held, size] or keys.shape != values.shape:
        raise Wrong("shape", f"cần đầu ra [{new}, {width}], cache [{heads}, {held}, {size}]", f"output [{new}, {width}] and cache [{heads}, {held}, {size}] are wanted", got=[list(out.shape), list(keys.shape), list(values.shape)])  # fmt: skip
    return out, (keys, values)


def compare(mine: Mine, x: Tensor, weights: dict[str, Tensor], heads: int, past: int) -> None:
    """The tokens behind `past`, given our cache of those before."""
    width, new = x.shape[1], len(x) - past
    whole, full = attend(x, weights, heads, nothing(heads, width))
    cache = (full[0][:, :past].clone(), full[1][:, :past].clone())
    fresh = x[past:].clone()
    out, held = shaped(mine.attend(fresh, weights, heads, cache), new, width, heads, past + new)
    wanted = whole[past:]

    def alike(**mistake: Any) -> bool:
        return close(out, attend(fresh, weights, heads, cache, **mistake)[0])

    if not close(out, wanted):
        known: list[tuple[str, dict[str, Any], str, str]] = [
            ("positions-restart", {"first": 0}, f"vị trí lại đếm từ 0; trước đó đã có {past} token, token mới đứng ở vị trí {past}", f"positions begin at 0 again; {past} tokens came before, so the first new one stands at {past}"),
            ("position-off-by-one", {"first": past + 1}, f"vị trí lệch một: token mới đầu tiên đứng ở {past}, không phải {past + 1}", f"positions are off by one: the first new token stands at {past}, not at {past + 1}"),
            ("position-off-by-one", {"first": past - 1}, f"vị trí lệch một: token mới đầu tiên đứng ở {past}, không phải {past - 1}", f"positions are off by one: the first new token stands at {past}, not at {past - 1}"),
            ("query-position", {"query_at": 0}, "key được xoay theo đúng vị trí nhưng query thì đếm lại từ 0", "keys are rotated by the right positions, queries count from 0 again"),
            ("not-rotated", {"bare": True}, "query và key chưa được xoay theo vị trí", "queries and keys are not rotated by their positions"),
            ("rotated-twice", {"again": True}, "key trong cache đã xoay rồi lại bị xoay thêm lần nữa", "keys of the cache are rotated already, and here once more"),
            ("values-rotated", {"rotated_values": True}, "value cũng bị xoay; chỉ query và key mang vị trí", "values are rotated too; only queries and keys carry positions"),
            ("sees-future", {"mask": "none"}, "token mới đọc được cả token mới đứng sau nó: thiếu mặt nạ nhân quả", "a new token reads the new ones behind it: the causal mask is missing"),
            ("mask-not-shifted", {"mask": "top-left"}, f"mặt nạ tam giác bắt đầu từ token đầu của cache: token mới thứ i chỉ thấy i + 1 token. Nó phải thấy {past} + i + 1", f"the triangle starts at the cache's first token: new token i sees i + 1 tokens. It must see {past} + i + 1"),
            ("not-itself", {"mask": "itself"}, "token mới không đọc chính nó: mặt nạ lệch một", "a new token does not read itself: the mask is off by one"),
            ("cache-not-read", {"only_new": True}, f"chỉ nhìn token mới: {past} token trong cache không được đọc", f"looks at new tokens only: the {past} in the cache are not read"),
            ("in-front", {"in_front": True}, "key và value mới được đặt trước những cái cũ", "new keys and values stand before the old ones"),
            ("not-scaled", {"scaled": False}, "thiếu phép chia cho √e", "the division by √e is missing"),
            ("transposed", {"turned": True}, "x @ W thay cho x @ W.T", "x @ W for x @ W.T"),
        ]  # fmt: skip
        for name, mistake, vi, en in known:
            if alike(**mistake):
                raise Wrong(name, vi, en, got=out[0], wanted=wanted[0])
        raise Wrong("output-differs", f"đầu ra khác phép tính trọn vẹn ({past} token trong cache, {new} token mới)", f"the output is not that of the whole computation ({past} tokens in the cache, {new} new)", got=out[0], wanted=wanted[0])  # fmt: skip
    for name, got, right in (("keys", held[0], full[0]), ("values", held[1], full[1])):
        if close(got, right):
            continue
        if name == "keys" and close(got[:, past:], attend(fresh, weights, heads, cache, bare=True)[1][0][:, past:]):
            raise Wrong("keys-not-rotated", "đầu ra đúng, nhưng key được cất khi chưa xoay: lần sau chúng bị coi là đã xoay", "the output is right, but keys are kept before their rotation: the next call takes them for rotated", got=got[0], wanted=right[0])  # fmt: skip
        off = [attend(fresh, weights, heads, cache, first=past + step)[1][0] for step in (-1, 1)]
        if name == "keys" and any(close(got, keys) for keys in off):
            raise Wrong("position-off-by-one", f"key được xoay lệch một vị trí: token mới đầu tiên đứng ở {past}", f"keys are rotated by a position that is off by one: the first new token stands at {past}", got=got[0], wanted=right[0])  # fmt: skip
        raise Wrong("cache-differs", f"đầu ra đúng, nhưng {name} trong cache trả về thì sai", f"the output is right, the {name} in the returned cache are not", got=got[0], wanted=right[0])  # fmt: skip


def chained(mine: Mine, x: Tensor, weights: dict[str, Tensor], heads: int, rng: Random) -> None:
    """A conversation through the learner's own cache: prompt, some tokens one by one, another prompt."""
    whole, _ = attend(x, weights, heads, nothing(heads, x.shape[1]))
    cache, at = nothing(heads, x.shape[1]), 0
    for new in (rng.randint(3, 4), 1, 1, 3):
        out, cache = shaped(mine.attend(x[at : at + new].clone(), weights, heads, cache), new, x.shape[1], heads, at + new)
        if not close(out, whole[at : at + new], tolerance=1e-3):
            raise Wrong("drifts", f"mỗi bước riêng thì đúng, nhưng nối tiếp nhau thì lệch từ token {at}", f"each step alone is right; one after another they drift from token {at}", got=out[0], wanted=whole[at])  # fmt: skip
        at += new
