"""What the contact centre wrote down: the tables ``interactions`` and ``contact_ratings``, and the truth of them."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa

from crmlab.company.columns import maybe_number, repeating_text
from crmlab.company.contact_centre.agents import Agents
from crmlab.company.contact_centre.contact_rows import wait_seconds
from crmlab.company.contact_centre.opening_hours import DAY
from crmlab.company.contact_centre.settings import ContactSettings
from crmlab.company.contact_centre.topics import (
    ABANDONED,
    CALL,
    CHANNELS,
    CLOSED,
    FAULT,
    IVR,
    OFFER,
    ORDER_STATUS,
    OUTCOMES,
    QUEUES,
    TOPICS,
    WEB,
    log_wait,
)

DIRECTIONS = ("inbound", "outbound")
_CONTENT, _RATING_NOISE = 4.75, 0.75
_ANNOYED_LOG_WAIT = np.log(3)


def _at(seconds: np.ndarray, start: datetime.date, missing: np.ndarray) -> pa.Array:
    epoch = (start - datetime.date(1970, 1, 1)).days * DAY
    return pa.array(epoch + np.where(missing, 0, seconds), pa.timestamp("s"), mask=missing)


def interaction_table(contact: np.ndarray, first_id: int, start: datetime.date, days: int) -> pa.Table:
    """Table ``interactions``, as it stands at the end of the last day."""
    end = days * DAY
    answered = (contact["answered"] >= 0) & (contact["answered"] < end)
    ended = (contact["ended"] >= 0) & (contact["ended"] < end)
    stranger = (contact["customer"] == 0) | contact["unknown"]
    alone = np.isin(contact["channel"], [IVR, WEB])
    known_outcome = (contact["outcome"] >= 0) & ended
    no = np.zeros(len(contact), dtype=bool)
    return pa.table(
        {
            "interaction_id": first_id + np.arange(len(contact), dtype=np.int64),
            "customer_id": maybe_number(contact["customer"], stranger),
            "channel": repeating_text(contact["channel"], CHANNELS),
            "direction": repeating_text((contact["topic"] == OFFER).astype(int), DIRECTIONS),
            "queue": repeating_text(contact["queue"], QUEUES, alone),
            "topic": repeating_text(contact["topic"], TOPICS),
            "agent_id": maybe_number(contact["agent"].astype(np.int32), ~answered),
            "ticket_id": maybe_number(contact["ticket"], (contact["ticket"] == 0) | ~ended),
            "arrived_at": _at(contact["arrival"], start, no),
            "answered_at": _at(contact["answered"], start, ~answered),
            "ended_at": _at(contact["ended"], start, ~ended),
            "wrap_up_seconds": np.where(answered & ended, contact["wrap_up"], 0).astype(np.int32),
            "is_abandoned": np.isin(contact["outcome"], [ABANDONED, CLOSED]),
            "outcome": repeating_text(np.where(known_outcome, contact["outcome"], 0), OUTCOMES, ~known_outcome),
        }
    )


def interaction_truth(contact: np.ndarray, first_id: int) -> pa.Table:
    """Hidden table ``interactions``: who it was, which matter it was about, and whether it was solved."""
    hidden = (contact["person"] == 0) | (~contact["unknown"])
    return pa.table(
        {
            "interaction_id": first_id + np.arange(len(contact), dtype=np.int64),
            "issue_id": contact["issue"],
            "person_id": maybe_number(contact["person"], hidden),
            "is_solved": contact["solved"],
        }
    )


def waits_truth(rng: np.random.Generator, settings: ContactSettings, contact: np.ndarray, first_id: int) -> pa.Table:
    """Hidden table ``contact_waits``: first calls about orders and faults, and what their wait did."""
    rows = np.flatnonzero(
        (contact["channel"] == CALL) & (contact["attempt"] == 1) & (contact["person"] > 0)
        & np.isin(contact["topic"], [ORDER_STATUS, FAULT]) & (contact["outcome"] != CLOSED)
    )  # fmt: skip
    called = contact[rows]
    log_odds = settings.wait_log_odds * log_wait(wait_seconds(called), called["channel"])
    stays = rng.random(len(rows)) < -np.expm1(-log_odds)
    return pa.table(
        {
            "interaction_id": first_id + rows,
            "person_id": called["person"],
            "is_problem": called["problem"],
            "never_solved": called["never_solved"],
            "left_for_service": called["leaves"],
            "wait_log_odds": log_odds.round(4).astype(np.float32),
            "would_have_stayed": pa.array(stays, mask=~called["leaves"]),
        }
    )


def rating_tables(
    rng: np.random.Generator, settings: ContactSettings, agents: Agents, contact: np.ndarray, first_id: int,
    start: datetime.date, days: int,
) -> tuple[pa.Table, pa.Table]:  # fmt: skip
    """Table ``contact_ratings``, and the hidden table of what was felt before it became a whole number."""
    answered = np.flatnonzero((contact["answered"] >= 0) & (contact["topic"] != OFFER))
    asked = contact[answered]
    order = np.argsort(agents.agent_id)
    agent = order[np.searchsorted(agents.agent_id[order], asked["agent"])]
    felt = (
        _CONTENT
        - settings.rating_wait_slope * log_wait(wait_seconds(asked), asked["channel"])
        - settings.rating_unsolved_drop * ~asked["solved"]
        + agents.rating_effect[agent]
        + rng.normal(0, _RATING_NOISE, len(asked))
    )
    # Who answers hangs on what happened, not on the mood beyond it.
    annoyed = ~asked["solved"] | (log_wait(wait_seconds(asked), asked["channel"]) > _ANNOYED_LOG_WAIT)
    share = np.where(annoyed, settings.rating_answer_share_annoyed, settings.rating_answer_share)
    rated = asked["ended"] + 120 + rng.exponential(9000, len(asked)).astype(np.int64)
    rows = np.flatnonzero((rng.random(len(asked)) < share) & (rated < days * DAY))
    no = np.zeros(len(rows), dtype=bool)
    interaction_id = first_id + answered[rows]
    table = pa.table(
        {
            "interaction_id": interaction_id,
            "rated_at": _at(rated[rows], start, no),
            "rating": np.clip(np.rint(felt[rows]), 1, 5).astype(np.int32),
        }
    )
    return table, pa.table({"interaction_id": interaction_id, "felt": felt[rows].round(3).astype(np.float32)})
