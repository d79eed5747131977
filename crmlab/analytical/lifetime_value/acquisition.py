"""How much may a new customer cost? The value of somebody not seen yet, and the highest bid by channel (lesson 10b)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.lifetime_value.clv import TIME_UNITS_PER_MONTH, check_horizon
from crmlab.analytical.segmentation.columns import require


def new_customer_value(
    transaction_model: Any,
    margin_per_purchase: float,
    *,
    first_purchase_margin: float = 0.0,
    months: int = 36,
    monthly_discount_rate: float = 0.01,
    time_unit: str = "W",
) -> float:
    """What a customer who is about to make the first purchase is worth on that day, in currency units.

    transaction_model        fitted `BetaGeoModel`, `ModifiedBetaGeoModel` or `ParetoNBDModel`
    margin_per_purchase      what a repeat purchase leaves after the goods and the service, in the mean
    first_purchase_margin    the same for the first purchase, which is sure and not discounted
    months, monthly_discount_rate, time_unit    as in `customer_lifetime_value`

    first margin + sum over the months of (expected repeat purchases in the month * margin) / (1 + rate) ** month.
    What winning the customer costs is not in it: it is the most that this may cost.

    >>> from crmlab.analytical.lifetime_value import ModifiedBetaGeoModel
    >>> model = ModifiedBetaGeoModel.from_parameters(r=0.7, alpha=3.5, a=2.6, b=8.7)
    >>> round(new_customer_value(model, 20.0, first_purchase_margin=30.0, months=24), 2)
    92.52
    """
    check_horizon(months, monthly_discount_rate, time_unit)
    month = np.arange(int(months) + 1)
    repeats = np.diff(transaction_model.expected_purchases_new_customer(month * TIME_UNITS_PER_MONTH[time_unit]))
    worth_today = repeats / (1 + monthly_discount_rate) ** month[1:]
    return float(first_purchase_margin + margin_per_purchase * worth_today.sum())


def acquisition_ceilings(
    transaction_model: Any,
    customers: Any,
    *,
    group: str = "acquisition_channel",
    months: int = 36,
    monthly_discount_rate: float = 0.01,
    time_unit: str = "W",
) -> pd.DataFrame:
    """The highest bid for a new customer of each group: beyond it, winning one loses money.

    transaction_model    an unfitted model of purchases; it is fitted to each group by itself and not changed
    customers            a row a customer: `group`, the columns of `rfm_summary`, `first_margin` (currency units, what
                         the first purchase left), `repeat_margin` (what all repeat purchases left together),
                         `acquisition_cost` (currency units)

    The margin of a repeat purchase is that of the group: all repeat margins over all repeat purchases.

    Returns one row a group, sorted by its name: `customers` (int64), and in currency units a customer (float64)
    `first_margin`, `repeat_value` (discounted), `ceiling` = both, `cost` (mean paid so far), `room` = ceiling - cost.

    Raises ValueError for missing columns, or a group in which nobody bought twice.
    """
    needed = [group, "frequency", "recency", "T", "first_margin", "repeat_margin", "acquisition_cost"]
    require(customers, "customers", needed)
    rows = {}
    for name, won in customers.groupby(group):
        repeats = won["frequency"].sum()
        if not repeats:
            raise ValueError(f"nobody of {group} {name!r} bought twice, expected one customer at least who did")
        model = type(transaction_model)().fit(won)
        first_margin, margin = won["first_margin"].mean(), won["repeat_margin"].sum() / repeats
        value = new_customer_value(
            model, margin, months=months, monthly_discount_rate=monthly_discount_rate, time_unit=time_unit
        )
        ceiling, cost = first_margin + value, won["acquisition_cost"].mean()
        rows[name] = (len(won), first_margin, value, ceiling, cost, ceiling - cost)
    columns = ["customers", "first_margin", "repeat_value", "ceiling", "cost", "room"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis(group)
