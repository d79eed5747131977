"""The churn rate, with its denominator: those who were there at the start and could leave."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np

from crmlab.analytical.civil_day import on_or_before
from crmlab.analytical.table_check import DATE, checked, collected


def churn_rate(contracts: Any, first_day: dt.date, last_day: dt.date) -> dict[str, Any]:
    """The share of the customers at the start of a period who left within it.

    contracts, one row a contract (pandas, Polars, DuckDB or Spark)
        start_date    date or datetime; the first day
        end_date      date or datetime, or missing for a contract that runs on; the last day
    first_day, last_day
        the period, both days included

    Returns a mapping: `customers_at_start` (began before the period and ran into it: the denominator), `lost` (of
    these, those who ended within it), `arrived` (began within it: neither above nor below the line, even when they
    left again), `churn_rate` (float, lost / customers_at_start). Raises ValueError when nobody was there at the start,
    for missing columns or wrong types, and when the period ends before it begins.

    >>> import datetime as dt, pandas as pd
    >>> contracts = pd.DataFrame({
    ...     "start_date": pd.to_datetime(["2024-11-01", "2024-12-15", "2025-01-10", "2024-10-01"]),
    ...     "end_date": pd.to_datetime(["2025-01-20", None, "2025-01-25", "2024-12-31"]),
    ... })
    >>> churn_rate(contracts, dt.date(2025, 1, 1), dt.date(2025, 1, 31))
    {'customers_at_start': 2, 'lost': 1, 'arrived': 1, 'churn_rate': 0.5}
    """
    if last_day < first_day:
        raise ValueError(f"last_day is {last_day}, expected {first_day} (first_day) or later")
    checked(contracts, "contracts", {"start_date": DATE})
    frame = nw.from_native(contracts)
    schema = frame.collect_schema()
    if "end_date" not in schema:
        raise ValueError(f"contracts has no column 'end_date' (found: {', '.join(schema)})")
    if schema["end_date"] not in (nw.Date, nw.Datetime):
        raise ValueError(f"contracts column 'end_date' holds {schema['end_date']}, expected {DATE} or nothing")
    eve = first_day - dt.timedelta(days=1)

    def by(column: str, day: dt.date) -> nw.Expr:
        return on_or_before(column, schema[column], day).fill_null(False)

    before, ended_before = by("start_date", eve), by("end_date", eve)
    counted = frame.select(
        (before & ~ended_before).alias("customers_at_start"),
        (before & ~ended_before & by("end_date", last_day)).alias("lost"),
        (~before & by("start_date", last_day)).alias("arrived"),
    ).select(nw.all().cast(nw.Int64).sum())
    row = collected(counted)
    numbers = {name: int(row[name][0] or 0) for name in ("customers_at_start", "lost", "arrived")}
    if not numbers["customers_at_start"]:
        raise ValueError(f"contracts has nobody at the start of {first_day}, expected one customer at least")
    return {**numbers, "churn_rate": numbers["lost"] / numbers["customers_at_start"]}


def churn_over_periods(churn: Any, periods: float) -> Any:
    """The churn over several periods at a constant rate: 1 - (1 - churn) ** periods.

    Twelve times the monthly rate counts people who have left already. `periods` of 1/12 goes from a year to a month.
    `churn`: a number or an array between 0 and 1; returns the same shape. Raises ValueError for others.

    >>> round(churn_over_periods(0.05, 12), 4), round(churn_over_periods(0.4596, 1 / 12), 4)
    (0.4596, 0.05)
    """
    rate = np.asarray(churn, dtype=np.float64)
    if not ((rate >= 0) & (rate <= 1)).all():
        raise ValueError(f"churn is {churn!r}, expected shares between 0 and 1")
    if not periods > 0:
        raise ValueError(f"periods is {periods!r}, expected more than 0")
    with np.errstate(divide="ignore"):
        over = -np.expm1(periods * np.log1p(-rate))
    return over if over.ndim else float(over)
