"""Uplift: whom does the campaign change? (lesson 06)

Those who are likely to buy are often those who would buy anyway. An uplift model orders customers by the difference
that the message makes; since nobody is both mailed and not mailed, it can only be learnt from an experiment.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression


class TwoModelUplift(BaseEstimator):
    """One model of the treated, one of the control group; the uplift is the difference of what they predict.

    estimator
        a scikit-learn classifier or regressor; logistic regression unless given

    Fitted: `treated_model_`, `control_model_`, `n_features_in_`. Source: Hansotia and Rukstales (2002), Incremental
    Value Modeling, Journal of Interactive Marketing 16(3).

    >>> X = np.array([[0.0]] * 40 + [[1.0]] * 40)
    >>> treated = np.tile([0, 1], 40)
    >>> outcome = np.where(X[:, 0] == 1, treated, 0); outcome[0] = 1; outcome[1] = 1
    >>> uplift = TwoModelUplift().fit(X, outcome, treated).predict([[0.0], [1.0]])
    >>> bool(uplift[1] > uplift[0] + 0.5)
    True
    """

    def __init__(self, estimator: Any = None):
        self.estimator = estimator

    def fit(self, X: Any, outcome: Any, treated: Any) -> "TwoModelUplift":
        """X: (customers, features); outcome: (customers,) 0/1 or numbers; treated: (customers,) 0/1, by lot."""
        X, outcome, treated = _experiment(X, outcome, treated)
        estimator = LogisticRegression() if self.estimator is None else self.estimator
        if is_classifier(estimator):
            for name, group in (("treated", treated), ("control", ~treated)):
                if len(np.unique(outcome[group])) < 2:
                    found = outcome[group][0]
                    raise ValueError(
                        f"outcome is {found} for every {name} customer, expected both 0 and 1 in each group"
                    )
        self.treated_model_ = clone(estimator).fit(X[treated], outcome[treated])
        self.control_model_ = clone(estimator).fit(X[~treated], outcome[~treated])
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Uplift of each customer, float64 (customers,), in units of the outcome."""
        X = np.asarray(X, dtype=np.float64)
        return _expected(self.treated_model_, X) - _expected(self.control_model_, X)


class TransformedOutcomeUplift(BaseEstimator):
    """One regression on an outcome that is the uplift in expectation.

    The outcome becomes `outcome * (treated - p) / (p * (1 - p))` with p the share of treated: its mean at any x is the
    uplift at x. It is noisy, and asks for many customers.

    regressor
        a scikit-learn regressor; linear regression unless given

    Fitted: `model_`, `treated_share_`, `n_features_in_`. Source: Athey and Imbens (2016), Recursive Partitioning for
    Heterogeneous Causal Effects, section 4.

    >>> X = np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> model = TransformedOutcomeUplift().fit(X, [0, 0, 1, 0], [1, 0, 1, 0])
    >>> model.predict([[0.0], [1.0]]).round(6).tolist()
    [0.0, 1.0]
    """

    def __init__(self, regressor: Any = None):
        self.regressor = regressor

    def fit(self, X: Any, outcome: Any, treated: Any) -> "TransformedOutcomeUplift":
        """X: (customers, features); outcome: (customers,) 0/1 or numbers; treated: (customers,) 0/1, by lot."""
        X, outcome, treated = _experiment(X, outcome, treated)
        share = treated.mean()
        regressor = LinearRegression() if self.regressor is None else self.regressor
        self.model_ = clone(regressor).fit(X, outcome * (treated - share) / (share * (1 - share)))
        self.treated_share_ = float(share)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Uplift of each customer, float64 (customers,), in units of the outcome."""
        return np.asarray(self.model_.predict(np.asarray(X, dtype=np.float64)), dtype=np.float64)


def qini_curve(uplift: Any, outcome: Any, treated: Any) -> pd.DataFrame:
    """What the campaign brings when only the customers with the highest predicted uplift get it.

    uplift
        (customers,) predictions, higher is better; made without looking at these customers' outcomes
    outcome, treated
        (customers,) 0/1 or numbers, and 0/1 by lot

    Returns a pandas table, one row a depth: share_targeted (0 to 1) and incremental, outcome a treated customer of the
    whole file: (sum of the treated's outcome - sum of the control's x treated / control, so far) / all treated. Equal
    predictions stand at one depth: no order among them is made up. While no control customer is among those targeted,
    nothing can be compared: such depths are left out.

    Source: Radcliffe (2007), Using Control Groups to Target on Predicted Lift.

    >>> qini_curve([2, 2, 1, 1], outcome=[1, 0, 0, 0], treated=[1, 0, 1, 0])["incremental"].tolist()
    [0.0, 0.5, 0.5]
    """
    uplift = np.asarray(uplift, dtype=np.float64)
    _, outcome, treated = _experiment(uplift[:, None] if uplift.ndim == 1 else uplift, outcome, treated)
    order = np.argsort(-uplift, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(uplift[order]) != 0, True])
    of_treated = np.where(treated, outcome, 0.0)[order].cumsum()[ends]
    of_control = np.where(treated, 0.0, outcome)[order].cumsum()[ends]
    in_treated = treated[order].cumsum()[ends]
    in_control = (~treated)[order].cumsum()[ends]
    known = in_control > 0
    expected = of_control[known] * in_treated[known] / in_control[known]
    return pd.DataFrame(
        {
            "share_targeted": np.r_[0.0, (ends[known] + 1) / len(order)],
            "incremental": np.r_[0.0, (of_treated[known] - expected) / treated.sum()],
        }
    )


def qini_coefficient(uplift: Any, outcome: Any, treated: Any) -> float:
    """Area between the Qini curve and the straight line of picking by lot, in outcome a treated customer.

    0 for an order as good as a lot, negative for one that is worse. It is not divided by the area of a perfect order,
    which nobody knows.

    >>> qini_coefficient([2, 2, 1, 1], outcome=[1, 0, 0, 0], treated=[1, 0, 1, 0])
    0.125
    """
    curve = qini_curve(uplift, outcome, treated)
    area = np.trapezoid(curve["incremental"], curve["share_targeted"])
    return float(area - curve["incremental"].iloc[-1] / 2)


def _expected(model: Any, X: np.ndarray) -> np.ndarray:
    if is_classifier(model):
        return model.predict_proba(X)[:, list(model.classes_).index(1)]
    return np.asarray(model.predict(X), dtype=np.float64)


def _experiment(X: Any, outcome: Any, treated: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X, outcome, treated = (np.asarray(part, dtype=np.float64) for part in (X, outcome, treated))
    if X.ndim != 2:
        raise ValueError(f"X has shape {X.shape}, expected a row a customer and a column a feature")
    for name, part in (("outcome", outcome), ("treated", treated)):
        if part.shape != (len(X),):
            raise ValueError(f"{name} has shape {part.shape}, expected ({len(X)},): one value a customer")
    for name, part in (("X", X), ("outcome", outcome), ("treated", treated)):
        if not np.isfinite(part).all():
            raise ValueError(f"{name} has values that are no numbers, expected none")
    if not np.isin(treated, (0, 1)).all():
        raise ValueError(f"treated has {treated[~np.isin(treated, (0, 1))][0]}, expected 0 and 1")
    if not 0 < treated.sum() < len(treated):
        raise ValueError(f"treated has {int(treated.sum())} of {len(treated)} customers, expected some in each group")
    return X, outcome, treated.astype(bool)
