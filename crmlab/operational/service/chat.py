"""**Live chat**: the visitor writes to an agent who is there, and several visitors share one agent.

Who comes back within a week gets the agent of last time, if free. When nobody is there the visitor leaves a message,
and it becomes a ticket. What was said is kept.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.customers import checked_points, write_customer
from crmlab.operational.moments import moment
from crmlab.operational.operation import CUSTOMER, Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.service.routing import dispatch, receive
from crmlab.operational.service.tickets import write_ticket
from crmlab.operational.store import Store

#: So long does a visitor come back to the same agent.
SAME_AGENT_DAYS = 7


def is_chat_open(store: Store, queue: str, at: str | datetime.date) -> bool:
    """Whether an agent who serves the queue is at the desk."""
    found = store.sql(
        """SELECT 1 FROM agent_desk JOIN agent_skill USING (agent_id)
        WHERE queue = ? AND status = 'available' AND status_at <= ?""", [queue, moment(at)]
    )  # fmt: skip
    return not found.empty


def start_chat(
    store: Store,
    text: str,
    queue: str,
    at: str | datetime.date,
    *,
    customer_id: int | None = None,
    topic: str | None = None,
) -> dict[str, pd.DataFrame]:
    """A visitor writes the first line: to the agent of last time, to another who is free, or waits for the next.

    Returns the rows written: ``operation_log, interaction, queued_contact, chat_message``. Raises ``RefusedOperation``
    when nobody is at the desk: then the visitor leaves a message.

    >>> from crmlab.operational import open_store, sign_on
    >>> with open_store() as store:
    ...     agent = sign_on(store, 20, ["service"], at="2026-01-05 08:00", capacity=3)
    ...     chat = start_chat(store, "Which filter fits?", "service", at="2026-01-05 09:00", customer_id=17)
    >>> chat["queued_contact"]["status"].item()
    'active'
    """
    at = moment(at)
    customer_id = None if customer_id is None else whole_number("customer_id", customer_id)
    if not is_chat_open(store, queue, at):
        raise RefusedOperation("a chat needs an agent who is there", f"nobody in {queue!r} at {at}", "leave_message")
    with running_operation(store, "start_chat", at, CUSTOMER, customer_id) as operation:
        agent_id = None if customer_id is None else _agent_of_last_time(operation, customer_id, at)
        interaction_id = receive(operation, "chat", queue, at, customer_id, topic=topic, wanted_agent_id=agent_id)
        operation.insert("chat_message", interaction_id=interaction_id, sender="visitor", text=text, sent_at=at,
                         operation_id=operation.operation_id)  # fmt: skip
        dispatch(operation, at)
    return operation.written


def send_chat_message(
    store: Store, interaction_id: int, text: str, at: str | datetime.date, *, by: int | None = None
) -> dict[str, pd.DataFrame]:
    """A line of a chat: of the visitor, or of the agent ``by``, who has it.

    Returns the rows written: ``operation_log, chat_message``. Raises ``RefusedOperation`` for a chat that ended, for
    an agent's line before the chat was taken, and for another agent.
    """
    at, interaction_id = moment(at), whole_number("interaction_id", interaction_id)
    with running_operation(store, "send_chat_message", at, actor_of(by)) as operation:
        if by is not None:
            found = operation.one("SELECT agent_id FROM interaction WHERE interaction_id = ?", interaction_id)
            if found != (by,):
                raise RefusedOperation("the agent who took a chat writes in it", f"by={by}", f"by={found and found[0]}")
        sender = "visitor" if by is None else "agent"
        operation.insert("chat_message", interaction_id=interaction_id, sender=sender, text=text, sent_at=at,
                         operation_id=operation.operation_id)  # fmt: skip
    return operation.written


def leave_message(
    store: Store, text: str, email: str, at: str | datetime.date, *, last_name: str, subject: str = "Message"
) -> dict[str, pd.DataFrame]:
    """What a visitor writes while nobody is there: a ticket of the customer with that e-mail address.

    Whoever is not known is recorded as a customer; of several records with the address the oldest takes the ticket.

    Returns the rows written: ``operation_log, interaction, ticket, ticket_history``, and ``customer, contact_point,
    source_record`` for somebody new. Raises ``RefusedOperation`` for what is no e-mail address, and for an empty text.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     left = leave_message(store, "Please write", "new@example.org", at="2026-01-05 22:00", last_name="Vogt")
    >>> left["ticket"]["channel"].item()
    'chat'
    """
    at = moment(at)
    points = checked_points([("email", email)], store.address_salt)
    if not isinstance(text, str) or not text.strip():
        raise RefusedOperation("a message is not empty", repr(text), "a text")
    with running_operation(store, "leave_message", at, CUSTOMER) as operation:
        found = operation.one(
            """SELECT min(surviving_customer_id) FROM contact_point JOIN v_customer USING (customer_id)
            WHERE kind = 'email' AND value = ?""", points[0]["value"],
        )  # fmt: skip
        customer_id = found[0] or write_customer(
            operation, {"last_name": last_name}, points, at, "contact_centre", acquisition_channel="direct"
        )
        ticket_id = write_ticket(operation, customer_id, subject, at, channel="chat", description=text)
        operation.insert("interaction", customer_id=customer_id, channel="chat", direction="inbound",
                         ticket_id=ticket_id, arrived_at=at, ended_at=at, outcome="message",
                         operation_id=operation.operation_id)  # fmt: skip
    return operation.written


def transcript(store: Store, interaction_id: int) -> pd.DataFrame:
    """What was said in a chat: ``sent_at`` (datetime64), ``sender``, ``text``, in order."""
    query = "SELECT sent_at, sender, text FROM chat_message WHERE interaction_id = ? ORDER BY chat_message_id"
    return store.sql(query, [interaction_id])


def _agent_of_last_time(operation: Operation, customer_id: int, at: str) -> int | None:
    since = datetime.datetime.fromisoformat(at) - datetime.timedelta(days=SAME_AGENT_DAYS)
    found = operation.one(
        """SELECT i.agent_id FROM interaction AS i JOIN v_customer AS v USING (customer_id)
        WHERE v.surviving_customer_id = ? AND i.channel = 'chat' AND i.agent_id IS NOT NULL
          AND i.ended_at BETWEEN ? AND ? ORDER BY i.ended_at DESC, i.interaction_id DESC LIMIT 1""",
        operation.survivor(customer_id), since.isoformat(), at,
    )  # fmt: skip
    return None if found is None else found[0]
