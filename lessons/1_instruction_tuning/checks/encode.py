"""The loss mask, against ours, on conversations drawn anew each time."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.course.workbench import tokenizer
from smolcourse.data import chat, milk_tea

TOKENIZER = tokenizer()
START, END = TOKENIZER.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])


def check(mine: Mine, rng: Random) -> None:
    for turns in (1, 1, 2, 3):
        row = conversation(rng, turns)
        ours = chat.encode(row, TOKENIZER)
        ids, mask = pair(mine.encode(row, TOKENIZER))
        compare(ids, mask, list(ours.input_ids), list(ours.loss_mask), row)


def conversation(rng: Random, turns: int) -> dict[str, Any]:
    """Orders one after another in one conversation; sometimes without a system turn."""
    orders = milk_tea.generate(turns, seed=rng.randrange(1 << 30))
    messages = [message for order in orders for message in order["messages"][1:]]
    return {"messages": messages if rng.random() < 0.3 else [orders[0]["messages"][0], *messages]}


def pair(result: Any) -> tuple[list[int], list[int]]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise Wrong(
            "not-a-pair", "phải trả về hai danh sách: input_ids, loss_mask", "return two lists: input_ids, loss_mask", got=result
        )
    return list(result[0]), list(result[1])


def compare(ids: list[int], mask: list[int], right_ids: list[int], right: list[int], row: dict[str, Any]) -> None:
    """Raises the misconception that a mask shows; the most telling one first."""
    if ids != right_ids:
        if (ids and ids[0] == ids[1] == START) or len(ids) > len(right_ids):
            vi, en = f"thừa {len(ids) - len(right_ids)} token: tokenizer đã tự thêm token đặc biệt, dù template đã viết rồi", f"{len(ids) - len(right_ids)} tokens too many: special tokens were added although the template has written them"  # fmt: skip
            raise Wrong(
                "tokens-added", vi, en, got=TOKENIZER.decode(ids[:40]), wanted=TOKENIZER.decode(right_ids[:40]), read="template"
            )
        raise Wrong("other-text", "input_ids không phải của văn bản mà chat template tạo ra", "input_ids are not those of the text that the chat template renders", got=TOKENIZER.decode(ids), wanted=TOKENIZER.decode(right_ids), read="template")  # fmt: skip
    if len(mask) != len(ids):
        raise Wrong(
            "length",
            f"loss_mask có {len(mask)} số cho {len(ids)} token",
            f"loss_mask has {len(mask)} numbers for {len(ids)} tokens",
            got=mask,
        )
    if mask == right:
        return
    shown = {"got": decoded(ids, mask), "wanted": decoded(ids, right)}
    owners = owner_of(ids)
    if mask == [1 - bit for bit in right]:
        raise Wrong(
            "inverted",
            "mask bị đảo: 1 phải là token tính loss",
            "the mask is inverted: 1 marks a token that carries loss",
            **shown,
        )
    if mask == [*right[1:], 0] or mask == [0, *right[:-1]]:
        raise Wrong("mask-shifted", "mask lệch đi một token. Việc dịch nhãn là của loss, không phải của mask", "the mask is off by one token. Shifting is the loss's job, not the mask's", read="shift", **shown)  # fmt: skip
    for role in ("user", "system"):
        theirs = [i for i, owner in enumerate(owners) if owner == role]
        counted = sum(mask[i] for i in theirs)
        if counted and counted > len(theirs) // 8:
            name = {"user": "người dùng", "system": "lượt system"}[role]
            raise Wrong(
                f"{role}-in-mask",
                f"loss tính cả {counted} trong {len(theirs)} token của {name}",
                f"the loss also counts {counted} of the {role}'s {len(theirs)} tokens",
                **shown,
            )
    ends = [i for i, token in enumerate(ids) if token == END and right[i]]
    if ends and not any(mask[i] for i in ends):
        raise Wrong(
            "end-left-out",
            "<|im_end|> không tính loss: mô hình sẽ không bao giờ học được cách dừng",
            "<|im_end|> carries no loss: the model never learns to stop",
            read="end-of-turn",
            **shown,
        )
    answers = len(ends)
    reached = sum(mask[i] for i in ends)
    if 0 < reached < answers:
        raise Wrong(
            "some-turns-only",
            f"chỉ {reached} trong {answers} lượt của assistant tính loss",
            f"only {reached} of the assistant's {answers} turns carry loss",
            **shown,
        )
    after = [i for i in range(1, len(ids)) if ids[i - 1] == END and right[i - 1] and mask[i]]
    if after:
        raise Wrong(
            "newline-in-mask",
            "dấu xuống dòng sau <|im_end|> cũng tính loss: khi sinh văn bản, mô hình đã dừng trước đó",
            "the newline after <|im_end|> carries loss: when generating, the model has stopped before it",
            read="end-of-turn",
            **shown,
        )
    header = [i for i in range(len(ids)) if mask[i] and not right[i] and owners[i] == "header"]
    if header:
        raise Wrong(
            "header-in-mask",
            "loss tính cả phần mở đầu <|im_start|>assistant\\n: chương trình viết phần đó, không phải mô hình",
            "the loss also counts the header <|im_start|>assistant\\n: the program writes it, not the model",
            **shown,
        )
    missing = sum(b and not a for a, b in zip(mask, right, strict=True))
    extra = sum(a and not b for a, b in zip(mask, right, strict=True))
    raise Wrong(
        "mask-differs", f"thiếu {missing} token, thừa {extra} token", f"{missing} tokens missing, {extra} too many", **shown
    )


def decoded(ids: list[int], mask: list[int]) -> str:
    """The text that carries loss, runs joined by an ellipsis."""
    runs: list[list[int]] = [[]]
    for token, bit in zip(ids, mask, strict=True):
        if bit:
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    return " … ".join(TOKENIZER.decode(run) for run in runs if run)


def owner_of(ids: list[int]) -> list[str]:
    """Whose each token is: system, user, assistant, or header (what the template writes)."""
    owners, role, header = [], "header", 0
    for place, token in enumerate(ids):
        if token == START:
            role, header = TOKENIZER.decode(ids[place + 1]).strip(), 3
        owners.append("header" if header > 0 or token == END else role)
        header -= 1
        if token == END:
            role = "header"
    return owners


def drive(mine: Any) -> dict[str, Any]:
    """Puts the learner's mask in the place of ours: every row of the run is encoded by it."""
    from smolcourse.course.driving import tokenize_with

    return {"smolcourse.training.train:tokenize": tokenize_with(mine.encode)}
