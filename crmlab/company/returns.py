"""Returns: dated, with a reason and a refund; they come weeks after the order, as in any shop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.assumptions import Assumptions
from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.orders import Orders
from crmlab.company.service_quality import PROMISED_DAYS

REASONS = ("changed_mind", "defective", "wrong_item", "late", "unwanted_gift")
#: Share of lines that come back although nothing went wrong, by category (the rest: 1 %).
_RETURN_SHARE = {
    "machine": 0.05,
    "grinder": 0.04,
    "accessory": 0.025,
    "gift": 0.03,
    "beans": 0.006,
    "subscription": 0.002,
    "service_plan": 0.01,
}
_WITHIN_DAYS = 30


def draw_returns(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Table ``returns``, a row a line that came back (in part or whole), in the order of time."""
    rng = block.rng("returns")
    given: Assumptions = block.assumptions
    orders: Orders = made["orders"]
    catalogue = made["catalogue"]
    base = np.array([_RETURN_SHARE.get(category, 0.01) for category in catalogue.category])
    # Something went wrong with the first line of the order.
    failed = np.zeros(len(orders.order), dtype=bool)
    failed[orders.first_line] = orders.failure > 0
    late = orders.lead_days[orders.order] > PROMISED_DAYS
    chance = base[orders.product] + given.return_share_after_failure * failed + given.return_share_after_late * late
    line = np.flatnonzero(rng.random(len(chance)) < chance)
    gift = (catalogue.category == "gift")[orders.product[line]]
    reason = np.where(
        failed[line],
        rng.integers(1, 3, len(line)),
        np.where(late[line] & (rng.random(len(line)) < 0.7), 3, np.where(gift, 4, 0)),
    )
    order = orders.order[line]
    day = orders.day[order] + orders.lead_days[order] + 1 + rng.integers(1, _WITHIN_DAYS, len(line))
    quantity = 1 + (rng.random(len(line)) * orders.quantity[line]).astype(np.int32)
    seen = day < given.days
    line, order, reason, day, quantity = (values[seen] for values in (line, order, reason, day, quantity))
    by_time = np.lexsort([line, day])
    line, order, reason, day, quantity = (values[by_time] for values in (line, order, reason, day, quantity))
    table = pa.table(
        {
            "return_id": block.ids(len(line)),
            "order_line_id": line + block.first_id,
            "order_id": orders.order_id[order],
            "return_date": calendar_dates(day, given.start),
            "quantity": quantity,
            "refund_cents": orders.unit_price_cents[line].astype(np.int64) * quantity,
            "reason": repeating_text(reason, REASONS),
        }
    )
    return Drawn(tables={"returns": table})
