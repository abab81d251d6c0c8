"""The text against the tokenizer's own template, on conversations of several shapes."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.course.workbench import tokenizer
from smolcourse.data import milk_tea

TOKENIZER = tokenizer()


def check(mine: Mine, rng: Random) -> None:
    for turns, system, prompt in ((1, True, False), (2, True, True), (1, False, True), (3, False, False)):
        orders = milk_tea.generate(turns, seed=rng.randrange(1 << 30))
        messages = [message for order in orders for message in order["messages"][1:]]
        messages = [orders[0]["messages"][0], *messages] if system else messages
        messages = messages[:-1] if prompt else messages
        if rng.random() < 0.5:
            messages[-1] = {**messages[-1], "content": f"  {messages[-1]['content']}\n"}  # content is kept as it is
        wanted = TOKENIZER.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
        compare(mine.render(messages, add_generation_prompt=prompt), wanted, system, prompt)


def compare(got: Any, wanted: str, system: bool, prompt: bool) -> None:
    """Raises the misconception that a wrong text shows."""
    if got == wanted:
        return
    if not isinstance(got, str):
        raise Wrong(
            "not-a-string",
            f"phải trả về chuỗi, không phải {type(got).__name__}",
            f"return a string, not {type(got).__name__}",
            got=got,
        )
    shown = {"got": got, "wanted": wanted}
    opening = "<|im_start|>assistant\n"
    if prompt and got == wanted.removesuffix(opening):
        raise Wrong(
            "no-generation-prompt",
            "add_generation_prompt=True phải mở sẵn lượt assistant ở cuối; thiếu nó, mô hình có thể viết tiếp lượt của người dùng",
            "add_generation_prompt=True must open the assistant's turn at the end; without it the model may go on as the user",
            **shown,
            read="generation-prompt",
        )
    if prompt and got == f"{wanted}<|im_end|>\n":
        raise Wrong(
            "prompt-closed",
            "generation prompt bị đóng ngay: lượt của assistant phải để ngỏ",
            "the generation prompt is closed at once: the assistant's turn must stay open",
            **shown,
            read="generation-prompt",
        )
    if not prompt and got == wanted + opening:
        raise Wrong(
            "always-prompts",
            "lúc huấn luyện không được mở thêm một lượt assistant ở cuối",
            "in training no further assistant turn is opened at the end",
            **shown,
            read="generation-prompt",
        )
    if not system and got and wanted.endswith(got):
        raise Wrong(
            "no-default-system",
            "không có lượt system thì template tự thêm một lượt; bản của bạn không thêm",
            "without a system turn the template adds one; yours does not",
            **shown,
        )
    if system and got.count("<|im_start|>system") > 1:
        raise Wrong(
            "system-twice",
            "đã có lượt system mà vẫn thêm lượt mặc định",
            "the default system turn is added although there is one",
            **shown,
        )
    if got.count("<|im_end|>") < wanted.count("<|im_end|>"):
        raise Wrong(
            "end-left-out",
            "thiếu <|im_end|>: không có dấu này thì mô hình không học được cách dừng",
            "an <|im_end|> is missing: without it the model cannot learn to stop",
            **shown,
            read="end-of-turn",
        )
    if got.replace("\n", "") == wanted.replace("\n", ""):
        raise Wrong(
            "newlines",
            f"sai dấu xuống dòng: có {got.count(chr(10))}, cần {wanted.count(chr(10))}. Với mô hình, lệch một dấu đã là một văn bản khác",
            f"wrong newlines: {got.count(chr(10))} where there should be {wanted.count(chr(10))}. To the model that is another text",
            **shown,
        )
    if "".join(got.split()) == "".join(wanted.split()):
        raise Wrong(
            "content-stripped",
            "nội dung lượt thoại bị cắt khoảng trắng: template này giữ nguyên",
            "the content was stripped: this template keeps it as it is",
            **shown,
        )
    raise Wrong(
        "text-differs", "văn bản khác với template của tokenizer", "the text differs from the tokenizer's template", **shown
    )
