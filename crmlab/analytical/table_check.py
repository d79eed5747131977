"""Say what is wrong with a table before anything is computed from it."""

from collections.abc import Mapping

import narwhals as nw

# What a column may hold: the words for an error message, and the test of its type.
ID = "whole numbers or text"
DATE = "dates (Date or Datetime)"
CENTS = "whole cents (integers)"

_FITS = {
    ID: lambda dtype: dtype.is_integer() or dtype in (nw.String, nw.Categorical, nw.Enum),
    DATE: lambda dtype: dtype in (nw.Date, nw.Datetime),
    CENTS: lambda dtype: dtype.is_integer(),
}

_ADVICE = {
    ID: "a column of ids with gaps becomes floats in pandas: drop the gaps, then .astype('int64')",
    # narwhals knows pandas' time zones only by letters: America/New_York, with its underscore, is Unknown to it.
    DATE: "convert it first, in pandas with to_datetime(..., format=...), and a time zone with .dt.tz_localize(None)",
    CENTS: "amounts are in cents, without gaps: crmlab.read_orders makes them from currency",
}


def checked(table, name: str, columns: Mapping[str, str]) -> nw.DataFrame | nw.LazyFrame:
    """The named columns of a table as a narwhals frame, once they are what they should be.

    `columns` maps each column to ID, DATE or CENTS. Cents come back as int64: a sum of 32-bit integers can overflow.
    A lazy table (Polars LazyFrame, DuckDB relation, Spark) is read once, to count missing values.

    Raises TypeError when `table` is no table, ValueError for a column that is not there, of another type, or with
    missing values. The message names `name`, the column, what was found and what was expected.
    """
    try:
        frame = nw.from_native(table)
    except TypeError as error:
        message = f"{name} is {type(table).__name__}, expected a pandas, Polars, DuckDB or Spark table"
        raise TypeError(message) from error
    schema = frame.collect_schema()
    for column, kind in columns.items():
        if column not in schema:
            raise ValueError(f"{name} has no column {column!r} (found: {', '.join(schema)})")
        if not _FITS[kind](schema[column]):
            raise ValueError(f"{name} column {column!r} holds {schema[column]}, expected {kind}; {_ADVICE[kind]}")
    frame = frame.select(*columns)
    missing = collected(frame.select(nw.col(column).null_count() for column in columns))
    for column in columns:
        if missing[column][0]:
            raise ValueError(f"{name} column {column!r} has {missing[column][0]:,} missing values, expected none")
    narrow = [column for column, kind in columns.items() if kind == CENTS and schema[column] != nw.Int64]
    return frame.with_columns(nw.col(column).cast(nw.Int64) for column in narrow) if narrow else frame


def collected(frame: nw.DataFrame | nw.LazyFrame) -> nw.DataFrame:
    """A small result in memory, whatever the engine."""
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame
