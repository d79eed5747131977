"""Shifted-beta-geometric: why retention rises with age though nobody grows more loyal.

Each customer leaves at each renewal with a probability of their own, which never changes; the probabilities differ
(beta distributed: `alpha`, `beta`). Those with a high one leave early, so those left are ever more of the loyal kind.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from crmlab.analytical.lifetime_value.likelihood import find_peak, warn_of_boundary
from crmlab.analytical.retention.cohorts import at_risk_and_lost


class ShiftedBetaGeometricModel:
    """The sBG model of contract retention (Fader and Hardie 2007).

    Fitted attributes: `alpha_`, `beta_`, `log_likelihood_`, `standard_errors_`, `at_boundary_`.

    Source: Fader and Hardie (2007), How to Project Customer Retention, Journal of Interactive Marketing 21(1), 76-90.

    >>> model = ShiftedBetaGeometricModel().fit([1000, 631, 468, 382, 326, 289, 262, 241])
    >>> round(model.alpha_, 3), round(model.beta_, 3)
    (0.704, 1.182)
    >>> model.retention_rate([1, 2, 8]).round(3).tolist(), model.survival([0, 8]).round(3).tolist()
    ([0.627, 0.756, 0.921], [1.0, 0.22])
    """

    alpha_: float
    beta_: float

    @classmethod
    def from_parameters(cls, *, alpha: float, beta: float) -> Self:
        """A model with known parameters, both above 0."""
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{cls.__name__} parameter {name} is {value!r}, expected a number above 0")
        model = cls()
        model.alpha_, model.beta_ = float(alpha), float(beta)
        return model

    def fit(self, survivors: Any) -> Self:
        """Estimate alpha and beta from numbers of customers left at ages 0, 1, 2, ...; returns the model.

        `survivors`: one cohort, or a row a cohort with missing values at ages not reached yet, as in
        `retention_curve`. Numbers of customers, not shares: a share says nothing about how sure it is. A boundary
        answer (all leave alike, or nobody leaves) comes with a `BoundaryWarning`. Raises ValueError as
        `retention_curve` does, and when nobody was at risk.
        """
        at_risk, lost = at_risk_and_lost(survivors)
        customers = float(at_risk.sum())
        if not customers:
            raise ValueError("survivors has nobody at risk, expected one customer at least")
        kept, age = at_risk - lost, np.arange(len(lost), dtype=np.float64)

        def log_likelihood(log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
            alpha, beta = np.exp(log_parameters)
            # A customer of this age stays with probability (beta + age) / (alpha + beta + age) on average.
            value = lost.sum() * np.log(alpha) + kept @ np.log(beta + age) - at_risk @ np.log(alpha + beta + age)
            shared = at_risk @ (1 / (alpha + beta + age))
            gradient = [lost.sum() - alpha * shared, beta * (kept @ (1 / (beta + age))) - beta * shared]
            return float(value), np.array(gradient)

        peak = find_peak(log_likelihood, np.zeros(2), np.ones(2), customers)
        self.alpha_, self.beta_ = np.exp(peak.log_parameters).tolist()
        self.log_likelihood_ = float(peak.log_likelihood)
        names = ("alpha", "beta")
        errors = np.exp(peak.log_parameters) * np.sqrt(np.diag(peak.covariance))
        self.standard_errors_ = dict(zip(names, errors.tolist(), strict=True))
        self.at_boundary_ = warn_of_boundary(self, names, peak, at_risk[0])
        return self

    def retention_rate(self, period: Any) -> Any:
        """The share of those there before the `period`-th renewal (1, 2, ...) who stay: equation 7 of the paper."""
        alpha, beta = self._known()
        period = _periods(period, 1)
        return (beta + period - 1) / (alpha + beta + period - 1)

    def survival(self, period: Any) -> Any:
        """The share of a cohort that is left after `period` renewals (0, 1, ...)."""
        period = _periods(period, 0)
        rates = self.retention_rate(np.arange(1, int(np.max(period, initial=0)) + 1))
        return np.concatenate([[1.0], np.cumprod(rates)])[period]

    def _known(self) -> tuple[float, float]:
        if not hasattr(self, "alpha_"):
            raise ValueError(f"{type(self).__name__} has no parameters yet, expected fit or from_parameters first")
        return self.alpha_, self.beta_


def _periods(period: Any, lowest: int) -> np.ndarray:
    periods = np.asarray(period)
    if not np.issubdtype(periods.dtype, np.integer) or (periods < lowest).any():
        raise ValueError(f"period is {period!r}, expected whole numbers from {lowest} up")
    return periods
