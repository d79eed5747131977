"""Satisfaction with delivery: a rating from 1 to 5 after a web order. Who answers is not who buys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates
from crmlab.company.orders import Orders
from crmlab.company.service_quality import PROMISED_DAYS


def draw_delivery_ratings(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Table ``delivery_ratings``, a row an answer, in the order of time."""
    rng = block.rng("delivery_ratings")
    orders: Orders = made["orders"]
    days_late = np.maximum(orders.lead_days.astype(np.int32) - PROMISED_DAYS, 0)
    annoyed = (days_late > 0) | (orders.failure > 0)
    share = np.where(annoyed, block.assumptions.answer_share_annoyed, block.assumptions.answer_share)
    answers = (rng.random(len(days_late)) < share) & (orders.lead_days > 0)
    order = np.flatnonzero(answers)
    felt = 4.75 - 0.42 * days_late[order] - 1.3 * (orders.failure[order] > 0) + rng.normal(0, 0.75, len(order))
    day = orders.day[order] + orders.lead_days[order] + 1 + rng.geometric(0.5, len(order))
    seen = np.flatnonzero(day < block.assumptions.days)
    seen = seen[np.lexsort([order[seen], day[seen]])]
    table = pa.table(
        {
            "order_id": orders.order_id[order[seen]],
            "rating_date": calendar_dates(day[seen], block.assumptions.start),
            "delivery_rating": np.clip(np.round(felt[seen]), 1, 5).astype(np.int32),
        }
    )
    return Drawn(tables={"delivery_ratings": table})
