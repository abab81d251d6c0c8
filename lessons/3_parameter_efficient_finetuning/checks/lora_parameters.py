"""Random models of a few layers; some names contain a target without ending in it."""

from random import Random

from smolcourse.course.checking import Mine, Wrong

NAMES = ("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj")


def check(mine: Mine, rng: Random) -> None:
    for _ in range(4):
        linears = [
            (f"model.layers.{layer}.{name}", rng.randint(20, 90), rng.randint(100, 190))
            for layer in range(rng.randint(2, 3))
            for name in NAMES
        ]
        linears.append(("vision.q_proj_old", 50, 60))
        targets, r = rng.sample(NAMES, 2), rng.randint(2, 9)
        compare(mine.lora_parameters(linears, r, targets), linears, r, targets)


def compare(got: object, linears: list[tuple[str, int, int]], r: int, targets: list[str]) -> None:
    """Raises the misconception that a wrong count shows."""
    ours = [(i, o) for name, i, o in linears if name.rpartition(".")[2] in targets]
    loose = [(i, o) for name, i, o in linears if any(target in name for target in targets)]
    wanted = sum(r * (i + o) for i, o in ours)
    if got == wanted:
        return
    known = [
        ("full-matrix", sum(i * o for i, o in ours), "đây là cỡ của W, phần đóng băng; LoRA chỉ học A và B", "this is the size of W, which is frozen; LoRA trains A and B only"),
        ("product", sum(r * i * o for i, o in ours), "r nhân với tích hai cạnh; A có r × inputs số, B có outputs × r số: phải cộng", "r times the product of the sides; A holds r × inputs numbers, B outputs × r: add them"),
        ("square", sum(2 * r * i for i, o in ours), "coi mọi ma trận là vuông (2 r × inputs); số đầu ra có thể khác số đầu vào", "takes every matrix for a square (2 r × inputs); outputs may differ from inputs"),
        ("only-a", sum(r * i for i, o in ours), "chỉ đếm A, thiếu B", "counts A and leaves out B"),
        ("only-b", sum(r * o for i, o in ours), "chỉ đếm B, thiếu A", "counts B and leaves out A"),
        ("rank-forgotten", sum(i + o for i, o in ours), "thiếu r: A có r hàng, B có r cột", "r is missing: A has r rows, B has r columns"),
        ("all-layers", sum(r * (i + o) for _, i, o in linears), f"đếm cả {len(linears)} tầng; chỉ những tầng trong targets có adapter", f"counts all {len(linears)} layers; only those in targets have an adapter"),
        ("loose-names", sum(r * (i + o) for i, o in loose), "so tên quá lỏng: q_proj_old chứa q_proj nhưng không phải là nó; so phần sau dấu chấm cuối", "the names are matched too loosely: q_proj_old contains q_proj and is another layer; compare what follows the last dot"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if got == value:
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong("count-differs", "số tham số không đúng", "the count is not right", got=got, wanted=wanted)
