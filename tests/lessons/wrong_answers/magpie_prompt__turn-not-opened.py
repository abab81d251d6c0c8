from collections.abc import Callable

Message = dict[str, str]


def user_opening(render: Callable[[list[Message]], str], messages: list[Message]) -> str:
    return render(messages)


def user_turn(text: str, end: str) -> str:
    turn, found, _ = text.partition(end)
    return turn.strip() if found else ""
