"""The **voice response system**: a computer answers, the caller presses keys.

A call ends **contained** (the caller has what he wanted), **transferred** to a queue of agents, or the caller hangs up.
Who hangs up in a menu was not served: containment counts him in the denominator, not among the contained.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import CUSTOMER, Operation, running_operation, whole_number
from crmlab.operational.service.call_scripts import script_contact
from crmlab.operational.service.callers import identify_caller
from crmlab.operational.service.dialogues import start_run, write_answer
from crmlab.operational.service.routing import dispatch, receive
from crmlab.operational.store import Store

ZERO = "0"


def start_voice_call(
    store: Store, menu: str, at: str | datetime.date, *, phone: str | None = None
) -> dict[str, pd.DataFrame]:
    """The computer answers a call with the latest version of a menu. A number that one customer has tells who calls.

    Returns the rows written: ``operation_log, interaction, dialogue_run``. Raises ``RefusedOperation`` for an unknown
    menu.
    """
    at = moment(at)
    known = identify_caller(store, phone, at)
    customer_id = known["customer_id"].item() if len(known) == 1 else None
    with running_operation(store, "start_voice_call", at, CUSTOMER, customer_id) as operation:
        interaction_id = operation.insert("interaction", customer_id=customer_id, channel="ivr", direction="inbound",
                                          arrived_at=at, operation_id=operation.operation_id)  # fmt: skip
        start_run(operation, menu, "computer", interaction_id, at)
    return operation.written


def press_key(store: Store, dialogue_run_id: int, keys: str, at: str | datetime.date) -> dict[str, pd.DataFrame]:
    """The caller presses keys: a choice, a number, or 0 for an agent.

    At an end the call is contained, or goes to a queue, as it does for 0 and after ``most_tries`` invalid answers to
    one step where the menu has a zero-out.

    Returns the rows written: ``operation_log, dialogue_answer``, ``dialogue_run`` where the menu moves on,
    ``interaction`` at an end, ``queued_contact`` after a transfer. Raises ``RefusedOperation`` for a call that ended.

    >>> from crmlab.operational import open_store, save_dialogue
    >>> steps = [{"step": "main", "kind": "choice", "prompt": "1 opening hours", "branches": {"1": "hours"}},
    ...          {"step": "hours", "kind": "end", "prompt": "Nine to five.", "outcome": "contained"}]
    >>> with open_store() as store:
    ...     saved = save_dialogue(store, "menu", steps, at="2026-01-05", spoken_by="computer", zero_out_queue="service")
    ...     for key in ("1", "0"):
    ...         call = start_voice_call(store, "menu", at="2026-01-05 09:00")["dialogue_run"]
    ...         pressed = press_key(store, call["dialogue_run_id"].item(), key, at="2026-01-05 09:01")
    ...     containment(store)["containment_rate"]
    0.5
    """
    at, run_id = moment(at), whole_number("dialogue_run_id", dialogue_run_id)
    interaction_id = script_contact(store, run_id)
    with running_operation(store, "press_key", at, CUSTOMER) as operation:
        zero_out_queue, most_tries, step = operation.one(
            """SELECT d.zero_out_queue, d.most_tries, r.step FROM dialogue_run AS r JOIN dialogue AS d
            USING (dialogue_id) WHERE r.dialogue_run_id = ?""", run_id,
        )  # fmt: skip
        reached = write_answer(operation, run_id, keys, at, reserved=(ZERO,) if zero_out_queue is not None else ())
        (invalid,) = operation.one(
            "SELECT count(*) FROM dialogue_answer WHERE dialogue_run_id = ? AND step = ? AND NOT is_valid", run_id, step
        )
        if reached is None and zero_out_queue is not None and (keys.strip() == ZERO or invalid >= most_tries):
            reached = ("transferred", zero_out_queue)
            operation.update("dialogue_run", "dialogue_run_id", run_id, ended_at=at, outcome="transferred",
                             operation_id=operation.operation_id)  # fmt: skip
        if reached is not None:
            _end(operation, interaction_id, *reached, at)
    return operation.written


def hang_up(store: Store, dialogue_run_id: int, at: str | datetime.date) -> dict[str, pd.DataFrame]:
    """The caller hangs up in the menu.

    Returns the rows written: ``operation_log, dialogue_run, interaction``. Raises ``RefusedOperation`` for a call that
    ended.
    """
    at, run_id = moment(at), whole_number("dialogue_run_id", dialogue_run_id)
    interaction_id = script_contact(store, run_id)
    with running_operation(store, "hang_up", at, CUSTOMER) as operation:
        operation.update("dialogue_run", "dialogue_run_id", run_id, ended_at=at, outcome="hung_up",
                         operation_id=operation.operation_id)  # fmt: skip
        operation.update("interaction", "interaction_id", interaction_id, ended_at=at, is_abandoned=1,
                         outcome="hung_up")  # fmt: skip
    return operation.written


def containment(store: Store) -> pd.Series:
    """How the calls through menus of this store ended: ``calls``, ``contained``, ``transferred``, ``hung_up`` (int64
    counts) and ``containment_rate``, contained of all that ended; NaN where none has.
    """
    outcomes = store.sql(
        """SELECT r.outcome, count(*) AS n FROM dialogue_run AS r JOIN dialogue AS d USING (dialogue_id)
        WHERE d.spoken_by = 'computer' AND r.ended_at IS NOT NULL GROUP BY r.outcome"""
    ).set_index("outcome")["n"]
    counts = {name: int(outcomes.get(name, 0)) for name in ("contained", "transferred", "hung_up")}
    calls = sum(counts.values())
    rate = counts["contained"] / calls if calls else float("nan")
    return pd.Series({"calls": calls, **counts, "containment_rate": rate}, dtype="object")


def _end(operation: Operation, interaction_id: int, outcome: str, queue: str | None, at: str) -> None:
    operation.update("interaction", "interaction_id", interaction_id, ended_at=at, outcome=outcome)
    if outcome == "transferred":
        (customer_id,) = operation.one("SELECT customer_id FROM interaction WHERE interaction_id = ?", interaction_id)
        receive(operation, "call", queue, at, None if customer_id is None else operation.survivor(customer_id))
        dispatch(operation, at)
