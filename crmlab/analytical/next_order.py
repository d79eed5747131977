"""After the first purchase: what customers buy in their next order (lesson 08).

A machine today, a service plan next time. A sequence rule counts pairs of orders that follow each other, not baskets:
the denominator is the first orders that had a next one. Customers who never came back say nothing about what they
would have bought, so confidence is among those who did; the share that came back stands beside it.
"""

from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.table_check import DATE, ID, checked, collected


def next_order_rules(orders: Any, lines: Any, min_count: int = 20, *, after: str = "first") -> pd.DataFrame:
    """Count which products follow which from one order of a customer to the next.

    orders
        customer_id, order_id (integers or text), order_date (a date); one row an order
    lines
        order_id, product_id; one row a line
    min_count
        the fewest pairs of orders that a rule is made of
    after
        "first": from the first order to the second; "every": from every order to the one after it

    Returns a pandas table, one row a rule "product, then next product", sorted by lift (best first), then by products.
    A product may follow itself: that is a repeat purchase, not a cross-sell.

        product_id, next_product_id     as in lines
        count               int64, customers' orders with product_id whose next order has next_product_id
        followed            int64, orders with product_id that had a next order
        return_share        float64, followed / orders with product_id that could have been followed
        confidence          float64, count / followed
        lift                float64, confidence / share of all next orders that have next_product_id

    Two orders of a customer on one day follow one another by order_id. Raises ValueError for missing columns or values,
    an order_id that stands twice in orders, or a wrong `after` or `min_count`.

    Source: sequential patterns of length two, Agrawal and Srikant (1995), Mining Sequential Patterns.

    >>> orders = pd.DataFrame({"customer_id": [1, 1, 2, 2, 3], "order_id": [1, 2, 3, 4, 5],
    ...     "order_date": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-01-05", "2025-03-01", "2025-01-09"])})
    >>> lines = pd.DataFrame({"order_id": [1, 2, 3, 4, 5],
    ...     "product_id": ["machine", "plan", "beans", "beans", "machine"]})
    >>> next_order_rules(orders, lines, min_count=1)[["product_id", "next_product_id", "return_share", "lift"]]
      product_id next_product_id  return_share  lift
    0      beans           beans           1.0   2.0
    1    machine            plan           0.5   2.0
    """
    if after not in ("first", "every"):
        raise ValueError(f"after is {after!r}, expected 'first' or 'every'")
    if isinstance(min_count, bool) or not isinstance(min_count, int | np.integer) or min_count < 1:
        raise ValueError(f"min_count is {min_count!r}, expected a whole number from 1 up")
    placed = _frame(orders, "orders", {"customer_id": ID, "order_id": ID, "order_date": DATE})
    if placed["order_id"].duplicated().any():
        order = placed.loc[placed["order_id"].duplicated(), "order_id"].tolist()[0]
        raise ValueError(f"orders has order_id {order!r} more than once, expected one row an order")
    bought = _frame(lines, "lines", {"order_id": ID, "product_id": ID}).drop_duplicates()
    placed = placed.sort_values(["customer_id", "order_date", "order_id"], ignore_index=True)
    by_customer = placed.groupby("customer_id", sort=False)
    placed["next_order_id"] = by_customer["order_id"].shift(-1)
    if after == "first":
        placed = placed[by_customer.cumcount() == 0]
    return _rules(placed[["order_id", "next_order_id"]], bought, min_count)


def _frame(table: Any, name: str, columns: dict[str, str]) -> pd.DataFrame:
    return collected(checked(table, name, columns)).to_pandas()


def _rules(steps: pd.DataFrame, bought: pd.DataFrame, min_count: int) -> pd.DataFrame:
    followed = steps.dropna()
    followed = followed.astype({"next_order_id": steps["order_id"].dtype})
    next_bought = bought.rename(columns={"order_id": "next_order_id", "product_id": "next_product_id"})
    before = followed.merge(bought, on="order_id")
    pairs = before.merge(next_bought, on="next_order_id")
    rules = pairs.groupby(["product_id", "next_product_id"]).size().rename("count").reset_index()
    with_product = before["product_id"].value_counts()
    could = steps.merge(bought, on="order_id")["product_id"].value_counts()
    with_next = followed.merge(next_bought, on="next_order_id")["next_product_id"].value_counts()
    rules = rules[rules["count"] >= min_count].reset_index(drop=True)
    rules["followed"] = rules["product_id"].map(with_product).astype("int64")
    rules["return_share"] = rules["followed"] / rules["product_id"].map(could)
    rules["confidence"] = rules["count"] / rules["followed"]
    # Integers first: equal lifts are then equal floats, and the order of rows does not hang on rounding.
    rules["lift"] = (rules["count"] * len(followed)) / (rules["followed"] * rules["next_product_id"].map(with_next))
    return rules.sort_values(
        ["lift", "product_id", "next_product_id"], ascending=[False, True, True], ignore_index=True
    )
