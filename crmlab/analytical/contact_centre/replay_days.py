"""The company's own days once more, with other rosters: what would one more agent have changed? (lesson 13b)

Calls, chats, letters and outbound calls arrive as they did and take as long as they took; only who is there differs.
How long a caller who was answered would have waited is not known, so it is drawn (``draw_patience``). Both rosters
meet the very same draws: the difference between them is not chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.analytical.contact_centre.callers_patience import draw_patience
from crmlab.analytical.contact_centre.contacts import checked_columns
from crmlab.contact_queue import AgentSchedule, run_queue

#: The queues, the units of an agent's attention (of 3) that a contact takes, and who goes first (the smaller).
QUEUES = ("orders", "technical", "chat", "email", "outbound")
_UNITS = (3, 3, 1, 3, 3)
_PRIORITY = {"call": 1, "chat": 1, "social": 2, "email": 3}
_OUTBOUND_PRIORITY = 4
_ATTENTION = 3
#: An agent who is not on the roster has a number that no agent has.
FIRST_EXTRA_AGENT = 1_000_000


def extra_agents(
    days: list[pd.Timestamp] | pd.DatetimeIndex, starts: str, ends: str, *, agents: int = 1, queues: str
) -> pd.DataFrame:
    """Rows for a roster: so many more agents on each of these days, from ``starts`` to ``ends`` ("09:00", "13:00").

    queues: which they serve, as in ``agent_shifts``, such as "orders|technical". Columns ``agent_id``, ``starts_at``,
    ``ends_at``, ``activity``, ``queues``.
    """
    rows = [
        (FIRST_EXTRA_AGENT + number, pd.Timestamp(f"{day:%Y-%m-%d} {starts}"), pd.Timestamp(f"{day:%Y-%m-%d} {ends}"))
        for day in pd.DatetimeIndex(days)
        for number in range(agents)
    ]
    kinds = {"agent_id": "int64", "starts_at": "datetime64[s]", "ends_at": "datetime64[s]"}
    table = pd.DataFrame(rows, columns=list(kinds)).astype(kinds)
    return table.assign(activity="contacts", queues=queues)


def replay(facts: pd.DataFrame, roster: pd.DataFrame, seed: int, *, target_seconds: float = 20) -> pd.DataFrame:
    """Run the contacts of some days through the agents of a roster.

    facts: of ``contact_facts``: all contacts of whole days, by when they were answered, so that letters which wait from
        the day before take agents' time as they did. Those that no agent's queue saw (self-service, calls at closed
        lines) are left out, and so are contacts whose end is not known.
    roster: ``agent_shifts`` of these days, with ``extra_agents`` or without some; stretches with activity ``contacts``
        count.
    seed: of the patience that is drawn.

    Returns a row a contact that met the queue, in the order and with the index of ``facts``: ``channel``, ``queue``,
    ``wait_seconds``, ``is_answered``, ``is_abandoned``, ``in_time`` (bool: answered within ``target_seconds``). Raises
    ValueError for a missing column or an unknown queue.
    """
    checked_columns(facts, "facts", ("channel", "direction", "queue", "outcome", "arrived_at", "wait_seconds",
                                     "is_abandoned", "handle_seconds", "talk_seconds"))  # fmt: skip
    checked_columns(roster, "roster", ("agent_id", "starts_at", "ends_at", "activity", "queues"))
    met = facts["queue"].notna() & (facts["outcome"] != "closed").fillna(True) & facts["wait_seconds"].notna()
    contacts = facts[met]
    unknown = set(contacts["queue"]) - set(QUEUES)
    if unknown:
        raise ValueError(f"facts has queue {min(unknown)!r}, expected one of {', '.join(QUEUES)}")
    outbound = (contacts["direction"] == "outbound").to_numpy()
    waits_by_nature = contacts["channel"].isin(["call", "chat"]).to_numpy() & ~outbound
    live = contacts[waits_by_nature]
    patience = np.full(len(contacts), np.inf)
    for channel, number in (("call", 0), ("chat", 1)):
        rows = live[live["channel"] == channel]
        if len(rows):
            of = waits_by_nature & (contacts["channel"] == channel).to_numpy()
            # Where nobody gave up, nobody's patience is known to have an end.
            patience[of] = draw_patience(rows, seed + number) if rows["is_abandoned"].any() else np.inf
    handle = contacts["handle_seconds"].to_numpy(dtype=float)
    handle = np.where(np.isnan(handle), _typical_handle(contacts), handle)
    priority = np.where(outbound, _OUTBOUND_PRIORITY, contacts["channel"].map(_PRIORITY).to_numpy(dtype=float))
    epoch = contacts["arrived_at"].min().normalize() if len(contacts) else pd.Timestamp(0)
    result = run_queue(
        (contacts["arrived_at"] - epoch).dt.total_seconds().to_numpy(),
        handle,
        _schedule(roster, epoch),
        patience_seconds=patience,
        queue=contacts["queue"].map({name: place for place, name in enumerate(QUEUES)}).to_numpy(),
        priority=priority,
        units=_UNITS,
    )
    return pd.DataFrame(
        {
            "channel": contacts["channel"],
            "queue": contacts["queue"],
            "wait_seconds": result.wait_seconds,
            "is_answered": result.answered,
            "is_abandoned": result.abandoned,
            "in_time": result.answered & (result.wait_seconds <= target_seconds),
        },
        index=contacts.index,
    )


def _typical_handle(contacts: pd.DataFrame) -> np.ndarray:
    """For callers who gave up: the mean handling time of the others in their queue (of all, where there is none)."""
    mean = contacts["handle_seconds"].groupby(contacts["queue"]).transform("mean")
    return mean.fillna(contacts["handle_seconds"].mean()).fillna(0).to_numpy(dtype=float)


def _schedule(roster: pd.DataFrame, epoch: pd.Timestamp) -> AgentSchedule:
    on_duty = roster[roster["activity"] == "contacts"]
    skills = np.array([[name in served.split("|") for name in QUEUES] for served in on_duty["queues"]], dtype=bool)
    return AgentSchedule(
        agent_id=on_duty["agent_id"].to_numpy(),
        from_second=(on_duty["starts_at"] - epoch).dt.total_seconds().to_numpy(),
        to_second=(on_duty["ends_at"] - epoch).dt.total_seconds().to_numpy(),
        skills=skills.reshape(len(on_duty), len(QUEUES)),
        capacity=np.full(len(on_duty), _ATTENTION),
    )
