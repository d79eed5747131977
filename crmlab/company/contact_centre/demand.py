"""Who wants to get in touch, when and about what: contacts as they come out of the customers' lives, block by block.

Nothing of the queue is known here. The days take these rows up (``days``) and decide who waits how long.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company.block import Block, Drawn, Made
from crmlab.company.columns import day_numbers
from crmlab.company.contact_centre.settings import ContactSettings, draw_settings
from crmlab.company.contact_centre.topics import (
    BILLING,
    CALL,
    CHANNEL_SHARE,
    CONTRACT,
    FAULT,
    OFFER,
    ORDER_STATUS,
    PRODUCT_QUESTION,
    RETURN,
)
from crmlab.company.leaving import UNRESOLVED_FAILURE
from crmlab.company.orders import Orders
from crmlab.company.service_quality import PROMISED_DAYS

#: One row a first contact. ``day``: on which somebody wants to get in touch; ``since``: from when on there is reason
#: to. ``order_line_id``: what it is about, 0 for nothing in particular. ``leaves``: whether the person leaves for
#: service after the order it is about. ``problem``: whether that order was late or had a fault. ``never_solved``: a
#: fault that the company never puts right.
DEMAND = pa.schema(
    {
        "day": pa.int32(), "since": pa.int32(), "topic": pa.uint8(), "channel": pa.uint8(), "person_id": pa.int64(),
        "customer_id": pa.int64(), "order_line_id": pa.int64(), "leaves": pa.bool_(), "problem": pa.bool_(),
        "never_solved": pa.bool_(), "is_office": pa.bool_(), "unknown": pa.bool_(), "result": pa.int8(),
    }
)  # fmt: skip
#: A machine or grinder fails once in a while: after so many days in the mean.
_DEFECT_MEAN_DAYS = 260
_ASKS_BEFORE_END_DAYS = 6
#: A call of the telesales list is answered with this chance; who is reached is interested with that one.
_REACHED_SHARE, _INTERESTED_SHARE, _MOST_ATTEMPTS = 0.45, 0.2, 3
#: What came of an outbound call, in the column ``result``: -1 for contacts that came in.
CAME_IN, CALLED_NO_ANSWER, CALLED_INTERESTED, CALLED_REFUSED, CALLED_OPTED_OUT = -1, 0, 1, 2, 3


def _leaving_orders(block: Block, made: Made) -> np.ndarray:
    """bool, one value an order: whether the person left for service after it."""
    orders: Orders = made["orders"]
    relationships = made.truth["relationships"]
    by_service = pc.equal(relationships["exit_cause"].cast(pa.string()), "service").fill_null(False)
    own = np.flatnonzero(made.tables["orders"]["subscription_id"].is_null().to_numpy())
    last = np.full(block.people, -1)
    last[orders.person[own]] = own
    leaves = np.zeros(len(orders.order_id), dtype=bool)
    leaves[last[np.flatnonzero(by_service.to_numpy())]] = True
    return leaves


class _Collected:
    """Contacts as they are found, and the table that they make."""

    def __init__(self, block: Block, made: Made, rng: np.random.Generator):
        self._block, self._made, self._rng = block, made, rng
        self._orders: Orders = made["orders"]
        self._leaves = _leaving_orders(block, made)
        self._found: list[dict[str, np.ndarray]] = []

    def add(self, topic: int, day: np.ndarray, order: np.ndarray, line: np.ndarray | None = None) -> None:
        """Contacts about orders (positions), and about a line of each where ``line`` is given."""
        orders = self._orders
        problem = (orders.failure[order] > 0) | (orders.lead_days[order] > PROMISED_DAYS)
        matters = problem if topic in (ORDER_STATUS, FAULT) else np.zeros(len(order), dtype=bool)
        line_id = np.zeros(len(order), dtype=np.int64) if line is None else line + self._block.first_id
        self._keep(
            topic, day, orders.person[order], orders.customer_id[order],
            since=orders.day[order] + np.where(topic == FAULT, orders.lead_days[order], PROMISED_DAYS) + 1,
            order_line_id=line_id,
            leaves=self._leaves[order] & matters,
            problem=matters,
            never_solved=(orders.failure[order] == UNRESOLVED_FAILURE) if topic == FAULT else np.zeros_like(matters),
        )  # fmt: skip

    def add_customers(self, topic: int, day: np.ndarray, customer_id: np.ndarray, **given: np.ndarray) -> None:
        """Contacts of customers about nothing they bought in particular."""
        person = self._made["people"].person[customer_id - self._block.first_id]
        self._keep(topic, day, person, customer_id, **given)

    def _keep(
        self, topic: int, day: np.ndarray, person: np.ndarray, customer_id: np.ndarray, **given: np.ndarray
    ) -> None:
        count, rng = len(day), self._rng
        no = np.zeros(count, dtype=bool)
        settings = draw_settings(self._block.seed, self._block.assumptions.absent)
        if topic == OFFER:
            channel, unknown = np.full(count, CALL), no
        else:
            channel = rng.choice(CHANNEL_SHARE.shape[1], count, p=CHANNEL_SHARE[topic] / CHANNEL_SHARE[topic].sum())
            unknown = rng.random(count) < settings.unknown_share
        row = {
            "day": day, "since": day, "topic": np.full(count, topic), "channel": channel,
            "person_id": person.astype(np.int64) + self._block.first_id, "customer_id": customer_id,
            "order_line_id": np.zeros(count, dtype=np.int64), "leaves": no, "problem": no, "never_solved": no,
            "is_office": self._made["tendencies"].office[person], "unknown": unknown,
            "result": np.full(count, CAME_IN), **given,
        }  # fmt: skip
        seen = (day >= 0) & (day < self._block.assumptions.days)
        self._found.append({name: values[seen] for name, values in row.items()})

    def table(self) -> pa.Table:
        """All of them, by day."""
        columns = {name: np.concatenate([each[name] for each in self._found]) for name in DEMAND.names}
        order = np.argsort(columns["day"], kind="stable")
        return pa.table({name: values[order] for name, values in columns.items()}).cast(DEMAND)


def draw_contact_demand(block: Block, made: Made) -> Drawn:
    """Handed on to the days: ``contact_demand``, a row a first contact, by day (columns: ``DEMAND``)."""
    rng = block.rng("contact_demand")
    settings = draw_settings(block.seed, block.assumptions.absent)
    found = _Collected(block, made, rng)
    _about_orders(rng, settings, block, made, found)
    _about_contracts(rng, settings, block, made, found)
    for day, customer_id, result in _telesales(rng, block, made):
        found.add_customers(OFFER, day, customer_id, result=result)
    return Drawn(handed_on={"contact_demand": found.table()})


def _some(rng: np.random.Generator, among: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Positions of those of ``among`` (bool) whom the lot with chance ``share`` takes."""
    return np.flatnonzero(among & (rng.random(len(among)) < share))


