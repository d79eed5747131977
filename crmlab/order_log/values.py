"""From text and numbers to dates, whole cents and customer numbers: strictly, without a guess."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.order_log.log import Log, as_numpy, is_text, missing_values

MISSING_ID = ("", "NULL", "null", "None", "NaN", "nan", "NA", "N/A", "#N/A", "<NA>")
LARGEST_CENTS = 10**15  # whole numbers up to 2**53 are exact in a float, so sums and means stay exact too

_ISO_8601 = r"^\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)([.,]\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?$"
_WHOLE_NUMBER = r"^(0|-?[1-9]\d{0,17})$"


def ids_of(log: Log, role: str) -> pa.Array:
    values = log.columns[role]
    if pa.types.is_floating(values.type):
        # Whole numbers with gaps are floats in pandas.
        whole = pc.if_else(pa.array(missing_values(values)), None, values)
        if not pc.all(pc.equal(whole, pc.floor(whole)), min_count=0).as_py():
            raise ValueError(f"{log.name}: the {role} column holds fractions, expected whole numbers or text")
        values = whole.cast(pa.int64())
    elif pa.types.is_integer(values.type):
        values = values.cast(pa.int64())
    elif not is_text(values.type):
        raise ValueError(f"{log.name}: the {role} column holds {values.type}, expected whole numbers or text")
    missing = missing_values(values)
    if is_text(values.type):
        missing |= as_numpy(pc.is_in(values, pa.array(MISSING_ID, values.type)))
    label = "order id" if role == "order" else role
    log.fault(missing, lambda i: f"{label} is missing" + (f" ({log.shown(role, i)})" if values[i].as_py() else ""))
    return pc.if_else(pa.array(~missing), values, None)


def typed_ids(ids: pa.Array) -> pd.Series | np.ndarray:
    if is_text(ids.type) and pc.all(pc.match_substring_regex(ids, _WHOLE_NUMBER), min_count=0).as_py() and len(ids):
        ids = ids.cast(pa.int64())
    return ids.to_pandas() if is_text(ids.type) else as_numpy(ids)


def codes_of(ids: pa.Array) -> np.ndarray:
    return as_numpy(ids.dictionary_encode().indices.fill_null(-1))


def days_of(log: Log, date_format: str | None) -> tuple[np.ndarray, np.ndarray]:
    """The calendar day of each row (NaT where there is none), and codes that are equal where the written dates are."""
    values = log.columns["date"]
    if pa.types.is_integer(values.type) and date_format is not None:
        values = values.cast(pa.string())
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        if pa.types.is_timestamp(values.type) and values.type.tz is not None:
            values = pc.local_timestamp(values)
        moments = as_numpy(values.cast(pa.timestamp("us"), safe=False)).astype("datetime64[us]")
        days, codes = moments.astype("datetime64[D]").astype("datetime64[us]"), moments
    elif is_text(values.type):
        encoded = values.dictionary_encode()
        written = encoded.dictionary.to_pandas() if len(encoded.dictionary) else pd.Series([], dtype="str")
        codes = as_numpy(encoded.indices.fill_null(-1))
        # One more at the end, for rows without a date: index -1.
        days = np.append(_parse_dates(written, date_format), np.datetime64("NaT"))[codes]
    else:
        first = next((log.shown("date", i) for i in range(len(values)) if values[i].is_valid), "nothing")
        found = f"{log.name}: the date column holds {values.type} ({first})"
        hint = "for whole numbers such as 19970131 say date_format='%Y%m%d'"
        raise ValueError(f"{found}, expected dates or text; {hint}")
    missing = missing_values(values)
    log.fault(missing, lambda i: "date is missing")
    unread = np.isnat(days) & ~missing
    if date_format is None:
        hint = "say how to read it, as date_format='%d/%m/%Y', '%m/%d/%Y' or '%Y%m%d'"
        reason = f"is not an ISO 8601 date such as 1997-01-31; {hint}"
        if is_text(values.type):
            no_such_day = unread & as_numpy(pc.fill_null(pc.match_substring_regex(values, _ISO_8601), False))
            log.fault(no_such_day, lambda i: f"date {log.shown('date', i)} is not in the calendar")
            unread &= ~no_such_day
    else:
        reason = f"is not a date of the form {date_format!r}"
    log.fault(unread, lambda i: f"date {log.shown('date', i)} {reason}")
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


def cents_of(log: Log, decimal: str) -> np.ndarray:
    values = log.columns["amount"]
    missing = missing_values(values)
    log.fault(missing, lambda i: "amount is missing")
    if pa.types.is_decimal(values.type):
        values, decimal = values.cast(pa.string()), "."
    if is_text(values.type):
        cents, unclear, fine, large = _cents_of_text(values, decimal)
        written = "1234.56 or 1,234.56" if decimal == "." else "1234,56 or 1.234,56"
        reason = f"is not a number with the decimal sign {decimal!r} (as {written}, no currency sign)"
        log.fault(unclear & ~missing, lambda i: f"amount {log.shown('amount', i)} {reason}")
    elif pa.types.is_integer(values.type):
        units = as_numpy(pc.fill_null(values, 0))
        large = (units > LARGEST_CENTS // 100) | (units < -LARGEST_CENTS // 100)
        cents, fine = np.where(large, 0, units).astype(np.int64) * 100, np.zeros(len(units), bool)
    elif pa.types.is_floating(values.type):
        units = np.where(missing, 0.0, as_numpy(values.cast(pa.float64())))
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
    fine = as_numpy(pc.match_substring_regex(text, r"\.\d\d\d*[1-9]"))
    text = pc.replace_substring_regex(text, r"(\.\d\d)\d+$", r"\1") if (_decimals(text) > 2).any() else text
    decimals = _decimals(text)
    large = as_numpy(pc.utf8_length(text)) > len(str(LARGEST_CENTS))
    digits = pc.replace_substring(pc.if_else(pa.array(~large), text, "0"), ".", "").cast(pa.int64())
    return as_numpy(digits) * 10 ** (2 - decimals), ~as_numpy(clear), fine, large


def _decimals(text: pa.Array) -> np.ndarray:
    point = as_numpy(pc.find_substring(text, ".")).astype(np.int64)
    return np.where(point < 0, 0, as_numpy(pc.utf8_length(text)) - point - 1)
