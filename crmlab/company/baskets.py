"""Baskets: what is bought first in an order, and what goes with it, with chances that are known.

An order begins with one **anchor** product, chosen by the customer's taste. Each complement of the anchor then joins
it with its own probability, and now and then something popular falls in by chance. In a company without rules there
are no complements: only chance is left, and baskets stay as large.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crmlab.company.block import Block, Drawn
from crmlab.company.catalogue import Catalogue
from crmlab.company.tendencies import BEAN_LEVELS, GIFT_LEVELS, GRADE_LEVELS

#: Places in a basket: the anchor, its complements, and two that chance may fill.
PLACES = 8
CHANCE_PLACES = slice(6, 8)
_COMPLEMENT_PLACES = slice(1, 6)
_CHANCE = np.array([0.45, 0.22])
_CHANCE_WITHOUT_RULES = np.array([0.75, 0.45])
#: An anchor is looked up by a number below this.
ANCHOR_SLOTS = 4096
_POPULAR_SLOTS = 65_536


@dataclasses.dataclass(frozen=True)
class Baskets:
    """Look-up tables of a company; a product is its position, uint8.

    ``anchor``: (tastes * 2 * ANCHOR_SLOTS,), by taste and first purchase. ``places``: uint8 (products, PLACES), what
    may fill each place of a basket with this anchor. ``joins_below``: uint16 (products, PLACES), of 65,536.
    ``popular``: (65,536,).
    """

    anchor: np.ndarray
    places: np.ndarray
    joins_below: np.ndarray
    popular: np.ndarray


def _slots(weight: np.ndarray, count: int) -> np.ndarray:
    """``count`` positions, each as often as its weight says to the nearest slot."""
    edge = np.round(np.cumsum(weight) / weight.sum() * count).astype(np.int64)
    return np.searchsorted(edge, np.arange(count), side="right").astype(np.uint8)


def _anchor_weights(catalogue: Catalogue, bean: int, grade: int, gift: int, first: bool) -> np.ndarray:
    """How likely each product is to begin an order of a customer with these tastes."""
    bean_share = 0.30 + 0.62 * (bean + 0.5) / BEAN_LEVELS
    gift_share = 0.85 * gift / (GIFT_LEVELS - 1)
    share = {
        "beans": bean_share,
        "machine": (1 - bean_share) * (0.55 if first else 0.08),
        "grinder": (1 - bean_share) * (0.12 if first else 0.10),
        "accessory": (1 - bean_share) * (0.22 if first else 0.72),
        "bundle": (1 - bean_share) * (0.08 if first else 0.015),
        "option": (1 - bean_share) * (0.0 if first else 0.05),
        "service_plan": (1 - bean_share) * (0.0 if first else 0.035),
        "gift": 0.015,
    }
    weight = np.zeros(len(catalogue.sku))
    wanted_grade = 1 + 2 * (grade + 0.5) / GRADE_LEVELS
    near = np.exp(-1.1 * np.abs(catalogue.grade - wanted_grade))
    for category, part in share.items():
        here = catalogue.positions(category)
        fit = catalogue.popularity[here] * (near[here] if category not in ("beans", "gift") else near[here] ** 0.35)
        part = part * (1 - gift_share) + (gift_share if category == "gift" else 0)
        weight[here] = part * fit / fit.sum()
    return weight


def draw_baskets(block: Block, made: Mapping[str, Any]) -> Drawn:
    """The look-up tables, with attach probabilities of this company. Hidden table ``basket_affinities``."""
    rng = block.rng("baskets")
    catalogue: Catalogue = made["catalogue"]
    products = len(catalogue.sku)
    complements = pd.read_csv(Path(__file__).with_name("complements.csv"))
    factor = np.exp(rng.normal(0, 0.2, len(complements)))
    chance = np.minimum(complements["attach_probability"].to_numpy() * factor, 0.9)
    without = block.assumptions.absent == "rules"
    below = np.zeros((products, PLACES), dtype=np.uint16)
    places = np.zeros((products, PLACES), dtype=np.uint8)
    below[:, CHANCE_PLACES] = np.round((_CHANCE_WITHOUT_RULES if without else _CHANCE) * 65_536)
    below[catalogue.category == "subscription", CHANCE_PLACES] = 0
    places[:, 0] = np.arange(products)
    anchor = np.array([catalogue.position(sku) for sku in complements["anchor_sku"]])
    attached = np.array([catalogue.position(sku) for sku in complements["attached_sku"]])
    place = complements.groupby("anchor_sku").cumcount().to_numpy() + _COMPLEMENT_PLACES.start
    if place.max() >= _COMPLEMENT_PLACES.stop:
        raise ValueError(f"complements.csv: an anchor has more than {_COMPLEMENT_PLACES.stop - 1} complements")
    if not without:
        places[anchor, place] = attached
        below[anchor, place] = np.round(chance * 65_536)
    anchors = [
        _slots(_anchor_weights(catalogue, bean, grade, gift, first), ANCHOR_SLOTS)
        for bean in range(BEAN_LEVELS)
        for grade in range(GRADE_LEVELS)
        for gift in range(GIFT_LEVELS)
        for first in (False, True)
    ]
    sold = np.where(np.isin(catalogue.category, ["beans", "accessory", "gift"]), catalogue.popularity, 0.0)
    facts = Baskets(np.concatenate(anchors), places, below, _slots(sold, _POPULAR_SLOTS))
    truth = pa.table(
        {
            "anchor_product_id": (anchor + 1).astype(np.int32),
            "attached_product_id": (attached + 1).astype(np.int32),
            "attach_probability": below[anchor, place] / 65_536,
        }
    )
    return Drawn(truth={"basket_affinities": truth}, facts=facts)


def fill_baskets(
    rng: np.random.Generator, baskets: Baskets, anchor: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lines of baskets with these anchors: of each line the basket (position, int32) and the product (uint8),
    and where the lines of each basket begin.
    """
    count = len(anchor)
    places = baskets.places.take(anchor, axis=0)
    joins = rng.integers(0, 65_536, (count, PLACES), dtype=np.uint16) < baskets.joins_below.take(anchor, axis=0)
    joins[:, 0] = True
    for place in range(CHANCE_PLACES.start, CHANCE_PLACES.stop):
        rows = np.flatnonzero(joins[:, place])
        fallen = baskets.popular[rng.integers(0, 65_536, len(rows), dtype=np.uint16)]
        places[rows, place] = fallen
        # A product stands in a basket once.
        before = (places.take(rows, axis=0)[:, :place] == fallen[:, None]) & joins.take(rows, axis=0)[:, :place]
        joins[rows, place] = ~before.any(axis=1)
    # A row of joins is eight bytes of 0 or 1: as one number times 0x0101... their sum stands in the highest byte.
    lines = ((joins.view(np.uint64).ravel() * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.int32)
    basket = np.repeat(np.arange(count, dtype=np.int32), lines)
    return basket, places[joins], np.cumsum(lines) - lines
