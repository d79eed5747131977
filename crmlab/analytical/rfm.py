"""RFM: how recently, how often and for how much each customer bought (lesson 04).

Three facts about each customer, and for each fact a score from 1 to 5 (best) that says in which fifth of all customers
the fact falls. A score is a place in a queue, not money: R, F and M are not amounts that can be added up.
"""

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np

from crmlab.analytical.civil_day import civil_day, civil_day_of, on_or_before
from crmlab.analytical.table_check import CENTS, DATE, ID, checked, collected

MONETARY = {"mean": "monetary_mean_cents", "total": "monetary_total_cents"}


def score_rfm(orders: Any, as_of: dt.date, bins: int = 5, *, returns: Any = None, monetary: str = "mean") -> Any:
    """Score every customer on recency, frequency and monetary value as known at the end of the day `as_of`.

    A pandas, Polars (eager or lazy), DuckDB or Spark table gives the same kind of table, with the same values.

    orders, one row an order
        customer_id      integer or text
        order_id         integer or text; rows that share one are lines of one order, and count as one purchase
        order_date       date or datetime; orders after `as_of` are left out, orders on that day count
        amount_cents     integer, cents
    returns, one row a refund (optional)
        order_id         as in orders; a refund of an order that is not counted is not counted either
        return_date      date or datetime; refunds after `as_of` are left out
        refund_cents     integer, cents, not negative: the money given back
    bins
        the number of groups, from 2 up; the best group has the score `bins`
    monetary
        what M scores: "mean", the money per purchase, or "total"

    Returns one row a customer with an order up to `as_of`. An eager table comes sorted by `customer_id`; a lazy one has
    no order until you sort it.

        customer_id                 as in orders
        days_since_last_purchase    int64, days from the last order to `as_of`; 0 on the day itself
        frequency                   int64, orders; a return is not a purchase and takes none away
        monetary_total_cents        int64, cents, refunds taken off; may be negative
        monetary_mean_cents         float64, cents a purchase: total / frequency
        R, F, M                     int64, 1 to `bins`; `bins` is best: bought lately, often, for much

    The score is `(rank - 1) * bins // n + 1` over the `n` customers, ranked from worst to best. Tied customers share
    the smallest of their ranks, so equal customers get equal scores. With many ties a score can be empty: where over
    half of the customers bought once, they all have F = 1 and nobody has F = 2.

    A lazy table is read up to three times to check it; the result itself stays lazy.

    Raises ValueError for missing columns, wrong types, missing values, negative refunds, an order that two customers
    share (looked for when there are returns), or fewer customers than bins; TypeError when `as_of` is no date, or when
    orders and returns are tables of two kinds.

    Source: RFM cells by quintile, Hughes (1994), Strategic Database Marketing. On the word recency, which means another
    thing in models of customer value: Fader, Hardie and Lee (2005), RFM and CLV, Journal of Marketing Research 42(4).

    >>> import datetime as dt, pandas as pd
    >>> orders = pd.DataFrame({
    ...     "customer_id": [1, 1, 2, 3],
    ...     "order_id": [10, 11, 12, 13],
    ...     "order_date": pd.to_datetime(["2025-01-10", "2025-03-01", "2025-02-01", "2025-02-01"]),
    ...     "amount_cents": [1000, 2000, 500, 9000],
    ... })
    >>> scores = score_rfm(orders, dt.date(2025, 3, 31), bins=3)
    >>> scores[["customer_id", "days_since_last_purchase", "R", "F", "M"]]
       customer_id  days_since_last_purchase  R  F  M
    0            1                        30  3  3  2
    1            2                        58  1  1  1
    2            3                        58  1  1  3
    """
    day = _checked_day(as_of)
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 2:
        raise ValueError(f"bins is {bins!r}, expected a whole number from 2 up")
    if monetary not in MONETARY:
        raise ValueError(f"monetary is {monetary!r}, expected 'mean' or 'total'")

    columns = {"customer_id": ID, "order_id": ID, "order_date": DATE, "amount_cents": CENTS}
    known = _up_to(checked(orders, "orders", columns), "order_date", day)
    one_row_an_order = isinstance(known, nw.DataFrame) and _all_distinct(known["order_id"])
    customers = known.group_by("customer_id").agg(
        nw.col("order_date").max(),
        (nw.len() if one_row_an_order else nw.col("order_id").n_unique()).alias("frequency"),
        nw.col("amount_cents").sum().alias("monetary_total_cents"),
    )
    # DuckDB sums integers into 128 bits, and Polars counts in 32.
    customers = customers.with_columns(nw.col("frequency", "monetary_total_cents").cast(nw.Int64))
    if returns is not None:
        customers = _net_of_returns(customers, known, _checked_returns(returns, known, day), one_row_an_order)

    n = len(customers) if isinstance(customers, nw.DataFrame) else _count_customers(known)
    if n < bins:
        raise ValueError(f"orders has {n} customers up to {day}, expected at least as many as bins ({bins})")
    customers = customers.with_columns(
        (civil_day(day) - civil_day_of("order_date")).cast(nw.Int64).alias("days_since_last_purchase"),
        (nw.col("monetary_total_cents") / nw.col("frequency")).alias("monetary_mean_cents"),
    ).select(
        "customer_id",
        "days_since_last_purchase",
        "frequency",
        "monetary_total_cents",
        "monetary_mean_cents",
        _score("days_since_last_purchase", n, bins, descending=True).alias("R"),
        _score("frequency", n, bins).alias("F"),
        _score(MONETARY[monetary], n, bins).alias("M"),
    )
    if isinstance(customers, nw.DataFrame):
        customers = nw.maybe_reset_index(customers.sort("customer_id"))
    return customers.to_native()


