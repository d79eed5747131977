"""Frequent itemsets: which products lie together in at least so many baskets (lesson 08).

A set of products is in no more baskets than any part of it. So sets are built up one product at a time, and a set is
only counted when all its parts were frequent: Agrawal and Srikant (1994), Fast Algorithms for Mining Association Rules,
section 2.1. Pairs are counted all at once; longer sets on columns packed to one bit a basket.
"""

import dataclasses

import numpy as np

from crmlab.analytical.baskets_matrix import BasketMatrix
from crmlab.analytical.pair_counts import pair_counts

# Columns packed together in one step: 64 sets of a million baskets are 8 MB.
_SETS_AT_A_TIME = 64


@dataclasses.dataclass(frozen=True)
class Level:
    """All frequent itemsets of one length, sorted.

    ``items``: (sets, length) columns of the basket matrix, ascending in each row. ``counts``: baskets that hold each
    set. ``key``: (position of the set without its last item in the level below) * products + last item, ascending.
    """

    items: np.ndarray
    counts: np.ndarray
    key: np.ndarray


def frequent_itemsets(matrix: BasketMatrix, min_count: int, max_length: int | None = None) -> list[Level]:
    """The itemsets in at least `min_count` baskets, a Level for each length from 1 up to `max_length`.

    >>> from crmlab.analytical.baskets_matrix import basket_matrix
    >>> levels = frequent_itemsets(basket_matrix([["a", "b", "c"], ["a", "b", "c"], ["a", "b"]]), 2)
    >>> [list(zip(level.items.tolist(), level.counts.tolist())) for level in levels]
    [[([0], 3), ([1], 3), ([2], 2)], [([0, 1], 3), ([0, 2], 2), ([1, 2], 2)], [([0, 1, 2], 2)]]
    """
    if min_count < 1:
        raise ValueError(f"min_count is {min_count}, expected 1 or more")
    products = len(matrix.products)
    single = matrix.product_counts
    frequent = np.flatnonzero(single >= min_count)
    levels = [Level(frequent[:, None], single[frequent], frequent)]
    if len(frequent) > 1 and max_length != 1:
        levels.append(_pairs(matrix, frequent, min_count))
    bits = None
    while len(levels) > 1 and len(levels[-1].counts) > 1 and len(levels) != max_length:
        if bits is None:
            bits = packed_columns(matrix, np.unique(levels[1].items))
        level = _longer(levels, bits, products, min_count)
        if not len(level.counts):
            break
        levels.append(level)
    return [level for level in levels if len(level.counts)]


def find_sets(levels: list[Level], items: np.ndarray, products: int) -> np.ndarray:
    """Position of each row of `items` (ascending columns) in its level, int64; -1 where the set is not frequent."""
    position = np.zeros(len(items), dtype=np.int64)
    found = np.ones(len(items), dtype=bool)
    for length in range(items.shape[1]):
        if length >= len(levels):
            return np.full(len(items), -1)
        key = levels[length].key
        wanted = position * products + items[:, length]
        position = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        found &= key[position] == wanted
    return np.where(found, position, -1)


def packed_columns(matrix: BasketMatrix, columns: np.ndarray) -> dict[int, np.ndarray]:
    """Each of these columns as one bit a basket, uint64 words."""
    by_product = matrix.incidence.tocsc()
    packed = {}
    for column in columns.tolist():
        holds = np.zeros(-(-matrix.baskets // 64) * 64, dtype=bool)
        holds[by_product.indices[by_product.indptr[column] : by_product.indptr[column + 1]]] = True
        packed[column] = np.packbits(holds).view(np.uint64)
    return packed


def _pairs(matrix: BasketMatrix, frequent: np.ndarray, min_count: int) -> Level:
    products = len(matrix.products)
    kept = matrix.incidence[:, frequent] if len(frequent) < products else matrix.incidence
    row, column, counts = pair_counts(kept)
    enough = counts >= min_count
    row, column, counts = row[enough], column[enough], counts[enough]
    items = np.column_stack([frequent[row], frequent[column]])
    return Level(items, counts, row * products + items[:, 1])


def _longer(levels: list[Level], bits: dict[int, np.ndarray], products: int, min_count: int) -> Level:
    """The frequent sets that are one item longer: two sets that differ in the last item only are put together."""
    last = levels[-1]
    items, counts, key = [], [], []
    prefix = last.key // products
    start = np.flatnonzero(np.r_[True, prefix[1:] != prefix[:-1]])
    for begin, end in zip(start, np.r_[start[1:], len(prefix)], strict=True):
        shared = last.items[begin, :-1].tolist()
        common = np.bitwise_and.reduce([bits[item] for item in shared])
        for position in range(begin, end - 1):
            candidates = np.column_stack(
                [np.repeat(last.items[position][None], end - position - 1, axis=0), last.items[position + 1 : end, -1]]
            )
            candidates = candidates[_all_parts_frequent(levels, candidates, products)]
            with_last = common & bits[int(last.items[position, -1])]
            for first in range(0, len(candidates), _SETS_AT_A_TIME):
                some = candidates[first : first + _SETS_AT_A_TIME]
                words = np.stack([bits[item] for item in some[:, -1].tolist()])
                found = np.bitwise_count(words & with_last).sum(axis=1, dtype=np.int64)
                enough = found >= min_count
                items.append(some[enough])
                counts.append(found[enough])
                key.append(position * products + some[enough, -1])
    if not items:
        return Level(np.empty((0, len(levels) + 1), dtype=np.int64), *(np.empty(0, dtype=np.int64) for _ in range(2)))
    return Level(np.concatenate(items), np.concatenate(counts), np.concatenate(key))


def _all_parts_frequent(levels: list[Level], candidates: np.ndarray, products: int) -> np.ndarray:
    # The two sets that a candidate was put together from, without its last item and the one before, are frequent.
    frequent = np.ones(len(candidates), dtype=bool)
    for left_out in range(candidates.shape[1] - 2):
        frequent &= find_sets(levels, np.delete(candidates, left_out, axis=1), products) >= 0
    return frequent
