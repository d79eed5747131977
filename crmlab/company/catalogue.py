"""The catalogue: what Beanstalk Coffee Co. sells, what its marketing links together, and how its prices moved."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates

_FOLDER = Path(__file__).parent
#: Categories whose prices move together, with the yearly share by which they tend to rise.
_YEARLY_RISE = {"beans": 0.07, "subscription": 0.06, "machine": 0.03, "grinder": 0.03, "accessory": 0.04, "gift": 0.04,
                "service_plan": 0.05, "bundle": 0.03, "option": 0.02}  # fmt: skip
#: A rise over half a year of at least these shares counts as level 1, 2, 3 in a customer's eyes.
RISE_LEVELS = (0.02, 0.05, 0.08)
_MEMORY_DAYS = 182


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """The facts that other domains need of the products; position ``i`` is product ``i + 1``.

    ``list_price_cents`` and ``unit_cost_cents``: int32 (days, products). ``rise_level``: uint8 (days, products), 0 to
    3, how far the list price stands above that of half a year before.
    """

    sku: np.ndarray
    category: np.ndarray
    type: np.ndarray
    grade: np.ndarray
    popularity: np.ndarray
    list_price_cents: np.ndarray
    unit_cost_cents: np.ndarray
    rise_level: np.ndarray

    def position(self, sku: str) -> int:
        """Where the product with this sku stands, from 0."""
        (found,) = np.flatnonzero(self.sku == sku)
        return int(found)

    def positions(self, category: str) -> np.ndarray:
        """Where the products of a category stand, from 0."""
        return np.flatnonzero(self.category == category)


def _shelf_price(cents: np.ndarray) -> np.ndarray:
    """The nearest price that ends in 40 or 90 cents."""
    return (np.maximum(np.round((cents + 10) / 50), 1) * 50 - 10).astype(np.int32)


def _draw_prices(block: Block, products: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """List prices and unit costs in cents, int32 (days, products): a category changes its prices on a few days."""
    rng = block.rng("catalogue")
    days = block.assumptions.days
    price_factor = np.exp(rng.normal(0, 0.04, len(products)))
    cost_factor = np.exp(rng.normal(0, 0.03, len(products)))
    price = np.repeat((products["list_price_cents"].to_numpy() * price_factor)[None, :], days, axis=0)
    cost = np.repeat((products["unit_cost_cents"].to_numpy() * cost_factor)[None, :], days, axis=0)
    for category, yearly in _YEARLY_RISE.items():
        columns = np.flatnonzero(products["category"] == category)
        changes = 2 + rng.integers(0, 2)
        change_days = np.sort(rng.choice(np.arange(120, days - 90), changes, replace=False))
        rises = yearly * days / 365.25 / changes * np.exp(rng.normal(0, 0.35, changes))
        for day, rise in zip(change_days, rises, strict=True):
            price[day:, columns] *= 1 + rise
            cost[day:, columns] *= 1 + 0.6 * rise
    return _shelf_price(price), np.round(cost).astype(np.int32)


def _rise_level(price: np.ndarray) -> np.ndarray:
    before = np.concatenate([np.repeat(price[:1], _MEMORY_DAYS, axis=0), price])[: len(price)]
    return (
        np.searchsorted(RISE_LEVELS, (price / before - 1).ravel(), side="right").astype(np.uint8).reshape(price.shape)
    )


def _price_changes(price: np.ndarray, start: datetime.date) -> pa.Table:
    day, column = np.nonzero(np.diff(price, axis=0))
    return pa.table(
        {
            "product_id": pa.array(column + 1, pa.int32()),
            "change_date": calendar_dates(day + 1, start),
            "old_list_price_cents": price[day, column],
            "new_list_price_cents": price[day + 1, column],
        }
    )


def product_links(sku: np.ndarray) -> pa.Table:
    """The links that marketing and product management keep: some are folklore, as in any shop."""
    links = pd.read_csv(_FOLDER / "product_links.csv")
    number = pd.Series(np.arange(1, len(sku) + 1), index=sku)
    return pa.table(
        {
            "from_product_id": pa.array(links["from_sku"].map(number).to_numpy(), pa.int32()),
            "to_product_id": pa.array(links["to_sku"].map(number).to_numpy(), pa.int32()),
            "kind": pa.array(links["kind"].to_numpy(object), pa.string()),
            "quantity": pa.array(links["quantity"].to_numpy(), pa.int32()),
        }
    )


def draw_catalogue(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Products, their links and their price changes, drawn once for the company."""
    products = pd.read_csv(_FOLDER / "catalogue.csv")
    price, cost = _draw_prices(block, products)
    facts = Catalogue(
        sku=products["sku"].to_numpy(str),
        category=products["category"].to_numpy(str),
        type=products["type"].to_numpy(str),
        grade=products["grade"].to_numpy(),
        popularity=products["popularity"].to_numpy(),
        list_price_cents=price,
        unit_cost_cents=cost,
        rise_level=_rise_level(price),
    )
    table = pa.table(
        {
            "product_id": pa.array(np.arange(1, len(products) + 1), pa.int32()),
            **{
                name: pa.array(products[name].to_numpy(object), pa.string())
                for name in ("sku", "name", "category", "type")
            },
            "grade": pa.array(products["grade"].to_numpy(), pa.int32()),
            "size_grams": pa.array(products["size_grams"], pa.int32(), from_pandas=True),
            "list_price_cents": price[-1],
            "unit_cost_cents": cost[-1],
            "warranty_months": pa.array(products["warranty_months"].to_numpy(), pa.int32()),
        }
    )
    tables = {
        "products": table,
        "product_links": product_links(facts.sku),
        "price_changes": _price_changes(price, block.assumptions.start),
    }
    return Drawn(tables=tables, facts=facts)
