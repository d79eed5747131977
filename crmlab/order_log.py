"""Read the order log of a real shop: who bought, when, for how much.

A log that was written by a till, a web shop or a spreadsheet has faults. Nothing is guessed here: a row is read by the
rules that `read_orders` states, or it is put aside with its number and the reason. The parts below follow the way of a
row: from a CSV file or a frame to text and numbers, then dates, cents and ids, then the lines of one order together.
"""

import codecs
import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

MISSING_ID = ("", "NULL", "null", "None", "NaN", "nan", "NA", "N/A", "#N/A", "<NA>")
LARGEST_CENTS = 10**15  # whole numbers up to 2**53 are exact in a float, so sums and means stay exact too
SHOWN = 5

_ISO_8601 = (
    r"^\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)([.,]\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?$"
)
_WHOLE_NUMBER = r"^(0|-?[1-9]\d{0,17})$"
_NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xfe": "UTF-16 text (what Excel calls Unicode Text)",
    b"\xfe\xff": "UTF-16 text (what Excel calls Unicode Text)",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
}
_NO_ROWS = "has column names and no rows, expected at least one order"
_AS_TEXT = "In a spreadsheet, save it as 'CSV UTF-8'; or read it with pandas and pass the frame"


class RowReports(list):
    """A list of dicts, one a row. pandas copies `.attrs` deeply at every step: a million reports must not be copied."""

    def __deepcopy__(self, memo: dict) -> "RowReports":
        return self


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
    log = _read_file(Path(source), names) if isinstance(source, str | PathLike) else _read_frame(source, names)
    log.drop_blank_rows()
    if not len(log.numbers) and not log.unreadable:
        raise ValueError(f"{log.name} {_NO_ROWS}")

    ids = {role: _ids(log, role) for role in ("customer", "order") if role in names}
    days, written_dates = _days(log, date_format)
    cents = _cents(log, decimal)
    if order is None:
        log.fault(cents < 0, lambda i: f"amount {log.shown('amount', i)} is negative: a return or correction, no order")
    else:
        lines = pd.DataFrame({"order": _codes(ids["order"]), "customer": _codes(ids["customer"])})
        lines = lines.assign(day=days, cents=cents)
        _check_lines(log, lines)

    rejected = log.rejected(limit=SHOWN if bad_rows == "raise" else None)
    if rejected and bad_rows == "raise":
        raise ValueError(log.complaint(rejected))

    good = ~log.bad()
    orders = pd.DataFrame(
        {
            "customer_id": _typed(ids["customer"].filter(good)),
            "order_id": log.numbers[good] if order is None else _typed(ids["order"].filter(good)),
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


@dataclass
class _Log:
    """The columns of a source by role, the number of each row, and what is wrong with which row."""

    name: str
    numbered_by: str
    columns: dict[str, pa.Array]
    numbers: np.ndarray
    unreadable: list[dict] = field(default_factory=list)
    faults: list[tuple[np.ndarray, Callable[[int], str]]] = field(default_factory=list)

    def drop_blank_rows(self) -> None:
        for role, values in self.columns.items():
            values = values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
            values = values.cast(pa.string()) if pa.types.is_null(values.type) else values
            values = pc.utf8_trim_whitespace(values) if _is_text(values.type) else values
            self.columns[role] = values
        filled = ~np.logical_and.reduce([_missing(values) for values in self.columns.values()])
        if not filled.all():
            self.columns = {role: values.filter(pa.array(filled)) for role, values in self.columns.items()}
            self.numbers = self.numbers[filled]

    def shown(self, role: str, i: int) -> str:
        value = self.columns[role][i].as_py()
        return repr(value) if isinstance(value, str) else str(value)

    def fault(self, bad: np.ndarray, reason: Callable[[int], str]) -> None:
        if bad.any():
            self.faults.append((bad, reason))

    def bad(self) -> np.ndarray:
        return np.logical_or.reduce([bad for bad, _ in self.faults] or [np.zeros(len(self.numbers), bool)])

    def rejected(self, limit: int | None) -> RowReports:
        found = [
            {"row": int(self.numbers[i]), "reason": "; ".join(reason(i) for bad, reason in self.faults if bad[i])}
            for i in np.flatnonzero(self.bad())[:limit]
        ]
        return RowReports(sorted(found + self.unreadable, key=lambda report: report["row"])[:limit])

    def complaint(self, first: list[dict]) -> str:
        bad, rows = int(self.bad().sum()) + len(self.unreadable), len(self.numbers) + len(self.unreadable)
        shown = [f"  {self.numbered_by} {report['row']}: {report['reason']}" for report in first]
        more = [f"  ... and {bad - len(first):,} more"] if bad > len(first) else []
        heading = f"{self.name}: {bad:,} of {rows:,} rows cannot be read"
        return "\n".join([heading, *shown, *more, "To keep the good rows, say bad_rows='report'."])


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


def _read_frame(source: Any, names: Mapping[str, str]) -> _Log:
    if isinstance(source, pd.DataFrame):
        # Only pandas allows two columns of one name; those that are not asked for do no harm.
        _check_header("the frame", list(source.columns), names)
        source = source[list(names.values())]
    try:
        frame = nw.from_native(source, eager_only=True)
    except TypeError as error:
        kind = type(source).__name__
        raise TypeError(f"source is {kind}, expected a path or a frame in memory (pandas, Polars, PyArrow)") from error
    _check_header("the frame", frame.columns, names)
    columns = {}
    for role, name in names.items():
        try:
            values = frame.get_column(name).to_arrow()
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            found = f"the frame's column {name!r} holds values of several types"
            raise ValueError(f"{found}, expected one: {error}") from error
        columns[role] = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return _Log("the frame", "position", columns, np.arange(len(frame)))


def _read_file(path: Path, names: Mapping[str, str]) -> _Log:
    lines, quotes = _check_text(path)
    delimiter, header, header_lines = _read_header(path, names)
    if lines <= header_lines:
        raise ValueError(f"{path.name} {_NO_ROWS}")
    positions = {role: str(header.index(name)) for role, name in names.items()}
    table, bad = _parse(path, delimiter, len(header), header_lines, sorted(set(positions.values()), key=int))
    records = len(table) + len(bad)
    starts = np.arange(header_lines + 1, header_lines + 1 + records)
    is_bad = np.zeros(records, bool)
    is_bad[[row.number - header_lines - 1 for row in bad]] = True
    if header_lines + records != lines:
        # Some values hold line breaks, perhaps in columns that are not asked for: count them all.
        every, _ = _parse(path, delimiter, len(header), header_lines, [str(i) for i in range(len(header))])
        breaks = np.zeros(records, np.int64)
        breaks[~is_bad] = sum(_numpy(pc.count_substring(column.combine_chunks(), "\n")) for column in every.columns)
        breaks[is_bad] = [row.text.count("\n") for row in bad]
        starts[1:] += np.cumsum(breaks)[:-1]
        if quotes % 2:
            first = starts[np.argmax(breaks)]
            raise ValueError(f"{path.name} line {first}: a quotation mark is opened here and never closed")
    unreadable = [
        {"row": int(start), "reason": f"{row.actual_columns} fields, expected {row.expected_columns} as in the header"}
        for start, row in zip(starts[is_bad], bad, strict=True)
        if row.text.strip()
    ]
    columns = {role: table[position].combine_chunks() for role, position in positions.items()}
    return _Log(path.name, "line", columns, starts[~is_bad], unreadable)


def _parse(path: Path, delimiter: str, width: int, skip: int, columns: list[str]) -> tuple[pa.Table, list]:
    bad = []

    def put_aside(row: arrow_csv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    text = pa.large_string()
    try:
        table = arrow_csv.read_csv(
            path,
            # Threads would take the row numbers away.
            arrow_csv.ReadOptions(use_threads=False, skip_rows=skip, column_names=[str(i) for i in range(width)]),
            arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=put_aside
            ),
            arrow_csv.ConvertOptions(
                include_columns=columns, column_types=dict.fromkeys(columns, text), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path.name} cannot be read as CSV with {delimiter!r} between the fields: {error}") from error
    return table, bad


def _check_text(path: Path) -> tuple[int, int]:
    """The number of lines and of quotation marks of a UTF-8 text file; ValueError for anything else."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file, expected a CSV file")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory, expected a CSV file")
    breaks = quotes = returns = 0
    decode = codecs.getincrementaldecoder("utf-8")().decode
    last = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            if not last:
                for signature, kind in _NOT_TEXT.items():
                    if chunk.startswith(signature):
                        raise ValueError(f"{path.name} is {kind}, expected CSV text in UTF-8. {_AS_TEXT}.")
            try:
                decode(chunk)
            except UnicodeDecodeError as error:
                line = breaks + error.object[: error.start].count(b"\n") + 1
                found = f"line {line} holds the byte 0x{error.object[error.start]:02X}, which is not UTF-8"
                hint = "perhaps it was saved as Windows-1252 or Latin-1"
                raise ValueError(f"{path.name} {found}; {hint}, expected UTF-8. {_AS_TEXT}.") from error
            if b"\0" in chunk:
                raise ValueError(f"{path.name} holds NUL bytes, expected CSV text in UTF-8. {_AS_TEXT}.")
            breaks += chunk.count(b"\n")
            quotes += chunk.count(b'"')
            returns += chunk.count(b"\r") - chunk.count(b"\r\n") - (last == b"\r" and chunk.startswith(b"\n"))
            last = chunk[-1:]
    if not last:
        raise ValueError(f"{path.name} is empty, expected a line of column names and a row an order")
    if returns:
        raise ValueError(f"{path.name} has {returns:,} line ends that are a bare carriage return. {_AS_TEXT}.")
    return breaks + (last != b"\n"), quotes


def _read_header(path: Path, names: Mapping[str, str]) -> tuple[str, list[str], int]:
    """The delimiter, the column names, and the number of lines before the first row."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        stated = re.fullmatch(r'"?sep=(.)"?\s*', file.readline(), re.IGNORECASE)
    found = []
    for delimiter in stated.group(1) if stated else ",;\t|":
        with path.open(encoding="utf-8-sig", newline="") as file:
            if stated:
                file.readline()
            reader = csv.reader(file, delimiter=delimiter)
            header = [name.strip() for name in next(reader, [])]
            found.append((delimiter, header, reader.line_num + bool(stated)))
    best = max(found, key=lambda candidate: (len(set(names.values()) & set(candidate[1])), len(candidate[1])))
    _check_header(path.name, best[1], names)
    return best


def _check_header(source: str, header: list[str], names: Mapping[str, str]) -> None:
    for role, name in names.items():
        if header.count(name) != 1:
            fault = f"{header.count(name)} columns {name!r}" if name in header else f"no column {name!r}"
            listed = ", ".join(map(str, header))
            raise ValueError(f"{source} has {fault}, expected one for {role} (found: {listed})")


def _ids(log: _Log, role: str) -> pa.Array:
    values = log.columns[role]
    if pa.types.is_floating(values.type):
        # Whole numbers with gaps are floats in pandas.
        whole = pc.if_else(pa.array(_missing(values)), None, values)
        if not pc.all(pc.equal(whole, pc.floor(whole)), min_count=0).as_py():
            raise ValueError(f"{log.name}: the {role} column holds fractions, expected whole numbers or text")
        values = whole.cast(pa.int64())
    elif pa.types.is_integer(values.type):
        values = values.cast(pa.int64())
    elif not _is_text(values.type):
        raise ValueError(f"{log.name}: the {role} column holds {values.type}, expected whole numbers or text")
    missing = _missing(values)
    if _is_text(values.type):
        missing |= _numpy(pc.is_in(values, pa.array(MISSING_ID, values.type)))
    label = "order id" if role == "order" else role
    log.fault(missing, lambda i: f"{label} is missing" + (f" ({log.shown(role, i)})" if values[i].as_py() else ""))
    return pc.if_else(pa.array(~missing), values, None)


def _typed(ids: pa.Array) -> pd.Series | np.ndarray:
    if _is_text(ids.type) and pc.all(pc.match_substring_regex(ids, _WHOLE_NUMBER), min_count=0).as_py() and len(ids):
        ids = ids.cast(pa.int64())
    return ids.to_pandas() if _is_text(ids.type) else _numpy(ids)


def _days(log: _Log, date_format: str | None) -> tuple[np.ndarray, np.ndarray]:
    """The calendar day of each row (NaT where there is none), and codes that are equal where the written dates are."""
    values = log.columns["date"]
    if pa.types.is_integer(values.type) and date_format is not None:
        values = values.cast(pa.string())
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        if pa.types.is_timestamp(values.type) and values.type.tz is not None:
            values = pc.local_timestamp(values)
        moments = _numpy(values.cast(pa.timestamp("us"), safe=False)).astype("datetime64[us]")
        days, codes = moments.astype("datetime64[D]").astype("datetime64[us]"), moments
    elif _is_text(values.type):
        encoded = values.dictionary_encode()
        written = encoded.dictionary.to_pandas() if len(encoded.dictionary) else pd.Series([], dtype="str")
        codes = _numpy(encoded.indices.fill_null(-1))
        # One more at the end, for rows without a date: index -1.
        days = np.append(_parse_dates(written, date_format), np.datetime64("NaT"))[codes]
    else:
        first = next((log.shown("date", i) for i in range(len(values)) if values[i].is_valid), "nothing")
        found = f"{log.name}: the date column holds {values.type} ({first})"
        hint = "for whole numbers such as 19970131 say date_format='%Y%m%d'"
        raise ValueError(f"{found}, expected dates or text; {hint}")
    missing = _missing(values)
    log.fault(missing, lambda i: "date is missing")
    if date_format is None:
        hint = "say how to read it, as date_format='%d/%m/%Y', '%m/%d/%Y' or '%Y%m%d'"
        reason = f"is not an ISO 8601 date such as 1997-01-31; {hint}"
    else:
        reason = f"is not a date of the form {date_format!r}"
    log.fault(np.isnat(days) & ~missing, lambda i: f"date {log.shown('date', i)} {reason}")
    return days, codes


def _parse_dates(written: pd.Series, date_format: str | None) -> np.ndarray:
    if date_format is None:
        iso = written.str.match(_ISO_8601).astype(bool)
        dates = pd.to_datetime(written.str[:10].where(iso), format="%Y-%m-%d", errors="coerce")
    else:
        dates = pd.to_datetime(written, format=date_format, errors="coerce")
        if re.search(r"%[a-zA-Z]%[a-zA-Z]", date_format):
            # Without signs between them a short month eats into the day: 1997113 would be 3 November.
            dates = dates.where(dates.dt.strftime(date_format) == written)
    return dates.to_numpy().astype("datetime64[D]").astype("datetime64[us]")


def _cents(log: _Log, decimal: str) -> np.ndarray:
    values = log.columns["amount"]
    missing = _missing(values)
    log.fault(missing, lambda i: "amount is missing")
    if pa.types.is_decimal(values.type):
        values, decimal = values.cast(pa.string()), "."
    if _is_text(values.type):
        cents, unclear, fine, large = _cents_of_text(values, decimal)
        written = "1234.56 or 1,234.56" if decimal == "." else "1234,56 or 1.234,56"
        reason = f"is not a number with the decimal sign {decimal!r} (as {written}, no currency sign)"
        log.fault(unclear & ~missing, lambda i: f"amount {log.shown('amount', i)} {reason}")
    elif pa.types.is_integer(values.type):
        units = _numpy(pc.fill_null(values, 0))
        large = (units > LARGEST_CENTS // 100) | (units < -LARGEST_CENTS // 100)
        cents, fine = np.where(large, 0, units).astype(np.int64) * 100, np.zeros(len(units), bool)
    elif pa.types.is_floating(values.type):
        units = np.where(missing, 0.0, _numpy(values.cast(pa.float64())))
        large = ~(np.abs(units) <= LARGEST_CENTS / 100)
        cents = np.round(np.where(large, 0, units) * 100).astype(np.int64)
        # A float that was read from a number with two decimals is the float nearest to it, and so is this quotient.
        fine = (cents / 100 != units) & ~large
    else:
        raise ValueError(f"{log.name}: the amount column holds {values.type}, expected numbers or text")
    log.fault(fine, lambda i: f"amount {log.shown('amount', i)} has more than two decimals")
    log.fault(large, lambda i: f"amount {log.shown('amount', i)} is too large")
    return cents


def _cents_of_text(values: pa.Array, decimal: str) -> tuple[np.ndarray, ...]:
    """Cents in whole-number arithmetic, and where the text is no number, has a third decimal or is too large."""
    point, group = re.escape(decimal), re.escape("," if decimal == "." else ".")
    number = rf"^-?((\d+|\d{{1,3}}({group}\d{{3}})+)({point}\d*)?|{point}\d+)$"
    clear = pc.fill_null(pc.match_substring_regex(values, number), False)
    text = pc.replace_substring(pc.if_else(clear, values, "0"), "," if decimal == "." else ".", "")
    text = pc.replace_substring(text, decimal, ".")
    fine = _numpy(pc.match_substring_regex(text, r"\.\d\d\d*[1-9]"))
    text = pc.replace_substring_regex(text, r"(\.\d\d)\d+$", r"\1") if (_decimals(text) > 2).any() else text
    decimals = _decimals(text)
    large = _numpy(pc.utf8_length(text)) > len(str(LARGEST_CENTS))
    digits = pc.replace_substring(pc.if_else(pa.array(~large), text, "0"), ".", "").cast(pa.int64())
    return _numpy(digits) * 10 ** (2 - decimals), ~_numpy(clear), fine, large


def _decimals(text: pa.Array) -> np.ndarray:
    point = _numpy(pc.find_substring(text, ".")).astype(np.int64)
    return np.where(point < 0, 0, _numpy(pc.utf8_length(text)) - point - 1)


def _check_lines(log: _Log, lines: pd.DataFrame) -> None:
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


def _everywhere(some: pd.Series, log: _Log) -> np.ndarray:
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


def _codes(ids: pa.Array) -> np.ndarray:
    return _numpy(ids.dictionary_encode().indices.fill_null(-1))


def _missing(values: pa.Array) -> np.ndarray:
    if _is_text(values.type):
        return _numpy(pc.fill_null(pc.equal(values, ""), True))
    return _numpy(values.is_null(nan_is_null=True))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _numpy(values: pa.Array) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)
