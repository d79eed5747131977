"""How satisfaction falls with the wait: customers expect more, and faster (lesson 06).

The rating is regressed on the logarithm of the days waited: the first day more hurts more than the tenth. Only those
who answer are seen, and the annoyed answer more often: the slope is that of the answers, not of all customers.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.robust_slope import RobustSlope, robust_slope


@dataclasses.dataclass(frozen=True)
class WaitSensitivity(RobustSlope):
    """`slope`: points of rating for each 1 more of the natural log of days; `low`, `high`: its interval; `intercept`:
    the rating after one day; `p_value`: of no slope; `ratings`: how many."""

    ratings: int
    confidence: float

    @property
    def points_for_twice_the_wait(self) -> float:
        """What a wait twice as long does to the rating, in points."""
        return self.slope * math.log(2)


def rated_waits(orders: Any, delivery_ratings: Any) -> pd.DataFrame:
    """The wait for each delivery that was rated.

    orders: `order_id, order_date, delivered_date`; delivery_ratings: `order_id, delivery_rating` (pandas frames).

    Returns `order_id, wait_days` (int64, days from order to delivery), `delivery_rating`, a row a rating. Raises
    ValueError for a rated order that is not there or was not delivered.

    >>> orders = pd.DataFrame({"order_id": [1], "order_date": pd.to_datetime(["2025-03-03"]),
    ...                        "delivered_date": pd.to_datetime(["2025-03-05"])})
    >>> rated_waits(orders, pd.DataFrame({"order_id": [1], "delivery_rating": [5]}))["wait_days"].item()
    2
    """
    rated = delivery_ratings.merge(orders[["order_id", "order_date", "delivered_date"]], on="order_id", how="left")
    wait = (rated["delivered_date"] - rated["order_date"]).dt.days
    if wait.isna().any():
        order = rated.loc[wait.isna(), "order_id"].iloc[0]
        raise ValueError(f"order_id {order} was rated, but is not in orders with a delivered_date")
    return rated.assign(wait_days=wait.astype("int64"))[["order_id", "wait_days", "delivery_rating"]]


def wait_sensitivity(wait_days: Any, ratings: Any, confidence: float = 0.95) -> WaitSensitivity:
    """The slope of ratings on the natural log of days waited, by least squares.

    wait_days
        (ratings,) days, above 0
    ratings
        (ratings,) numbers, 1 (bad) to 5 (good)

    The interval uses standard errors that hold when the spread changes with the wait, as it does here: nearly all are
    content after two days, and opinions differ after eight (HC1, MacKinnon and White 1985).

    Raises ValueError for fewer than three ratings, waits that are not above 0, or waits that are all equal.

    >>> round(wait_sensitivity([1, 2, 4, 8], [5, 4, 3, 2]).points_for_twice_the_wait, 6)
    -1.0
    """
    waits, given = (np.asarray(each, dtype=np.float64) for each in (wait_days, ratings))
    if waits.ndim != 1 or waits.shape != given.shape or len(waits) < 3:
        raise ValueError(f"wait_days has shape {waits.shape} and ratings {given.shape}, expected two equal columns "
                         "of at least three")  # fmt: skip
    if not (np.isfinite(waits).all() and np.isfinite(given).all() and (waits > 0).all()):
        raise ValueError("wait_days must be numbers above 0 and ratings numbers (found others)")
    if not np.ptp(waits):
        raise ValueError(f"wait_days are all {waits[0]:g}, expected waits that differ")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence!r}, expected a number between 0 and 1")
    found = robust_slope(np.log(waits), given, confidence)
    return WaitSensitivity(**dataclasses.asdict(found), ratings=len(waits), confidence=confidence)
