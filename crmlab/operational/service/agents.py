"""Agents at their desks: which queues an agent serves, how many chats at once, and whether the agent is there.

A **blended** agent serves several channels. An agent who goes away takes nothing new, and finishes what is open.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.service.routing import dispatch
from crmlab.operational.store import Store


def sign_on(
    store: Store, agent_id: int, queues: Sequence[str], at: str | datetime.date, *, capacity: int = 3
) -> dict[str, pd.DataFrame]:
    """An agent takes the desk: for these queues, with so many chats at once. Whoever waits there is served at once.

    Signing on again changes queues and capacity. Returns the rows written: ``operation_log, agent_desk, agent_skill``,
    and ``interaction, queued_contact`` where somebody waited. Raises ``RefusedOperation`` for no queue, an unknown
    member of staff, or a time before the last change.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     sign_on(store, 20, ["service"], at="2026-01-05 08:00")["agent_desk"]["status"].item()
    'available'
    """
    at, agent_id = moment(at), whole_number("agent_id", agent_id)
    capacity = whole_number("capacity", capacity)
    if isinstance(queues, str) or not queues or not all(isinstance(each, str) and each.strip() for each in queues):
        raise RefusedOperation("an agent serves queues", repr(queues), "a list of names, such as ['service']")
    with running_operation(store, "sign_on", at, actor_of(agent_id)) as operation:
        desk = {"status": "available", "capacity": capacity, "status_at": at, "operation_id": operation.operation_id}
        known = operation.one("SELECT status_at FROM agent_desk WHERE agent_id = ?", agent_id)
        if known is None:
            operation.insert("agent_desk", agent_id=agent_id, **desk)
        else:
            _check_later(at, known[0])
            operation.update("agent_desk", "agent_id", agent_id, **desk)
        operation.connection.execute("DELETE FROM agent_skill WHERE agent_id = ?", (agent_id,))
        for queue in dict.fromkeys(queues):
            operation.insert("agent_skill", agent_id=agent_id, queue=queue)
        dispatch(operation, at)
    return operation.written


def set_agent_status(store: Store, agent_id: int, status: str, at: str | datetime.date) -> dict[str, pd.DataFrame]:
    """An agent goes ``away`` (a break, the end of the shift) or is ``available`` again.

    Returns the rows written: ``operation_log, agent_desk``, and ``interaction, queued_contact`` where somebody waited.
    Raises ``RefusedOperation`` for an agent who never signed on, an unknown status, a time before the last change.
    """
    at, agent_id = moment(at), whole_number("agent_id", agent_id)
    with running_operation(store, "set_agent_status", at, actor_of(agent_id)) as operation:
        known = operation.one("SELECT status_at FROM agent_desk WHERE agent_id = ?", agent_id)
        if known is None:
            raise RefusedOperation("an agent signs on first", f"agent_id {agent_id}", "sign_on(store, agent_id, ...)")
        _check_later(at, known[0])
        operation.update("agent_desk", "agent_id", agent_id, status=status, status_at=at,
                         operation_id=operation.operation_id)  # fmt: skip
        dispatch(operation, at)
    return operation.written


def _check_later(at: str, since: str) -> None:
    if at < since:
        raise RefusedOperation("a desk changes after its last change", at, f"{since} or later")
