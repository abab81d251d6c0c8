from random import Random


def other_pictures(pictures: list[str], rng: Random) -> list[str]:
    order = list(dict.fromkeys(pictures))
    if len(order) < 2:
        raise ValueError("one picture cannot be exchanged")
    rng.shuffle(order)
    return [rng.choice([other for other in order if other != picture]) for picture in pictures]
