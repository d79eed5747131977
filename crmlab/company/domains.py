"""The company put together: one line a domain, in the order in which they build on each other.

A new domain is one module and one line here. It leaves the tables of the others unchanged.
"""

from __future__ import annotations

import functools
from typing import Any

import pyarrow as pa

from crmlab.company.accounts import draw_accounts, draw_resellers
from crmlab.company.assumptions import Assumptions
from crmlab.company.baskets import draw_baskets
from crmlab.company.block import BLOCK_PEOPLE, Block, Domain, Drawn
from crmlab.company.catalogue import draw_catalogue
from crmlab.company.competitor import draw_competitor
from crmlab.company.consents import draw_consents
from crmlab.company.contact_points import draw_contact_points
from crmlab.company.delivery_ratings import draw_delivery_ratings
from crmlab.company.orders import draw_orders
from crmlab.company.people import draw_people
from crmlab.company.purchases import draw_purchases
from crmlab.company.returns import draw_returns
from crmlab.company.seasonal_clock import draw_seasonal_clock
from crmlab.company.service_contracts import draw_service_contracts
from crmlab.company.subscriptions import draw_subscriptions
from crmlab.company.tendencies import draw_tendencies
from crmlab.company.territories import draw_territories

DOMAINS = (
    Domain("territories", draw_territories, by_block=False),
    Domain("resellers", draw_resellers, by_block=False),
    Domain("catalogue", draw_catalogue, by_block=False),
    Domain("baskets", draw_baskets, by_block=False),
    Domain("competitor", draw_competitor, by_block=False),
    Domain("seasonal_clock", draw_seasonal_clock, by_block=False),
    Domain("tendencies", draw_tendencies),
    Domain("accounts", draw_accounts),
    Domain("people", draw_people),
    Domain("contact_points", draw_contact_points),
    Domain("consents", draw_consents),
    Domain("subscriptions", draw_subscriptions),
    Domain("purchases", draw_purchases),
    Domain("orders", draw_orders),
    Domain("returns", draw_returns),
    Domain("delivery_ratings", draw_delivery_ratings),
    Domain("service_contracts", draw_service_contracts),
)


def blocks(customers: int, seed: int, assumptions: Assumptions) -> list[Block]:
    """The blocks that ``customers`` people make; the last may be smaller.

    >>> [block.people for block in blocks(120_000, 1, Assumptions())]
    [50000, 50000, 20000]
    """
    sizes = [min(BLOCK_PEOPLE, customers - first) for first in range(0, customers, BLOCK_PEOPLE)]
    return [Block(seed, assumptions, number, people) for number, people in enumerate(sizes)]


@functools.lru_cache(maxsize=2)
def draw_company_wide(seed: int, assumptions: Assumptions) -> dict[str, Drawn]:
    """What is drawn once for the company, by domain. Quick, so that each worker draws it again."""
    block = Block(seed, assumptions)
    return _draw(block, by_block=False, drawn={})


def draw_block(block: Block) -> dict[str, Drawn]:
    """What is drawn for one block of people, by domain."""
    return _draw(block, by_block=True, drawn=draw_company_wide(block.seed, block.assumptions))


def _draw(block: Block, *, by_block: bool, drawn: dict[str, Drawn]) -> dict[str, Drawn]:
    made: dict[str, Any] = {name: each.facts for name, each in drawn.items()}
    new: dict[str, Drawn] = {}
    for domain in DOMAINS:
        if domain.by_block == by_block:
            new[domain.name] = domain.draw(block, made)
            made[domain.name] = new[domain.name].facts
    return new


def tables_of(drawn: dict[str, Drawn], kind: str) -> dict[str, pa.Table]:
    """All ``tables`` or all ``truth`` (``kind``) of some domains, by table name."""
    return {name: table for each in drawn.values() for name, table in getattr(each, kind).items()}
