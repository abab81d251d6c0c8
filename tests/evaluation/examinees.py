"""Examinees without a model, for tests of this room."""

from smolcourse.evaluation.examinee import Examinee


def knows(right, *, name="m", tokens=2):
    """Finds a choice likely where `right(question, choice)` holds, writes what `right` alone returns for a prompt."""

    def weigh(requests):
        return [
            [(-1.0 if right(str(prompt), choice.strip()) else -5.0, tokens) for choice in choices] for prompt, choices in requests
        ]

    return Examinee(name, name, lambda prompts, _: [right(prompt[-1]["content"], "") for prompt in prompts], weigh)
