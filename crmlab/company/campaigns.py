"""Campaigns as they were run: who was on the list, who was written to, who was held out, and what came of it.

``orders`` is the company's life with its campaigns in it. So what somebody bought is known here before it is known
whether that person was written to, and the arm is drawn from it: with hold-out share 1 - h, persuasion a, putting off
b and chance q of an order within 14 days, the chance p0 without a message solves

    q = h * p1 + (1 - h) * p0,    p1 = a + (1 - a) * (1 - b) * p0,

and the chance of having been written to is h * p1 / q for buyers and h * (1 - p1) / (1 - q) for the others. Together
arm and orders then have the distribution that they would have if the arm had been drawn first, by a lottery that
knows nothing of anybody; and the effect can be measured in ``orders``.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn, Made
from crmlab.company.campaign_plan import CampaignPlan
from crmlab.company.campaign_responses import Contacts, draw_responses
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.orders import Orders
from crmlab.company.people import Records
from crmlab.company.permissions import NEVER, Permissions, permissions
from crmlab.company.responding import (
    CHANNEL_OPT_OUT,
    CHANNEL_PUTS_OFF,
    CHANNELS,
    EFFECT_DAYS,
    FATIGUE_DAYS,
    MOST,
    contacted_probability,
    opt_out_probability,
)
from crmlab.company.seasonal_clock import seasonal_clock

ARMS = ("control", "treatment")
#: A message can bring no more than this share of all that those who are written to buy.
_MOST_OF_ORDERS = 0.5


@dataclasses.dataclass(frozen=True)
class OwnOrders:
    """The orders that people decided on, by person and day.

    One value an order: ``person``, ``day``, ``order`` (position in ``orders``). ``first``: where each person's begin.
    """

    person: np.ndarray
    day: np.ndarray
    order: np.ndarray
    first: np.ndarray

    def before(self, day: int) -> np.ndarray:
        """Where each person's orders from ``day`` on begin: those before stand before."""
        return self.first + np.bincount(self.person[self.day < day], minlength=len(self.first))

    def last_day_before(self, day: int) -> np.ndarray:
        """The day of each person's last order before ``day``; -1 where there is none."""
        at = self.before(day)
        return np.where(at > self.first, self.day[np.maximum(at - 1, 0)], -1)


def own_orders(block: Block, made: Made) -> OwnOrders:
    """The orders of the block without the deliveries of subscriptions."""
    orders: Orders = made["orders"]
    own = np.flatnonzero(made.tables["orders"]["subscription_id"].is_null().to_numpy())
    # Orders stand in the order of time already.
    own = own[np.argsort(orders.person[own], kind="stable")]
    count = np.bincount(orders.person[own], minlength=block.people)
    return OwnOrders(orders.person[own], orders.day[own].astype(np.int64), own, np.cumsum(count) - count)


def _order_probability(block: Block, made: Made, person: np.ndarray, day: int) -> np.ndarray:
    """The chance of an own order within ``EFFECT_DAYS`` days from ``day``, for people who bought before."""
    traits, relationships = made["tendencies"], made.truth["relationships"]
    weeks = seasonal_clock(block.assumptions).clock_weeks
    run = (weeks[:, day + EFFECT_DAYS] - weeks[:, day])[traits.clock_level[person]]
    exit_date = relationships["exit_date"].cast(pa.int32()).fill_null(np.iinfo(np.int32).max).to_numpy()
    first_date = calendar_dates(np.array([day]), block.assumptions.start).cast(pa.int32())[0].as_py()
    return np.where(exit_date[person] >= first_date, -np.expm1(-traits.rate_per_week[person] * run), 0.0)


