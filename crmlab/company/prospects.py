"""Prospects: people who have not bought yet, where they came from, and what they did that shows intent.

Some are twins of one of the best customers: they live, earn and look at things alike. How far a prospect means to buy
is hidden; the events follow it, with noise.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company.block import Block, Drawn, Made
from crmlab.company.columns import calendar_dates, repeating_text, texts
from crmlab.company.people import plain_letters
from crmlab.company.tendencies import Tendencies
from crmlab.company.territories import TERRITORY_OF_DIGIT
from crmlab.company.vocabulary import vocabulary

SOURCES = ("web_form", "trade_fair", "referral", "competition", "bought_list")
EVENTS = ("newsletter_signup", "catalogue_request", "price_question", "basket_left", "demo_request")
#: The groups of products whose pages a prospect looked at, and the categories in each.
VIEWED = {
    "beans": ("beans", "subscription"),
    "machines": ("machine", "grinder", "service_plan", "bundle", "option"),
    "accessories": ("accessory",),
    "gifts": ("gift",),
}
_SOURCE_DRAW = np.log([0.38, 0.14, 0.16, 0.17, 0.15])
_SOURCE_INTENT = np.array([0.3, 0.3, 0.6, -0.5, -0.8])
#: How many events of each kind to expect in the mean, and how steeply they rise with intent.
_EVENT_MEAN = np.array([0.45, 0.22, 0.12, 0.2, 0.04])
_EVENT_RISES = np.array([0.35, 0.5, 0.9, 0.9, 1.2])
_BEST_SHARE = 0.05
_MEAN_PAGES = 9.0
_HISTORY_DAYS = 365


def _spent_and_viewed(block: Block, made: Made) -> tuple[np.ndarray, np.ndarray]:
    """What each person spent, and the share of each group of ``VIEWED`` among the lines that the person bought."""
    orders, category = made["orders"], made["catalogue"].category
    buyer = orders.person[orders.order]
    spent = np.bincount(buyer, orders.quantity * orders.unit_price_cents.astype(float), block.people)
    group = np.zeros(len(category), dtype=np.int64)
    for i, categories in enumerate(VIEWED.values()):
        group[np.isin(category, categories)] = i
    lines = np.bincount(buyer * len(VIEWED) + group[orders.product], minlength=block.people * len(VIEWED))
    lines = lines.reshape(block.people, len(VIEWED)).astype(float)
    return spent, lines / lines.sum(axis=1, keepdims=True)


def _likenesses(block: Block, rng: np.random.Generator, spent: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The person (position) that each prospect is like, and whether it is a twin of one of the best customers.

    The others are like anybody: some are like one of the best by chance.
    """
    best = np.argsort(-spent, kind="stable")[: max(round(_BEST_SHARE * block.people), 1)]
    twin = rng.random(count) < block.assumptions.twin_share
    return np.where(twin, best[rng.integers(0, len(best), count)], rng.integers(0, block.people, count)), twin


def _events(
    block: Block, rng: np.random.Generator, created_day: np.ndarray, intent: np.ndarray
) -> tuple[pa.Table, np.ndarray]:
    """Table ``prospect_events``; and how many events each prospect has."""
    days = block.assumptions.days
    seen_share = np.minimum((days - created_day) / _HISTORY_DAYS + 0.2, 1.0)
    mean = _EVENT_MEAN * np.exp(intent[:, None] * _EVENT_RISES) * seen_share[:, None]
    times = rng.poisson(np.minimum(mean, 12))
    of, kind = np.nonzero(times)
    repeats = times[of, kind]
    of, kind = np.repeat(of, repeats), np.repeat(kind, repeats)
    # Intent ripens: events crowd towards the end.
    on = days - 1 - ((days - 1 - created_day[of]) * rng.random(len(of)) ** 1.5).astype(np.int64)
    order = np.lexsort([kind, of, on])
    table = pa.table(
        {
            "prospect_event_id": block.ids(len(of)),
            "prospect_id": of[order] + block.first_id,
            "event": repeating_text(kind[order], EVENTS),
            "event_date": calendar_dates(on[order], block.assumptions.start),
        }
    )
    return table, np.bincount(of, minlength=len(created_day))


