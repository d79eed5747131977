"""From a CSV file or a frame to columns: encodings, dialects of spreadsheets, headers, rows of the wrong length."""

import codecs
import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from crmlab.order_log.log import Log, as_numpy

_NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xfe": "UTF-16 text (what Excel calls Unicode Text)",
    b"\xfe\xff": "UTF-16 text (what Excel calls Unicode Text)",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
}
NO_ROWS = "has column names and no rows, expected at least one order"
_AS_TEXT = "In a spreadsheet, save it as 'CSV UTF-8'; or read it with pandas and pass the frame"


def read_frame(source: Any, names: Mapping[str, str]) -> Log:
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
    return Log("the frame", "position", columns, np.arange(len(frame)))


def read_file(path: Path, names: Mapping[str, str]) -> Log:
    lines, quotes = _check_text(path)
    delimiter, header, header_lines = _read_header(path, names)
    if lines <= header_lines:
        raise ValueError(f"{path.name} {NO_ROWS}")
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
        breaks[~is_bad] = sum(as_numpy(pc.count_substring(column.combine_chunks(), "\n")) for column in every.columns)
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
    return Log(path.name, "line", columns, starts[~is_bad], unreadable)


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
