"""Conversions of random conversations, with every speaker's name, in any case; and one speaker nobody knows."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.data.conversions import SHAREGPT_ROLES

NAMES = {name: role for name, role in SHAREGPT_ROLES.items() if name not in ("bot", "function_call", "function_response")}
WORDS = ("trà đào", "  size L\n", "ít đá", "<b>50%</b>", "cảm ơn nha", "", "1 ly")


def check(mine: Mine, rng: Random) -> None:
    for number in range(8):
        speakers = rng.sample(sorted(NAMES), 3) if number else ["human", "gpt"]
        turns = [{"from": rng.choice((str.lower, str.title))(name), "value": rng.choice(WORDS)} for name in speakers]
        row: dict[str, Any] = {"conversations": turns, "id": number}
        if number % 3:
            row["system"] = ("Ghi đơn.", " ")[number % 2]
        compare(mine.from_sharegpt(row), row)
    stranger = rng.choice(("narrator", "moderator", "ai-2"))
    try:
        got = mine.from_sharegpt({"conversations": [{"from": "human", "value": "x"}, {"from": stranger, "value": "y"}]})
    except ValueError as error:
        if stranger not in str(error):
            raise Wrong(
                "error-says-nothing",
                f"thông báo lỗi không nêu tên vai lạ {stranger!r}",
                f"the error does not say that the speaker is {stranger!r}",
                got=str(error),
            ) from None
        return
    except KeyError as error:
        raise Wrong(
            "not-a-value-error",
            "vai lạ làm code dừng bằng KeyError; cần ValueError nói rõ vai nào",
            "an unknown speaker ends in a KeyError; raise a ValueError that names it",
            got=repr(error),
        ) from None
    raise Wrong(
        "guesses-the-role",
        f"vai lạ {stranger!r} bị đoán bừa thay vì báo lỗi: đoán sai là dạy mô hình nói nhầm vai",
        f"the unknown speaker {stranger!r} is guessed: a wrong guess trains the wrong side",
        got=got,
        read="debugging",
    )


def compare(got: Any, row: dict[str, Any]) -> None:
    """Raises the misconception that a wrong conversion shows."""
    system = row.get("system", "")
    head = [{"role": "system", "content": system}] if system.strip() else []
    wanted = {
        "messages": head + [{"role": NAMES[turn["from"].lower()], "content": turn["value"]} for turn in row["conversations"]]
    }
    if got == wanted:
        return
    shown = {"got": got, "wanted": wanted}
    if not isinstance(got, dict) or not isinstance(got.get("messages"), list):
        raise Wrong("shape", 'phải trả về {"messages": [...]}', 'return {"messages": [...]}', **shown)
    messages = got["messages"]
    if head and messages == wanted["messages"][1:]:
        raise Wrong(
            "system-lost",
            'mất lượt system nằm ở cột riêng row["system"]',
            'the system text in its own column row["system"] is lost',
            **shown,
        )
    if not system.strip() and len(messages) == len(wanted["messages"]) + 1:
        raise Wrong("blank-system", "cột system trống cũng thành một lượt", "a blank system column becomes a turn", **shown)
    if len(messages) != len(wanted["messages"]):
        raise Wrong(
            "turns-lost",
            f"có {len(messages)} lượt, đúng ra phải là {len(wanted['messages'])}",
            f"{len(messages)} turns where there are {len(wanted['messages'])}",
            **shown,
        )
    if any(set(message) != {"role", "content"} for message in messages):
        raise Wrong("keys", "mỗi lượt chỉ có hai khoá role và content", "each turn has the two keys role and content", **shown)
    for turn, message, right in zip([None] * len(head) + row["conversations"], messages, wanted["messages"], strict=True):
        if message["role"] != right["role"]:
            name = turn["from"] if turn else "system"
            if message["role"] == name:
                raise Wrong(
                    "roles-kept",
                    f"vai {name!r} bị để nguyên: chat template chỉ biết system, user, assistant, tool",
                    f"the speaker {name!r} is kept: chat templates know system, user, assistant, tool",
                    **shown,
                )
            raise Wrong(
                "wrong-role",
                f"{name!r} phải thành {right['role']!r}, không phải {message['role']!r}",
                f"{name!r} becomes {right['role']!r}, not {message['role']!r}",
                **shown,
            )
        if message["content"] != right["content"]:
            raise Wrong(
                "content-changed",
                f"nội dung bị sửa: {right['content']!r} thành {message['content']!r}",
                f"the content was changed: {right['content']!r} to {message['content']!r}",
                **shown,
            )
