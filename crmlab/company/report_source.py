"""What the company report reads: Parquet parts as views in DuckDB, so that a large company never stands in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import glob
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from crmlab.company.generate import DESCRIPTION
from crmlab.company.observed import company_folder

_MEMORY_LIMIT = "1GB"

# Orders of a customer as recorded, and of a person as the truth knows one. A delivery of a subscription is an order;
# a purchase is an order that is not such a delivery.
_SUMMARIES = """
CREATE TABLE customer AS
SELECT customer_id,
       count(*) AS orders,
       count(*) FILTER (subscription_id IS NULL) AS purchases,
       sum(amount_cents)::BIGINT AS revenue_cents,
       coalesce(sum(amount_cents) FILTER (subscription_id IS NULL), 0)::BIGINT AS purchase_revenue_cents,
       max(order_date) FILTER (subscription_id IS NULL) AS last_purchase
FROM company.orders GROUP BY customer_id ORDER BY customer_id;
CREATE TABLE person AS
SELECT person_id,
       any_value(tendency) AS tendency,
       any_value(is_active) AS is_active,
       any_value(exit_cause) AS exit_cause,
       count(*) AS records,
       coalesce(sum(purchases), 0)::BIGINT AS purchases,
       max(last_purchase) AS last_purchase
FROM truth.records
JOIN truth.tendencies USING (person_id)
JOIN truth.relationships USING (person_id)
LEFT JOIN customer USING (customer_id)
GROUP BY person_id ORDER BY person_id;
"""


@dataclasses.dataclass(frozen=True)
class Source:
    """One company, open for questions in SQL.

    Its tables stand in the schemas ``company`` and ``truth``; ``customer`` (a row a ``customer_id`` with an order) and
    ``person`` (a row a ``person_id``) sum up the orders. ``settings``: the hidden assumptions, texts by name.
    """

    folder: Path
    connection: duckdb.DuckDBPyConnection
    customers: int
    seed: int
    start: datetime.date
    as_of: datetime.date
    settings: dict[str, str]

    @property
    def absent(self) -> str:
        """What the company lacks: one of ``ABSENCES``, or the empty string."""
        return self.settings["absent"]

    def setting(self, name: str) -> float:
        """A hidden assumption that is a number."""
        return float(self.settings[name])

    def rows(self, sql: str, **parameters: object) -> list[tuple]:
        """The rows that a question gives."""
        return self.connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, **parameters: object) -> tuple:
        """The one row that a question gives."""
        (found,) = self.rows(sql, **parameters)
        return found

    def parts(self, kind: str, table: str) -> list[Path]:
        """The files of a table, ``kind`` being ``company`` or ``truth``."""
        return sorted((self.folder / kind / table).glob("part-*.parquet"))

    def row_counts(self, kind: str) -> list[tuple[str, int]]:
        """The tables of a kind with their numbers of rows, from the files' own footers."""
        names = sorted(each.name for each in (self.folder / kind).iterdir() if each.is_dir())
        return [(name, sum(pq.read_metadata(part).num_rows for part in self.parts(kind, name))) for name in names]


def parquet_scan(parts: list[Path]) -> str:
    """These files as a table in SQL, whatever letters stand in their paths."""
    quoted = ", ".join("'" + glob.escape(part.as_posix()).replace("'", "''") + "'" for part in parts)
    return f"read_parquet([{quoted}], union_by_name = true)"


@contextlib.contextmanager
def open_source(folder: Path | str) -> Iterator[Source]:
    """The company in ``folder``, open while the block lasts.

    Raises ``FileNotFoundError`` where ``folder`` holds no company, or a company without its truth.
    """
    folder = company_folder(folder)
    if not (folder / "truth").is_dir():
        raise FileNotFoundError(f"{folder}: expected the hidden truth in a folder 'truth' (found none)")
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect(Path(scratch) / "report.duckdb") as connection:
        # One thread adds floats in one order, so that the same company gives the same bytes on every machine.
        connection.execute(f"SET threads = 1; SET memory_limit = '{_MEMORY_LIMIT}'")
        for kind in ("company", "truth"):
            connection.execute(f"CREATE SCHEMA {kind}")
            for table in sorted(each for each in (folder / kind).iterdir() if each.is_dir()):
                scan = parquet_scan(sorted(table.glob("part-*.parquet")))
                connection.execute(f'CREATE VIEW {kind}."{table.name}" AS SELECT * FROM {scan}')
        connection.execute(_SUMMARIES)
        yield Source(
            folder=folder,
            connection=connection,
            customers=description["customers"],
            seed=description["seed"],
            start=datetime.date.fromisoformat(description["start"]),
            as_of=datetime.date.fromisoformat(description["as_of"]),
            settings=dict(connection.execute("SELECT setting, value FROM truth.assumptions").fetchall()),
        )
