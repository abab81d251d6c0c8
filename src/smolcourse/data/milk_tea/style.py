"""Pairs about style: a short, polite confirmation of an order against a long-winded one that says the same.

Both are right about the order, so that a model can learn from them how to speak and nothing else, unless `orders` mixes in pairs
that want JSON. The orders are those of the built-in task, in the same splits: a prompt of `new` or `unseen` is in no training
pair.
"""

from random import Random
from typing import Any

from smolcourse.data.milk_tea.drawing import chance, pick, pick_several
from smolcourse.data.milk_tea.generator import Split, generate
from smolcourse.data.milk_tea.menu import Item, parse_order
from smolcourse.language import Language

STYLE_PROMPT: dict[Language, str] = {
    "vi": "Bạn là nhân viên quán trà sữa. Xác nhận đơn của khách.",
    "en": "You work at a milk-tea shop. Confirm the customer's order.",
}

_SHORT: dict[Language, tuple[str, ...]] = {
    "vi": (
        "Dạ, {order} ạ.",
        "Dạ em nhận đơn: {order} ạ.",
        "Dạ vâng, {order}. Em làm ngay ạ.",
        "Dạ, {order}. Mình chờ em chút nhé ạ.",
        "Dạ có ngay {order} ạ.",
        "Dạ, em ghi {order} rồi ạ. Cảm ơn mình.",
    ),
    "en": (
        "Sure, {order}.",
        "Got it: {order}. Thank you!",
        "Of course, {order}. Coming right up.",
        "Yes, {order}. One moment, please.",
        "Thank you, {order}.",
    ),
}
_OPENINGS: dict[Language, tuple[str, ...]] = {
    "vi": (
        "Kính chào quý khách thân mến! Lời đầu tiên, quán xin gửi đến quý khách lời cảm ơn chân thành vì đã tin tưởng và ủng hộ.",
        "Xin chào quý khách! Quán vô cùng vinh hạnh khi được quý khách lựa chọn giữa rất nhiều quán trà sữa khác trong khu vực.",
        "Quý khách kính mến, thật là một niềm vui lớn đối với toàn thể nhân viên của quán khi nhận được tin nhắn của quý khách.",
        "Chào mừng quý khách đã đến với quán! Như quý khách đã biết, quán luôn đặt sự hài lòng của khách hàng lên hàng đầu.",
    ),
    "en": (
        "Dear valued customer, first of all, please allow us to express our most sincere gratitude for your trust in our shop.",
        "Welcome! It is an enormous honour for all of us that you have chosen us among the many milk-tea shops of this area.",
        "Dear customer, it is with the greatest pleasure that our whole team has received the message you so kindly sent us.",
        "Hello and welcome! As you surely know, the satisfaction of our customers has always been our very first concern.",
    ),
}
_RESTATEMENTS: dict[Language, tuple[str, ...]] = {
    "vi": (
        "Theo như thông tin mà quán vừa tiếp nhận được thì quý khách có nhu cầu đặt {order}.",
        "Sau khi đọc thật kỹ nội dung tin nhắn, quán xin phép được xác nhận lại rằng đơn hàng của quý khách bao gồm {order}.",
        "Để tránh mọi nhầm lẫn đáng tiếc có thể xảy ra, quán xin được nhắc lại đầy đủ đơn hàng như sau: {order}.",
    ),
    "en": (
        "According to the information that we have just received, what you would like to order is {order}.",
        "Having read your message with great care, we would like to confirm once again that your order consists of {order}.",
        "In order to avoid any regrettable misunderstanding, allow us to repeat your order in full: {order}.",
    ),
}
_CLOSINGS: dict[Language, tuple[str, ...]] = {
    "vi": (
        "Nếu có bất kỳ thắc mắc hay yêu cầu nào khác, quý khách vui lòng đừng ngần ngại liên hệ lại với quán.",
        "Đội ngũ pha chế của quán sẽ bắt tay vào chuẩn bị ngay sau khi hoàn tất các bước kiểm tra cần thiết.",
        "Một lần nữa, quán xin chân thành cảm ơn và kính chúc quý khách một ngày thật nhiều niềm vui và may mắn.",
        "Quán rất mong sẽ tiếp tục nhận được sự quan tâm và những ý kiến đóng góp quý báu của quý khách trong thời gian tới.",
    ),
    "en": (
        "Should you have any question or any further wish whatsoever, please do not hesitate to contact us again.",
        "Our team will begin with the preparation as soon as all the necessary checks have been completed.",
        "Once again, we thank you from the bottom of our hearts and wish you a day full of joy and good fortune.",
        "We very much look forward to your continued interest and to your valuable suggestions in the future.",
    ),
}


def generate_pairs(
    size: int, *, seed: int = 0, split: Split = "train", language: Language = "vi", orders: float = 0.0
) -> list[dict[str, Any]]:
    """Makes `size` preference rows: a prompt (system, the customer's order), a short confirmation and a long-winded one.

    The same arguments give the same rows on every machine; fewer rows are the beginning of more rows.

    Args:
        orders: share of rows, from 0 to 1, whose system prompt is the order task's. There the order's JSON is chosen and the
            short confirmation rejected: a model learns when to write which, and what it knew is held in place.
    """
    rng, kinds = Random(f"milk-tea-style {language} {split} {seed}"), Random(f"milk-tea-style kinds {language} {split} {seed}")
    rows = generate(size, seed=seed, split=split, language=language)
    return [_pair(row["messages"], rng, language, order=chance(kinds, orders)) for row in rows]


def _pair(messages: list[dict[str, str]], rng: Random, language: Language, *, order: bool) -> dict[str, Any]:
    system, asked, gold = messages
    said = say_order(parse_order(gold["content"]), language)
    short = pick(rng, _SHORT[language]).format(order=said)
    closings = pick_several(rng, _CLOSINGS[language], 2 if chance(rng, 0.5) else 1)
    long = " ".join([pick(rng, _OPENINGS[language]), pick(rng, _RESTATEMENTS[language]).format(order=said), *closings])
    chosen, rejected = (gold["content"], short) if order else (short, long)
    return {
        "prompt": [system if order else {"role": "system", "content": STYLE_PROMPT[language]}, asked],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


def say_order(items: list[Item], language: Language) -> str:
    """An order in words: what differs from the usual is named, nothing else."""
    joined = {"vi": " và ", "en": " and "}[language]
    said = [_say_item(item, language) for item in items]
    return said[0] if len(said) == 1 else ", ".join(said[:-1]) + joined + said[-1]


def _say_item(item: Item, language: Language) -> str:
    vi = language == "vi"
    parts = [f"{item['quantity']} ly {item['drink']}" if vi else f"{item['quantity']} {item['drink']}"]
    if item["size"] != "M":
        parts.append(f"size {item['size']}")
    for key, word in (("sugar", "đường" if vi else "sugar"), ("ice", "đá" if vi else "ice")):
        level = item["sugar"] if key == "sugar" else item["ice"]
        if level != 100:
            parts.append(f"{level}% {word}")
    if item["toppings"]:
        parts.append(("thêm " if vi else "with ") + (" và " if vi else " and ").join(item["toppings"]))
    return " ".join(parts[:2]) + "".join(f", {part}" for part in parts[2:]) if len(parts) > 1 else parts[0]
