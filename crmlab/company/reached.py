"""The people whom some actions reach: what they buy, and when their need ends."""

from __future__ import annotations

import dataclasses

import numpy as np

from crmlab.company.actions import DAY_SECONDS, Actions, places
from crmlab.company.market import Market


@dataclasses.dataclass(frozen=True)
class Purchases:
    """Purchases of the people reached, by person and moment: ``person`` (position in the market), ``second``,
    ``number`` (of the person's purchases) and ``place`` (see ``places``)."""

    person: np.ndarray
    second: np.ndarray
    number: np.ndarray

    @property
    def place(self) -> np.ndarray:
        return places(self.person, self.second)

    def only(self, kept: np.ndarray) -> Purchases:
        return Purchases(self.person[kept], self.second[kept], self.number[kept])

    def and_also(self, more: Purchases) -> Purchases:
        """These and ``more``, in order."""
        both = [np.concatenate(pair) for pair in zip(dataclasses.astuple(self), dataclasses.astuple(more), strict=True)]
        order = np.lexsort([both[2], both[1], both[0]])
        return Purchases(*(each[order] for each in both))


@dataclasses.dataclass(frozen=True)
class Reached:
    """``bought``, and ``leaves_second``: for each action when the need of its person ends, as things stand after it;
    in seconds as in ``Actions``, infinite where it goes on."""

    bought: Purchases
    leaves_second: np.ndarray


def left_alone(seed: int, market: Market, actions: Actions, days: int) -> Reached:
    """What the people reached would do anyway."""
    person, of_action = np.unique(actions.person, return_inverse=True)
    future = market.future(seed, days, person)
    bought = Purchases(person[future.person], (future.day * DAY_SECONDS).astype(np.int64), future.number)
    return Reached(bought, future.leaves_on[of_action] * DAY_SECONDS)
