"""Why customers leave before their need ends: late deliveries, faults, price rises and a competitor's offers."""

from __future__ import annotations

import dataclasses

import numpy as np

from crmlab.company.assumptions import Assumptions

#: Why a relation ended; the position is the code in the facts.
EXIT_CAUSES = ("need_ended", "service", "price", "competitor")
#: What happened at an order: nothing, a fault that was put right, a fault that was not.
NO_FAILURE, RESOLVED_FAILURE, UNRESOLVED_FAILURE = 0, 1, 2


def experience_code(
    late: np.ndarray, failure: np.ndarray, rise_level: np.ndarray, competitor: np.ndarray
) -> np.ndarray:
    """What a customer lived through at an order, as one number from 0 (nothing) to 47, uint8."""
    code = failure * np.uint8(16)
    code += rise_level * np.uint8(4)
    code += late.astype(np.uint8) * np.uint8(2)
    code += competitor.astype(np.uint8)
    return code


@dataclasses.dataclass(frozen=True)
class Exits:
    """Who left early. ``person``: positions, ascending; ``last``: the position, in the person's own purchases, of the
    last one;
    ``cause``: position in ``EXIT_CAUSES``.
    """

    person: np.ndarray
    last: np.ndarray
    cause: np.ndarray


def _hazards(given: Assumptions) -> np.ndarray:
    """Hazard of leaving by experience code and cause (service, price, competitor), float32 (48, 3)."""
    code = np.arange(48)
    failure, rise, late, competitor = code // 16, code // 4 % 4, code // 2 % 2, code % 2
    by_failure = np.array([0.0, given.failure_hazard, given.unresolved_hazard])
    service = given.late_hazard * late + by_failure[failure]
    return np.column_stack([service, given.price_rise_hazard * rise, given.competitor_hazard * competitor]).astype(
        np.float32
    )


def draw_exits(
    rng: np.random.Generator, given: Assumptions, code: np.ndarray, count: np.ndarray, sensitivity: np.ndarray
) -> Exits:
    """Who leaves after which purchase: at each one with probability 1 - exp(-hazard * sensitivity).

    ``code``: uint8, one experience a purchase, the purchases of one person together; ``count``: purchases of each
    person.
    """
    hazard = _hazards(given)
    risky = np.flatnonzero(code)
    patience = rng.standard_exponential(len(risky), dtype=np.float32)
    person_of = np.repeat(np.arange(len(count), dtype=np.int32), count)[risky]
    left = patience < hazard.sum(axis=1)[code[risky]] * sensitivity[person_of]
    if given.absent == "leak":
        left[:] = False
    at, person_of = risky[left], person_of[left]
    person, first = np.unique(person_of, return_index=True)
    at = at[first]
    share = np.cumsum(hazard[code[at]], axis=1)
    cause = 1 + (rng.random(len(at))[:, None] * share[:, -1:] >= share).sum(axis=1)
    return Exits(person, at - (np.cumsum(count) - count)[person], np.minimum(cause, 3))
