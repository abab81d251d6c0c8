"""Near duplicates among many texts in little memory: MinHash and locality-sensitive hashing, then a look at the texts themselves.

A text is the set of its runs of `SHINGLE` characters, and two texts are near duplicates if their sets' Jaccard similarity is
high (Broder 1997, *On the resemblance and containment of documents*). The smallest hash of a set is that of another set with
just that probability; `rows` such hashes make the key of a band, and texts that share the key of any band are compared (Leskovec,
Rajaraman and Ullman, *Mining of Massive Datasets*, section 3.4). Near duplicates of near duplicates make one cluster, of which
the first text stays (Lee et al. 2021, arXiv:2107.06499).

Unlike an index that grows a dictionary for every band (datasketch's), bands are made one after another and sorted: besides four
bytes for every shingle there are only a few numbers for each text. And because all shingles are there, candidates are compared
exactly: what is found is no estimate, only what no band brought together is missed.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
# (numba reads the types from the arrays it is given)

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from smolcourse.data.text import comparable

SHINGLE = 5
"""Characters of a shingle."""

_TOGETHER = 8192  # texts that are cut up at once
_MISSED = 0.001  # of pairs that are just similar enough
_MOST_BANDS = 50
_COMPARED = 64  # texts of a bucket that the next one is compared with: the last ones before it


def bands_for(threshold: float) -> tuple[int, int]:
    """How many bands, and hashes in each, so that all but one pair in a thousand at the threshold share a band:
    1 - (1 - threshold^rows)^bands. The longest bands that this allows, for they bring the fewest others together.

    Raises:
        ValueError: the threshold is not above 0 and below 1.
    """
    if not 0 < threshold < 1:
        raise ValueError("a threshold lies between 0 and 1")
    for rows in range(12, 0, -1):
        bands = math.ceil(math.log(_MISSED) / math.log1p(-(threshold**rows)))
        if bands <= _MOST_BANDS or rows == 1:
            return bands, rows
    raise AssertionError


def clusters(texts: Iterable[str], threshold: float = 0.8) -> NDArray[np.int64]:
    """For each text the place of the first of its near duplicates; its own place if there is none before it.

    Args:
        texts: streamed once; compared without case, punctuation and spacing (`data.text.comparable`).
        threshold: Jaccard similarity from which on two texts are near duplicates.

    Returns:
        [N], of places of texts.
    """
    bands, rows = bands_for(threshold)
    shingles, starts = _shingled(texts)
    count = len(starts) - 1
    root = np.arange(count)
    same = _set_keys(shingles, starts)
    order = np.argsort(same, kind="stable")
    _join(order, same[order], shingles, starts, root, threshold)
    copies = root != np.arange(count)  # of equal sets only the first is looked at again
    numbers = np.random.default_rng(0).integers(1, 2**32, size=(bands, rows, 2), dtype=np.uint32) | np.uint32(1)
    keys = np.empty(count, dtype=np.uint64)
    for band in range(bands):
        _band_keys(shingles, starts, copies, numbers[band], keys)
        order = np.argsort(keys, kind="stable")
        _join(order, keys[order], shingles, starts, root, threshold)
    _settle(root)
    return root


def jaccard(left: str, right: str) -> float:
    """The similarity of two texts, as `clusters` compares them."""
    shingles, starts = _shingled([left, right])
    return float(_similarity(shingles[: starts[1]], shingles[starts[1] :]))


def _shingled(texts: Iterable[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Hashes of the shingles of all texts, sorted and different within each, and where each text's begin."""
    held = np.empty(1 << 16, dtype=np.uint32)
    used, ends = 0, [np.zeros(1, dtype=np.int64)]
    for batch in _batches(texts):
        lengths = np.array([len(text) for text in batch], dtype=np.int64)
        letters = np.frombuffer("".join(batch).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        made, counts = _cut(letters, np.concatenate(([0], np.cumsum(lengths))))
        if used + len(made) > len(held):
            held.resize(max(used + len(made), len(held) * 3 // 2), refcheck=False)
        held[used : used + len(made)] = made
        ends.append(used + np.cumsum(counts))
        used += len(made)
    return held[:used], np.concatenate(ends)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(texts)
    while batch := [comparable(text) for text in islice(waiting, _TOGETHER)]:
        yield batch


@njit(cache=True)
def _cut(letters, starts):
    """Hashes of the shingles of some texts; a text shorter than a shingle is one."""
    out = np.empty(len(letters) + len(starts), dtype=np.uint32)
    counts = np.empty(len(starts) - 1, dtype=np.int64)
    used = 0
    for text in range(len(starts) - 1):
        first, last = starts[text], starts[text + 1]
        many = max(1, last - first - SHINGLE + 1)
        own = np.empty(many, dtype=np.uint32)
        for at in range(many):
            mixed = np.uint64(0x9E3779B97F4A7C15)
            for place in range(first + at, min(last, first + at + SHINGLE)):
                mixed = (mixed ^ np.uint64(letters[place])) * np.uint64(0xFF51AFD7ED558CCD)
                mixed ^= mixed >> np.uint64(32)
            own[at] = np.uint32(mixed ^ (mixed >> np.uint64(29)))
        own.sort()
        before = used
        for at in range(many):
            if at == 0 or own[at] != own[at - 1]:
                out[used] = own[at]
                used += 1
        counts[text] = used - before
    return out[:used].copy(), counts


@njit(cache=True)
def _mix(key, value):
    key = (key ^ np.uint64(value)) * np.uint64(0xC4CEB9FE1A85EC53)
    return key ^ (key >> np.uint64(31))


@njit(parallel=True, cache=True)
def _set_keys(shingles, starts):
    """[N]: equal for equal sets."""
    keys = np.empty(len(starts) - 1, dtype=np.uint64)
    for text in prange(len(keys)):
        key = np.uint64(len(keys))
        for at in range(starts[text], starts[text + 1]):
            key = _mix(key, shingles[at])
        keys[text] = key
    return keys


@njit(parallel=True, cache=True)
def _band_keys(shingles, starts, copies, numbers, keys):
    """keys [N] of one band: of each text the smallest a * shingle + b, for each (a, b) of numbers [rows, 2], mixed together.

    A copy gets a key that nobody shares.
    """
    for text in prange(len(keys)):
        key = np.uint64(0x243F6A8885A308D3)
        if copies[text]:
            keys[text] = _mix(key, text)
            continue
        for row in range(len(numbers)):
            a, b = numbers[row, 0], numbers[row, 1]
            least = np.uint32(0xFFFFFFFF)
            for at in range(starts[text], starts[text + 1]):
                value = np.uint32(np.uint32(a * shingles[at]) + b)
                least = min(least, value)
            key = _mix(key, least)
        keys[text] = key


@njit(cache=True)
def _similarity(left, right):
    """Jaccard similarity of two sorted sets."""
    i = j = both = 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            both += 1
            i += 1
            j += 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    return both / (len(left) + len(right) - both)


@njit(cache=True)
def _first(root, text):
    """The first text of a cluster; the way there is made shorter."""
    while root[text] != text:
        root[text] = root[root[text]]
        text = root[text]
    return text


@njit(cache=True)
def _join(order, ordered, shingles, starts, root, threshold):
    """Compares texts of the same key that stand in different clusters, each with the last ones before it."""
    place = 0
    while place < len(order):
        end = place + 1
        while end < len(order) and ordered[end] == ordered[place]:
            end += 1
        for at in range(place + 1, end):
            text = order[at]
            mine = shingles[starts[text] : starts[text + 1]]
            for before in range(max(place, at - _COMPARED), at):
                other = order[before]
                a, b = _first(root, text), _first(root, other)
                if a == b:
                    continue
                theirs = shingles[starts[other] : starts[other + 1]]
                short, long = min(len(mine), len(theirs)), max(len(mine), len(theirs))
                if short >= threshold * long and _similarity(mine, theirs) >= threshold:
                    root[max(a, b)] = min(a, b)
        place = end


@njit(cache=True)
def _settle(root):
    for text in range(len(root)):
        root[text] = _first(root, text)


def kept(found: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[N]: whether each text is the first of its cluster."""
    return np.equal(found, np.arange(len(found)))
