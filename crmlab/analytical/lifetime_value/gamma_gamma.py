"""Gamma-Gamma: how much a customer spends on a purchase, on average over purchases not seen yet.

A mean of two purchases is mostly chance, a mean of fifty is not. Each customer's purchases vary around a mean of their
own (gamma with shape `p`), and the means vary between customers (`q`, `v`); so the expected spend lies between the
customer's own mean and that of all customers, the nearer to the own one the more purchases there were.
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln, psi

from crmlab.analytical.lifetime_value.clv import customer_lifetime_value
from crmlab.analytical.lifetime_value.customer_rows import CustomerRows, spend_rows
from crmlab.analytical.lifetime_value.likelihood import BoundaryWarning, LogLikelihood, MaximumLikelihoodModel


class GammaGammaModel(MaximumLikelihoodModel):
    """Gamma-Gamma model of spend a purchase (Fader, Hardie and Lee 2005; Fader and Hardie 2013).

    Fitted attributes: `p_`, `q_`, `v_` (currency units; the note calls it gamma), `log_likelihood_`,
    `standard_errors_`, `at_boundary_`. A summary holds `frequency` and `monetary_value` (currency units, mean of the
    repeat purchases), as `rfm_summary` gives it. Customers without a repeat purchase are left out of the fit: their
    mean is not known. The model takes it that spend and frequency are independent: look at their correlation first.

    Source: Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value, http://www.brucehardie.com/notes/025/.

    >>> import pandas as pd
    >>> model = GammaGammaModel.from_parameters(p=6.25, q=3.74, v=15.44)
    >>> model.expected_customer_spend(pd.DataFrame({"frequency": [0, 2], "monetary_value": [0.0, 22.35]})).round(2)
    array([35.22, 24.66])
    """

    p_: float
    q_: float
    v_: float

    _names: ClassVar[tuple[str, ...]] = ("p", "q", "v")

    def expected_customer_spend(self, summary: Any) -> np.ndarray:
        """Expected spend of each customer on a future purchase, currency units; float64, one a row.

        Without a repeat purchase it is the mean over all customers, p v / (q - 1). For q of 1 or less that mean does
        not exist: infinity, with a warning.
        """
        p, q, v = self._known()
        rows = spend_rows(summary)
        x, spend = rows["frequency"], rows["monetary_value"]
        below = p * x + q - 1
        if (below <= 0).any():
            warnings.warn(
                f"{type(self).__name__}: q = {q:.4g} is not above 1, so the mean spend of a customer without a repeat "
                "purchase is infinite",
                BoundaryWarning,
                stacklevel=2,
            )
        with np.errstate(divide="ignore"):
            expected = np.where(below > 0, p * (v + x * spend) / np.where(below > 0, below, 1.0), np.inf)
        return expected[rows.group_of]

    def customer_lifetime_value(
        self,
        transaction_model: Any,
        summary: Any,
        months: int = 12,
        monthly_discount_rate: float = 0.01,
        *,
        margin: float = 1.0,
        support_cost_per_purchase: float = 0.0,
        time_unit: str = "W",
    ) -> np.ndarray:
        """What each customer's next `months` are worth today: see the function `customer_lifetime_value`."""
        return customer_lifetime_value(
            transaction_model,
            self,
            summary,
            months,
            monthly_discount_rate,
            margin=margin,
            support_cost_per_purchase=support_cost_per_purchase,
            time_unit=time_unit,
        )

    def _rows(self, summary: Any) -> CustomerRows:
        rows = spend_rows(summary)
        repeat = rows["frequency"] > 0
        if not repeat.any():
            raise ValueError("summary has no customer with a repeat purchase, expected one at least: spend is unknown")
        if (rows["monetary_value"][repeat] <= 0).any():
            raise ValueError(
                "summary column 'monetary_value' has 0 for a customer with repeat purchases, expected amounts above 0"
            )
        return rows.reweighted(np.where(repeat, rows.weight, 0.0))

    def _start(self, rows: CustomerRows) -> tuple[np.ndarray, np.ndarray]:
        mean = np.average(rows["monetary_value"], weights=rows.weight)
        return np.array([3.0, 3.0, 2.0 * mean / 3.0]), np.array([1.0, 1.0, mean])

    def _log_likelihood_of(self, rows: CustomerRows) -> LogLikelihood:
        x, spend, weight = rows["frequency"], rows["monetary_value"], rows.weight
        number, of_number = np.unique(x, return_inverse=True)
        number_weight = np.bincount(of_number, weights=weight)
        customers = weight.sum()
        total = x * spend
        log_total, sum_log_spend = np.log(total), weight @ np.log(spend)

        def log_likelihood(log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
            p, q, v = np.exp(log_parameters)
            log_all, power = np.log(v + total), p * x + q
            value = number_weight @ (gammaln(p * number + q) - gammaln(p * number))
            value += customers * (q * np.log(v) - gammaln(q)) - sum_log_spend
            value += weight @ (p * x * log_total - power * log_all)
            d_p = number_weight @ (number * (psi(p * number + q) - psi(p * number)))
            d_p += (weight * x) @ (log_total - log_all)
            d_q = number_weight @ psi(p * number + q) + customers * (np.log(v) - psi(q)) - weight @ log_all
            d_v = customers * q / v - (weight * power) @ (1 / (v + total))
            return float(value), np.array([d_p * p, d_q * q, d_v * v])

        return log_likelihood
