"""Agents: who is there when, for which queues, and how much each holds at once."""

from __future__ import annotations

import dataclasses

import numpy as np


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
