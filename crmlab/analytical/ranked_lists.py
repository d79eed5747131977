"""How good is a ranked list? What the best places of it bring (lesson 08a)."""

from typing import Any

import numpy as np


def top_decile_lift(score: Any, outcome: Any, share: float = 0.10) -> float:
    """Outcomes among the best tenth by score, held against those among everybody: 1 is what a list by lot gives.

    score
        (n,) numbers, higher is better
    outcome
        (n,) True or False, or 1 and 0
    share
        how much of the list counts as its top

    Of customers with the same score on the edge of the top, each counts in part, so the order of rows changes nothing.
    Raises ValueError for lists of two lengths, missing numbers, or an outcome that nobody has.

    >>> top_decile_lift([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], [1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    5.0
    """
    happened = np.asarray(outcome, dtype=np.float64)
    if not 0 < share <= 1:
        raise ValueError(f"share is {share!r}, expected above 0 and up to 1")
    weights = _weights(score, happened, share * len(happened))
    if not happened.sum():
        raise ValueError("outcome is 0 for everybody, expected at least one: there is nothing to compare with")
    return float((weights @ happened) / weights.sum() / happened.mean())


def profit_at(score: Any, profit: Any, k: int) -> float:
    """What the k best by score bring, in the unit of `profit`.

    score
        (n,) numbers, higher is better
    profit
        (n,) what each would bring when chosen, costs taken off
    k
        places, from 1 to n; ties on the edge count in part

    >>> profit_at([0.9, 0.5, 0.1], [100, -20, 300], k=2)
    80.0
    """
    brings = np.asarray(profit, dtype=np.float64)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= len(brings):
        raise ValueError(f"k is {k!r}, expected a whole number from 1 to {len(brings)}")
    return float(_weights(score, brings, k) @ brings)


def _weights(score: Any, values: np.ndarray, places: float) -> np.ndarray:
    """How far each is among the best `places`: 1, 0, or for ties on the edge a part."""
    rank_by = np.asarray(score, dtype=np.float64)
    if rank_by.shape != values.shape or rank_by.ndim != 1:
        raise ValueError(f"score has the shape {rank_by.shape}, expected {values.shape}, one value a row")
    for name, column in (("score", rank_by), ("values", values)):
        if not np.isfinite(column).all():
            raise ValueError(f"{name} has values that are no numbers, expected none")
    _, place, count = np.unique(-rank_by, return_inverse=True, return_counts=True)
    before = np.cumsum(count) - count
    return np.clip((places - before) / count, 0, 1)[place]
