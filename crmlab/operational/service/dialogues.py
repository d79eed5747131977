"""Dialogues as data: a **call script** that an agent reads out, or the menu of the voice computer.

A dialogue is a graph of steps. Each step says what an answer must be; the answer decides which branch is taken. What is
no answer to the question is kept, and the dialogue stays where it is.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

import pandas as pd

from crmlab.operational.addresses import normalise_address
from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

#: The branch of every valid answer that has none of its own.
ANY = "*"
KINDS = ("choice", "email", "phone", "order", "text", "end")
#: How a dialogue may end, by who speaks.
OUTCOMES = {"agent": ("answered", "ticket"), "computer": ("contained", "transferred")}
_STEP = ("step", "kind", "prompt", "outcome", "queue")


def save_dialogue(
    store: Store,
    name: str,
    steps: Sequence[Mapping[str, object]],
    at: str | datetime.date,
    *,
    spoken_by: str = "agent",
    zero_out_queue: str | None = None,
    most_tries: int = 3,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Keep a dialogue; under a name that is known it becomes the next version.

    Parameters
    ----------
    steps: the first one is asked first. Each is a mapping with ``step`` (its name), ``kind``, ``prompt``, and
        ``branches``: answer -> next step, where ``*`` stands for every other valid answer. kind: choice (one of the
        branches), email, phone, order (the number of an order of the caller), text, or end. An end has no branches, but
        an ``outcome``: answered or ticket for an agent, contained or transferred (with a ``queue``) for the computer.
    zero_out_queue: where the key 0 leads at each step, and who gives ``most_tries`` invalid answers to one step.

    Returns the rows written: ``operation_log, dialogue, dialogue_step, dialogue_branch``. Raises ``RefusedOperation``
    for a step that is not there, an unknown kind, an end that leads on. A way that never ends is saved:
    ``check_dialogue`` finds it.

    >>> from crmlab.operational import open_store
    >>> steps = [{"step": "ask", "kind": "text", "prompt": "What can I do for you?", "branches": {"*": "bye"}},
    ...          {"step": "bye", "kind": "end", "prompt": "Thank you.", "outcome": "answered"}]
    >>> with open_store() as store:
    ...     save_dialogue(store, "greeting", steps, at="2026-01-05")["dialogue"]["version"].item()
    1
    """
    at = moment(at)
    checked = [_checked_step(each, spoken_by) for each in steps]
    names = [each["step"] for each, _ in checked]
    if not names or len(set(names)) < len(names):
        raise RefusedOperation("a dialogue has steps, each with a name of its own", repr(names), "one step or more")
    for row, branches in checked:
        lost = [to for to in branches.values() if to not in names]
        if lost:
            raise RefusedOperation("a branch leads to a step of the dialogue", f"{row['step']} to {lost}", f"{names}")
    with running_operation(store, "save_dialogue", at, actor_of(by)) as operation:
        (version,) = operation.one("SELECT ifnull(max(version), 0) + 1 FROM dialogue WHERE name = ?", name)
        dialogue_id = operation.insert(
            "dialogue", name=name, version=version, spoken_by=spoken_by, first_step=names[0],
            zero_out_queue=zero_out_queue, most_tries=whole_number("most_tries", most_tries),
            operation_id=operation.operation_id,
        )  # fmt: skip
        for row, _ in checked:
            operation.insert("dialogue_step", dialogue_id=dialogue_id, **row)
        for row, branches in checked:
            for answer, next_step in branches.items():
                operation.insert("dialogue_branch", dialogue_id=dialogue_id, step=row["step"], answer=answer,
                                 next_step=next_step)  # fmt: skip
    return operation.written


def _checked_step(step: Mapping[str, object], spoken_by: str) -> tuple[dict[str, object], dict[str, str]]:
    if not isinstance(step, Mapping) or set(step) - {*_STEP, "branches"} or not {"step", "kind", "prompt"} <= set(step):
        expected = "step, kind, prompt, and branches or an outcome"
        raise RefusedOperation("a step of a dialogue is a mapping", repr(step), expected)
    if spoken_by not in OUTCOMES:
        raise RefusedOperation("a dialogue is spoken by somebody", repr(spoken_by), " or ".join(OUTCOMES))
    name, kind, branches = step["step"], step["kind"], dict(step.get("branches", {}))
    if kind not in KINDS:
        raise RefusedOperation("a step is of a known kind", f"{name}: {kind!r}", ", ".join(KINDS))
    if (kind == "end") == bool(branches):
        rule = "an end leads nowhere, and every other step leads on"
        raise RefusedOperation(rule, f"{name}: {kind} with branches {branches}", "branches, or kind 'end'")
    if kind == "end" and step.get("outcome") not in OUTCOMES[spoken_by]:
        expected = " or ".join(OUTCOMES[spoken_by])
        raise RefusedOperation(f"a dialogue of the {spoken_by} has an outcome", repr(step.get("outcome")), expected)
    return {column: step.get(column) for column in _STEP}, {str(key): to for key, to in branches.items()}


