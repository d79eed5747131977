"""The store filled from the company: what its systems wrote down before the course begins.

Rows go in by the thousand, as one operation ``fill_store``. The rules that triggers and CHECKs keep hold here too;
foreign keys are verified at the end.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company.contact_centre.tickets import CLOSED_AFTER_DAYS
from crmlab.company.observed import Company
from crmlab.operational.addresses import hash_address, normalise_address
from crmlab.operational.schema import schema_sql, schema_version

#: The operation that wrote everything that was there before.
FILL_OPERATION = 1
#: What stands over a ticket, by the topic of the contact that opened it.
_SUBJECTS = {
    "order_status": "Where is my order?",
    "fault": "Something is wrong with it",
    "product_question": "Question about a product",
    "return": "Sending something back",
    "contract": "Contract or subscription",
    "billing": "Question about a bill",
}


def _values(column: pd.Series) -> list[Any]:
    """A column as SQLite takes it: dates as ISO 8601 text, gaps as None."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pa.array(column.dt.normalize(), pa.timestamp("ms")).cast(pa.date32()).cast(pa.string()).to_pylist()
    values = pa.array(column, from_pandas=True).to_pylist()
    return [int(value) for value in values] if pd.api.types.is_bool_dtype(column) else values


def _at(column: pd.Series) -> list[Any]:
    """Days as times: the source knew the day only, so its first second stands for it."""
    return [None if each is None else f"{each}T00:00:00" for each in _values(column)]


def _moments(column: pd.Series) -> list[Any]:
    """Times as the store has them, to the second."""
    seconds = pa.array(column, pa.timestamp("s"), from_pandas=True)
    return pc.strftime(seconds, "%Y-%m-%dT%H:%M:%S").to_pylist()


def _insert(connection: sqlite3.Connection, table: str, columns: dict[str, Sequence[Any]]) -> None:
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    connection.executemany(statement, zip(*columns.values(), strict=True))


def _same(frame: pd.DataFrame, names: Iterable[str]) -> dict[str, list[Any]]:
    return {name: _values(frame[name]) for name in names}


def _written_by_fill(frame: pd.DataFrame) -> dict[str, list[int]]:
    return {"operation_id": [FILL_OPERATION] * len(frame)}


def fill_store(company: Company, path: Path, company_key: str) -> None:
    """Make the store's tables in the empty file ``path`` and fill them from the company.

    Raises ``ValueError`` that names the table where the company's rows point to what is not there.
    """
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Nobody else reads this file until it is whole: no journal, no waiting for the disk.
        for setting in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -200000"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("BEGIN")
        for statement in _statements(schema_sql()):
            connection.execute(statement)
        salt = hashlib.sha256(f"address salt {company_key}".encode()).hexdigest()
        _fill_info(connection, company, company_key, salt)
        _fill_people(connection, company, salt)
        _fill_consents(connection, company, salt)
        _fill_products(connection, company)
        _fill_sales(connection, company)
        _fill_service(connection, company)
        _fill_campaigns(connection, company)
        _fill_campaign_responses(connection, company)
        # From here on a send must answer for every opt-out on record, also for one of a later day.
        _insert(connection, "store_info", {"name": ["filled"], "value": ["yes"]})
        broken = connection.execute("PRAGMA foreign_key_check").fetchmany(3)
        if broken:
            raise ValueError(f"the company's rows name what is not there (found, as table, row, table named: {broken})")
        connection.execute("COMMIT")
        connection.execute("ANALYZE")


def _statements(script: str) -> Iterable[str]:
    """The statements of a script, one by one: ``executescript`` would end the transaction."""
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        if line.rstrip().endswith(";") and sqlite3.complete_statement("\n".join(lines)):
            yield "\n".join(lines)
            lines = []


def _fill_info(connection: sqlite3.Connection, company: Company, company_key: str, salt: str) -> None:
    info = {
        "company_key": company_key,
        "schema_version": schema_version(),
        "address_salt": salt,
        "start": company.start.strftime("%Y-%m-%d"),
        "as_of": company.as_of.strftime("%Y-%m-%d"),
    }
    _insert(connection, "store_info", {"name": list(info), "value": list(info.values())})
    connection.execute(
        "INSERT INTO operation_log (operation_id, operation, at, actor_kind) VALUES (?, 'fill_store', ?, 'system')",
        (FILL_OPERATION, company.as_of.strftime("%Y-%m-%dT00:00:00")),
    )


