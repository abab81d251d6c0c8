"""Four divisors, one argmax."""

from collections.abc import Sequence

from smolcourse.evaluation.tasks import Item


def choice_scores(likelihoods: Sequence[tuple[float, int]], item: Item) -> dict[str, float]:
    def right(sizes: list[int]) -> float:
        values = [log / size for (log, _), size in zip(likelihoods, sizes, strict=True)]
        return float(item.choices[max(range(len(values)), key=values.__getitem__)] == item.gold)

    return {
        "acc": right([1] * len(likelihoods)),
        "acc_norm": right([len(choice) for choice in item.choices]),
        "acc_bytes": right([len(choice.encode()) for choice in item.choices]),
        "acc_token": right([tokens for _, tokens in likelihoods]),
    }
