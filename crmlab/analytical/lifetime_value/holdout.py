"""Is a forecast any good? Fit on the past, keep a later time back, and look (lesson 10b).

The last day that the model knows is the end of the calibration; what came after, up to the end of the holdout, it has
to forecast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.lifetime_value.summary import DAYS_PER_UNIT, rfm_summary
from crmlab.analytical.segmentation.columns import require


def holdout_summary(orders: Any, calibration_end: dt.date, holdout_end: dt.date, time_unit: str = "W") -> pd.DataFrame:
    """`rfm_summary` as of `calibration_end`, and what the same customers did afterwards.

    orders: pandas frame of customer_id, order_date (datetime), amount_cents (amounts not above 0 are no purchases).

    Returns the columns of `rfm_summary` and
        holdout_purchases    int64, purchase days after `calibration_end`, up to the end of `holdout_end`
        holdout_spend        float64, currency units spent on them
        before_purchases     int64, purchase days in the time of the same length before `calibration_end`, its end
                             included: the naive forecast "as often as last time"

    Customers who came later are not in it. Raises ValueError when the holdout does not end after the calibration.

    >>> orders = pd.DataFrame({
    ...     "customer_id": [1, 1, 1, 2],
    ...     "order_date": pd.to_datetime(["2025-01-06", "2025-02-10", "2025-03-20", "2025-03-25"]),
    ...     "amount_cents": [1000, 2000, 3000, 500],
    ... })
    >>> holdout_summary(orders, dt.date(2025, 3, 1), dt.date(2025, 3, 31))[
    ...     ["customer_id", "frequency", "holdout_purchases", "holdout_spend", "before_purchases"]].values.tolist()
    [[1.0, 1.0, 1.0, 30.0, 1.0]]
    """
    require(orders, "orders", ["customer_id", "order_date", "amount_cents"])
    last_known, last = pd.Timestamp(calibration_end).normalize(), pd.Timestamp(holdout_end).normalize()
    if last <= last_known:
        raise ValueError(f"holdout_end is {last:%Y-%m-%d}, expected a day after calibration_end {last_known:%Y-%m-%d}")
    summary = rfm_summary(orders, last_known.date(), time_unit)
    paid = orders[orders["amount_cents"] > 0]
    day = paid["order_date"].dt.normalize()
    later = (day > last_known) & (day <= last)
    before = (day > last_known - (last - last_known)) & (day <= last_known)

    def days(rows: pd.Series) -> np.ndarray:
        counted = day[rows].groupby(paid["customer_id"][rows]).nunique()
        return counted.reindex(summary["customer_id"], fill_value=0).to_numpy(dtype="int64")

    spent = paid["amount_cents"][later].groupby(paid["customer_id"][later]).sum() / 100
    return summary.assign(
        holdout_purchases=days(later),
        holdout_spend=spent.reindex(summary["customer_id"], fill_value=0.0).to_numpy(dtype="float64"),
        before_purchases=days(before),
    )


def holdout_length(calibration_end: dt.date, holdout_end: dt.date, time_unit: str = "W") -> float:
    """The time to forecast, in the unit of the summary, not rounded.

    >>> holdout_length(dt.date(2025, 1, 1), dt.date(2025, 1, 15))
    2.0
    """
    if time_unit not in DAYS_PER_UNIT:
        raise ValueError(f"time_unit is {time_unit!r}, expected 'W' (weeks) or 'D' (days)")
    return (pd.Timestamp(holdout_end) - pd.Timestamp(calibration_end)).days / DAYS_PER_UNIT[time_unit]


def compare_forecasts(actual: Any, forecasts: Mapping[str, Any]) -> pd.DataFrame:
    """How far forecasts were from what happened, one row a forecast.

    actual       a number a customer
    forecasts    by name, a number a customer in the same order

    Returns, indexed by name: `total` (sum of the forecast), `total_over_actual`, `mean_absolute_error` (a customer),
    `root_mean_squared_error`, `correlation` (Pearson; NaN for a forecast that is the same for all). All float64. The
    absolute error is least for a forecast of each customer's median, often 0; the squared one for a forecast of means,
    which is what totals and money need.

    >>> compare_forecasts([0, 2], {"good": [0.5, 1.5], "flat": [2, 2]}).round(2)["mean_absolute_error"].to_dict()
    {'good': 0.5, 'flat': 1.0}
    """
    happened = _numbers(actual, "actual")
    rows = {}
    for name, forecast in forecasts.items():
        expected = _numbers(forecast, f"forecasts[{name!r}]")
        if len(expected) != len(happened):
            raise ValueError(f"forecasts[{name!r}] has {len(expected):,} numbers, expected {len(happened):,} as actual")
        varies = expected.std() > 0 and happened.std() > 0
        rows[name] = {
            "total": expected.sum(),
            "total_over_actual": expected.sum() / happened.sum() if happened.sum() else np.inf,
            "mean_absolute_error": np.abs(expected - happened).mean(),
            "root_mean_squared_error": np.sqrt(np.mean((expected - happened) ** 2)),
            "correlation": np.corrcoef(expected, happened)[0, 1] if varies else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def calibration_by_frequency(frequency: Any, expected: Any, actual: Any, highest: int = 7) -> pd.DataFrame:
    """Mean forecast and mean outcome of customers with 0, 1, 2, ... repeat purchases; `highest` and more are one class.

    Returns, indexed by `frequency`: `customers` (int64), `expected`, `actual` (float64, purchases a customer).

    Source: the conditional expectations of Fader, Hardie and Lee (2005), Marketing Science 24(2).

    >>> calibration_by_frequency([0, 0, 9, 7], [1, 0, 4, 2], [0, 0, 5, 3]).values.tolist()
    [[2.0, 0.5, 0.0], [2.0, 3.0, 4.0]]
    """
    if isinstance(highest, bool) or highest < 1:
        raise ValueError(f"highest is {highest!r}, expected a whole number from 1 up")
    repeats = np.minimum(_numbers(frequency, "frequency"), highest).astype("int64")
    frame = pd.DataFrame({"expected": _numbers(expected, "expected"), "actual": _numbers(actual, "actual")})
    grouped = frame.groupby(pd.Series(repeats, name="frequency"))
    table = grouped.mean()
    table.insert(0, "customers", grouped.size())
    return table


def _numbers(values: Any, name: str) -> np.ndarray:
    numbers = np.asarray(values, dtype="float64").ravel()
    if not len(numbers):
        raise ValueError(f"{name} is empty, expected a number a customer")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} has {int((~np.isfinite(numbers)).sum())} missing or infinite numbers, expected none")
    return numbers
