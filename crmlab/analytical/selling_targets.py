"""Whom to sell what: the facts known on a day, and what came true afterwards (lesson 08a).

Three questions, three lists. Acquisition asks who becomes a customer, cross-selling who takes something from another
category, up-selling who takes a better grade. The facts end on the day `as_of`; the outcome begins on the day after.
"""

import datetime as dt
from typing import Any

import pandas as pd

from crmlab.analytical.table_check import CENTS, DATE, ID, checked, collected


def selling_targets(orders: Any, lines: Any, products: Any, as_of: dt.date, days: int) -> pd.DataFrame:
    """Facts about each customer at the end of the day `as_of`, and what the customer did in the `days` after it.

    orders      customer_id, order_id, order_date, amount_cents; one row an order. Leave deliveries of subscriptions out
    lines       order_id, product_id; one row a line
    products    product_id, category (text), grade (a whole number, higher is better)

    Returns a pandas table, index customer_id, one row a customer with an order up to `as_of`:

        days_since_last_purchase, tenure_days       int64, days since the last and the first order
        orders, products, categories                int64, orders, different products, different categories
        mean_order_cents                            float64, cents
        highest_grade                               int64, of everything bought
        owns_<category>                             bool, one column for each category of `products`
        cross_sell                                  bool, bought afterwards from a category that was new to the customer
        up_sell                                     bool, bought afterwards, in a category bought before, a higher grade
                                                    than any there before

    Raises ValueError for missing columns or values, or where nobody had bought by `as_of`.

    >>> orders = pd.DataFrame({"customer_id": [1, 1], "order_id": [10, 11], "amount_cents": [900, 5000],
    ...     "order_date": pd.to_datetime(["2025-01-10", "2025-03-01"])})
    >>> lines = pd.DataFrame({"order_id": [10, 11], "product_id": [5, 6]})
    >>> products = pd.DataFrame({"product_id": [5, 6], "category": ["beans", "machine"], "grade": [1, 1]})
    >>> targets = selling_targets(orders, lines, products, dt.date(2025, 1, 31), days=90)
    >>> targets[["orders", "owns_beans", "owns_machine", "cross_sell", "up_sell"]].to_dict("records")
    [{'orders': 1, 'owns_beans': True, 'owns_machine': False, 'cross_sell': True, 'up_sell': False}]
    """
    placed = _frame(orders, "orders", {"customer_id": ID, "order_id": ID, "order_date": DATE, "amount_cents": CENTS})
    bought = _frame(lines, "lines", {"order_id": ID, "product_id": ID})
    sold = _frame(products, "products", {"product_id": ID, "category": ID, "grade": CENTS})
    day = pd.Timestamp(as_of).normalize()
    placed = placed.assign(order_date=placed["order_date"].dt.normalize())
    until = placed["order_date"] <= day + pd.Timedelta(days=days)
    known = placed[placed["order_date"] <= day]
    if known.empty:
        raise ValueError(f"orders has none up to {day.date()}, expected at least one")
    after = placed[until & (placed["order_date"] > day)]
    what = bought.merge(sold, on="product_id").drop_duplicates()
    before = known[["customer_id", "order_id"]].merge(what, on="order_id")
    facts = _facts(known, before, sorted(sold["category"].unique()), day)
    later = after[["customer_id", "order_id"]].merge(what, on="order_id")
    highest = before.groupby(["customer_id", "category"])["grade"].max().rename("highest_before").reset_index()
    later = later[later["customer_id"].isin(facts.index)].merge(highest, how="left", on=["customer_id", "category"])
    for name, came in (
        ("cross_sell", later["highest_before"].isna()),
        ("up_sell", later["grade"] > later["highest_before"]),
    ):
        facts[name] = facts.index.isin(later.loc[came, "customer_id"])
    return facts


def _frame(table: Any, name: str, columns: dict[str, str]) -> pd.DataFrame:
    return collected(checked(table, name, columns)).to_pandas()


def _facts(known: pd.DataFrame, before: pd.DataFrame, categories: list, day: pd.Timestamp) -> pd.DataFrame:
    by_customer = known.groupby("customer_id")
    what = before.groupby("customer_id")
    owned = pd.crosstab(before["customer_id"], before["category"]).reindex(columns=categories, fill_value=0) > 0
    facts = pd.DataFrame(
        {
            "days_since_last_purchase": (day - by_customer["order_date"].max()).dt.days,
            "tenure_days": (day - by_customer["order_date"].min()).dt.days,
            "orders": by_customer.size(),
            "products": what["product_id"].nunique(),
            "categories": what["category"].nunique(),
            "mean_order_cents": by_customer["amount_cents"].mean(),
            "highest_grade": what["grade"].max(),
        }
    )
    return facts.join(owned.add_prefix("owns_"))
