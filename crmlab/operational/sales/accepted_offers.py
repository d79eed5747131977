"""Offers that a customer takes when the order is placed: the lines they make, and the note of what became of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from crmlab.operational.operation import Operation, whole_number
from crmlab.operational.refusal import RefusedOperation


@dataclasses.dataclass(frozen=True)
class WantedLine:
    """A line of an order to be: ``offer_id`` where it comes from an offer."""

    product_id: int
    quantity: int
    sold_as: str = "asked_for"
    offer_id: int | None = None


def with_offers(
    operation: Operation, customer_id: int, wanted: Sequence[tuple[int, int]], accepts: Sequence[int], at: str
) -> list[WantedLine]:
    """The lines of an order with the accepted offers in it.

    Raises ``RefusedOperation`` for an offer that is not open for this customer, an up-sell whose simpler product is not
    in the order, and two up-sells of one product.
    """
    lines = [WantedLine(product, quantity) for product, quantity in wanted]
    for each in accepts:
        offer_id = whole_number("offer_id", each)
        found = operation.one(
            "SELECT customer_id, kind, product_id, for_product_id, status, shown_at FROM offer WHERE offer_id = ?",
            offer_id,
        )
        if found is None or found[0] != customer_id:
            expected = f"an offer that customer {customer_id} was shown"
            raise RefusedOperation("a customer takes an offer of her own", f"offer_id {offer_id}", expected)
        _, kind, product_id, for_product_id, status, shown_at = found
        if status != "shown" or any(line.offer_id == offer_id for line in lines):
            raise RefusedOperation("an offer is answered once", f"offer_id {offer_id}: {status}", "one still open")
        if at < shown_at:
            raise RefusedOperation("an offer is taken after it was shown", at, f"{shown_at} or later")
        if kind == "cross_sell":
            lines.append(WantedLine(product_id, 1, kind, offer_id))
            continue
        simpler = [place for place, line in enumerate(lines) if line.product_id == for_product_id]
        if not simpler:
            rule = "an up-sell takes the place of the simpler product"
            raise RefusedOperation(
                rule, f"no product_id {for_product_id} in the order", "the product it is offered for"
            )
        lines[simpler[0]] = WantedLine(product_id, lines[simpler[0]].quantity, kind, offer_id)
    return lines


def note_accepted(operation: Operation, line: WantedLine, order_line_id: int, at: str) -> None:
    """Note on the offer of a line, if it comes from one, by which line it was taken."""
    if line.offer_id is not None:
        changes = {"status": "accepted", "answered_at": at, "order_line_id": order_line_id}
        operation.update("offer", "offer_id", line.offer_id, **changes)


def decline_unanswered(operation: Operation, customer_id: int, at: str) -> None:
    """Whoever places the order without taking what was offered at the cart declines it."""
    open_offers = operation.all(
        "SELECT offer_id FROM offer WHERE customer_id = ? AND place = 'cart' AND status = 'shown' AND shown_at <= ?",
        customer_id, at,
    )  # fmt: skip
    for (offer_id,) in open_offers:
        operation.update("offer", "offer_id", offer_id, status="declined", answered_at=at)
