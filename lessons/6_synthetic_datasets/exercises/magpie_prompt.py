# vi 🐢 magpie_prompt: để mô hình tự viết lời người dùng.
# vi Viết hai hàm bên dưới rồi chạy: smol check magpie_prompt
# vi Bài học: smol learn 6 magpie      Gợi ý: smol hint magpie_prompt
# en 🐢 magpie_prompt: let the model write what users say.
# en Write the two functions below, then run: smol check magpie_prompt
# en Lesson: smol learn 6 magpie      Hint: smol hint magpie_prompt

from collections.abc import Callable

Message = dict[str, str]


def user_opening(render: Callable[[list[Message]], str], messages: list[Message]) -> str:
    """The text that the chat template puts before what a user says after these messages: all of it, and not a letter of what
    comes behind. A model that goes on from here writes the user's turn.

    Args:
        render: render(messages) is the chat template: it gives the whole text of a conversation, each turn closed. Templates
            differ; this one may be any. Some put a system message of their own where there is none.
        messages: what came before: often nothing, or one system message.
    """
    # TODO
    raise NotImplementedError


def user_turn(text: str, end: str) -> str:
    """What the model wrote, as an instruction: up to the first `end`, without spaces around it.

    Args:
        text: from the opening on; the model may have gone on behind its user's turn.
        end: what closes a turn in this template.

    Returns:
        "" where there is no `end`: the turn was cut by the token limit, and nobody knows what it would have asked.
    """
    # TODO
    raise NotImplementedError
