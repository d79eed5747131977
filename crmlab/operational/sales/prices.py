"""The price list: what a product costs on a day."""

from __future__ import annotations

import dataclasses

from crmlab.operational.operation import Operation
from crmlab.operational.refusal import RefusedOperation


@dataclasses.dataclass(frozen=True)
class PricedProduct:
    """A product with its list price of a day and its present unit cost, in cents."""

    product_id: int
    list_price_cents: int
    unit_cost_cents: int
    category: str
    type: str
    sku: str

    def price_with(self, voucher_percent: int) -> int:
        """The price of a piece less the voucher, to the nearest cent (a half goes up)."""
        return (self.list_price_cents * (100 - voucher_percent) + 50) // 100


def priced(operation: Operation, product_id: int, at: str) -> PricedProduct:
    """A product as it is sold at the time ``at``.

    Raises ``RefusedOperation`` for an unknown product, or one without a price on that day.
    """
    product = operation.one("SELECT unit_cost_cents, category, type, sku FROM product WHERE product_id = ?", product_id)
    if product is None:
        raise RefusedOperation("a product is in the catalogue", f"product_id {product_id}", "an id in table product")
    price = operation.one(
        "SELECT list_price_cents FROM price WHERE product_id = ? AND valid_from <= ? ORDER BY valid_from DESC LIMIT 1",
        product_id, at[:10],
    )  # fmt: skip
    if price is None:
        (first,) = operation.one("SELECT min(valid_from) FROM price WHERE product_id = ?", product_id)
        expected = "a product with a price" if first is None else f"{first} or later"
        raise RefusedOperation("a product is sold from its first price on", f"{product[-1]} on {at[:10]}", expected)
    return PricedProduct(product_id, price[0], *product)
