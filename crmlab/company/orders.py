"""Orders and their lines: purchases put into baskets, priced, delivered and written down."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.accounts import RESELLERS
from crmlab.company.baskets import fill_baskets
from crmlab.company.block import Block, Drawn
from crmlab.company.catalogue import Catalogue
from crmlab.company.columns import calendar_dates, maybe_number, repeating_text
from crmlab.company.people import Records
from crmlab.company.purchases import VOUCHER_PERCENTS, unpack
from crmlab.company.service_quality import PROMISED_DAYS
from crmlab.company.tendencies import ORDER_CHANNELS, QUANTITY_LEVELS

_RESELLER = ORDER_CHANNELS.index("reseller")
#: Further pieces of the same product: exponential with this mean, cut to whole ones; offices take more, level by level.
_MORE_PIECES, _MORE_BY_LEVEL, _MOST_PIECES = 0.35, 1.6, 12
_QUANTITY_SLOTS = 256


@dataclasses.dataclass(frozen=True)
class Orders:
    """What later domains need of the block's orders, in the order of time.

    One value an order: ``order_id``, ``customer_id``, ``person``, ``day``, ``lead_days`` (0: not delivered),
    ``failure`` (see ``leaving``), ``first_line`` (position).
    One value a line: ``order`` (position), ``product`` (position), ``quantity``, ``unit_price_cents``.
    """

    order_id: np.ndarray
    customer_id: np.ndarray
    person: np.ndarray
    day: np.ndarray
    lead_days: np.ndarray
    failure: np.ndarray
    first_line: np.ndarray
    order: np.ndarray
    product: np.ndarray
    quantity: np.ndarray
    unit_price_cents: np.ndarray


def _quantities(rng: np.random.Generator, catalogue: Catalogue, level: np.ndarray, product: np.ndarray) -> np.ndarray:
    """How many of each, uint8: offices take more, and nobody takes three machines for a kitchen."""
    mean = np.where(np.isin(catalogue.category, ["beans", "accessory", "gift"]), _MORE_PIECES, 0.0)
    by_level = mean * (1 + _MORE_BY_LEVEL * np.arange(QUANTITY_LEVELS)[:, None])
    exponential = -np.log1p(-np.arange(_QUANTITY_SLOTS) / _QUANTITY_SLOTS)
    pieces = np.minimum(1 + np.floor(by_level[:, :, None] * exponential), _MOST_PIECES).astype(np.uint8).ravel()
    slot = level.astype(np.int32)
    slot *= np.int32(len(mean) * _QUANTITY_SLOTS)
    slot += product * np.int32(_QUANTITY_SLOTS)
    slot += rng.integers(0, _QUANTITY_SLOTS, len(product), dtype=np.uint8)
    return pieces[slot]


def _recorded_as(records: Records, person: np.ndarray, channel: np.ndarray, day: np.ndarray) -> np.ndarray:
    """The ``customer_id`` under which each order is recorded, int64."""
    customer_id = records.customer_id[person]
    second = np.flatnonzero(channel == records.second_channel[person])
    second = second[day[second] >= records.second_day[person[second]]]
    customer_id[second] = records.second_customer_id[person[second]]
    return customer_id


def draw_orders(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Tables ``orders`` and ``order_lines``; hidden table ``order_failures``, a row an order that went wrong."""
    rng = block.rng("orders")
    traits, subscriptions, packed = made["tendencies"], made["subscriptions"], made["purchases"]
    catalogue: Catalogue = made["catalogue"]
    person, day = unpack(packed, "person", np.int32), unpack(packed, "day", np.int32)
    channel, lead = unpack(packed, "channel", np.uint8), unpack(packed, "lead_days", np.uint8)
    voucher_percent = VOUCHER_PERCENTS[unpack(packed, "voucher", np.uint8)]

    order, product, first_line = fill_baskets(rng, made["baskets"], unpack(packed, "anchor", np.uint8))
    quantity = _quantities(rng, catalogue, traits.quantity_level[person][order], product)
    cell = (day * np.int32(len(catalogue.sku)))[order]
    cell += product
    price = catalogue.list_price_cents.ravel()[cell]
    price *= (100 - voucher_percent)[order]
    price += 50
    price //= 100
    facts = Orders(
        order_id=block.ids(len(packed)),
        customer_id=_recorded_as(made["people"], person, channel, day),
        person=person,
        day=day,
        lead_days=lead,
        failure=unpack(packed, "failure", np.uint8),
        first_line=first_line,
        order=order,
        product=product,
        quantity=quantity,
        unit_price_cents=price,
    )
    lines = pa.table(
        {
            "order_line_id": block.ids(len(order)),
            "order_id": facts.order_id[order],
            "product_id": product.astype(np.int32) + np.int32(1),
            "quantity": quantity.astype(np.int32),
            "unit_price_cents": price,
            "unit_cost_cents": catalogue.unit_cost_cents.ravel()[cell],
        }
    )
    reseller_id = rng.integers(1, RESELLERS + 1, block.people)
    subscription_id = np.zeros(block.people, dtype=np.int64)
    subscription_id[subscriptions.person] = subscriptions.subscription_id
    running_total = np.concatenate([[0], np.cumsum(price * quantity, dtype=np.int64)])
    orders = pa.table(
        {
            "order_id": facts.order_id,
            "customer_id": facts.customer_id,
            "order_date": calendar_dates(day, block.assumptions.start),
            "channel": repeating_text(channel, ORDER_CHANNELS),
            "reseller_id": maybe_number(reseller_id[person], channel != _RESELLER),
            "subscription_id": maybe_number(subscription_id[person], ~unpack(packed, "subscription", bool)),
            "voucher_percent": voucher_percent,
            **_delivery_dates(block, day, lead),
            "amount_cents": np.diff(running_total[np.append(first_line, len(order))]),
        }
    )
    return Drawn(
        tables={"orders": orders, "order_lines": lines}, truth={"order_failures": _failures(rng, facts)}, facts=facts
    )


def _delivery_dates(block: Block, day: np.ndarray, lead: np.ndarray) -> dict[str, pa.Array]:
    """Promised and delivered dates; none where nothing is delivered, or not yet."""
    delivered = day + lead
    never = lead == 0
    not_yet = never | (delivered >= block.assumptions.days)
    return {
        "promised_date": calendar_dates(day + np.int32(PROMISED_DAYS), block.assumptions.start, never),
        "delivered_date": calendar_dates(delivered, block.assumptions.start, not_yet),
    }


def _failures(rng: np.random.Generator, facts: Orders) -> pa.Table:
    failed = np.flatnonzero(facts.failure)
    return pa.table(
        {
            "order_id": facts.order_id[failed],
            "kind": repeating_text(rng.integers(0, 2, len(failed)), ("defective", "wrong_item")),
            "put_right": facts.failure[failed] == 1,
        }
    )
