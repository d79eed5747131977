"""Say what is wrong with a pandas table before segments are made of it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd


def require(table: Any, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """The table itself, once it is a DataFrame that has these columns.

    >>> require(pd.DataFrame({"client": [1]}), "orders", ["customer_id"])
    Traceback (most recent call last):
        ...
    ValueError: orders has no column 'customer_id' (found: client)
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} is {type(table).__name__}, expected a pandas DataFrame")
    for column in columns:
        if column not in table.columns:
            raise ValueError(f"{name} has no column {column!r} (found: {', '.join(map(str, table.columns))})")
    return table


def require_numbers(features: Any, name: str = "features") -> pd.DataFrame:
    """The table itself, once every column holds finite numbers, and at least one customer and one feature are there."""
    require(features, name, [])
    if features.empty:
        raise ValueError(f"{name} is empty, expected one row a customer and one column a feature")
    for column in features.columns:
        if not pd.api.types.is_numeric_dtype(features[column]):
            raise ValueError(f"{name} column {column!r} holds {features[column].dtype}, expected numbers")
        gone = int((~np.isfinite(features[column].to_numpy(dtype="float64", na_value=np.nan))).sum())
        if gone:
            raise ValueError(f"{name} column {column!r} has {gone:,} missing or infinite values, expected none")
    return features