def _about_orders(
    rng: np.random.Generator, settings: ContactSettings, block: Block, made: Made, found: _Collected
) -> None:
    orders: Orders = made["orders"]
    day, lead = orders.day.astype(np.int64), orders.lead_days.astype(np.int64)
    late = lead > PROMISED_DAYS
    order = _some(rng, late, settings.late_contact_share)
    found.add(ORDER_STATUS, day[order] + PROMISED_DAYS + rng.geometric(0.35, len(order)), order)
    order = _some(rng, (lead > 1) & ~late, settings.waiting_contact_share)
    found.add(ORDER_STATUS, day[order] + rng.integers(1, lead[order]), order)

    order = _some(rng, orders.failure > 0, settings.failure_contact_share)
    found.add(FAULT, day[order] + lead[order] + rng.geometric(0.3, len(order)), order, orders.first_line[order])
    breaks = np.isin(made["catalogue"].category, ["machine", "grinder"])[orders.product]
    line = _some(rng, breaks, settings.defect_share)
    order = orders.order[line]
    after = lead[order] + 3 + rng.exponential(_DEFECT_MEAN_DAYS, len(line)).astype(np.int64)
    # A fault long after the order has nothing to do with how the order went.
    found.add_customers(FAULT, day[order] + after, orders.customer_id[order], order_line_id=line + block.first_id)

    every = np.ones(len(day), dtype=bool)
    order = _some(rng, every, settings.question_share)
    found.add(PRODUCT_QUESTION, day[order] + lead[order] + rng.geometric(0.12, len(order)), order)
    order = _some(rng, every, settings.billing_share)
    found.add(BILLING, day[order] + rng.geometric(0.1, len(order)), order)

    returns = made.tables["returns"]
    line = returns["order_line_id"].to_numpy() - block.first_id
    taken = _some(rng, np.ones(len(line), dtype=bool), settings.return_contact_share)
    order = orders.order[line[taken]]
    on = day_numbers(returns["return_date"], block.assumptions.start)[taken] - rng.integers(0, 4, len(taken))
    found.add(RETURN, np.maximum(on, day[order] + lead[order] + 1), order, line[taken])


