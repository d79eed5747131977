"""Whom to make an offer: the member who will leave, or the member whom the offer keeps? (lesson 11a)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from crmlab.analytical.prediction.churn_model import signed_log
from crmlab.analytical.uplift import TwoModelUplift


def _model() -> Pipeline:
    # Drawn towards no effect (a small C): a few hundred leavers tell little of each feature.
    return make_pipeline(FunctionTransformer(signed_log), StandardScaler(), LogisticRegression(C=0.05))


def offer_scores(features: pd.DataFrame, left: Any, treated: Any, half: Any) -> pd.DataFrame:
    """Two scores for each member of an experiment, each from a model that learned on the other half.

    features    one row a member, numbers without gaps, known before the offer
    left        (members,) bool: who left
    treated     (members,) bool, by lot: who got the offer
    half        (members,) bool: which half a member is in; each half is scored by the other

    Returns, by member, `risk` (the chance of leaving without an offer, learned from the control group) and `uplift`
    (by how much the offer raises the chance of staying: logistic regression for each group, see
    `crmlab.analytical.uplift.TwoModelUplift`). Raises ValueError where a group of a half has no leavers or no stayers.

    >>> rng = np.random.default_rng(1)
    >>> annoyed = rng.random(4000) < 0.5
    >>> treated = rng.random(4000) < 0.5
    >>> left = rng.random(4000) < np.where(annoyed & ~treated, 0.4, 0.1)
    >>> scores = offer_scores(pd.DataFrame({"annoyed": annoyed}), left, treated, np.arange(4000) % 2 == 0)
    >>> bool(scores["uplift"][annoyed].min() > scores["uplift"][~annoyed].max())
    True
    """
    left, treated, half = (np.asarray(each, dtype=bool) for each in (left, treated, half))
    for name, part in (("left", left), ("treated", treated), ("half", half)):
        if part.shape != (len(features),):
            raise ValueError(f"{name} has shape {part.shape}, expected ({len(features)},): one value a member")
    numbers = features.to_numpy(dtype=np.float64)
    scores = pd.DataFrame(0.0, index=features.index, columns=["risk", "uplift"])
    for side in (half, ~half):
        if not side.any():
            raise ValueError("half holds one value only, expected members in both halves")
        learn = ~side
        uplift = TwoModelUplift(_model()).fit(numbers[learn], ~left[learn], treated[learn])
        scores.loc[side, "risk"] = 1 - uplift.control_model_.predict_proba(numbers[side])[:, 1]
        scores.loc[side, "uplift"] = uplift.predict(numbers[side])
    return scores
