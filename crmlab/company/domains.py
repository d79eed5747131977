"""The company put together: one line a domain, in the order in which they build on each other.

A new domain is one module and one line here. It leaves the tables of the others unchanged.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pyarrow as pa

from crmlab.company.accounts import draw_accounts, draw_resellers
from crmlab.company.assumptions import Assumptions
from crmlab.company.baskets import draw_baskets
from crmlab.company.block import BLOCK_PEOPLE, Block, Domain, Drawn, HandedOn, Made
from crmlab.company.campaign_file import draw_campaign_file
from crmlab.company.campaign_plan import draw_campaign_plan
from crmlab.company.campaigns import draw_campaigns
from crmlab.company.catalogue import draw_catalogue
from crmlab.company.competitor import draw_competitor
from crmlab.company.consents import draw_consents
from crmlab.company.contact_centre.demand import draw_contact_demand
from crmlab.company.contact_centre.domain import draw_contact_centre
from crmlab.company.contact_points import draw_contact_points
from crmlab.company.delivery_ratings import draw_delivery_ratings
from crmlab.company.effects import draw_effects
from crmlab.company.exit_survey import draw_exit_reasons, draw_exit_survey
from crmlab.company.orders import draw_orders
from crmlab.company.people import draw_people
from crmlab.company.prospects import draw_prospects
from crmlab.company.purchases import draw_purchases
from crmlab.company.returns import draw_returns
from crmlab.company.seasonal_clock import draw_seasonal_clock
from crmlab.company.service_contracts import draw_service_contracts
from crmlab.company.subscriptions import draw_subscriptions
from crmlab.company.tendencies import draw_tendencies
from crmlab.company.territories import draw_territories
from crmlab.company.web_visits import draw_web_visits

DOMAINS = (
    Domain("territories", draw_territories, drawn_for="company"),
    Domain("resellers", draw_resellers, drawn_for="company"),
    Domain("catalogue", draw_catalogue, drawn_for="company"),
    Domain("baskets", draw_baskets, drawn_for="company"),
    Domain("competitor", draw_competitor, drawn_for="company"),
    Domain("seasonal_clock", draw_seasonal_clock, drawn_for="company"),
    Domain("campaign_plan", draw_campaign_plan, drawn_for="company"),
    Domain("exit_survey", draw_exit_survey, drawn_for="company"),
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
    Domain("effects", draw_effects),
    Domain("campaigns", draw_campaigns),
    Domain("exit_reasons", draw_exit_reasons),
    Domain("contact_demand", draw_contact_demand),
    Domain("prospects", draw_prospects),
    Domain("web_visits", draw_web_visits),
    Domain("campaign_file", draw_campaign_file, drawn_for="file"),
    Domain("contact_centre", draw_contact_centre, drawn_for="days"),
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
    return _draw(Block(seed, assumptions), "company", {})


def draw_files(seed: int, assumptions: Assumptions) -> dict[str, Drawn]:
    """What is drawn once and stands apart, by domain."""
    return _draw(Block(seed, assumptions), "file", draw_company_wide(seed, assumptions))


def draw_block(block: Block) -> dict[str, Drawn]:
    """What is drawn for one block of people, by domain."""
    return _draw(block, "block", draw_company_wide(block.seed, block.assumptions))


def draw_days(seed: int, assumptions: Assumptions, handed_on: HandedOn) -> Iterator[dict[str, Drawn]]:
    """What is drawn from day to day after the blocks, part by part, by domain."""
    made = Made()
    for name, each in draw_company_wide(seed, assumptions).items():
        made.add(name, each)
    for domain in DOMAINS:
        if domain.drawn_for == "days":
            for part in domain.draw(Block(seed, assumptions), made, handed_on):
                yield {domain.name: part}


def _draw(block: Block, drawn_for: str, before: dict[str, Drawn]) -> dict[str, Drawn]:
    made = Made()
    for name, each in before.items():
        made.add(name, each)
    new: dict[str, Drawn] = {}
    for domain in DOMAINS:
        if domain.drawn_for == drawn_for:
            new[domain.name] = domain.draw(block, made)
            made.add(domain.name, new[domain.name])
    return new


def tables_of(drawn: dict[str, Drawn], kind: str) -> dict[str, pa.Table]:
    """All ``tables``, ``truth`` or ``handed_on`` (``kind``) of some domains, by table name."""
    return {name: table for each in drawn.values() for name, table in getattr(each, kind).items()}
