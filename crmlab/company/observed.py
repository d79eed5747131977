"""The company as its own systems see it: observable tables as pandas frames."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crmlab.home import find_home


def company_folder(path: Path | str | None = None) -> Path:
    """The folder of a company: ``path``, or ``datasets`` in the lab's home.

    Raises ``FileNotFoundError`` that names the folder and what to do.
    """
    folder = find_home() / "datasets" if path is None else Path(path)
    if not (folder / "company").is_dir():
        found = f"a folder with {sorted(each.name for each in folder.iterdir())}" if folder.is_dir() else "nothing"
        raise FileNotFoundError(
            f"{folder}: expected a company, that is a folder with 'company' in it (found: {found}); "
            "make one with 'crmlab generate --customers 20000 --seed 1 --out FOLDER'"
        )
    return folder


def _pandas_columns(table: pa.Table) -> pa.Table:
    """Texts as plain text; dates, and whole numbers all of one kind, so that sums and products cannot overflow."""
    for position, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_dictionary(kind):
            table = table.set_column(position, field.name, table.column(position).cast(kind.value_type))
        elif pa.types.is_integer(kind):
            table = table.set_column(position, field.name, table.column(position).cast(pa.int64()))
        elif pa.types.is_date(kind):
            # The unit that pandas gives to dates of its own: frames of both kinds can be merged.
            table = table.set_column(position, field.name, table.column(position).cast(pa.timestamp("us")))
    return table


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame: dates as datetime64, whole numbers as int64, or Int64 where some are missing."""
    table = _pandas_columns(table)
    frame = table.to_pandas(ignore_metadata=True)
    for field, column in zip(table.schema, table.columns, strict=True):
        if column.null_count and pa.types.is_integer(field.type):
            frame[field.name] = column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame


def read_table(folder: Path) -> pd.DataFrame:
    """One table, all its parts in order."""
    parts = sorted(folder.glob("part-*.parquet"))
    if not parts:
        raise FileNotFoundError(f"{folder}: expected files named part-*.parquet (found none)")
    return to_pandas(pa.concat_tables([pq.read_table(part) for part in parts], promote_options="permissive"))


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """All tables of a folder, by name."""
    return {each.name: read_table(each) for each in sorted(folder.iterdir()) if each.is_dir()}


class Company:
    """The observable tables of one company, each read when it is first asked for.

    ``as_of`` is the last day that the tables know of (a Timestamp). ``tables`` lists the names; each is an attribute.
    Each look gives a frame of its own, so that changing one changes nothing else.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._frames: dict[str, pd.DataFrame] = {}
        description = json.loads((folder / "company.json").read_text(encoding="utf-8"))
        self.as_of = pd.Timestamp(description["as_of"])
        self.start = pd.Timestamp(description["start"])

    @property
    def folder(self) -> Path:
        """Where the company is on disk."""
        return self._folder

    @property
    def tables(self) -> list[str]:
        """The names of the tables, in the order of the alphabet."""
        return sorted(each.name for each in (self._folder / "company").iterdir() if each.is_dir())

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or name not in self.tables:
            raise AttributeError(f"the company has no table {name!r} (found: {', '.join(self.tables)})")
        if name not in self._frames:
            self._frames[name] = read_table(self._folder / "company" / name)
        return self._frames[name].copy()

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.tables]

    def __repr__(self) -> str:
        return f"Company(as_of={self.as_of:%Y-%m-%d}, tables={', '.join(self.tables)})"


def open_company(path: Path | str | None = None) -> Company:
    """The course company, or the one in the folder ``path``.

    Its home is found by the variable ``CRMLAB_HOME``, else as the repository's root.

    >>> company = open_company()
    >>> company.as_of
    Timestamp('2025-12-31 00:00:00')
    >>> list(company.orders.columns[:3])
    ['order_id', 'customer_id', 'order_date']
    """
    return Company(company_folder(path))
