"""The agent's desk: the queue, the caller's card, the script and the ticket side by side, and what to do next.

An inquiry is closed in the same order each time: it is taken, the caller is identified, the script is read to its end
(an answer or a ticket), the contact ends, the wrap-up is finished. The desk knows which step comes next; the database
refuses the later ones before it.
"""

from __future__ import annotations

import dataclasses
import datetime

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.service.contact_queue import contact_queue
from crmlab.operational.service.dialogues import present_step
from crmlab.operational.store import Store

#: The steps that close an inquiry, in order, each with the operation that does it.
STEPS = {
    "take": "sign_on, set_agent_status or finish_wrap_up of the contact before",
    "identify": "identify_caller, then link_caller",
    "script": "start_script, then answer_script until it ends",
    "end": "end_contact",
    "wrap_up": "finish_wrap_up",
}


@dataclasses.dataclass(frozen=True)
class Desk:
    """What an agent sees: ``queue`` (as ``contact_queue``), ``contacts`` (those at hand), ``card`` (the caller, no row
    while nobody knows), ``script`` (the present step, no row without one), ``ticket`` (the one that this contact led
    to), and the ``next_step`` of ``STEPS`` for the oldest contact at hand, None where there is none."""

    queue: pd.DataFrame
    contacts: pd.DataFrame
    card: pd.DataFrame
    script: pd.DataFrame
    ticket: pd.DataFrame
    next_step: str | None


def next_step(store: Store, interaction_id: int) -> str | None:
    """Which of ``STEPS`` a contact of the queue needs next; None for one that is closed or was abandoned.

    Raises ``RefusedOperation`` for a contact that the queue does not know.
    """
    interaction_id = whole_number("interaction_id", interaction_id)
    found = store.sql("SELECT status, customer_id, outcome FROM v_contact WHERE interaction_id = ?", [interaction_id])
    if found.empty:
        raise RefusedOperation("a contact is in the queue", f"interaction_id {interaction_id}", "one that was received")
    status = found["status"].item()
    if status == "waiting":
        return "take"
    if status == "wrap_up":
        return "wrap_up"
    if status != "active":
        return None
    if found["customer_id"].isna().item():
        return "identify"
    # The outcome of a script that has ended; one that is open or not begun has none.
    return "end" if isinstance(found["outcome"].item(), str) else "script"


def open_desk(store: Store, agent_id: int, at: str | datetime.date) -> Desk:
    """The desk of an agent at a time. Reads, and writes nothing.

    >>> from crmlab.operational import open_store, receive_contact, sign_on
    >>> with open_store() as store:
    ...     agent = sign_on(store, 20, ["service"], at="2026-01-05 08:00")
    ...     call = receive_contact(store, "call", "service", at="2026-01-05 09:00")
    ...     open_desk(store, 20, at="2026-01-05 09:01").next_step
    'identify'
    """
    at, agent_id = moment(at), whole_number("agent_id", agent_id)
    contacts = store.sql(
        """SELECT interaction_id, channel, queue, topic, status, customer_id, arrived_at, answered_at, ticket_id,
          outcome FROM v_contact WHERE agent_id = ? AND status IN ('active', 'wrap_up') AND answered_at <= ?
        ORDER BY answered_at, interaction_id""",
        [agent_id, at],
    )
    first = contacts.head(1)
    interaction_id = None if first.empty else first["interaction_id"].item()
    customer_id = None if first.empty or first["customer_id"].isna().item() else first["customer_id"].item()
    card = store.sql(
        """SELECT c.customer_id, c.first_name, c.last_name, c.postal_code, c.language,
          (SELECT max(o.ordered_at) FROM sales_order AS o JOIN v_customer AS w USING (customer_id)
           WHERE w.surviving_customer_id = c.customer_id) AS last_order_at,
          (SELECT count(*) FROM ticket AS t JOIN v_customer AS w USING (customer_id)
           WHERE w.surviving_customer_id = c.customer_id AND t.status NOT IN ('Resolved', 'Closed'))
           AS open_ticket_count
        FROM customer AS c JOIN v_customer AS v ON v.surviving_customer_id = c.customer_id
        WHERE v.customer_id = ? LIMIT 1""",
        [customer_id],
    )
    run = store.sql("SELECT max(dialogue_run_id) AS dialogue_run_id FROM dialogue_run WHERE interaction_id = ?",
                    [interaction_id])["dialogue_run_id"]  # fmt: skip
    ticket = store.sql(
        """SELECT t.ticket_id, t.subject, t.priority, t.status, t.description FROM ticket AS t
        JOIN interaction AS i USING (ticket_id) WHERE i.interaction_id = ?""",
        [interaction_id],
    )
    script = present_step(store, None if run.isna().item() else run.item())
    return Desk(contact_queue(store, at), contacts, card, script, ticket,
                None if interaction_id is None else next_step(store, interaction_id))  # fmt: skip
