from random import Random


def other_pictures(pictures: list[str], rng: Random) -> list[str]:
    order = list(dict.fromkeys(pictures))
    if len(order) < 2:
        raise ValueError("one picture cannot be exchanged")
    rng.shuffle(order)
    other = dict(zip(dict.fromkeys(pictures), order, strict=True))
    return [other[picture] for picture in pictures]
