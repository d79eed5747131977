"""Growth of the customer base: who is new, who is lost, who came back, month by month; with a contract and without.

With a contract a customer is there from the first day to the last. Without one nobody says goodbye, so a rule must: who
has not bought for so many days counts as lost. Both give **spells**, and everything else is counted from those.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from crmlab.analytical.civil_day import on_or_before
from crmlab.analytical.table_check import DATE, ID, checked, collected


def active_spells(orders: Any, silent_days: int, as_of: dt.date) -> pd.DataFrame:
    """The times in which customers without a contract count as there, by the rule of `silent_days`.

    orders, one row an order (pandas, Polars, DuckDB or Spark)
        customer_id    integer or text
        order_date     date or datetime; orders after `as_of` are left out
    silent_days
        a customer is there for so many days after each order: a whole number of at least 1

    Returns a pandas frame, one row a spell, by customer and time: `customer_id`, `start_date` (of an order),
    `end_date` (the last day on which the customer counts; missing where that is not over by `as_of`). An order after
    the end begins another spell. Raises ValueError for missing columns, wrong types, or another `silent_days`.

    >>> orders = pd.DataFrame({"customer_id": [1, 1, 1, 2],
    ...     "order_date": pd.to_datetime(["2025-01-05", "2025-02-01", "2025-09-01", "2025-03-03"])})
    >>> active_spells(orders, 90, dt.date(2025, 9, 30))
       customer_id start_date   end_date
    0            1 2025-01-05 2025-05-02
    1            1 2025-09-01        NaT
    2            2 2025-03-03 2025-06-01
    """
    if isinstance(silent_days, bool) or not hasattr(silent_days, "__index__") or silent_days < 1:
        raise ValueError(f"silent_days is {silent_days!r}, expected a whole number of at least 1")
    frame = checked(orders, "orders", {"customer_id": ID, "order_date": DATE})
    frame = frame.filter(on_or_before("order_date", frame.collect_schema()["order_date"], as_of))
    frame = frame.select("customer_id", nw.col("order_date").cast(nw.Datetime("us")).dt.truncate("1d")).unique()
    days = collected(frame).to_pandas().sort_values(["customer_id", "order_date"], ignore_index=True)
    stay = pd.Timedelta(days=int(silent_days))
    same = days["customer_id"].eq(days["customer_id"].shift())
    begins = ~same | (days["order_date"] > days["order_date"].shift() + stay)
    spells = days.groupby(begins.cumsum().to_numpy()).agg(
        customer_id=("customer_id", "first"), start_date=("order_date", "first"), end_date=("order_date", "last")
    )
    end = spells["end_date"] + stay
    return spells.assign(end_date=end.mask(end >= pd.Timestamp(as_of))).reset_index(drop=True)


def base_by_month(spells: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """How the customer base grew: new, won back, lost and net, for each whole month up to `as_of`.

    spells, one row a time in which a customer was there, such as subscriptions or `active_spells`
        customer_id    integer or text
        start_date     date or datetime: the first day
        end_date       date or datetime, missing while it runs: the last day; the customer is lost on it

    Returns a pandas frame with a row a month (index `month`, from that of the first start) of int64:
    `customers_at_start`, `new` (a customer's first spell begins), `won_back` (a later one begins), `lost` (a spell
    ends), `net` (new + won_back - lost), `customers_at_end`. Spells of one customer that overlap count each. Raises
    ValueError for missing columns or types, a spell that ends before it begins, or no whole month.

    >>> spells = pd.DataFrame({"customer_id": [1, 2, 1],
    ...     "start_date": pd.to_datetime(["2025-01-05", "2025-01-09", "2025-03-03"]),
    ...     "end_date": pd.to_datetime(["2025-02-01", None, None])})
    >>> base_by_month(spells, dt.date(2025, 3, 31))[["new", "won_back", "lost", "net", "customers_at_end"]]
             new  won_back  lost  net  customers_at_end
    month
    2025-01    2         0     0    2                 2
    2025-02    0         0     1   -1                 1
    2025-03    0         1     0    1                 2
    """
    checked(spells, "spells", {"customer_id": ID, "start_date": DATE})
    if "end_date" not in spells.columns:
        raise ValueError(f"spells has no column 'end_date' (found: {', '.join(spells.columns)})")
    start, end = pd.to_datetime(spells["start_date"]), pd.to_datetime(spells["end_date"])
    if (end < start).any():
        raise ValueError(f"spells has an end_date before its start_date in {int((end < start).sum())} rows")
    last_month = pd.Period(as_of, "M")
    if (pd.Timestamp(as_of) + pd.Timedelta(days=1)).day != 1:
        last_month -= 1
    if not len(start) or start.min() > last_month.end_time:
        raise ValueError(f"spells has no start in a whole month up to {as_of}, expected one at least")
    months = pd.period_range(start.min(), last_month, freq="M", name="month")
    is_first = ~spells.assign(start_date=start).sort_values("start_date", kind="stable").duplicated("customer_id")
    is_first = is_first.reindex(spells.index)

    def counted(dates: pd.Series) -> np.ndarray:
        return dates.dropna().dt.to_period("M").value_counts().reindex(months, fill_value=0).to_numpy(np.int64)

    new, won_back, lost = counted(start[is_first]), counted(start[~is_first]), counted(end)
    net = new + won_back - lost
    at_end = np.cumsum(net)
    columns = {"customers_at_start": at_end - net, "new": new, "won_back": won_back, "lost": lost, "net": net}
    return pd.DataFrame({**columns, "customers_at_end": at_end}, index=months)
