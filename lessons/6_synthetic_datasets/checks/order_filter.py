"""Orders that we write, good ones in every dress and bad ones of every kind; each is one that some filter takes otherwise."""

import json
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.data.milk_tea import MENU

REASONS = ("no JSON", "shape", "not on the menu", "not in the order", "left out")
NESTED, LONGER = "kem trứng", "kem trứng muối"
MENU_NAMES = list(MENU["vi"].drinks)
TOPPINGS = [*(name for name in MENU["vi"].toppings if not name.startswith("kem")), NESTED, LONGER, "kem cheese"]
Item = dict[str, Any]
Case = tuple[str, str, str, str, str, str]


def check(mine: Mine, rng: Random) -> None:
    given = good(rng) + bad(rng)
    found = [mine.fault(order, answer, list(MENU_NAMES), list(TOPPINGS)) for order, answer, *_ in given]
    for got, (order, answer, wanted, name, vi, en) in zip(found, given, strict=True):
        if got == wanted:
            continue
        mine.fault(order, answer, list(MENU_NAMES), list(TOPPINGS))  # the call that is shown
        if got not in ("", *REASONS):
            raise Wrong("no-such-reason", f"phải trả về \"\" hoặc một trong: {', '.join(REASONS)}", f"return \"\" or one of: {', '.join(REASONS)}", got=got)  # fmt: skip
        if wanted and got:
            raise Wrong("other-reason", f"hàng này hỏng vì {wanted!r}: xét các lý do theo thứ tự trong docstring", f"this row is bad for {wanted!r}: go through the reasons in the docstring's order", got=got, wanted=wanted)  # fmt: skip
        raise Wrong(name, vi, en, got=got, wanted=wanted)


def drinks(rng: Random, count: int) -> list[str]:
    """Names none of which stands in another, or in the two together."""
    while True:
        chosen = rng.sample([name for name in MENU_NAMES if len(name.split()) > 2], count)
        if not any(one != other and (one in other or other in one) for one in chosen for other in chosen):
            return chosen


def item(rng: Random, drink: str, *toppings: str) -> Item:
    levels = {"đường": rng.choice([30, 50, 70, 100]), "đá": rng.choice([30, 50, 70, 100])}
    return {"ly": rng.randint(1, 5), "món": drink, "size": rng.choice("SML"), **levels, "topping": list(toppings)}


def spoken(rng: Random, items: list[Item]) -> str:
    parts = []
    for one in items:
        added = f" thêm {' và '.join(one['topping'])}" if one["topping"] else ""
        parts.append(f"{one['ly']} ly {one['món']} size {one['size']} {one['đường']}% đường {one['đá']}% đá{added}")
    return f"{rng.choice(['cho mình', 'lấy em', 'quán ơi'])} {', '.join(parts)}"


def plain_toppings(rng: Random, count: int) -> list[str]:
    return rng.sample([name for name in TOPPINGS if not name.startswith("kem")], count)


def written(items: Any, **style: Any) -> str:
    return json.dumps(items, ensure_ascii=False, **style)


def good(rng: Random) -> list[Case]:
    """Rows that must stay."""
    first, second = drinks(rng, 2)
    none, one = [item(rng, first)], [item(rng, first, *plain_toppings(rng, 2))]
    two = [item(rng, first), item(rng, second, *plain_toppings(rng, 1))]
    many = [{**item(rng, first), "ly": rng.randint(6, 40)}]
    zero = [{**item(rng, first), "đường": 0, "đá": 0}]
    nested = [item(rng, first, LONGER)]
    both = [item(rng, first, LONGER, NESTED)]
    return [
        (spoken(rng, none), written(none), "", "bare-drink-dropped", "món không topping là một đơn bình thường", "a drink without toppings is an order like any other"),
        (spoken(rng, one), written(one, separators=(",", ":")), "", "good-dropped", "một đơn tốt bị loại", "a good order is dropped"),
        (spoken(rng, two), written(two), "", "two-drinks-dropped", "đơn hai món bị loại: xét cả đơn, mỗi topping chỉ cần có ở một món", "an order of two drinks is dropped: look at the whole order, a topping belongs to one of them"),
        (spoken(rng, one).upper(), written(one), "", "capitals-dropped", "khách viết chữ hoa thì đơn tốt bị loại: so bằng comparable", "a customer writes in capitals and a good order is dropped: compare by comparable"),
        (spoken(rng, many), written(many, indent=1), "", "large-order-dropped", f"{many[0]['ly']} ly vẫn là một đơn tốt: docstring không đặt trần", f"{many[0]['ly']} cups are a good order: the docstring sets no upper limit"),
        (spoken(rng, zero), written(zero), "", "zero-dropped", "0 % đường, 0 % đá là giá trị hợp lệ (0 không phải là thiếu)", "0 % sugar and 0 % ice are values like others (0 is not missing)"),
        (spoken(rng, nested), written(nested), "", "nested-name", f"khách gọi {LONGER!r}; tên {NESTED!r} nằm trong đó không phải là một topping nữa. Dùng named", f"the customer says {LONGER!r}; the name {NESTED!r} within it is no further topping. Use named"),
        (spoken(rng, both), written(both), "", "nested-name", f"khách gọi cả {LONGER!r} lẫn {NESTED!r}", f"the customer orders both {LONGER!r} and {NESTED!r}"),
    ]  # fmt: skip


