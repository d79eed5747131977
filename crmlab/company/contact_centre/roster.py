"""The roster: who works when, planned for the mean day of a month; breaks, training and illness on top.

The planner knows how many calls a day of each kind brings in the mean, and sends as many agents as Erlang C asks for.
So Mondays, which bring more than the mean, go badly; and nobody comes in for who is ill.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from crmlab.analytical.contact_centre import agents_required
from crmlab.company.columns import repeating_text
from crmlab.company.contact_centre.agents import Agents
from crmlab.company.contact_centre.opening_hours import (
    ADVENT_DAY,
    DAY,
    HALF_HOUR,
    OPEN_HOURS,
    SATURDAY,
    WEEKDAY,
    call_profile,
)
from crmlab.company.contact_centre.settings import ContactSettings
from crmlab.company.contact_centre.topics import AGENT_PLACES, EMAILS, OUTBOUND, QUEUES
from crmlab.contact_queue import AgentSchedule

ACTIVITIES = ("contacts", "break", "training", "sick")
CONTACTS, BREAK, TRAINING, SICK = range(len(ACTIVITIES))
#: What the planner reckons with: seconds of a call, of a letter, of an agent's time in a chat.
PLANNED_CALL_SECONDS, PLANNED_LETTER_SECONDS, PLANNED_CHAT_SECONDS = 390, 330, 260
_WRITTEN_OCCUPANCY = 0.7
_MOST_OCCUPANCY = 0.85
#: The share of a shift that goes on breaks.
_BREAK_SHARE = 0.15
_TARGET_SECONDS = 20
_HOUR = 3600


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What a day of one kind brings in the mean of a month: ``calls``, ``letters``, ``chats``."""

    calls: float
    letters: float
    chats: float


@dataclasses.dataclass(frozen=True)
class Stretches:
    """Stretches of agents' paid time: ``agent`` (position), ``begin`` and ``end`` (seconds of the day), ``activity``
    (position in ``ACTIVITIES``), ``skills`` (bool, stretches by queues)."""

    agent: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    activity: np.ndarray
    skills: np.ndarray


def shifts_of(kind: int, forecast: Forecast, settings: ContactSettings) -> list[tuple[int, int]]:
    """The shifts of a day of this kind, from and to in seconds of the day: whole days first, then the peaks."""
    opens, closes = (int(hour) for hour in OPEN_HOURS[kind])
    needed = _needed(kind, forecast, settings)[opens * 2 : closes * 2]
    if kind not in (WEEKDAY, ADVENT_DAY):
        return [(opens * _HOUR, closes * _HOUR)] * int(needed.max())
    evening = [(16 * _HOUR, 24 * _HOUR)] * int(max(needed[16:].max(), 1)) if kind == ADVENT_DAY else []
    whole = max(int(np.sort(needed[:16])[6]), 2)
    early = max(int(needed[:8].max()) - whole, 0)
    late = max(int(needed[8:16].max()) - whole, 0)
    return (
        [(9 * _HOUR, 17 * _HOUR)] * whole
        + [(9 * _HOUR, 13 * _HOUR)] * early
        + [(13 * _HOUR, 17 * _HOUR)] * late
        + evening
    )


def _needed(kind: int, forecast: Forecast, settings: ContactSettings) -> np.ndarray:
    """Agents needed in each half-hour of the day: for the calls by Erlang C, for the rest by its seconds."""
    profile = call_profile(kind)
    calls = agents_required(
        forecast.calls * profile, PLANNED_CALL_SECONDS, HALF_HOUR, _TARGET_SECONDS, settings.planned_service_level,
        _MOST_OCCUPANCY,
    )["agents"]  # fmt: skip
    opens, closes = OPEN_HOURS[min(kind, SATURDAY) if kind != ADVENT_DAY else WEEKDAY]
    written = forecast.letters * PLANNED_LETTER_SECONDS + forecast.chats * PLANNED_CHAT_SECONDS
    written = written / ((closes - opens) * _HOUR) / _WRITTEN_OCCUPANCY
    agents = np.round((calls + written) / (1 - _BREAK_SHARE) + 0.1)
    return np.where(profile > 0, np.maximum(agents, 1).astype(int), 0)


