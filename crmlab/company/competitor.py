"""A competitor's offers: weeks in which customers of one region are tempted away. Nobody in the company sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates
from crmlab.company.territories import REGIONS

_OFFERS_A_YEAR = 5
_LENGTH_DAYS = (10, 28)


def draw_competitor(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Facts: bool (days, regions), where and when an offer runs. Hidden table ``competitor_offers``, a row an offer."""
    rng = block.rng("competitor")
    days = block.assumptions.days
    count = round(_OFFERS_A_YEAR * days / 365.25) * len(REGIONS)
    region = np.arange(count) % len(REGIONS)
    first = rng.integers(30, days - _LENGTH_DAYS[1], count)
    length = rng.integers(*_LENGTH_DAYS, count)
    running = np.zeros((days, len(REGIONS)), dtype=bool)
    for each in range(count):
        running[first[each] : first[each] + length[each], region[each]] = True
    offers = pa.table(
        {
            "region": pa.array(np.array(list(REGIONS))[region]),
            "first_date": calendar_dates(first, block.assumptions.start),
            "last_date": calendar_dates(first + length - 1, block.assumptions.start),
        }
    ).sort_by([("first_date", "ascending"), ("region", "ascending")])
    return Drawn(truth={"competitor_offers": offers}, facts=running)
