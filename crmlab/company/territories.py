"""Territories and staff: who looks after which part of the country."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates, texts
from crmlab.company.vocabulary import vocabulary

#: Regions (the parents) and the first digits of the postal codes of their territories.
REGIONS = {"North": "012", "East": "345", "South": "67", "West": "89"}
#: The territory of each first digit of a postal code, and the region (0 to 3) of each.
TERRITORY_OF_DIGIT = np.array([len(REGIONS) + 1 + digit for digit in range(10)], dtype=np.int32)
REGION_OF_DIGIT = np.array([i for i, digits in enumerate(REGIONS.values()) for _ in digits], dtype=np.uint8)
#: Where people live: the north-western cities weigh more.
DIGIT_SHARE = np.array([0.12, 0.08, 0.11, 0.09, 0.13, 0.10, 0.10, 0.08, 0.11, 0.08])

# role, how many, cents an hour
_ROLES = (("manager", 5, 5200), ("marketer", 3, 3800), ("rep", 10, 3900), ("agent", 16, 2600), ("technician", 8, 3300))


@dataclasses.dataclass(frozen=True)
class Organisation:
    """``rep_of_digit``: int32 (10,), the rep who looks after the postal codes with that first digit."""

    rep_of_digit: np.ndarray


def _territories() -> pa.Table:
    names, parents, rules = list(REGIONS), [None] * len(REGIONS), [None] * len(REGIONS)
    for parent, (region, digits) in enumerate(REGIONS.items(), start=1):
        for digit in digits:
            names.append(f"{region} {digit}")
            parents.append(parent)
            rules.append(digit)
    return pa.table(
        {
            "territory_id": pa.array(range(1, len(names) + 1), pa.int32()),
            "name": names,
            "parent_id": pa.array(parents, pa.int32()),
            "postal_code_prefix": pa.array(rules, pa.string()),
        }
    )


def draw_territories(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Four regions with ten territories, and the staff: each territory has a rep, each region a manager."""
    rng = block.rng("territories")
    words = vocabulary()
    roles = [role for role, count, _ in _ROLES for _ in range(count)]
    people = len(roles)
    first = texts(rng.integers(0, len(words["first_names"]), people), words["first_names"]).to_pylist()
    last = texts(rng.integers(0, len(words["last_names"]), people), words["last_names"]).to_pylist()
    role = np.array(roles)
    digit = np.zeros(people, dtype=int)
    for each in ("rep", "agent", "technician"):
        digit[role == each] = np.arange((role == each).sum()) % 10
    in_field = np.isin(role, ["rep", "technician"])
    # Manager 1 leads the company; managers 2 to 5 lead the regions; agents and marketers report to manager 1.
    manager = np.where(in_field, REGION_OF_DIGIT[digit] + 2, 1)
    hourly = np.repeat([cents for _, _, cents in _ROLES], [count for _, count, _ in _ROLES])
    staff = pa.table(
        {
            "staff_id": pa.array(range(1, people + 1), pa.int32()),
            "first_name": first,
            "last_name": last,
            "role": roles,
            "manager_id": pa.array(manager, pa.int32(), mask=np.arange(people) == 0),
            "territory_id": pa.array(TERRITORY_OF_DIGIT[digit], mask=~in_field),
            "hourly_cost_cents": pa.array(np.round(hourly * np.exp(rng.normal(0, 0.08, people))).astype(np.int32)),
            "hired_date": calendar_dates(-rng.integers(0, 900, people), block.assumptions.start),
        }
    )
    reps = np.flatnonzero(role == "rep") + 1
    facts = Organisation(rep_of_digit=reps.astype(np.int32))
    return Drawn(tables={"territories": _territories(), "staff": staff}, facts=facts)
