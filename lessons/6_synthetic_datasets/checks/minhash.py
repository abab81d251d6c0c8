"""Random sets and hash functions; signatures that agree in places we choose."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, apart, blame, close

PRIME = (1 << 61) - 1
SIGNATURE = {
    "largest": ("lấy hash lớn nhất; MinHash lấy nhỏ nhất", "takes the largest hash; MinHash takes the smallest"),
    "hash-of-smallest": ("băm phần tử nhỏ nhất; phải băm mọi phần tử rồi mới lấy giá trị nhỏ nhất", "hashes the smallest element; hash them all, and then take the smallest"),
    "no-modulus": ("thiếu mod PRIME: không có nó thì hàm tăng dần và luôn chọn cùng một phần tử", "mod PRIME is missing: without it the function only rises and always picks the same element"),
    "one-function": ("mọi vị trí dùng cùng một hàm băm: đó là một ước lượng chép nhiều lần", "the same hash function at every place: that is one estimate, copied"),
    "sorted": ("sắp xếp lại chữ ký: vị trí i phải là của hàm thứ i, nếu không thì không so được với chữ ký khác", "sorts the signature: place i belongs to function i, or it cannot be compared with another"),
    "differs": ("chữ ký khác giá trị nhỏ nhất của từng hàm băm", "the signature is not the smallest hash of each function"),
}  # fmt: skip
ESTIMATE = {
    "as-sets": ("so hai chữ ký như hai tập; phải so từng vị trí: vị trí i của cả hai là của cùng một hàm băm", "compares the signatures as sets; compare place by place: place i of both belongs to one hash function"),
    "not-a-share": ("đây là số vị trí giống nhau; còn phải chia cho độ dài chữ ký", "this is how many places agree; it is to be divided by the signature's length"),
    "distance": ("đây là phần *khác* nhau; độ giống là phần còn lại", "this is the share that *differs*; the similarity is the rest"),
    "by-both": ("chia như Jaccard cho số giá trị khác nhau của cả hai; ở đây mẫu số là số vị trí", "divides, as Jaccard does, by the different values of both; here the divisor is the number of places"),
    "differs": ("ước lượng khác tỉ lệ vị trí giống nhau", "the estimate is not the share of equal places"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for size in (rng.randint(5, 9), 2):
        shingles, coefficients = apart(lambda: draw(rng, size), signatures)  # noqa: B023
        got = mine.signature(set(shingles), coefficients)
        if not isinstance(got, (list, tuple)) or not all(isinstance(value, int) for value in got):
            raise Wrong("not-a-number-each", "chữ ký là danh sách, mỗi hàm băm đúng một số nguyên (không phải hash của mọi phần tử)", "a signature is a list with one whole number for each hash function (not the hashes of all elements)", got=got)  # fmt: skip
        blame(got, signatures((shingles, coefficients)), SIGNATURE)
    one, other = apart(lambda: two(rng), estimates)
    got = mine.estimate(one, other)
    if isinstance(got, bool) or not isinstance(got, (int, float)):
        raise Wrong("not-a-number", "estimate phải trả về một số", "estimate must return a number", got=got)
    blame(float(got), estimates((one, other)), ESTIMATE)
    bands(mine, rng)


def draw(rng: Random, size: int) -> tuple[set[int], list[tuple[int, int]]]:
    coefficients = [(rng.randrange(1, PRIME), rng.randrange(PRIME)) for _ in range(6)]
    return {rng.randrange(PRIME) for _ in range(size)}, coefficients


def signatures(given: tuple[set[int], list[tuple[int, int]]]) -> dict[str, Any]:
    shingles, coefficients = given
    right = [min((a * x + b) % PRIME for x in shingles) for a, b in coefficients]
    return {
        "right": right,
        "largest": [max((a * x + b) % PRIME for x in shingles) for a, b in coefficients],
        "hash-of-smallest": [(a * min(shingles) + b) % PRIME for a, b in coefficients],
        "no-modulus": [min(a * x + b for x in shingles) for a, b in coefficients],
        "one-function": right[:1] * len(right),
        "sorted": sorted(right),
    }


def two(rng: Random) -> tuple[list[int], list[int]]:
    """Signatures that agree in some places, and hold the same numbers at other ones."""
    one = rng.sample(range(1000), 12)
    other = [value if rng.random() < 0.4 else rng.randrange(1000, 2000) for value in one]
    there = [place for place in range(12) if one[place] != other[place]]
    for place in there[:3]:
        other[place] = one[(place + 1) % 12]
    return one, other


def estimates(given: tuple[list[int], list[int]]) -> dict[str, Any]:
    one, other = given
    equal = sum(x == y for x, y in zip(one, other, strict=True))
    return {
        "right": equal / len(one),
        "as-sets": len({*one} & {*other}) / len({*one} | {*other}),
        "not-a-share": float(equal),
        "distance": 1 - equal / len(one),
        "by-both": equal / len({*one} | {*other}),
    }


def bands(mine: Mine, rng: Random) -> None:
    rows, count = rng.randint(2, 4), rng.randint(3, 5)
    base = rng.sample(range(1000), rows * count)
    keys = mine.band_keys(base, rows)
    if not isinstance(keys, list) or len(keys) != count:
        raise Wrong("not-a-key-a-band", f"{rows * count} số, mỗi băng {rows}: cần {count} khoá, và các băng không chồng lên nhau", f"{rows * count} numbers in bands of {rows}: that makes {count} keys, and bands do not overlap", got=keys)  # fmt: skip
    try:
        held = set(keys)
    except TypeError:
        raise Wrong("no-key", "khoá phải dùng được trong set hay dict: một tuple, không phải list", "a key must go into a set or a dict: a tuple, not a list", got=keys) from None  # fmt: skip

    def shared(other: list[int]) -> bool:
        return bool(held & set(mine.band_keys(other, rows)))

    def fresh(size: int) -> list[int]:
        return rng.sample(range(1000, 2000), size)

    band = rng.randrange(count)
    same = fresh(rows * count)
    same[band * rows : (band + 1) * rows] = base[band * rows : (band + 1) * rows]
    if not shared(same):
        raise Wrong("band-missed", f"hai chữ ký giống nhau trọn băng {band + 1} mà không có khoá chung", f"two signatures agree in the whole of band {band + 1} and have no key in common", got=keys)  # fmt: skip
    part = [value for at, value in enumerate(base)]
    for one in range(count):
        part[one * rows + rng.randrange(rows)] = fresh(1)[0]
    if shared(part):
        raise Wrong("part-of-a-band", "mỗi băng đều có một số khác mà vẫn chung khoá: khoá phải gồm mọi số của băng", "one number of each band differs and a key is still shared: the key must hold all numbers of the band")  # fmt: skip
    moved = fresh(rows * count)
    to = (band + 1) % count
    moved[to * rows : (to + 1) * rows] = base[band * rows : (band + 1) * rows]
    if shared(moved):
        raise Wrong("band-number-missing", f"băng {band + 1} của chữ ký này khớp với băng {to + 1} của chữ ký kia: khoá phải có cả số thứ tự của băng", f"band {band + 1} of one signature matches band {to + 1} of the other: the band's number belongs into its key")  # fmt: skip
    turned = fresh(rows * count)
    turned[band * rows : (band + 1) * rows] = base[band * rows : (band + 1) * rows][::-1]
    if shared(turned):
        raise Wrong("order-lost", "các số của băng đứng theo thứ tự khác mà vẫn chung khoá: mỗi vị trí là của một hàm băm (dùng tuple, không dùng tổng hay tập)", "the numbers of a band stand in another order and a key is still shared: each place belongs to one function (a tuple, neither a sum nor a set)")  # fmt: skip
    if not close(float(len(set(keys))), float(count)):
        raise Wrong("keys-repeat", "hai băng của cùng một chữ ký có chung khoá", "two bands of one signature have the same key", got=keys)  # fmt: skip
