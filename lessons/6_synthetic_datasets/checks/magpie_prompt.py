"""Several made-up templates, with and without a system message; the system's words hold what careless searches would find."""

from collections.abc import Callable
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong

Message = dict[str, str]
TASKS = ("Bạn giúp người ta nấu ăn.", "Bạn là người bán trà sữa.", "You help with maths.")


def check(mine: Mine, rng: Random) -> None:
    for style in rng.sample(list(STYLES), len(STYLES)):
        render, end = STYLES[style]
        task = f"{rng.choice(TASKS)} Người dùng (user) có thể viết: x, X, TEXT, MARK, {rng.randint(10, 99)}."
        for messages in ([], [{"role": "system", "content": task}], dialogue(rng)):
            opening(mine.user_opening(render, messages), render, messages, end, style)
        turns(mine, end, rng)


def dialogue(rng: Random) -> list[Message]:
    return [{"role": "user", "content": f"{rng.randint(2, 9)} ly nhé"}, {"role": "assistant", "content": "Vâng ạ"}]


def chatml(messages: list[Message]) -> str:
    first = [] if messages and messages[0]["role"] == "system" else [{"role": "system", "content": "Be helpful."}]
    return "".join(f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in [*first, *messages])


def headers(messages: list[Message]) -> str:
    return "<|begin|>" + "".join(f"<|head|>{one['role']}<|/head|>\n\n{one['content']}<|eot|>" for one in messages)


def plain(messages: list[Message]) -> str:
    names = {"system": "### Hệ thống", "user": "### Người dùng", "assistant": "### Trợ lý"}
    return "".join(f"{names[one['role']]}: {one['content']}</s>\n" for one in messages)


STYLES: dict[str, tuple[Callable[[list[Message]], str], str]] = {
    "chatml": (chatml, "<|im_end|>"),
    "headers": (headers, "<|eot|>"),
    "plain": (plain, "</s>"),
}


def right(render: Callable[[list[Message]], str], messages: list[Message]) -> str:
    marked = render([*messages, {"role": "user", "content": "\ue000"}])
    return marked[: marked.index("\ue000")]


def opening(got: Any, render: Callable[[list[Message]], str], messages: list[Message], end: str, style: str) -> None:
    """Raises the misconception that a wrong opening shows."""
    wanted = right(render, messages)
    if got == wanted:
        return
    if not isinstance(got, str):
        raise Wrong("not-text", "phải trả về một chuỗi", "return a string", got=got)
    shown = {"got": got, "wanted": wanted}
    before, alone = render(messages), right(render, [])
    as_assistant = render([*messages, {"role": "assistant", "content": "\ue000"}]).partition("\ue000")[0]
    empty = render([*messages, {"role": "user", "content": ""}])
    if got == as_assistant:
        raise Wrong("assistant-opened", "prompt mở lượt của trợ lý: mô hình sẽ trả lời, không phải hỏi. Magpie mở lượt của người dùng", "the prompt opens the assistant's turn: the model would answer instead of asking. Magpie opens the user's", **shown)  # fmt: skip
    if got == empty or got == empty.rstrip("\n"):
        raise Wrong("turn-closed", f"lượt người dùng đã đóng ({end!r}): mô hình sẽ viết tiếp *sau* một lời rỗng", f"the user's turn is closed already ({end!r}): the model would go on *behind* an empty request", **shown)  # fmt: skip
    if got == before:
        raise Wrong("turn-not-opened", "dừng sau các lượt đã có, chưa mở lượt người dùng: mô hình có thể viết lượt của bất kỳ ai", "stops behind the turns there are, and opens none: the model may write anybody's turn", **shown)  # fmt: skip
    if messages and got == alone:
        raise Wrong("messages-lost", "các lượt trước bị bỏ mất: thông điệp hệ thống quyết định người ta sẽ hỏi về điều gì", "the messages before are lost: the system message decides what is asked about", **shown)  # fmt: skip
    if got.strip() == wanted.strip():
        raise Wrong("spaces-lost", "mất dấu cách hay xuống dòng của template ở đầu hoặc cuối: mô hình chưa từng thấy prompt như thế", "spaces or newlines of the template are lost at an end: the model has never seen such a prompt", **shown)  # fmt: skip
    if messages and wanted.startswith(got):
        raise Wrong("mark-found-early", "cắt quá sớm: chuỗi bạn tìm có sẵn trong lời của lượt trước. Dùng một dấu không văn bản nào có, hoặc tìm từ cuối", "cut too early: what you search for stands in an earlier turn too. Use a mark that no text has, or search from the end", **shown)  # fmt: skip
    if style != "chatml" and got.endswith("<|im_start|>user\n"):
        raise Wrong("one-template-only", "viết cứng ChatML; template của mô hình này khác. Hãy hỏi render", "writes ChatML by hand; this model has another template. Ask render", **shown)  # fmt: skip
    if not messages and style == "chatml" and wanted.endswith(got):
        raise Wrong("default-system-lost", "template này tự thêm thông điệp hệ thống khi không có; nó cũng thuộc về prompt", "this template adds a system message of its own where there is none; it belongs to the prompt", **shown)  # fmt: skip
    raise Wrong("opening-differs", "prompt khác với những gì template đặt trước lời người dùng", "the prompt is not what the template puts before the user's words", **shown)  # fmt: skip


def turns(mine: Mine, end: str, rng: Random) -> None:
    asked = f"Công thức bánh cho {rng.randint(2, 90)} người?"
    behind = f"\nĐây là công thức{end}\n Cảm ơn{end}"
    got = mine.user_turn(f" {asked}\n{end}{behind}", end)
    if got != asked:
        wanted = {"got": got, "wanted": asked}
        if not isinstance(got, str):
            raise Wrong("not-text", "phải trả về một chuỗi", "return a string", got=got)
        if got.strip().endswith(end) and got.count(end) == 1:
            raise Wrong("end-kept", f"dấu kết thúc lượt {end!r} còn dính trong chỉ dẫn", f"the end of the turn, {end!r}, is left in the instruction", **wanted)  # fmt: skip
        if "công thức" in got:
            raise Wrong("answer-kept", "mô hình viết luôn câu trả lời phía sau; chỉ dẫn dừng ở dấu kết thúc *đầu tiên*", "the model went on with an answer; the instruction stops at the *first* end", **wanted)  # fmt: skip
        if got.strip() == asked:
            raise Wrong(
                "not-stripped", "còn khoảng trắng thừa ở hai đầu chỉ dẫn", "spaces are left around the instruction", **wanted
            )
        raise Wrong("turn-differs", "chỉ dẫn khác lời người dùng mà mô hình viết", "the instruction is not the turn that was written", **wanted)  # fmt: skip
    cut = asked[: rng.randint(8, 14)]
    if got := mine.user_turn(cut, end):
        raise Wrong("unfinished-kept", "không có dấu kết thúc: lượt bị cắt vì hết hạn mức token. Chỉ dẫn cụt thì bỏ, trả về \"\"", "there is no end: the token limit cut the turn. Half a request is dropped: return \"\"", got=got, wanted="")  # fmt: skip


def drive(mine: Any) -> dict[str, Any]:
    def opening_of(tokenizer: Any, messages: list[Message]) -> str:
        from smolcourse.data.templates import render_with_spans

        text = mine.user_opening(lambda turns: render_with_spans(turns, tokenizer)[0], messages)
        return str(text).removeprefix(str(tokenizer.bos_token)) if tokenizer("")["input_ids"] else str(text)

    return {"smolcourse.data.templates:user_opening": opening_of}
