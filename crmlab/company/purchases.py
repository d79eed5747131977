"""The purchases of a block: when, by whom, through which channel, what first, how it went, and who left after it.

Each purchase travels as one 64-bit number with the day in front: bringing the purchases of a block into the order of
time is then one sort of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.baskets import ANCHOR_SLOTS
from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.leaving import EXIT_CAUSES, Exits, draw_exits, experience_code
from crmlab.company.purchase_process import PurchaseProcess, draw_purchase_process
from crmlab.company.service_quality import PROMISED_DAYS, draw_service, equal_slots
from crmlab.company.tendencies import ORDER_CHANNELS, Tendencies

VOUCHER_PERCENTS = np.array([0, 5, 10, 15, 20], dtype=np.int32)
#: Chance of each voucher, by a customer's leaning towards bargains.
_VOUCHER_SHARE = np.array(
    [
        [0.95, 0.03, 0.02, 0.00, 0.00],
        [0.86, 0.06, 0.05, 0.02, 0.01],
        [0.66, 0.10, 0.12, 0.07, 0.05],
        [0.42, 0.13, 0.20, 0.13, 0.12],
    ]
)
_VOUCHER_SLOTS = 4096
_VOUCHERS = equal_slots(_VOUCHER_SHARE, _VOUCHER_SLOTS)
_WEB = ORDER_CHANNELS.index("web")
#: Where each fact of a purchase stands in its number: bits from the right, and how many.
_FIELDS = {
    "subscription": (0, 1),
    "failure": (1, 2),
    "lead_days": (3, 5),
    "voucher": (8, 3),
    "channel": (11, 2),
    "anchor": (13, 8),
    "person": (21, 20),
    "day": (41, 16),
}


def _pack(**facts: np.ndarray) -> np.ndarray:
    packed = np.zeros(len(facts["day"]), dtype=np.uint64)
    for name, values in facts.items():
        packed |= values.astype(np.uint64) << np.uint64(_FIELDS[name][0])
    return packed


def unpack(packed: np.ndarray, name: str, dtype: type) -> np.ndarray:
    """One fact of packed purchases: ``day``, ``person``, ``anchor``, ``channel``, ``voucher``, ``lead_days``,
    ``failure`` or ``subscription``.
    """
    shift, bits = _FIELDS[name]
    return ((packed >> np.uint64(shift)) & np.uint64((1 << bits) - 1)).astype(dtype)


def _own_purchases(
    block: Block, made: Mapping[str, Any], rng: np.random.Generator, process: PurchaseProcess
) -> tuple[np.ndarray, np.ndarray]:
    """The purchases that people decide on one by one, packed, and what each lived through (see ``leaving``)."""
    traits: Tendencies = made["tendencies"]
    catalogue, baskets, offers = made["catalogue"], made["baskets"], made["competitor"]
    count, day = process.count, process.day
    total = len(day)
    first_at = np.cumsum(count) - count

    pick = rng.integers(0, 65_536, total, dtype=np.uint16)
    channel = (pick >= np.repeat(made["people"].web_below, count)).view(np.uint8)
    channel += (pick >= np.repeat(traits.store_below, count)).view(np.uint8)
    channel[first_at] = made["people"].first_channel
    slot = np.repeat(traits.taste.astype(np.int32) * (2 * ANCHOR_SLOTS), count)
    slot += rng.integers(0, ANCHOR_SLOTS, total, dtype=np.uint16)
    slot[first_at] += ANCHOR_SLOTS
    anchor = baskets.anchor[slot]
    voucher = np.repeat(traits.voucher_level.astype(np.int32) * _VOUCHER_SLOTS, count)
    voucher += rng.integers(0, _VOUCHER_SLOTS, total, dtype=np.uint16)
    lead, failure = draw_service(rng, block.assumptions, day, channel == _WEB)
    packed = _pack(
        day=day,
        person=np.repeat(np.arange(block.people, dtype=np.int32), count),
        anchor=anchor,
        channel=channel,
        voucher=_VOUCHERS[voucher],
        lead_days=lead,
        failure=failure,
    )
    rise = catalogue.rise_level.ravel()[day * np.int32(len(catalogue.sku)) + anchor]
    # Whoever buys for the first time knows no older price.
    rise[first_at] = 0
    tempted = offers.ravel()[day * np.int32(offers.shape[1]) + np.repeat(traits.region, count)]
    return packed, experience_code(lead > PROMISED_DAYS, failure, rise, tempted)


def _kept(count: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """Which purchases still take place, bool, when of each person's ``count`` only the first ``stay`` do."""
    cut = np.flatnonzero(stay < count)
    dropped = count[cut] - stay[cut]
    within = np.arange(dropped.sum()) - np.repeat(np.cumsum(dropped) - dropped, dropped)
    kept = np.ones(int(count.sum()), dtype=bool)
    kept[np.repeat((np.cumsum(count) - count)[cut] + stay[cut], dropped) + within] = False
    return kept


def _deliveries(block: Block, made: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """The deliveries of subscriptions, packed like purchases."""
    subscriptions = made["subscriptions"]
    day, of = subscriptions.delivery_day, subscriptions.delivery_of
    every = np.ones(len(day), dtype=bool)
    lead, failure = draw_service(rng, block.assumptions, day, every)
    return _pack(
        day=day,
        person=subscriptions.person[of],
        anchor=subscriptions.product[of],
        lead_days=lead,
        failure=failure,
        subscription=every,
    )


def draw_purchases(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Facts: all purchases of the block, packed, in the order of time. Hidden table ``relationships``."""
    rng = block.rng("purchases")
    traits: Tendencies = made["tendencies"]
    process = draw_purchase_process(rng, block.assumptions, traits)
    packed, experience = _own_purchases(block, made, rng, process)
    exits = draw_exits(rng, block.assumptions, experience, process.count, traits.sensitivity)
    stay = process.count.copy()
    stay[exits.person] = exits.last + 1
    last_day = process.day[np.cumsum(process.count) - process.count + stay - 1]
    packed = packed[_kept(process.count, stay)]
    facts = np.sort(np.concatenate([packed, _deliveries(block, made, rng)]))
    return Drawn(truth={"relationships": _relationships(block, traits, process, exits, last_day)}, facts=facts)


def _relationships(
    block: Block, traits: Tendencies, process: PurchaseProcess, exits: Exits, last_day: np.ndarray
) -> pa.Table:
    """What really became of each person, and the clean process on the clock, before service and price had their say."""
    active = process.alive.copy()
    active[exits.person] = False
    cause = np.zeros(block.people, dtype=np.int64)
    cause[exits.person] = exits.cause
    return pa.table(
        {
            "person_id": block.ids(block.people),
            "process_repeat_purchases": (process.count - 1).astype(np.int32),
            "process_recency_clock_weeks": process.recency_clock_weeks,
            "process_observed_clock_weeks": traits.observed_clock_weeks,
            "process_alive": process.alive,
            "is_active": active,
            "exit_date": calendar_dates(last_day, block.assumptions.start, active),
            "exit_cause": repeating_text(cause, EXIT_CAUSES, active),
        }
    )
