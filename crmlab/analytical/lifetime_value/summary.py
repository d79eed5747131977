"""From an order log to the row a customer that the models of lifetime value read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw

from crmlab.analytical.civil_day import civil_day, civil_day_of, on_or_before
from crmlab.analytical.table_check import CENTS, DATE, ID, checked

DAYS_PER_UNIT = {"W": 7, "D": 1}


def rfm_summary(orders: Any, observation_end: dt.date, time_unit: str = "W", *, count_free_orders: bool = False) -> Any:
    """Sum up each customer's purchases as known at the end of the day `observation_end`.

    A pandas, Polars (eager or lazy), DuckDB or Spark table gives the same kind of table, with the same values.

    orders, one row an order (or a line of one)
        customer_id      integer or text
        order_date       date or datetime; orders after `observation_end` are left out, orders on that day count
        amount_cents     integer, cents; amounts not above 0 are left out: a refund or a gift is no purchase
    time_unit
        "W" counts time in weeks (days / 7, not rounded), "D" in days
    count_free_orders
        True counts an order of exactly 0 cents as a purchase, though not in `monetary_value`. The published summary of
        the CDNOW log does so: 8 of its 2,357 customers paid nothing for the only order that they have.

    Returns one row a customer with a purchase. An eager table comes sorted by `customer_id`.

        customer_id       as in orders
        frequency         int64, repeat purchase days: all orders of one day are one purchase, the first does not count
        recency           float64, time units from the first to the last purchase; 0 without a repeat purchase.
                          Not the time since the last purchase: that is T - recency
        T                 float64, time units from the first purchase to `observation_end`
        monetary_value    float64, currency units (cents / 100): mean of a repeat purchase day; 0 where there was none

    Raises ValueError for missing columns, wrong types, missing values or another time unit; TypeError when
    `observation_end` is no date.

    Source: Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2), section 2.

    >>> import datetime as dt, pandas as pd
    >>> orders = pd.DataFrame({
    ...     "customer_id": [1, 1, 1, 2],
    ...     "order_date": pd.to_datetime(["2025-01-06", "2025-01-20", "2025-02-10", "2025-02-03"]),
    ...     "amount_cents": [1000, 2000, 3000, 500],
    ... })
    >>> rfm_summary(orders, dt.date(2025, 3, 3))
       customer_id  frequency  recency    T  monetary_value
    0            1          2      5.0  8.0            25.0
    1            2          0      0.0  4.0             0.0
    """
    if not isinstance(observation_end, dt.date) or observation_end != observation_end:
        kind = type(observation_end).__name__
        expected = "expected a date such as datetime.date(2025, 12, 31)"
        raise TypeError(f"observation_end is {observation_end!r} ({kind}), {expected}")
    if time_unit not in DAYS_PER_UNIT:
        raise ValueError(f"time_unit is {time_unit!r}, expected 'W' (weeks) or 'D' (days)")
    end = dt.date(observation_end.year, observation_end.month, observation_end.day)

    frame = checked(orders, "orders", {"customer_id": ID, "order_date": DATE, "amount_cents": CENTS})
    paid = nw.col("amount_cents") >= 0 if count_free_orders else nw.col("amount_cents") > 0
    frame = frame.filter(on_or_before("order_date", frame.collect_schema()["order_date"], end) & paid)
    customers = _customers(_purchase_days(frame))

    # Polars divides by a constant as if by its rounded reciprocal; by a column it divides as the other engines do.
    unit = nw.col("purchase_days") * 0 + DAYS_PER_UNIT[time_unit]
    repeat_cents = nw.col("cents") - nw.col("first_cents")
    # One at least: where nothing was paid the sum is 0, and so is the mean.
    repeat_days_paid = nw.max_horizontal(nw.col("days_paid") - (nw.col("first_cents") > 0).cast(nw.Int64), nw.lit(1))
    customers = customers.select(
        "customer_id",
        (nw.col("purchase_days") - 1).cast(nw.Int64).alias("frequency"),
        ((civil_day_of("last_day") - civil_day_of("first_day")) / unit).cast(nw.Float64).alias("recency"),
        ((civil_day(end) - civil_day_of("first_day")) / unit).cast(nw.Float64).alias("T"),
        (repeat_cents / (repeat_days_paid * 100)).cast(nw.Float64).alias("monetary_value"),
    )
    if isinstance(customers, nw.DataFrame):
        customers = nw.maybe_reset_index(customers.sort("customer_id"))
    return customers.to_native()


def _purchase_days(orders):
    """A row a customer and day: `customer_id, day, cents`."""
    day = nw.col("order_date")
    if orders.collect_schema()["order_date"] != nw.Date:
        day = day.dt.truncate("1d")
    days = orders.select("customer_id", day.alias("day"), nw.col("amount_cents").alias("cents"))
    # DuckDB sums integers into 128 bits.
    return days.group_by("customer_id", "day").agg(nw.col("cents").sum()).with_columns(nw.col("cents").cast(nw.Int64))


def _customers(days):
    """A row a customer: first and last day, and what was paid in all and on the first."""
    counted = ["purchase_days", "days_paid", "cents"]
    days = days.with_columns((nw.col("cents") > 0).cast(nw.Int64).alias("paid"))
    customers = days.group_by("customer_id").agg(
        nw.col("day").min().alias("first_day"),
        nw.col("day").max().alias("last_day"),
        nw.len().alias("purchase_days"),
        nw.col("paid").sum().alias("days_paid"),
        nw.col("cents").sum(),
    )
    customers = customers.with_columns(nw.col(*counted).cast(nw.Int64))
    first = days.select("customer_id", nw.col("day").alias("first_day"), nw.col("cents").alias("first_cents"))
    return customers.join(first, on=["customer_id", "first_day"], how="inner")
