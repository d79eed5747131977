"""The data warehouse: one place to ask, loaded from the store, in which nobody can change what happened.

**Operational** systems write one row at a time; **analytical** CRM asks about millions at once. So the rows are
carried over into a *star*: facts (a sale, a return, a ticket), each with its own date, and dimensions (customer,
product, day) by which they are counted. Lesson 02 shows it.
"""

from __future__ import annotations

import datetime
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa

from crmlab.analytical.warehouse_staging import stage
from crmlab.company.observed import to_pandas
from crmlab.whole_files import whole_file

if TYPE_CHECKING:
    from crmlab.operational.store import Store

_KEPT = ("warehouse_load", "dim_customer")


def _sql(name: str) -> str:
    return files("crmlab.analytical").joinpath(f"warehouse_{name}.sql").read_text(encoding="utf-8")


def _connection(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(path, read_only=read_only)
    # In a notebook DuckDB shows a bar for whatever takes two seconds: an output that comes and goes with the machine.
    connection.execute("SET enable_progress_bar = false")
    return connection


def _whole_sums(table: pa.Table) -> pa.Table:
    """DuckDB adds 64-bit numbers up in 128 bits, which pandas would turn into floats: back to 64."""
    for position, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            table = table.set_column(position, field.name, table.column(position).cast(pa.int64()))
    return table


class Warehouse:
    """A loaded warehouse, read only. ``path`` is its file; each question opens and closes it, so nothing is locked."""

    def __init__(self, path: Path, *, private_folder: Path | None = None):
        self.path = path
        self._forget = weakref.finalize(self, shutil.rmtree, private_folder, True) if private_folder else None

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only DuckDB connection, for tools that want one; closed at the end of the block."""
        with _connection(self.path, read_only=True) as connection:
            yield connection

    def sql(self, query: str, parameters: Any = None) -> pd.DataFrame:
        """The answer to a query as a frame; ``?`` or ``$name`` in it stand for ``parameters``.

        Whole numbers and sums of them are int64 (Int64 where some are missing), dates datetime64. Raises
        ``PermissionError`` for a statement that writes.

        >>> from crmlab.operational import open_store
        >>> with open_store() as store:
        ...     warehouse = load_warehouse(store)
        >>> question = "SELECT count(*) - count(DISTINCT order_line_id) AS counted_twice FROM fact_sales"
        >>> warehouse.sql(question)["counted_twice"].item()
        0
        """
        with self.connect() as connection:
            try:
                answer = connection.sql(query, params=parameters)
                return pd.DataFrame() if answer is None else to_pandas(_whole_sums(answer.to_arrow_table()))
            except duckdb.InvalidInputException as error:
                if "read-only" not in str(error):
                    raise
                raise PermissionError(
                    "the warehouse is read-only: operations write to the store, and load_warehouse carries it over "
                    f"(found: {query.strip()}; expected: a query)"
                ) from error

    @property
    def as_of(self) -> pd.Timestamp:
        """The last day that the warehouse knows of."""
        return self.sql("SELECT max(as_of) AS as_of FROM warehouse_load")["as_of"].iloc[0]

    @property
    def tables(self) -> list[str]:
        """The names of the tables."""
        return self.sql("SELECT table_name FROM information_schema.tables ORDER BY table_name")["table_name"].to_list()

    def content_hash(self) -> str:
        """A short text that changes when any row of any table does; the order of rows does not matter.

        The same for the same rows on one version of DuckDB.
        """
        one_row = "SELECT {name!r} || count(*) || '-' || coalesce(sum(hash(t)), 0) AS part FROM {name} AS t"
        parts = " UNION ALL ".join(one_row.format(name=name) for name in self.tables)
        return self.sql(f"SELECT md5(string_agg(part, ',' ORDER BY part)) AS whole FROM ({parts})")["whole"].iloc[0]

    def close(self) -> None:
        """Delete a private warehouse; one with a path of its own stays."""
        if self._forget is not None:
            self._forget()

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._forget is not None and not self._forget.alive:
            return "Warehouse(closed)"
        counts = self.sql("SELECT table_name AS name, estimated_size AS size FROM duckdb_tables() ORDER BY table_name")
        sizes = ", ".join(f"{row.name}={row.size:,}" for row in counts.itertuples(index=False) if row.name[0] in "df")
        return f"Warehouse(as_of={self.as_of:%Y-%m-%d}, {sizes})"


def open_warehouse(path: Path | str) -> Warehouse:
    """The warehouse at ``path``, read only.

    Raises ``FileNotFoundError`` where there is none, ``ValueError`` for a file that is none.

    >>> open_warehouse("nowhere.duckdb")
    Traceback (most recent call last):
    FileNotFoundError: path: nowhere.duckdb is not there; load_warehouse(store, path) makes it
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"path: {path} is not there; load_warehouse(store, path) makes it")
    warehouse = Warehouse(path)
    try:
        found = warehouse.tables
    except duckdb.Error as error:
        expected = "a file of load_warehouse"
        raise ValueError(f"path: {path} is not a warehouse (found: {error}; expected: {expected})") from error
    if "warehouse_load" not in found:
        expected = "a file of load_warehouse, with table warehouse_load"
        raise ValueError(f"path: {path} is not a warehouse (found: tables {found}; expected: {expected})")
    return warehouse


