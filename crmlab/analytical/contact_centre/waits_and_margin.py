"""What a wait costs: the margin that callers bring afterwards, by how long they had waited (lesson 13b)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import statsmodels.api as sm

from crmlab.analytical.contact_centre.contacts import checked_columns


def margin_after_calls(calls: pd.DataFrame, order_margin: pd.DataFrame, *, days: int = 180) -> pd.Series:
    """The margin of each caller's orders in the days after the call, in cents; float64 by the index of ``calls``.

    calls: ``customer_id`` (known), ``arrived_at``. order_margin: ``customer_id``, ``order_date``, ``margin_cents``, a
    row an order. Orders of the day of the call do not count: they may have come before it. An order after two calls
    counts for both.
    """
    checked_columns(calls, "calls", ("customer_id", "arrived_at"))
    checked_columns(order_margin, "order_margin", ("customer_id", "order_date", "margin_cents"))
    if calls["customer_id"].isna().any():
        raise ValueError("calls has calls without customer_id, expected known customers: nobody else can be followed")
    rows = (
        calls[["customer_id"]].astype("int64").assign(_day=calls["arrived_at"].dt.normalize(), _row=range(len(calls)))
    )
    both = rows.merge(order_margin, on="customer_id")
    after = (both["order_date"] - both["_day"]).dt.days
    total = both[(after > 0) & (after <= days)].groupby("_row")["margin_cents"].sum()
    return pd.Series(
        total.reindex(range(len(calls)), fill_value=0).to_numpy(float), index=calls.index, name="margin_cents"
    )


def margin_on_log_wait(
    calls: pd.DataFrame, order_margin: pd.DataFrame, *, days: int = 180, level: float = 0.95
) -> dict[str, float]:
    """The slope of the margin after a call on ln(1 + wait in minutes), with its interval.

    calls: of ``contact_facts``, one a customer (errors within a customer are not independent), early enough that the
    days are over. Others as ``margin_after_calls``. Returns ``slope`` (cents for each unit of the logarithm; below 0:
    waits cost), ``lower``, ``upper``, ``at_no_wait`` (cents), ``calls``. Least squares with HC1 errors.

    It is the effect of the wait only as far as chance decides who waits: who calls on a Monday must not be another
    sort of customer.
    """
    checked_columns(calls, "calls", ("wait_seconds",))
    if calls["customer_id"].duplicated().any():
        raise ValueError("calls has several calls of one customer, expected one each: take the first")
    log_wait = np.log1p(calls["wait_seconds"].to_numpy(dtype=float) / 60)
    if len(calls) < 3 or np.ptp(log_wait) == 0:
        raise ValueError(f"{len(calls)} calls were found, expected three or more of unequal waits")
    margin = margin_after_calls(calls, order_margin, days=days).to_numpy()
    fitted = sm.OLS(margin, sm.add_constant(log_wait)).fit(cov_type="HC1")
    lower, upper = fitted.conf_int(alpha=1 - level)[1]
    return {
        "slope": float(fitted.params[1]),
        "lower": float(lower),
        "upper": float(upper),
        "at_no_wait": float(fitted.params[0]),
        "calls": len(calls),
    }
