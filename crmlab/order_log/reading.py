"""Read the order log of a real shop: who bought, when, for how much.

A log that was written by a till, a web shop or a spreadsheet has faults. Nothing is guessed here: a row is read by the
rules that `read_orders` states, or it is put aside with its number and the reason. The modules follow the way of a row:
`source` from a CSV file or a frame to columns, `values` to dates, cents and ids, and here the lines of one order.
"""

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab.order_log.log import Log, RowReports
from crmlab.order_log.source import NO_ROWS, read_file, read_frame
from crmlab.order_log.values import cents_of, codes_of, days_of, ids_of, typed_ids

SHOWN = 5


def read_orders(
    source: Any,
    *,
    customer: str,
    date: str,
    amount: str,
    order: str | None = None,
    date_format: str | None = None,
    decimal: str = ".",
    bad_rows: str = "raise",
) -> pd.DataFrame:
    """Read an order log, a CSV file or a frame, into one row an order.

    source
        the path of a CSV file, or a frame in memory (pandas, Polars, PyArrow). A file is UTF-8, with or without byte
        order mark; its first line names the columns, after an optional `sep=;` of Excel. The delimiter is the one of
        comma, semicolon, tab and bar under which the named columns are there.
    customer, date, amount, order
        the names of the columns. Without `order` each row is an order.
    date_format
        how text dates are written, as in `datetime.strptime`: "%d/%m/%Y", or "%Y%m%d" for 19970101. Without it text
        dates must be ISO 8601, as 1997-01-31 or 1997-01-31T10:30. A column of dates needs no format.
    decimal
        the decimal sign of text amounts, "." or ",". The other one may stand between groups of three digits: 1,234.56
        with ".", 1.234,56 with ",". No currency signs, no blanks, no exponents.
    bad_rows
        "raise": any bad row is an error that shows the first of them. "report": the good rows are returned, and the bad
        ones are in `.attrs["rejected"]`.

    Returns, in the order of the source:

        customer_id     int64 where all are whole numbers without leading zeros, else text
        order_id        as customer_id; without `order` the number of the row, int64
        order_date      datetime64[us], the calendar day at midnight; a time or an offset in the source is dropped
        amount_cents    int64, cents

    `.attrs["rejected"]` is a list of `{"row": number, "reason": text}`, `.attrs["duplicates"]` of `{"row": number,
    "first_row": number}`. The number of a row is its line in the file as an editor shows it (the header is line 1), or
    its position in the frame, from 0.

    The rules:

        customer, order id, date or amount missing      bad row; the ids NULL, None, NaN, NA and N/A are missing too
        blank row: nothing in any of these columns      skipped
        blanks around a value                           taken off
        date not in the format, or not in the calendar  bad row
        amount with a third decimal that is not 0       bad row; nothing is rounded
        negative amount                                 bad row: a return or correction is not an order
        amount 0                                        kept
        same customer, date and amount, no `order`      kept, each repetition in `.attrs["duplicates"]`
        rows with the same order id                     lines of one order: amounts are summed; a line may be
                                                        negative (a discount), the sum may not
        lines with different customers or days          bad rows, all lines of the order
        an order with a bad line                        bad rows, all its lines: the sum would be short
        more or fewer fields than the header            bad row

    Raises ValueError for bad rows (unless reported), for columns that are missing or named twice, for a file that is
    not UTF-8 text, for a source without rows; FileNotFoundError and IsADirectoryError; TypeError for another source.

    >>> import pandas as pd
    >>> log = pd.DataFrame({"who": ["A1", "B2", ""], "day": ["31/01/1997"] * 3, "total": ["29.33", "1,000.5", "3"]})
    >>> orders = read_orders(
    ...     log, customer="who", date="day", amount="total", date_format="%d/%m/%Y", bad_rows="report"
    ... )
    >>> orders
      customer_id  order_id order_date  amount_cents
    0          A1         0 1997-01-31          2933
    1          B2         1 1997-01-31        100050
    >>> orders.attrs["rejected"]
    [{'row': 2, 'reason': 'customer is missing'}]
    """
    names = {"customer": customer, "date": date, "amount": amount} | ({} if order is None else {"order": order})
    _check_arguments(names, date_format, decimal, bad_rows)
    log = read_file(Path(source), names) if isinstance(source, str | PathLike) else read_frame(source, names)
    log.drop_blank_rows()
    if not len(log.numbers) and not log.unreadable:
        raise ValueError(f"{log.name} {NO_ROWS}")

    ids = {role: ids_of(log, role) for role in ("customer", "order") if role in names}
    days, written_dates = days_of(log, date_format)
    cents = cents_of(log, decimal)
    if order is None:
        log.fault(cents < 0, lambda i: f"amount {log.shown('amount', i)} is negative: a return or correction, no order")
    else:
        lines = pd.DataFrame({"order": codes_of(ids["order"]), "customer": codes_of(ids["customer"])})
        lines = lines.assign(day=days, cents=cents)
        _check_lines(log, lines)

    rejected = log.rejected(limit=SHOWN if bad_rows == "raise" else None)
    if rejected and bad_rows == "raise":
        raise ValueError(log.complaint(rejected))

    good = ~log.bad()
    orders = pd.DataFrame(
        {
            "customer_id": typed_ids(ids["customer"].filter(good)),
            "order_id": log.numbers[good] if order is None else typed_ids(ids["order"].filter(good)),
            "order_date": days[good],
            "amount_cents": cents[good],
        }
    )
    duplicates = RowReports()
    if order is None:
        seen = orders.assign(order_date=written_dates[good]).drop(columns="order_id")
        duplicates = _repetitions(seen, log.numbers[good])
    elif orders["order_id"].duplicated().any():
        by_order = orders.groupby("order_id", sort=False, as_index=False)
        orders = by_order.agg({"customer_id": "first", "order_date": "first", "amount_cents": "sum"})[orders.columns]
    orders.attrs = {"rejected": rejected, "duplicates": duplicates}
    return orders


