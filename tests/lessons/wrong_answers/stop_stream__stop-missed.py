import codecs


def release(held: bytes, stops: list[str]) -> tuple[str, bytes, bool]:
    ends = [stop.encode() for stop in stops]
    found = [len(held) - len(end) for end in ends if held.endswith(end)]
    if found:
        return held[: min(found)].decode("utf-8", "replace"), b"", True
    waiting = max((size for end in ends for size in range(len(end)) if held.endswith(end[:size])), default=0)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(held[: len(held) - waiting])
    unfinished, _ = decoder.getstate()
    return text, unfinished + held[len(held) - waiting :], False
