"""Contacts as the KPIs need them: waits, handling times with wrap-up, and what counts as offered (lesson 13b).

The base of every figure is a decision. A call that comes when the lines are closed was never offered to an agent; one
that hangs up within a few seconds (a **short abandon**) gave no agent a chance, or dialled the wrong number. Both are
left out of the calls **offered**, above and below the line, and the limit is an argument.
"""

from __future__ import annotations

import pandas as pd

#: Units of an agent's attention: of three chats at once each takes a third, anything else takes all of it.
CHAT_SHARE = 1 / 3
SHORT_ABANDON_SECONDS = 5
_NEEDED = (
    "interaction_id", "channel", "direction", "arrived_at", "answered_at", "ended_at", "wrap_up_seconds",
    "is_abandoned", "outcome",
)  # fmt: skip


def checked_columns(table: pd.DataFrame, name: str, columns: tuple[str, ...]) -> None:
    """Raises ValueError that names the first of the columns which the table lacks."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{name} has no column {missing[0]!r} (found: {', '.join(map(str, table.columns))})")


def contact_facts(interactions: pd.DataFrame, *, short_abandon_seconds: float = SHORT_ABANDON_SECONDS) -> pd.DataFrame:
    """The contacts with what is measured on each.

    Parameters
    ----------
    interactions: the company's table ``interactions`` (or some of its rows).
    short_abandon_seconds: who hangs up within so many seconds was not offered.

    Returns a copy with these columns added:

        is_answered       bool: an agent took it
        wait_seconds      float64: from arrival to the answer, or until the caller had gone; missing for a customer who
                          acts alone (channels ivr and web), and while the end is not known
        talk_seconds      float64: from the answer to the end; missing where nobody answered
        handle_seconds    float64: talk and wrap-up; missing where nobody answered
        agent_seconds     float64: what the contact took of an agent's time: handle_seconds, a third of it in a chat
        is_offered        bool: an inbound call that rang while the lines were open, short abandons left out
        is_abandoned      bool, as in the table
        half_hour         datetime64: the half-hour of the arrival

    Raises ValueError for a missing column.

    >>> calls = pd.DataFrame({
    ...     "interaction_id": [1, 2], "channel": "call", "direction": "inbound", "wrap_up_seconds": [40, 0],
    ...     "arrived_at": pd.to_datetime(["2025-03-03 09:00:00", "2025-03-03 09:31:00"]),
    ...     "answered_at": pd.to_datetime(["2025-03-03 09:00:15", None]),
    ...     "ended_at": pd.to_datetime(["2025-03-03 09:03:15", "2025-03-03 09:31:04"]),
    ...     "is_abandoned": [False, True], "outcome": ["resolved", "abandoned"]})
    >>> contact_facts(calls)[["wait_seconds", "talk_seconds", "handle_seconds", "is_offered"]]
       wait_seconds  talk_seconds  handle_seconds  is_offered
    0          15.0         180.0           220.0        True
    1           4.0           NaN             NaN       False
    """
    checked_columns(interactions, "interactions", _NEEDED)
    facts = interactions.copy()
    answered = facts["answered_at"].notna()
    alone = facts["channel"].isin(["ivr", "web"])
    facts["is_answered"] = answered
    until = facts["answered_at"].where(answered, facts["ended_at"])
    facts["wait_seconds"] = (until - facts["arrived_at"]).dt.total_seconds().mask(alone)
    facts["talk_seconds"] = (facts["ended_at"] - facts["answered_at"]).dt.total_seconds()
    facts["handle_seconds"] = facts["talk_seconds"] + facts["wrap_up_seconds"].where(answered)
    is_chat = facts["channel"] == "chat"
    facts["agent_seconds"] = facts["handle_seconds"] * (1.0 - (1 - CHAT_SHARE) * is_chat)
    rang = (
        (facts["channel"] == "call") & (facts["direction"] == "inbound") & (facts["outcome"] != "closed").fillna(True)
    )
    short = facts["is_abandoned"] & (facts["wait_seconds"] <= short_abandon_seconds)
    facts["is_offered"] = rang & ~short
    facts["half_hour"] = facts["arrived_at"].dt.floor("30min")
    return facts


def between(table: pd.DataFrame, column: str, first_day: object, last_day: object) -> pd.DataFrame:
    """The rows of a table whose time lies on the days from ``first_day`` to ``last_day``, both included.

    >>> table = pd.DataFrame({"at": pd.to_datetime(["2025-03-02 23:59", "2025-03-03 00:00", "2025-03-04 12:00"])})
    >>> len(between(table, "at", "2025-03-03", "2025-03-04"))
    2
    """
    checked_columns(table, "table", (column,))
    first, last = pd.Timestamp(first_day), pd.Timestamp(last_day)
    if last < first:
        raise ValueError(f"last_day is {last:%Y-%m-%d}, expected {first:%Y-%m-%d} (first_day) or later")
    return table[(table[column] >= first) & (table[column] < last + pd.Timedelta(days=1))]
