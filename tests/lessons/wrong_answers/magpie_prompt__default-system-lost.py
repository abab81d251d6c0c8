from collections.abc import Callable

Message = dict[str, str]


def user_opening(render: Callable[[list[Message]], str], messages: list[Message]) -> str:
    mark = "\N{LEFT BLACK LENTICULAR BRACKET}here\N{RIGHT BLACK LENTICULAR BRACKET}"
    if not messages:
        full = render([{"role": "user", "content": mark}]).removeprefix(render([{"role": "system", "content": "Be helpful."}]))
        return full.rpartition(mark)[0]
    return render([*messages, {"role": "user", "content": mark}]).rpartition(mark)[0]


def user_turn(text: str, end: str) -> str:
    turn, found, _ = text.partition(end)
    return turn.strip() if found else ""
