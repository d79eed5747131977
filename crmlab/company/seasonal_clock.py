"""The seasonal clock: time that runs fast before Christmas and slowly in August.

A customer buys at a constant rate on a clock of weeks. The clock, not the customer, has seasons: it is mapped to the
calendar, and the calendar shows the season. So a model that assumes a constant rate is right on the clock and wrong
on the calendar, and the truth keeps both. There are ``LEVELS`` clocks, from everyday buying (level 0) to buying for
gifts (the last level); each customer lives by one of them. All run one week a week in the mean of a year.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.assumptions import Assumptions
from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates

LEVELS = 16
#: Cells of the table that maps clock time back to days; a cell is at most a fifth of a day long.
_CELLS = 16_384
_ACQUISITION_SLOTS = 8_192

# Monday to Sunday; in the mean 1.
_WEEKDAY = np.array([0.95, 0.88, 0.92, 1.0, 1.13, 1.22, 0.9])


@dataclasses.dataclass(frozen=True)
class SeasonalClock:
    """The clocks of one company.

    ``clock_weeks``: float64 (LEVELS, days + 1), the clock's time at the start of each day, in weeks.
    ``day_of_cell``: uint16 (LEVELS * cells), the day on which a cell of clock time falls.
    ``acquisition_day``: uint16 (LEVELS, slots), equally likely days of a first purchase.
    """

    clock_weeks: np.ndarray
    day_of_cell: np.ndarray
    acquisition_day: np.ndarray
    cells_per_week: float
    cells: int

    def days_at(self, level: np.ndarray, clock_weeks: np.ndarray) -> np.ndarray:
        """The days, uint16 from 0, on which the clock of ``level`` shows ``clock_weeks``."""
        cell = (clock_weeks * self.cells_per_week).astype(np.int32)
        cell += level
        return self.day_of_cell[cell]

    def cell_offset(self, level: np.ndarray) -> np.ndarray:
        """What ``days_at`` wants as ``level``: the place, int32, where a level's cells begin."""
        return level.astype(np.int32) * np.int32(self.cells)


def _pace(assumptions: Assumptions) -> tuple[np.ndarray, np.ndarray]:
    """How fast the everyday clock and the gift clock run on each day, 1 in the mean."""
    dates = [assumptions.start + datetime.timedelta(days=day) for day in range(assumptions.days)]
    day_of_year = np.array([date.timetuple().tm_yday for date in dates])
    weekday = _WEEKDAY[[date.weekday() for date in dates]]
    month_day = np.array([date.month * 100 + date.day for date in dates])
    winter = 1 + 0.14 * np.cos(2 * np.pi * (day_of_year - 15) / 365.25)
    advent = np.where((month_day >= 1120) & (month_day <= 1223), 1.35, 1.0)
    everyday = winter * advent * weekday
    gift = np.full(len(dates), 0.35)
    gift[(month_day >= 1110) & (month_day <= 1223)] = 6.5
    gift[(month_day >= 206) & (month_day <= 214)] = 2.2
    gift[(month_day >= 501) & (month_day <= 514)] = 1.8
    gift = gift * weekday
    return everyday / everyday.mean(), gift / gift.mean()


@functools.lru_cache(maxsize=4)
def seasonal_clock(assumptions: Assumptions) -> SeasonalClock:
    """The clocks of a company with these assumptions.

    >>> clock = seasonal_clock(Assumptions())
    >>> clock.clock_weeks.shape, round(float(clock.clock_weeks[0, -1]), 1)
    ((16, 1097), 156.6)
    """
    everyday, gift = _pace(assumptions)
    share = np.linspace(0, 1, LEVELS)[:, None]
    pace = (1 - share) * everyday + share * gift
    weeks = np.concatenate([np.zeros((LEVELS, 1)), np.cumsum(pace / 7, axis=1)], axis=1)
    cells_per_week = (_CELLS - 2) / weeks.max()
    middle = (np.arange(_CELLS) + 0.5) / cells_per_week
    days = [np.searchsorted(row, middle, side="right") - 1 for row in weeks]
    day_of_cell = np.clip(np.concatenate(days), 0, assumptions.days - 1).astype(np.uint16)
    # New customers: growth slows over the years, and each clock brings them in its own season.
    growth = 1.0 - 0.15 * np.linspace(0, 1, assumptions.days)
    slots = (np.arange(_ACQUISITION_SLOTS) + 0.5) / _ACQUISITION_SLOTS
    arrivals = np.cumsum(pace * growth, axis=1)
    acquisition = [np.searchsorted(row / row[-1], slots) for row in arrivals]
    return SeasonalClock(
        clock_weeks=weeks,
        day_of_cell=day_of_cell,
        acquisition_day=np.array(acquisition, dtype=np.uint16),
        cells_per_week=cells_per_week,
        cells=_CELLS,
    )


def draw_seasonal_clock(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Hidden table ``seasonal_clock``: each level's time in weeks at the start of each day."""
    clock = seasonal_clock(block.assumptions)
    days = block.assumptions.days
    truth = pa.table(
        {
            "clock_level": np.repeat(np.arange(LEVELS, dtype=np.uint8), days),
            "date": calendar_dates(np.tile(np.arange(days), LEVELS), block.assumptions.start),
            "clock_weeks": clock.clock_weeks[:, :-1].ravel(),
        }
    )
    return Drawn(truth={"seasonal_clock": truth})
