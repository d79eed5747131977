"""Best and worst customers: how the margin is spread (lesson 07, section 1).

The **Lorenz curve** lines customers up from the worst to the best and adds up their margin. Equal customers give a
straight line; the further the curve hangs below it, the more depends on a few.
"""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.segmentation.columns import require


def customer_margin(orders: Any, order_lines: Any, as_of: dt.date, *, returns: Any = None) -> pd.Series:
    """What each customer left over once the goods were paid and refunds given, in cents, up to the end of `as_of`.

    orders         order_id, customer_id, order_date (datetime)
    order_lines    order_id, quantity (pieces), unit_price_cents, unit_cost_cents (integers, cents)
    returns        order_id, return_date (datetime), refund_cents (integer, cents); optional

    Goods that came back are written off: the refund is taken off whole, so a margin can be negative. Returns a Series
    `margin_cents`, int64, by `customer_id`, of everybody with an order.

    >>> orders = pd.DataFrame({"order_id": [1], "customer_id": [7], "order_date": pd.to_datetime(["2025-01-02"])})
    >>> lines = pd.DataFrame({"order_id": [1], "quantity": [2], "unit_price_cents": [900], "unit_cost_cents": [400]})
    >>> customer_margin(orders, lines, dt.date(2025, 1, 31)).to_dict()
    {7: 1000}
    """
    require(orders, "orders", ["order_id", "customer_id", "order_date"])
    require(order_lines, "order_lines", ["order_id", "quantity", "unit_price_cents", "unit_cost_cents"])
    last = pd.Timestamp(as_of).normalize() + pd.Timedelta(days=1)
    known = orders[orders["order_date"] < last]
    margin = (order_lines["unit_price_cents"] - order_lines["unit_cost_cents"]).astype("int64") * order_lines[
        "quantity"
    ]
    by_order = margin.groupby(order_lines["order_id"]).sum()
    left = known["order_id"].map(by_order).fillna(0)
    if returns is not None:
        require(returns, "returns", ["order_id", "return_date", "refund_cents"])
        refunds = returns[returns["return_date"] < last].groupby("order_id")["refund_cents"].sum()
        left = left - known["order_id"].map(refunds).fillna(0)
    return left.groupby(known["customer_id"]).sum().astype("int64").rename("margin_cents")


def lorenz_curve(values: Any) -> pd.DataFrame:
    """The share of the total that the worst customers bring, for each number of them.

    values: one number a customer; they may be negative (then the curve dips below 0), but must not add up to 0 or less.
    Returns `share_of_customers` and `share_of_total`, float64, from (0, 0) to (1, 1): one row more than customers.

    Source: Lorenz (1905), Publications of the American Statistical Association 9(70).

    >>> lorenz_curve([1, 3])["share_of_total"].tolist()
    [0.0, 0.25, 1.0]
    """
    ordered = np.sort(_numbers(values))
    running = np.concatenate([[0.0], np.cumsum(ordered)])
    customers = np.arange(len(ordered) + 1) / len(ordered)
    return pd.DataFrame({"share_of_customers": customers, "share_of_total": running / running[-1]})


def gini(values: Any) -> float:
    """The Gini coefficient: twice the area between the Lorenz curve and the line of equal customers.

    0 when all bring the same, towards 1 when one brings everything; above 1 is possible where values are negative.

    >>> gini([5, 5, 5]), gini([0, 0, 0, 8])
    (0.0, 0.75)
    """
    ordered = np.sort(_numbers(values))
    n = len(ordered)
    place = np.arange(1, n + 1)
    return float(((2 * place - n - 1) * ordered).sum() / (n * ordered.sum()))


def decile_table(values: Any, groups: int = 10) -> pd.DataFrame:
    """Customers in `groups` equally large groups, the best first, and what each group brings.

    Groups differ by one customer at most; customers who are equal may fall to either side of an edge, which changes
    nothing in the sums. Returns one row a group, from 1 (best): `customers`, `total` (unit of the values), `share` (of
    the total), `running_share`, `lowest`, `highest`.

    >>> decile_table([1, 2, 3, 4], groups=2)[["customers", "total", "share"]].values.tolist()
    [[2.0, 7.0, 0.7], [2.0, 3.0, 0.3]]
    """
    ordered = np.sort(_numbers(values))[::-1]
    if isinstance(groups, bool) or not 1 <= groups <= len(ordered):
        raise ValueError(f"groups is {groups!r}, expected 1 to the number of customers ({len(ordered)})")
    group = np.arange(len(ordered)) * groups // len(ordered) + 1
    table = pd.Series(ordered).groupby(group).agg(customers="size", total="sum", lowest="min", highest="max")
    table.insert(2, "share", table["total"] / ordered.sum())
    table.insert(3, "running_share", table["share"].cumsum())
    return table.rename_axis("group")


def share_of_best(values: Any, share: float) -> float:
    """The share of the total that the best `share` of customers bring; a part of a customer counts in part.

    >>> share_of_best([1, 1, 2, 6], 0.25)
    0.6
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share!r}, expected 0 to 1")
    curve = lorenz_curve(values)
    return float(1 - np.interp(1 - share, curve["share_of_customers"], curve["share_of_total"]))


def _numbers(values: Any) -> np.ndarray:
    numbers = np.asarray(values, dtype="float64").ravel()
    if not len(numbers):
        raise ValueError("values is empty, expected one number a customer")
    if not np.isfinite(numbers).all():
        raise ValueError(f"values has {int((~np.isfinite(numbers)).sum())} missing or infinite numbers, expected none")
    if numbers.sum() <= 0:
        raise ValueError(
            f"values add up to {numbers.sum():g}, expected more than 0: no share of such a total has a sense"
        )
    return numbers
