"""Inbound **teleservice**: the agent identifies the caller, reads the script, and the script ends in an answer or in a
ticket; then comes the wrap-up.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.service.contact_queue import running_contact
from crmlab.operational.service.dialogues import start_run, write_answer
from crmlab.operational.service.tickets import write_ticket
from crmlab.operational.store import Store

_TICKET_CHANNELS = {"click_to_talk": "call"}


def start_script(
    store: Store, interaction_id: int, name: str, at: str | datetime.date, *, by: int
) -> dict[str, pd.DataFrame]:
    """Open a call script, in its latest version, for a contact that the agent has at hand.

    Returns the rows written: ``operation_log, dialogue_run``. Raises ``RefusedOperation`` for a contact that is not
    active with this agent, an unknown script, and while another script is open for the contact.
    """
    at = moment(at)
    actor = actor_of(whole_number("by", by))
    with running_contact(store, "start_script", interaction_id, at, actor, "active") as operation:
        start_run(operation, name, "agent", interaction_id, at)
    return operation.written


def answer_script(
    store: Store, dialogue_run_id: int, answer: str, at: str | datetime.date, *, by: int, type: str = "question"
) -> dict[str, pd.DataFrame]:
    """Note what the caller answered to the present step. What is no valid answer is kept, and the script stays there.

    At an end the contact has its outcome; an end with outcome ``ticket`` opens a ticket of ``type`` for the caller,
    with the answers as its description.

    Returns the rows written: ``operation_log, dialogue_answer, dialogue_run``, and at an end ``interaction, ticket,
    ticket_history``. Raises ``RefusedOperation`` for a script that has ended, and for a ticket of a caller whom nobody
    has identified.

    >>> from crmlab.operational import open_store, receive_contact, save_dialogue, sign_on
    >>> steps = [{"step": "what", "kind": "text", "prompt": "What is it?", "branches": {"*": "noted"}},
    ...          {"step": "noted", "kind": "end", "prompt": "We look into it.", "outcome": "ticket"}]
    >>> with open_store() as store:
    ...     saved = save_dialogue(store, "note", steps, at="2026-01-05")
    ...     agent = sign_on(store, 20, ["service"], at="2026-01-05 08:00")
    ...     call = receive_contact(store, "call", "service", at="2026-01-05 09:00", customer_id=17)["interaction"]
    ...     run = start_script(store, call["interaction_id"].item(), "note", at="2026-01-05 09:01", by=20)
    ...     run_id = run["dialogue_run"]["dialogue_run_id"].item()
    ...     answered = answer_script(store, run_id, "No steam", at="2026-01-05 09:02", by=20)
    >>> answered["ticket"]["description"].item()
    'what: No steam'
    """
    at, run_id = moment(at), whole_number("dialogue_run_id", dialogue_run_id)
    actor = actor_of(whole_number("by", by))
    if not isinstance(answer, str):
        raise RefusedOperation("an answer is a text", repr(answer), "a text")
    interaction_id = script_contact(store, run_id)
    with running_contact(store, "answer_script", interaction_id, at, actor, "active") as operation:
        reached = write_answer(operation, run_id, answer, at)
        if reached is not None:
            outcome, _ = reached
            ticket = {"ticket_id": _ticket(operation, run_id, interaction_id, at, type)} if outcome == "ticket" else {}
            operation.update("interaction", "interaction_id", interaction_id, outcome=outcome, **ticket)
    return operation.written


def script_contact(store: Store, run_id: int) -> int:
    """The contact of a dialogue that goes on. Raises ``RefusedOperation`` for one that ended or is not there."""
    found = store.sql("SELECT interaction_id, ended_at FROM dialogue_run WHERE dialogue_run_id = ?", [run_id])
    if found.empty:
        expected = "an id in table dialogue_run"
        raise RefusedOperation("the dialogue is in the store", f"dialogue_run_id {run_id}", expected)
    if found["ended_at"].notna().item():
        raise RefusedOperation("a dialogue that ended takes no answer", f"dialogue_run_id {run_id}", "one that goes on")
    return found["interaction_id"].item()


def _ticket(operation: Operation, run_id: int, interaction_id: int, at: str, type: str) -> int:
    customer_id, channel, topic, priority, name = operation.one(
        """SELECT c.customer_id, c.channel, c.topic, c.priority, d.name FROM v_contact AS c
        JOIN dialogue_run AS r USING (interaction_id) JOIN dialogue AS d USING (dialogue_id)
        WHERE r.dialogue_run_id = ?""", run_id,
    )  # fmt: skip
    if customer_id is None:
        raise RefusedOperation("a ticket is for a customer who is known", "nobody", "link_caller before the ticket")
    answers = operation.all(
        "SELECT step, answer FROM dialogue_answer WHERE dialogue_run_id = ? AND is_valid ORDER BY dialogue_answer_id",
        run_id,
    )
    description = "\n".join(f"{step}: {answer}" for step, answer in answers)
    channel = _TICKET_CHANNELS.get(channel, channel)
    return write_ticket(operation, customer_id, topic or name, at, type, channel, priority, description)
