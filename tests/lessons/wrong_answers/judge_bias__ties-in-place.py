from typing import TypedDict


class Judged(TypedDict):
    first: str
    second: str
    x_words: int
    y_words: int
    people: str


def judge_bias(pairs: list[Judged]) -> dict[str, float]:
    verdicts = [letter for pair in pairs for letter in (pair["first"], pair["second"])]
    decided, flipped, longer, agreed = 0, 0, 0, 0
    for pair in pairs:
        one = {"A": "x", "B": "y", "C": "tie"}[pair["first"]]
        other = {"A": "y", "B": "x", "C": "tie"}[pair["second"]]
        decision = one if one == other else "tie"
        flipped += "tie" not in (one, other) and one != other
        agreed += decision == pair["people"]
        if decision != "tie" and pair["x_words"] != pair["y_words"]:
            decided += 1
            longer += decision == ("x" if pair["x_words"] > pair["y_words"] else "y")
    return {
        "place": verdicts.count("A") / len(verdicts) if verdicts else 0.5,
        "flipped": flipped / len(pairs),
        "longer": longer / decided if decided else 0.5,
        "agreement": agreed / len(pairs),
    }
