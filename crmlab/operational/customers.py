"""Contact management: a new customer with addresses and the row of the source system; what changes later.

A customer is the buying party *as recorded*. Nothing here looks whether the person is known already: two systems that
do not know of each other record one person twice, and lesson 03 finds and merges them.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence

import pandas as pd

from crmlab.operational.addresses import hash_address, normalise_address
from crmlab.operational.moments import day, moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

_CHANGEABLE = (
    "first_name", "last_name", "birth_date", "postal_code", "language", "household_size", "yearly_income_cents",
    "account_id",
)  # fmt: skip


def _territory_of(operation: Operation, postal_code: str | None) -> int | None:
    """The territory whose prefix the postal code has: the longest, where several fit."""
    if postal_code is None:
        return None
    found = operation.one(
        """SELECT territory_id FROM territory WHERE substr(?, 1, length(postal_code_prefix)) = postal_code_prefix
        ORDER BY length(postal_code_prefix) DESC LIMIT 1""",
        postal_code,
    )
    return None if found is None else found[0]


def checked_points(contact_points: Sequence[tuple[str, str]], salt: str) -> list[dict[str, object]]:
    """Addresses as rows of ``contact_point``. Raises ``RefusedOperation`` for what is none, and for one given twice."""
    if isinstance(contact_points, str):
        rule = "contact points are pairs of a kind and an address"
        raise RefusedOperation(rule, repr(contact_points), "for example [('email', 'anna@example.org')]")
    rows: list[dict[str, object]] = []
    for kind, recorded in contact_points:
        value = normalise_address(kind, recorded)
        if any((row["kind"], row["value"]) == (kind, value) for row in rows):
            raise RefusedOperation("an address stands once on a record", f"{kind} {recorded!r} twice", "once")
        first = all(row["kind"] != kind for row in rows)
        rows.append({"kind": kind, "value": value, "value_as_recorded": recorded, "is_primary": int(first),
                     "address_hash": hash_address(kind, value, salt)})  # fmt: skip
    return rows


def add_customer(
    store: Store,
    last_name: str,
    contact_points: Sequence[tuple[str, str]],
    at: str | datetime.date,
    *,
    first_name: str | None = None,
    source_system: str = "web_shop",
    source_key: str | None = None,
    account_id: int | None = None,
    birth_date: str | datetime.date | None = None,
    postal_code: str | None = None,
    language: str = "de",
    acquisition_channel: str = "direct",
    acquisition_cost_cents: int = 0,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Record a new customer with addresses; it gives no permission to write to them (see ``record_consent``).

    Parameters
    ----------
    contact_points: pairs of a kind (email, phone, post, chat, social) and an address; the first of a kind is primary.
    source_system: web_shop, store_till, reseller_portal or contact_centre; ``source_key`` is its own name for the row.
    by: the staff id of who records it; none where the customer registers alone.

    Returns the rows written: ``operation_log, customer, contact_point, source_record``. Raises ``RefusedOperation``
    for an address that has not the form of one, an empty name, a source row that was loaded before.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     new = add_customer(store, "O'Brien", [("email", "OBrien@example.org")], at="2026-01-05 10:00")
    >>> new["contact_point"]["value"].item()
    'obrien@example.org'
    """
    at = moment(at)
    cost = whole_number("acquisition_cost_cents", acquisition_cost_cents, least=0)
    person = {"first_name": first_name, "last_name": last_name, "postal_code": postal_code, "language": language,
              "birth_date": None if birth_date is None else day(birth_date)}  # fmt: skip
    points = checked_points(contact_points, store.address_salt)
    with running_operation(store, "add_customer", at, actor_of(by)) as operation:
        write_customer(
            operation, person, points, at, source_system, source_key,
            account_id=None if account_id is None else whole_number("account_id", account_id),
            acquisition_channel=acquisition_channel,
            acquisition_cost_cents=cost,
        )  # fmt: skip
    return operation.written


def write_customer(
    operation: Operation,
    person: dict[str, object],
    points: list[dict[str, object]],
    at: str,
    source_system: str,
    source_key: str | None = None,
    **won: object,
) -> int:
    """Write a customer with addresses (as ``checked_points`` gives them) and the row of the source system, within an
    operation that runs; gives the id."""
    written_by = {"operation_id": operation.operation_id}
    customer_id = operation.insert(
        "customer",
        **person,
        territory_id=_territory_of(operation, person.get("postal_code")),
        source_system=source_system,
        created_at=at,
        **won,
        **written_by,
    )
    for point in points:
        operation.insert("contact_point", customer_id=customer_id, **point, **written_by)
    sent = {**person, "contact_points": [[point["kind"], point["value_as_recorded"]] for point in points]}
    operation.insert(
        "source_record",
        source_system=source_system,
        source_key=f"customer-{customer_id}" if source_key is None else source_key,
        payload=json.dumps(sent, ensure_ascii=False),
        customer_id=customer_id,
        loaded_at=at,
        **written_by,
    )
    return customer_id


def update_customer(
    store: Store, customer_id: int, at: str | datetime.date, *, by: int | None = None, **changes: object
) -> dict[str, pd.DataFrame]:
    """Change what is known of a customer: a move (``postal_code``, which decides the territory), a name, a language.

    Returns the rows written: ``operation_log, customer``. The store knows the present; the warehouse keeps the history.
    Raises ``RefusedOperation`` for a merged record, and for a column that is not changed like this.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     update_customer(store, 1, at="2026-01-05", postal_code="01067")["customer"]["postal_code"].item()
    '01067'
    """
    at = moment(at)
    customer_id = whole_number("customer_id", customer_id)
    unknown = [name for name in changes if name not in _CHANGEABLE]
    if unknown or not changes:
        rule = "an update changes columns that may change"
        raise RefusedOperation(rule, ", ".join(unknown) or "none", ", ".join(_CHANGEABLE))
    for name in {"household_size", "yearly_income_cents", "account_id"} & set(changes):
        changes[name] = None if changes[name] is None else whole_number(name, changes[name], least=0)
    if changes.get("birth_date") is not None:
        changes["birth_date"] = day(changes["birth_date"])
    with running_operation(store, "update_customer", at, actor_of(by), customer_id) as operation:
        operation.unmerged(customer_id)
        (created_at,) = operation.one("SELECT created_at FROM customer WHERE customer_id = ?", customer_id)
        if at < created_at:
            raise RefusedOperation("a customer changes after it was recorded", at, f"{created_at} or later")
        if "postal_code" in changes:
            changes["territory_id"] = _territory_of(operation, changes["postal_code"])
        operation.update("customer", "customer_id", customer_id, **changes, operation_id=operation.operation_id)
    return operation.written
