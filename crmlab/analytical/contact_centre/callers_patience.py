"""How long callers are ready to wait, from calls of which most were answered before anybody could tell (lesson 13b)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.analytical.contact_centre.contacts import checked_columns
from crmlab.analytical.retention.survival import survival_curve

#: The end of the curve, where fewer still wait, jumps with every caller; patience beyond it is drawn from a law.
_FEWEST_AT_RISK = 30


def _waits(calls: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    checked_columns(calls, "calls", ("wait_seconds", "is_abandoned"))
    known = calls.dropna(subset=["wait_seconds"])
    return known["wait_seconds"].to_numpy(dtype=np.float64), known["is_abandoned"].to_numpy(dtype=bool)


def mean_patience_seconds(calls: pd.DataFrame) -> float:
    """The mean patience under an exponential law: all seconds waited, by whomever, over calls abandoned.

    calls: of ``contact_facts``, those in the queue (short abandons included: they too had waited). A call that was
    answered after a minute shows that its caller's patience was longer than a minute, no more. The mean wait of those
    who gave up would be far too short.

    Raises ValueError where nobody gave up: then the data do not say.

    Source: Mandelbaum and Zeltyn (2007), Service Engineering in Action; the maximum-likelihood estimate under
    censoring.

    >>> calls = pd.DataFrame({"wait_seconds": [0.0, 40.0, 50.0, 30.0], "is_abandoned": [False, False, True, False]})
    >>> mean_patience_seconds(calls)
    120.0
    """
    waits, gave_up = _waits(calls)
    if not gave_up.any():
        raise ValueError("calls has nobody who gave up, expected one at least: patience cannot be told from it")
    return float(waits.sum() / gave_up.sum())


def patience_curve(calls: pd.DataFrame) -> pd.DataFrame:
    """The share of callers still ready to wait after so many seconds: a survival curve, answered calls censored.

    Columns as ``crmlab.analytical.retention.survival_curve``, ``duration`` in seconds.
    """
    return survival_curve(*_waits(calls))


def draw_patience(calls: pd.DataFrame, seed: int) -> np.ndarray:
    """A patience for each call that agrees with what happened to it, in seconds, to run the queue once more.

    Who gave up had just that patience. For who was answered it is drawn from the patience curve beyond the wait; past
    the time that 30 callers or more were seen to wait, from an exponential law with the mean patience. The same seed,
    the same draws.
    """
    waits, gave_up = _waits(calls)
    if len(waits) != len(calls):
        raise ValueError("calls has calls without wait_seconds, expected calls of which the end is known")
    mean = mean_patience_seconds(calls)
    curve = patience_curve(calls)
    curve = curve[curve["at_risk"] >= _FEWEST_AT_RISK]
    times, survival = curve["duration"].to_numpy(), curve["survival"].to_numpy()
    rng = np.random.default_rng(seed)
    chance, beyond = rng.random(len(waits)), rng.exponential(mean, len(waits))
    # Of those who would wait as long as this caller did, the share that survives to a time is S(time) / S(wait).
    at = np.searchsorted(times, waits, side="right")
    so_far = np.concatenate([[1.0], survival])[at]
    place = np.searchsorted(-survival, -(chance * so_far), side="left")
    drawn = np.append(times, np.inf)[place]
    past_the_end = np.maximum(waits, times.max(initial=0.0)) + beyond
    drawn = np.where(np.isinf(drawn), past_the_end, drawn)
    return np.where(gave_up, waits, np.maximum(drawn, waits))
