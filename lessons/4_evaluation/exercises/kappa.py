# vi 🐢 kappa: hai người chấm đồng ý với nhau đến đâu, trừ đi may rủi?
# vi Viết hàm bên dưới rồi chạy: smol check kappa
# vi Bài học: smol learn 4 agreement      Gợi ý: smol hint kappa
# en 🐢 kappa: how far do two annotators agree, chance taken off?
# en Write the function below, then run: smol check kappa
# en Lesson: smol learn 4 agreement      Hint: smol hint kappa

from collections.abc import Sequence


def kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa (1960): (observed - expected) / (1 - expected); 1 where both always say the same one thing.

    `observed` is the share of questions on which they agree; `expected` the share on which they would, if each drew labels
    at random in the proportions in which he or she uses them.

    Args:
        first: the labels of one annotator, of any number of kinds; at least one.
        second: the other's, for the same questions in the same order.
    """
    # TODO
    raise NotImplementedError
