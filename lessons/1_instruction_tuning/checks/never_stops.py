"""A padded batch of conversations of different lengths, with `<|im_end|>` as padding, as SmolLM2 has it."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.course.workbench import tokenizer
from smolcourse.data import chat, milk_tea

TOKENIZER = tokenizer()
END = TOKENIZER.convert_tokens_to_ids("<|im_end|>")


def check(mine: Mine, rng: Random) -> None:
    for size in (1, 3, 4):
        orders = milk_tea.generate(size, seed=rng.randrange(1 << 30))
        rows = [chat.encode(order, TOKENIZER) for order in orders]
        rows = [{"input_ids": row.input_ids, "loss_mask": row.loss_mask} for row in rows]
        for pad in (END, 0):
            compare(mine.collate(rows, pad), rows, pad)


def compare(got: Any, rows: list[dict[str, Any]], pad: int) -> None:
    """Raises the misconception that a wrong batch shows."""
    longest = max(len(row["input_ids"]) for row in rows)
    for key in ("input_ids", "labels", "attention_mask"):
        if not isinstance(got, dict) or key not in got or list(got[key].shape) != [len(rows), longest]:
            raise Wrong("shape", f"cần {key} cỡ [{len(rows)}, {longest}]", f"{key} must be [{len(rows)}, {longest}]", got=got)
    for number, row in enumerate(rows):
        ids, mask, length = row["input_ids"], row["loss_mask"], len(row["input_ids"])
        labels, attention = got["labels"][number].tolist(), got["attention_mask"][number].tolist()
        if got["input_ids"][number].tolist() != ids + [pad] * (longest - length):
            raise Wrong(
                "tokens-differ",
                "input_ids phải là token của hàng, rồi đến phần đệm ở bên phải",
                "input_ids are not the row's tokens with padding on the right",
                got=got["input_ids"][number],
            )
        lost = [i for i in range(length) if mask[i] and labels[i] == -100]
        if lost and all(ids[i] == pad for i in lost):
            raise Wrong(
                "end-hidden-as-padding",
                f"{len(lost)} token kết thúc lượt bị coi là phần đệm nên không tính loss: mô hình không học được cách dừng",
                f"{len(lost)} end-of-turn tokens are taken for padding and carry no loss: the model never learns to stop",
                got=TOKENIZER.decode([t for t in labels if t != -100]),
                read="silent",
            )
        if any(label != -100 for label in labels[length:]):
            raise Wrong(
                "padding-in-loss",
                f"{sum(label != -100 for label in labels[length:])} token đệm tính loss: mô hình được dạy viết <|im_end|> mãi",
                f"{sum(label != -100 for label in labels[length:])} padding tokens carry loss: the model is taught to write <|im_end|> for ever",
                got=labels[length:],
            )
        unread = [i for i in range(length) if not attention[i]]
        if unread:
            raise Wrong(
                "end-not-read",
                f"attention_mask che {len(unread)} token thật (dấu kết thúc lượt): các lượt dính vào nhau",
                f"attention_mask hides {len(unread)} real tokens (ends of turns): the turns run together",
                got=attention,
                read="silent",
            )
        if any(attention[length:]):
            raise Wrong(
                "padding-read",
                "attention_mask để mô hình đọc cả phần đệm",
                "attention_mask lets the model read the padding",
                got=attention,
            )
        wanted = [token if bit else -100 for token, bit in zip(ids, mask, strict=True)] + [-100] * (longest - length)
        if labels != wanted:
            raise Wrong(
                "labels-differ",
                "labels sai: token tính loss thì giữ nguyên, còn lại là -100 (mô hình tự dịch nhãn)",
                "labels differ: keep tokens that carry loss, -100 elsewhere (the model shifts by itself)",
                got=labels,
                wanted=wanted,
                read="shift",
            )
