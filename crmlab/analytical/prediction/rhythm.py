"""Silence and the customer's own rhythm: who is late, and who only buys seldom (lesson 11b).

A hundred days without an order are long for somebody who bought every week, and nothing for somebody who buys at
Christmas. So the silence is compared with the customer's own gaps, on a clock that runs faster in the season.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

_YEAR_DAYS = 365


def _purchase_days(orders: Any, as_of: pd.Timestamp) -> pd.DataFrame:
    """The days on which each customer bought, up to a day, without deliveries of subscriptions."""
    for column in ("customer_id", "order_date"):
        if column not in orders:
            raise ValueError(f"orders has no column {column!r} (found: {', '.join(map(str, orders.columns))})")
    bought = orders[orders["subscription_id"].isna()] if "subscription_id" in orders else orders
    days = bought.assign(day=bought["order_date"].dt.normalize())[["customer_id", "day"]].drop_duplicates()
    return days[days["day"] <= as_of].sort_values(["customer_id", "day"], ignore_index=True)


def seasonal_pace(orders: Any, as_of: dt.date) -> pd.Series:
    """How fast the shop's clock runs in each calendar month: 1 in the mean of the year, more in the season.

    orders    `customer_id`, `order_date`; `subscription_id` where there are subscriptions

    Purchases a day of each month over those of the whole year, from the last two whole years up to `as_of`, or from
    one where there is only one. Returns float64 by `month` (1 to 12), mean 1 over the days of a year. Raises
    ValueError for less than a year of orders.

    >>> from crmlab import open_company
    >>> company = open_company()
    >>> bool(seasonal_pace(company.orders, company.as_of)[12] > 1.2)
    True
    """
    last = pd.Timestamp(as_of).normalize()
    days = _purchase_days(orders, last)["day"]
    years = min(((last - days.min()).days + 1) // _YEAR_DAYS if len(days) else 0, 2)
    if years < 1:
        raise ValueError(f"orders reach from {days.min()} to {last:%Y-%m-%d}, expected a whole year at least")
    paces = []
    for year in range(years):
        end = last - pd.Timedelta(days=_YEAR_DAYS * year)
        calendar = pd.date_range(end - pd.Timedelta(days=_YEAR_DAYS - 1), end)
        counts = days[days.isin(calendar)].dt.month.value_counts().reindex(range(1, 13), fill_value=0)
        lengths = pd.Series(calendar.month).value_counts().sort_index()
        paces.append(counts / counts.sum() / (lengths / _YEAR_DAYS))
    return (sum(paces) / years).rename("pace").rename_axis("month")


def own_rhythm(orders: Any, as_of: dt.date, pace: pd.Series | None = None) -> pd.DataFrame:
    """How long each customer has been silent, against the own gaps between purchases: one row a customer.

    orders    `customer_id`, `order_date`; `subscription_id` where there are subscriptions
    pace      of `seasonal_pace`; without it a day counts as a day all year round

    Returns, by `customer_id`:

        gaps                 int64, gaps between days with a purchase: one less than such days
        mean_gap_days        float64, days of the clock; missing without a gap
        silence_days         int64, days of the calendar since the last purchase
        silence_over_gap     float64, silence / mean gap, both on the clock
        chance_of_silence    float64, chance of such a silence or a longer one if the customer goes on as before;
                             missing without a gap

    A customer who buys at random at a constant rate has exponential gaps. With k gaps that add up to S, and nothing
    else known of the rate (prior 1 / rate), the chance that the next gap exceeds s is (S / (S + s)) ** k. With one
    gap a long silence is not yet strange; with ten it is.

    >>> orders = pd.DataFrame({"customer_id": [1, 1, 1, 2],
    ...     "order_date": pd.to_datetime(["2025-01-01", "2025-01-11", "2025-01-21", "2025-01-01"])})
    >>> own_rhythm(orders, dt.date(2025, 3, 2)).loc[1, ["mean_gap_days", "silence_over_gap"]].tolist()
    [10.0, 4.0]
    """
    last = pd.Timestamp(as_of).normalize()
    days = _purchase_days(orders, last)
    if days.empty:
        raise ValueError(f"orders has no purchase up to {last:%Y-%m-%d}, expected one at least")
    calendar = pd.date_range(days["day"].min(), last)
    weight = np.ones(len(calendar)) if pace is None else pace.reindex(calendar.month).to_numpy()
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ValueError("pace has a month without a value, expected 12 numbers of 0 or more by month")
    clock = np.r_[0.0, weight[1:].cumsum()]
    days["clock"] = clock[(days["day"] - calendar[0]).dt.days]
    by = days.groupby("customer_id")
    first, latest, count = by["clock"].min(), by["clock"].max(), by.size()
    gaps = count - 1
    between, silence = (latest - first).where(gaps > 0), clock[-1] - latest
    return pd.DataFrame(
        {
            "gaps": gaps.astype("int64"),
            "mean_gap_days": between / gaps.where(gaps > 0),
            "silence_days": (last - by["day"].max()).dt.days.astype("int64"),
            "silence_over_gap": silence / (between / gaps.where(gaps > 0)),
            "chance_of_silence": ((between / (between + silence)) ** gaps).where(gaps > 0),
        }
    )