def draw_prospects(block: Block, made: Made) -> Drawn:
    """Tables ``prospects`` and ``prospect_events``; hidden table ``prospects``: twins, and who means to buy."""
    rng = block.rng("prospects")
    given = block.assumptions
    traits: Tendencies = made["tendencies"]
    count = round(given.prospects_per_person * block.people)
    spent, viewed = _spent_and_viewed(block, made)
    like, twin = _likenesses(block, rng, spent, count)
    source = (_SOURCE_DRAW + 0.5 * twin[:, None] * np.array([0, 0, 1, -1, -1]) + rng.gumbel(size=(count, 5))).argmax(1)
    intent = rng.normal(0, 1, count) + _SOURCE_INTENT[source] + 0.5 * twin
    chance = (1 / (1 + np.exp(3.1 - 1.4 * intent))).round(4)
    created_day = given.days - 1 - (_HISTORY_DAYS * rng.random(count)).astype(np.int64)
    # A twin looks at what its likeness buys; the others only lean that way.
    taste = np.where(twin[:, None], viewed[like], 0.4 * viewed[like] + 0.6 * viewed.mean(axis=0))
    pages = rng.poisson(_MEAN_PAGES * np.exp(0.3 * intent)[:, None] * taste)
    income = traits.income_cents[like] * np.exp(rng.normal(0, np.where(twin, 0.06, 0.35), count))
    # Mostly the same part of the country, for a twin.
    moved = rng.random(count) < np.where(twin, 0.15, 0.85)
    digit = np.where(moved, traits.postal_digit[rng.integers(0, block.people, count)], traits.postal_digit[like])
    events, happened = _events(block, rng, created_day, intent)
    truth = pa.table(
        {
            "prospect_id": block.ids(count),
            "is_twin": twin,
            "twin_of_person_id": pa.array(like + block.first_id, mask=~twin),
            "purchase_probability_90_days": chance,
            "will_buy_90_days": rng.random(count) < chance,
        }
    )
    words = vocabulary()
    last = rng.integers(0, len(words["last_names"]), count)
    table = pa.table(
        {
            "prospect_id": block.ids(count),
            "first_name": texts(rng.integers(0, len(words["first_names"]), count), words["first_names"]),
            "last_name": texts(last, words["last_names"]),
            "email": _emails(rng, block, last),
            "email_opt_in": rng.random(count) < np.where(happened > 0, 0.7, 0.35),
            "postal_code": pc.utf8_lpad(
                pa.array(digit.astype(np.int64) * 10_000 + rng.integers(0, 10_000, count)).cast(pa.string()), 5, "0"
            ),
            "territory_id": TERRITORY_OF_DIGIT[digit],
            "is_office": traits.office[like],
            "yearly_income_cents": pa.array(
                (np.round(income / 100_000) * 100_000).astype(np.int64),
                mask=(rng.random(count) < 0.25) | traits.office[like],
            ),
            "source": repeating_text(source, SOURCES),
            "created_date": calendar_dates(created_day, given.start),
            **{f"viewed_{group}": pages[:, i].astype(np.int32) for i, group in enumerate(VIEWED)},
        }
    )
    return Drawn(tables={"prospects": table, "prospect_events": events}, truth={"prospects": truth})


def _emails(rng: np.random.Generator, block: Block, last: np.ndarray) -> pa.Array:
    """An address for each prospect, in the ``example`` domains, unlike any customer's."""
    local = [plain_letters(word).lower().replace(" ", "").replace("'", "") for word in vocabulary()["last_names"]]
    number = pc.binary_join_element_wise(pa.array(["p"] * len(last), pa.string()), _text(block.ids(len(last))), "")
    domain = texts(rng.integers(0, 2, len(last)), ["example.com", "example.org"])
    return pc.binary_join_element_wise(pc.binary_join_element_wise(texts(last, local), number, "."), domain, "@")


def _text(numbers: np.ndarray) -> pa.Array:
    return pa.array(numbers).cast(pa.string())
