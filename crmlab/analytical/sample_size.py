"""How many contacts an experiment needs, and how often it would then decide right (lesson 06)."""

import math

import numpy as np
from scipy import optimize, stats


def power_of_test(
    control_rate: float, treated_rate: float, control: float, treated: float, alpha: float = 0.05
) -> float:
    """The chance that a two-sided test at level alpha shows a difference of two rates that is there.

    control_rate, treated_rate
        true conversion rates, between 0 and 1; equal rates give alpha itself
    control, treated
        contacts of the two groups

    By the normal approximation with the variance of each group (unpooled); both tails count.

    Source: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, chapter 4.

    >>> round(power_of_test(0.05, 0.06, 8155, 8155), 3)
    0.8
    """
    _check(control_rate, treated_rate, alpha)
    if control < 1 or treated < 1:
        raise ValueError(f"control is {control} and treated {treated}, expected at least one contact in each")
    error = math.sqrt(_variance(control_rate) / control + _variance(treated_rate) / treated)
    threshold = stats.norm.ppf(1 - alpha / 2)
    distance = (treated_rate - control_rate) / error
    return float(stats.norm.sf(threshold - distance) + stats.norm.cdf(-threshold - distance))


def contacts_needed(
    control_rate: float,
    treated_rate: float,
    power: float = 0.8,
    alpha: float = 0.05,
    treated_per_control: float = 1.0,
) -> tuple[int, int]:
    """The smallest groups that show a difference of two rates with the given power.

    treated_per_control
        treated contacts for each contact held out: 9 holds a tenth out

    Returns (control, treated), whole contacts. Raises ValueError for equal rates: no number of contacts shows nothing.

    >>> contacts_needed(0.05, 0.06)
    (8155, 8155)
    >>> contacts_needed(0.05, 0.06, treated_per_control=9)
    (4221, 37989)
    """
    _check(control_rate, treated_rate, alpha)
    if control_rate == treated_rate:
        raise ValueError(f"control_rate and treated_rate are both {control_rate}, expected a difference to show")
    if not alpha < power < 1:
        raise ValueError(f"power is {power!r}, expected a number above alpha ({alpha}) and below 1")
    if not treated_per_control > 0:
        raise ValueError(f"treated_per_control is {treated_per_control!r}, expected above 0")

    def missing(control: float) -> float:
        control = max(control, 1.0)
        treated = max(control * treated_per_control, 1.0)
        return power_of_test(control_rate, treated_rate, control, treated, alpha) - power

    enough = 2.0
    while missing(enough) < 0:
        enough *= 2
    smallest = optimize.brentq(missing, 1.0, enough, xtol=1e-6) if missing(1.0) < 0 else 1.0
    control = math.ceil(smallest - 1e-6)
    return control, max(math.ceil(control * treated_per_control - 1e-9), 1)


def _variance(rate: float) -> float:
    return rate * (1 - rate)


def _check(control_rate: float, treated_rate: float, alpha: float) -> None:
    for name, rate in (("control_rate", control_rate), ("treated_rate", treated_rate)):
        if not np.isfinite(rate) or not 0 < rate < 1:
            raise ValueError(f"{name} is {rate!r}, expected a number between 0 and 1")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha!r}, expected a number between 0 and 1")
