"""Association rules: who buys this also buys that (lesson 08).

A rule "antecedents -> consequents" has three figures. Its support says how often it can be used, its confidence how
often it comes true, its lift how much oftener than for a customer about whom nothing is known. None of the three says
that it is more than chance: `crmlab.analytical.rule_check` asks that.
"""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.baskets_matrix import BasketMatrix, basket_matrix
from crmlab.analytical.frequent_itemsets import Level, find_sets, frequent_itemsets


def association_rules(
    baskets: Any,
    min_support: float | Fraction,
    min_confidence: float | Fraction,
    max_consequents: int = 1,
    *,
    max_length: int | None = None,
) -> pd.DataFrame:
    """Find every rule "who has the antecedents in the basket also has the consequents" that reaches two thresholds.

    baskets
        a list of baskets (lists of products), or a pandas, Polars or DuckDB table with the columns order_id and
        product_id, one row a line. A product counts once a basket. Empty baskets of a list count as baskets.
    min_support
        share of all baskets that hold antecedents and consequents, above 0 and up to 1
    min_confidence
        share of the baskets with the antecedents that hold the consequents too, 0 to 1
    max_consequents
        the most products on the right side of a rule
    max_length
        the most products of a rule, both sides counted; None for no limit, 2 for pairs only

    Both thresholds are inclusive. They are read as the decimal fraction that you wrote (0.07 is 7/100, not the nearest
    binary number) and compared in whole numbers, so a rule that meets a threshold exactly is in.

    Returns a pandas table, one row a rule, sorted by confidence (best first), count (most first), antecedents and
    consequents; the order of baskets and of products within them changes nothing.

        antecedents, consequents    frozensets of products, with nothing in common
        count       int64, baskets with antecedents and consequents
        support     float64, count / baskets
        confidence  float64, count / baskets with the antecedents
        lift        float64, confidence / share of baskets with the consequents; 1 when they are independent
        leverage    float64, support - what it would be if they were independent
        conviction  float64, (1 - share of baskets with the consequents) / (1 - confidence); infinite at confidence 1

    Raises ValueError for a threshold out of range, missing columns or values, or no baskets; TypeError when `baskets`
    is neither a table nor a list of baskets.

    Source: Agrawal and Srikant (1994), Fast Algorithms for Mining Association Rules; lift, leverage and conviction:
    Brin, Motwani, Ullman and Tsur (1997), Dynamic Itemset Counting; Piatetsky-Shapiro (1991).

    >>> baskets = [["machine", "beans"], ["machine", "beans", "filter"], ["machine"], ["beans"], ["tea"]]
    >>> rules = association_rules(baskets, min_support=0.4, min_confidence=0.6)
    >>> rules[["antecedents", "consequents", "count"]]
                antecedents           consequents  count
    0    frozenset({beans})  frozenset({machine})      2
    1  frozenset({machine})    frozenset({beans})      2
    >>> rules[["support", "confidence", "lift", "leverage", "conviction"]].round(3)
       support  confidence   lift  leverage  conviction
    0      0.4       0.667  1.111      0.04         1.2
    1      0.4       0.667  1.111      0.04         1.2
    """
    support = _share("min_support", min_support)
    confidence = _share("min_confidence", min_confidence)
    if support == 0:
        raise ValueError("min_support is 0, expected above 0: every set of products has a support of 0 or more")
    _check_whole("max_consequents", max_consequents, 1)
    if max_length is not None:
        _check_whole("max_length", max_length, 2)
    matrix = basket_matrix(baskets)
    levels = frequent_itemsets(matrix, math.ceil(support * matrix.baskets), max_length)
    found = [
        _rules_between(levels, length, consequents, confidence, len(matrix.products))
        for length in range(2, len(levels) + 1)
        for consequents in range(1, min(max_consequents, length - 1) + 1)
    ]
    return _as_table([rules for rules in found if len(rules["count"])], matrix)


def _share(name: str, value: float | Fraction) -> Fraction:
    try:
        share = value if isinstance(value, Fraction) else Fraction(str(value))
    except ValueError as error:
        raise ValueError(f"{name} is {value!r}, expected a number from 0 to 1") from error
    if isinstance(value, bool) or not 0 <= share <= 1:
        raise ValueError(f"{name} is {value!r}, expected a number from 0 to 1")
    return share


def _check_whole(name: str, value: int, smallest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
        raise ValueError(f"{name} is {value!r}, expected a whole number from {smallest} up")


def _rules_between(
    levels: list[Level], length: int, consequents: int, confidence: Fraction, products: int
) -> dict[str, Any]:
    """All rules with `length` products, `consequents` of them on the right, as columns of the basket matrix."""
    level = levels[length - 1]
    parts = []
    for right in itertools.combinations(range(length), consequents):
        left = [place for place in range(length) if place not in right]
        antecedents, follows = level.items[:, left], level.items[:, list(right)]
        with_left = levels[len(left) - 1].counts[find_sets(levels, antecedents, products)]
        # Confidence in whole numbers: count / with_left >= numerator / denominator. Python's integers, since a
        # threshold like 1/3 written out has a denominator of many digits.
        least = _least_counts(with_left, confidence)
        enough = level.counts >= least
        with_right = levels[consequents - 1].counts[find_sets(levels, follows[enough], products)]
        parts.append((antecedents[enough], follows[enough], level.counts[enough], with_left[enough], with_right))
    names = ("left", "right", "count", "with_left", "with_right")
    return {name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts, strict=True), strict=True)}


def _least_counts(with_left: np.ndarray, confidence: Fraction) -> np.ndarray:
    different, place = np.unique(with_left, return_inverse=True)
    return np.array([math.ceil(confidence * int(count)) for count in different], dtype=np.int64)[place]


def _as_table(found: list[dict[str, np.ndarray]], matrix: BasketMatrix) -> pd.DataFrame:
    columns = ("count", "with_left", "with_right")
    count, with_left, with_right = (
        np.concatenate([rules[name] for rules in found]) if found else np.empty(0, dtype=np.int64) for name in columns
    )
    left, right = ([row for rules in found for row in map(tuple, rules[side].tolist())] for side in ("left", "right"))
    baskets = matrix.baskets
    confidence = count / with_left
    conviction = np.full(len(count), np.inf)
    fails = with_left > count
    conviction[fails] = ((baskets - with_right) * with_left)[fails] / (baskets * (with_left - count))[fails]
    best_first = sorted(zip((-confidence).tolist(), (-count).tolist(), left, right, range(len(count)), strict=True))
    order = np.array([rule for *_, rule in best_first], dtype=np.int64)
    table = {
        "antecedents": _sets(left, matrix.products),
        "consequents": _sets(right, matrix.products),
        "count": count,
        "support": count / baskets,
        "confidence": confidence,
        "lift": count * baskets / (with_left * with_right),
        "leverage": (count * baskets - with_left * with_right) / baskets**2,
        "conviction": conviction,
    }
    return pd.DataFrame({name: values[order] for name, values in table.items()})


def _sets(rows: list[tuple[int, ...]], products: list) -> np.ndarray:
    made = {row: frozenset(products[column] for column in row) for row in set(rows)}
    sets = np.empty(len(rows), dtype=object)
    sets[:] = [made[row] for row in rows]
    return sets
