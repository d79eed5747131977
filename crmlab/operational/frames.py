"""Rows of the store as frames: whole numbers stay whole, and times become times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

_WHOLE = ("_id", "_cents", "_seconds", "_count")


def _column(name: str, values: list[Any]) -> pd.Series:
    kinds = {type(value) for value in values if value is not None}
    missing = any(value is None for value in values)
    # A column of ids that holds none today holds some tomorrow: its type should not change by that.
    if kinds == {int} or (not kinds and name.endswith(_WHOLE)):
        return pd.Series(values, dtype="Int64" if missing or not kinds else "int64")
    if kinds and kinds <= {int, float}:
        return pd.Series(values, dtype="float64")
    if (name == "at" or name.endswith(("_at", "_date"))) and kinds <= {str}:
        return pd.Series(pd.to_datetime(pd.Series(values, dtype="object"), format="ISO8601"))
    return pd.Series(values, dtype="str" if kinds == {str} else "object")


def to_frame(columns: Sequence[str], rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows as a frame: int64 (Int64 where some are missing), float64, text, and datetime64 for columns that are named
    ``at``, ``..._at`` or ``..._date``.

    >>> to_frame(["order_id", "order_date"], [(1, "2024-02-29")]).dtypes.astype(str).to_list()[0]
    'int64'
    """
    by_column = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    series = [_column(name, list(values)) for name, values in zip(columns, by_column, strict=True)]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame()
    # Two columns of a query may have the same name, so they are named last.
    frame.columns = list(columns)
    return frame
