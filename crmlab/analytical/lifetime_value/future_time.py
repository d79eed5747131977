"""Times that predictions are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np


def checked_times(times: Any, name: str, *, single: bool = False) -> np.ndarray:
    """Times as a float64 array (of length 1 when `single`), once they are finite and not negative.

    Raises TypeError or ValueError that names the argument, what was found and what was expected.
    """
    try:
        checked = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is {times!r}, expected a number of time units") from error
    if single and checked.ndim:
        raise TypeError(f"{name} has shape {checked.shape}, expected one number")
    if not (np.isfinite(checked) & (checked >= 0)).all():
        raise ValueError(f"{name} is {times!r}, expected 0 or more and finite")
    return checked.reshape(1) if single else checked
