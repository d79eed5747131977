"""Cohorts: customers who came in the same month, followed by their age in months."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from crmlab.analytical.civil_day import on_or_before
from crmlab.analytical.table_check import DATE, ID, checked, collected


def cohort_triangle(orders: Any, as_of: dt.date) -> pd.DataFrame:
    """How many customers of each month's cohort bought in each later month.

    orders, one row an order (pandas, Polars, DuckDB or Spark)
        customer_id    integer or text
        order_date     date or datetime; orders after `as_of` are left out
    as_of
        the last day known; a month that it cuts short is left out, as a month of few days would look like churn

    Returns a pandas frame of Int64: a row a cohort (index `cohort`, monthly periods of the first order, months without
    new customers included), a column an age in months from 0 (all of the cohort); cells that lie in the future are
    missing, which is not 0. Raises ValueError for missing columns, wrong types, or no order in a whole month.

    >>> import datetime as dt, pandas as pd
    >>> orders = pd.DataFrame({
    ...     "customer_id": [1, 1, 2, 3, 3],
    ...     "order_date": pd.to_datetime(["2025-01-05", "2025-03-01", "2025-01-09", "2025-02-02", "2025-03-03"]),
    ... })
    >>> cohort_triangle(orders, dt.date(2025, 3, 31))
    age_months  0     1     2
    cohort
    2025-01     2     0     1
    2025-02     1     1  <NA>
    2025-03     0  <NA>  <NA>
    """
    last_month = as_of.year * 12 + as_of.month - 1
    if (as_of + dt.timedelta(days=1)).day != 1:
        last_month -= 1
    frame = checked(orders, "orders", {"customer_id": ID, "order_date": DATE})
    frame = frame.filter(on_or_before("order_date", frame.collect_schema()["order_date"], as_of))
    date = nw.col("order_date").dt
    month = date.year().cast(nw.Int64) * 12 + date.month().cast(nw.Int64) - 1
    active = frame.select("customer_id", month.alias("month")).unique()
    first = active.group_by("customer_id").agg(nw.col("month").min().alias("cohort"))
    cells = active.join(first, on="customer_id", how="inner").filter(nw.col("month") <= last_month)
    cells = collected(cells.group_by("cohort", "month").agg(nw.len().alias("customers"))).to_pandas().astype("int64")
    if cells.empty:
        raise ValueError(f"orders has no order in a whole month up to {as_of}, expected one at least")
    cohorts = np.arange(cells["cohort"].min(), last_month + 1)
    triangle = np.zeros((len(cohorts), len(cohorts)), dtype=np.int64)
    triangle[cells["cohort"] - cohorts[0], cells["month"] - cells["cohort"]] = cells["customers"]
    ages = np.arange(len(cohorts))
    in_future = cohorts[:, None] + ages > last_month
    index = pd.PeriodIndex([pd.Period(year=m // 12, month=m % 12 + 1, freq="M") for m in cohorts], name="cohort")
    columns = pd.Index(ages, name="age_months")
    return pd.DataFrame(triangle, index=index, columns=columns).astype("Int64").mask(in_future)


def retention_curve(survivors: Any) -> pd.DataFrame:
    """The retention rate and the survival at each age, from how many were left.

    survivors
        one cohort: numbers left at ages 0, 1, 2, ...; or several: a table or matrix with a row a cohort and a column an
        age, missing where the age is not reached yet. Contracts only: numbers may not rise with age

    Returns a pandas frame with a row an age from 1: `age`, `at_risk` (there at the age before, and old enough to be
    seen at this one: the denominator), `lost`, `retention_rate` (1 - lost / at_risk), `survival` (the product of the
    rates up to here: the share of a cohort that is left).

    >>> retention_curve([1000, 631, 468, 382, 326])[["age", "retention_rate", "survival"]].round(3)
       age  retention_rate  survival
    0    1           0.631     0.631
    1    2           0.742     0.468
    2    3           0.816     0.382
    3    4           0.853     0.326
    """
    at_risk, lost = at_risk_and_lost(survivors)
    seen = at_risk > 0
    rate = 1 - lost[seen] / at_risk[seen]
    return pd.DataFrame(
        {
            "age": np.flatnonzero(seen) + 1,
            "at_risk": at_risk[seen],
            "lost": lost[seen],
            "retention_rate": rate,
            "survival": np.cumprod(rate),
        }
    )


def at_risk_and_lost(survivors: Any) -> tuple[np.ndarray, np.ndarray]:
    """For ages 1, 2, ...: how many could leave, and how many left; summed over cohorts. Raises ValueError."""
    table = survivors.to_numpy(dtype=np.float64, na_value=np.nan) if hasattr(survivors, "to_numpy") else survivors
    table = np.atleast_2d(np.asarray(table, dtype=np.float64))
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"survivors has shape {table.shape}, expected a row a cohort and two ages at least")
    known = ~np.isnan(table)
    if (known[:, 1:] & ~known[:, :-1]).any():
        raise ValueError("survivors has a missing number before a known one, expected none missing but at the end")
    if (table[known] < 0).any():
        raise ValueError(f"survivors has {table[known].min():g}, expected 0 or more")
    before, after = table[:, :-1], table[:, 1:]
    if (after > before).any():
        cohort, age = np.argwhere(after > before)[0]
        rise = f"{before[cohort, age]:g} at age {age} and {after[cohort, age]:g} at age {age + 1}"
        raise ValueError(f"survivors has {rise}, expected numbers that never rise: those who left do not come back")
    seen = known[:, 1:]
    return np.where(seen, before, 0).sum(axis=0), np.where(seen, before - after, 0).sum(axis=0)
