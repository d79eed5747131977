"""A queue that really runs: contacts arrive, wait for an agent with the skill, are answered or give up.

An event simulation. Formulas (``crmlab.analytical.contact_centre``) hold for a steady queue of one kind; this one takes
whatever a day brings: a rush at ten, agents on their break, skills, priorities, chats that one agent holds several of
at once. The company's own past was made with it, and a lesson asks it what one more agent would have changed.

Nothing in it is drawn by chance: the caller draws arrivals, patience and handling times. So two settings can be held
against each other on the very same contacts.
"""

from __future__ import annotations

import dataclasses
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

#: Events of one second in this order: who goes home takes nothing more, and who comes takes the oldest first.
_LEAVES, _COMES, _FREED, _ARRIVES = range(4)


@dataclasses.dataclass(frozen=True)
class AgentSchedule:
    """Who is there when, for which queues. One row a stretch of work; a break is a gap between two rows of an agent.

    agent_id       int (rows,): who; the stretches of one agent do not overlap
    from_second    float (rows,), seconds on the clock of the arrivals
    to_second      float (rows,), later than ``from_second``: from then on the agent takes nothing new, but finishes
                   what is in hand
    skills         bool (rows, queues): which queues the agent serves
    capacity       int (rows,): the units of work an agent holds at once (see ``units`` of ``run_queue``); 1 unless
                   given, and the same in all rows of an agent
    pace           float (rows,), more than 0: factor on the handling time of what the agent takes; 1 unless given

    Raises ``ValueError`` that names the column and what is wrong with it.
    """

    agent_id: np.ndarray
    from_second: np.ndarray
    to_second: np.ndarray
    skills: np.ndarray
    capacity: np.ndarray | None = None
    pace: np.ndarray | None = None

    def __post_init__(self) -> None:
        rows = len(self.agent_id)
        skills = np.asarray(self.skills, dtype=bool)
        if skills.ndim != 2:
            raise ValueError(f"skills has shape {skills.shape}, expected (rows, queues)")
        capacity = np.ones(rows, dtype=np.int64) if self.capacity is None else np.asarray(self.capacity)
        pace = np.ones(rows) if self.pace is None else np.asarray(self.pace, dtype=np.float64)
        columns = {
            "agent_id": np.asarray(self.agent_id, dtype=np.int64),
            "from_second": np.asarray(self.from_second, dtype=np.float64),
            "to_second": np.asarray(self.to_second, dtype=np.float64),
            "skills": skills,
            "capacity": capacity.astype(np.int64),
            "pace": pace,
        }
        for name, column in columns.items():
            if len(column) != rows:
                raise ValueError(f"{name} has {len(column)} rows, expected {rows} as agent_id")
            object.__setattr__(self, name, column)
        bad = ~(columns["to_second"] > columns["from_second"]) | ~np.isfinite(columns["from_second"])
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            found = f"{self.from_second[row]:g} to {self.to_second[row]:g}"
            raise ValueError(f"row {row} runs from {found}, expected to_second after from_second")
        if (columns["capacity"] < 1).any():
            raise ValueError(f"capacity has {columns['capacity'].min()}, expected 1 or more")
        if not (np.isfinite(pace) & (pace > 0)).all():
            raise ValueError(f"pace has {pace[~(np.isfinite(pace) & (pace > 0))][0]:g}, expected more than 0")
        order = np.lexsort([columns["from_second"], columns["agent_id"]])
        agent, begins, ends = (columns[name][order] for name in ("agent_id", "from_second", "to_second"))
        same = agent[1:] == agent[:-1]
        if (same & (begins[1:] < ends[:-1])).any():
            raise ValueError(f"agent_id {agent[1:][same & (begins[1:] < ends[:-1])][0]} has stretches that overlap")
        if (same & (columns["capacity"][order][1:] != columns["capacity"][order][:-1])).any():
            raise ValueError("capacity differs between the rows of one agent, expected one number an agent")


def always_there(agents: int, queues: int = 1, *, from_second: float = 0.0, to_second: float = np.inf) -> AgentSchedule:
    """``agents`` agents, numbered from 1, who serve all ``queues`` the whole time.

    >>> always_there(3).agent_id.tolist()
    [1, 2, 3]
    """
    numbers = np.arange(1, agents + 1)
    every = np.ones(agents)
    return AgentSchedule(numbers, from_second * every, to_second * every, np.ones((agents, queues), dtype=bool))


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
    return _result(contacts, _Run(contacts, schedule, size.tolist()), float(until))


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


def _result(contacts: dict[str, np.ndarray], run: _Run, until: float) -> QueueResult:
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