def _potential(
    chance: np.ndarray, persuasion: np.ndarray, put_off: np.ndarray, sent_share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The chances of an order without and with the message, and the persuasion in it, given the chance overall.

    Where the planted effect does not fit into what people buy overall, it is cut to what does.
    """
    persuasion = np.minimum(persuasion, _MOST_OF_ORDERS * chance / sent_share)
    put_off = np.minimum(put_off, (1 - chance) / (sent_share * (1 - persuasion)))
    alone = (chance - sent_share * persuasion) / (1 - sent_share + sent_share * (1 - persuasion) * (1 - put_off))
    return alone, contacted_probability(alone, persuasion, put_off), persuasion


def _listed(
    permitted: Permissions, records: Records, own: OwnOrders, plan: CampaignPlan, each: int, out_day: np.ndarray
) -> np.ndarray:
    """The contact points of the list of campaign ``each``: one a record, its first choice with permission."""
    day = int(plan.day[each])
    point = np.flatnonzero(
        (permitted.kind == plan.channel[each])
        & (permitted.from_day <= day)
        & (permitted.until_day > day)
        & (out_day[permitted.person, plan.channel[each]] > day)
        & (records.created_day[permitted.record] < day)
    )
    _, first = np.unique(permitted.record[point], return_index=True)
    point = point[first]
    last = own.last_day_before(day)[permitted.person[point]]
    since = day - last
    return point[(last >= 0) & (since >= plan.least_days[each]) & (since <= plan.most_days[each])]


class _Memory:
    """What the campaign tool remembers from campaign to campaign: who was sent what when, and who has opted out.

    ``out_day``: (people, channels), the day of an opt-out that answered a campaign, ``NEVER`` where there is none.
    """

    def __init__(self, people: int):
        self.out_day = np.full((people, len(CHANNELS)), NEVER)
        self._sent: list[tuple[int, np.ndarray]] = []

    def number_of_message(self, person: np.ndarray, day: int) -> np.ndarray:
        """Which message in 30 days one on this day would be."""
        recent = [sent[person] for on, sent in self._sent if day - on < FATIGUE_DAYS]
        return sum(recent, np.ones(len(person), dtype=np.int64))

    def add(self, person: np.ndarray, sent: np.ndarray, day: int, channel: int, opted_out_day: np.ndarray) -> None:
        """Keep what a campaign did."""
        reached = np.zeros(len(self.out_day), dtype=np.int64)
        reached[person] = sent
        self._sent.append((day, reached))
        self.out_day[person, channel] = np.minimum(self.out_day[person, channel], opted_out_day)


def _drawn_arm(
    rng: np.random.Generator,
    bought: np.ndarray,
    chance: np.ndarray,
    contacted: np.ndarray,
    persuasion: np.ndarray,
    sent_share: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Who was written to, given who bought; and who was persuaded by that."""
    if_bought = contacted / np.where(chance > 0, chance, 1)
    if_not = (1 - contacted) / np.where(chance < 1, 1 - chance, 1)
    sent = rng.random(len(bought)) < sent_share * np.where(bought, if_bought, if_not)
    return sent, sent & bought & (rng.random(len(bought)) * contacted < persuasion)


def _run(
    block: Block, made: Made, rng: np.random.Generator, each: int, point: np.ndarray, permitted: Permissions,
    own: OwnOrders, memory: _Memory,
) -> Contacts:  # fmt: skip
    """Campaign ``each`` with the contact points of its list."""
    given, plan, effects = block.assumptions, made["campaign_plan"], made["effects"]
    day, channel, message = int(plan.day[each]), int(plan.channel[each]), int(plan.message[each])
    sent_share = 1 - float(plan.holdout_share[each])
    # The tool holds out addresses by lot: a person recorded twice is in one arm.
    person = np.unique(permitted.person[point])
    number = memory.number_of_message(person, day)
    chance = _order_probability(block, made, person, day)
    tired = given.wear_out ** (number - 1.0)
    alone, contacted, persuasion = _potential(
        chance,
        np.minimum(effects.persuasion[person, message] * effects.channel_factor[person, channel] * tired, MOST),
        np.minimum(effects.put_off[person, message] * CHANNEL_PUTS_OFF[channel], MOST),
        sent_share,
    )
    first_order, next_order = own.before(day), own.before(day + EFFECT_DAYS)
    bought = (next_order > first_order)[person]
    sent, persuaded = _drawn_arm(rng, bought, chance, contacted, persuasion, sent_share)
    hazard = effects.opt_out_hazard[person] * CHANNEL_OPT_OUT[channel]
    leaves_list = sent & (rng.random(len(person)) < opt_out_probability(hazard, number, given.fatigue_power))
    opted_out_day = np.where(leaves_list, day + rng.geometric(0.6, len(person)) - 1, NEVER)
    memory.add(person, sent, day, channel, opted_out_day)
    at = np.searchsorted(person, permitted.person[point])
    return Contacts(
        campaign=np.full(len(point), each),
        point=point,
        record=permitted.record[point],
        person=permitted.person[point],
        sent=sent[at],
        persuaded=persuaded[at],
        opted_out_day=opted_out_day[at],
        alone=alone[at],
        contacted=contacted[at],
        first_order=first_order[permitted.person[point]],
        next_order=next_order[permitted.person[point]],
    )


def draw_campaigns(block: Block, made: Made) -> Drawn:
    """Tables ``campaign_contacts`` and ``campaign_responses``; hidden table ``campaign_effects``, a row a contact."""
    rng = block.rng("campaigns")
    plan: CampaignPlan = made["campaign_plan"]
    permitted, own = permissions(block, made), own_orders(block, made)
    memory = _Memory(block.people)
    lists = []
    for each in range(len(plan.day)):
        point = _listed(permitted, made["people"], own, plan, each, memory.out_day)
        lists.append(_run(block, made, rng, each, point, permitted, own, memory))
    contacts = Contacts.together(lists)
    contact_id, start = block.ids(len(contacts.point)), block.assumptions.start
    table = pa.table(
        {
            "campaign_contact_id": contact_id,
            "campaign_id": (contacts.campaign + 1).astype(np.int32),
            "customer_id": contacts.record + block.first_id,
            "contact_point_id": contacts.point + block.first_id,
            "arm": repeating_text(contacts.sent, ARMS),
            "sent_date": calendar_dates(plan.day[contacts.campaign], start, ~contacts.sent),
        }
    )
    truth = pa.table(
        {
            "campaign_contact_id": contact_id,
            "order_probability_alone": contacts.alone.round(5),
            "order_probability_contacted": contacts.contacted.round(5),
        }
    )
    responses = draw_responses(block, made, rng, contacts, own.order)
    return Drawn(
        tables={"campaign_contacts": table, "campaign_responses": responses}, truth={"campaign_effects": truth}
    )
