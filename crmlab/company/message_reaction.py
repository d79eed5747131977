"""How people react to a message: they open and click it, it persuades or puts off, or it was one too many."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from crmlab.company.actions import DAY_SECONDS, Actions
from crmlab.company.keyed_random import keyed_uniform
from crmlab.company.market import Market
from crmlab.company.responding import (
    CHANNEL_OPT_OUT,
    CHANNEL_PUTS_OFF,
    CHANNELS,
    FATIGUE_DAYS,
    MESSAGES,
    MOST,
    VOUCHER_PERCENT,
    opt_out_probability,
)

_EMAIL, _VOUCHER = CHANNELS.index("email"), MESSAGES.index("voucher")
#: A message is read, and a list left, after so many days in the mean.
_MEAN_READ_DAYS, _MEAN_LEAVE_DAYS = 1.2, 0.7


@dataclasses.dataclass(frozen=True)
class Influence:
    """What actions do to the purchases of those they reach; one value an action.

    ``persuasion``: the chance of a purchase in the following days that would not have been; ``put_off``: the chance
    that none of those takes place that would have been; ``discount_percent`` on what is bought in these days;
    ``credit_cents`` off the next purchase.
    """

    persuasion: np.ndarray
    put_off: np.ndarray
    discount_percent: np.ndarray
    credit_cents: np.ndarray

    @classmethod
    def none(cls, count: int) -> Influence:
        """Actions that change nothing."""
        return cls(*np.zeros((2, count)), *np.zeros((2, count), dtype=np.int64))


@dataclasses.dataclass(frozen=True)
class Messages:
    """Messages to react to, a value each: ``action`` (position in the list of actions), ``channel`` and ``message``
    (positions), ``number`` (which one it is in 30 days), ``opt_out_second`` (infinite: no opt-out follows), and
    ``ignored``, whether it came after an opt-out."""

    action: np.ndarray
    channel: np.ndarray
    message: np.ndarray
    discount_percent: np.ndarray
    number: np.ndarray
    opt_out_second: np.ndarray
    ignored: np.ndarray


def positions(frame: pd.DataFrame, name: str, known: tuple[str, ...], of: str) -> np.ndarray:
    """Where the words of a column stand among the known ones; ``of`` says what needs them, for the error."""
    if name not in frame.columns and len(frame):
        raise ValueError(f"actions of kind {of!r} need a column {name!r} (found: {', '.join(frame.columns)})")
    if not len(frame):
        return np.zeros(0, dtype=np.int64)
    position = frame[name].map({word: i for i, word in enumerate(known)})
    if position.isna().any():
        found = frame.loc[position.isna(), name].iloc[0]
        raise ValueError(f"actions: {name} {found!r} is not known (known: {', '.join(known)})")
    return position.to_numpy(dtype=np.int64)


def _discounts(frame: pd.DataFrame, message: np.ndarray) -> np.ndarray:
    """What each message takes off, in percent: only a voucher does."""
    usual = np.where(message == _VOUCHER, VOUCHER_PERCENT, 0)
    if "discount_percent" not in frame.columns:
        return usual
    given = pd.to_numeric(frame["discount_percent"]).fillna(pd.Series(usual, index=frame.index)).to_numpy()
    wrong = (given < 0) | (given > 100) | (given % 1 != 0)
    if wrong.any():
        raise ValueError(f"actions: discount_percent must be a whole number from 0 to 100 (found: {given[wrong][0]})")
    if (given[message != _VOUCHER] != 0).any():
        found = MESSAGES[message[(message != _VOUCHER) & (given != 0)][0]]
        raise ValueError(f"actions: discount_percent must be 0 unless the message is 'voucher' (found: {found!r})")
    return given.astype(np.int64)


def read_messages(seed: int, market: Market, actions: Actions, history: np.ndarray) -> Messages:
    """The messages among the actions, and who leaves the list after which: each message more in 30 days makes it
    likelier. What is sent on a channel after an opt-out is ignored.
    """
    at = np.flatnonzero((actions.frame["kind"] == "message").to_numpy())
    frame = actions.frame.iloc[at]
    channel, message = (
        positions(frame, name, known, "message") for name, known in (("channel", CHANNELS), ("message", MESSAGES))
    )
    person, second = actions.person[at], actions.second[at]
    sent = np.sort(np.concatenate([actions.place[at], history]))
    # Of several at one moment each is one more, in the order of the list.
    at_once = pd.Series(actions.place[at]).groupby(actions.place[at]).cumcount().to_numpy()
    before = np.searchsorted(sent, actions.place[at] - FATIGUE_DAYS * DAY_SECONDS, side="right")
    number = np.searchsorted(sent, actions.place[at]) + at_once + 1 - before
    hazard = market.values("opt_out_hazard", person) * CHANNEL_OPT_OUT[channel]
    leaves = draw(seed, "opts out", market, actions, at) < opt_out_probability(
        hazard, number, market.assumptions.fatigue_power
    )
    wait = -np.log(draw(seed, "time of opting out", market, actions, at)) * _MEAN_LEAVE_DAYS * DAY_SECONDS
    out = np.where(leaves, second + wait, np.inf)
    first = np.full(len(market.people) * len(CHANNELS), np.inf)
    np.minimum.at(first, person * len(CHANNELS) + channel, out)
    first = first[person * len(CHANNELS) + channel]
    return Messages(
        action=at,
        channel=channel,
        message=message,
        discount_percent=_discounts(frame, message),
        number=number,
        opt_out_second=np.where(out == first, out, np.inf),
        ignored=second > first,
    )


def draw(seed: int, purpose: str, market: Market, actions: Actions, at: np.ndarray) -> np.ndarray:
    """A number between 0 and 1 for each of these actions, by person, moment and content."""
    person_id = market.values("person_id", actions.person[at])
    return keyed_uniform(seed, purpose, person_id, actions.second[at], actions.content[at], actions.repeat[at])


def message_influence(market: Market, actions: Actions, messages: Messages, leaves_second: np.ndarray) -> Influence:
    """What the messages do to purchases, a value an action. ``leaves_second``: when the need of each action's person
    ends, as in ``Actions.second``."""
    given, at = market.assumptions, messages.action
    person = actions.person[at]
    by_message = [market.people[[f"{what}_{each}" for each in MESSAGES]] for what in ("persuasion", "put_off")]
    persuasion, put_off = (table.to_numpy()[person, messages.message] for table in by_message)
    for i, channel in enumerate(CHANNELS):
        if i != _EMAIL:
            persuasion = persuasion * np.where(messages.channel == i, market.values(f"factor_{channel}", person), 1)
    is_voucher = messages.message == _VOUCHER
    # Twice the voucher does not persuade twice as well.
    persuasion = persuasion * np.where(is_voucher, np.sqrt(messages.discount_percent / VOUCHER_PERCENT), 1)
    persuasion *= given.wear_out ** (messages.number - 1.0)
    persuasion *= np.where(leaves_second[at] < actions.second[at], given.lapsed_factor, 1)
    influence = Influence.none(len(actions.person))
    influence.persuasion[at] = np.where(messages.ignored, 0, np.minimum(persuasion, MOST))
    influence.put_off[at] = np.where(
        messages.ignored, 0, np.minimum(put_off * CHANNEL_PUTS_OFF[messages.channel], MOST)
    )
    influence.discount_percent[at] = messages.discount_percent
    return influence


def reading(
    seed: int, market: Market, actions: Actions, messages: Messages, persuaded_second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which e-mails are opened and which clicked (positions of actions), and when each action's message is read.

    ``persuaded_second``: when each action persuaded somebody to buy (infinite: not); that person had read it before.
    """
    at = messages.action
    persuaded = np.isfinite(persuaded_second[at])
    wait = -np.log(draw(seed, "time of reading", market, actions, at)) * _MEAN_READ_DAYS * DAY_SECONDS
    read_second = np.full(len(actions.person), np.inf)
    before_buying = 0.5 * (persuaded_second[at] - actions.second[at])
    read_second[at] = actions.second[at] + np.minimum(wait, before_buying)
    person = actions.person[at]
    by_email = (messages.channel == _EMAIL) & ~messages.ignored
    opened = by_email & (persuaded | (draw(seed, "opens", market, actions, at) < market.values("opens", person)))
    clicked = opened & (persuaded | (draw(seed, "clicks", market, actions, at) < market.values("clicks", person)))
    return at[opened], at[clicked], read_second
