"""The help desk's tickets: opened for a customer, assigned to somebody, resolved, and opened again if need be.

The store itself keeps each change of status in ``ticket_history``, whoever makes it, and refuses a change that makes no
sense. Service levels, holds and merges of tickets come with chapter 12.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


def open_ticket(
    store: Store,
    customer_id: int,
    subject: str,
    at: str | datetime.date,
    *,
    type: str = "question",
    channel: str = "web",
    priority: str = "Normal",
    description: str | None = None,
    order_line_id: int | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Open a ticket for a customer; it starts as New.

    type: question, incident, complaint, return or warranty. channel: call, chat, email, web, store or social.
    priority: Low, Normal, High or Urgent. ``order_line_id``: what it is about. ``by``: who opens it, none for the
    customer.

    Returns the rows written: ``operation_log, ticket, ticket_history``. Raises ``RefusedOperation``: unknown or merged
    customer, a time before the customer was recorded, a line that somebody else bought.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     open_ticket(store, 17, "No steam", at="2026-01-05 09:00")["ticket"]["status"].item()
    'New'
    """
    at = moment(at)
    customer_id = whole_number("customer_id", customer_id)
    order_line_id = None if order_line_id is None else whole_number("order_line_id", order_line_id)
    with running_operation(store, "open_ticket", at, actor_of(by), customer_id) as operation:
        write_ticket(operation, customer_id, subject, at, type, channel, priority, description, order_line_id)
    return operation.written


def write_ticket(
    operation: Operation,
    customer_id: int,
    subject: str,
    at: str,
    type: str = "question",
    channel: str = "web",
    priority: str = "Normal",
    description: str | None = None,
    order_line_id: int | None = None,
) -> int:
    """Write a ticket within an operation that runs, such as a call that ends in one; gives its id.

    Raises ``RefusedOperation`` as ``open_ticket`` does.
    """
    operation.unmerged(customer_id)
    if order_line_id is not None:
        _check_bought(operation, order_line_id, customer_id)
    ticket_id = operation.insert(
        "ticket",
        customer_id=customer_id,
        order_line_id=order_line_id,
        type=type,
        channel=channel,
        subject=subject,
        description=description,
        priority=priority,
        opened_at=at,
        status_at=at,
        operation_id=operation.operation_id,
    )
    operation.also_wrote("ticket_history", "ticket_id = ?", ticket_id)
    return ticket_id


def _check_bought(operation: Operation, order_line_id: int, customer_id: int) -> None:
    query = "SELECT customer_id FROM order_line JOIN sales_order USING (order_id) WHERE order_line_id = ?"
    buyer = operation.one(query, order_line_id)
    if buyer is None or operation.survivor(buyer[0]) != customer_id:
        found = f"order_line_id {order_line_id}"
        raise RefusedOperation("a ticket is about what its customer bought", found, f"a line of customer {customer_id}")


def _change(store: Store, name: str, ticket_id: int, at: str, by: int, status: str, **changes: object) -> dict:
    ticket_id = whole_number("ticket_id", ticket_id)
    actor = actor_of(whole_number("by", by))
    with store.lock:
        query = "SELECT customer_id, status, status_at FROM ticket WHERE ticket_id = ?"
        found = store.connection.execute(query, (ticket_id,)).fetchone()
        if found is None:
            raise RefusedOperation("a ticket is in the store", f"ticket_id {ticket_id}", "an id in table ticket")
        customer_id, before, since = found
        if at < since:
            raise RefusedOperation("a ticket changes after its last change", at, f"{since} or later")
        with running_operation(store, name, at, actor, customer_id) as operation:
            allowed = [
                to for (to,) in operation.all("SELECT to_status FROM ticket_transition WHERE from_status = ?", before)
            ]
            if status != before and status not in allowed:
                found_status = f"from {before} to {status}"
                raise RefusedOperation("a ticket's status changes step by step", found_status, f"one of {allowed}")
            operation.update("ticket", "ticket_id", ticket_id, status=status, status_at=at,
                             operation_id=operation.operation_id, **changes)  # fmt: skip
            operation.also_wrote("ticket_history", "operation_id = ?", operation.operation_id)
    return operation.written


def assign_ticket(
    store: Store, ticket_id: int, owner_id: int, at: str | datetime.date, *, by: int
) -> dict[str, pd.DataFrame]:
    """Give a ticket to a member of staff; a resolved one is opened again by this.

    Returns the rows written: ``operation_log, ticket, ticket_history``. Raises ``RefusedOperation``.

    >>> from crmlab.operational import open_store, open_ticket
    >>> with open_store() as store:
    ...     ticket = open_ticket(store, 17, "No steam", at="2026-01-05 09:00")["ticket"]["ticket_id"].item()
    ...     assign_ticket(store, ticket, 20, at="2026-01-05 09:10", by=19)["ticket"]["status"].item()
    'Assigned'
    """
    owner_id = whole_number("owner_id", owner_id)
    return _change(store, "assign_ticket", ticket_id, moment(at), by, "Assigned", owner_id=owner_id)


def resolve_ticket(store: Store, ticket_id: int, at: str | datetime.date, *, by: int) -> dict[str, pd.DataFrame]:
    """Say that a ticket is solved.

    Returns the rows written: ``operation_log, ticket, ticket_history``. Raises ``RefusedOperation`` for a ticket
    that is not assigned.

    >>> from crmlab.operational import assign_ticket, open_store, open_ticket
    >>> with open_store() as store:
    ...     ticket = open_ticket(store, 17, "No steam", at="2026-01-05 09:00")["ticket"]["ticket_id"].item()
    ...     assigned = assign_ticket(store, ticket, 20, at="2026-01-05 09:10", by=20)
    ...     resolve_ticket(store, ticket, at="2026-01-05 11:00", by=20)["ticket"]["status"].item()
    'Resolved'
    """
    return _change(store, "resolve_ticket", ticket_id, moment(at), by, "Resolved")
