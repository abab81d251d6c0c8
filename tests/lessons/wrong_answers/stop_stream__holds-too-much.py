import codecs


def release(held: bytes, stops: list[str]) -> tuple[str, bytes, bool]:
    ends = [stop.encode() for stop in stops]
    found = [place for place in (held.find(end) for end in ends) if place >= 0]
    if found:
        return held[: min(found)].decode("utf-8", "replace"), b"", True
    waiting = min(len(held), max((len(end) - 1 for end in ends), default=0))
    while waiting and waiting < len(held) and held[len(held) - waiting] & 0xC0 == 0x80:
        waiting += 1
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(held[: len(held) - waiting])
    unfinished, _ = decoder.getstate()
    return text, unfinished + held[len(held) - waiting :], False
