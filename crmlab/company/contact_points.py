"""Contact points: the e-mail addresses, telephones and postal addresses under which people are recorded.

Addresses use ``example`` domains, and telephone numbers begin with 0 after the area code: neither can belong to
anybody. Each source system writes numbers in its own way, and the till writes e-mail addresses in capitals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import repeating_text, texts
from crmlab.company.people import Records, plain_letters
from crmlab.company.vocabulary import vocabulary

KINDS = ("email", "phone", "post")
_DOMAINS = ("example.com", "example.org", "example.net")
_AREA_CODES = ("30", "40", "69", "89", "221", "351", "421", "711")
#: How each source system writes a telephone number: country and area, then a separator.
_PHONE_FORMS = (("+49 ", " "), ("0", "/"), ("0049", ""), ("+49", ""))


@dataclasses.dataclass(frozen=True)
class ContactPoints:
    """One value a contact point: ``record`` (position), ``kind`` (0 e-mail, 1 phone, 2 post), ``value`` (Arrow
    strings)."""

    record: np.ndarray
    kind: np.ndarray
    value: pa.Array


def _emails(rng: np.random.Generator, records: Records, person: np.ndarray, number: np.ndarray) -> pa.Array:
    """An address for each person (positions), told apart by its number."""
    local = [plain_letters(word).lower().replace(" ", "").replace("'", "") for word in vocabulary()["last_names"]]
    family = texts(records.family_name[person], local)
    domain = texts(rng.integers(0, len(_DOMAINS), len(person)), _DOMAINS)
    name = pc.binary_join_element_wise(family, pa.array(number).cast(pa.string()), ".")
    return pc.binary_join_element_wise(name, domain, "@")


def _phones(rng: np.random.Generator, count: int) -> tuple[pa.Array, pa.Array]:
    area = texts(rng.integers(0, len(_AREA_CODES), count), _AREA_CODES)
    number = pc.utf8_lpad(pa.array(rng.integers(0, 10_000_000, count)).cast(pa.string()), 8, "0")
    return area, number


def _written(area: pa.Array, number: pa.Array, source: np.ndarray) -> pa.Array:
    before = texts(source, [form[0] for form in _PHONE_FORMS])
    between = texts(source, [form[1] for form in _PHONE_FORMS])
    return pc.binary_join_element_wise(before, area, between, number, "")


def draw_contact_points(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Table ``contact_points``, a row an address; a person recorded twice mostly gives the same ones again."""
    rng = block.rng("contact_points")
    records: Records = made["people"]
    words = vocabulary()
    people, person, count = block.people, records.person, len(records.person)
    number = rng.permutation(people + count) + block.first_id
    main_email = _emails(rng, records, np.arange(people), number[:people]).take(pa.array(person))
    other_email = _emails(rng, records, person, number[people:])
    till = records.source_system == 1
    main_email = pc.if_else(pa.array(till), pc.utf8_upper(main_email), main_email)
    area, number = _phones(rng, people)
    phone = _written(area.take(pa.array(person)), number.take(pa.array(person)), records.source_system)
    other_phone = _written(*_phones(rng, count), records.source_system)
    street = texts(rng.integers(0, len(words["streets"]), people), words["streets"])
    house = pa.array(rng.integers(1, 120, people)).cast(pa.string())
    city = texts(rng.integers(0, len(words["cities"]), people), words["cities"])
    post = pc.binary_join_element_wise(pc.binary_join_element_wise(street, house, " "), city, ", ").take(
        pa.array(person)
    )

    again = records.is_second
    has = rng.random((count, 5))
    rows = [
        (0, main_email, has[:, 0] < np.where(again, 0.6, np.where(till, 0.7, 0.98)), True),
        (0, other_email, has[:, 1] < np.where(again, 0.25, 0.12), False),
        (1, phone, has[:, 2] < np.where(again, 0.7, 0.8), True),
        (1, other_phone, has[:, 3] < 0.1, False),
        (2, post, has[:, 4] < np.where(again, 0.5, 0.9), True),
    ]
    record = np.concatenate([np.flatnonzero(there) for _, _, there, _ in rows])
    kind = np.concatenate([np.full(there.sum(), kind) for kind, _, there, _ in rows])
    primary = np.concatenate([np.full(there.sum(), primary) for _, _, there, primary in rows])
    value = pa.concat_arrays([values.filter(pa.array(there)) for _, values, there, _ in rows])
    order = np.lexsort([~primary, kind, record])
    facts = ContactPoints(record[order], kind[order], value.take(pa.array(order)))
    table = pa.table(
        {
            "contact_point_id": block.ids(len(order)),
            "customer_id": facts.record + block.first_id,
            "kind": repeating_text(facts.kind, KINDS),
            "value": facts.value,
            "is_primary": primary[order],
        }
    )
    return Drawn(tables={"contact_points": table}, facts=facts)
