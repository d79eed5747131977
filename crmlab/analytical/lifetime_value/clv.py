"""Customer lifetime value: expected purchases times what a purchase brings, with later money worth less."""

from __future__ import annotations

from typing import Any

import numpy as np

# A year of 365.25 days has twelve equal months.
TIME_UNITS_PER_MONTH = {"W": 365.25 / 12 / 7, "D": 365.25 / 12}


def rate_per_period(annual_rate: float, periods_per_year: float) -> float:
    """The discount rate a period that makes `annual_rate` in a year: (1 + annual_rate) ** (1 / periods) - 1.

    An annual rate used on months or weeks as it stands discounts far too much; dividing it by 12 a little.
    Raises ValueError for a rate of -1 or less, or periods of 0 or less.

    >>> round(rate_per_period(0.15, 12), 5), round(rate_per_period(0.15, 365.25 / 7), 5)
    (0.01171, 0.00268)
    """
    if not annual_rate > -1:
        raise ValueError(f"annual_rate is {annual_rate!r}, expected more than -1 (0.15 is 15 % a year)")
    if not periods_per_year > 0:
        raise ValueError(f"periods_per_year is {periods_per_year!r}, expected more than 0 (12 for months)")
    return float(np.expm1(np.log1p(annual_rate) / periods_per_year))


def customer_lifetime_value(
    transaction_model: Any,
    spend_model: Any,
    summary: Any,
    months: int = 12,
    monthly_discount_rate: float = 0.01,
    *,
    margin: float = 1.0,
    support_cost_per_purchase: float = 0.0,
    time_unit: str = "W",
) -> np.ndarray:
    """What the purchases of each customer in the next `months` are worth today, in currency units.

    transaction_model            fitted `BetaGeoModel`, `ModifiedBetaGeoModel` or `ParetoNBDModel`
    spend_model                  fitted `GammaGammaModel`
    summary                      a row a customer: `frequency, recency, T, monetary_value`
    months                       whole months ahead, 1 or more, of 365.25 / 12 days
    monthly_discount_rate        0.01 is 1 % a month; from an annual rate by `rate_per_period(annual_rate, 12)`
    margin                       the share of spend that is left after the cost of goods, 0.4 for 40 %
    support_cost_per_purchase    currency units that serving one purchase costs
    time_unit                    of the summary: "W" or "D"

    Each month's expected purchases, at the end of that month, times (spend * margin - support cost), divided by
    (1 + rate) ** month. It is a value of what is still to come: costs of acquisition and past purchases are not in it.
    Returns float64, one a row.

    >>> import pandas as pd
    >>> from crmlab.analytical.lifetime_value import BetaGeoModel, GammaGammaModel
    >>> purchases = BetaGeoModel.from_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> spend = GammaGammaModel.from_parameters(p=6.25, q=3.74, v=15.44)
    >>> row = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86], "monetary_value": [22.35]})
    >>> customer_lifetime_value(purchases, spend, row, months=12, monthly_discount_rate=0.01, margin=0.4).round(2)
    array([14.52])
    """
    check_horizon(months, monthly_discount_rate, time_unit)
    discounted = 0.0
    before = 0.0
    for month in range(1, int(months) + 1):
        so_far = transaction_model.expected_purchases(summary, month * TIME_UNITS_PER_MONTH[time_unit])
        discounted = discounted + (so_far - before) / (1 + monthly_discount_rate) ** month
        before = so_far
    return discounted * (spend_model.expected_customer_spend(summary) * margin - support_cost_per_purchase)


def check_horizon(months: int, monthly_discount_rate: float, time_unit: str) -> None:
    """Raises ValueError for months that are no whole number from 1 up, a rate of -1 or less, or another time unit."""
    if isinstance(months, bool) or months != int(months) or months < 1:
        raise ValueError(f"months is {months!r}, expected a whole number from 1 up")
    if not monthly_discount_rate > -1:
        raise ValueError(f"monthly_discount_rate is {monthly_discount_rate!r}, expected more than -1 (0.01 is 1 %)")
    if time_unit not in TIME_UNITS_PER_MONTH:
        raise ValueError(f"time_unit is {time_unit!r}, expected 'W' (weeks) or 'D' (days)")
