"""Subscriptions: coffee every two, four or eight weeks until the customer ends it. The contractual side of the
company."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn
from crmlab.company.catalogue import Catalogue
from crmlab.company.columns import calendar_dates, repeating_text

_INTERVAL_DAYS = np.array([14, 28, 56])
_INTERVAL_SHARE = (0.3, 0.55, 0.15)
#: What drove the customer away, and what customers say when they are asked.
CAUSES = ("need_ended", "price")
EXIT_REASONS = ("no_longer_needed", "too_expensive", "moved_to_competitor", "not_satisfied")
#: Given the cause: the chances of each reason that is stated; the rest says nothing.
_STATED = np.array([[0.55, 0.08, 0.05, 0.05], [0.08, 0.6, 0.12, 0.05]])
#: A rise in price weighs this much more at a subscription, where it comes with a letter.
_LETTER_FACTOR = 1.5


@dataclasses.dataclass(frozen=True)
class Subscriptions:
    """One value a subscription: ``person`` (position), ``product`` (position), ``subscription_id``.

    One value a delivery, by subscription and in the order of time: ``delivery_of`` (position), ``delivery_day``.
    """

    person: np.ndarray
    product: np.ndarray
    subscription_id: np.ndarray
    delivery_of: np.ndarray
    delivery_day: np.ndarray


def draw_subscriptions(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Table ``subscriptions``; hidden table ``subscriptions`` with the probability of ending and the true cause."""
    rng = block.rng("subscriptions")
    given, traits, catalogue = block.assumptions, made["tendencies"], made["catalogue"]
    days = given.days
    wants = given.subscriber_share * (0.3 + 2.4 * traits.weights[:, 2] + 1.6 * traits.weights[:, 4])
    start = traits.acquisition_day + rng.exponential(120, block.people).astype(np.int64)
    person = np.flatnonzero((rng.random(block.people) < wants) & (start < days))
    start = start[person]
    count = len(person)
    kinds = catalogue.positions("subscription")
    product = np.where(traits.office[person], kinds[2], kinds[rng.integers(0, 2, count)])
    interval = _INTERVAL_DAYS[rng.choice(3, count, p=_INTERVAL_SHARE)]
    ending = rng.beta(given.subscription_a, given.subscription_b, count)
    deliveries_until_end = rng.geometric(np.maximum(ending, 1e-9))
    cause = np.zeros(count, dtype=np.int64)
    if given.absent != "leak":
        scared = _deliveries_until_price_exit(
            rng, given.price_rise_hazard, catalogue, traits.sensitivity[person], product, start, interval
        )
        cause = (scared < deliveries_until_end).astype(np.int64)
        deliveries_until_end = np.minimum(deliveries_until_end, scared)
    possible = (days - 1 - start) // interval + 1
    deliveries = np.minimum(deliveries_until_end, possible)
    last_day = start + (deliveries - 1) * interval
    end_day = last_day + 1 + rng.integers(0, interval)
    ended = (deliveries_until_end <= possible) & (end_day < days)

    delivery_of = np.repeat(np.arange(count), deliveries)
    number = np.arange(len(delivery_of)) - np.repeat(np.cumsum(deliveries) - deliveries, deliveries)
    facts = Subscriptions(
        person, product, block.ids(count), delivery_of, start[delivery_of] + number * interval[delivery_of]
    )
    table = pa.table(
        {
            "subscription_id": facts.subscription_id,
            "customer_id": made["people"].customer_id[person],
            "product_id": (product + 1).astype(np.int32),
            "interval_days": interval.astype(np.int32),
            "start_date": calendar_dates(start, given.start),
            "end_date": calendar_dates(end_day, given.start, ~ended),
            "exit_reason": _stated_reason(rng, cause, ended),
        }
    )
    truth = pa.table(
        {
            "subscription_id": facts.subscription_id,
            "ending_probability": ending,
            "cause": repeating_text(cause, CAUSES, ~ended),
        }
    )
    return Drawn(tables={"subscriptions": table}, truth={"subscriptions": truth}, facts=facts)


def _deliveries_until_price_exit(
    rng: np.random.Generator,
    hazard: float,
    catalogue: Catalogue,
    sensitivity: np.ndarray,
    product: np.ndarray,
    start: np.ndarray,
    interval: np.ndarray,
) -> np.ndarray:
    """How many deliveries come before a price rise drives the subscriber away (a very large number: never)."""
    never = np.iinfo(np.int64).max
    until = np.full(len(product), never)
    price = catalogue.list_price_cents[:, catalogue.positions("subscription")[0]]
    for change_day in np.flatnonzero(np.diff(price) > 0) + 1:
        rise = catalogue.list_price_cents[change_day, product] / catalogue.list_price_cents[change_day - 1, product] - 1
        leaves = rng.standard_exponential(len(product)) < _LETTER_FACTOR * hazard * sensitivity * rise / 0.02
        received = (change_day - 1 - start) // interval + 1
        until = np.where(leaves & (start < change_day), np.minimum(until, received), until)
    return until


def _stated_reason(rng: np.random.Generator, cause: np.ndarray, ended: np.ndarray) -> pa.Array:
    chance = np.cumsum(_STATED, axis=1)[cause]
    reason = (rng.random(len(cause))[:, None] >= chance).sum(axis=1)
    silent = ~ended | (reason == len(EXIT_REASONS))
    return repeating_text(np.where(silent, 0, reason), EXIT_REASONS, silent)
