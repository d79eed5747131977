"""The events of a queue in the order of time: agents come and go, contacts arrive, are taken and end."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from crmlab.contact_queue.schedule import AgentSchedule

#: Events of one second in this order: who goes home takes nothing more, and who comes takes the oldest first.
_LEAVES, _COMES, _FREED, _ARRIVES = range(4)


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The different rows of bits, and which of them each row is."""
    _, first, which = np.unique([row.tobytes() for row in rows], return_index=True, return_inverse=True)
    return rows[first], which.tolist()


class EventRun:
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
        skill_sets, self.group = _distinct(schedule.skills)
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
