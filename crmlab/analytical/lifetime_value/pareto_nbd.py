"""Pareto/NBD: customers who buy at random times and may leave at any moment, between purchases too.

Each customer buys at a rate of their own (gamma distributed: `r`, `alpha`) and leaves at a rate of their own (gamma
distributed: `s`, `beta`).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, gammaln, psi

from crmlab.analytical.lifetime_value.customer_rows import CustomerRows, purchase_rows
from crmlab.analytical.lifetime_value.future_time import checked_times
from crmlab.analytical.lifetime_value.likelihood import LogLikelihood, MaximumLikelihoodModel

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
# Groups of customers at a time: the arrays of the quadrature then stay in the cache.
_GROUPS_AT_A_TIME = 4_096
# The power that takes the singularity at the far end of the integral away.
_FLAT = 6
# One piece of quadrature is good to eight digits and more up to this ratio of scales.
_ALIKE = 16.0


class ParetoNBDModel(MaximumLikelihoodModel):
    """Pareto/NBD model of repeat purchases (Schmittlein, Morrison and Colombo 1987).

    Fitted attributes: `r_`, `alpha_`, `s_`, `beta_` (`alpha_` and `beta_` in the time unit of the summary),
    `log_likelihood_`, `standard_errors_`, `at_boundary_`. A summary is as for `BetaGeoModel`.

    Source: Schmittlein, Morrison and Colombo (1987), Counting Your Customers: Who Are They and What Will They Do Next?,
    Management Science 33(1), 1-24; formulas as in Fader and Hardie (2005), A Note on Deriving the Pareto/NBD Model.

    >>> import pandas as pd
    >>> model = ParetoNBDModel.from_parameters(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    >>> summary = pd.DataFrame({"frequency": [26], "recency": [30.857], "T": [31.0]})
    >>> model.expected_purchases(summary, future_t=52).round(2), model.expected_probability_alive(summary).round(4)
    (array([25.46]), array([0.9979]))
    """

    r_: float
    alpha_: float
    s_: float
    beta_: float

    _names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")

    def expected_purchases(self, summary: Any, future_t: float) -> np.ndarray:
        """Purchases that each customer will make in the next `future_t` time units, given the past.

        Returns float64, one a row. `future_t`: 0 or more. A number for any count of purchases, and at s = 1.
        """
        r, alpha, s, beta = self._known()
        (future_t,) = checked_times(future_t, "future_t", single=True)
        rows = purchase_rows(summary)
        expected = (r + rows["frequency"]) / (alpha + rows["T"]) * _time_alive(s, beta + rows["T"], future_t)
        return (expected * self._alive(rows))[rows.group_of]

    def expected_purchases_new_customer(self, t: Any) -> Any:
        """Repeat purchases that a customer not seen yet will make within `t` time units of the first one.

        `t`: a number or an array, 0 or more; returns float64 of the same shape.
        """
        r, alpha, s, beta = self._known()
        expected = r / alpha * _time_alive(s, beta, checked_times(t, "t"))
        return expected if expected.ndim else float(expected)

    def expected_probability_alive(self, summary: Any) -> np.ndarray:
        """The probability that each customer has not left for good by `T`; float64, one a row."""
        self._known()
        rows = purchase_rows(summary)
        return self._alive(rows)[rows.group_of]

    def _alive(self, rows: CustomerRows) -> np.ndarray:
        r, alpha, s, beta = self._known()
        x, recency, age = rows["frequency"], rows["recency"], rows["T"]
        log_alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        log_left = np.concatenate(
            [
                np.log(s) + _left_between(r, alpha, s, beta, x[part], recency[part], age[part])[0]
                for part in _parts(len(x))
            ]
        )
        return expit(log_alive - log_left)

    def _rows(self, summary: Any) -> CustomerRows:
        return purchase_rows(summary)

    def _start(self, rows: CustomerRows) -> tuple[np.ndarray, np.ndarray]:
        time = np.average(rows["T"], weights=rows.weight) or 1.0
        return np.array([0.5, 0.5 * time, 0.5, 0.5 * time]), np.array([1.0, time, 1.0, time])

    def _log_likelihood_of(self, rows: CustomerRows) -> LogLikelihood:
        x, recency, age, weight = rows["frequency"], rows["recency"], rows["T"], rows.weight
        number, of_number = np.unique(x, return_inverse=True)
        number_weight = np.bincount(of_number, weights=weight)
        customers = weight.sum()

        def log_likelihood(log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
            r, alpha, s, beta = np.exp(log_parameters)
            value = number_weight @ gammaln(r + number)
            value += customers * (r * np.log(alpha) + s * np.log(beta) - gammaln(r))
            d_r = number_weight @ psi(r + number) - customers * (psi(r) - np.log(alpha))
            d_alpha, d_s, d_beta = customers * r / alpha, customers * np.log(beta), customers * s / beta
            for part in _parts(len(x)):
                log_rate, log_leave = np.log(alpha + age[part]), np.log(beta + age[part])
                power = r + x[part]
                log_alive = -power * log_rate - s * log_leave
                log_left, *means = _left_between(r, alpha, s, beta, x[part], recency[part], age[part])
                log_left = log_left + np.log(s)
                value += weight[part] @ np.logaddexp(log_alive, log_left)
                gone = weight[part] * expit(log_left - log_alive)
                here = weight[part] - gone
                mean_log_rate, mean_log_leave, mean_rate, mean_leave = means
                d_r -= here @ log_rate + gone @ mean_log_rate
                d_alpha -= (here * power) @ (1 / (alpha + age[part])) + (gone * power) @ mean_rate
                d_s += gone.sum() / s - here @ log_leave - gone @ mean_log_leave
                d_beta -= s * (here @ (1 / (beta + age[part]))) + (s + 1) * (gone @ mean_leave)
            return float(value), np.array([d_r * r, d_alpha * alpha, d_s * s, d_beta * beta])

        return log_likelihood


def _parts(length: int) -> list[slice]:
    return [slice(first, first + _GROUPS_AT_A_TIME) for first in range(0, length, _GROUPS_AT_A_TIME)]


def _time_alive(s: float, beta: Any, time: Any) -> np.ndarray:
    """Expected time alive within `time` from now, for leaving rates ~ gamma(s, beta)."""
    growth = np.log1p(time / beta)
    if abs(s - 1) * np.max(growth, initial=0.0) < 1e-8:
        return np.asarray(beta * growth)
    return np.asarray(beta * -np.expm1(-(s - 1) * growth) / (s - 1))


def _left_between(r, alpha, s, beta, x, recency, age) -> tuple[np.ndarray, ...]:
    """The logarithm of the integral over u, from recency to T, of (alpha + u)^-(r + x) (beta + u)^-(s + 1), and the
    means of log(alpha + u), log(beta + u), 1 / (alpha + u) and 1 / (beta + u) under it, which make up its gradient.
    """
    found = list(_between(r, alpha, s, beta, x, recency, age))
    # Where buying and leaving have scales far apart, the integrand falls in two steps: go along it in pieces.
    near, far = np.sort([alpha + recency, beta + recency], axis=0)
    apart = np.flatnonzero(far > _ALIKE * near)
    if len(apart):
        rows = x[apart], recency[apart], age[apart]
        for column, piecewise in zip(found, _in_pieces(r, alpha, s, beta, *rows, near[apart], far[apart]), strict=True):
            column[apart] = piecewise
    return tuple(found)


def _in_pieces(r, alpha, s, beta, x, recency, age, near, far) -> tuple[np.ndarray, ...]:
    ends = near.min() * _ALIKE ** np.arange(1 + np.ceil(np.log((far / near.min()).max()) / np.log(_ALIKE)))
    ends = np.minimum(recency + np.append(ends, np.inf)[:, None], age)
    begins = np.vstack([recency, ends[:-1]])
    pieces = [_between(r, alpha, s, beta, x, *piece) for piece in zip(begins, ends, strict=True)]
    log_integral = np.array([piece[0] for piece in pieces])
    # A customer seen on one day only has no time to have left in.
    top = np.maximum(log_integral.max(axis=0), np.finfo(float).min)
    share = np.exp(log_integral - top)
    total = share.sum(axis=0)
    means = [(share * [piece[i] for piece in pieces]).sum(axis=0) / np.maximum(total, 1e-300) for i in range(1, 5)]
    with np.errstate(divide="ignore"):
        return top + np.log(total), *means


def _between(r, alpha, s, beta, x, recency, age) -> tuple[np.ndarray, ...]:
    """As `_left_between`, in one piece.

    Put v = ((c + recency) / (c + u))^((r + s + x) / 6), with the c that matches the slope of the integrand at its
    beginning as well as its power at the far end. The integrand in v is then close to v^5, whatever the parameters:
    16 points of Gauss-Legendre are enough, and no hypergeometric function is needed.
    """
    power = r + s + x
    rate_from, leave_from = alpha + recency, beta + recency
    base = (power + 1) / ((r + x) / rate_from + (s + 1) / leave_from)
    log_lowest = -power / _FLAT * np.log1p((age - recency) / base)
    width = -np.expm1(log_lowest)
    log_v = np.log(np.exp(log_lowest)[:, None] + width[:, None] * ((1 + _NODES) / 2))
    log_grown = log_v * (-_FLAT / power)[:, None]
    since = base[:, None] * np.expm1(log_grown)
    rate, leave = rate_from[:, None] + since, leave_from[:, None] + since
    log_rate, log_leave = np.log(rate), np.log(leave)
    log_term = log_grown * (power + 1)[:, None] - (r + x)[:, None] * log_rate - (s + 1) * log_leave
    log_term += (_FLAT - 1) * log_v
    top = log_term.max(axis=1)
    term = np.exp(log_term - top[:, None]) * (_WEIGHTS / 2)
    total = term.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_integral = np.log(_FLAT * base / power * width) + top + np.log(total)
    term /= total[:, None]
    means = [np.einsum("ij,ij->i", term, each) for each in (log_rate, log_leave, 1 / rate, 1 / leave)]
    return log_integral, *means
