"""How long callers are ready to wait, how long agents need, and whether the answer solves the matter."""

from __future__ import annotations

import numpy as np

from crmlab.company.contact_centre.agents import Agents
from crmlab.company.contact_centre.demand import CALLED_NO_ANSWER
from crmlab.company.contact_centre.topics import (
    CHAT,
    CHAT_TALK_FACTOR,
    EMAIL_TALK_FACTOR,
    IS_WRITTEN,
    OFFER,
    SOLVED_LOG_ODDS,
    TALK_MEDIAN,
    TALK_SIGMA,
    WRAP_UP_MEDIAN,
    WRAP_UP_SIGMA,
)

#: Some hang up soon, whatever happens; the others wait for a time with a Weibull distribution, whose hazard grows.
_HASTY_SHARE, _HASTY_SECONDS = 0.05, 25.0
_PATIENCE_SHAPE, _PATIENCE_SCALE, _CHAT_PATIENCE_SCALE = 1.4, 480.0, 300.0
_NO_ANSWER_SECONDS = (20, 45)
#: Who asks a second time gets more attention.
_SECOND_TRY_LOG_ODDS = 0.5


def draw_needs(rng: np.random.Generator, contact: np.ndarray) -> None:
    """Fill in ``patience``, ``talk`` and ``wrap_up`` of contacts, in seconds."""
    count = len(contact)
    topic, channel = contact["topic"], contact["channel"]
    scale = np.where(channel == CHAT, _CHAT_PATIENCE_SCALE, _PATIENCE_SCALE)
    patience = scale * rng.weibull(_PATIENCE_SHAPE, count)
    hasty = rng.random(count) < _HASTY_SHARE
    patience = np.where(hasty, rng.exponential(_HASTY_SECONDS, count), patience)
    patient = IS_WRITTEN[channel] | (topic == OFFER)
    contact["patience"] = np.where(patient, np.inf, np.ceil(patience))

    factor = np.where(channel == CHAT, CHAT_TALK_FACTOR, np.where(patient, EMAIL_TALK_FACTOR, 1.0))
    talk = TALK_MEDIAN[topic] * factor * np.exp(rng.normal(0, TALK_SIGMA, count))
    wrap_up = WRAP_UP_MEDIAN[topic] * np.exp(rng.normal(0, WRAP_UP_SIGMA, count))
    nobody_there = contact["result"] == CALLED_NO_ANSWER
    talk = np.where(nobody_there, rng.integers(*_NO_ANSWER_SECONDS, count), talk)
    contact["talk"] = np.maximum(np.rint(talk), 5)
    contact["wrap_up"] = np.where(nobody_there, 10, np.rint(wrap_up))


def draw_solved(rng: np.random.Generator, contact: np.ndarray, agents: Agents, agent: np.ndarray) -> np.ndarray:
    """bool: whether the answer of this ``agent`` (position) solves the matter."""
    log_odds = SOLVED_LOG_ODDS[contact["topic"]] + agents.solved_log_odds[agent]
    log_odds += _SECOND_TRY_LOG_ODDS * (contact["attempt"] > 1)
    return (rng.random(len(contact)) < 1 / (1 + np.exp(-log_odds))) & ~contact["never_solved"]
