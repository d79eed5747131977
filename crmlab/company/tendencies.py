"""Tendencies: what kind of customer a person leans towards being. Nobody sees them; the truth keeps them.

Customers differ continuously. The purchase rate and the probability of leaving are drawn first, each from its own
distribution, so that a model that estimates those distributions can be held against them. Six named tendencies follow
from them and from chance, as weights that add up to 1: a person is 60 % regular and 25 % bargain hunter, not one or
the other. What a person then does (season, taste, vouchers, quantities, channel) follows the weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import softmax

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.seasonal_clock import LEVELS, seasonal_clock
from crmlab.company.territories import DIGIT_SHARE, REGION_OF_DIGIT

TENDENCIES = ("regular", "gift_buyer", "beans_only", "bargain_hunter", "office", "one_off")
ORDER_CHANNELS = ("web", "store", "reseller")
#: Levels of the tastes that choose a basket: for beans, for the grade of a machine, for gifts.
BEAN_LEVELS, GRADE_LEVELS, GIFT_LEVELS = 8, 4, 4
VOUCHER_LEVELS, QUANTITY_LEVELS = 4, 4


@dataclasses.dataclass(frozen=True)
class Tendencies:
    """One value a person of the block (arrays of length people, except ``weights``: (people, 6)).

    ``rate_per_week`` and ``dropout``: the purchase process. ``start_clock_weeks``: the clock at the first purchase.
    ``web_below`` and ``store_below``: an order goes to the web below the first, to a store below the second, of 65,536.
    """

    weights: np.ndarray
    rate_per_week: np.ndarray
    dropout: np.ndarray
    office: np.ndarray
    clock_level: np.ndarray
    acquisition_day: np.ndarray
    start_clock_weeks: np.ndarray
    observed_clock_weeks: np.ndarray
    taste: np.ndarray
    quantity_level: np.ndarray
    voucher_level: np.ndarray
    web_below: np.ndarray
    store_below: np.ndarray
    sensitivity: np.ndarray
    postal_digit: np.ndarray
    region: np.ndarray
    income_cents: np.ndarray


def _level(share: np.ndarray, levels: int) -> np.ndarray:
    return np.clip((share * levels).astype(np.int32), 0, levels - 1).astype(np.uint8)


def _logistic(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def _weights(
    block: Block, rng: np.random.Generator, pace: np.ndarray, leaving: np.ndarray, office: np.ndarray
) -> np.ndarray:
    """The six weights, float64 (people, 6), each row adding up to 1."""
    noise = rng.normal(size=(block.people, len(TENDENCIES)))
    if block.assumptions.absent == "segments":
        return np.full(noise.shape, 1 / len(TENDENCIES))
    score = noise * np.array([0.6, 1.2, 1.1, 1.1, 0.5, 0.6])
    score[:, 0] += 1.0 * pace - 0.6 * leaving + 0.3
    score[:, 1] -= 0.4
    score[:, 2] += 0.2
    score[:, 4] += np.where(office, 3.2, -2.4)
    score[:, 5] += 0.9 * leaving - 0.5 * pace
    return softmax(1.4 * score, axis=1)


def draw_tendencies(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Rates, weights and habits of the block's people. Hidden table ``customers``, a row a person."""
    rng = block.rng("tendencies")
    given = block.assumptions
    people = block.people
    rate = rng.gamma(given.purchase_r, 1 / given.purchase_alpha, people)
    dropout = rng.beta(given.dropout_a, given.dropout_b, people)
    # Standing among all customers, in standard deviations or so; both distributions are known, not estimated.
    pace = np.log(rate * given.purchase_alpha / given.purchase_r + 1e-9)
    pace = np.clip((pace + 0.55) / 1.2, -3, 2)
    leaving = np.clip(2.2 * (dropout - 0.2) / 0.2, -2, 3)
    office = rng.random(people) < given.office_share
    weights = _weights(block, rng, pace, leaving, office)
    regular, gift, beans, bargain, offices, _ = weights.T

    clock = seasonal_clock(given)
    clock_level = _level(np.clip(1.25 * gift - 0.08, 0, 1), LEVELS)
    slot = rng.integers(0, clock.acquisition_day.shape[1], people)
    acquisition_day = clock.acquisition_day[clock_level, slot]
    day_start = clock.clock_weeks[clock_level, acquisition_day]
    day_end = clock.clock_weeks[clock_level, acquisition_day + 1]
    start_clock = day_start + rng.random(people) * (day_end - day_start)

    digit = rng.choice(10, people, p=DIGIT_SHARE).astype(np.uint8)
    income = np.exp(rng.normal(np.log(41_000) + 0.04 * (REGION_OF_DIGIT[digit] == 2), 0.45, people))
    bean_taste = _logistic(0.6 + 3.2 * beans - 1.2 * gift + 0.5 * regular + rng.normal(0, 0.7, people))
    grade_taste = _logistic(1.3 * np.log(income / 41_000) + 1.5 * offices - 0.8 * bargain + rng.normal(0, 0.6, people))
    gift_taste = np.clip(1.5 * gift, 0, 1)
    taste = (
        _level(bean_taste, BEAN_LEVELS).astype(np.int32) * GRADE_LEVELS + _level(grade_taste, GRADE_LEVELS)
    ) * GIFT_LEVELS
    taste += _level(gift_taste, GIFT_LEVELS)

    web = _logistic(0.7 + 0.5 * bargain - 0.6 * gift + rng.normal(0, 1.1, people))
    reseller = np.clip(0.03 + 0.35 * offices * rng.random(people), 0, 0.6)
    web_below = np.round(web * (1 - reseller) * 65_535).astype(np.uint16)
    facts = Tendencies(
        weights=weights,
        rate_per_week=rate,
        dropout=dropout,
        office=office,
        clock_level=clock_level,
        acquisition_day=acquisition_day,
        start_clock_weeks=start_clock,
        observed_clock_weeks=clock.clock_weeks[clock_level, -1] - start_clock,
        taste=taste.astype(np.uint8),
        quantity_level=_level(np.clip(0.9 * offices + 0.25 * rng.random(people), 0, 1), QUANTITY_LEVELS),
        voucher_level=_level(np.clip(1.3 * bargain + 0.2 * rng.random(people), 0, 1), VOUCHER_LEVELS),
        web_below=web_below,
        store_below=np.round((1 - reseller) * 65_535).astype(np.uint16),
        sensitivity=np.exp(rng.normal(-0.125, 0.5, people) + 0.35 * bargain).astype(np.float32),
        postal_digit=digit,
        region=REGION_OF_DIGIT[digit],
        income_cents=(np.round(income / 1000) * 100_000).astype(np.int64),
    )
    return Drawn(truth={"tendencies": _truth(block, facts)}, facts=facts)


def _truth(block: Block, facts: Tendencies) -> pa.Table:
    return pa.table(
        {
            "person_id": block.ids(block.people),
            "tendency": repeating_text(facts.weights.argmax(axis=1), TENDENCIES),
            **{f"weight_{name}": facts.weights[:, i].astype(np.float32) for i, name in enumerate(TENDENCIES)},
            "rate_per_week": facts.rate_per_week,
            "dropout_probability": facts.dropout,
            "is_office": facts.office,
            "clock_level": facts.clock_level,
            "sensitivity": facts.sensitivity,
            "acquisition_date": calendar_dates(facts.acquisition_day, block.assumptions.start),
        }
    )
