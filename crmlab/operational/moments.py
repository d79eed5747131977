"""The time at which something happens: given by whoever calls, never read from a clock."""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.refusal import RefusedOperation

_RULE = "a time is a day or a day and a time to the second, without a time zone"
_EXPECTED = "for example '2026-01-05' or '2026-01-05 14:30'"


def moment(at: str | datetime.date | pd.Timestamp) -> str:
    """A time as the store writes it, ``YYYY-MM-DDTHH:MM:SS``; a day alone means its first second.

    Raises ``RefusedOperation`` for what is no such time.

    >>> moment("2024-02-29"), moment("2024-02-29 14:30")
    ('2024-02-29T00:00:00', '2024-02-29T14:30:00')
    """
    if not isinstance(at, str | datetime.date):
        raise RefusedOperation(_RULE, repr(at), _EXPECTED)
    try:
        # Only ISO 8601: in '1/2/2026' nobody can tell the day from the month.
        time = pd.Timestamp(datetime.datetime.fromisoformat(at) if isinstance(at, str) else at)
    except ValueError as error:
        raise RefusedOperation(_RULE, repr(at), _EXPECTED) from error
    if time is pd.NaT or time.tzinfo is not None or time != time.floor("s"):
        raise RefusedOperation(_RULE, repr(at), _EXPECTED)
    return time.strftime("%Y-%m-%dT%H:%M:%S")


def day(date: str | datetime.date | pd.Timestamp) -> str:
    """A day as the store writes it, ``YYYY-MM-DD``; what is later in the day is left out.

    >>> day("2024-02-29 14:30")
    '2024-02-29'
    """
    return moment(date)[:10]
