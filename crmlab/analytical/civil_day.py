"""Days counted from year, month and day, so that every engine counts the same.

pandas, Polars, DuckDB and Spark disagree on what the difference of two dates is (a duration, an integer, an error). All
four give the year, the month and the day of a date as whole numbers, and whole-number arithmetic does the rest. A civil
day number counts days from a fixed day in the far past; only differences of two of them mean anything.
"""

import datetime as dt

import narwhals as nw


def civil_day_number(year, month, day):
    """Number the days of the Gregorian calendar one after the other.

    The year is taken to begin in March, so that the leap day is its last; `(153 * months + 2) // 5` is the number of
    days in the months before (Richards 2013, chapter 15 of the Explanatory Supplement to the Astronomical Almanac).

    Arguments: whole numbers, or expressions that hold them. Years from 1 to 9999.

    >>> civil_day_number(2024, 3, 1) - civil_day_number(2024, 2, 28)
    2
    """
    before_march = (14 - month) // 12
    year = year - before_march
    months_since_march = month + 12 * before_march - 3
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * months_since_march + 2) // 5 + day


def civil_day(date: dt.date) -> int:
    """The civil day number of a Python date (or of the calendar day of a datetime)."""
    return civil_day_number(date.year, date.month, date.day)


def civil_day_of(column: str) -> nw.Expr:
    """The civil day number, int64, of a Date or Datetime column (with a time zone: of its local calendar day)."""
    date = nw.col(column).dt
    return civil_day_number(*(part.cast(nw.Int64) for part in (date.year(), date.month(), date.day()))).cast(nw.Int64)


def on_or_before(column: str, dtype: nw.dtypes.DType, day: dt.date) -> nw.Expr:
    """True where a Date or Datetime column falls on `day` or before it, at any time of the day."""
    if dtype == nw.Date:
        return nw.col(column) <= day
    date = nw.col(column)
    if dtype.time_zone is not None:
        date = date.dt.replace_time_zone(None)
    return date < dt.datetime.combine(day, dt.time()) + dt.timedelta(days=1)
