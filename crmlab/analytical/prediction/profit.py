"""Risk into money: whom it pays to contact, by a threshold, along a ranking, and by an experiment (lesson 11a)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.uplift import qini_curve


def _money(name: str, value: Any, *, above_zero: bool = False) -> np.ndarray:
    numbers = np.asarray(value, dtype=np.float64)
    if not np.isfinite(numbers).all() or (numbers < 0).any() or (above_zero and (numbers == 0).any()):
        raise ValueError(f"{name} is {value!r}, expected {'more than 0' if above_zero else '0 or more'} cents")
    return numbers


def _share(saved_share: float) -> float:
    if not 0 <= saved_share <= 1:
        raise ValueError(f"saved_share is {saved_share!r}, expected a share from 0 to 1")
    return saved_share


def break_even_risk(offer_cents: float, value_cents: Any, saved_share: float) -> Any:
    """The risk above which an offer pays: offer / (value x share of leavers that the offer saves).

    offer_cents    what the offer costs for each customer who gets it, leaver or not
    value_cents    what a customer who is saved leaves, in cents; a number or an array
    saved_share    of those who would leave, the share that stays because of the offer, more than 0

    Returns a number or an array of the same shape; above 1 it never pays.

    >>> break_even_risk(offer_cents=1500, value_cents=12_000, saved_share=0.25)
    0.5
    """
    if not _share(saved_share):
        raise ValueError("saved_share is 0: an offer that saves nobody never pays")
    risk = _money("offer_cents", offer_cents) / (_money("value_cents", value_cents, above_zero=True) * saved_share)
    return risk if risk.ndim else float(risk)


def offer_profit(churned: Any, value_cents: Any, offer_cents: float, saved_share: float) -> float:
    """What an offer to these customers would have brought, in cents.

    churned        (customers,) bool: who left, as nobody was contacted
    value_cents    (customers,) or one number: what a customer who is saved leaves

    Leavers x share saved x value, less the offer for everybody. Whoever stays would have stayed anyway: the offer
    costs there, and brings nothing.

    >>> offer_profit([True, True, False], 10_000, offer_cents=1500, saved_share=0.5)
    5500.0
    """
    churned = np.asarray(churned, dtype=bool)
    value = np.broadcast_to(_money("value_cents", value_cents), churned.shape)
    return float(value[churned].sum() * _share(saved_share) - len(churned) * _money("offer_cents", offer_cents))


def profit_curve(
    score: Any, churned: Any, value_cents: Any, offer_cents: float, saved_share: float, points: int = 101
) -> pd.DataFrame:
    """The profit of an offer to the customers with the highest scores, by how many get it.

    score    (customers,) whom to contact first: a risk, or better the money at stake

    Returns `contacts` (int64, from 0 to all) and `profit_cents` (float64), at `points` evenly spaced depths. Equal
    scores keep their order in the table.

    >>> profit_curve([3, 2, 1], [True, False, False], 10_000, 1500, 0.5, points=4)["profit_cents"].tolist()
    [0.0, 3500.0, 2000.0, 500.0]
    """
    score, churned = np.asarray(score, dtype=np.float64), np.asarray(churned, dtype=bool)
    if score.shape != churned.shape:
        raise ValueError(f"score has shape {score.shape} and churned {churned.shape}, expected the same")
    value = np.broadcast_to(_money("value_cents", value_cents), churned.shape)
    each = np.where(churned, value * _share(saved_share), 0.0) - _money("offer_cents", offer_cents)
    running = np.r_[0.0, each[np.argsort(-score, kind="stable")].cumsum()]
    depth = np.unique(np.linspace(0, len(score), points).round().astype(np.int64))
    return pd.DataFrame({"contacts": depth, "profit_cents": running[depth]})


def profit_by_depth(score: Any, left_cents: Any, treated: Any) -> pd.DataFrame:
    """What an offer would have brought to the customers with the highest scores, measured by an experiment.

    score         (customers,) whom to contact first; made without looking at these customers' outcomes
    left_cents    (customers,) what each customer left, after all that the offer cost in his case, in cents
    treated       (customers,) 0/1, by lot

    Among the customers above each score, the mean of the treated less the mean of the control group, times how many
    they are. Nothing is assumed about whom the offer saves. Returns `share_contacted` (0 to 1), `contacts` (int64),
    `profit_cents` (float64). See `crmlab.analytical.uplift.qini_curve`, of which it is the curve in money.

    >>> profit_by_depth([2, 2, 1, 1], [900, 100, 0, 400], [1, 0, 1, 0])["profit_cents"].tolist()
    [0.0, 1600.0, 800.0]
    """
    curve = qini_curve(score, left_cents, treated)
    customers = len(np.asarray(treated))
    return pd.DataFrame(
        {
            "share_contacted": curve["share_targeted"],
            "contacts": (curve["share_targeted"] * customers).round().astype("int64"),
            "profit_cents": curve["incremental"] * customers,
        }
    )


def profit_at(curve: pd.DataFrame, share: float) -> float:
    """The profit of a curve of `profit_by_depth` at a share contacted: at the next depth that it holds, in cents.

    >>> curve = pd.DataFrame({"share_contacted": [0.0, 0.5, 1.0], "profit_cents": [0.0, 8.0, 2.0]})
    >>> profit_at(curve, 0.3)
    8.0
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share!r}, expected 0 to 1")
    reached = curve["share_contacted"].to_numpy() >= share - 1e-12
    return float(curve["profit_cents"].to_numpy()[reached.argmax()]) if reached.any() else float("nan")
