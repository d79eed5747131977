"""Bundles in an order: a parent line that names the bundle, and a line for each part that bears the money (lesson 08).

The price of the bundle is split over its parts by list price, its cost by unit cost, both to the cent. So the margin
of each product can be told, and a part that comes back has a price: the one that is left when the bundle is broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from crmlab.analytical.bundles import split_price
from crmlab.operational.operation import Operation
from crmlab.operational.sales.prices import PricedProduct, priced


def parts_of_bundle(operation: Operation, product_id: int, at: str) -> list[PricedProduct]:
    """The pieces of one bundle, each as often as it is in it, by product; none for what is no bundle."""
    links = operation.all(
        """SELECT to_product_id, quantity FROM product_link WHERE from_product_id = ? AND kind = 'bundle_item'
        ORDER BY to_product_id""",
        product_id,
    )
    return [piece for part_id, pieces in links for piece in [priced(operation, part_id, at)] * pieces]


def bundle_lines(
    bundle: PricedProduct, pieces: list[PricedProduct], quantity: int, voucher_percent: int
) -> Iterator[tuple[PricedProduct, dict[str, Any]]]:
    """The part lines of ``quantity`` bundles: product, and quantity, price and cost of a piece.

    Pieces of one product whose shares differ by the cent that rounding leaves stand in lines of their own, so that
    quantity x price adds up to the bundle's price exactly.
    """
    prices = split_price(bundle.price_with(voucher_percent), [piece.list_price_cents for piece in pieces])
    costs = split_price(bundle.unit_cost_cents, [piece.unit_cost_cents for piece in pieces])
    for (piece, price, cost), count in Counter(zip(pieces, prices, costs, strict=True)).items():
        yield piece, {"quantity": count * quantity, "unit_price_cents": price, "unit_cost_cents": cost}


def bundle_refund_cents(operation: Operation, parent_line_id: int, returned_line_id: int, quantity: int) -> int:
    """What is paid back when pieces of a bundle come back, beside what came back before.

    The customer keeps the rest: whole bundles at the bundle's price, other pieces at their list price less the voucher,
    but never at more than a bundle. The refund is what was paid less that, less what was refunded before.
    """
    bundle_id, ordered_at, voucher_percent, bundles = operation.one(
        """SELECT product_id, ordered_at, voucher_percent, quantity FROM order_line JOIN sales_order USING (order_id)
        WHERE order_line_id = ?""",
        parent_line_id,
    )
    lines = operation.all(
        """SELECT order_line_id, product_id, quantity, unit_price_cents,
          (SELECT ifnull(sum(quantity), 0) FROM order_return AS r WHERE r.order_line_id = l.order_line_id),
          (SELECT ifnull(sum(refund_cents), 0) FROM order_return AS r WHERE r.order_line_id = l.order_line_id)
        FROM order_line AS l WHERE parent_line_id = ?""",
        parent_line_id,
    )
    bought: Counter[int] = Counter()
    kept: Counter[int] = Counter()
    for line_id, product_id, pieces, _, returned, _ in lines:
        bought[product_id] += pieces
        kept[product_id] += pieces - returned - (quantity if line_id == returned_line_id else 0)
    paid = sum(pieces * price for _, _, pieces, price, _, _ in lines)
    refunded = sum(line[-1] for line in lines)
    whole = min(kept[product] * bundles // bought[product] for product in bought)
    loose = {product: kept[product] - whole * (bought[product] // bundles) for product in bought}
    at_list_price = sum(
        pieces * priced(operation, product, ordered_at).price_with(voucher_percent) for product, pieces in loose.items()
    )
    bundle_price = priced(operation, bundle_id, ordered_at).price_with(voucher_percent)
    charged = whole * bundle_price + min(at_list_price, (bundles - whole) * bundle_price)
    return max(paid - charged - refunded, 0)
