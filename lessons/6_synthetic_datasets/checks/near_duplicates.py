"""Clusters that we make: chains whose ends are unlike, look-alikes with a common key, texts alike without one. Calls are counted."""

from collections.abc import Callable, Hashable, Iterable
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong

THRESHOLD = 0.8


class World:
    """Texts as numbers: which keys each has, and how similar two are (0.1 if nothing is said). Counts what it is asked."""

    def __init__(self, rng: Random) -> None:
        self.keys: list[list[Hashable]] = []
        self.alike: dict[frozenset[int], float] = {}
        self.asked: list[frozenset[int]] = []
        self.chain = self.grow(rng.randint(4, 5))  # each like the next, the first unlike the last
        self.joined = self.grow(4)  # two pairs, which only their later texts bring together
        self.exact = self.grow(2)  # as similar as the threshold asks for
        self.lookalikes = self.grow(3)  # a key in common, and little else
        self.apart = self.grow(2)  # alike, but no key brings them together
        self.alone = self.grow(3)
        self.twins = self.grow(3)  # the same text three times
        names = [*self.chain, *self.joined, *self.exact, *self.lookalikes, *self.apart, *self.alone, *self.twins]
        rng.shuffle(names)
        # Within each group later texts stay later: the chain is met from its first text on, the joined pairs from both ends.
        place = {text: at for at, text in enumerate(names)}
        for group in (self.chain, self.joined, self.exact, self.lookalikes, self.apart, self.alone, self.twins):
            for text, at in zip(group, sorted(place[text] for text in group), strict=True):
                place[text] = at
        self.place = place
        self.pairs(self.chain, zip(self.chain, self.chain[1:], strict=False), rng)
        a, b, c, d = self.joined
        self.pairs(self.joined, [(a, c), (b, d), (c, d)], rng)
        self.pairs(self.exact, [tuple(self.exact)], rng, value=THRESHOLD)
        self.bring(self.lookalikes)
        self.alike[frozenset(self.apart)] = 0.95
        self.pairs(self.twins, [(self.twins[0], self.twins[1]), (self.twins[1], self.twins[2]), (self.twins[0], self.twins[2])], rng, value=1.0)  # fmt: skip
        self.bring(self.twins)
        self.rename()
        for keys in self.keys:
            keys += [("own", rng.random()), ("own", rng.random())]
            rng.shuffle(keys)

    def grow(self, count: int) -> list[int]:
        first = len(self.keys)
        self.keys += [[] for _ in range(count)]
        return list(range(first, first + count))

    def bring(self, texts: Iterable[int]) -> None:
        key = ("band", len({key for keys in self.keys for key in keys}))
        for text in texts:
            self.keys[text].append(key)

    def pairs(self, group: list[int], pairs: Iterable[Any], rng: Random, *, value: float = 0.0) -> None:
        for one, other in pairs:
            self.alike[frozenset((one, other))] = value or round(rng.uniform(0.85, 0.99), 3)
            self.bring((one, other))

    def rename(self) -> None:
        """Numbers the texts by their places."""
        keys = list(self.keys)
        for text, at in self.place.items():
            keys[at] = self.keys[text]
        self.keys = keys
        self.alike = {frozenset(self.place[text] for text in pair): value for pair, value in self.alike.items()}
        for name in ("chain", "joined", "exact", "lookalikes", "apart", "alone", "twins"):
            setattr(self, name, [self.place[text] for text in getattr(self, name)])

    def similarity(self, one: int, other: int) -> float:
        self.asked.append(frozenset((one, other)))
        return 1.0 if one == other else self.alike.get(frozenset((one, other)), 0.1)

    def share_a_key(self, one: int, other: int) -> bool:
        return bool(set(self.keys[one]) & set(self.keys[other]))


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        world = World(rng)
        got = mine.clusters([list(keys) for keys in world.keys], world.similarity, THRESHOLD)
        compare(got, world)


def right(world: World, *, near: Callable[[int, int], bool] | None = None) -> list[int]:
    """Clusters under a rule for two texts: the first of all that can be reached."""
    near = near or (lambda i, j: world.share_a_key(i, j) and world.alike.get(frozenset((i, j)), 0.1) >= THRESHOLD)
    found = list(range(len(world.keys)))
    for _ in found:
        for i in range(len(found)):
            for j in range(i):
                if near(i, j):
                    found[i] = found[j] = min(found[i], found[j])
    return found


def stars(world: World) -> list[int]:
    """Each text only held against the firsts of clusters before it."""
    found: list[int] = []
    for i in range(len(world.keys)):
        near = [j for j in range(i) if found[j] == j and world.share_a_key(i, j) and world.alike.get(frozenset((i, j)), 0.1) >= THRESHOLD]  # fmt: skip
        found.append(near[0] if near else i)
    return found