def _score(column: str, n: int, bins: int, *, descending: bool = False) -> nw.Expr:
    rank = nw.col(column).rank(method="min", descending=descending).cast(nw.Int64)
    return ((rank - 1) * int(bins) // n + 1).cast(nw.Int64)


def _checked_day(as_of: dt.date) -> dt.date:
    # pandas.NaT calls itself a datetime, and differs from itself.
    if not isinstance(as_of, dt.date) or as_of != as_of:
        kind = type(as_of).__name__
        raise TypeError(f"as_of is {as_of!r} ({kind}), expected a date such as datetime.date(2025, 3, 31)")
    return dt.date(as_of.year, as_of.month, as_of.day)


def _up_to(frame, column: str, day: dt.date):
    known = on_or_before(column, frame.collect_schema()[column], day)
    # Copying ten million rows to drop none of them costs more than looking first.
    if isinstance(frame, nw.DataFrame) and frame.select(known.all())[column][0]:
        return frame
    return frame.filter(known)


def _all_distinct(ids: nw.Series) -> bool:
    if not ids.dtype.is_integer():
        return ids.n_unique() == len(ids)
    ordered = np.sort(ids.to_numpy())
    return bool((ordered[1:] != ordered[:-1]).all())


def _count_customers(orders: nw.LazyFrame) -> int:
    return orders.select("customer_id").unique().select(nw.len().alias("customers")).collect()["customers"][0]


def _checked_returns(returns, orders, day: dt.date):
    refunds = checked(returns, "returns", {"order_id": ID, "return_date": DATE, "refund_cents": CENTS})
    kinds = [(type(frame).__name__, frame.implementation) for frame in (orders, refunds)]
    if kinds[0] != kinds[1]:
        found = " and ".join(f"{implementation} {frame}" for frame, implementation in kinds)
        raise TypeError(f"orders and returns are tables of two kinds ({found}), expected the same kind")
    types = [frame.collect_schema()["order_id"] for frame in (orders, refunds)]
    if types[0] != types[1]:
        raise ValueError(f"returns column 'order_id' holds {types[1]}, expected {types[0]} as in orders")
    smallest = collected(refunds.select(nw.col("refund_cents").min()))["refund_cents"].drop_nulls()
    if len(smallest) and smallest[0] < 0:
        raise ValueError(f"returns column 'refund_cents' has {smallest[0]}, expected 0 or more: money given back")
    return _up_to(refunds, "return_date", day)


def _net_of_returns(customers, orders, refunds, one_row_an_order: bool):
    placed = orders.select("order_id", "customer_id")
    if not one_row_an_order:
        placed = placed.unique()
        owners = placed.group_by("order_id").agg(nw.len().alias("owners"))
        shared = collected(owners.filter(nw.col("owners") > 1).head(1))
        if len(shared):
            order = shared["order_id"].to_list()[0]
            raise ValueError(f"orders has order_id {order!r} with several customers, expected one")
    refunds = refunds.join(placed, on="order_id", how="inner")
    refunded = refunds.group_by("customer_id").agg(nw.col("refund_cents").sum())
    net = nw.col("monetary_total_cents") - nw.col("refund_cents").fill_null(0).cast(nw.Int64)
    return customers.join(refunded, on="customer_id", how="left").with_columns(net.alias("monetary_total_cents"))
