"""Service contracts: a care plan that was bought runs for a year and then for another, until the customer ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates

TERM_DAYS = 365


def draw_service_contracts(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Table ``service_contracts``, a row a contract; hidden table with each contract's probability of ending."""
    rng = block.rng("service_contracts")
    given, orders = block.assumptions, made["orders"]
    plans = made["catalogue"].category == "service_plan"
    line = np.flatnonzero(plans[orders.product])
    order = orders.order[line]
    start = orders.day[order]
    ending = rng.beta(given.contract_a, given.contract_b, len(line))
    terms = rng.geometric(np.maximum(ending, 1e-9))
    # Whoever ends a contract does so at an anniversary; one that has not come yet has not happened.
    ended = terms <= (given.days - 1 - start) // TERM_DAYS
    end_day = np.where(ended, start + terms * TERM_DAYS, 0)
    contract_id = block.ids(len(line))
    table = pa.table(
        {
            "service_contract_id": contract_id,
            "customer_id": orders.customer_id[order],
            "order_line_id": line + block.first_id,
            "product_id": orders.product[line].astype(np.int32) + 1,
            "start_date": calendar_dates(start, given.start),
            "end_date": calendar_dates(end_day, given.start, ~ended),
        }
    )
    truth = pa.table({"service_contract_id": contract_id, "ending_probability": ending})
    return Drawn(tables={"service_contracts": table}, truth={"service_contracts": truth})
