import codecs


def release(held: bytes, stops: list[str]) -> tuple[str, bytes, bool]:
    ends = [stop.encode() for stop in stops]
    found = [place for place in (held.find(end) for end in ends) if place >= 0]
    if found:
        first = min((held.find(end), len(end)) for end in ends if end in held)
        return held[: sum(first)].decode("utf-8", "replace"), b"", True
    waiting = max((size for end in ends for size in range(len(end)) if held.endswith(end[:size])), default=0)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(held[: len(held) - waiting])
    unfinished, _ = decoder.getstate()
    return text, unfinished + held[len(held) - waiting :], False
