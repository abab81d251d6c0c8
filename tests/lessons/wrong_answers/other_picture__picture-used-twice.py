from random import Random


def other_pictures(pictures: list[str], rng: Random) -> list[str]:
    order = list(dict.fromkeys(pictures))
    if len(order) < 2:
        raise ValueError("one picture cannot be exchanged")
    rng.shuffle(order)
    other = {one: rng.choice([two for two in order if two != one]) for one in order}
    return [other[picture] for picture in pictures]
