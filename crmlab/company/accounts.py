"""Accounts: the offices that buy, each with one to three people who order for it, and the resellers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import repeating_text, texts
from crmlab.company.territories import TERRITORY_OF_DIGIT
from crmlab.company.vocabulary import vocabulary

RESELLERS = 8
_PEOPLE_IN_OFFICE = (0.7, 0.2, 0.1)


@dataclasses.dataclass(frozen=True)
class Offices:
    """``account_of_person``: int64 (people,), the account that a person orders for, 0 for a household."""

    account_of_person: np.ndarray


def _account_names(rng: np.random.Generator, count: int) -> pa.Array:
    words = vocabulary()
    family = texts(rng.integers(0, len(words["company_names"]), count), words["company_names"])
    kind = texts(rng.integers(0, len(words["company_kinds"]), count), words["company_kinds"])
    return pc.binary_join_element_wise(family, kind, " ")


def _accounts(
    block: Block, rng: np.random.Generator, account_id: np.ndarray, digit: np.ndarray, kind: str, reps: np.ndarray
) -> pa.Table:
    count = len(account_id)
    return pa.table(
        {
            "account_id": account_id,
            "name": _account_names(rng, count),
            "type": repeating_text(np.zeros(count), [kind]),
            "employees": np.round(np.exp(rng.normal(2.9, 0.8, count))).astype(np.int32) + 1,
            "territory_id": TERRITORY_OF_DIGIT[digit],
            "owner_id": reps[digit],
        }
    )


def draw_resellers(block: Block, made: Mapping[str, Any]) -> Drawn:
    """The resellers, accounts 1 to ``RESELLERS``. Facts: their number."""
    rng = block.rng("resellers")
    digit = np.arange(RESELLERS) % 10
    reps = made["territories"].rep_of_digit
    table = _accounts(block, rng, np.arange(1, RESELLERS + 1), digit, "reseller", reps)
    return Drawn(tables={"accounts": table}, facts=RESELLERS)


def draw_accounts(block: Block, made: Mapping[str, Any]) -> Drawn:
    """The offices of the block: people who buy for an office share it one, two or three at a time."""
    rng = block.rng("accounts")
    buyers = np.flatnonzero(made["tendencies"].office)
    size = rng.choice(np.arange(1, 4), len(buyers), p=_PEOPLE_IN_OFFICE)
    office = np.repeat(np.arange(len(buyers)), size)[: len(buyers)]
    count = int(office[-1]) + 1 if len(buyers) else 0
    first = block.first_id + RESELLERS
    account_of_person = np.zeros(block.people, dtype=np.int64)
    account_of_person[buyers] = office + first
    digit_of_office = made["tendencies"].postal_digit[buyers[np.searchsorted(office, np.arange(count))]]
    account_id = np.arange(first, first + count)
    table = _accounts(block, rng, account_id, digit_of_office, "customer", made["territories"].rep_of_digit)
    return Drawn(tables={"accounts": table}, facts=Offices(account_of_person))
