"""Quizzes: predict, then see. What was answered goes into the progress file."""

from pathlib import Path

from smolcourse.course.lessons import Module, Question
from smolcourse.course.progress import note, read_progress

LETTERS = "abcdef"


def answered(workspace: Path, module: Module, number: int, choice: int) -> bool:
    """Notes an answer (question and choice from 0); whether it is right."""
    right = module.quiz[number].answer == choice
    note(workspace, "quiz", f"{module.number}/{number + 1}", choice=LETTERS[choice], right=right)
    return right


def score(workspace: Path, module: Module) -> tuple[int, int, int]:
    """(answered, right at the first try, all questions)."""
    events = [event for event in read_progress(workspace).events if event["event"] == "quiz"]
    first: dict[str, bool] = {}
    for event in events:
        if str(event.get("about", "")).startswith(f"{module.number}/"):
            first.setdefault(event["about"], bool(event.get("right")))
    return len(first), sum(first.values()), len(module.quiz)


def read_choice(text: str, question: Question) -> int | None:
    """`b` or `2` -> 1; None if it is no option."""
    text = text.strip().lower()[:1]
    place = LETTERS.find(text) if text.isalpha() else int(text) - 1 if text.isdigit() else -1
    return place if 0 <= place < len(question.options) else None
