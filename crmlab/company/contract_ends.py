"""When contracts end: at a delivery of a subscription, at an anniversary of a service contract, each time with the
chance that is planted. An offer may put the end off, or bring it about."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.company.actions import DAY_SECONDS, Actions, places
from crmlab.company.keyed_random import keyed_uniform
from crmlab.company.market import Market
from crmlab.company.offer_reaction import Offers
from crmlab.company.offers import OFFER_DAYS

#: The reaction of whoever ends a contract.
ENDED = "ended"
_WINDOW_SECONDS = OFFER_DAYS * DAY_SECONDS
_NOON_SECONDS = DAY_SECONDS // 2
#: No term is counted further ahead: a contract that would end later does not end.
_MOST_TERMS = 100_000


def contract_ends(seed: int, market: Market, actions: Actions, offers: Offers, horizon: int) -> pd.DataFrame:
    """The ends within ``horizon`` days of contracts of the people reached, each as a reaction to the latest action
    before it: ``action``, ``reaction``, ``second``, ``contract``, ``contract_id``, and 0 in the columns of money."""
    mine = market.contracts[market.contracts["person"].isin(actions.person)]
    person, term = mine["person"].to_numpy(), mine["term_days"].to_numpy() * DAY_SECONDS
    start = mine["next_day"].to_numpy() * DAY_SECONDS + _NOON_SECONDS
    key = mine["kind"].to_numpy(), mine["contract_id"].to_numpy()

    def terms_left(purpose: str, *moment: np.ndarray) -> np.ndarray:
        """How often the contract is renewed before the time when it is not, from a geometric distribution."""
        chance = np.clip(mine["ending_probability"].to_numpy(), 1e-12, 1 - 1e-12)
        uniform = keyed_uniform(seed, purpose, *key, *moment)
        return np.minimum(np.floor(np.log(uniform) / np.log1p(-chance)), _MOST_TERMS).astype(np.int64)

    ends = start + terms_left("contract ends") * term
    for now in offers.rounds():
        offer_of = np.full(len(market.people), -1)
        offer_of[actions.person[offers.action[now]]] = now
        offer = offer_of[person]
        second = actions.second[offers.action[offer]]
        there, in_window = (offer >= 0) & (ends >= second), ends < second + _WINDOW_SECONDS
        kept = there & in_window & offers.keeps[offer]
        reminded = there & ~in_window & offers.reminds[offer]
        after = ends + (1 + terms_left("contract ends, resumed", second)) * term
        soonest = start + np.maximum(-(-(second - start) // term), 0) * term
        ends = np.where(kept, after, np.where(reminded, soonest, ends))
    soon = ends < horizon * DAY_SECONDS
    mine, person, ends = mine[soon], person[soon], ends[soon]
    action = np.searchsorted(actions.place, places(person, ends), side="right") - 1
    seen = (action >= 0) & (actions.person[np.maximum(action, 0)] == person)
    return pd.DataFrame(
        {
            "action": action[seen],
            "reaction": ENDED,
            "second": ends[seen],
            "amount": 0,
            "discount": 0,
            "credit": 0,
            "contract": mine["contract"].to_numpy()[seen],
            "contract_id": mine["contract_id"].to_numpy()[seen],
        }
    )