def load_warehouse(
    store: Store, path: Path | str | None = None, as_of: str | datetime.date | pd.Timestamp | None = None
) -> Warehouse:
    """Load the store into the warehouse at ``path`` (a private one unless given), and open it read only.

    Everything up to the end of the day ``as_of`` is loaded: a later order, return or merge is not seen. Loading again
    changes nothing where the store has not changed. Where a customer has (who moved, say), the version that was known
    ends on ``as_of`` and a new one begins: dimension ``dim_customer`` keeps both (type 2).

    Parameters
    ----------
    as_of: a day; the last one that the store knows of (``store.as_of``) unless given.

    Raises ``ValueError`` for a day before that of an earlier load into ``path``, and for the warehouse of another
    company. The file is there whole at the end, or as it was.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     warehouse = load_warehouse(store, as_of="2024-12-31")
    >>> warehouse.sql("SELECT max(date_key) <= 20241231 AS nothing_later FROM fact_return").iat[0, 0].item()
    True
    """
    day = (store.as_of if as_of is None else pd.Timestamp(as_of)).date()
    if day < store.start.date():
        raise ValueError(f"as_of: {day} is before the company's first day (expected: {store.start.date()} or later)")
    folder = None if path is not None else Path(tempfile.mkdtemp(prefix="crmlab-warehouse-"))
    target = Path(path).expanduser() if folder is None else folder / "warehouse.duckdb"
    try:
        kept = _kept(target, day, store.company_key)
        with store.lock:
            staged = stage(store.connection, day)
        with whole_file(target) as partial:
            # DuckDB wants to make its file itself.
            partial.unlink()
            _build(partial, staged, kept, {"as_of": day, "start": store.start.date(), "company_key": store.company_key})
        return Warehouse(target, private_folder=folder)
    except BaseException:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _kept(path: Path, as_of: datetime.date, company_key: str) -> dict[str, pa.Table]:
    """What earlier loads know and the store does not: when they were, and the versions of customers."""
    if not path.exists():
        with duckdb.connect() as empty:
            empty.execute(_sql("tables"))
            return {name: empty.table(name).to_arrow_table() for name in _KEPT}
    warehouse = open_warehouse(path)
    with warehouse.connect() as connection:
        kept = {name: connection.table(name).to_arrow_table() for name in _KEPT}
    loads = kept["warehouse_load"].to_pylist()
    latest = max(load["as_of"] for load in loads)
    if as_of < latest:
        raise ValueError(f"as_of: {as_of} is before the last load into {path} (expected: {latest} or later); "
                         "load an earlier day into another file")  # fmt: skip
    if loads[0]["company_key"] != company_key:
        found = loads[0]["company_key"]
        raise ValueError(f"path: {path} holds another company (found: {found}; expected: {company_key})")
    return kept


def _build(path: Path, staged: dict[str, pa.Table], kept: dict[str, pa.Table], parameters: dict[str, Any]) -> None:
    with _connection(path) as connection:
        for name, table in {**staged, **{f"kept_{name}": table for name, table in kept.items()}}.items():
            connection.register(name, table)
        connection.execute(_sql("tables"))
        for statement in connection.extract_statements(_sql("load")):
            used = {name: parameters[name] for name in statement.named_parameters}
            connection.execute(statement, used)
        _reconcile(connection)


#: Each fact table, what it was made from, and what must be equal to the cent.
_RECONCILED = (
    ("fact_sales", "staged_sale", "sum(revenue_cents)", "sum(quantity * unit_price_cents)"),
    ("fact_return", "staged_return", "sum(refund_cents)", "sum(refund_cents)"),
    ("fact_interaction", "staged_interaction", "count(customer_key)", "count(customer_id)"),
    ("fact_ticket", "staged_ticket", "sum(reopened_count)", "sum(reopened_count)"),
    ("fact_campaign_contact", "staged_campaign_member", "sum(revenue_cents)", "sum(revenue_cents)"),
)


def _reconcile(connection: duckdb.DuckDBPyConnection) -> None:
    """A row that found no dimension, or two, would be lost or counted twice."""
    for fact, source, in_fact, in_source in _RECONCILED:
        loaded = connection.execute(f"SELECT count(*), coalesce({in_fact}, 0) FROM {fact}").fetchone()
        expected = connection.execute(f"SELECT count(*), coalesce({in_source}, 0) FROM {source}").fetchone()
        if loaded != expected:
            raise ValueError(f"{fact}: rows and total are {loaded}, but the store has {expected}")