def compare(got: Any, world: World) -> None:
    """Raises the misconception that a wrong answer shows, or what was asked in vain."""
    wanted = right(world)
    count = len(world.keys)
    if not isinstance(got, list) or len(got) != count or not all(isinstance(place, int) for place in got):
        raise Wrong("not-places", f"phải trả về danh sách {count} vị trí", f"return a list of {count} places", got=got)
    shown = {"got": got, "wanted": wanted}

    def similar(i: int, j: int) -> bool:
        return world.alike.get(frozenset((i, j)), 0.1) >= THRESHOLD

    if got != wanted:
        groups = [[place for place in range(count) if wanted[place] == first] for first in sorted(set(wanted))]
        if got == right(world, near=world.share_a_key):
            raise Wrong("candidates-believed", "chung một khoá đã bị coi là trùng: khoá chỉ nêu ứng viên, còn phải hỏi similarity", "a common key is taken for a duplicate: keys only name candidates, ask for their similarity", **shown)  # fmt: skip
        if got == right(world, near=similar):
            raise Wrong("all-pairs", "so cả những cặp không có khoá chung: một triệu hàng là năm trăm tỉ cặp", "compares texts without a common key: a million rows are five hundred billion pairs", **shown)  # fmt: skip
        if got == right(world, near=lambda i, j: world.share_a_key(i, j) and world.alike.get(frozenset((i, j)), 0.1) > THRESHOLD):  # fmt: skip
            raise Wrong("threshold-strict", "đúng bằng ngưỡng cũng là gần trùng (≥, không phải >)", "as similar as the threshold is near enough (≥, not >)", **shown)  # fmt: skip
        if got == stars(world):
            raise Wrong("chain-broken", "chỉ so với hàng đầu của cụm: A giống B, B giống C thì cả ba một cụm, dù A không giống C", "compares with the first of each cluster only: where A is like B and B like C all three are one cluster, though A is unlike C", **shown)  # fmt: skip
        if got == [max(group) for place in range(count) for group in groups if place in group]:
            raise Wrong("last-stays", "trỏ về hàng cuối của cụm; phải là hàng đầu", "points at the last of the cluster; it is the first", **shown)  # fmt: skip
        if all((got[i] == got[j]) == (wanted[i] == wanted[j]) for i in range(count) for j in range(i)):
            raise Wrong("not-the-first", "chia cụm đúng, nhưng con số phải là vị trí của hàng đầu cụm", "the clusters are right, but the number must be the place of the cluster's first text", **shown)  # fmt: skip
        if all(got[i] != got[j] or wanted[i] == wanted[j] for i in range(count) for j in range(i)):
            raise Wrong("not-settled", "có hàng còn trỏ vào một hàng giữa chừng của cụm: hãy đi theo đến tận hàng đầu", "some texts point at one in the middle of their cluster: follow the way to its first text", **shown)  # fmt: skip
        raise Wrong("clusters-differ", "các cụm khác mong đợi", "the clusters are not those expected", **shown)
    vain = [pair for pair in world.asked if len(pair) == 1 or not world.share_a_key(*pair)]
    if vain:
        raise Wrong("all-pairs", f"{len(vain)} lần hỏi similarity cho hai hàng không có khoá chung: một triệu hàng là năm trăm tỉ cặp", f"similarity was asked {len(vain)} times for texts without a common key: a million rows are five hundred billion pairs")  # fmt: skip
    known = max(world.asked.count(pair) for pair in set(world.asked))
    if known > 1 and any(world.asked.count(pair) > 1 and similar(*pair) for pair in set(world.asked)):
        raise Wrong("asked-again", "hỏi lại similarity của hai hàng đã biết là cùng cụm", "asks again for two texts that are known to be in one cluster")  # fmt: skip


def drive(mine: Any) -> dict[str, Any]:
    def found(texts: Iterable[str], threshold: float = 0.8) -> Any:
        """`minhash.clusters` with the learner's joining: our shingles, bands and similarity."""
        import numpy as np

        from smolcourse.synthesis.filters import minhash

        bands, rows = minhash.bands_for(threshold)
        shingles, starts = minhash._shingled(texts)
        count = len(starts) - 1
        numbers = np.random.default_rng(0).integers(1, 2**32, size=(bands, rows, 2), dtype=np.uint32) | np.uint32(1)
        keys: list[list[Hashable]] = [[] for _ in range(count)]
        for band in range(bands):
            values = np.empty(count, dtype=np.uint64)
            minhash._band_keys(shingles, starts, np.zeros(count, dtype=np.bool_), numbers[band], values)
            for text, value in enumerate(values.tolist()):
                keys[text].append((band, value))

        def similarity(i: int, j: int) -> float:
            return float(minhash._similarity(shingles[starts[i] : starts[i + 1]], shingles[starts[j] : starts[j + 1]]))

        return np.asarray(mine.clusters(keys, similarity, threshold), dtype=np.int64)

    return {"smolcourse.synthesis.filters.minhash:clusters": found}
