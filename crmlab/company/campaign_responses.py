"""What came of a campaign: opened, clicked, bought, opted out, each with its day."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Made
from crmlab.company.columns import calendar_dates, maybe_number, repeating_text
from crmlab.company.permissions import NEVER
from crmlab.company.responding import CHANNELS, EFFECT_DAYS, MESSAGES, VOUCHER_PERCENT

REACTIONS = ("opened", "clicked", "bought", "opted_out")
_VOUCHER = MESSAGES.index("voucher")
_EMAIL = CHANNELS.index("email")


@dataclasses.dataclass(frozen=True)
class Contacts:
    """Rows of campaign lists. ``campaign``, ``point``, ``record`` and ``person`` are positions; ``sent`` and
    ``persuaded`` bool; ``opted_out_day`` (``NEVER``: not); chances of an order ``alone`` and ``contacted``;
    ``first_order`` to ``next_order`` (excluded): which own orders of the person lie in the days of the campaign."""

    campaign: np.ndarray
    point: np.ndarray
    record: np.ndarray
    person: np.ndarray
    sent: np.ndarray
    persuaded: np.ndarray
    opted_out_day: np.ndarray
    alone: np.ndarray
    contacted: np.ndarray
    first_order: np.ndarray
    next_order: np.ndarray

    @classmethod
    def together(cls, lists: Sequence[Contacts]) -> Contacts:
        """Several lists as one, in their order."""
        return cls(
            *(np.concatenate([getattr(each, field.name) for each in lists]) for field in dataclasses.fields(cls))
        )


def _orders_of(
    contacts: Contacts, own_order: np.ndarray, customer_id_of_order: np.ndarray, customer_id: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The orders within the effect of each contact: positions of the contact and of the order.

    The company knows an order by its ``customer_id``: what a person orders as another record is not seen here.
    """
    count = contacts.next_order - contacts.first_order
    contact = np.repeat(np.arange(len(count)), count)
    order = own_order[np.repeat(contacts.first_order - (np.cumsum(count) - count), count) + np.arange(count.sum())]
    seen = customer_id_of_order[order] == customer_id[contact]
    return contact[seen], order[seen]


def draw_responses(
    block: Block, made: Made, rng: np.random.Generator, contacts: Contacts, own_order: np.ndarray
) -> pa.Table:
    """Table ``campaign_responses``, a row a reaction, in the order of time.

    ``own_order``: positions in ``orders``, as ``Contacts.first_order`` counts them.
    """
    plan, effects, orders = made["campaign_plan"], made["effects"], made["orders"]
    day = plan.day[contacts.campaign]
    count = len(day)
    buyer, order = _orders_of(contacts, own_order, orders.customer_id, contacts.record + block.first_id)
    order_day = orders.day[order].astype(np.int64)
    first_order_day = np.full(count, NEVER)
    np.minimum.at(first_order_day, buyer, order_day)

    by_email = contacts.sent & (plan.channel[contacts.campaign] == _EMAIL)
    chance = rng.random((count, 2))
    opened = by_email & ((chance[:, 0] < effects.opens[contacts.person]) | contacts.persuaded)
    clicked = opened & ((chance[:, 1] < effects.clicks[contacts.person]) | contacts.persuaded)
    read_day = day + np.minimum(rng.exponential(1.2, count).astype(np.int64), EFFECT_DAYS - 1)
    # Whoever was persuaded had read the message before buying.
    read_day = np.where(contacts.persuaded, np.minimum(read_day, first_order_day), read_day)
    left = np.flatnonzero(contacts.opted_out_day < block.assumptions.days)

    opened, clicked = np.flatnonzero(opened), np.flatnonzero(clicked)
    contact = np.concatenate([opened, clicked, buyer, left])
    reaction = np.repeat(np.arange(len(REACTIONS)), [len(opened), len(clicked), len(buyer), len(left)])
    on = np.concatenate([read_day[opened], read_day[clicked], order_day, contacts.opted_out_day[left]])
    of_order = np.zeros(len(contact), dtype=np.int64)
    of_order[reaction == 2] = order
    sort = np.lexsort([of_order, reaction, contact, on])
    contact, reaction, on, of_order = contact[sort], reaction[sort], on[sort], of_order[sort]
    bought = reaction == 2
    amount = np.bincount(orders.order, orders.quantity * orders.unit_price_cents.astype(float), len(orders.order_id))
    amount = amount.astype(np.int64)[of_order] if len(orders.order_id) else of_order
    voucher = bought & contacts.sent[contact] & (plan.message[contacts.campaign[contact]] == _VOUCHER)
    return pa.table(
        {
            "campaign_response_id": block.ids(len(contact)),
            "campaign_contact_id": contact + block.first_id,
            "reaction": repeating_text(reaction, REACTIONS),
            "response_date": calendar_dates(on, block.assumptions.start),
            "order_id": maybe_number(of_order + block.first_id, ~bought),
            "amount_cents": maybe_number(amount, ~bought),
            "credit_cents": maybe_number((amount * VOUCHER_PERCENT + 50) // 100, ~voucher),
        }
    )
