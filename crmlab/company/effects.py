"""Effects: what each person would do when written to, and when left alone. Nobody sees them; the truth keeps them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn, Made
from crmlab.company.columns import repeating_text
from crmlab.company.orders import Orders
from crmlab.company.responding import (
    CHANNELS,
    EFFECT_DAYS,
    KINDS_OF_RESPONSE,
    MESSAGES,
    MOST,
    kind_weights,
    message_persuasion,
    message_put_off,
)
from crmlab.company.tendencies import Tendencies

#: What a person spends on an order is pulled towards this, as if by two orders of that size.
_TYPICAL_ORDER_CENTS, _WEIGHT_OF_TYPICAL = 3400, 2.0
#: How much of the mean person's leaning a weight stands for: weights around these make the planted means.
_MEAN_PERSUADABLE, _MEAN_SLEEPING_DOG = 0.24, 0.11


@dataclasses.dataclass(frozen=True)
class Effects:
    """One value a person of the block.

    ``persuasion`` and ``put_off``: float64 (people, messages), of an e-mail while the person still needs coffee.
    ``channel_factor``: (people, channels), on ``persuasion``. ``opens`` and ``clicks``: chances, of an e-mail, and of
    an open one. ``opt_out_hazard``: at a first e-mail.
    """

    persuasion: np.ndarray
    put_off: np.ndarray
    channel_factor: np.ndarray
    opens: np.ndarray
    clicks: np.ndarray
    opt_out_hazard: np.ndarray


def _scores(rng: np.random.Generator, block: Block, traits: Tendencies) -> np.ndarray:
    """How much speaks for each kind: bargain hunters can be persuaded, frequent buyers need no persuading, people
    about to leave are mostly lost, and those who buy by habit and are easily annoyed had better be left alone."""
    given = block.assumptions
    pace = np.log(traits.rate_per_week * given.purchase_alpha / given.purchase_r + 1e-9)
    pace = np.clip((pace + 0.55) / 1.2, -3, 2)
    leaving = np.clip((traits.dropout - 0.2) / 0.2, -1, 3)
    regular, gift, _, bargain, _, one_off = traits.weights.T
    score = rng.normal(0, 0.7, (block.people, len(KINDS_OF_RESPONSE)))
    score[:, 0] += 2.2 * bargain + 0.8 * gift - 0.25 * leaving
    score[:, 1] += 0.9 * pace + 0.6 * regular - 0.1
    score[:, 2] += 0.5 - 0.7 * pace + 0.5 * leaving + 0.8 * one_off
    score[:, 3] += 1.1 * np.log(traits.sensitivity) + 1.5 * regular - 0.7
    return score


def _fit(traits: Tendencies) -> np.ndarray:
    """How much each message says to a person, about 1 in the mean, (people, messages)."""
    regular, gift, beans, bargain, office, _ = traits.weights.T
    return np.column_stack(
        [0.5 + 2.7 * bargain, 0.45 + 1.6 * (beans + regular), 0.4 + 4.0 * gift, 0.4 + 1.8 * regular + 3.0 * office]
    )


def typical_order_cents(people: int, orders: Orders) -> np.ndarray:
    """What each person spends on an order in the (geometric) middle, in cents, int32, to the nearest 50."""
    amount = np.bincount(orders.order, orders.quantity * orders.unit_price_cents.astype(float), len(orders.order_id))
    total = np.bincount(orders.person, np.log(np.maximum(amount, 1)), people)
    count = np.bincount(orders.person, minlength=people)
    middle = np.exp((total + _WEIGHT_OF_TYPICAL * np.log(_TYPICAL_ORDER_CENTS)) / (count + _WEIGHT_OF_TYPICAL))
    return (np.round(middle / 50) * 50).astype(np.int32)


def draw_effects(block: Block, made: Made) -> Drawn:
    """Hidden table ``effects``, a row a person."""
    rng = block.rng("effects")
    given, people = block.assumptions, block.people
    traits: Tendencies = made["tendencies"]
    weights = kind_weights(_scores(rng, block, traits)).round(3)
    leaning = weights[:, 0] / _MEAN_PERSUADABLE
    annoyed = weights[:, 3] / _MEAN_SLEEPING_DOG
    # What else makes a message fit is nobody's leaning.
    fit = _fit(traits) * np.exp(rng.normal(-0.08, 0.4, (people, len(MESSAGES))))
    persuasion = np.minimum(leaning[:, None] * fit * message_persuasion(given), MOST).round(4)
    put_off = np.minimum(annoyed[:, None] * message_put_off(given), MOST).round(3)
    factor = np.exp(rng.normal(-0.08, 0.4, (people, 2))) * (2.0, 1.4)
    facts = Effects(
        persuasion=persuasion,
        put_off=put_off,
        channel_factor=np.column_stack([np.ones(people), factor.round(2)]),
        opens=(1 / (1 + np.exp(1.35 - 1.2 * weights[:, 0] + rng.normal(0, 0.7, people)))).round(2),
        clicks=rng.beta(3, 22, people).round(2),
        opt_out_hazard=(
            given.opt_out_hazard * np.exp(rng.normal(-0.18, 0.6, people)) * (0.5 + 3.5 * weights[:, 3])
        ).round(4),
    )
    return Drawn(truth={"effects": _truth(block, made, weights, facts)}, facts=facts)


def _truth(block: Block, made: Made, weights: np.ndarray, facts: Effects) -> pa.Table:
    rate = made["tendencies"].rate_per_week
    active = made.truth["relationships"]["is_active"].to_numpy()
    return pa.table(
        {
            "person_id": block.ids(block.people),
            "kind": repeating_text(weights.argmax(axis=1), KINDS_OF_RESPONSE),
            **{f"weight_{kind}": weights[:, i] for i, kind in enumerate(KINDS_OF_RESPONSE)},
            "baseline_14_days": np.where(active, -np.expm1(-rate * EFFECT_DAYS / 7), 0).round(4),
            **{f"persuasion_{message}": facts.persuasion[:, i] for i, message in enumerate(MESSAGES)},
            **{f"put_off_{message}": facts.put_off[:, i] for i, message in enumerate(MESSAGES)},
            **{f"factor_{channel}": facts.channel_factor[:, i] for i, channel in enumerate(CHANNELS) if i},
            "opens": facts.opens,
            "clicks": facts.clicks,
            "opt_out_hazard": facts.opt_out_hazard,
            "order_cents": typical_order_cents(block.people, made["orders"]),
        }
    )
