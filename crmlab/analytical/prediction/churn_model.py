"""Who will leave: a probability for each customer, and the reasons behind it (lesson 11a)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

#: What a reason adds to the log-odds at least.
_LEAST_REASON = 0.1


def _shown(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.2f}"


def signed_log(values: Any) -> Any:
    """log(1 + value), and -log(1 - value) below 0: what is ten times as large counts the same step more."""
    return np.sign(values) * np.log1p(np.abs(values))


class ChurnModel(BaseEstimator):
    """The chance that a customer leaves, from a feature table.

    kind
        "logistic": features on the scale of `signed_log`, standardised, then logistic regression: each feature adds
        its part to the log-odds, so that it can be said why. "boosting": gradient boosted trees, which find steps and
        interactions by themselves and cannot say why as simply.
    seed
        of the trees

    Fitted: `model_`, `columns_`, `base_rate_` (share of leavers among those learned from).

    >>> features = pd.DataFrame({"days": [1, 2, 3, 50, 60, 70]}, index=[11, 12, 13, 14, 15, 16])
    >>> model = ChurnModel().fit(features, [False, False, True, False, True, True])
    >>> risk = model.predict(features)
    >>> bool(risk[16] > risk[11]), model.main_reasons(features)[16]
    (True, 'days 70')
    """

    def __init__(self, kind: str = "logistic", seed: int = 1):
        self.kind = kind
        self.seed = seed

    def fit(self, features: pd.DataFrame, churned: Any) -> ChurnModel:
        """features: one row a customer, numbers without gaps; churned: bool, in the same order.

        Raises ValueError for gaps, for another length, and when nobody or everybody churned.
        """
        if self.kind not in ("logistic", "boosting"):
            raise ValueError(f"kind is {self.kind!r}, expected 'logistic' or 'boosting'")
        churned = np.asarray(churned, dtype=bool)
        if len(churned) != len(features):
            raise ValueError(f"churned has {len(churned)} values, expected {len(features)}, one a row of features")
        if not 0 < churned.sum() < len(churned):
            raise ValueError(f"churned is true of {churned.sum()} of {len(churned)}, expected leavers and stayers")
        self.columns_ = list(features.columns)
        self.base_rate_ = float(churned.mean())
        if self.kind == "logistic":
            scale = FunctionTransformer(signed_log)
            model = make_pipeline(scale, StandardScaler(), LogisticRegression(max_iter=1000))
        else:
            model = HistGradientBoostingClassifier(
                max_iter=120, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=40, random_state=self.seed
            )
        self.model_ = model.fit(self._numbers(features), churned)
        return self

    def predict(self, features: pd.DataFrame) -> pd.Series:
        """The probability of leaving, float64 `risk`, by customer. Raises ValueError when a column is missing."""
        chance = self.model_.predict_proba(self._numbers(features))[:, 1]
        return pd.Series(chance, index=features.index, name="risk")

    def contributions(self, features: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the log-odds of a customer, against a customer with mean features.

        Features that go together share out their effect as it happens: read them as the model's reasons, not as
        causes. Raises ValueError for boosted trees.
        """
        if self.kind != "logistic":
            raise ValueError(f"kind is {self.kind!r}, expected 'logistic': only there the parts add up")
        scaled = self.model_[:-1].transform(self._numbers(features))
        return pd.DataFrame(scaled * self.model_[-1].coef_[0], index=features.index, columns=self.columns_)

    def main_reasons(self, features: pd.DataFrame, most: int = 2) -> pd.Series:
        """The features that raise the risk of each customer most, with their values, as text.

        A reason adds at least 0.1 to the log-odds; the text is empty where none does.
        """
        parts = self.contributions(features).to_numpy()
        order = np.argsort(-parts, axis=1, kind="stable")[:, :most]
        values = features[self.columns_].to_numpy()
        texts = [
            ", ".join(f"{self.columns_[j]} {_shown(values[i, j])}" for j in row if parts[i, j] >= _LEAST_REASON)
            for i, row in enumerate(order)
        ]
        return pd.Series(texts, index=features.index, name="reasons")

    def _numbers(self, features: pd.DataFrame) -> np.ndarray:
        missing = [name for name in self.columns_ if name not in features]
        if missing:
            raise ValueError(f"features has no column {missing[0]!r} (found: {', '.join(map(str, features.columns))})")
        numbers = features[self.columns_].to_numpy(dtype=np.float64)
        if not np.isfinite(numbers).all():
            column = self.columns_[int(np.argmin(np.isfinite(numbers).all(axis=0)))]
            raise ValueError(f"features column {column!r} has missing values, expected a number for each customer")
        return numbers


def at_risk_list(model: ChurnModel, features: pd.DataFrame, value_cents: Any, reasons: int = 2) -> pd.DataFrame:
    """Customers at risk, the greatest expected loss first: one row a customer, by `customer_id`.

    value_cents    what each customer would leave if he stayed, in cents, by customer; below 0 counts as 0

    Returns `risk` (0 to 1), `value_cents`, `expected_loss_cents` (risk x value), `reasons` (text).
    """
    value = pd.Series(value_cents, index=features.index, dtype="float64").clip(lower=0)
    table = pd.DataFrame({"risk": model.predict(features), "value_cents": value})
    table["expected_loss_cents"] = table["risk"] * table["value_cents"]
    table["reasons"] = model.main_reasons(features, reasons)
    return table.sort_values("expected_loss_cents", ascending=False, kind="stable")
