"""Find the parameters under which the data are most likely, and say how sure that is.

Parameters are positive, so the search runs over their logarithms (L-BFGS-B with the gradient), and Newton steps with
the observed information finish it. Where the data cannot tell, the search ends at a boundary: a warning says so, and
the answer is the best one there.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm
from threadpoolctl import ThreadpoolController

from crmlab.analytical.lifetime_value.customer_rows import CustomerRows

# A parameter is sought between these times its unit: 1 for a shape, the mean of the data for a scale.
LOWEST, HIGHEST = np.log(1e-5), np.log(1e5)
# A parameter known no better than within a factor of exp(3) either way is as good as unknown.
_UNKNOWN = 3.0

#: The log-likelihood of logarithms of parameters, and its gradient with respect to them.
LogLikelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]


class BoundaryWarning(UserWarning):
    """The likelihood has no clear peak: some parameter lies at a boundary, or the data say little about it."""


@dataclasses.dataclass(frozen=True)
class Peak:
    """Where the likelihood is highest.

    ``log_parameters``: float64 (k,). ``covariance``: float64 (k, k), of the logarithms, the inverse of the observed
    information; infinite on the diagonal for a parameter at its boundary. ``at_boundary``: bool (k,).
    """

    log_parameters: np.ndarray
    log_likelihood: float
    covariance: np.ndarray
    at_boundary: np.ndarray


def find_peak(log_likelihood: LogLikelihood, start: np.ndarray, units: np.ndarray, customers: float) -> Peak:
    """Climb from `start` (logarithms), each parameter within 1e-5 to 1e5 of its unit."""
    lowest, highest = LOWEST + np.log(units), HIGHEST + np.log(units)

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = log_likelihood(point)
        return -value / customers, -gradient / customers

    # Threads cost more than they bring in products as small as these.
    with _thread_pools().limit(limits=1, user_api="blas"):
        options = {"maxiter": 1_000, "maxfun": 5_000, "ftol": 1e-10, "gtol": 1e-6, "maxcor": 20}
        bounds = list(zip(lowest, highest, strict=True))
        start = np.clip(start, lowest, highest)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        point, information, at_boundary = _finished(loss, found.x, lowest, highest)
        value = loss(point)[0]
        information *= customers
    covariance = _covariance(information, at_boundary)
    return Peak(point, -value * customers, covariance, at_boundary)


@functools.cache
def _thread_pools() -> ThreadpoolController:
    """Found once: to look through the loaded libraries takes as long as a few steps of the climb."""
    return ThreadpoolController()


def _finished(loss, point: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> tuple[np.ndarray, ...]:
    """Newton steps to the top from a point nearby, the information there, and which parameters are at a boundary."""
    value, gradient = loss(point)
    information, measured_at = _information(loss, point), point
    for _ in range(20):
        free = ~_pressed(point, gradient, lowest, highest)
        within = information[np.ix_(free, free)]
        if not free.any() or np.linalg.eigvalsh(within)[0] < 1e-9:
            break
        step = np.zeros(len(point))
        step[free] = -np.linalg.solve(within, gradient[free])
        better = np.clip(point + step, lowest, highest)
        better_value, better_gradient = loss(better)
        # Near the top, values differ by rounding alone.
        if np.abs(step).max() > 1 or better_value > value + 1e-12 * abs(value):
            break
        point, value, gradient = better, better_value, better_gradient
        if np.abs(point - measured_at).max() > 0.01:
            information, measured_at = _information(loss, point), point
        if np.abs(step).max() < 1e-8:
            break
    if np.abs(point - measured_at).max() > 1e-4:
        information = _information(loss, point)
    return point, information, _pressed(point, gradient, lowest, highest)


def _pressed(point, gradient, lowest, highest) -> np.ndarray:
    """Which parameters stand at a boundary with the likelihood still rising towards it."""
    return ((point <= lowest + 1e-9) & (gradient >= 0)) | ((point >= highest - 1e-9) & (gradient <= 0))


def _information(loss, point: np.ndarray) -> np.ndarray:
    """Second derivatives of the loss, by central differences of its gradient."""
    step = 1e-4
    moves = step * np.eye(len(point))
    rows = [(loss(point + move)[1] - loss(point - move)[1]) / (2 * step) for move in moves]
    return (np.array(rows) + np.array(rows).T) / 2


def _covariance(information: np.ndarray, at_boundary: np.ndarray) -> np.ndarray:
    free = ~at_boundary
    covariance = np.diag(np.where(at_boundary, np.inf, 0.0))
    if free.any():
        eigenvalues, vectors = np.linalg.eigh(information[np.ix_(free, free)])
        # A direction in which the likelihood is flat, or rises by a rounding error, holds no information.
        eigenvalues = np.maximum(eigenvalues, 1e-12)
        covariance[np.ix_(free, free)] = (vectors / eigenvalues) @ vectors.T
    return covariance


def warn_of_boundary(model: Any, names: tuple[str, ...], peak: Peak, customers: float) -> tuple[str, ...]:
    """The names of parameters that the data leave open, with a warning when there are any."""
    unknown = peak.at_boundary | (np.sqrt(np.diag(peak.covariance)) > _UNKNOWN)
    open_ = tuple(name for name, is_unknown in zip(names, unknown, strict=True) if is_unknown)
    if open_:
        found = ", ".join(f"{name} = {getattr(model, name + '_'):.4g}" for name in open_)
        warnings.warn(
            f"{type(model).__name__}: the {customers:,.0f} customers say little about {found}. The likelihood is flat "
            "there or highest at a boundary; predictions hold, these parameters by themselves mean little.",
            BoundaryWarning,
            stacklevel=4,
        )
    return open_


class MaximumLikelihoodModel:
    """What the models of lifetime value share: fitted by maximum likelihood, or made from known parameters."""

    _names: ClassVar[tuple[str, ...]]

    @classmethod
    def from_parameters(cls, **parameters: float) -> Self:
        """A model with known parameters, all above 0. Raises TypeError for wrong names, ValueError for values."""
        if set(parameters) != set(cls._names):
            raise TypeError(f"{cls.__name__} got parameters {sorted(parameters)}, expected {sorted(cls._names)}")
        for name, value in parameters.items():
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{cls.__name__} parameter {name} is {value!r}, expected a number above 0")
        model = cls()
        model._set(parameters)
        return model

    def fit(self, summary: Any) -> Self:
        """Estimate the parameters from a row a customer, as `rfm_summary` gives it; returns the model.

        Sets a fitted attribute for each parameter, `log_likelihood_`, `standard_errors_` (a mapping; from the observed
        information, by the delta method) and `at_boundary_` (names of parameters that the data leave open). Warns with
        `BoundaryWarning` when there are any; it never fails for a summary that passes the checks.
        """
        return self._fit_rows(self._rows(summary))

    def _fit_rows(self, rows: CustomerRows) -> Self:
        start, units = self._start(rows)
        customers = float(rows.weight.sum())
        peak = find_peak(self._log_likelihood_of(rows), np.log(start), np.asarray(units, dtype=float), customers)
        self._set(dict(zip(self._names, np.exp(peak.log_parameters).tolist(), strict=True)))
        self.log_likelihood_ = float(peak.log_likelihood)
        self._log_covariance = peak.covariance
        errors = np.exp(peak.log_parameters) * np.sqrt(np.diag(peak.covariance))
        self.standard_errors_ = dict(zip(self._names, errors.tolist(), strict=True))
        self.at_boundary_ = warn_of_boundary(self, self._names, peak, customers)
        return self

    @property
    def parameters_(self) -> dict[str, float]:
        """The parameters by name."""
        return {name: getattr(self, f"{name}_") for name in self._names}

    def confidence_intervals(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """An interval for each parameter from the observed information, on the logarithm, so that both ends are above
        0. From 0 to infinity for a parameter at a boundary. Raises ValueError unless 0 < level < 1."""
        if not 0 < level < 1:
            raise ValueError(f"level is {level!r}, expected a number between 0 and 1 such as 0.95")
        if not hasattr(self, "standard_errors_"):
            raise ValueError(f"{type(self).__name__} was made from parameters, expected one that was fitted")
        reach = norm.ppf((1 + level) / 2)
        with np.errstate(over="ignore"):
            factors = np.exp(reach * np.sqrt(np.diag(self._log_covariance)))
        ends = zip(self.parameters_.items(), factors.tolist(), strict=True)
        return {name: (value / factor, value * factor) for (name, value), factor in ends}

    def __repr__(self) -> str:
        if not all(hasattr(self, f"{name}_") for name in self._names):
            return f"{type(self).__name__}()"
        return f"{type(self).__name__}({', '.join(f'{name}={value:.4g}' for name, value in self.parameters_.items())})"

    def _set(self, parameters: Mapping[str, float]) -> None:
        for name in self._names:
            setattr(self, f"{name}_", float(parameters[name]))

    def _known(self) -> tuple[float, ...]:
        if not hasattr(self, f"{self._names[0]}_"):
            raise ValueError(f"{type(self).__name__} has no parameters yet, expected fit or from_parameters first")
        return tuple(self.parameters_.values())

    def _rows(self, summary: Any) -> CustomerRows:
        raise NotImplementedError

    def _start(self, rows: CustomerRows) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError

    def _log_likelihood_of(self, rows: CustomerRows) -> LogLikelihood:
        raise NotImplementedError
