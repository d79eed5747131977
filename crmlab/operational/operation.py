"""What makes an operation of the front office: one transaction, a row in the operation log with the time and the actor,
and the rows it wrote handed back.

An operation happens whole or not at all. Whoever did it stands in the log: a member of staff (a **customer-facing**
operation), the customer alone (a **customer-touching** one: no staff id), or a partner. Lesson 01 shows both.
"""

from __future__ import annotations

import dataclasses
import json
import operator
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from crmlab.operational.frames import to_frame
from crmlab.operational.refusal import RefusedOperation, refused_by_database
from crmlab.operational.store import Store


@dataclasses.dataclass(frozen=True)
class Actor:
    """Who does it: ``kind`` is customer, staff or partner; the id goes with staff and partner."""

    kind: str
    staff_id: int | None = None
    partner_id: int | None = None


#: The customer, who acts alone.
CUSTOMER = Actor("customer")


def actor_of(by: int | None) -> Actor:
    """The member of staff with this id, or the customer where none is given."""
    return CUSTOMER if by is None else Actor("staff", staff_id=whole_number("by", by))


#: More than SQLite can keep.
_TOO_LARGE = 2**63


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """The value as an int.

    Raises ``RefusedOperation`` for what is no whole number of at least ``least``.

    >>> whole_number("quantity", 2)
    2
    """
    is_whole = hasattr(value, "__index__") and not isinstance(value, bool | np.bool_)
    if not is_whole or not least <= operator.index(value) < _TOO_LARGE:
        raise RefusedOperation(f"{name} is a whole number", repr(value), f"{least} or more")
    return operator.index(value)


class Operation:
    """A running operation: it writes rows, and remembers which."""

    def __init__(self, connection: sqlite3.Connection, operation_id: int):
        self.connection = connection
        self.operation_id = operation_id
        self._rows: dict[str, list[int]] = {"operation_log": [operation_id]}
        #: The rows it wrote, as they stand at its end: table name -> frame.
        self.written: dict[str, pd.DataFrame] = {}

    def insert(self, table: str, **row: Any) -> int:
        """Write a row, and give its id."""
        statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        return self._write(table, row, statement, row.values())

    def update(self, table: str, key: str, row_id: int, **changes: Any) -> None:
        """Change a row."""
        sets = ", ".join(f"{name} = ?" for name in changes)
        statement = f"UPDATE {table} SET {sets} WHERE {key} = ?"
        self._write(table, {key: row_id, **changes}, statement, (*changes.values(), row_id), row_id)

    def _write(self, table: str, row: dict, statement: str, values: Any, row_id: int | None = None) -> int:
        try:
            cursor = self.connection.execute(statement, tuple(values))
        except sqlite3.IntegrityError as error:
            (table_sql,) = self.one("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table)
            raise refused_by_database(error, table, row, table_sql) from error
        except (sqlite3.InterfaceError, sqlite3.ProgrammingError) as error:
            # What cannot be bound: a list, a frame, another object.
            raise RefusedOperation("a value is a text or a number", f"{table}: {error}", "texts and numbers") from error
        row_id = cursor.lastrowid if row_id is None else row_id
        self._rows.setdefault(table, []).append(row_id)
        return row_id

    def also_wrote(self, table: str, condition: str, *parameters: Any) -> None:
        """Count in the rows that the store's own triggers wrote."""
        found = self.connection.execute(f"SELECT rowid FROM {table} WHERE {condition}", parameters).fetchall()
        self._rows.setdefault(table, []).extend(row_id for (row_id,) in found)

    def one(self, query: str, *parameters: Any) -> tuple[Any, ...] | None:
        """The first row of a query, or none."""
        return self.connection.execute(query, parameters).fetchone()

    def all(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(query, parameters).fetchall()

    def survivor(self, customer_id: int) -> int:
        """The surviving record of a customer.

        Raises ``RefusedOperation`` for one whom the store does not know.
        """
        found = self.one(
            """WITH RECURSIVE up (id, next) AS (
              SELECT customer_id, merged_into_id FROM customer WHERE customer_id = ?
              UNION ALL SELECT customer_id, merged_into_id FROM customer JOIN up ON customer_id = up.next)
            SELECT id FROM up WHERE next IS NULL""",
            customer_id,
        )
        if found is None:
            found = f"customer_id {customer_id}"
            raise RefusedOperation("the customer is in the store", found, "an id in table customer")
        return found[0]

    def unmerged(self, customer_id: int) -> int:
        """The same id, for a record that is not merged into another: only those take new rows.

        Raises ``RefusedOperation`` that names the surviving record.
        """
        survivor = self.survivor(customer_id)
        if survivor != customer_id:
            rule = "a merged record takes no new rows"
            raise RefusedOperation(rule, f"customer_id {customer_id}", f"its surviving record, customer_id {survivor}")
        return customer_id

    def finish(self) -> None:
        """Read back the rows that were written."""
        for table, ids in self._rows.items():
            # As JSON: a long list would be more parameters than SQLite takes.
            query = f"SELECT * FROM {table} WHERE rowid IN (SELECT value FROM json_each(?))"
            cursor = self.connection.execute(query, (json.dumps(ids),))
            self.written[table] = to_frame([column[0] for column in cursor.description], cursor.fetchall())


@contextmanager
def running_operation(
    store: Store, name: str, at: str, actor: Actor, customer_id: int | None = None
) -> Iterator[Operation]:
    """One operation in one transaction: at the end of the block all its rows are there, or none when it raised.

    ``at`` is a time as ``moment`` gives it. Nests in no other operation.
    """
    with store.lock:
        connection = store.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            log = {"operation": name, "at": at, **dataclasses.asdict(actor), "customer_id": customer_id}
            log["actor_kind"] = log.pop("kind")
            _check_known(connection, log)
            statement = f"INSERT INTO operation_log ({', '.join(log)}) VALUES ({', '.join('?' * len(log))})"
            operation = Operation(connection, connection.execute(statement, tuple(log.values())).lastrowid)
            yield operation
            operation.finish()
            connection.execute("COMMIT")
        except BaseException:
            # A trigger that refuses may have ended the transaction itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


_KNOWN: Sequence[tuple[str, str, str]] = (
    ("staff_id", "staff", "a member of staff is in the store"),
    ("partner_id", "account", "a partner is in the store"),
    ("customer_id", "customer", "the customer is in the store"),
)


def _check_known(connection: sqlite3.Connection, log: dict[str, Any]) -> None:
    for column, table, rule in _KNOWN:
        key = "account_id" if table == "account" else column
        if log[column] is not None:
            query = f"SELECT 1 FROM {table} WHERE {key} = ?"
            if connection.execute(query, (log[column],)).fetchone() is None:
                raise RefusedOperation(rule, f"{column} {log[column]}", f"an id in table {table}")
