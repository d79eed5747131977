"""When the lines are open, and when in the day people get in touch."""

from __future__ import annotations

import datetime
import functools

import numpy as np
import pandas as pd

from crmlab.company.assumptions import Assumptions

HALF_HOUR = 1800
DAY = 86_400
#: Kinds of days, and from when to when the lines are open, in hours. In Advent the lines are open until midnight.
CLOSED_DAY, WEEKDAY, SATURDAY, HALF_DAY, ADVENT_DAY = range(5)
OPEN_HOURS = np.array([[0, 0], [9, 17], [10, 14], [9, 13], [9, 24]])
#: Calls by half-hour of the day: the morning, and again the afternoon; few in the evening.
_CALL_SHAPE = np.concatenate(
    [np.zeros(18), [0.8, 1.1, 1.4, 1.5, 1.4, 1.2, 0.9, 0.75, 0.8, 1.0, 1.15, 1.15, 1.05, 0.95, 0.8, 0.65],
     np.linspace(0.5, 0.12, 14)]
)  # fmt: skip
#: Letters and self-service know no hours, but people sleep.
_ANY_TIME_SHAPE = np.concatenate([np.full(12, 0.08), np.linspace(0.2, 1.0, 6), np.full(18, 0.9),
                                  np.full(8, 1.2), np.linspace(1.0, 0.2, 4)])  # fmt: skip
#: Of the calls that were to come on a day without lines: how many come on the first, second, third open day after it.
WAITS_FOR_DAY = np.array([0.5, 0.3, 0.2])


def _holidays(year: int) -> set[datetime.date]:
    easter = (pd.Timestamp(year, 1, 1) + pd.tseries.offsets.Easter()).date()
    moving = {easter + datetime.timedelta(days=days) for days in (-2, 1, 39, 50)}
    return moving | {datetime.date(year, *day) for day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))}


@functools.lru_cache(maxsize=4)
def kinds_of_days(given: Assumptions) -> np.ndarray:
    """The kind of each day of the company, and of a month more: uint8."""
    kinds = []
    for number in range(given.days + 31):
        date = given.start + datetime.timedelta(days=number)
        if date.weekday() == 6 or date in _holidays(date.year):
            kinds.append(CLOSED_DAY)
        elif date.month == 12 and date.day in (24, 31):
            kinds.append(HALF_DAY)
        elif (12, 1) <= (date.month, date.day) <= (12, 23):
            kinds.append(ADVENT_DAY)
        else:
            kinds.append(SATURDAY if date.weekday() == 5 else WEEKDAY)
    return np.array(kinds, dtype=np.uint8)


@functools.cache
def call_profile(kind: int) -> np.ndarray:
    """The share of a day's calls in each half-hour of the day, (48,); zeros where the lines are closed."""
    opens, closes = OPEN_HOURS[kind] * 2
    half_hour = np.arange(48)
    weight = np.where((half_hour >= opens) & (half_hour < closes), _CALL_SHAPE, 0.0)
    return weight / weight.sum() if weight.any() else weight


def _seconds(rng: np.random.Generator, profile: np.ndarray, count: int) -> np.ndarray:
    edges = np.cumsum(profile)
    half_hour = np.minimum(np.searchsorted(edges, rng.random(count) * edges[-1], side="right"), len(profile) - 1)
    return half_hour * HALF_HOUR + rng.integers(0, HALF_HOUR, count)


def call_seconds(rng: np.random.Generator, kind: int, count: int) -> np.ndarray:
    """Seconds of the day at which calls and chats arrive on an open day of this kind: a Poisson process whose rate
    follows the profile, given its count."""
    return _seconds(rng, call_profile(kind), count)


def any_seconds(rng: np.random.Generator, count: int) -> np.ndarray:
    """Seconds of the day at which letters and visits of the help pages arrive."""
    return _seconds(rng, _ANY_TIME_SHAPE / _ANY_TIME_SHAPE.sum(), count)


def next_open_day(kinds: np.ndarray, day: np.ndarray, skip: np.ndarray) -> np.ndarray:
    """The day itself where the lines are open, else the first open day after it, or the second, third (``skip``)."""
    open_days = np.flatnonzero(kinds != CLOSED_DAY)
    at = np.searchsorted(open_days, day)
    moved = np.where(open_days[np.minimum(at, len(open_days) - 1)] == day, at, at + skip)
    return open_days[np.minimum(moved, len(open_days) - 1)]