class _Run:
    """One run: agents with room in heaps by the set of their skills, waiting contacts in heaps by queue.

    Entries are left in the heaps when they lapse (an agent whose room has changed, a contact who has given up) and
    dropped when they come to the front.
    """

    def __init__(self, contacts: dict[str, np.ndarray], schedule: AgentSchedule, units: list[int]):
        self.arrival = contacts["arrival_second"].tolist()
        self.handle = contacts["handle_seconds"].tolist()
        self.gives_up = (contacts["arrival_second"] + contacts["patience_seconds"]).tolist()
        self.queue = contacts["queue"].astype(np.int64).tolist()
        self.priority = contacts["priority"].tolist()
        self.after = contacts["only_if_abandoned"].astype(np.int64).tolist()
        self.units = units
        skill_sets, group = np.unique(schedule.skills, axis=0, return_inverse=True)
        self.group = group.ravel().tolist()
        self.serves = [np.flatnonzero(each).tolist() for each in skill_sets]
        self.served_by = [np.flatnonzero(skill_sets[:, each]).tolist() for each in range(len(units))]
        self.agent_ids, first, self.agent = np.unique(schedule.agent_id, return_index=True, return_inverse=True)
        agents = len(self.agent_ids)
        self.room = schedule.capacity[first].tolist()
        self.pace_of_row = schedule.pace.tolist()
        self.pace = [1.0] * agents
        self.on_duty_in = [-1] * agents
        self.version = [0] * agents
        self.free: list[list[tuple[int, float, int, int]]] = [[] for _ in self.serves]
        self.waiting: list[list[tuple[float, float, int]]] = [[] for _ in units]
        self.events: list[tuple[float, int, int, int]] = self._events(schedule)
        self.came = [False] * len(self.arrival)
        self.takes = [np.nan] * len(self.arrival)
        self.taken_by = [-1] * len(self.arrival)
        self.answered = [np.nan] * len(self.arrival)

    def _events(self, schedule: AgentSchedule) -> list[tuple[float, int, int, int]]:
        rows = list(enumerate(self.agent.tolist()))
        comes = [(at, _COMES, row, agent) for (row, agent), at in zip(rows, schedule.from_second.tolist(), strict=True)]
        leaves = [(at, _LEAVES, row, agent) for (row, agent), at in zip(rows, schedule.to_second.tolist(), strict=True)]
        events = comes + [each for each in leaves if each[0] < np.inf]
        heapify(events)
        return events

    def run(self, until: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Who took each contact (0: nobody), when, and which came."""
        events, arrival = self.events, self.arrival
        order = np.lexsort([np.arange(len(arrival)), arrival]).tolist()
        following = 0
        while True:
            next_arrival = arrival[order[following]] if following < len(order) else np.inf
            # At one second arrivals come last, so all that happens up to their second comes first.
            if events and events[0][0] <= next_arrival:
                now, kind, which, agent = heappop(events)
                if now > until:
                    break
                self._happens(now, kind, which, agent)
            elif following < len(order) and next_arrival <= until:
                self._arrives(order[following])
                following += 1
            else:
                break
        taken_by = np.array(self.taken_by, dtype=np.int64)
        agent_id = np.append(self.agent_ids, 0)[taken_by]
        return agent_id, np.array(self.answered, dtype=np.float64), np.array(self.came, dtype=bool)

    def _happens(self, now: float, kind: int, which: int, agent: int) -> None:
        if kind == _LEAVES:
            self.on_duty_in[agent] = -1
            self.version[agent] += 1
            return
        if kind == _COMES:
            self.on_duty_in[agent] = self.group[which]
            self.pace[agent] = self.pace_of_row[which]
        else:
            self.room[agent] += self.units[self.queue[which]]
        if self.on_duty_in[agent] >= 0:
            self._takes_what_waits(now, agent)

    def _takes_what_waits(self, now: float, agent: int) -> None:
        """The agent takes waiting contacts while there is room, and then stands free with what is left of it."""
        while self.room[agent]:
            best = None
            for queue in self.serves[self.on_duty_in[agent]]:
                line = self.waiting[queue]
                while line and self.gives_up[line[0][2]] < now:
                    heappop(line)
                if line and self.units[queue] <= self.room[agent] and (best is None or line[0] < best):
                    best = line[0]
            if best is None:
                break
            heappop(self.waiting[self.queue[best[2]]])
            self._begins(now, best[2], agent)
        self._stands_free(now, agent)

    def _stands_free(self, now: float, agent: int) -> None:
        self.version[agent] += 1
        if self.room[agent]:
            heappush(self.free[self.on_duty_in[agent]], (-self.room[agent], now, agent, self.version[agent]))

    def _begins(self, now: float, contact: int, agent: int) -> None:
        self.room[agent] -= self.units[self.queue[contact]]
        self.taken_by[contact] = agent
        self.answered[contact] = now
        self.takes[contact] = self.handle[contact] * self.pace[agent]
        heappush(self.events, (now + self.takes[contact], _FREED, contact, agent))

    def _gave_up_by(self, contact: int, now: float) -> bool:
        return self.came[contact] and self.taken_by[contact] < 0 and self.gives_up[contact] <= now

    def _arrives(self, contact: int) -> None:
        queue, now, after = self.queue[contact], self.arrival[contact], self.after[contact]
        if after >= 0 and not self._gave_up_by(after, now):
            return
        self.came[contact] = True
        best = None
        for group in self.served_by[queue]:
            free = self.free[group]
            while free and free[0][3] != self.version[free[0][2]]:
                heappop(free)
            if free and -free[0][0] >= self.units[queue] and (best is None or free[0] < best):
                best = free[0]
        if best is None:
            heappush(self.waiting[queue], (self.priority[contact], now, contact))
        else:
            self._begins(now, contact, best[2])
            self._stands_free(now, best[2])
