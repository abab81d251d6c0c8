from random import Random


def other_pictures(pictures: list[str], rng: Random) -> list[str]:
    order = list(dict.fromkeys(pictures))
    rng.shuffle(order)
    other = dict(zip(order, order[1:] + order[:1], strict=True))
    return [other[picture] for picture in pictures]
