"""An operation that breaks a rule is refused: nothing is written, and the error says which rule, what was found and
what was expected.
"""

from __future__ import annotations

import re
import sqlite3


class RefusedOperation(ValueError):
    """An operation that breaks a rule of the store: ``rule``, ``found``, ``expected``.

    >>> print(RefusedOperation("a quantity is a whole number above 0", found=0, expected="1 or more"))
    a quantity is a whole number above 0 (found: 0; expected: 1 or more)
    """

    def __init__(self, rule: str, found: object, expected: str):
        super().__init__(f"{rule} (found: {found}; expected: {expected})")
        self.rule = rule
        self.found = found
        self.expected = expected


def _condition(constraint: str, table_sql: str) -> str:
    """What a named CHECK asks for: the text between its brackets."""
    opening = re.search(rf"CONSTRAINT {constraint}\s+CHECK \(", table_sql).end()
    depth, closing = 1, opening
    while depth:
        depth += {"(": 1, ")": -1}.get(table_sql[closing], 0)
        closing += 1
    return " ".join(table_sql[opening : closing - 1].split())


def refused_by_database(
    error: sqlite3.IntegrityError, table: str, row: dict[str, object], table_sql: str
) -> RefusedOperation:
    """What the database would not write, in the same form: its rules have names that read as sentences."""
    message = str(error)
    found = f"{table} with " + ", ".join(f"{name} {value!r}" for name, value in row.items() if value is not None)
    constraint = re.fullmatch(r"CHECK constraint failed: (\w+)", message)
    if constraint:
        return RefusedOperation(constraint[1].replace("_", " "), found, _condition(constraint[1], table_sql))
    if message.startswith("FOREIGN KEY"):
        return RefusedOperation("a row names only what exists", found, "ids that are in the store")
    if message.startswith("UNIQUE constraint failed: "):
        columns = message.removeprefix("UNIQUE constraint failed: ")
        return RefusedOperation(f"no two rows have the same {columns}", found, "values that are not there yet")
    if message.startswith("NOT NULL constraint failed: "):
        column = message.removeprefix("NOT NULL constraint failed: ")
        return RefusedOperation(f"{column} is not empty", found, "a value")
    return RefusedOperation(message, found, "a row for which this holds")
