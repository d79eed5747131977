"""BG/NBD and MBG/NBD: customers who buy at random times and may leave after any purchase.

Each customer buys at a rate of their own (gamma distributed: `r`, `alpha`), and after a purchase leaves for good with a
probability of their own (beta distributed: `a`, `b`). In the BG/NBD the first purchase is safe, so someone who never
came back counts as surely alive; in the modified model (MBG/NBD) the first purchase may be the last one too.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.special import expit, gammaln, psi

from crmlab.analytical.lifetime_value.customer_rows import CustomerRows, purchase_rows
from crmlab.analytical.lifetime_value.future_time import checked_times
from crmlab.analytical.lifetime_value.likelihood import LogLikelihood, MaximumLikelihoodModel

# Rows of work at a time: keeps the memory of a prediction flat.
_ROWS_AT_A_TIME = 65_536


class BetaGeoModel(MaximumLikelihoodModel):
    """BG/NBD model of repeat purchases (Fader, Hardie and Lee 2005).

    Fitted attributes: `r_`, `alpha_` (in the time unit of the summary), `a_`, `b_`, `log_likelihood_`,
    `standard_errors_`, `at_boundary_`.

    A summary is a table (pandas, Polars, ...) with a row a customer, as `rfm_summary` gives it: `frequency` (repeat
    purchases), `recency` (first to last purchase) and `T` (first purchase to the end), in one time unit.

    Source: Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
    Model, Marketing Science 24(2), 275-284; likelihood: equation 6, with powers taken out as logarithms.

    >>> import pandas as pd
    >>> model = BetaGeoModel.from_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> summary = pd.DataFrame({"frequency": [2, 0], "recency": [30.43, 0.0], "T": [38.86, 38.86]})
    >>> model.expected_purchases(summary, future_t=39).round(3)
    array([1.226, 0.195])
    >>> model.expected_probability_alive(summary).round(3)
    array([0.727, 1.   ])
    """

    r_: float
    alpha_: float
    a_: float
    b_: float

    _names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    # Purchases before the first repeat that a customer may leave after.
    _unsafe_first_purchases: ClassVar[int] = 0

    def expected_purchases(self, summary: Any, future_t: float) -> np.ndarray:
        """Purchases that each customer will make in the next `future_t` time units, given the past (equation 10).

        Returns float64, one a row. `future_t`: 0 or more. Computed as an integral of positive terms, so it stays a
        number where the hypergeometric function overflows, and at a = 1 where the published form divides by 0.
        """
        r, alpha, a, b = self._known()
        (future_t,) = checked_times(future_t, "future_t", single=True)
        rows = purchase_rows(summary)
        # A future purchase of someone alive: rate ~ gamma(r + x, alpha + T), leaving ~ beta(a, b + stays).
        stays = rows["frequency"] + self._unsafe_first_purchases
        expected = np.empty(len(stays))
        for number in np.unique(stays):
            of = np.flatnonzero(stays == number)
            shape = r + number - self._unsafe_first_purchases
            expected[of] = _purchases_while_alive(shape, alpha + rows["T"][of], a, b + number, future_t)
        return (expected * self._alive(rows))[rows.group_of]

    def expected_purchases_new_customer(self, t: Any) -> Any:
        """Repeat purchases that a customer not seen yet will make within `t` time units of the first one (equation 9).

        `t`: a number or an array, 0 or more; returns float64 of the same shape.
        """
        r, alpha, a, b = self._known()
        times = checked_times(t, "t")
        after_first = self._unsafe_first_purchases
        alive = b / (a + b) if after_first else 1.0
        found = [_purchases_while_alive(r, np.array([alpha]), a, b + after_first, time)[0] for time in times.ravel()]
        expected = alive * np.array(found).reshape(times.shape)
        return expected if expected.ndim else float(expected)

    def expected_probability_alive(self, summary: Any) -> np.ndarray:
        """The probability that each customer has not left for good by `T`; float64, one a row."""
        self._known()
        rows = purchase_rows(summary)
        return self._alive(rows)[rows.group_of]

    def _alive(self, rows: CustomerRows) -> np.ndarray:
        r, alpha, a, b = self._known()
        x, recency, age = rows["frequency"], rows["recency"], rows["T"]
        stays = x + self._unsafe_first_purchases
        odds_gone = np.log(a) - np.log(b + np.maximum(stays, 1) - 1)
        odds_gone += (r + x) * np.log((alpha + age) / (alpha + recency))
        return np.where(stays > 0, expit(-odds_gone), 1.0)

    def _rows(self, summary: Any) -> CustomerRows:
        return purchase_rows(summary)

    def _start(self, rows: CustomerRows) -> tuple[np.ndarray, np.ndarray]:
        time = np.average(rows["T"], weights=rows.weight) or 1.0
        return np.array([0.5, 0.5 * time, 1.0, 3.0]), np.array([1.0, time, 1.0, 1.0])

    def _log_likelihood_of(self, rows: CustomerRows) -> LogLikelihood:
        x, age, weight = rows["frequency"], rows["T"], rows.weight
        customers = weight.sum()
        # Gamma and beta functions depend on the number of purchases alone, the chance of a silence for those who are
        # still there on the age: few different numbers of each.
        number, of_number = np.unique(x, return_inverse=True)
        number_weight = np.bincount(of_number, weights=weight)
        number_stays = number + self._unsafe_first_purchases
        ages, of_age = np.unique(age, return_inverse=True)
        age_weight, age_purchases = np.bincount(of_age, weights=weight), np.bincount(of_age, weights=weight * x)
        may_have_left = np.flatnonzero(x + self._unsafe_first_purchases > 0)
        left_x, left_age, recency = x[may_have_left], age[may_have_left], rows["recency"][may_have_left]
        left_of_number, left_weight = of_number[may_have_left], weight[may_have_left]

        def log_likelihood(log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
            r, alpha, a, b = np.exp(log_parameters)
            log_time, power = np.log(alpha + ages), r + number
            age_power = r * age_weight + age_purchases
            value = number_weight @ (gammaln(power) + gammaln(a + b) - gammaln(b) + gammaln(b + number_stays))
            value -= number_weight @ gammaln(a + b + number_stays) + customers * (gammaln(r) - r * np.log(alpha))
            value -= age_power @ log_time
            # Left after the last purchase, or still there and silent since: the odds, and the probability of the first.
            time, time_bought = alpha + left_age, alpha + recency
            longer, left_power = np.log(time / time_bought), r + left_x
            odds = (np.log(a) - np.log(b + np.maximum(number_stays, 1) - 1))[left_of_number] + left_power * longer
            # log(1 + exp(odds)) and exp(odds) / (1 + exp(odds)), with powers that cannot overflow.
            above, smaller = np.maximum(odds, 0.0), np.exp(-np.abs(odds))
            value += left_weight @ (above + np.log1p(smaller))
            gone = left_weight * np.exp(odds - above) / (1 + smaller)

            d_r = number_weight @ psi(power) - customers * (psi(r) - np.log(alpha))
            d_r += gone @ longer - age_weight @ log_time
            d_alpha = customers * r / alpha - age_power @ (1 / (alpha + ages))
            d_alpha += (gone * left_power) @ (1 / time - 1 / time_bought)
            shared = customers * psi(a + b) - number_weight @ psi(a + b + number_stays)
            d_a = shared + gone.sum() / a
            gone_of_number = np.bincount(left_of_number, weights=gone, minlength=len(number))
            d_b = shared + number_weight @ (psi(b + number_stays) - psi(b))
            d_b -= gone_of_number[number_stays > 0] @ (1 / (b + number_stays[number_stays > 0] - 1))
            return float(value), np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])

        return log_likelihood


class ModifiedBetaGeoModel(BetaGeoModel):
    """MBG/NBD model of repeat purchases: a customer may leave after the first purchase too.

    Everything else is as in `BetaGeoModel`. The simulated company follows this process (on its seasonal clock).

    Source: Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base
    analysis, International Journal of Research in Marketing 24(3), 201-209.

    >>> import pandas as pd
    >>> model = ModifiedBetaGeoModel.from_parameters(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> once = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [38.86]})
    >>> model.expected_probability_alive(once).round(2)
    array([0.39])
    """

    _unsafe_first_purchases: ClassVar[int] = 1


def _purchases_while_alive(shape: float, rate: np.ndarray, a: float, b: float, time: float) -> np.ndarray:
    """Expected purchases within `time` of customers alive now: the mean over p ~ beta(a, b) of
    (1 - (1 + p time / rate) ** -shape) / p, by Gauss-Jacobi quadrature.
    """
    expected = np.empty(len(rate))
    if time == 0 or not len(rate):
        return np.zeros(len(rate))
    # The sooner the function falls from its value at 0, the more nodes it takes; these give ten digits and more.
    pole = rate.min() / time / max(shape, 1.0)
    nodes = int(np.clip(np.ceil(14 / np.log1p(2 * pole + 2 * np.sqrt(pole * (1 + pole)))), 12, 500))
    p, weight = _beta_quadrature(a, b, nodes)
    for first in range(0, len(rate), _ROWS_AT_A_TIME):
        part = slice(first, first + _ROWS_AT_A_TIME)
        growth = np.log1p(np.multiply.outer(time / rate[part], p))
        expected[part] = -np.expm1(-shape * growth) @ (weight / p)
    return expected


def _beta_quadrature(a: float, b: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes on (0, 1) and weights, adding up to 1, of Gauss quadrature for a mean over beta(a, b).

    Golub and Welsch (1969): eigenvalues of the matrix of the recurrence of the Jacobi polynomials.
    """
    k = np.arange(1, nodes, dtype=np.float64)
    s = a + b - 2.0
    middle = np.empty(nodes)
    middle[0] = a / (a + b)
    middle[1:] = 0.5 * (1 + (a - b) * s / ((2 * k + s) * (2 * k + s + 2)))
    beside = np.empty(nodes - 1)
    beside[:1] = a * b / ((a + b) ** 2 * (a + b + 1))
    j = k[1:]
    beside[1:] = j * (j + a - 1) * (j + b - 1) * (j + s) / ((2 * j + s) ** 2 * (2 * j + s + 1) * (2 * j + s - 1))
    points, vectors = eigh_tridiagonal(middle, np.sqrt(beside))
    # A node cannot lie at 0, though rounding may put it there.
    return np.clip(points, np.finfo(float).tiny, 1.0), vectors[0] ** 2
