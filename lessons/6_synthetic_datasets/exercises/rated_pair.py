# vi 🐢 rated_pair: từ điểm của giám khảo đến một cặp so sánh.
# vi Viết hàm bên dưới rồi chạy: smol check rated_pair
# vi Bài học: smol learn 6 pairs      Gợi ý: smol hint rated_pair
# en 🐢 rated_pair: from a judge's grades to a preference pair.
# en Write the function below, then run: smol check rated_pair
# en Lesson: smol learn 6 pairs      Hint: smol hint rated_pair


def best_and_worst(responses: list[str], ratings: list[dict[str, int]], aspects: list[str], margin: float) -> list[str]:
    """The pair [chosen, rejected] of several responses to one request; [] where there is none to be had.

    A response's grade is the mean of its grades over all aspects. A response that lacks the grade of any aspect (the judge's
    answer could not be read) is left out. Chosen is the response with the highest grade, rejected the one with the lowest; of
    equal ones the one that is earlier in the list. There is no pair where the two grades differ by less than `margin`, nor
    where fewer than two responses are left.

    Args:
        responses: all different.
        ratings: for each response the grades that could be read, 1 to 5 by aspect.
        aspects: what was graded; at least one.
        margin: above 0.
    """
    # TODO
    raise NotImplementedError
