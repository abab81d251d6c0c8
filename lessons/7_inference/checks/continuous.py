"""Random arrivals with quiet times between; schedulers that break one rule each are played through."""

from collections.abc import Callable
from random import Random

from smolcourse.course.checking import Mine, Wrong

Requests = list[tuple[int, int]]


def play(requests: Requests, slots: int, *, static: bool = False, pause: int = 0, late: int = 0, known_early: bool = False, order: Callable[[int], tuple[int, ...]] | None = None) -> list[int]:  # fmt: skip
    """Step by step, with the ways to get it wrong."""
    order = order or (lambda index: (requests[index][0], index))
    finished, left = [-1] * len(requests), {index: tokens for index, (_, tokens) in enumerate(requests)}
    running: dict[int, int] = {}  # slot -> request
    free_from = [0] * slots
    waiting, step = set(range(len(requests))), 0
    while waiting or running:
        ready = sorted((i for i in waiting if known_early or requests[i][0] + late <= step), key=order)
        if not (static and running):
            for slot in range(slots):
                if ready and slot not in running and free_from[slot] <= step:
                    running[slot] = ready.pop(0)
                    waiting.discard(running[slot])
        for slot, index in list(running.items()):
            left[index] -= 1
            if not left[index]:
                finished[index] = step
                free_from[slot] = step + 1 + pause
                del running[slot]
        step += 1
    return finished


def check(mine: Mine, rng: Random) -> None:
    for _ in range(5):
        slots, requests = rng.randint(2, 4), list[tuple[int, int]]()
        for begin in (0, rng.randint(120, 200)):
            requests += [(begin + rng.randint(0, 12), rng.randint(1, 14)) for _ in range(rng.randint(8, 12))]
        requests.append(requests[rng.randrange(len(requests))])
        rng.shuffle(requests)
        compare(mine, requests, slots)


def reused(requests: Requests, slots: int) -> list[int]:
    """A slot that is freed and used again within one step."""
    finished, free = [0] * len(requests), [0] * slots
    for index in sorted(range(len(requests)), key=lambda index: requests[index][0]):
        arrival, tokens = requests[index]
        slot = free.index(min(free))
        finished[index] = max(arrival, free[slot]) + tokens - 1
        free[slot] = finished[index]
    return finished


def compare(mine: Mine, requests: Requests, slots: int) -> None:
    """Raises the misconception that wrong steps show."""
    got, wanted = mine.finish_steps(requests, slots), play(requests, slots)
    if got == wanted:
        return
    if not isinstance(got, list) or len(got) != len(requests):
        raise Wrong("shape", f"cần danh sách {len(requests)} bước, theo thứ tự của requests", f"a list of {len(requests)} steps is wanted, in the order of requests", got=got)  # fmt: skip
    known: list[tuple[str, list[int], str, str]] = [
        ("waits-for-the-batch", play(requests, slots, static=True), "chờ cả nhóm xong mới nhận nhóm mới: đó là static batching, chỗ trống đứng không", "waits until the whole group is done: that is static batching, and free slots stand idle"),
        ("slot-idle-a-step", play(requests, slots, pause=1), "chỗ vừa trống bị bỏ không một bước: xong ở bước s thì bước s + 1 đã dùng được", "a freed slot stands idle for a step: done in step s, it can be used in s + 1"),
        ("slot-reused-at-once", reused(requests, slots), "chỗ vừa xong ở bước s lại chạy yêu cầu khác trong chính bước s: hai token một bước", "a slot that ends in step s runs another request in the same step: two tokens at once"),
        ("one-step-late", [step + 1 for step in wanted], "trả về bước sau bước cuối cùng: lệch một", "returns the step behind the last one: off by one"),
        ("one-step-late", play(requests, slots, late=1), "yêu cầu đến ở bước s chỉ được vào từ s + 1; nó vào được ngay ở s", "a request that arrives at s enters at s + 1; it may enter at s"),
        ("arrival-ignored", play(requests, slots, known_early=True), "yêu cầu được chạy trước khi nó đến", "a request runs before it has arrived"),
        ("arrival-ignored", play([(0, tokens) for _, tokens in requests], slots), "không xét lúc đến: coi như mọi yêu cầu có từ bước 0", "arrivals are ignored: as if all were there at step 0"),
        ("shortest-first", play(requests, slots, order=lambda i: (requests[i][1], requests[i][0], i)), "ưu tiên yêu cầu ngắn; phải theo thứ tự đến, nếu không yêu cầu dài chờ mãi", "takes short ones first; go by arrival, or long ones wait for ever"),
        ("longest-first", play(requests, slots, order=lambda i: (-requests[i][1], requests[i][0], i)), "ưu tiên yêu cầu dài; phải theo thứ tự đến", "takes long ones first; go by arrival"),
        ("list-order", play(requests, slots, order=lambda i: (i,)), "theo thứ tự trong danh sách; phải theo lúc đến", "goes by the list; go by arrival"),
        ("last-come-first", play(requests, slots, order=lambda i: (-requests[i][0], i)), "ai đến sau được vào trước", "who comes last enters first"),
        ("slots-ignored", [arrival + tokens - 1 for arrival, tokens in requests], f"không ai phải chờ: quên mất chỉ có {slots} chỗ", f"nobody waits: there are only {slots} slots"),
        ("one-at-a-time", play(requests, 1), f"chạy từng yêu cầu một; có {slots} chỗ", f"runs one request at a time; there are {slots} slots"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if got == value:
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    first = next(i for i, (a, b) in enumerate(zip(got, wanted, strict=True)) if a != b)
    raise Wrong("steps-differ", f"yêu cầu {first} (đến lúc {requests[first][0]}, {requests[first][1]} token) xong ở bước khác", f"request {first} (arrives at {requests[first][0]}, {requests[first][1]} tokens) ends at another step", got=got, wanted=wanted)  # fmt: skip
