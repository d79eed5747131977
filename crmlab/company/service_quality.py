"""How deliveries go: on time or late, and now and then something is wrong with what arrives."""

from __future__ import annotations

import datetime
import functools

import numpy as np

from crmlab.company.assumptions import Assumptions
from crmlab.company.leaving import RESOLVED_FAILURE, UNRESOLVED_FAILURE

PROMISED_DAYS = 4
#: Share of the deliveries on time that take 1, 2, 3 and 4 days.
_ON_TIME = np.array([0.1, 0.34, 0.36, 0.2])
#: A delivery that is late takes 5 days or more; each further day is less likely by this factor.
_LATE_FADES, _LATE_DAYS = 0.62, 12
_SLOTS = 4096


def equal_slots(share: np.ndarray, slots: int) -> np.ndarray:
    """For each row of shares, ``slots`` positions that stand for them in proportion, uint8 (rows * slots,).

    >>> equal_slots(np.array([[0.25, 0.75]]), 4).tolist()
    [0, 1, 1, 1]
    """
    edge = np.round(np.cumsum(share, axis=1) / share.sum(axis=1, keepdims=True) * slots)
    return np.array([np.searchsorted(row, np.arange(slots), side="right") for row in edge], dtype=np.uint8).ravel()


@functools.lru_cache(maxsize=4)
def _tables(given: Assumptions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lead days by season, what went wrong, and where the season of each day begins in the first."""
    late = _LATE_FADES ** np.arange(_LATE_DAYS)
    rows = [
        np.concatenate([[0], _ON_TIME * (1 - share), late / late.sum() * share])
        for share in (given.late_share, min(given.late_share * given.late_peak_factor, 0.9))
    ]
    failure = np.zeros(1 + UNRESOLVED_FAILURE)
    failure[UNRESOLVED_FAILURE] = given.failure_share * given.unresolved_share
    failure[RESOLVED_FAILURE] = given.failure_share - failure[UNRESOLVED_FAILURE]
    failure[0] = 1 - given.failure_share
    dates = [given.start + datetime.timedelta(days=day) for day in range(given.days)]
    peak = np.array([1120 <= date.month * 100 + date.day <= 1224 for date in dates])
    return equal_slots(np.array(rows), _SLOTS), equal_slots(failure[None, :], _SLOTS), peak.astype(np.int32) * _SLOTS


def draw_service(
    rng: np.random.Generator, given: Assumptions, day: np.ndarray, web: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Days until delivery (0 where nothing is delivered) and what went wrong, uint8, for orders on these days.

    ``web``: bool, whether the order is delivered at all.
    """
    lead_days, failure, season = _tables(given)
    slot = season[day]
    slot += rng.integers(0, _SLOTS, len(day), dtype=np.uint16)
    return lead_days[slot] * web, failure[rng.integers(0, _SLOTS, len(day), dtype=np.uint16)]
