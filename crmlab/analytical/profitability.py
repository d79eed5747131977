"""Customer profitability analysis: what each customer left over, and who costs more than they bring (lesson 10a).

Profit of a customer = revenue - cost of goods - each further cost, every cost a table as in
`crmlab.analytical.cost_to_serve`. The **whale curve** adds the profits up from the best customer on: it rises above the
whole and comes down again over the customers who cost money.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.segmentation.columns import require


def customer_profit(
    orders: Any, order_lines: Any, as_of: dt.date, costs: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """Revenue, costs and profit of each customer, up to the end of `as_of`.

    orders         order_id, customer_id, order_date (datetime)
    order_lines    order_id, quantity (pieces), unit_price_cents, unit_cost_cents (integers, cents)
    costs          by name, tables of `customer_id`, `amount_cents`; already as of that day

    Returns one row a customer who ordered or cost something (a record without an order can cost money too), indexed by
    `customer_id`, all int64 cents: `revenue_cents`, `goods_cents`, a column `<name>_cents` for each cost, and
    `profit_cents` = revenue less all of them.

    Raises ValueError for missing columns, or a cost that is called revenue, goods or profit.

    >>> orders = pd.DataFrame({"order_id": [1], "customer_id": [7], "order_date": pd.to_datetime(["2025-01-02"])})
    >>> lines = pd.DataFrame({"order_id": [1], "quantity": [2], "unit_price_cents": [900], "unit_cost_cents": [400]})
    >>> parcels = pd.DataFrame({"customer_id": [7], "amount_cents": [490]})
    >>> customer_profit(orders, lines, dt.date(2025, 1, 31), {"delivery": parcels}).loc[7].to_dict()
    {'revenue_cents': 1800, 'goods_cents': 800, 'delivery_cents': 490, 'profit_cents': 510}
    """
    require(orders, "orders", ["order_id", "customer_id", "order_date"])
    require(order_lines, "order_lines", ["order_id", "quantity", "unit_price_cents", "unit_cost_cents"])
    costs = dict(costs or {})
    taken = {"revenue", "goods", "profit"} & set(costs)
    if taken:
        raise ValueError(f"costs has {sorted(taken)[0]!r}, which is a column of its own: expected another name")
    known = orders[orders["order_date"] < pd.Timestamp(as_of).normalize() + pd.Timedelta(days=1)]
    lines = order_lines.merge(known[["order_id", "customer_id"]], on="order_id")
    sums = {
        "revenue_cents": (lines["unit_price_cents"].astype("int64") * lines["quantity"], lines["customer_id"]),
        "goods_cents": (lines["unit_cost_cents"].astype("int64") * lines["quantity"], lines["customer_id"]),
    }
    for name, table in costs.items():
        require(table, f"costs[{name!r}]", ["customer_id", "amount_cents"])
        sums[f"{name}_cents"] = (table["amount_cents"], table["customer_id"])
    columns = {name: amounts.groupby(customer).sum() for name, (amounts, customer) in sums.items()}
    profit = pd.concat(columns, axis=1).fillna(0).astype("int64").sort_index().rename_axis("customer_id")
    return profit.assign(profit_cents=profit["revenue_cents"] - profit.drop(columns="revenue_cents").sum(axis=1))


def whale_curve(profit: Any) -> pd.DataFrame:
    """The share of all profit that the best customers bring, for each number of them.

    profit: one number a customer, of any sign, adding up to more than 0. Returns `share_of_customers` and
    `share_of_profit`, float64, from (0, 0) to (1, 1): one row more than customers.

    Source: Kaplan and Narayanan (2001), Measuring and Managing Customer Profitability, Journal of Cost Management
    15(5).

    >>> whale_curve([6, -1, 5])["share_of_profit"].tolist()
    [0.0, 0.6, 1.1, 1.0]
    """
    best_first = np.sort(_profits(profit))[::-1]
    running = np.concatenate([[0.0], np.cumsum(best_first)])
    customers = np.arange(len(best_first) + 1) / len(best_first)
    return pd.DataFrame({"share_of_customers": customers, "share_of_profit": running / running[-1]})


@dataclasses.dataclass(frozen=True)
class WhalePeak:
    """The top of a whale curve.

    ``share_of_profit``: of the total, 1 or more. ``share_of_customers``: who bring it. ``customers_at_a_loss``: how
    many have a profit below 0. ``loss``: what they cost together, in the unit of the profits, 0 or more.
    """

    share_of_profit: float
    share_of_customers: float
    customers_at_a_loss: int
    loss: float


def whale_peak(profit: Any) -> WhalePeak:
    """Where the whale curve is highest: all customers with a profit, none with a loss.

    >>> whale_peak([6, -1, 5])
    WhalePeak(share_of_profit=1.1, share_of_customers=0.6666666666666666, customers_at_a_loss=1, loss=1.0)
    """
    profits = _profits(profit)
    gains = profits[profits > 0]
    losses = profits[profits < 0]
    return WhalePeak(
        float(gains.sum() / profits.sum()), len(gains) / len(profits), len(losses), float(-losses.sum()) + 0.0
    )


def _profits(profit: Any) -> np.ndarray:
    profits = np.asarray(profit, dtype="float64").ravel()
    if not len(profits):
        raise ValueError("profit is empty, expected one number a customer")
    if not np.isfinite(profits).all():
        raise ValueError(f"profit has {int((~np.isfinite(profits)).sum())} missing or infinite numbers, expected none")
    if profits.sum() <= 0:
        raise ValueError(f"profit adds up to {profits.sum():g}, expected more than 0: a share of it has no sense")
    return profits
