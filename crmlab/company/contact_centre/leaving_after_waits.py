"""Who waited long, given who left: the effect of a wait on leaving, planted without changing who leaves.

Who left the company over its service is known before the queue runs (``leaving``). Among first calls of one month about
one kind of trouble it is chance who is who in the queue: two callers could have changed places, as long as neither
calls before the trouble or long after it. So those who leave are put into places with weights
exp(b * ln(1 + wait / 60 s)). Together, places and leaving then have the distribution that they would have if each of
these callers had left with log-odds a + b * ln(1 + wait / 60 s), given how many left.
"""

from __future__ import annotations

import numpy as np

from crmlab.company.contact_centre.contact_rows import IDENTITY, wait_seconds
from crmlab.company.contact_centre.opening_hours import DAY
from crmlab.company.contact_centre.topics import log_wait

#: Whoever calls does so within so many days of the trouble.
CALLS_WITHIN_DAYS = 21
#: Places that each of those who leave is offered in turn.
_OFFERS = 60


def change_places(
    rng: np.random.Generator, leaves: np.ndarray, log_weight: np.ndarray, day: np.ndarray, since: np.ndarray
) -> np.ndarray:
    """Who is in each place (positions of callers), drawn with probability proportional to exp(sum of the log weights
    of the places of those who leave), among the orders in which everybody calls in time.

    leaves        bool (callers,)
    log_weight    float (places,), a place a caller: caller i comes in place i; only differences matter
    day           int (places,): the day of the place
    since         int (callers,): the day from which on the caller has reason to call, for ``CALLS_WITHIN_DAYS`` days

    A Metropolis walk over the orders: somebody who leaves and somebody at random change places, if both call in time,
    with probability min(1, exp(difference of the weights)) (Metropolis et al. 1953).

    >>> heavy = np.array([0.0, 50.0, 0.0])
    >>> change_places(np.random.default_rng(1), np.array([True, False, False]), heavy, np.zeros(3), np.zeros(3))[1]
    np.int64(0)
    """
    count = len(leaves)
    who = np.arange(count)
    if not leaves.any() or leaves.all():
        return who
    place_of = {caller: caller for caller in np.flatnonzero(leaves).tolist()}
    weight, on, first = log_weight.tolist(), day.tolist(), since.tolist()
    gone, now = leaves.tolist(), who.tolist()
    for _ in range(_OFFERS):
        offers = rng.integers(0, count, len(place_of)).tolist()
        chances = np.log(rng.random(len(place_of))).tolist()
        for caller, offer, chance in zip(place_of, offers, chances, strict=True):
            place, other = place_of[caller], now[offer]
            if gone[other] or chance >= weight[offer] - weight[place]:
                continue
            if not (0 <= on[offer] - first[caller] < CALLS_WITHIN_DAYS):
                continue
            if not (0 <= on[place] - first[other] < CALLS_WITHIN_DAYS):
                continue
            now[place], now[offer], place_of[caller] = other, caller, offer
    return np.array(now)


def places_taken(rng: np.random.Generator, called: np.ndarray, wait_log_odds: float) -> np.ndarray:
    """First calls about trouble (rows of ``contact_rows``) with the identities of those who take their places.

    Places change within a topic, among matters that are solved in the end or not, and among offices or households.
    """
    called = np.sort(called, order=["arrival", "issue"])
    taken = called.copy()
    cell = called["topic"] * 4 + called["never_solved"] * 2 + called["is_office"]
    for each in np.unique(cell[called["leaves"]]):
        places = np.flatnonzero(cell == each)
        callers = called[places]
        weight = wait_log_odds * log_wait(wait_seconds(callers), callers["channel"])
        who = change_places(rng, callers["leaves"], weight, callers["arrival"] // DAY, callers["since"])
        for name in IDENTITY:
            taken[name][places] = callers[name][who]
    return taken