def _check_arguments(names: Mapping[str, str], date_format: str | None, decimal: str, bad_rows: str) -> None:
    if len(set(names.values())) < len(names):
        given = ", ".join(f"{role}={name!r}" for role, name in names.items())
        raise ValueError(f"two arguments name the same column ({given}), expected one column each")
    if decimal not in (".", ","):
        raise ValueError(f"decimal is {decimal!r}, expected '.' or ','")
    if bad_rows not in ("raise", "report"):
        raise ValueError(f"bad_rows is {bad_rows!r}, expected 'raise' or 'report'")
    if date_format is not None:
        has_day, has_year = re.search("%[dj]", date_format), re.search("%[Yy]", date_format)
        if not (has_day and has_year) or re.search("%[zZ]", date_format):
            expected = "a year and a day and no time zone, as '%d/%m/%Y'"
            raise ValueError(f"date_format is {date_format!r}, expected {expected}")


def _check_lines(log: Log, lines: pd.DataFrame) -> None:
    """Put orders aside that are not whole or do not agree with themselves; a bad line takes its order with it."""
    lines["row"], lines["bad"] = log.numbers, log.bad()
    lines = lines[lines["order"] >= 0]
    if not lines["order"].duplicated().any():
        whole = lines
        first_bad = lines["row"].where(lines["bad"])
    else:
        by_order = lines.groupby("order")
        for what in ("customer", "day"):
            told_apart = lines[~lines["bad"]].groupby("order")[what].transform("nunique") > 1
            mixed = _everywhere(told_apart, log)
            log.fault(mixed, lambda i, what=what: f"order {log.shown('order', i)} has lines with different {what}s")
        first_bad = lines["row"].where(lines["bad"]).groupby(lines["order"]).transform("min")
        whole = lines.assign(cents=by_order["cents"].transform("sum"))
    short = _everywhere(first_bad.notna() & ~lines["bad"], log)
    reason = f"is not whole: see {log.numbered_by}"
    log.fault(short, lambda i: f"order {log.shown('order', i)} {reason} {int(first_bad[i])}")
    negative = _everywhere((whole["cents"] < 0) & first_bad.isna(), log)
    log.fault(negative, lambda i: f"order {log.shown('order', i)} comes to a negative amount: a return or correction")


def _everywhere(some: pd.Series, log: Log) -> np.ndarray:
    return some.reindex(range(len(log.numbers)), fill_value=False).to_numpy(dtype=bool)


def _repetitions(rows: pd.DataFrame, numbers: np.ndarray) -> RowReports:
    repeated = rows[rows.duplicated(keep=False)]
    if repeated.empty:
        return RowReports()
    row = pd.Series(numbers[repeated.index], repeated.index)
    first = row.groupby([repeated[column] for column in repeated]).transform("first")
    return RowReports(
        {"row": int(number), "first_row": int(original)}
        for number, original in zip(row, first, strict=True)
        if number != original
    )
