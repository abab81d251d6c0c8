"""Each slot is free from a step on; whoever arrived first takes the slot that is free first."""

import heapq


def finish_steps(requests: list[tuple[int, int]], slots: int) -> list[int]:
    free = [0] * slots
    finished = [0] * len(requests)
    for index in sorted(range(len(requests)), key=lambda index: requests[index][0]):
        arrival, tokens = requests[index]
        begin = max(arrival, heapq.heappop(free))
        finished[index] = begin + tokens - 1
        heapq.heappush(free, begin + tokens)
    return finished
