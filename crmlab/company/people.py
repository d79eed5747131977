"""People as they are recorded: names, addresses, how they were won and what that cost; and the ones recorded twice.

A few people are recorded by two source systems that do not know of each other. The second record has its own
``customer_id``, a name that was typed again, and the orders that came in through its own channel. Which records
belong to one person is hidden truth (table ``records``).
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.tendencies import Tendencies
from crmlab.company.territories import TERRITORY_OF_DIGIT
from crmlab.company.vocabulary import vocabulary

SOURCE_SYSTEMS = ("web_shop", "store_till", "reseller_portal", "contact_centre")
ACQUISITION_CHANNELS = (
    "direct", "store_walk_in", "search_ads", "social_ads", "referral", "price_comparison", "direct_mail", "reseller",
)  # fmt: skip
#: Mean cost of winning one customer, in cents; and what kind of customer a channel tends to bring.
_CHANNEL_COST_CENTS = np.array([0, 150, 1900, 1500, 800, 1100, 2400, 2600])
_CHANNEL_DRAW = np.log([0.14, 0.18, 0.2, 0.16, 0.12, 0.1, 0.06, 0.04])
_CHANNEL_OF_LEAVERS = np.array([0, -0.1, 0.1, 0.45, -0.6, 0.7, 0.1, 0.0])
_LANGUAGES = ("de", "en", "fr", "nl")
_LANGUAGE_SHARE = (0.82, 0.1, 0.05, 0.03)
#: A second record comes this long after the first: at least, and further in the mean.
_SECOND_RECORD_AFTER_DAYS, _SECOND_RECORD_MEAN_DAYS = 7, 90
#: The system that makes the second record, by the one that made the first (web shop, till, reseller portal).
_OTHER_SYSTEM = np.array([[1, 1, 1, 1, 1, 3], [0, 0, 0, 0, 0, 3], [0, 0, 0, 1, 1, 3]])


@dataclasses.dataclass(frozen=True)
class Records:
    """The records of the block, one or two a person.

    One value a person: ``customer_id``; ``second_customer_id`` (0: none); ``second_channel``, the order channel of
    the second record (255: none) from ``second_day`` on; ``first_channel``, the order channel of the first purchase.
    ``web_below``, as in ``Tendencies``; ``family_name``, position in the vocabulary, as the person spells it.
    One value a record, in the order of ``customer_id``: ``person``, ``is_second``, ``created_day``, ``source_system``.
    """

    customer_id: np.ndarray
    second_customer_id: np.ndarray
    second_channel: np.ndarray
    second_day: np.ndarray
    first_channel: np.ndarray
    web_below: np.ndarray
    person: np.ndarray
    is_second: np.ndarray
    created_day: np.ndarray
    source_system: np.ndarray
    first_name: np.ndarray
    last_name: np.ndarray
    language: np.ndarray
    family_name: np.ndarray


def plain_letters(word: str) -> str:
    """The word as a till without accents prints it."""
    word = word.replace("ß", "ss").replace("Ø", "O").replace("ø", "o")
    return unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()


def _typed_again(word: str, slip: int, place: int) -> str:
    """The word with the slip of somebody who heard it on the telephone or typed it in a hurry."""
    if slip == 0:
        return plain_letters(word)
    if slip == 1:
        return word.upper()
    if slip == 2 and len(word) > 3:
        at = 1 + place % (len(word) - 2)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if slip == 3 and len(word) > 3:
        at = 1 + place % (len(word) - 2)
        return word[:at] + word[at + 1 :]
    return word


def _acquisition_channel(rng: np.random.Generator, traits: Tendencies, first_channel: np.ndarray) -> np.ndarray:
    leaving = np.clip((traits.dropout - 0.2) / 0.2, -1, 2)
    draw = _CHANNEL_DRAW + leaving[:, None] * _CHANNEL_OF_LEAVERS
    draw[:, 5] += 2.0 * traits.weights[:, 3]
    draw[:, 7] += np.where(first_channel == 2, 2.5, 0.0)
    draw[:, 1] += np.where(first_channel == 1, 1.2, -1.5)
    draw += rng.gumbel(size=draw.shape)
    return draw.argmax(axis=1)


def _second_records(
    block: Block, rng: np.random.Generator, traits: Tendencies, source: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Who is recorded twice (positions), by which source system, and on which day."""
    after = _SECOND_RECORD_AFTER_DAYS + rng.exponential(_SECOND_RECORD_MEAN_DAYS, block.people).astype(np.int64)
    day = traits.acquisition_day + after
    twice = np.flatnonzero(
        (rng.random(block.people) < block.assumptions.duplicate_share) & (day < block.assumptions.days)
    )
    return twice, _OTHER_SYSTEM[np.minimum(source[twice], 2), rng.integers(0, 6, len(twice))], day[twice]