def _about_contracts(
    rng: np.random.Generator, settings: ContactSettings, block: Block, made: Made, found: _Collected
) -> None:
    days, start = block.assumptions.days, block.assumptions.start
    for name in ("subscriptions", "service_contracts"):
        table = made.tables[name]
        begin, end = day_numbers(table["start_date"], start), day_numbers(table["end_date"], start, days)
        customer_id = table["customer_id"].to_numpy()
        count = rng.poisson(settings.contract_contacts_a_year * (end - begin) / 365.25)
        of = np.repeat(np.arange(len(count)), count)
        found.add_customers(
            CONTRACT, begin[of] + (rng.random(len(of)) * (end - begin)[of]).astype(np.int64), customer_id[of]
        )
        ended = _some(rng, end < days, settings.late_contact_share)
        before = rng.integers(0, _ASKS_BEFORE_END_DAYS, len(ended))
        found.add_customers(CONTRACT, np.maximum(end[ended] - before, begin[ended]), customer_id[ended])


def _telesales(
    rng: np.random.Generator, block: Block, made: Made
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The calls of the campaigns by telephone: days, customers and what came of each, an attempt at a time."""
    start = block.assumptions.start
    plan, contacts, responses = (made.tables[name] for name in ("campaigns", "campaign_contacts", "campaign_responses"))
    by_phone = plan.filter(pc.equal(plan["channel"].cast(pa.string()), "phone"))["campaign_id"]
    called = np.flatnonzero(
        pc.and_(
            pc.is_in(contacts["campaign_id"], by_phone.combine_chunks()), contacts["sent_date"].is_valid()
        ).to_numpy()
    )
    sent = day_numbers(contacts["sent_date"], start)[called]
    customer_id = contacts["customer_id"].to_numpy()[called]
    said_no = responses.filter(pc.equal(responses["reaction"].cast(pa.string()), "opted_out"))
    at = np.full(len(contacts), -1)
    at[said_no["campaign_contact_id"].to_numpy() - block.first_id] = day_numbers(said_no["response_date"], start)
    at = at[called]
    # Who opted out said so on the telephone, on that day; the others are called up to three times.
    yield at[at >= 0], customer_id[at >= 0], np.full((at >= 0).sum(), CALLED_OPTED_OUT)
    day, customer_id = sent[at < 0], customer_id[at < 0]
    for _ in range(_MOST_ATTEMPTS):
        reached = rng.random(len(day)) < _REACHED_SHARE
        said = np.where(rng.random(len(day)) < _INTERESTED_SHARE, CALLED_INTERESTED, CALLED_REFUSED)
        yield day, customer_id, np.where(reached, said, CALLED_NO_ANSWER)
        day, customer_id = day[~reached] + rng.integers(1, 4, (~reached).sum()), customer_id[~reached]
