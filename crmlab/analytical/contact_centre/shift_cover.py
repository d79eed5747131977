"""Shifts that cover what each half-hour needs, for the least pay (lesson 13b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp


def shift_patterns(
    half_hours: int, shift_half_hours: int, *, break_after: int | None = None, first_starts: Sequence[int] | None = None
) -> np.ndarray:
    """All shifts of one length: which half-hours of the day each is there.

    half_hours            of the day, from opening to closing
    shift_half_hours      length of a shift, its break included
    break_after           the half-hours of work before a break of one half-hour; none unless given
    first_starts          in which half-hours a shift may begin; wherever it fits unless given

    Returns bool (shifts, half_hours). Raises ValueError for a shift that is longer than the day, or a break outside it.

    >>> shift_patterns(4, 3, break_after=1).astype(int).tolist()
    [[1, 0, 1, 0], [0, 1, 0, 1]]
    """
    if not 0 < shift_half_hours <= half_hours:
        raise ValueError(
            f"shift_half_hours is {shift_half_hours}, expected 1 to {half_hours}, the half-hours of the day"
        )
    if break_after is not None and not 0 < break_after < shift_half_hours - 1:
        raise ValueError(f"break_after is {break_after}, expected 1 to {shift_half_hours - 2}: within the shift")
    last = half_hours - shift_half_hours
    starts = range(last + 1) if first_starts is None else first_starts
    patterns = np.zeros((len(starts), half_hours), dtype=bool)
    for row, start in enumerate(starts):
        if not 0 <= start <= last:
            raise ValueError(f"first_starts has {start}, expected 0 to {last}: the shift must end with the day")
        patterns[row, start : start + shift_half_hours] = True
        if break_after is not None:
            patterns[row, start + break_after] = False
    return patterns


def cover_shifts(required: Any, patterns: np.ndarray, cost: Any = 1.0) -> dict[str, Any]:
    """How many agents to send on each shift so that no half-hour lacks one, for the least cost.

    required    agents needed in each half-hour, (half_hours,), whole numbers of 0 or more
    patterns    bool (shifts, half_hours): see ``shift_patterns``
    cost        of an agent on each shift: a number, or one a shift

    Returns ``agents`` (int64, one value a shift), ``present`` (int64, one value a half-hour), ``cost`` and ``spare``
    (int64: half-hours of agents beyond what is required). A half-hour that no shift covers raises ValueError.

    An integer programme: minimise cost subject to present >= required (Dantzig 1954, Operations Research 2(3)), solved
    by scipy's ``milp`` (HiGHS).

    >>> plan = cover_shifts([1, 2, 2, 1], shift_patterns(4, 2))
    >>> plan["cost"], plan["present"].tolist()
    (3.0, [1, 2, 2, 1])
    """
    required = np.asarray(required)
    patterns = np.asarray(patterns, dtype=bool)
    if patterns.ndim != 2 or required.shape != (patterns.shape[1],):
        raise ValueError(f"required has shape {required.shape}, expected one number a half-hour of patterns")
    if (required < 0).any() or (required != np.floor(required)).any():
        raise ValueError("required has a value that is no whole number of 0 or more")
    uncovered = np.flatnonzero((required > 0) & ~patterns.any(axis=0))
    if len(uncovered):
        raise ValueError(f"half-hour {uncovered[0]} needs {required[uncovered[0]]} agents, but no shift covers it")
    prices = np.broadcast_to(np.asarray(cost, dtype=np.float64), len(patterns))
    found = milp(
        prices,
        constraints=LinearConstraint(patterns.T.astype(float), lb=required.astype(float)),
        integrality=np.ones(len(patterns)),
        bounds=Bounds(0, np.inf),
    )
    if not found.success:
        raise ValueError(f"no plan was found: {found.message}")
    agents = np.rint(found.x).astype(np.int64)
    present = agents @ patterns.astype(np.int64)
    return {
        "agents": agents,
        "present": present,
        "cost": float(prices @ agents),
        "spare": int((present - required).sum()),
    }


def shift_plan(plan: Mapping[str, Any], patterns: np.ndarray, starts_at: Sequence[str]) -> pd.DataFrame:
    """The shifts that are used, to read: ``starts``, ``ends``, ``break_at`` (texts from ``starts_at``, one a half-hour;
    an empty text without a break), ``agents``.

    >>> patterns = shift_patterns(4, 3, break_after=1)
    >>> shift_plan(cover_shifts([1, 0, 1, 0], patterns), patterns, ["09:00", "09:30", "10:00", "10:30"])
      starts   ends break_at  agents
    0  09:00  10:30    09:30       1
    """
    step = pd.Timedelta(minutes=30)
    rows = []
    for pattern, agents in zip(patterns, plan["agents"], strict=True):
        if agents:
            there = np.flatnonzero(pattern)
            end = pd.Timestamp(f"2000-01-01 {starts_at[there[-1]]}") + step
            away = np.setdiff1d(np.arange(there[0], there[-1]), there)
            break_at = starts_at[away[0]] if len(away) else ""
            rows.append((starts_at[there[0]], end.strftime("%H:%M"), break_at, int(agents)))
    return pd.DataFrame(rows, columns=["starts", "ends", "break_at", "agents"])
