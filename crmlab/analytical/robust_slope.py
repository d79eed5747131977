"""The slope of an outcome on one number, with an interval that holds where the spread is not the same everywhere.

What a wait does to a rating (lessons 06b and 13b), and to buying again (13b).
"""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class RobustSlope:
    """`slope`: change of the outcome for each 1 more of the number; `low`, `high`: its interval; `intercept`: the
    outcome at 0; `p_value`: of no slope."""

    slope: float
    low: float
    high: float
    intercept: float
    p_value: float


def robust_slope(number: Any, outcome: Any, confidence: float = 0.95) -> RobustSlope:
    """The slope by least squares, with standard errors that hold for an outcome of unequal spread (HC1).

    number, outcome: (n,) float64, three or more, the numbers not all equal: the caller checks, who knows their names.

    Source: MacKinnon and White (1985), Journal of Econometrics 29.

    >>> round(robust_slope([0, 1, 2, 3], [5, 4, 3, 2]).slope, 6)
    -1.0
    """
    # Loaded here: statsmodels takes a second.
    import statsmodels.api as sm

    design = sm.add_constant(np.asarray(number, dtype=np.float64))
    fitted = sm.OLS(np.asarray(outcome, dtype=np.float64), design).fit(cov_type="HC1")
    low, high = fitted.conf_int(alpha=1 - confidence)[1]
    return RobustSlope(
        slope=float(fitted.params[1]),
        low=float(low),
        high=float(high),
        intercept=float(fitted.params[0]),
        p_value=float(fitted.pvalues[1]),
    )
