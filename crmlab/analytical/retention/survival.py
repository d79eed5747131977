"""Survival curves: how long customers stay, with those who are still there counted as what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.duration.survfunc import SurvfuncRight, survdiff


def survival_curve(durations: Any, ended: Any, level: float = 0.95) -> pd.DataFrame:
    """The share of customers still there after each duration (Kaplan-Meier, by statsmodels).

    durations    time under observation of each customer, 0 or more
    ended        True where the customer left, False where only the observation ended (censored)
    level        of the intervals, pointwise

    Returns a row for each duration at which somebody left: `duration`, `at_risk`, `lost`, `survival`,
    `standard_error` (Greenwood), `lower`, `upper` (on the log-log scale, so within 0 and 1; equal to survival where it
    is 0). Leaving out those who are still there, or counting their time as a lifetime, makes it too short.
    Raises ValueError for lengths that differ, negative or missing durations, or nobody who left.

    Source: Kaplan and Meier (1958), Journal of the American Statistical Association 53.

    >>> survival_curve([2, 3, 3, 5], [True, True, False, False])[["duration", "at_risk", "survival"]]
       duration  at_risk  survival
    0       2.0        4      0.75
    1       3.0        3      0.50
    """
    durations, ended = _checked(durations, ended)
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}, expected a number between 0 and 1 such as 0.95")
    if not ended.any():
        raise ValueError("ended has nobody who left, expected one at least: a survival curve needs an end")
    found = SurvfuncRight(durations, ended.astype(int))
    survival, error = found.surv_prob, found.surv_prob_se
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = norm.ppf((1 + level) / 2) * error / (survival * -np.log(survival))
        lower, upper = survival ** np.exp(reach), survival ** np.exp(-reach)
    inside = (survival > 0) & (survival < 1)
    return pd.DataFrame(
        {
            "duration": np.asarray(found.surv_times, dtype=np.float64),
            "at_risk": np.asarray(found.n_risk, dtype=np.int64),
            "lost": np.asarray(found.n_events, dtype=np.int64),
            "survival": survival,
            "standard_error": np.where(survival > 0, error, 0.0),
            "lower": np.where(inside, lower, survival),
            "upper": np.where(inside, upper, survival),
        }
    )


def log_rank_test(durations: Any, ended: Any, group: Any) -> dict[str, float]:
    """Could the groups have one survival curve? (log-rank test, by statsmodels)

    Arguments as in `survival_curve`, and the group of each customer. Returns `chi_square`, `degrees_of_freedom` and
    `p_value`. Raises ValueError as `survival_curve`, and for fewer than two groups.

    >>> result = log_rank_test([1, 2, 3, 8, 9, 10], [True] * 6, ["web"] * 3 + ["store"] * 3)
    >>> round(result["chi_square"], 2), result["degrees_of_freedom"], round(result["p_value"], 3)
    (5.05, 1, 0.025)
    """
    durations, ended = _checked(durations, ended)
    codes, groups = pd.factorize(np.asarray(group))
    if len(codes) != len(durations):
        raise ValueError(f"group has {len(codes)} values, expected {len(durations)} as in durations")
    if len(groups) < 2:
        raise ValueError(f"group has {len(groups)} different values, expected two or more")
    if not ended.any():
        raise ValueError("ended has nobody who left, expected one at least")
    chi_square, p_value = survdiff(durations, ended.astype(int), codes)
    return {"chi_square": float(chi_square), "degrees_of_freedom": len(groups) - 1, "p_value": float(p_value)}


def _checked(durations: Any, ended: Any) -> tuple[np.ndarray, np.ndarray]:
    durations, ended = np.asarray(durations, dtype=np.float64), np.asarray(ended)
    if durations.shape != ended.shape or durations.ndim != 1:
        raise ValueError(f"ended has shape {ended.shape}, expected {durations.shape} as durations, of one dimension")
    if not (np.isfinite(durations) & (durations >= 0)).all():
        raise ValueError("durations has negative or missing values, expected 0 or more")
    if not np.isin(ended, [False, True]).all():
        raise ValueError("ended has other values than True and False")
    return durations, ended.astype(bool)
