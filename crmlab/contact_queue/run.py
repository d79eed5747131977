"""Contacts run through the agents of a schedule: what goes in, and what comes out."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from crmlab.contact_queue.events import EventRun
from crmlab.contact_queue.schedule import AgentSchedule


@dataclasses.dataclass(frozen=True)
class QueueResult:
    """What became of each contact, in the order in which they were given.

    came            bool: whether the contact arrived at all (see ``only_if_abandoned`` of ``run_queue``)
    agent_id        int64: who took it; 0 where nobody did
    answered_at     float64, seconds; missing (nan) where nobody answered
    abandoned_at    float64, seconds; missing where nobody gave up
    wait_seconds    float64: until the answer, or until giving up; missing for those who still wait at the end
    ended_at        float64: when the agent was done with it, wrap-up included; missing where nobody answered
    """

    came: np.ndarray
    agent_id: np.ndarray
    answered_at: np.ndarray
    abandoned_at: np.ndarray
    wait_seconds: np.ndarray
    ended_at: np.ndarray

    @property
    def answered(self) -> np.ndarray:
        """bool: who was answered."""
        return ~np.isnan(self.answered_at)

    @property
    def abandoned(self) -> np.ndarray:
        """bool: who gave up."""
        return ~np.isnan(self.abandoned_at)

    @property
    def still_waiting(self) -> np.ndarray:
        """bool: who came, and was neither answered nor gone at the end."""
        return self.came & ~self.answered & ~self.abandoned


def run_queue(
    arrival_second: Any,
    handle_seconds: Any,
    schedule: AgentSchedule,
    *,
    patience_seconds: Any = np.inf,
    queue: Any = 0,
    priority: Any = 0,
    units: Any = None,
    only_if_abandoned: Any = -1,
    until: float = np.inf,
) -> QueueResult:
    """Run the contacts through the agents of a schedule.

    arrival_second      (contacts,), in any order
    handle_seconds      talk and wrap-up, 0 or more
    schedule            who is there when
    patience_seconds    how long the contact waits at most, 0 or more; ``inf`` for one that never gives up
    queue               whole number from 0, the column of ``schedule.skills``
    priority            whole number; the smaller goes first, whatever the queue
    units               for each queue the units of an agent's capacity that a contact takes up (1 unless given): with
                        capacity 3, a call of 3 units fills an agent, and three chats of 1 unit fit side by side
    only_if_abandoned   position of another contact, which must have given up by the second in which this one arrives:
                        a caller who tries again. Where that one was answered, this one does not come. -1: comes anyway
    until               the end of the world, seconds: what would come, be answered or given up later has not happened

    All but ``schedule`` and ``units`` take a number for all contacts, or one a contact.

    An agent who has room takes, among the waiting contacts that he has the skill and the room for, the one of the
    smallest priority that arrived first. A contact that finds several agents with room goes to the one with the most
    room, among these to the one who has waited longest. An answer at the very end of the patience is in time.

    Returns a ``QueueResult``. Raises ``ValueError`` that names the argument, what was found and what was expected.

    >>> from crmlab.contact_queue import always_there
    >>> result = run_queue([0, 10, 20], [60, 60, 60], always_there(1), patience_seconds=[30, 55, 30])
    >>> result.wait_seconds.tolist(), result.abandoned.tolist()
    ([0.0, 50.0, 30.0], [False, False, True])
    """
    contacts = _contacts(arrival_second, schedule, handle_seconds=handle_seconds, patience_seconds=patience_seconds,
                         queue=queue, priority=priority, only_if_abandoned=only_if_abandoned)  # fmt: skip
    queues = schedule.skills.shape[1]
    size = np.ones(queues, dtype=np.int64) if units is None else np.asarray(units, dtype=np.int64)
    if size.shape != (queues,) or (size < 1).any():
        raise ValueError(f"units is {np.asarray(units).tolist()}, expected {queues} whole numbers of 1 or more")
    if np.isnan(until):
        raise ValueError("until is nan, expected a number of seconds")
    return _result(contacts, EventRun(contacts, schedule, size.tolist()), float(until))


def _contacts(arrival: Any, schedule: AgentSchedule, **given: Any) -> dict[str, np.ndarray]:
    arrival = np.asarray(arrival, dtype=np.float64)
    if arrival.ndim != 1:
        raise ValueError(f"arrival_second has shape {arrival.shape}, expected one number a contact")
    contacts = {"arrival_second": arrival}
    for name, values in given.items():
        values = np.asarray(values, dtype=np.float64)
        if values.shape not in ((), arrival.shape):
            raise ValueError(f"{name} has shape {values.shape}, expected one number, or {len(arrival)} of them")
        contacts[name] = np.broadcast_to(values, arrival.shape)
    for name in ("arrival_second", "handle_seconds", "priority", "only_if_abandoned"):
        if not np.isfinite(contacts[name]).all():
            raise ValueError(f"{name} has a missing or infinite value, expected finite numbers")
    for name in ("handle_seconds", "patience_seconds"):
        bad = ~(contacts[name] >= 0)
        if bad.any():
            raise ValueError(f"{name} has {contacts[name][bad][0]:g}, expected 0 or more")
    queues = schedule.skills.shape[1]
    position = contacts["queue"]
    strange = ~((position >= 0) & (position < queues) & (position == np.floor(position)))
    if strange.any():
        found = position[strange][0]
        raise ValueError(f"queue has {found:g}, expected 0 to {queues - 1}: the columns of the schedule's skills")
    after = contacts["only_if_abandoned"]
    if not ((after >= -1) & (after < len(arrival)) & (after == np.floor(after))).all():
        raise ValueError(f"only_if_abandoned has a value outside -1 to {len(arrival) - 1}, the positions of contacts")
    return contacts


def _result(contacts: dict[str, np.ndarray], run: EventRun, until: float) -> QueueResult:
    agent, answered_at, came = run.run(until)
    arrival = contacts["arrival_second"]
    gives_up = arrival + contacts["patience_seconds"]
    gone = came & np.isnan(answered_at) & (gives_up <= until) & np.isfinite(gives_up)
    abandoned_at = np.where(gone, gives_up, np.nan)
    return QueueResult(
        came=came,
        agent_id=agent,
        answered_at=answered_at,
        abandoned_at=abandoned_at,
        wait_seconds=np.where(gone, abandoned_at, answered_at) - arrival,
        ended_at=answered_at + np.array(run.takes, dtype=np.float64),
    )
