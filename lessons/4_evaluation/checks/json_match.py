"""Orders made at random, and answers to them of nine kinds: right, rearranged, in prose, with parts missing or too many."""

import json
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.evaluation.scorers import json_match as ours

DRINKS = ("trà đào", "trà sữa", "hồng trà", "cà phê sữa", "nước cam")
METRICS = ("valid_json", "exact_match", "fields")


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        gold = [drink(rng) for _ in range(rng.randint(2, 3))]
        for kind, answer in answers(gold, rng):
            compare(kind, mine.json_match(answer, json.dumps(gold, ensure_ascii=False)), answer, gold)


def drink(rng: Random) -> dict[str, Any]:
    return {"mon": rng.choice(DRINKS), "ly": rng.randint(2, 5), "da": rng.choice((0, 30, 50)), "mang_di": rng.random() < 0.5, "them": rng.sample(("trân châu", "pudding", "kem"), 2)}  # fmt: skip


def answers(gold: list[dict[str, Any]], rng: Random) -> list[tuple[str, str]]:
    """(what is special about it, the answer)."""
    turned = [dict(reversed(item.items())) for item in gold]
    as_text = [{**gold[0], "ly": str(gold[0]["ly"])}, *gold[1:]]
    one_for_true = [{**gold[0], "mang_di": int(gold[0]["mang_di"])}, *gold[1:]]
    lists = [{**gold[0], "them": gold[0]["them"][::-1]}, *gold[1:]]
    more = [*gold, drink(rng)]
    more_keys = [{**gold[0], "gia": 30_000}, *gold[1:]]
    values: list[tuple[str, Any]] = [
        ("right", gold), ("keys in another order", turned), ("a number as text", as_text), ("1 for true", one_for_true),
        ("a list in another order", lists), ("drinks in another order", gold[::-1]), ("a drink missing", gold[:-1]),
        ("a drink too many", more), ("a key too many", more_keys), ("a single object", gold[0]),
    ]  # fmt: skip
    texts = [(kind, json.dumps(value, ensure_ascii=False)) for kind, value in values]
    prose = f"Dạ đơn của mình đây ạ: {json.dumps(gold, ensure_ascii=False)} Cảm ơn!"
    return [*texts, ("in prose", prose), ("no JSON", f"{gold[0]['ly']} ly {gold[0]['mon']} nha")]


def compare(kind: str, got: Any, answer: str, gold: list[dict[str, Any]]) -> None:
    """Raises the misconception that wrong scores show."""
    if not isinstance(got, dict) or set(got) != set(METRICS):
        raise Wrong("keys", f"phải trả về dict có ba khoá {METRICS}", f"return a dict with the three keys {METRICS}", got=got)
    full = ours(answer, json.dumps(gold, ensure_ascii=False))
    wanted = {name: full[name] for name in METRICS}
    if all(close(float(got[name]), wanted[name], tolerance=1e-6) for name in METRICS):
        return
    shown = {"got": got, "wanted": wanted}
    size, share = sum(map(len, gold)), float(got["fields"])
    exact, valid = float(got["exact_match"]), float(got["valid_json"])
    if kind == "keys in another order" and exact == 0:
        raise Wrong("text-compared", "so văn bản: cùng giá trị mà khoá đứng theo thứ tự khác thì vẫn là đúng", "compares texts: the same value with its keys in another order is right", **shown)  # fmt: skip
    if kind == "a number as text" and share == 1:
        raise Wrong("text-is-number", '"2" và 2 bị coi là một: máy tính tiền không nghĩ vậy', '"2" and 2 are taken for the same: a till does not think so', **shown)  # fmt: skip
    if kind == "1 for true" and 1 in (share, exact):
        raise Wrong("one-is-true", "1 được coi là true: trong Python True == 1, trong JSON thì khác nhau", "1 passes for true: in Python True == 1, in JSON they differ", **shown)  # fmt: skip
    if kind == "a list in another order" and 1 in (share, exact):
        raise Wrong("list-order", "thứ tự trong danh sách bị bỏ qua", "the order inside a list is ignored", **shown)
    if kind == "in prose" and valid == 0:
        raise Wrong("prose-not-read", "JSON nằm giữa lời dẫn không được đọc: dùng extract_json", "JSON in prose is not read: use extract_json", **shown)  # fmt: skip
    if valid != wanted["valid_json"]:
        raise Wrong("valid-means-right", "valid_json chỉ hỏi có đọc được JSON không, đúng hay sai là chuyện khác", "valid_json asks only whether there is JSON, right or wrong", **shown)  # fmt: skip
    if share == wanted["exact_match"] != wanted["fields"]:
        raise Wrong("all-or-nothing", "fields bằng exact_match: mất thông tin về đơn gần đúng", "fields equals exact_match: nothing is said of an order that is nearly right", **shown)  # fmt: skip
    if kind == "a drink missing" and close(share, 1.0):
        raise Wrong("missing-forgiven", f"{len(gold[-1])} trường của ly bị thiếu không tính là sai (zip dừng ở danh sách ngắn hơn, hay chia cho số trường của câu trả lời)", f"the {len(gold[-1])} fields of the missing drink are not wrong (zip stops at the shorter list, or the divisor is the answer's own size)", **shown)  # fmt: skip
    if kind in ("a drink too many", "a key too many") and close(share, 1.0):
        raise Wrong("extra-forgiven", "phần thừa không bị phạt: bịa thêm một ly vẫn trọn điểm", "what is too much costs nothing: an invented drink keeps full marks", **shown)  # fmt: skip
    if kind == "a drink too many" and close(share, size / (size + 1)):
        raise Wrong("extra-counted-once", "một ly thừa chỉ bị phạt một lần; mỗi trường của nó là một phần thừa", "a drink too many costs once; each of its fields is too many", **shown)  # fmt: skip
    if kind == "drinks in another order" and share > wanted["fields"]:
        raise Wrong("places-ignored", "các ly được so không theo vị trí", "drinks are not compared place by place", **shown)
    raise Wrong(
        "scores-differ", "điểm của câu trả lời này khác với bộ chấm của chúng tôi", "this answer's scores are not ours", **shown
    )
