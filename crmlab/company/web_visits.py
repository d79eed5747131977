"""Web visits: who looked at which page of the web shop, as far as cookies were accepted.

Whoever refuses cookies leaves no id, not even after logging in. Whoever accepts has a ``visitor_id`` for the device,
and from the login on a ``customer_id``: so the visits before the login can be joined to the customer, and only those.
The home page comes in two variants by lot: ``standard``, and ``personal`` with an offer chosen for the visitor.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn, Made
from crmlab.company.columns import maybe_number, repeating_text
from crmlab.company.orders import Orders
from crmlab.company.purchases import unpack

PAGES = ("home", "category", "product", "basket", "login", "help")
VARIANTS = ("standard", "personal")
#: The last days of the company that are kept.
KEPT_DAYS = 90
_HOME, _PRODUCT, _BASKET, _LOGIN = (PAGES.index(page) for page in ("home", "product", "basket", "login"))
_NEXT_PAGES = np.array([1, 2, 2, 2, 1, 5])
_STRANGERS_PER_PERSON = 0.25
_CLICK_LOG_ODDS = -3.0
_SECOND_DEVICE = 0.2


@dataclasses.dataclass(frozen=True)
class _Sessions:
    """One value a session: ``person`` (position; -1: a stranger), ``minute`` from the first kept day, ``logs_in``,
    ``product`` (position) that it is about."""

    person: np.ndarray
    minute: np.ndarray
    logs_in: np.ndarray
    product: np.ndarray


def _minute_of_day(rng: np.random.Generator, count: int) -> np.ndarray:
    """Minutes after midnight: most in the evening, a few at lunch time, none in the night."""
    evening = rng.random(count) < 0.7
    hour = np.where(evening, rng.normal(20, 1.8, count), rng.normal(12.5, 2.5, count))
    return (np.clip(hour, 6, 23) * 60).astype(np.int64)


def _draw_sessions(block: Block, made: Made, rng: np.random.Generator) -> _Sessions:
    """Sessions that end in a web order, and those that do not."""
    orders: Orders = made["orders"]
    traits = made["tendencies"]
    # The last day is left out: the company does not know yet how it ends.
    first_day = block.assumptions.days - 1 - KEPT_DAYS
    own_web = (unpack(made["purchases"], "channel", np.uint8) == 0) & ~unpack(made["purchases"], "subscription", bool)
    ordered = np.flatnonzero(own_web & (orders.day >= first_day) & (orders.day < first_day + KEPT_DAYS))
    active = made.truth["relationships"]["is_active"].to_numpy()
    mean = np.where(active, 0.5 + 1.6 * traits.rate_per_week, 0.12) * made["people"].web_below / 65_536
    looks = np.repeat(np.arange(block.people), rng.poisson(mean))
    strangers = np.full(rng.poisson(_STRANGERS_PER_PERSON * block.people), -1)
    person = np.concatenate([orders.person[ordered], looks, strangers])
    day = np.concatenate(
        [orders.day[ordered] - first_day, rng.integers(0, KEPT_DAYS, len(looks) + len(strangers))]
    ).astype(np.int64)
    buys = np.arange(len(person)) < len(ordered)
    shown = made["baskets"].popular[rng.integers(0, 65_536, len(person), dtype=np.uint16)]
    return _Sessions(
        person=person,
        minute=day * 1440 + _minute_of_day(rng, len(person)),
        logs_in=buys | ((person >= 0) & (rng.random(len(person)) < 0.25)),
        product=np.where(buys, np.append(orders.product[orders.first_line[ordered]], shown)[: len(person)], shown),
    )


def _devices(block: Block, rng: np.random.Generator, person: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The device of each session (a number that says nothing), and whether cookies are accepted on it."""
    strangers = person < 0
    count = 2 * block.people + int(strangers.sum())
    device = np.where(strangers, 0, 2 * person + (rng.random(len(person)) < _SECOND_DEVICE))
    device[strangers] = np.arange(2 * block.people, count)
    number = rng.permutation(8 * count)[:count] + block.first_id
    accepts = rng.random(count) < block.assumptions.cookie_consent_share
    return number[device], accepts[device]


def draw_web_visits(block: Block, made: Made) -> Drawn:
    """Table ``web_visits``, a row a page that was looked at; hidden table ``web_visits``: by whom."""
    rng = block.rng("web_visits")
    given = block.assumptions
    sessions = _draw_sessions(block, made, rng)
    device, accepts = _devices(block, rng, sessions.person)

    between = 1 + rng.poisson(1.4, len(sessions.person))
    pages = 1 + between + 2 * sessions.logs_in
    session = np.repeat(np.arange(len(pages)), pages)
    place = np.arange(len(session)) - np.repeat(np.cumsum(pages) - pages, pages)
    from_end = pages[session] - 1 - place
    logs_in = sessions.logs_in[session]
    page = _NEXT_PAGES[rng.integers(0, len(_NEXT_PAGES), len(session))]
    page[place == 0] = _HOME
    page[logs_in & (from_end == 1)] = _LOGIN
    page[logs_in & (from_end == 0)] = _BASKET
    page[(place == 1) & logs_in] = _PRODUCT
    own_product = (place == 1) | (page == _BASKET)
    popular = made["baskets"].popular[rng.integers(0, 65_536, len(session), dtype=np.uint16)]
    product = np.where(own_product, sessions.product[session], popular)
    minute = sessions.minute[session] + place * 2

    variant = rng.integers(0, 2, len(pages))[session]
    lift = 0.0 if given.absent == "lift" else given.personal_page_log_odds
    # A known visitor clicks a little more; what the personal page adds is the same for all, on the log-odds.
    known = np.repeat(accepts & (sessions.person >= 0), pages)
    chance = (1 / (1 + np.exp(-_CLICK_LOG_ODDS - 0.3 * known - lift * variant))).round(4)
    home = page == _HOME
    clicked = home & (rng.random(len(session)) < chance)

    order = np.lexsort([place, session, minute])
    session, place, page = session[order], place[order], page[order]
    person, accepted = sessions.person[session], accepts[session]
    logged_in = sessions.logs_in[session] & np.isin(page, (_LOGIN, _BASKET)) & accepted
    first_minute = (given.days - 1 - KEPT_DAYS) * 1440
    customer_id = made["people"].customer_id[np.maximum(person, 0)]
    visit_id = block.ids(len(session))
    table = pa.table(
        {
            "web_visit_id": visit_id,
            "visited_at": _moments(block, first_minute + minute[order]),
            "cookie_consent": accepted,
            "visitor_id": maybe_number(device[session], ~accepted),
            "customer_id": maybe_number(customer_id, ~logged_in),
            "page": repeating_text(page, PAGES),
            "product_id": maybe_number(product[order].astype(np.int32) + 1, ~np.isin(page, (_PRODUCT, _BASKET))),
            "variant": repeating_text(variant[order], VARIANTS, page != _HOME),
            "clicked": pa.array(clicked[order], mask=page != _HOME),
        }
    )
    truth = pa.table(
        {
            "web_visit_id": visit_id,
            "person_id": maybe_number(person + block.first_id, person < 0),
            "click_probability": pa.array(chance[order], mask=page != _HOME),
        }
    )
    return Drawn(tables={"web_visits": table}, truth={"web_visits": truth})


def _moments(block: Block, minute: np.ndarray) -> pa.Array:
    """Minutes from the company's first midnight as timestamps."""
    start = np.datetime64(block.assumptions.start, "us")
    return pa.array(start + minute.astype("timedelta64[m]"), pa.timestamp("us"))
