"""Tables on disk: Parquet parts in a folder a table, and whole companies that appear at once or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

#: Small pieces of a table are written together when they have so many rows.
_ROWS_OF_PART = 500_000


def _encoding(table: pa.Table) -> dict[str, str]:
    """Row numbers grow by small steps: their differences take few bytes and little time."""
    return {
        name: "DELTA_BINARY_PACKED"
        for name, kind in zip(table.column_names, table.schema.types, strict=True)
        if kind == pa.int64()
    }


def write_part(table: pa.Table, folder: Path, part: int) -> None:
    """Write one block's part of a table as ``folder/part-00000.parquet``."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = _encoding(table)
    pq.write_table(
        table,
        folder / f"part-{part:05d}.parquet",
        compression="zstd",
        use_dictionary=[name for name in table.column_names if name not in numbers],
        column_encoding=numbers,
        write_statistics=True,
    )


def write_parts(tables: Mapping[str, pa.Table], folder: Path, part: int) -> None:
    """Write one part of each of some tables."""
    for name, table in tables.items():
        write_part(table, folder / name, part)


class Parts:
    """Tables that come in many small pieces, written as few large parts into ``folder/<table>``."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._waiting: dict[str, list[pa.Table]] = {}
        self._written: dict[str, int] = {}

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """The next piece of each of some tables."""
        for name, table in tables.items():
            waiting = self._waiting.setdefault(name, [])
            waiting.append(table)
            if sum(map(len, waiting)) >= _ROWS_OF_PART:
                self._write(name)

    def write_rest(self) -> None:
        """Write what still waits; a table without rows gets one part."""
        for name, waiting in self._waiting.items():
            if waiting:
                self._write(name)

    def _write(self, name: str) -> None:
        part = self._written.get(name, 0)
        whole = pa.concat_tables(self._waiting[name]).unify_dictionaries().combine_chunks()
        write_part(whole, self._folder / name, part)
        self._waiting[name], self._written[name] = [], part + 1


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to write into that becomes ``out`` when all went well, and vanishes when it did not.

    What an earlier run that was killed left beside ``out`` is removed first.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"out: {out} exists and is not an empty folder; name another, or remove it first")
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
