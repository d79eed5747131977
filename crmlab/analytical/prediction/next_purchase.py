"""The next purchase: how likely, and what (lesson 11b)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from crmlab.analytical.lifetime_value import ModifiedBetaGeoModel, rfm_summary
from crmlab.analytical.next_order import next_order_rules


def expected_next_purchases(orders: Any, as_of: dt.date, horizon_days: int) -> pd.Series:
    """How many purchases each customer is expected to make in the `horizon_days` after `as_of`.

    orders    customer_id, order_date, amount_cents; purchases only

    From MBG/NBD (lesson 10): each customer buys at a rate of the own and may leave after any purchase. It knows no
    season. Returns float64 `expected_purchases` by `customer_id`.
    """
    known = orders[orders["order_date"] < pd.Timestamp(as_of).normalize() + pd.Timedelta(days=1)]
    summary = rfm_summary(known, pd.Timestamp(as_of).date())
    expected = ModifiedBetaGeoModel().fit(summary).expected_purchases(summary, horizon_days / 7)
    return pd.Series(expected, index=pd.Index(summary["customer_id"], name="customer_id"), name="expected_purchases")


def next_product(orders: Any, lines: Any, as_of: dt.date, min_count: int = 20) -> pd.DataFrame:
    """What each customer is expected to buy next: the product that most often followed those of the last order.

    orders, lines    as in `crmlab.analytical.next_order.next_order_rules`; only orders up to `as_of` are looked at
    min_count        the fewest pairs of orders that a rule is made of

    Of all rules from a product of the last order the one with the highest confidence counts (of equal ones the lower
    product). Customers whose products no rule knows get the commonest product. Returns by `customer_id`:
    `next_product_id`, `confidence` (missing for the commonest).
    """
    known = orders[orders["order_date"] < pd.Timestamp(as_of).normalize() + pd.Timedelta(days=1)]
    rows = lines.loc[lines["order_id"].isin(known["order_id"]), ["order_id", "product_id"]].drop_duplicates()
    rules = next_order_rules(known[["customer_id", "order_id", "order_date"]], rows, min_count, after="every")
    last = known.sort_values(["order_date", "order_id"]).groupby("customer_id")["order_id"].last()
    had = last.rename("order_id").reset_index().merge(rows, on="order_id")
    best = (
        had.merge(rules[["product_id", "next_product_id", "confidence"]], on="product_id")
        .sort_values(["customer_id", "confidence", "next_product_id"], ascending=[True, False, True], kind="stable")
        .drop_duplicates("customer_id")
        .set_index("customer_id")[["next_product_id", "confidence"]]
        .reindex(last.index)
    )
    commonest = rows["product_id"].value_counts(sort=True).sort_index(kind="stable").idxmax()
    best["next_product_id"] = best["next_product_id"].fillna(commonest).astype(rows["product_id"].dtype)
    return best
