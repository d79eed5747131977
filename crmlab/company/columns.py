"""Columns of the company's tables as Arrow arrays: dates, texts that repeat, and numbers that may be missing."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

_EPOCH = datetime.date(1970, 1, 1)
_NO_DATE = np.iinfo(np.int32).min


def calendar_dates(day: np.ndarray, start: datetime.date, missing: np.ndarray | None = None) -> pa.Array:
    """Days counted from ``start`` (0 is ``start``) as date32; ``missing`` marks nulls.

    >>> calendar_dates(np.array([0, 31]), datetime.date(2023, 1, 1)).to_pylist()
    [datetime.date(2023, 1, 1), datetime.date(2023, 2, 1)]
    """
    epoch_day = day.astype(np.int32)
    epoch_day += np.int32((start - _EPOCH).days)
    return pa.array(epoch_day, mask=missing).view(pa.date32())


def day_numbers(dates: pa.ChunkedArray | pa.Array, start: datetime.date, missing: int = -1) -> np.ndarray:
    """Dates as days counted from ``start``, int64; ``missing`` stands for nulls.

    >>> day_numbers(pa.array([datetime.date(2023, 2, 1), None]), datetime.date(2023, 1, 1)).tolist()
    [31, -1]
    """
    days = dates.cast(pa.int32()).fill_null(_NO_DATE).to_numpy().astype(np.int64)
    return np.where(days == _NO_DATE, missing, days - (start - _EPOCH).days)


def repeating_text(index: np.ndarray, words: Sequence[str], missing: np.ndarray | None = None) -> pa.DictionaryArray:
    """Texts that repeat, kept as positions in ``words``; ``missing`` marks nulls.

    >>> repeating_text(np.array([1, 0, 1]), ["web", "store"]).to_pylist()
    ['store', 'web', 'store']
    """
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=missing), pa.array(words, pa.string()))


def texts(index: np.ndarray, words: Sequence[str]) -> pa.Array:
    """The same as plain strings, for texts that are joined to others."""
    return pa.array(words, pa.string()).take(pa.array(index))


def maybe_number(values: np.ndarray, missing: np.ndarray) -> pa.Array:
    """Whole numbers of which some are missing."""
    return pa.array(values, mask=missing)
