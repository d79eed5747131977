"""Reactivation, measured: how many came back because they were written to (lesson 11b)."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pandas as pd

from crmlab.analytical.experiments import Lift, lift


@dataclasses.dataclass(frozen=True)
class Reactivation:
    """What a reactivation campaign changed: `came_back`, the Lift of the two shares; and counts of those written to.

    `incremental`, `low`, `high`: customers who came back because of it, with the interval: the difference of the
    shares times those treated.
    """

    came_back: Lift
    treated: int
    control: int

    @property
    def incremental(self) -> float:
        return self.came_back.difference * self.treated

    @property
    def low(self) -> float:
        return self.came_back.low * self.treated

    @property
    def high(self) -> float:
        return self.came_back.high * self.treated


def measure_reactivation(
    contacts: Any, orders: Any, first_day: dt.date, days: int, confidence: float = 0.95
) -> Reactivation:
    """Who came back within `days` days, with a message and held out by lot.

    contacts     `customer_id`, `arm` ("treatment" or "control"), one row a customer, as the lot picked them
    orders       `customer_id`, `order_date`; `subscription_id` where there are subscriptions
    first_day    the day of sending, the first that counts; the control arm is followed from the same day

    Whoever buys at least once in these days came back. Raises ValueError for other arms, a customer who stands there
    twice, or an arm without customers. Source of the interval: see `crmlab.analytical.experiments.lift`.

    >>> contacts = pd.DataFrame({"customer_id": range(400), "arm": ["treatment", "control"] * 200})
    >>> orders = pd.DataFrame({"customer_id": range(0, 100, 2), "order_date": pd.Timestamp("2025-06-05")})
    >>> result = measure_reactivation(contacts, orders, dt.date(2025, 6, 3), 30)
    >>> result.came_back.difference, result.incremental, result.came_back.decision
    (0.25, 50.0, 'roll out')
    """
    others = set(contacts["arm"]) - {"treatment", "control"}
    if others:
        raise ValueError(f"contacts column 'arm' holds {sorted(map(str, others))}, expected 'treatment' or 'control'")
    if contacts["customer_id"].duplicated().any():
        twice = contacts.loc[contacts["customer_id"].duplicated(), "customer_id"].iloc[0]
        raise ValueError(f"contacts has customer {twice} more than once, expected one row a customer")
    start = pd.Timestamp(first_day).normalize()
    day = orders["order_date"].dt.normalize()
    counts = (day >= start) & (day < start + pd.Timedelta(days=days))
    if "subscription_id" in orders:
        counts &= orders["subscription_id"].isna()
    back = contacts["customer_id"].isin(orders.loc[counts, "customer_id"])
    treated = contacts["arm"] == "treatment"
    result = lift(
        int(back[treated].sum()), int(treated.sum()), int(back[~treated].sum()), int((~treated).sum()), confidence
    )
    return Reactivation(result, int(treated.sum()), int((~treated).sum()))
