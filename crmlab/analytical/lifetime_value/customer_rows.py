"""The rows that the models read: checked, and equal rows kept once with their number."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd


@dataclasses.dataclass(frozen=True)
class CustomerRows:
    """Customers with equal values, once each.

    ``values``: float64 arrays of length groups, by column name. ``weight``: float64 (groups,), customers in each.
    ``group_of``: intp (customers,), the group of each row of the summary.
    """

    values: dict[str, np.ndarray]
    weight: np.ndarray
    group_of: np.ndarray

    def __getitem__(self, column: str) -> np.ndarray:
        return self.values[column]

    def reweighted(self, weight: np.ndarray) -> CustomerRows:
        """The same groups with other numbers of customers; groups without any are left out."""
        kept = weight > 0
        values = {name: column[kept] for name, column in self.values.items()}
        return CustomerRows(values, weight[kept].astype(np.float64), np.empty(0, dtype=np.intp))


def purchase_rows(summary: Any) -> CustomerRows:
    """Equal (frequency, recency, T) rows of a summary, grouped.

    A million customers seen by the day have far fewer different rows, and a likelihood needs each of them once.
    Raises ValueError for columns that are missing or cannot be: see the messages.
    """
    frequency, recency, age = _columns(summary, ("frequency", "recency", "T"))
    _check(frequency != np.floor(frequency), "frequency", frequency, "whole numbers: repeat purchases")
    _check(recency > age, "recency", recency, "at most T: both run from the first purchase")
    meaning = "0 without a repeat purchase: recency runs from the first purchase to the last, not from the last to now"
    _check((frequency == 0) & (recency > 0), "recency", recency, meaning)
    return _grouped({"frequency": frequency, "recency": recency, "T": age})


def spend_rows(summary: Any) -> CustomerRows:
    """Equal (frequency, monetary_value) rows of a summary, grouped. Raises ValueError as `purchase_rows` does."""
    frequency, monetary_value = _columns(summary, ("frequency", "monetary_value"))
    _check(frequency != np.floor(frequency), "frequency", frequency, "whole numbers: repeat purchases")
    return _grouped({"frequency": frequency, "monetary_value": monetary_value})


def _columns(summary: Any, names: Sequence[str]) -> list[np.ndarray]:
    try:
        frame = nw.from_native(summary)
    except TypeError as error:
        message = f"summary is {type(summary).__name__}, expected a table such as rfm_summary gives"
        raise TypeError(message) from error
    found = frame.collect_schema()
    for name in names:
        if name not in found:
            raise ValueError(f"summary has no column {name!r} (found: {', '.join(found)})")
        if not found[name].is_numeric():
            raise ValueError(f"summary column {name!r} holds {found[name]}, expected numbers")
    if isinstance(frame, nw.LazyFrame):
        frame = frame.select(*names).collect()
    columns = [np.asarray(frame[name].cast(nw.Float64).to_numpy(), dtype=np.float64) for name in names]
    if not len(columns[0]):
        raise ValueError("summary has no rows, expected at least one customer")
    for name, column in zip(names, columns, strict=True):
        _check(~(np.isfinite(column) & (column >= 0)), name, column, "finite numbers, 0 or more")
    return columns


def _check(wrong: np.ndarray, name: str, column: np.ndarray, expected: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"summary column {name!r} has {column[row]:g} in row {row}, expected {expected}")


def _grouped(columns: dict[str, np.ndarray]) -> CustomerRows:
    key = np.zeros(len(next(iter(columns.values()))), dtype=np.int64)
    different = {}
    for name, column in columns.items():
        codes, different[name] = pd.factorize(column)
        key = key * len(different[name]) + codes
    group_of, key = pd.factorize(key)
    values = {}
    for name in reversed(columns):
        key, codes = np.divmod(key, len(different[name]))
        values[name] = different[name][codes]
    return CustomerRows(values, np.bincount(group_of).astype(np.float64), group_of)
