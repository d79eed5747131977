"""Permission marketing: what people said about being written to, kept by address.

No row means no permission. An **opt-out** beats every list, import and merge; only the person's own **confirmed
opt-in** lifts it. Rows are never changed: to change one's mind is to add a row. Lesson 05 shows it.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.addresses import hash_address, normalise_address
from crmlab.operational.moments import moment
from crmlab.operational.operation import actor_of, running_operation
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

ACTIONS = ("opt_in", "confirmed_opt_in", "opt_out")
#: Where only the person can click.
OWN_SOURCES = ("confirmation_link", "preference_page")


def record_consent(
    store: Store,
    kind: str,
    address: str,
    action: str,
    at: str | datetime.date,
    *,
    source: str,
    purpose: str = "marketing",
    reason: str | None = None,
    lawful_basis: str | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Write down what somebody said about an address; the store keeps only its hash.

    Parameters
    ----------
    action: opt_in, confirmed_opt_in or opt_out. An opt_in after an opt_out is kept, but does not lift it.
    source: checkout, newsletter_form, confirmation_link, preference_page, unsubscribe_link, contact_centre, import or
        bought_list. A confirmed opt-in comes from confirmation_link or preference_page, and from nobody on the staff.
    purpose: marketing, service or research.
    lawful_basis: consent (of an opt-in, unless given), contract, legitimate_interest or legal_obligation.

    Returns the rows written: ``operation_log, consent``. Raises ``RefusedOperation``.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     said = record_consent(
    ...         store, "email", "Anna@example.org", "opt_out", at="2026-01-05", source="unsubscribe_link"
    ...     )
    ...     permission(store, "email", "anna@EXAMPLE.org", at="2026-01-05")
    'opted_out'
    """
    at = moment(at)
    value = normalise_address(kind, address)
    if action not in ACTIONS:
        raise RefusedOperation("a consent has a known action", repr(action), ", ".join(ACTIONS))
    if action == "confirmed_opt_in" and (source not in OWN_SOURCES or by is not None):
        found = f"source {source!r}" if by is None else f"by staff {by}"
        expected = f"source {' or '.join(OWN_SOURCES)}, by=None"
        raise RefusedOperation("only the person confirms an opt-in", found, expected)
    if action != "opt_out" and lawful_basis is None:
        lawful_basis = "consent"
    with running_operation(store, "record_consent", at, actor_of(by)) as operation:
        operation.insert(
            "consent",
            kind=kind,
            address_hash=hash_address(kind, value, store.address_salt),
            purpose=purpose,
            action=action,
            reason=reason,
            lawful_basis=lawful_basis,
            source=source,
            at=at,
            operation_id=operation.operation_id,
        )
    return operation.written


def permission(
    store: Store, kind: str, address: str, at: str | datetime.date, purpose: str = "marketing"
) -> str | None:
    """Where an address stood at a time: ``confirmed``, ``opted_in``, ``opted_out``, or None where nothing was said.

    The same rule as the view ``v_permission``, which knows the present. A day alone means its first second.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     permission(store, "email", "nobody@example.org", at="2026-01-05") is None
    True
    """
    key = (hash_address(kind, normalise_address(kind, address), store.address_salt), purpose, moment(at))
    query = "SELECT action, max(at) FROM consent WHERE address_hash = ? AND purpose = ? AND at <= ? GROUP BY action"
    with store.lock:
        last = dict(store.connection.execute(query, key).fetchall())
    if "opt_out" in last and last["opt_out"] >= last.get("confirmed_opt_in", ""):
        return "opted_out"
    if "confirmed_opt_in" in last:
        return "confirmed"
    return "opted_in" if "opt_in" in last else None
