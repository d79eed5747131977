"""What a wait costs: who buys again after a call, and for how much, by how long the caller had waited (lesson 13b)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.analytical.contact_centre.contacts import checked_columns
from crmlab.analytical.robust_slope import robust_slope


def after_calls(calls: pd.DataFrame, order_margin: pd.DataFrame, *, days: int = 180) -> pd.DataFrame:
    """What each caller bought in the days after the call.

    calls: ``customer_id`` (known), ``arrived_at``. order_margin: ``customer_id``, ``order_date``, ``margin_cents``, a
    row an order. Orders of the day of the call do not count: they may have come before it. An order after two calls
    counts for both.

    Returns, by the index of ``calls``: ``bought_again`` (bool), ``margin_cents`` (float64, 0 where nothing was bought).

    >>> calls = pd.DataFrame({"customer_id": [1, 2], "arrived_at": pd.to_datetime(["2025-03-03 09:00"] * 2)})
    >>> orders = pd.DataFrame({"customer_id": [1, 1], "order_date": pd.to_datetime(["2025-03-03", "2025-05-01"]),
    ...                        "margin_cents": [500, 900]})
    >>> after_calls(calls, orders).values.tolist()
    [[True, 900.0], [False, 0.0]]
    """
    checked_columns(calls, "calls", ("customer_id", "arrived_at"))
    checked_columns(order_margin, "order_margin", ("customer_id", "order_date", "margin_cents"))
    if calls["customer_id"].isna().any():
        raise ValueError("calls has calls without customer_id, expected known customers: nobody else can be followed")
    rows = (
        calls[["customer_id"]].astype("int64").assign(_day=calls["arrived_at"].dt.normalize(), _row=range(len(calls)))
    )
    both = rows.merge(order_margin, on="customer_id")
    passed = (both["order_date"] - both["_day"]).dt.days
    total = both[(passed > 0) & (passed <= days)].groupby("_row")["margin_cents"].sum()
    margin = total.reindex(range(len(calls)))
    bought = {"bought_again": margin.notna().to_numpy(), "margin_cents": margin.fillna(0).to_numpy(dtype=float)}
    return pd.DataFrame(bought, index=calls.index)


def slope_on_log_wait(calls: pd.DataFrame, outcome: pd.Series, *, level: float = 0.95) -> dict[str, float]:
    """How an outcome after a call changes with ln(1 + wait in minutes), with an interval.

    calls: of ``contact_facts``, one a customer: two calls of one customer are not independent. outcome: a number or
    truth value each, such as the columns of ``after_calls``.

    Returns ``slope`` (for each unit of the logarithm), ``lower``, ``upper``, ``at_no_wait`` and ``calls``. Least
    squares with HC1 errors; for yes and no it is the change of the share. It is the effect of the wait only as far as
    chance decides who waits. Raises ValueError for two calls of a customer, fewer than three calls, or equal waits.

    Source: MacKinnon and White (1985), Journal of Econometrics 29.
    """
    checked_columns(calls, "calls", ("wait_seconds", "customer_id"))
    if calls["customer_id"].duplicated().any():
        raise ValueError("calls has several calls of one customer, expected one each: take the first")
    if len(outcome) != len(calls):
        raise ValueError(f"outcome has {len(outcome)} values, expected {len(calls)}, one a call")
    log_wait = np.log1p(calls["wait_seconds"].to_numpy(dtype=float) / 60)
    if len(calls) < 3 or np.ptp(log_wait) == 0:
        raise ValueError(f"{len(calls)} calls were found, expected three or more of unequal waits")
    found = robust_slope(log_wait, outcome, level)
    return {
        "slope": found.slope,
        "lower": found.low,
        "upper": found.high,
        "at_no_wait": found.intercept,
        "calls": len(calls),
    }