def _fill_people(connection: sqlite3.Connection, company: Company, salt: str) -> None:
    for table, frame in (("territory", company.territories), ("staff", company.staff), ("account", company.accounts)):
        _insert(connection, table, _same(frame, frame.columns))
    _fill_lent_agents(connection, company)
    customers = company.customers
    same = [name for name in customers.columns if name != "created_date"]
    _insert(
        connection,
        "customer",
        {**_same(customers, same), "created_at": _at(customers["created_date"]), **_written_by_fill(customers)},
    )
    points = company.contact_points
    recorded = points["value"].to_list()
    value = [normalise_address(kind, each) for kind, each in zip(points["kind"], recorded, strict=True)]
    hashed = [hash_address(kind, each, salt) for kind, each in zip(points["kind"], value, strict=True)]
    addresses = {"value": value, "value_as_recorded": recorded, "address_hash": hashed}
    same = ("contact_point_id", "customer_id", "kind", "is_primary")
    _insert(connection, "contact_point", {**_same(points, same), **addresses, **_written_by_fill(points)})
    connection.execute(
        """INSERT INTO source_record (source_system, source_key, payload, customer_id, loaded_at, operation_id)
        SELECT source_system,
          source_system || '-' || row_number() OVER (PARTITION BY source_system ORDER BY customer_id),
          json_object('first_name', first_name, 'last_name', last_name, 'birth_date', birth_date,
            'postal_code', postal_code, 'language', language), customer_id, created_at, operation_id
        FROM customer ORDER BY customer_id"""
    )


def _fill_consents(connection: sqlite3.Connection, company: Company, salt: str) -> None:
    consents = company.consents
    addresses = zip(consents["kind"], consents["value"], strict=True)

    @functools.cache
    def hashed(kind: str, value: str) -> str:
        return hash_address(kind, normalise_address(kind, value), salt)

    _insert(
        connection,
        "consent",
        {
            **_same(consents, ("consent_id", "kind", "purpose", "action", "source")),
            "address_hash": [hashed(kind, value) for kind, value in addresses],
            "lawful_basis": [None if action == "opt_out" else "consent" for action in consents["action"]],
            "at": _at(consents["consent_date"]),
            **_written_by_fill(consents),
        },
    )


def _fill_products(connection: sqlite3.Connection, company: Company) -> None:
    products, changes = company.products, company.price_changes
    _insert(connection, "product", _same(products, [name for name in products.columns if name != "list_price_cents"]))
    links = company.product_links
    _insert(connection, "product_link", _same(links, links.columns))
    changes = changes.sort_values(["product_id", "change_date"])
    # The price before the first change is that of the first day; where nothing changed it is today's.
    first = changes.groupby("product_id")["old_list_price_cents"].first()
    at_start = products["product_id"].map(first).fillna(products["list_price_cents"]).astype("int64")
    start = company.start.strftime("%Y-%m-%d")
    _insert(
        connection,
        "price",
        {
            "product_id": [*_values(products["product_id"]), *_values(changes["product_id"])],
            "valid_from": [start] * len(products) + _values(changes["change_date"]),
            "list_price_cents": [*_values(at_start), *_values(changes["new_list_price_cents"])],
        },
    )


def _fill_sales(connection: sqlite3.Connection, company: Company) -> None:
    for table, frame in (("subscription", company.subscriptions), ("order_line", company.order_lines)):
        _insert(connection, table, _same(frame, frame.columns))
    orders = company.orders
    same = [name for name in orders.columns if name not in ("order_date", "amount_cents")]
    _insert(
        connection,
        "sales_order",
        {**_same(orders, same), "ordered_at": _at(orders["order_date"]), **_written_by_fill(orders)},
    )
    lines = company.order_lines
    sums = (lines["quantity"] * lines["unit_price_cents"]).groupby(lines["order_id"]).sum()
    wrong = int((orders["order_id"].map(sums) != orders["amount_cents"]).sum())
    if wrong:
        raise ValueError(f"the company's orders: amount_cents of {wrong:,} orders is not the sum of their lines")
    returns = company.returns
    same = ("return_id", "order_line_id", "quantity", "refund_cents", "reason")
    _insert(
        connection,
        "order_return",
        {**_same(returns, same), "returned_at": _at(returns["return_date"]), **_written_by_fill(returns)},
    )
    contracts = company.service_contracts
    _insert(connection, "service_contract", _same(contracts, contracts.columns))


def _fill_service(connection: sqlite3.Connection, company: Company) -> None:
    ratings = company.delivery_ratings
    rated = {**_same(ratings, ("order_id", "delivery_rating")), "rated_at": _at(ratings["rating_date"])}
    _insert(connection, "delivery_rating", rated)

    _fill_tickets(connection, company.tickets)
    contacts = company.interactions
    same = ("interaction_id", "customer_id", "channel", "direction", "queue", "topic", "agent_id", "ticket_id",
            "wrap_up_seconds", "is_abandoned", "outcome")  # fmt: skip
    times = {name: _moments(contacts[name]) for name in ("arrived_at", "answered_at", "ended_at")}
    _insert(connection, "interaction", {**_same(contacts, same), **times, **_written_by_fill(contacts)})
    ratings = company.contact_ratings
    rated = {**_same(ratings, ("interaction_id", "rating")), "rated_at": _moments(ratings["rated_at"])}
    _insert(connection, "contact_rating", rated)


