def best_and_worst(responses: list[str], ratings: list[dict[str, int]], aspects: list[str], margin: float) -> list[str]:
    graded = [
        (sum(grades[aspect] for aspect in aspects) / len(aspects), response)
        for response, grades in zip(responses, ratings, strict=True)
        if all(aspect in grades for aspect in aspects)
    ]
    if len(graded) < 2:
        return []
    best = max(graded, key=lambda one: one[0])
    worst = min(graded, key=lambda one: one[0])
    return [worst[1], best[1]] if best[0] - worst[0] >= margin else []
