"""A telephone line with repeat calls: whoever got no solution calls again, and that call waits in the same queue.

So a change to calls changes how many calls there are (lesson 13b). ``levers`` compares such changes.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from crmlab.contact_queue import AgentSchedule, run_queue

_HALF_HOUR = 1800
_SKILLS = 2
_MOST_CALLS = 4
#: Whoever calls again does so after so many open days: 1 and more, geometric.
_REPEAT_DAY_SHARE = 0.5
_TALK_SIGMA, _WRAP_UP_SIGMA = 0.6, 0.5


@dataclasses.dataclass(frozen=True)
class TelephoneLine:
    """An open day of a line, and its callers.

    first_calls             float (half_hours,): calls about a new matter expected in each half-hour
    agents                  whole numbers (half_hours,): agents on the telephone
    talk_seconds            mean talk of a call
    wrap_up_seconds         mean work after it
    settled_share           of answered calls: that settle their matter
    repeat_share            of answered calls that settled nothing: whose caller calls again
    redial_share            of callers who gave up: who call again
    mean_patience_seconds   exponential
    technical_share         of matters: that need an agent who knows machines
    skilled_share           of agents: who do (they take every call; the others only calls that are not technical)
    """

    first_calls: Any
    agents: Any
    talk_seconds: float
    wrap_up_seconds: float
    settled_share: float
    repeat_share: float
    redial_share: float
    mean_patience_seconds: float
    technical_share: float = 0.0
    skilled_share: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "first_calls", np.asarray(self.first_calls, dtype=np.float64))
        object.__setattr__(self, "agents", np.asarray(self.agents, dtype=np.int64))
        if self.first_calls.shape != self.agents.shape or self.first_calls.ndim != 1:
            raise ValueError(
                f"agents has shape {self.agents.shape}, expected one number a half-hour as first_calls "
                f"{self.first_calls.shape}"
            )
        for name in ("settled_share", "repeat_share", "redial_share", "technical_share", "skilled_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a share from 0 to 1")
        for name in ("talk_seconds", "wrap_up_seconds", "mean_patience_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")


@dataclasses.dataclass(frozen=True)
class Matters:
    """What chance holds for the matters of some days, drawn once: every line meets the same (common random numbers).

    Arrays by matter, and by call about it (columns): uniform numbers and standard normal ones, times of the day.
    """

    day: np.ndarray
    kept: np.ndarray
    technical: np.ndarray
    second: np.ndarray
    talk: np.ndarray
    wrap_up: np.ndarray
    patience: np.ndarray
    settles: np.ndarray
    returns: np.ndarray
    delay: np.ndarray


def draw_matters(line: TelephoneLine, days: int, seed: int) -> Matters:
    """The matters of ``days`` open days of this line. The same seed, the same matters."""
    rng = np.random.default_rng(seed)
    count = int(rng.poisson(line.first_calls.sum() * days))
    shape = (count, _MOST_CALLS)
    profile = line.first_calls / line.first_calls.sum()
    half_hour = rng.choice(len(profile), shape, p=profile)
    return Matters(
        day=np.sort(rng.integers(0, days, count)),
        kept=rng.random(count),
        technical=rng.random(count),
        second=half_hour * _HALF_HOUR + rng.random(shape) * _HALF_HOUR,
        talk=rng.standard_normal(shape),
        wrap_up=rng.standard_normal(shape),
        patience=rng.exponential(1.0, shape),
        settles=rng.random(shape),
        returns=rng.random(shape),
        delay=rng.geometric(_REPEAT_DAY_SHARE, shape),
    )


def run_line(line: TelephoneLine, matters: Matters, *, kept_share: float = 1.0) -> dict[str, float]:
    """Run the days of ``matters`` through a line.

    kept_share: of the matters that customers still call about (less than 1 where a call costs money).

    Calls come back: on a later day, up to three times a matter. What would come back after the last day is followed to
    its end, so that no matter is left open. Returns sums: ``matters``, ``calls``, ``first_calls``, ``answered``,
    ``abandoned``, ``settled`` (matters), ``in_time`` (answered within 20 seconds), ``wait_seconds``, ``log_wait`` (of
    ln(1 + minutes), for each call), ``handle_seconds``.
    """
    who = np.flatnonzero(matters.kept < kept_share)
    schedule = _schedule(line)
    talk_middle = np.log(line.talk_seconds) - _TALK_SIGMA**2 / 2
    wrap_up_middle = np.log(line.wrap_up_seconds) - _WRAP_UP_SIGMA**2 / 2
    due: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    days, first = np.unique(matters.day[who], return_index=True)
    for day, rows in zip(days.tolist(), np.split(who, first[1:]), strict=True):
        due.setdefault(day, []).append((rows, np.zeros(len(rows), dtype=np.int64)))
    sums = dict.fromkeys(
        ("calls", "answered", "abandoned", "settled", "in_time", "wait_seconds", "log_wait", "handle_seconds"), 0.0
    )
    day = 0
    while due:
        for rows, attempt in _together(due.pop(day, [])):
            handle = np.exp(talk_middle + _TALK_SIGMA * matters.talk[rows, attempt])
            handle += np.exp(wrap_up_middle + _WRAP_UP_SIGMA * matters.wrap_up[rows, attempt])
            result = run_queue(
                matters.second[rows, attempt], handle, schedule,
                patience_seconds=matters.patience[rows, attempt] * line.mean_patience_seconds,
                queue=(matters.technical[rows] < line.technical_share).astype(int),
            )  # fmt: skip
            # Whom nobody has answered at the end of the day, and who is still there, has given up.
            answered = result.answered
            closes = len(line.agents) * _HALF_HOUR
            wait = np.where(answered | result.abandoned, result.wait_seconds, closes - matters.second[rows, attempt])
            settled = answered & (matters.settles[rows, attempt] < line.settled_share)
            sums["calls"] += len(rows)
            sums["answered"] += answered.sum()
            sums["abandoned"] += (~answered).sum()
            sums["settled"] += settled.sum()
            sums["in_time"] += (answered & (wait <= 20)).sum()
            sums["wait_seconds"] += wait.sum()
            sums["log_wait"] += np.log1p(wait / 60).sum()
            sums["handle_seconds"] += handle[answered].sum()
            again = ~settled & (attempt + 1 < _MOST_CALLS)
            again &= matters.returns[rows, attempt] < np.where(answered, line.repeat_share, line.redial_share)
            on = day + matters.delay[rows, attempt]
            for later in np.unique(on[again]).tolist():
                which = again & (on == later)
                due.setdefault(later, []).append((rows[which], attempt[which] + 1))
        day += 1
    return {
        "matters": float(len(matters.day)),
        "first_calls": float(len(who)),
        **{k: float(v) for k, v in sums.items()},
    }


def _together(parts: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """All calls of a day as one: they meet in one queue."""
    if not parts:
        return []
    return [(np.concatenate([rows for rows, _ in parts]), np.concatenate([attempt for _, attempt in parts]))]


def _schedule(line: TelephoneLine) -> AgentSchedule:
    """One row for each stretch of half-hours in which an agent, by number, is there."""
    rows: list[tuple[int, int, int, bool]] = []
    most = int(line.agents.max(initial=0))
    skilled = int(np.ceil(most * line.skilled_share))
    for agent in range(most):
        there = np.concatenate([[False], line.agents > agent, [False]])
        edges = np.flatnonzero(there[1:] != there[:-1]) * _HALF_HOUR
        rows += [(agent + 1, begin, end, agent < skilled) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    agent, begin, end, knows = zip(*rows, strict=True) if rows else ((), (), (), ())
    skills = np.ones((len(rows), _SKILLS), dtype=bool)
    skills[:, 1] = np.array(knows, dtype=bool)
    return AgentSchedule(np.array(agent, dtype=np.int64), np.array(begin), np.array(end), skills)
