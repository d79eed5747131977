"""How good a prediction was, once the time has come: order, calibration, and what it beats (lesson 11a)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss, roc_auc_score


def _pair(churned: Any, risk: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(churned, pd.Series) and isinstance(risk, pd.Series) and not churned.index.equals(risk.index):
        raise ValueError(
            "churned and risk have different customers in their index, expected the same in the same order"
        )
    churned, risk = np.asarray(churned, dtype=bool), np.asarray(risk, dtype=np.float64)
    if churned.shape != risk.shape or churned.ndim != 1:
        raise ValueError(f"churned has shape {churned.shape} and risk {risk.shape}, expected one value a customer each")
    if not ((risk >= 0) & (risk <= 1)).all():
        raise ValueError("risk has values that are no probabilities, expected 0 to 1")
    if not 0 < churned.sum() < len(churned):
        raise ValueError(f"churned is true of {churned.sum()} of {len(churned)}, expected leavers and stayers")
    return churned, risk


def score_predictions(churned: Any, risk: Any) -> dict[str, float]:
    """How good predicted risks were.

    churned    (customers,) bool, what happened
    risk       (customers,) probabilities, predicted before

    Returns `base_rate` (share of leavers), `mean_risk`, `auc` (chance that a leaver got a higher risk than a stayer),
    `brier` (mean squared distance of risk and outcome, 0 is best), `brier_of_base_rate` (of telling everybody the base
    rate of these very customers), `top_decile_lift`, `accuracy` (right when 0.5 or more counts as leaving) and
    `accuracy_of_one_word` (of saying the commoner thing of everybody).

    Raises ValueError for values that are no probabilities, and when nobody or everybody churned.

    Sources: Brier (1950), Verification of Forecasts Expressed in Terms of Probability; Hanley and McNeil (1982), The
    Meaning and Use of the Area under a ROC Curve.

    >>> score_predictions([True, True, True, False], [0.9, 0.8, 0.7, 0.6])["auc"]
    1.0
    """
    churned, risk = _pair(churned, risk)
    base = float(churned.mean())
    return {
        "base_rate": base,
        "mean_risk": float(risk.mean()),
        "auc": float(roc_auc_score(churned, risk)),
        "brier": float(brier_score_loss(churned, risk)),
        "brier_of_base_rate": base * (1 - base),
        "top_decile_lift": top_decile_lift(churned, risk),
        "accuracy": float((churned == (risk >= 0.5)).mean()),
        "accuracy_of_one_word": max(base, 1 - base),
    }


def top_decile_lift(churned: Any, risk: Any) -> float:
    """How many times as many leavers are among the riskiest tenth as among everybody.

    The tenth is n // 10 customers, at least one. Where equal risks stand at its edge, they share the places left.

    >>> top_decile_lift([True] + [False] * 9, [0.9] + [0.1] * 9)
    10.0
    """
    churned, risk = _pair(churned, risk)
    places = max(len(risk) // 10, 1)
    edge = np.sort(risk)[-places]
    above, at = risk > edge, risk == edge
    leavers = churned[above].sum() + churned[at].mean() * (places - above.sum())
    return float(leavers / places / churned.mean())


def calibration_table(churned: Any, risk: Any, bins: int = 10) -> pd.DataFrame:
    """Do of those with a risk of 0.7 seven in ten leave? One row a group of equal size, the lowest risk first.

    Returns `customers` (int64), `predicted` (mean risk), `observed` (share of leavers), `standard_error` of the
    latter. Equal risks stay in one group, so there may be fewer groups than `bins`.

    >>> calibration_table([False, True, True, True], [0.2, 0.2, 0.9, 0.9], bins=2)[["predicted", "observed"]]
           predicted  observed
    group
    1            0.2       0.5
    2            0.9       1.0
    """
    churned, risk = _pair(churned, risk)
    place = (pd.Series(risk).rank(method="min").to_numpy() - 1) * bins // len(risk)
    rows = pd.DataFrame({"place": place, "risk": risk, "churned": churned})
    table = rows.groupby("place").agg(
        customers=("risk", "size"), predicted=("risk", "mean"), observed=("churned", "mean")
    )
    table["standard_error"] = np.sqrt(table["observed"] * (1 - table["observed"]) / table["customers"])
    table.index = pd.RangeIndex(1, len(table) + 1, name="group")
    return table
