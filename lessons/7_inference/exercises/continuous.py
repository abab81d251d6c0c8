# vi 🐕 continuous: ai xong thì ra, người chờ vào ngay.
# vi Viết hàm bên dưới rồi chạy: smol check continuous
# vi Bài học: smol learn 7 batching      Gợi ý: smol hint continuous
# en 🐕 continuous: who is done leaves, who waits comes in at once.
# en Write the function below, then run: smol check continuous
# en Lesson: smol learn 7 batching      Hint: smol hint continuous


def finish_steps(requests: list[tuple[int, int]], slots: int) -> list[int]:
    """When each request gets its last token, under continuous batching.

    Time goes in steps from 0. A step begins with filling free slots: with the requests that have arrived by then (at this step
    or before), the earliest arrival first, of equals the one earlier in the list. Then every filled slot makes one token.
    A request that has all its tokens leaves at the end of the step; its slot is free at the beginning of the next one.

    Args:
        requests: (step of arrival, tokens to make, at least 1), in any order; there may be long times without any.
        slots: how many requests are computed together.

    Returns:
        For each request, in the order of the list, the step that made its last token.
    """
    # TODO
    raise NotImplementedError
