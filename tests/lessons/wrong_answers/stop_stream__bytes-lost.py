def release(held: bytes, stops: list[str]) -> tuple[str, bytes, bool]:
    ends = [stop.encode() for stop in stops]
    found = [place for place in (held.find(end) for end in ends) if place >= 0]
    if found:
        return held[: min(found)].decode("utf-8", "replace"), b"", True
    waiting = max((size for end in ends for size in range(len(end)) if held.endswith(end[:size])), default=0)
    text = held[: len(held) - waiting].decode("utf-8", "ignore")
    return text, held[len(held) - waiting :], False
