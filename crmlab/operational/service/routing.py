"""Who takes which contact: the one queue of all channels, oldest first within priority.

A contact goes to a free agent who serves its queue: to the one who is wanted (of last time) if free, else to the one
with the fewest contacts at hand, and of those the one who has had nothing to do for longest. Nobody overtakes: while a
call waits for an agent to be wholly free, one agent is kept for it and takes no chat that came later.
"""

from __future__ import annotations

import dataclasses

from crmlab.operational.operation import Operation

_WAITING_SQL = """
SELECT interaction_id, queue, is_shared, wanted_agent_id FROM v_contact
WHERE status = 'waiting' AND arrived_at <= ? ORDER BY rank, arrived_at, interaction_id
"""
_DESKS_SQL = """
SELECT d.agent_id, d.capacity, ifnull(h.open_count, 0), ifnull(h.exclusive_count, 0),
  max(d.status_at, ifnull(h.last_closed_at, '')), (SELECT group_concat(queue, char(10)) FROM agent_skill AS s
   WHERE s.agent_id = d.agent_id)
FROM agent_desk AS d LEFT JOIN (
  SELECT agent_id, sum(status <> 'closed') AS open_count, sum(status <> 'closed' AND NOT is_shared) AS exclusive_count,
    max(CASE WHEN status = 'closed' THEN status_at END) AS last_closed_at
  FROM v_contact WHERE agent_id IS NOT NULL GROUP BY agent_id) AS h USING (agent_id)
WHERE d.status = 'available' AND d.status_at <= ?
"""


@dataclasses.dataclass
class _Desk:
    agent_id: int
    capacity: int
    open_count: int
    exclusive_count: int
    idle_since: str
    queues: frozenset[str]
    #: Kept for somebody who came earlier and needs the whole agent.
    is_kept: bool = False

    def is_free_for(self, is_shared: bool) -> bool:
        if self.is_kept or self.exclusive_count:
            return False
        return self.open_count < self.capacity if is_shared else self.open_count == 0


def dispatch(operation: Operation, at: str) -> list[int]:
    """Give everybody who waits to a free agent, as far as there are any; gives the ids of the contacts taken."""
    desks = [
        _Desk(*row, queues=frozenset((queues or "").split("\n"))) for *row, queues in operation.all(_DESKS_SQL, at)
    ]
    taken = []
    for interaction_id, queue, is_shared, wanted_agent_id in operation.all(_WAITING_SQL, at):
        serving = [desk for desk in desks if queue in desk.queues]
        free = [desk for desk in serving if desk.is_free_for(bool(is_shared))]
        if free:
            desk = min(free, key=lambda d: (d.agent_id != wanted_agent_id, d.open_count, d.idle_since, d.agent_id))
            desk.open_count += 1
            desk.exclusive_count += not is_shared
            _take(operation, interaction_id, desk.agent_id, at)
            taken.append(interaction_id)
            continue
        # Somebody who waits behind may not take the agent for whom this contact waits.
        busy = [desk for desk in serving if not desk.is_kept]
        if busy:
            min(busy, key=lambda d: (d.open_count, d.agent_id)).is_kept = True
    return taken


def _take(operation: Operation, interaction_id: int, agent_id: int, at: str) -> None:
    operation.update("interaction", "interaction_id", interaction_id, agent_id=agent_id, answered_at=at)
    operation.update("queued_contact", "interaction_id", interaction_id, status="active", status_at=at,
                     operation_id=operation.operation_id)  # fmt: skip


def receive(
    operation: Operation,
    channel: str,
    queue: str,
    at: str,
    customer_id: int | None = None,
    priority: str = "Normal",
    topic: str | None = None,
    wanted_agent_id: int | None = None,
) -> int:
    """Write a contact that arrives and waits, within an operation that runs; gives its id. ``dispatch`` comes next."""
    if customer_id is not None:
        operation.unmerged(customer_id)
    interaction_id = operation.insert("interaction", customer_id=customer_id, channel=channel, direction="inbound",
                                      queue=queue, topic=topic, arrived_at=at,
                                      operation_id=operation.operation_id)  # fmt: skip
    operation.insert("queued_contact", interaction_id=interaction_id, priority=priority,
                     wanted_agent_id=wanted_agent_id, status_at=at, operation_id=operation.operation_id)  # fmt: skip
    return interaction_id
