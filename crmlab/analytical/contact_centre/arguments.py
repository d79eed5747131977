"""Numbers and arrays that the formulas take, checked and brought to one shape."""

from __future__ import annotations

from typing import Any

import numpy as np


def numbers(name: str, value: Any, *, above_zero: bool = False, finite: bool = True) -> np.ndarray:
    """A float64 array of values of 0 or more. Raises TypeError or ValueError naming the argument and what is bad."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is {value!r}, expected a number or an array of numbers") from error
    good = (array > 0) if above_zero else (array >= 0)
    good &= np.isfinite(array) if finite else ~np.isnan(array)
    if not good.all():
        bad = array[~good].ravel()[0]
        raise ValueError(f"{name} has {bad:g}, expected {'more than 0' if above_zero else '0 or more'}")
    return array


def whole_numbers(name: str, value: Any) -> np.ndarray:
    """An int64 array of whole numbers of 0 or more; raises as `numbers` does."""
    array = numbers(name, value)
    if (array != np.floor(array)).any():
        bad = array[array != np.floor(array)].ravel()[0]
        raise ValueError(f"{name} has {bad:g}, expected whole numbers")
    return array.astype(np.int64)


def plain(array: np.ndarray) -> Any:
    """A Python number for an array without axes, else the array."""
    return array.item() if array.ndim == 0 else array
