"""The store's tables, views and rules, in plain SQL: one file a domain, applied in the order of their numbers."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from importlib.resources import files

#: STRICT tables refuse a text where a number belongs; SQLite knows them from this version on.
STRICT_SINCE = (3, 37)


def schema_sql() -> str:
    """All the store's SQL, in order, as this SQLite can run it.

    >>> schema_sql().count("CREATE VIEW v_customer ")
    1
    """
    parts = [each for each in files(__name__).iterdir() if each.name.endswith(".sql")]
    parts.sort(key=lambda part: part.name)
    text = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    if sqlite3.sqlite_version_info < STRICT_SINCE:
        text = re.sub(r"\) STRICT;", ");", text)
    return text


def schema_version() -> str:
    """A short name for exactly these tables and rules: a store made by others has another one.

    >>> len(schema_version())
    16
    """
    return hashlib.sha256(schema_sql().encode()).hexdigest()[:16]
