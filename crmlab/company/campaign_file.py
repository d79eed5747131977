"""The campaign file: one randomised experiment, large enough to show the effect of an e-mail.

Telling 0.6 % from 1.2 % takes thousands of people an arm, more than the course company's lists have. So a file of
``FILE_CONTACTS`` people stands beside the company: what was known of each on the day of sending, which of three arms
the lottery gave (nothing, an e-mail with a voucher, an e-mail about a new roast), and what happened in 60 days. Its
people are not those of ``customers``. Sizes as in Hillstrom's e-mail experiment (2008).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from crmlab.company.assumptions import Assumptions
from crmlab.company.block import Block, Drawn, Made
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.people import ACQUISITION_CHANNELS
from crmlab.company.responding import CONTACT_COST_CENTS, KINDS_OF_RESPONSE, MOST, kind_weights, opt_out_probability
from crmlab.company.tendencies import ORDER_CHANNELS
from crmlab.company.territories import DIGIT_SHARE, REGION_OF_DIGIT, REGIONS

FILE_CONTACTS = 66_000
FILE_ARMS = ("control", "voucher", "new_roast")
INTERESTS = ("none", "beans", "machines", "gifts")
#: A purchase is looked for until so many days after the day of sending; conversion counts the first 14.
FOLLOWED_DAYS, CONVERSION_DAYS = 60, 14
_HISTORY_DAYS = 730
#: Whoever is persuaded buys after so many days in the mean, within ``FOLLOWED_DAYS``.
_MEAN_DELAY_DAYS = 6.0
_VOUCHER_OFF = np.array([0, 10, 0])
#: How much each arm puts off a sleeping dog: then nothing is bought in the first 14 days.
_PUTS_OFF = np.array([0.0, 0.5, 0.8])
#: Whoever leans less than this towards being a sleeping dog is not put off.
_LEAST_SLEEPING_DOG = 0.16
_CONTACT_COST = np.array([0, CONTACT_COST_CENTS["email"], CONTACT_COST_CENTS["email"]])


@dataclasses.dataclass(frozen=True)
class _People:
    """What was known of each contact on the day of sending; ``pace``, ``bargain``, ``taste`` are hidden leanings."""

    pace: np.ndarray
    bargain: np.ndarray
    taste: np.ndarray
    tenure_days: np.ndarray
    since_days: np.ndarray
    orders: np.ndarray
    mean_order_cents: np.ndarray
    spent_cents: np.ndarray
    vouchers: np.ndarray
    channel: np.ndarray
    acquisition: np.ndarray
    interest: np.ndarray
    region: np.ndarray


def _draw_people(rng: np.random.Generator) -> _People:
    n = FILE_CONTACTS
    pace, bargain, taste = rng.normal(size=(3, n))
    tenure = 30 + (rng.beta(1.1, 1.0, n) * (_HISTORY_DAYS - 30)).astype(np.int64)
    more = rng.poisson(tenure / 365.25 * 1.6 * np.exp(0.8 * pace - 0.3))
    # The last of several purchases lies closer to today; with one purchase it is the first.
    since = np.where(more == 0, tenure, tenure * (1 - rng.random(n) ** (1 / np.maximum(more, 1)))).astype(np.int64)
    mean_order = np.exp(rng.normal(np.log(3400), 0.45, n) + 0.1 * pace - 0.15 * bargain)
    orders = 1 + more
    spent = (orders * mean_order * np.exp(rng.normal(0, 0.35, n) / np.sqrt(orders))).astype(np.int64)
    vouchers = rng.binomial(orders, 1 / (1 + np.exp(2.2 - 1.3 * bargain)))
    channel = np.where(rng.random(n) < 1 / (1 + np.exp(-0.8 - 0.4 * bargain)), 0, np.where(rng.random(n) < 0.9, 1, 2))
    draw = np.log([0.14, 0.18, 0.2, 0.16, 0.12, 0.1, 0.06, 0.04]) + rng.gumbel(size=(n, len(ACQUISITION_CHANNELS)))
    draw[:, ACQUISITION_CHANNELS.index("price_comparison")] += 0.9 * bargain
    interest = np.column_stack([np.full(n, 0.4), 0.9 * taste, np.full(n, -0.5), -0.9 * taste - 0.2])
    return _People(
        pace=pace,
        bargain=bargain,
        taste=taste,
        tenure_days=tenure,
        since_days=np.maximum(since, 1),
        orders=orders,
        mean_order_cents=np.round(mean_order / 50) * 50,
        spent_cents=(spent + 50) // 100 * 100,
        vouchers=vouchers,
        channel=channel,
        acquisition=draw.argmax(axis=1),
        interest=(interest + rng.gumbel(size=(n, len(INTERESTS)))).argmax(axis=1),
        region=REGION_OF_DIGIT[rng.choice(10, n, p=DIGIT_SHARE)],
    )


def _kind_weights(rng: np.random.Generator, people: _People) -> np.ndarray:
    recent = np.exp(-people.since_days / 180)
    score = rng.normal(0, 0.6, (FILE_CONTACTS, len(KINDS_OF_RESPONSE)))
    score[:, 0] += 0.9 * people.bargain + 0.7 * recent + 0.3 * (people.interest > 0) - 0.1
    score[:, 1] += 0.8 * people.pace + 1.3 * recent - 0.4
    score[:, 2] += 1.5 - 1.6 * recent - 0.5 * people.pace
    score[:, 3] += 0.4 * people.pace - 0.8 * people.bargain + 0.9 * recent - 0.9
    return kind_weights(score)


@dataclasses.dataclass(frozen=True)
class _Planted:
    """``hazard``: of a purchase a day without a message; ``persuasion`` within 60 days and ``put_off``: (contacts,
    arms), 0 for the control arm."""

    hazard: np.ndarray
    persuasion: np.ndarray
    put_off: np.ndarray

    def bought_within(self, days: int) -> np.ndarray:
        """The chance of a purchase within ``days`` days, (contacts, arms)."""
        first, then = min(days, CONVERSION_DAYS), max(days - CONVERSION_DAYS, 0)
        waits = self.put_off + (1 - self.put_off) * np.exp(-self.hazard * first)[:, None]
        waits *= np.exp(-self.hazard * then)[:, None]
        return 1 - waits * (1 - self.persuasion * _delay_share(days))


def _delay_share(days: int) -> float:
    """The share of those persuaded who have bought after so many days."""
    return float(np.expm1(-days / _MEAN_DELAY_DAYS) / np.expm1(-FOLLOWED_DAYS / _MEAN_DELAY_DAYS))


def _plant(given: Assumptions, people: _People, weights: np.ndarray) -> _Planted:
    """The chances that give the conversions of the assumptions in the mean over the file."""
    _, sure, _, dog = weights.T
    alone = np.exp(2.0 * sure + 1.3 * dog + 0.5 * np.exp(-people.since_days / 120))
    alone *= given.file_baseline / alone.mean()
    hazard = -np.log1p(-np.minimum(alone, 0.5)) / CONVERSION_DAYS
    persuasion, put_off = np.zeros((2, FILE_CONTACTS, len(FILE_ARMS)))
    if given.absent == "lift":
        return _Planted(hazard, persuasion, put_off)
    put_off = np.minimum(np.sqrt(np.maximum(dog - _LEAST_SLEEPING_DOG, 0))[:, None] * _PUTS_OFF, MOST)
    fit = (1.0, np.exp(0.5 * people.bargain), np.exp(0.5 * people.taste + 0.4 * (people.interest == 1)))
    alone = -np.expm1(-hazard * CONVERSION_DAYS)
    for arm, uplift in ((1, given.file_voucher_uplift), (2, given.file_new_roast_uplift)):
        shape = weights[:, 0] ** 1.5 * fit[arm]
        put_off_alone = alone * put_off[:, arm]
        scale = (uplift + put_off_alone.mean()) / (shape * (1 - alone + put_off_alone)).mean()
        persuasion[:, arm] = np.minimum(shape * scale / _delay_share(CONVERSION_DAYS), MOST)
    return _Planted(hazard, persuasion, put_off)


def _purchase_days(rng: np.random.Generator, planted: _Planted, arm: np.ndarray) -> np.ndarray:
    """Days from sending to the first purchase, from 0; ``FOLLOWED_DAYS`` where there is none."""
    rows = np.arange(FILE_CONTACTS)
    alone = rng.standard_exponential(FILE_CONTACTS) / planted.hazard
    later = CONVERSION_DAYS + rng.standard_exponential(FILE_CONTACTS) / planted.hazard
    put_off = rng.random(FILE_CONTACTS) < planted.put_off[rows, arm]
    alone = np.where(put_off, later, alone)
    share = rng.random(FILE_CONTACTS)
    delay = -_MEAN_DELAY_DAYS * np.log1p(share * np.expm1(-FOLLOWED_DAYS / _MEAN_DELAY_DAYS))
    delay[rng.random(FILE_CONTACTS) >= planted.persuasion[rows, arm]] = FOLLOWED_DAYS
    return np.minimum(np.minimum(alone, delay), FOLLOWED_DAYS).astype(np.int64)


def draw_campaign_file(block: Block, made: Made) -> Drawn:
    """Table ``campaign_file``, a row a contact; hidden table ``campaign_file_effects``, what each would have done."""
    rng = block.rng("campaign_file")
    given = block.assumptions
    people = _draw_people(rng)
    weights = _kind_weights(rng, people)
    planted = _plant(given, people, weights)
    arm = rng.permutation(FILE_CONTACTS) % len(FILE_ARMS)
    day = _purchase_days(rng, planted, arm)
    bought = day < FOLLOWED_DAYS
    basket = people.mean_order_cents * np.exp(rng.normal(-0.08, 0.4, FILE_CONTACTS))
    spent = np.where(bought, np.maximum(basket * (100 - _VOUCHER_OFF[arm]) / 100, 400), 0).astype(np.int64)

    mailed = arm > 0
    # Whoever was persuaded had read the message; who opens is mostly who likes to read.
    early = bought & mailed & (day < CONVERSION_DAYS)
    opens = 1 / (1 + np.exp(1.5 - 1.6 * weights[:, 0] - 0.5 * (people.interest > 0)))
    opened = mailed & ((rng.random(FILE_CONTACTS) < opens) | (early & (rng.random(FILE_CONTACTS) < 0.7)))
    clicked = opened & ((rng.random(FILE_CONTACTS) < 0.11) | early)
    read_day = np.minimum(rng.exponential(1.2, FILE_CONTACTS).astype(np.int64), day)
    hazard = given.opt_out_hazard * (0.5 + 3.5 * weights[:, 3])
    opted_out = mailed & (rng.random(FILE_CONTACTS) < opt_out_probability(hazard, np.ones(1), given.fatigue_power))
    opt_out_day = rng.geometric(0.6, FILE_CONTACTS) - 1
    sent_day = given.days - 1 - 120 + int(rng.integers(0, 28))

    def on(days: np.ndarray, happened: np.ndarray) -> pa.Array:
        return calendar_dates(sent_day + np.where(happened, days, 0), given.start, ~happened)

    contact_id = np.arange(1, FILE_CONTACTS + 1, dtype=np.int64)
    table = pa.table(
        {
            "contact_id": contact_id,
            "days_since_last_purchase": people.since_days.astype(np.int32),
            "orders_2_years": people.orders.astype(np.int32),
            "spent_2_years_cents": people.spent_cents.astype(np.int32),
            "tenure_days": people.tenure_days.astype(np.int32),
            "vouchers_used": people.vouchers.astype(np.int32),
            "main_channel": repeating_text(people.channel, ORDER_CHANNELS),
            "acquisition_channel": repeating_text(people.acquisition, ACQUISITION_CHANNELS),
            "newsletter_interest": repeating_text(people.interest, INTERESTS),
            "region": repeating_text(people.region, list(REGIONS)),
            "arm": repeating_text(arm, FILE_ARMS),
            "sent_date": calendar_dates(np.full(FILE_CONTACTS, sent_day), given.start),
            "contact_cost_cents": _CONTACT_COST[arm].astype(np.int32),
            "opened_date": on(read_day, opened),
            "clicked_date": on(read_day, clicked),
            "response_date": on(day, bought),
            "bought_14_days": day < CONVERSION_DAYS,
            "bought_60_days": bought,
            "spent_cents": spent.astype(np.int32),
            "opted_out_date": on(opt_out_day, opted_out),
        }
    )
    chances = {CONVERSION_DAYS: planted.bought_within(CONVERSION_DAYS).round(5)}
    chances[FOLLOWED_DAYS] = planted.bought_within(FOLLOWED_DAYS).round(4)
    truth = pa.table(
        {
            "contact_id": contact_id,
            "kind": repeating_text(weights.argmax(axis=1), KINDS_OF_RESPONSE),
            **{
                f"{name}_{days}_days": chances[days][:, i]
                for days in (CONVERSION_DAYS, FOLLOWED_DAYS)
                for i, name in enumerate(FILE_ARMS)
            },
            "order_cents": people.mean_order_cents.astype(np.int32),
        }
    )
    return Drawn(tables={"campaign_file": table}, truth={"campaign_file_effects": truth})
