import codecs


def release(held: bytes, stops: list[str]) -> tuple[str, bytes, bool]:
    ends = [stop.encode() for stop in stops]
    found = [place for place in (held.find(end) for end in ends) if place >= 0]
    if found:
        return held[: min(found)].decode("utf-8", "replace"), b"", True
    waiting = 0
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(held[: len(held) - waiting])
    unfinished, _ = decoder.getstate()
    return text, unfinished + held[len(held) - waiting :], False
