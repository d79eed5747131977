"""The contact centre's part of the warehouse: facts from which each KPI is one query (lesson 13b)."""

from __future__ import annotations

import shutil
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from crmlab.analytical.contact_centre.contacts import SHORT_ABANDON_SECONDS
from crmlab.analytical.warehouse import Warehouse

if TYPE_CHECKING:
    from crmlab.company.observed import Company

_SOURCES = ("interactions", "agent_shifts", "agents", "tickets", "contact_ratings", "orders")


def load_contact_mart(company: Company, *, short_abandon_seconds: int = SHORT_ABANDON_SECONDS) -> Warehouse:
    """A read-only DuckDB warehouse with the facts of the contact centre, in a private file.

    Tables: ``fact_contact`` (a row a contact: waits, handling times, ``is_offered`` as ``contact_facts`` has it, and
    when the customer's contacts before and after it on the topic came), ``fact_agent_time`` (a row a paid stretch of an
    agent, with its cost), ``fact_ticket``, ``fact_rating``, ``fact_order``.

    Raises ValueError for an agent on a shift who is not in ``agents``: the paid time would be lost.
    """
    folder = Path(tempfile.mkdtemp(prefix="crmlab-warehouse-"))
    path = folder / "contact_centre.duckdb"
    try:
        with duckdb.connect(path) as connection:
            connection.execute("SET enable_progress_bar = false")
            for name in _SOURCES:
                connection.register(f"source_{name}", getattr(company, name))
            script = files("crmlab.analytical.contact_centre").joinpath("contact_mart.sql").read_text(encoding="utf-8")
            given = {"as_of": company.as_of.date(), "short_abandon_seconds": short_abandon_seconds}
            for statement in connection.extract_statements(script):
                connection.execute(statement, {name: given[name] for name in statement.named_parameters})
            _reconcile(connection)
        return Warehouse(path, private_folder=folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _reconcile(connection: duckdb.DuckDBPyConnection) -> None:
    for fact, source in (("contact", "interactions"), ("agent_time", "agent_shifts"), ("rating", "contact_ratings")):
        loaded = connection.execute(f"SELECT count(*) FROM fact_{fact}").fetchone()[0]
        expected = connection.execute(f"SELECT count(*) FROM source_{source}").fetchone()[0]
        if loaded != expected:
            raise ValueError(f"fact_{fact} has {loaded:,} rows, but {source} has {expected:,}")