def draw_people(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Table ``customers``, a row a record; hidden table ``records``, which record is which person."""
    rng = block.rng("people")
    traits: Tendencies = made["tendencies"]
    people = block.people
    words = vocabulary()
    pick = rng.integers(0, 65_536, people, dtype=np.uint16)
    first_channel = np.where(pick < traits.web_below, 0, np.where(pick < traits.store_below, 1, 2)).astype(np.uint8)
    channel = _acquisition_channel(rng, traits, first_channel)
    cost = np.round(_CHANNEL_COST_CENTS[channel] * np.exp(rng.normal(-0.08, 0.4, people))).astype(np.int32)
    twice, second_source, second_day = _second_records(block, rng, traits, first_channel)

    person = np.concatenate([np.arange(people), twice])
    day = np.concatenate([traits.acquisition_day.astype(np.int64), second_day])
    order = np.argsort(day.astype(np.uint16), kind="stable")
    customer_ids = block.ids(len(person))
    id_of_record = np.empty(len(person), dtype=np.int64)
    id_of_record[order] = customer_ids
    second_id = np.zeros(people, dtype=np.int64)
    second_id[twice] = id_of_record[people:]
    alternative = np.full(people, 255, dtype=np.uint8)
    alternative[twice] = np.where(second_source < 3, second_source, 255)
    # Whoever has two records uses two channels: as often the web as the store.
    web_below = traits.web_below.copy()
    web_below[twice] = traits.store_below[twice] // 2
    alternative_day = np.zeros(people, dtype=np.uint16)
    alternative_day[twice] = second_day

    first_index = rng.integers(0, len(words["first_names"]), people)
    last_index = rng.integers(0, len(words["last_names"]), people)
    first = np.array(words["first_names"], dtype=object)[first_index[person]]
    last = np.array(words["last_names"], dtype=object)[last_index[person]]
    slips = rng.integers(0, 5, (len(twice), 2)), rng.integers(0, 50, (len(twice), 2))
    for i in range(len(twice)):
        first[people + i] = _typed_again(first[people + i], slips[0][i, 0], slips[1][i, 0])
        last[people + i] = _typed_again(last[people + i], slips[0][i, 1], slips[1][i, 1])
    is_second = np.arange(len(person)) >= people
    source = np.concatenate([first_channel, second_source]).astype(np.uint8)
    language = rng.choice(4, people, p=_LANGUAGE_SHARE)
    facts = Records(
        customer_id=id_of_record[:people],
        second_customer_id=second_id,
        second_channel=alternative,
        second_day=alternative_day,
        first_channel=first_channel,
        web_below=web_below,
        person=person[order],
        is_second=is_second[order],
        created_day=day[order],
        source_system=source[order],
        first_name=first[order],
        last_name=last[order],
        language=language[person][order],
        family_name=last_index,
    )
    channel = np.concatenate([channel, np.where(second_source == 1, 1, 0)])[order]
    cost = np.concatenate([cost, np.zeros(len(twice), np.int32)])[order]
    table = _customers(block, rng, made, facts, channel, cost)
    truth = pa.table(
        {
            "customer_id": customer_ids,
            "person_id": block.first_id + facts.person,
            "is_second_record": facts.is_second,
        }
    )
    return Drawn(tables={"customers": table}, truth={"records": truth}, facts=facts)


def _customers(
    block: Block,
    rng: np.random.Generator,
    made: Mapping[str, Any],
    records: Records,
    channel: np.ndarray,
    cost: np.ndarray,
) -> pa.Table:
    traits: Tendencies = made["tendencies"]
    person = records.person
    account = made["accounts"].account_of_person
    digit = traits.postal_digit
    postal = pc.utf8_lpad(
        pa.array(digit.astype(np.int64) * 10_000 + rng.integers(0, 10_000, block.people)).cast(pa.string()), 5, "0"
    )
    born = -(rng.gamma(9, 1750, block.people) + 18 * 365).clip(6_800, 33_000).astype(np.int64)
    birth_unknown = (rng.random(len(person)) < np.where(records.is_second, 0.5, 0.15)) | traits.office[person]
    income_unknown = (rng.random(len(person)) < np.where(records.is_second, 0.9, 0.3)) | traits.office[person]
    household = 1 + rng.binomial(4, 0.3, block.people).astype(np.int32)
    return pa.table(
        {
            "customer_id": block.ids(len(person)),
            "account_id": pa.array(account[person], mask=account[person] == 0),
            "first_name": pa.array(records.first_name, pa.string()),
            "last_name": pa.array(records.last_name, pa.string()),
            "birth_date": calendar_dates(born[person], block.assumptions.start, birth_unknown),
            "postal_code": postal.take(pa.array(person)),
            "territory_id": TERRITORY_OF_DIGIT[digit[person]],
            "language": repeating_text(records.language, _LANGUAGES),
            "household_size": pa.array(household[person], mask=traits.office[person]),
            "yearly_income_cents": pa.array(traits.income_cents[person], mask=income_unknown),
            "acquisition_channel": repeating_text(channel, ACQUISITION_CHANNELS),
            "acquisition_cost_cents": cost,
            "source_system": repeating_text(records.source_system, SOURCE_SYSTEMS),
            "created_date": calendar_dates(records.created_day, block.assumptions.start),
        }
    )