def draw_day(
    rng: np.random.Generator, settings: ContactSettings, agents: Agents, kind: int, shifts: list[tuple[int, int]],
    first: int, pool: int,
) -> Stretches:  # fmt: skip
    """The stretches of a day: agents ``first`` and following of the first ``pool`` take the shifts in turn."""
    rows: list[tuple[int, int, int, int, int]] = []
    for number, (begin, end) in enumerate(shifts):
        agent = (first + number) % pool
        if rng.random() < settings.sick_share:
            rows.append((agent, begin, end, SICK, number))
            continue
        away = _breaks(rng, begin, end, number)
        if kind == WEEKDAY and rng.random() < settings.training_share:
            away = _with_training(rng, begin, end, away)
        rows += [(agent, *stretch, number) for stretch in _worked(begin, end, away)]
    agent, begin, end, activity, number = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    skills = agents.skills[agent].copy()
    # Every other one is on the telephone only, so that letters do not keep all from it.
    by_phone = (number % 2 == 0) & (len(shifts) > 1)
    skills[np.ix_(by_phone, [EMAILS, OUTBOUND])] = False
    return Stretches(agent, begin, end, activity, skills)


def _breaks(rng: np.random.Generator, begin: int, end: int, number: int) -> list[tuple[int, int, int]]:
    if end - begin <= 4 * _HOUR:
        at = begin + int(rng.integers(3, 6)) * HALF_HOUR
        return [(at, at + 900, BREAK)]
    lunch = begin + int(2.5 * _HOUR) + number % 4 * 2700
    return [
        (begin + _HOUR + number % 4 * 900, begin + _HOUR + number % 4 * 900 + 900, BREAK),
        (lunch, lunch + 2700, BREAK),
        (lunch + 2 * _HOUR, lunch + 2 * _HOUR + 900, BREAK),
    ]


def _with_training(
    rng: np.random.Generator, begin: int, end: int, away: list[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """An hour of training, where it does not fall on a break."""
    starts = range(begin, end - _HOUR + 1, 900)
    free = [at for at in starts if not any(at < stop and start < at + _HOUR for start, stop, _ in away)]
    if not free:
        return away
    at = free[int(rng.integers(0, len(free)))]
    return sorted([*away, (at, at + _HOUR, TRAINING)])


def _worked(begin: int, end: int, away: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """All stretches of a shift in the order of time: the work between what keeps from it."""
    stretches, now = [], begin
    for start, stop, activity in away:
        if start > now:
            stretches.append((now, start, CONTACTS))
        stretches.append((start, stop, activity))
        now = stop
    return [*stretches, (now, end, CONTACTS)] if now < end else stretches


def schedule_of(stretches: Stretches, agents: Agents, day: int) -> AgentSchedule:
    """The queue's schedule of a day: the stretches in which agents are there for contacts."""
    at_work = stretches.activity == CONTACTS
    agent = stretches.agent[at_work]
    return AgentSchedule(
        agent_id=agent + 1,
        from_second=day * DAY + stretches.begin[at_work],
        to_second=day * DAY + stretches.end[at_work],
        skills=stretches.skills[at_work],
        capacity=np.full(len(agent), AGENT_PLACES),
        pace=agents.pace[agent],
    )


def shift_table(agents: Agents, stretches: list[tuple[int, Stretches]], first_id: int, epoch_second: int) -> pa.Table:
    """Table ``agent_shifts`` for days and their stretches."""
    together = {
        name: np.concatenate([getattr(each, name) for _, each in stretches])
        for name in ("agent", "begin", "end", "activity")
    }
    midnight = np.repeat([day * 86_400 for day, _ in stretches], [len(each.agent) for _, each in stretches])
    skills = np.concatenate([each.skills for _, each in stretches])
    texts, which = np.unique(skills, axis=0, return_inverse=True)
    queues = ["|".join(np.array(QUEUES)[row]) for row in texts]
    working = together["activity"] == CONTACTS
    return pa.table(
        {
            "agent_shift_id": first_id + np.arange(len(midnight), dtype=np.int64),
            "agent_id": agents.agent_id[together["agent"]].astype(np.int32),
            "starts_at": pa.array(epoch_second + midnight + together["begin"], pa.timestamp("s")),
            "ends_at": pa.array(epoch_second + midnight + together["end"], pa.timestamp("s")),
            "activity": repeating_text(together["activity"], ACTIVITIES),
            "queues": repeating_text(which.ravel(), queues, ~working),
        }
    )
