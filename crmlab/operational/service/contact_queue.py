"""The **customer interaction centre**: calls, chats, call-backs, e-mails and posts wait in one queue (lesson 13a).

A contact is a row of ``interaction`` from its first second: it arrives, is taken by an agent or given up, ends, and is
closed when the agent has finished the wrap-up. Each step may free an agent, who takes the next contact at once.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import CUSTOMER, Actor, Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.service.routing import dispatch, receive
from crmlab.operational.store import Store


def receive_contact(
    store: Store,
    channel: str,
    queue: str,
    at: str | datetime.date,
    *,
    customer_id: int | None = None,
    priority: str = "Normal",
    topic: str | None = None,
) -> dict[str, pd.DataFrame]:
    """A contact arrives; a free agent takes it at once, or it waits.

    channel: call, email or social (``start_chat`` and ``request_call_back`` are the ways of the others). priority:
    Urgent, High, Normal or Low. ``customer_id``: none for a caller whom nobody knows.

    Returns the rows written: ``operation_log, interaction, queued_contact``. Raises ``RefusedOperation``.

    >>> from crmlab.operational import open_store, sign_on
    >>> with open_store() as store:
    ...     agent = sign_on(store, 20, ["service"], at="2026-01-05 08:00")
    ...     calls = [receive_contact(store, "call", "service", at="2026-01-05 09:00") for _ in range(2)]
    ...     store.sql("SELECT status FROM queued_contact")["status"].to_list()
    ['active', 'waiting']
    """
    at = moment(at)
    if channel not in ("call", "email", "social"):
        expected = "call, email or social; start_chat for a chat, request_call_back for a click"
        raise RefusedOperation("a contact arrives on a channel of the queue", repr(channel), expected)
    customer_id = None if customer_id is None else whole_number("customer_id", customer_id)
    with running_operation(store, "receive_contact", at, CUSTOMER, customer_id) as operation:
        receive(operation, channel, queue, at, customer_id, priority, topic)
        dispatch(operation, at)
    return operation.written


def abandon_contact(store: Store, interaction_id: int, at: str | datetime.date) -> dict[str, pd.DataFrame]:
    """The customer gives up waiting.

    Returns the rows written: ``operation_log, interaction, queued_contact``. Raises ``RefusedOperation`` for a contact
    that an agent has taken.
    """
    at = moment(at)
    with running_contact(store, "abandon_contact", interaction_id, at, CUSTOMER, "waiting") as operation:
        operation.update("interaction", "interaction_id", interaction_id, ended_at=at, is_abandoned=1,
                         outcome="abandoned")  # fmt: skip
        _set_status(operation, interaction_id, "abandoned", at)
        # Whoever waited behind this contact may find that the agent who was kept for it is free.
        dispatch(operation, at)
    return operation.written


def hand_over_contact(
    store: Store, interaction_id: int, agent_id: int, at: str | datetime.date, *, by: int
) -> dict[str, pd.DataFrame]:
    """The agent ``by`` gives a contact at hand to another, ``agent_id``; what was said and answered goes along.

    Returns the rows written: ``operation_log, interaction, queued_contact``, also of whoever is taken next. Raises
    ``RefusedOperation`` for a contact that is not active with this agent, and for another who is away, has no room or
    does not serve the queue.
    """
    at, agent_id = moment(at), whole_number("agent_id", agent_id)
    with running_contact(store, "hand_over_contact", interaction_id, at, _agent(by), "active") as operation:
        if agent_id == by:
            raise RefusedOperation("a contact is handed over to somebody else", f"agent_id={agent_id}", "another agent")
        operation.update("interaction", "interaction_id", interaction_id, agent_id=agent_id)
        _set_status(operation, interaction_id, "active", at)
        dispatch(operation, at)
    return operation.written


def end_contact(
    store: Store, interaction_id: int, at: str | datetime.date, *, by: int, outcome: str | None = None
) -> dict[str, pd.DataFrame]:
    """The customer has gone; the agent's **wrap-up** begins. A script that is not at its end stops here.

    ``outcome``: what came of it, where no script has said so; also what corrects the script.

    Returns the rows written: ``operation_log, interaction, queued_contact``, and ``dialogue_run`` for a script that
    stops. Raises ``RefusedOperation`` for a contact that is not with this agent.
    """
    at = moment(at)
    with running_contact(store, "end_contact", interaction_id, at, _agent(by), "active") as operation:
        run = operation.one(
            "SELECT dialogue_run_id FROM dialogue_run WHERE interaction_id = ? AND ended_at IS NULL", interaction_id
        )
        if run is not None:
            operation.update("dialogue_run", "dialogue_run_id", run[0], ended_at=at, outcome="stopped",
                             operation_id=operation.operation_id)  # fmt: skip
        changes = {"ended_at": at} if outcome is None else {"ended_at": at, "outcome": outcome}
        operation.update("interaction", "interaction_id", interaction_id, **changes)
        _set_status(operation, interaction_id, "wrap_up", at)
    return operation.written


def finish_wrap_up(
    store: Store, interaction_id: int, at: str | datetime.date, *, by: int, outcome: str | None = None
) -> dict[str, pd.DataFrame]:
    """The agent has noted what was to be noted: the contact is closed, with its outcome, and the next one is taken.

    Returns the rows written: ``operation_log, interaction, queued_contact``. Raises ``RefusedOperation`` for a contact
    that has not ended, and where nobody said what came of it.

    >>> from crmlab.operational import open_store, sign_on
    >>> with open_store() as store:
    ...     agent = sign_on(store, 20, ["service"], at="2026-01-05 08:00")
    ...     call = receive_contact(store, "call", "service", at="2026-01-05 09:00")
    ...     call_id = call["interaction"]["interaction_id"].item()
    ...     ended = end_contact(store, call_id, at="2026-01-05 09:05", by=20, outcome="answered")
    ...     closed = finish_wrap_up(store, call_id, at="2026-01-05 09:06", by=20)
    >>> closed["interaction"]["wrap_up_seconds"].item()
    60
    """
    at = moment(at)
    with running_contact(store, "finish_wrap_up", interaction_id, at, _agent(by), "wrap_up") as operation:
        ended_at, said = operation.one(
            "SELECT ended_at, outcome FROM interaction WHERE interaction_id = ?", interaction_id
        )
        if outcome is None and said is None:
            raise RefusedOperation("a contact is closed with its outcome", "outcome=None", "such as 'answered'")
        seconds = datetime.datetime.fromisoformat(at) - datetime.datetime.fromisoformat(ended_at)
        operation.update("interaction", "interaction_id", interaction_id, outcome=outcome or said,
                         wrap_up_seconds=int(seconds.total_seconds()))  # fmt: skip
        _set_status(operation, interaction_id, "closed", at)
        dispatch(operation, at)
    return operation.written


def contact_queue(store: Store, at: str | datetime.date) -> pd.DataFrame:
    """Who waits at a time, in the order in which they are served.

    Columns: ``interaction_id`` (int64), ``channel``, ``queue``, ``priority``, ``topic``, ``customer_id`` (Int64),
    ``arrived_at`` (datetime64), ``waiting_seconds`` (int64).
    """
    return store.sql(
        """SELECT interaction_id, channel, queue, priority, topic, customer_id, arrived_at,
          CAST(strftime('%s', :at) AS INTEGER) - CAST(strftime('%s', arrived_at) AS INTEGER) AS waiting_seconds
        FROM v_contact WHERE status = 'waiting' AND arrived_at <= :at ORDER BY rank, arrived_at, interaction_id""",
        {"at": moment(at)},
    )


def _agent(by: int) -> Actor:
    return actor_of(whole_number("by", by))


@contextmanager
def running_contact(
    store: Store, name: str, interaction_id: int, at: str, actor: Actor, status: str
) -> Iterator[Operation]:
    """An operation on a contact of the queue that has this status, by the agent who has it.

    Raises ``RefusedOperation`` for another status, another agent, and a time before the contact's last change.
    """
    interaction_id = whole_number("interaction_id", interaction_id)
    query = "SELECT status, agent_id, status_at, customer_id FROM v_contact WHERE interaction_id = ?"
    with store.lock:
        found = store.connection.execute(query, (interaction_id,)).fetchone()
        if found is None:
            expected = "one that was received"
            raise RefusedOperation("a contact is in the queue", f"interaction_id {interaction_id}", expected)
        found_status, agent_id, since, customer_id = found
        if found_status != status:
            raise RefusedOperation(f"{name} is for a contact that is {status}", found_status, status)
        if actor.staff_id is not None and actor.staff_id != agent_id:
            found = f"by={actor.staff_id}"
            raise RefusedOperation("a contact belongs to the agent who took it", found, f"by={agent_id}")
        if at < since:
            raise RefusedOperation("a contact changes after its last change", at, f"{since} or later")
        with running_operation(store, name, at, actor, customer_id) as operation:
            yield operation


def _set_status(operation: Operation, interaction_id: int, status: str, at: str) -> None:
    operation.update("queued_contact", "interaction_id", interaction_id, status=status, status_at=at,
                     operation_id=operation.operation_id)  # fmt: skip