def _fill_tickets(connection: sqlite3.Connection, tickets: pd.DataFrame) -> None:
    """Tickets of the past, through all the statuses they have had: the store writes their history itself."""
    opened = _moments(tickets["opened_at"])
    same = ("ticket_id", "customer_id", "order_line_id", "type", "channel", "priority")
    begun = {
        "subject": [_SUBJECTS[topic] for topic in tickets["topic"]],
        "opened_at": opened,
        "status_at": opened,
        **_written_by_fill(tickets),
    }
    _insert(connection, "ticket", {**_same(tickets, same), **begun})
    again = tickets["reopened_at"].notna()
    closed = tickets["resolved_at"].where(tickets["status"] == "Closed") + pd.Timedelta(days=CLOSED_AFTER_DAYS)
    steps = (
        ("Assigned", tickets["first_assigned_at"]),
        ("Resolved", tickets["first_resolved_at"]),
        ("Assigned", tickets["reopened_at"]),
        ("Resolved", tickets["resolved_at"].where(again)),
        ("Closed", closed),
    )
    owner, ticket_id = _values(tickets["owner_id"]), _values(tickets["ticket_id"])
    for status, at in steps:
        rows = zip(_moments(at), owner, ticket_id, strict=True)
        connection.executemany(
            f"UPDATE ticket SET status = '{status}', status_at = ?, owner_id = ? WHERE ticket_id = ?",
            [row for row in rows if row[0] is not None],
        )


def _fill_lent_agents(connection: sqlite3.Connection, company: Company) -> None:
    """Agents whom a partner lends have no row in the company's staff."""
    lent = company.agents[company.agents["employer"] == "partner"]
    _insert(
        connection,
        "staff",
        {
            "staff_id": _values(lent["agent_id"]),
            "first_name": ["Agent"] * len(lent),
            "last_name": [str(number) for number in lent["agent_id"]],
            "role": ["agent"] * len(lent),
            "manager_id": [1] * len(lent),
            "hourly_cost_cents": _values(lent["hourly_wage_cents"]),
            "hired_date": [company.start.strftime("%Y-%m-%d")] * len(lent),
        },
    )


def _fill_campaigns(connection: sqlite3.Connection, company: Company) -> None:
    """Campaigns of the past. Their tool wrote twice to two records with one address, and wrote to those whom another
    campaign held out."""
    campaigns, contacts = company.campaigns, company.campaign_contacts
    same = ("campaign_id", "name", "objective", "channel", "message", "purpose", "start_date", "end_date",
            "holdout_share", "discount_percent", "contact_cost_cents", "budget_cents")  # fmt: skip
    running = {"status": ["Active"] * len(campaigns), "protects_control": [0] * len(campaigns)}
    _insert(connection, "campaign", {**_same(campaigns, same), **running, **_written_by_fill(campaigns)})
    started = dict(zip(campaigns["campaign_id"], _at(campaigns["start_date"]), strict=True))
    begins = [started[each] for each in contacts["campaign_id"]]
    control = (contacts["arm"] == "control").to_numpy()
    _insert(
        connection,
        "campaign_member",
        {
            "campaign_member_id": _values(contacts["campaign_contact_id"]),
            **_same(contacts, ("campaign_id", "customer_id", "contact_point_id", "arm")),
            "status": ["held_out" if each else "queued" for each in control],
            "drawn_at": begins,
            "watched_from": begins,
            "scheduled_at": [None if held else at for held, at in zip(control, begins, strict=True)],
            **_written_by_fill(contacts),
        },
    )
    # The trigger that guards a send looks into large tables: without figures on them SQLite goes the long way round.
    connection.execute("ANALYZE")
    connection.execute("UPDATE campaign_member SET status = 'sent', sent_at = scheduled_at WHERE status = 'queued'")
    connection.execute("UPDATE campaign SET status = 'Complete'")


def _fill_campaign_responses(connection: sqlite3.Connection, company: Company) -> None:
    responses = company.campaign_responses
    bought = responses["reaction"] == "bought"
    credit = responses["credit_cents"].fillna(0).where(bought)
    _insert(
        connection,
        "campaign_response",
        {
            "campaign_response_id": _values(responses["campaign_response_id"]),
            "campaign_member_id": _values(responses["campaign_contact_id"]),
            **_same(responses, ("reaction", "order_id")),
            "responded_at": _at(responses["response_date"]),
            "amount_cents": _values(responses["amount_cents"] - credit),
            "discount_cents": _values(credit),
            **_written_by_fill(responses),
        },
    )
    # The tool kept these opt-outs in a list of its own. What a person said holds for every tool.
    connection.execute(
        """INSERT INTO consent (kind, address_hash, purpose, action, reason, source, at, operation_id)
        SELECT p.kind, p.address_hash, c.purpose, 'opt_out', 'campaign ' || c.campaign_id,
          CASE p.kind WHEN 'email' THEN 'unsubscribe_link' ELSE 'contact_centre' END, r.responded_at, r.operation_id
        FROM campaign_response AS r JOIN campaign_member AS m USING (campaign_member_id)
        JOIN campaign AS c USING (campaign_id) JOIN contact_point AS p USING (contact_point_id)
        WHERE r.reaction = 'opted_out' ORDER BY r.campaign_response_id"""
    )