def start_run(operation: Operation, name: str, spoken_by: str, interaction_id: int, at: str) -> int:
    """Start the latest version of a dialogue for a contact, within an operation that runs; gives the run's id."""
    found = operation.one(
        "SELECT dialogue_id, first_step FROM dialogue WHERE name = ? AND spoken_by = ? ORDER BY version DESC LIMIT 1",
        name, spoken_by,
    )  # fmt: skip
    if found is None:
        known = [each for (each,) in operation.all("SELECT name FROM dialogue WHERE spoken_by = ?", spoken_by)]
        raise RefusedOperation(f"a dialogue of the {spoken_by} is in the store", repr(name), f"one of {known}")
    dialogue_id, first_step = found
    return operation.insert("dialogue_run", dialogue_id=dialogue_id, interaction_id=interaction_id, step=first_step,
                            started_at=at, operation_id=operation.operation_id)  # fmt: skip


def write_answer(
    operation: Operation, run_id: int, answer: str, at: str, reserved: tuple[str, ...] = ()
) -> tuple[str, str | None] | None:
    """Write an answer to the present step, and move on where it is valid.

    An answer that is ``reserved`` is valid only where the step has a branch for it.

    Gives the outcome and queue of the end that is reached; None while the dialogue goes on.
    """
    dialogue_id, step, interaction_id = operation.one(
        "SELECT dialogue_id, step, interaction_id FROM dialogue_run WHERE dialogue_run_id = ?", run_id
    )
    (kind,) = operation.one("SELECT kind FROM dialogue_step WHERE dialogue_id = ? AND step = ?", dialogue_id, step)
    branches = dict(operation.all(
        "SELECT answer, next_step FROM dialogue_branch WHERE dialogue_id = ? AND step = ?", dialogue_id, step
    ))  # fmt: skip
    said = answer.strip()
    next_step = branches.get(said)
    if next_step is None and said not in reserved and _is_valid(operation, kind, said, interaction_id):
        next_step = branches.get(ANY)
    is_valid = int(next_step is not None)
    operation.insert("dialogue_answer", dialogue_run_id=run_id, step=step, answer=answer, is_valid=is_valid,
                     answered_at=at, operation_id=operation.operation_id)  # fmt: skip
    if next_step is None:
        return None
    outcome, queue = operation.one(
        "SELECT outcome, queue FROM dialogue_step WHERE dialogue_id = ? AND step = ?", dialogue_id, next_step
    )
    ended = {} if outcome is None else {"ended_at": at, "outcome": outcome}
    operation.update("dialogue_run", "dialogue_run_id", run_id, step=next_step, **ended,
                     operation_id=operation.operation_id)  # fmt: skip
    return None if outcome is None else (outcome, queue)


def _is_valid(operation: Operation, kind: str, answer: str, interaction_id: int) -> bool:
    if kind in ("email", "phone"):
        try:
            normalise_address(kind, answer)
        except RefusedOperation:
            return False
        return True
    if kind == "order":
        (customer_id,) = operation.one("SELECT customer_id FROM interaction WHERE interaction_id = ?", interaction_id)
        buyer = operation.one("SELECT customer_id FROM sales_order WHERE order_id = ?", answer)
        known = buyer is not None and customer_id is not None
        return known and operation.survivor(buyer[0]) == operation.survivor(customer_id)
    return bool(answer)


def present_step(store: Store, dialogue_run_id: int) -> pd.DataFrame:
    """Where a dialogue stands: ``step``, ``kind``, ``prompt``, ``answers`` (those with a branch), ``outcome``.

    One row; none for a run that is not in the store.
    """
    return store.sql(
        """SELECT r.step, s.kind, s.prompt, group_concat(b.answer, ' / ') AS answers, r.outcome
        FROM dialogue_run AS r JOIN dialogue_step AS s USING (dialogue_id, step)
        LEFT JOIN dialogue_branch AS b USING (dialogue_id, step)
        WHERE r.dialogue_run_id = ? GROUP BY r.dialogue_run_id""",
        [dialogue_run_id],
    )
