# vi 🐕 evol_step: làm yêu cầu khó dần, và biết khi nào một bước đã hỏng.
# vi Viết hai hàm bên dưới rồi chạy: smol check evol_step
# vi Bài học: smol learn 6 evol      Gợi ý: smol hint evol_step
# en 🐕 evol_step: make requests harder step by step, and know when a step has failed.
# en Write the two functions below, then run: smol check evol_step
# en Lesson: smol learn 6 evol      Hint: smol hint evol_step

from collections.abc import Callable

from smolcourse.data.text import comparable

LEAKS = ("yêu cầu mới", "yêu cầu gốc", "new request", "original request", "rewritten")


def failed(text: str, before: str) -> str:
    """Why a rewriting is none; "" for a good one. The first that holds of:

    "nothing new": the text is empty, or equal to `before` in the form of `comparable`.
    "speaks of the rewriting": one of LEAKS stands in it, capitals aside, that does not stand in `before`.
    "too long": it has more than 3 * (words of `before`) + 60 words. Words are what `split()` gives.

    Args:
        text: what the model wrote.
        before: the instruction that it was to rewrite.
    """
    # TODO
    raise NotImplementedError


def evolve(instruction: str, ways: list[str], ask: Callable[[str, str], str]) -> list[str]:
    """One instruction made harder again and again: a round for each way, in order, each of what the round before made.

    Args:
        ways: such as "add one constraint".
        ask: ask(way, instruction) gives the model's rewriting, maybe with spaces around it. Each question costs money.

    Returns:
        The new instructions, without spaces around them. The first failed round ends it, and its text is not among them.
    """
    # TODO
    raise NotImplementedError
