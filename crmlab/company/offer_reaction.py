"""How people react to an offer: it keeps them, reminds them to leave, or brings them back; or nothing happens."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from crmlab.company.actions import DAY_SECONDS, Actions
from crmlab.company.market import Market
from crmlab.company.message_reaction import draw, positions
from crmlab.company.offers import BACK_DAYS, MEAN_BACK_DAYS, OFFER_CENTS, OFFER_DAYS, OFFERS
from crmlab.company.reached import Purchases, Reached
from crmlab.company.responding import CHANNEL_PUTS_OFF, CHANNELS, MOST

_EMAIL = CHANNELS.index("email")
_WINDOW_SECONDS = OFFER_DAYS * DAY_SECONDS
#: Purchases that an offer brought are numbered from this times the offer's number (from 1) of the person on.
_NUMBERS_PER_OFFER = 100_000


@dataclasses.dataclass(frozen=True)
class Offers:
    """Offers to react to, a value each, by person and moment: ``action`` (position in the list of actions), ``rank``
    (which offer of the person it is, from 0), ``retains`` (else it wins back), ``credit_cents``; and what luck decided
    for its person: ``keeps`` and ``reminds``, ``brings_back`` (each where it can)."""

    action: np.ndarray
    rank: np.ndarray
    retains: np.ndarray
    credit_cents: np.ndarray
    keeps: np.ndarray
    reminds: np.ndarray
    brings_back: np.ndarray

    def rounds(self) -> list[np.ndarray]:
        """The positions of everybody's first offer, of everybody's second, ..."""
        return [np.flatnonzero(self.rank == number) for number in range(self.rank.max(initial=-1) + 1)]


def read_offers(seed: int, market: Market, actions: Actions) -> Offers:
    """The offers among the actions, and whom each would keep, remind and bring back."""
    kind = actions.frame["kind"]
    at = np.flatnonzero(kind.isin(OFFERS).to_numpy())
    frame, person = actions.frame.iloc[at], actions.person[at]
    channel = positions(frame, "channel", CHANNELS, "offer")
    credit = _credits(frame)
    # Twice the credit does not keep twice as many; the reminder lies in being written to at all.
    strength = np.sqrt(credit / OFFER_CENTS)
    for i, name in enumerate(CHANNELS):
        if i != _EMAIL:
            strength = strength * np.where(channel == i, market.values(f"factor_{name}", person), 1)
    chances = {
        "kept": market.values("kept", person) * strength,
        "reminded": market.values("reminded", person) * CHANNEL_PUTS_OFF[channel],
        "won_back": market.values("won_back", person) * strength,
    }
    happens = {
        name: draw(seed, f"offer: {name}", market, actions, at) < np.minimum(chance, MOST)
        for name, chance in chances.items()
    }
    retains = (kind.iloc[at] == OFFERS[0]).to_numpy()
    return Offers(
        action=at,
        rank=pd.Series(person).groupby(person).cumcount().to_numpy(dtype=np.int64),
        retains=retains,
        credit_cents=credit,
        keeps=retains & happens["kept"],
        reminds=retains & happens["reminded"],
        brings_back=~retains & happens["won_back"],
    )


def _credits(frame: pd.DataFrame) -> np.ndarray:
    if "offer_cents" not in frame.columns:
        return np.full(len(frame), OFFER_CENTS)
    given = pd.to_numeric(frame["offer_cents"]).astype(float).fillna(OFFER_CENTS).to_numpy()
    wrong = ~((given >= 0) & (given % 1 == 0))
    if wrong.any():
        raise ValueError(f"actions: offer_cents must be whole cents of at least 0 (found: {given[wrong][0]:g})")
    return given.astype(np.int64)


def after_offers(
    seed: int, market: Market, actions: Actions, offers: Offers, reached: Reached, horizon: int
) -> Reached:
    """What the people reached do when the offers have had their say, one offer of a person after the other."""
    for now in offers.rounds():
        reached = _after_one_each(seed, market, actions, offers, now, reached, horizon)
    return reached


def _after_one_each(
    seed: int, market: Market, actions: Actions, offers: Offers, now: np.ndarray, reached: Reached, horizon: int
) -> Reached:
    at = offers.action[now]
    second, leaves = actions.second[at], reached.leaves_second[at]
    still_there, in_window = leaves >= second, leaves < second + _WINDOW_SECONDS
    kept = offers.keeps[now] & still_there & in_window
    reminded = offers.reminds[now] & still_there & ~in_window
    back = offers.brings_back[now] & ~still_there

    share = draw(seed, "offer: time of coming back", market, actions, at)
    wait = -MEAN_BACK_DAYS * np.log1p(share * np.expm1(-BACK_DAYS / MEAN_BACK_DAYS))
    back_second = second + (wait * DAY_SECONDS).astype(np.int64)
    leaves_again = back & (
        draw(seed, "offer: need ends at coming back", market, actions, at)
        < market.values("dropout_probability", actions.person[at])
    )
    goes_on = kept | (back & ~leaves_again)
    from_second = np.where(kept, leaves, back_second)[goes_on]
    resumed = market.resumed(
        seed, horizon, actions.person[at][goes_on], from_second / DAY_SECONDS, actions.second[at][goes_on]
    )
    first_number = (offers.rank[now] + 1) * _NUMBERS_PER_OFFER
    # A purchase on the very second of the end would stand before it.
    resumed_second = np.maximum((resumed.day * DAY_SECONDS).astype(np.int64), np.ceil(from_second)[resumed.person])
    more = Purchases(
        person=np.concatenate([actions.person[at][back], actions.person[at][goes_on][resumed.person]]),
        second=np.concatenate([back_second[back], resumed_second]).astype(np.int64),
        number=np.concatenate([first_number[back], first_number[goes_on][resumed.person] + 1 + resumed.number]),
    )

    new_leaves = leaves.copy()
    new_leaves[goes_on] = resumed.leaves_on * DAY_SECONDS
    new_leaves[leaves_again], new_leaves[reminded] = back_second[leaves_again], second[reminded] - 1
    changed = goes_on | leaves_again | reminded
    offer_of = np.full(len(market.people), -1)
    offer_of[actions.person[at][changed]] = np.flatnonzero(changed)
    of_bought = offer_of[reached.bought.person]
    gone = (of_bought >= 0) & reminded[of_bought] & (reached.bought.second >= second[of_bought])
    of_action = offer_of[actions.person]
    later = (of_action >= 0) & (np.arange(len(actions.person)) > at[of_action])
    return Reached(
        bought=reached.bought.only(~gone).and_also(more),
        leaves_second=np.where(later, new_leaves[of_action], reached.leaves_second),
    )
