"""The operational store: one SQLite file with what the front office writes down. Lessons 01 to 05 work in it.

``open_store()`` gives each notebook a fresh copy of its own, so that running it twice gives the same.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmlab.operational.frames import to_frame
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.schema import schema_version
from crmlab.operational.template import company_key, copy_template

if TYPE_CHECKING:
    from crmlab.company import Company


def _plain(value: Any) -> Any:
    """What SQLite can bind: numpy's numbers and pandas' times are not among it."""
    if isinstance(value, np.bool_ | np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value)
    if value is pd.NA or value is pd.NaT:
        return None
    return value


def _shut(connection: sqlite3.Connection, folder: Path | None) -> None:
    connection.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


class Store:
    """An open store. ``connection`` is the plain SQLite connection; ``path`` is the file.

    As a context manager it is closed at the end of the block. A private copy is deleted when it is closed.
    """

    def __init__(self, path: Path, *, private_folder: Path | None = None):
        self.path = path
        self.lock = threading.RLock()
        # A notebook's widgets call from other threads: the lock lets one of them at a time.
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._shut = weakref.finalize(self, _shut, self.connection, private_folder)
        try:
            self._info = self._read_info()
        except BaseException:
            self._shut()
            raise
        self.connection.execute("PRAGMA foreign_keys = ON")
        # Private copies are made anew: waiting for the disk at each operation would serve nobody.
        self.connection.execute(f"PRAGMA synchronous = {'OFF' if private_folder else 'NORMAL'}")

    def _read_info(self) -> dict[str, str]:
        try:
            info = dict(self.connection.execute("SELECT name, value FROM store_info"))
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f"path: {self.path} is not a store (found: {error}; expected: a file that open_store(path) made)"
            ) from error
        if info.get("schema_version") != schema_version():
            raise ValueError(
                f"path: {self.path} was made by another version of CRM Lab (found: schema "
                f"{info.get('schema_version')}; expected: {schema_version()}); give another path: "
                "a new store is made there"
            )
        return info

    @property
    def address_salt(self) -> str:
        """The salt of this store's address hashes."""
        return self._info["address_salt"]

    @property
    def company_key(self) -> str:
        """A name for the content of the company that this store was filled from."""
        return self._info["company_key"]

    @property
    def start(self) -> pd.Timestamp:
        """The first day that the store knows of."""
        return pd.Timestamp(self._info["start"])

    @property
    def as_of(self) -> pd.Timestamp:
        """The last day that the store knows of: the company's, or that of the latest operation."""
        with self.lock:
            (latest,) = self.connection.execute("SELECT max(at) FROM operation_log").fetchone()
        return pd.Timestamp(latest).normalize()

    def sql(self, query: str, parameters: Any = ()) -> pd.DataFrame:
        """The answer to a query as a frame; ``?`` or ``:name`` in it stand for ``parameters``.

        Whole numbers stay whole (Int64 where some are missing); columns named ``at``, ``..._at`` or ``..._date`` become
        datetime64. Raises ``RefusedOperation`` for a statement that writes: that is what operations are for.

        >>> with open_store() as store:
        ...     store.sql("SELECT product_id, sku FROM product WHERE product_id = ?", [1]).to_dict("records")
        [{'product_id': 1, 'sku': 'B01'}]
        """
        bound = (
            {name: _plain(value) for name, value in parameters.items()}
            if isinstance(parameters, dict)
            else [_plain(value) for value in parameters]
        )
        with self.lock:
            self.connection.execute("PRAGMA query_only = ON")
            try:
                cursor = self.connection.execute(query, bound)
                rows = cursor.fetchall()
            except sqlite3.OperationalError as error:
                if "readonly" not in str(error):
                    raise
                rule = "Store.sql reads; what the front office does is written by an operation"
                raise RefusedOperation(rule, query.strip(), "a query, or an operation such as place_order") from error
            finally:
                self.connection.execute("PRAGMA query_only = OFF")
            return to_frame([column[0] for column in cursor.description or ()], rows)

    def close(self) -> None:
        """Close the file; a private copy is deleted."""
        with self.lock:
            self._shut()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self._shut.alive:
            return "Store(closed)"
        counts = ("customer", "sales_order", "order_return", "ticket", "operation_log")
        with self.lock:
            found = {name: self.connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in counts}
        customers, orders, returns, tickets, operations = found.values()
        return (
            f"Store(as_of={self.as_of:%Y-%m-%d}, customers={customers:,}, orders={orders:,}, returns={returns:,}, "
            f"tickets={tickets:,}, operations={operations:,})"
        )


def open_store(path: Path | str | None = None, company: Company | Path | str | None = None) -> Store:
    """A store filled from a company: a fresh private copy, or the file at ``path`` for keeping.

    Parameters
    ----------
    path: a file. Made when it is not there; else opened with what earlier work left in it.
    company: a company, or the folder of one; the course company unless given.

    The first call for a company takes a few seconds and keeps a filled template in the user's cache folder; later
    calls copy that. Raises ``FileNotFoundError`` where there is no company or no folder for ``path``, ``ValueError``
    for a file that is no store, or one of another version or company.

    >>> with open_store() as store:
    ...     store.sql("SELECT count(*) > 0 AS has_orders FROM sales_order")["has_orders"].item()
    1
    """
    if path is not None:
        path = Path(path).expanduser()
        if not path.exists():
            if not path.parent.is_dir():
                raise FileNotFoundError(f"path: {path.parent} is not a folder; make it first, or name another file")
            copy_template(company, path)
        store = Store(path)
        if company is not None and store.company_key != company_key(company):
            store.close()
            raise ValueError(f"path: {path} was filled from another company; give another path, or leave company out")
        return store
    folder = Path(tempfile.mkdtemp(prefix="crmlab-store-"))
    try:
        copy_template(company, folder / "store.sqlite")
        return Store(folder / "store.sqlite", private_folder=folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
