"""Single contacts with customers: who came, through which channel, how long they waited and how long it took.

A contact without an agent that was not given up is one that the customer **finished alone**: on the web site, or with
the voice computer. An abandoned call is none of those. Lesson 01 counts them; chapter 13 makes a contact centre of
them.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


def log_interaction(
    store: Store,
    channel: str,
    direction: str,
    at: str | datetime.date,
    *,
    customer_id: int | None = None,
    answered_at: str | datetime.date | None = None,
    ended_at: str | datetime.date | None = None,
    wrap_up_seconds: int = 0,
    is_abandoned: bool = False,
    queue: str | None = None,
    topic: str | None = None,
    ticket_id: int | None = None,
    outcome: str | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Write down one contact that arrived ``at`` a time.

    Parameters
    ----------
    channel: call, chat, click_to_talk, email, ivr, web or social. direction: inbound or outbound.
    customer_id: none for a caller whom nobody knows. topic: what it is about, none where that is not written down.
    answered_at: when an agent answered; with it ``by`` names the agent. Without it the customer was alone.
    wrap_up_seconds: the agent's work after the customer had gone.
    is_abandoned: the customer gave up waiting, at ``ended_at``.

    Returns the rows written: ``operation_log, interaction``. Raises ``RefusedOperation``: times out of order, an answer
    without an agent, an abandoned contact that was answered, a merged customer.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     call = log_interaction(
    ...         store, "call", "inbound", at="2026-01-05 09:00:00", answered_at="2026-01-05 09:00:40",
    ...         ended_at="2026-01-05 09:04:40", wrap_up_seconds=30, customer_id=17, by=20,
    ...     )
    ...     contact_id = call["interaction"]["interaction_id"].item()
    ...     query = "SELECT wait_seconds, handle_seconds FROM v_interaction WHERE interaction_id = ?"
    ...     store.sql(query, [contact_id]).to_dict("records")
    [{'wait_seconds': 40, 'handle_seconds': 270}]
    """
    at = moment(at)
    wrap_up_seconds = whole_number("wrap_up_seconds", wrap_up_seconds, least=0)
    customer_id = None if customer_id is None else whole_number("customer_id", customer_id)
    if (by is None) != (answered_at is None):
        found = f"by={by!r}, answered_at={answered_at!r}"
        raise RefusedOperation("an answer has an agent, and an agent answers", found, "both or neither")
    if is_abandoned and ended_at is None:
        expected = "ended_at: when the customer gave up"
        raise RefusedOperation("a contact is abandoned at a time", "ended_at=None", expected)
    with running_operation(store, "log_interaction", at, actor_of(by), customer_id) as operation:
        if customer_id is not None:
            operation.unmerged(customer_id)
        operation.insert(
            "interaction",
            customer_id=customer_id,
            channel=channel,
            direction=direction,
            queue=queue,
            topic=topic,
            agent_id=None if by is None else whole_number("by", by),
            ticket_id=None if ticket_id is None else whole_number("ticket_id", ticket_id),
            arrived_at=at,
            answered_at=None if answered_at is None else moment(answered_at),
            ended_at=None if ended_at is None else moment(ended_at),
            wrap_up_seconds=wrap_up_seconds,
            is_abandoned=int(is_abandoned),
            outcome=outcome,
            operation_id=operation.operation_id,
        )
    return operation.written
