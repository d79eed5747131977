"""What customers will buy anyway after the last day that the tables know of: their own future, when left alone.

The purchase process goes on as before: a constant rate on the seasonal clock, and after each purchase the need may end
(see ``purchase_process``). Each person's future is fixed by the seed: whoever asks again, for more people or for
longer, sees the same future, and more of it. Service, prices and subscriptions play no part in it.
"""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
from scipy.special import ndtri

from crmlab.company.assumptions import Assumptions
from crmlab.company.keyed_random import keyed_uniform
from crmlab.company.seasonal_clock import seasonal_clock

#: Spread of a person's orders around their middle, as a standard deviation of the logarithm.
ORDER_SPREAD = 0.5
_YEAR_DAYS = 366


@dataclasses.dataclass(frozen=True)
class FuturePurchases:
    """One value a purchase, by person and then in the order of time: ``person`` (position among those asked for),
    ``day`` (float64, days after the end of the last day), ``number`` (from 0, of the person's purchases).

    One value a person: ``leaves_on``, the day (as above) after which the need has ended; infinite where it goes on,
    and below 0 for those who had left before.
    """

    person: np.ndarray
    day: np.ndarray
    number: np.ndarray
    leaves_on: np.ndarray


def clock_after(given: Assumptions, days: int) -> np.ndarray:
    """The clocks of a company run on for ``days`` days: float64 (levels, days + 1), in weeks from the last day's end.

    >>> clock_after(Assumptions(), 365)[0, [0, -1]].round(1).tolist()
    [0.0, 52.2]
    """
    years = -(-days // _YEAR_DAYS)
    known = seasonal_clock(given).clock_weeks
    longer = dataclasses.replace(given, as_of=given.as_of + datetime.timedelta(days=years * _YEAR_DAYS))
    run = seasonal_clock(longer).clock_weeks
    # A clock runs a week a week in the mean of its own days: the longer one is set back to the pace of the known one.
    share = np.linspace(0, 1, len(run))[:, None]
    everyday, gift = (run[level] * (known[level, given.days] / run[level, given.days]) for level in (0, -1))
    run = (1 - share) * everyday + share * gift
    return run[:, given.days : given.days + days + 1] - run[:, given.days, None]


def draw_future(
    seed: int,
    given: Assumptions,
    person_id: np.ndarray,
    rate_per_week: np.ndarray,
    dropout: np.ndarray,
    clock_level: np.ndarray,
    active: np.ndarray,
    days: int,
) -> FuturePurchases:
    """The purchases of some people (one value each) in the ``days`` days after the last one."""
    at = np.flatnonzero(active)
    leaves_on, weeks = np.where(active, np.inf, -1.0), np.zeros(len(person_id))
    luck = _Luck(seed, "", (person_id,))
    return _run_on(luck, clock_after(given, days), rate_per_week, dropout, clock_level, at, weeks, leaves_on)


def draw_resumed(
    seed: int,
    given: Assumptions,
    person_id: np.ndarray,
    rate_per_week: np.ndarray,
    dropout: np.ndarray,
    clock_level: np.ndarray,
    from_day: np.ndarray,
    moment: np.ndarray,
    days: int,
) -> FuturePurchases:
    """The purchases of some people after the day ``from_day``, on which something made their need go on.

    ``moment``: whole numbers, when that was decided; what is decided another time has luck of its own.
    """
    clock, weeks = clock_after(given, days), np.zeros(len(person_id))
    for level in np.unique(clock_level):
        of = clock_level == level
        weeks[of] = np.interp(from_day[of], np.arange(days + 1), clock[level])
    luck = _Luck(seed, ", resumed", (person_id, moment))
    at = np.flatnonzero(from_day < days)
    return _run_on(luck, clock, rate_per_week, dropout, clock_level, at, weeks, np.full(len(person_id), np.inf))


@dataclasses.dataclass(frozen=True)
class _Luck:
    """Random numbers by what is drawn, for whom, and which one it is."""

    seed: int
    when: str
    keys: tuple[np.ndarray, ...]

    def draw(self, what: str, at: np.ndarray, number: int) -> np.ndarray:
        keys = (key[at] for key in self.keys)
        return keyed_uniform(self.seed, what + self.when, *keys, np.full(len(at), number))


def _run_on(
    luck: _Luck,
    clock: np.ndarray,
    rate_per_week: np.ndarray,
    dropout: np.ndarray,
    clock_level: np.ndarray,
    at: np.ndarray,
    weeks: np.ndarray,
    leaves_on: np.ndarray,
) -> FuturePurchases:
    """Purchase after purchase of those ``at`` these positions, from ``weeks`` of their own clock on, until the need or
    the clock ends. Writes into ``weeks`` and ``leaves_on``."""
    days = np.arange(clock.shape[1])
    persons, moments, numbers = [], [], []
    number = 0
    while len(at):
        weeks[at] -= np.log(luck.draw("next purchase", at, number)) / rate_per_week[at]
        at = at[weeks[at] < clock[clock_level[at], -1]]
        day = np.empty(len(at))
        for level in np.unique(clock_level[at]):
            of = clock_level[at] == level
            day[of] = np.interp(weeks[at[of]], clock[level], days)
        persons.append(at)
        moments.append(day)
        numbers.append(np.full(len(at), number))
        ends = luck.draw("need ends", at, number) < dropout[at]
        leaves_on[at[ends]] = day[ends]
        at = at[~ends]
        number += 1
    person, moment, count = (np.concatenate(each) for each in (persons, moments, numbers)) if persons else _NOTHING
    order = np.lexsort([count, person])
    return FuturePurchases(person[order], moment[order], count[order], leaves_on)


_NOTHING = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64)


def order_amounts(
    seed: int, purpose: str, middle_cents: np.ndarray, person_id: np.ndarray, key: np.ndarray
) -> np.ndarray:
    """What orders are worth, int64 cents of at least 400: lognormal around each person's own middle."""
    deviation = ndtri(keyed_uniform(seed, purpose, person_id, key))
    return np.maximum(np.round(middle_cents * np.exp(ORDER_SPREAD * deviation)), 400).astype(np.int64)