def bad(rng: Random) -> list[Case]:
    """Rows that must go, from the crude to the fine."""
    first, second, third = drinks(rng, 3)
    added = plain_toppings(rng, 3)
    right = [item(rng, first, *added[:2])]
    order, answer = spoken(rng, right), written(right)

    def changed(**values: Any) -> str:
        return written([{**right[0], **values}])

    lacking = {key: value for key, value in right[0].items() if key != "đá"}
    two = [item(rng, first), item(rng, second, added[0])]
    half = " ".join(first.split()[:2])
    flag = [{**right[0], "ly": True}]
    strange = {**right[0], "món": half, "topping": added[:2]}
    return [
        (order, answer[: rng.randint(len(answer) // 2, len(answer) - 2)], "no JSON", "cut-kept", "JSON bị cắt ngang mà vẫn được giữ", "a JSON that was cut short is kept"),
        (order, f"Đây là đơn: {answer}", "no JSON", "words-around", "có lời dẫn quanh JSON mà vẫn được giữ: mô hình sẽ học cả lời dẫn. Đọc *trọn* câu trả lời", "words around the JSON, and it is kept: the model would learn the words too. Read the *whole* answer"),
        (order, f"```json\n{answer}\n```", "no JSON", "words-around", "JSON nằm trong ``` mà vẫn được giữ", "a JSON in a code fence is kept"),
        (order, "Xin lỗi, tôi không thể giúp việc này.", "no JSON", "refusal-kept", "một lời từ chối được giữ", "a refusal is kept"),
        (order, written(right[0]), "shape", "object-kept", "một object thay cho danh sách mà vẫn được giữ", "an object instead of a list is kept"),
        (spoken(rng, two[:1]), "[]", "shape", "empty-list", "danh sách rỗng mà vẫn được giữ: đơn nào cũng có ít nhất một món", "an empty list is kept: an order has at least one drink"),
        (order, written([lacking]), "shape", "key-missing", "thiếu khoá “đá” mà vẫn được giữ", "the key “đá” is missing, and it is kept"),
        (order, changed(**{"ghi chú": "giao nhanh"}), "shape", "key-too-many", "thừa khoá “ghi chú” mà vẫn được giữ", "a key too many, “ghi chú”, and it is kept"),
        (order, changed(ly=str(right[0]["ly"])), "shape", "number-as-text", "số ly viết thành chuỗi mà vẫn được giữ", "the number of cups is a text, and it is kept"),
        (order, changed(ly=0), "shape", "no-cups", "0 ly mà vẫn được giữ", "no cups at all, and it is kept"),
        (order, changed(size="XL"), "shape", "strange-size", "size XL mà vẫn được giữ: chỉ có S, M, L", "size XL is kept: there are S, M and L"),
        (order, changed(đường=150), "shape", "above-100", "150 % đường mà vẫn được giữ", "150 % sugar is kept"),
        (order, changed(topping=", ".join(added[:2])), "shape", "toppings-as-text", "topping là một chuỗi thay vì danh sách mà vẫn được giữ", "toppings are one text instead of a list, and it is kept"),
        (order, written(flag), "shape", "true-is-one", "true được coi là số 1: trong Python bool cũng là int, hãy so type(value) is int", "true passes for 1: in Python a bool is an int too; compare type(value) is int"),
        (order, written([strange]), "not on the menu", "off-menu", f"“{half}” (tên cụt) không có trong menu mà vẫn được giữ: nó có trong đơn, vì là khúc đầu của tên thật", f"“{half}” (half a name) is not on the menu and is kept: it does stand in the order, as the beginning of the real name"),
        (order, changed(topping=[*added[:2], "vàng lá"]), "not on the menu", "topping-off-menu", "topping không có trong menu mà vẫn được giữ", "a topping that is not on the menu is kept"),
        (order, changed(món=third), "not in the order", "other-drink", f"khách không gọi {third!r} mà vẫn được giữ: đúng JSON, đúng menu, nhưng là đơn của người khác", f"nobody ordered {third!r}, and it is kept: fine JSON, on the menu, and somebody else's order"),
        (order, changed(topping=added), "not in the order", "invented-topping", f"topping {added[2]!r} không ai gọi mà vẫn được giữ", f"nobody asked for {added[2]!r}, and it is kept"),
        (order, changed(topping=[]), "left out", "forgotten-topping", "đơn có topping mà đáp án bỏ quên: chỉ hỏi “đáp án có trong đơn không” thì không thấy", "the order has toppings that the answer forgot: asking only whether the answer stands in the order cannot see that"),
        (order, changed(topping=added[:1]), "left out", "forgotten-topping", "đáp án quên một trong hai topping", "the answer forgot one of two toppings"),
        (spoken(rng, two), written([two[1], {**two[0], "món": "hồng trà"}]), "not on the menu", "first-item-only", "chỉ xét món đầu tiên: món thứ hai hỏng mà vẫn được giữ", "looks at the first item only: the second is bad, and the row is kept"),
    ]  # fmt: skip
