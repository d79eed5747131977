"""Order entry: the price of the day, less the voucher, for each line; the order whole or not at all.

A web order is **customer-touching**: the customer acts alone, and no staff id stands on it. A store or telephone order
is **customer-facing**: somebody on the staff takes it. Lesson 01 follows one order around the circle.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence

import pandas as pd

from crmlab.operational.marketing.promotion_codes import reduced_prices, usable_promotion
from crmlab.operational.moments import moment
from crmlab.operational.operation import CUSTOMER, Actor, Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.sales.accepted_offers import WantedLine, decline_unanswered, note_accepted, with_offers
from crmlab.operational.sales.bundle_lines import bundle_lines, parts_of_bundle
from crmlab.operational.sales.prices import PricedProduct, priced
from crmlab.operational.store import Store

CHANNELS = ("web", "store", "phone", "reseller")
#: What is sent to the customer arrives within so many days, the shop says.
PROMISED_DAYS = 4
#: More of one product in one line is a slip of the finger.
MOST_UNITS = 10_000
_SENT = ("web", "phone")


def _actor(channel: str, by: int | None, reseller_id: int | None) -> Actor:
    if channel not in CHANNELS:
        raise RefusedOperation("an order comes through a known channel", repr(channel), ", ".join(CHANNELS))
    if (channel == "reseller") != (reseller_id is not None):
        expected = "a reseller_id" if channel == "reseller" else "no reseller_id"
        found = f"channel {channel!r}, reseller_id {reseller_id!r}"
        raise RefusedOperation("a reseller stands on reseller orders, and on no others", found, expected)
    if channel in ("store", "phone"):
        if by is None:
            raise RefusedOperation(f"a {channel} order is taken by staff", "by=None", "by: a staff_id")
        return actor_of(by)
    if by is not None:
        raise RefusedOperation(f"a {channel} order is not taken by staff", f"by={by!r}", "by=None")
    return CUSTOMER if reseller_id is None else Actor("partner", partner_id=whole_number("reseller_id", reseller_id))


def checked_lines(lines: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The lines of an order as whole numbers. Raises ``RefusedOperation`` for what is none."""
    pairs = list(lines)
    if not pairs or not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        raise RefusedOperation("an order has lines", repr(lines), "pairs of product_id and quantity, one or more")
    wanted = [(whole_number("product_id", product), whole_number("quantity", quantity)) for product, quantity in pairs]
    for product_id, quantity in wanted:
        if quantity > MOST_UNITS:
            found = f"{quantity} of product_id {product_id}"
            raise RefusedOperation("a line is for a quantity that can be sent", found, f"{MOST_UNITS} or less")
    return wanted


def _check_subscription(
    operation: Operation, subscription_id: int, customer_id: int, products: set[int], at: str
) -> None:
    found = operation.one(
        "SELECT customer_id, product_id, start_date, end_date FROM subscription WHERE subscription_id = ?",
        subscription_id,
    )
    if found is None:
        rule, expected = "a subscription is in the store", "an id in table subscription"
        raise RefusedOperation(rule, f"subscription_id {subscription_id}", expected)
    owner, product_id, start, end = found
    if operation.survivor(owner) != customer_id:
        raise RefusedOperation("a subscription is delivered to its customer", f"customer_id {customer_id}",
                               f"{operation.survivor(owner)}")  # fmt: skip
    if not (start <= at[:10] and (end is None or at[:10] <= end)):
        raise RefusedOperation("a subscription is delivered while it runs", at[:10], f"{start} to {end or 'now'}")
    if product_id not in products:
        raise RefusedOperation("a subscription delivers its product", f"products {sorted(products)}", f"{product_id}")


def place_order(
    store: Store,
    customer_id: int,
    lines: Sequence[tuple[int, int]],
    channel: str,
    at: str | datetime.date,
    *,
    voucher_percent: int = 0,
    promotion_code: str | None = None,
    reseller_id: int | None = None,
    subscription_id: int | None = None,
    by: int | None = None,
    accepts: Iterable[int] = (),
) -> dict[str, pd.DataFrame]:
    """Place an order for a customer.

    Parameters
    ----------
    lines: pairs of product_id and quantity. A unit costs the list price of the day less the voucher, to the nearest
        cent (a half goes up); its cost is the product's present one. A bundle is written as a line without money and
        a line for each part, over which price and cost are split (``parent_line_id``).
    channel: web (the customer alone), store or phone (``by`` names the staff), reseller (``reseller_id`` names it).
    promotion_code: the code of a promotion (see ``create_promotion``), in place of a voucher. It takes nothing off a
        bundle, whose price is reduced already.
    subscription_id: the subscription that is delivered; subscription products are sold in no other way.
    accepts: ids of offers that this customer was shown and takes: a cross-sell adds a line, an up-sell takes the place
        of the simpler product; both lines are tagged in ``sold_as``. Other offers at this cart count as declined.

    Returns the rows written: ``operation_log, sales_order, order_line``, ``service_contract`` for each care plan,
    ``offer`` for what was answered, and ``promotion_redemption`` with a code.
    Raises ``RefusedOperation``: unknown or merged customer, an order before the customer was recorded, no line, a
    quantity below 1, an unknown product or one without a price on that day, an offer that this customer was not shown,
    a code that may not be used.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     order = place_order(store, 17, [(1, 2), (21, 1)], channel="web", at="2026-01-05 14:30")
    >>> order["order_line"]["quantity"].to_list()
    [2, 1]
    """
    at = moment(at)
    customer_id = whole_number("customer_id", customer_id)
    accepts = list(accepts)
    # Whoever takes an offer and nothing else needs no line beside it.
    wanted = [] if accepts and len(lines) == 0 else checked_lines(lines)
    voucher_percent = whole_number("voucher_percent", voucher_percent, least=0)
    if voucher_percent > 100:
        raise RefusedOperation("a voucher takes off at most the price", f"{voucher_percent} percent", "0 to 100")
    subscription_id = None if subscription_id is None else whole_number("subscription_id", subscription_id)
    with running_operation(store, "place_order", at, _actor(channel, by, reseller_id), customer_id) as operation:
        insert_order(
            operation,
            customer_id,
            with_offers(operation, customer_id, wanted, accepts, at),
            channel,
            at,
            voucher_percent=voucher_percent,
            promotion_code=promotion_code,
            reseller_id=None if reseller_id is None else whole_number("reseller_id", reseller_id),
            subscription_id=subscription_id,
        )
        decline_unanswered(operation, customer_id, at)
    return operation.written


def insert_order(
    operation: Operation,
    customer_id: int,
    wanted: Sequence[WantedLine],
    channel: str,
    at: str,
    *,
    voucher_percent: int = 0,
    promotion_code: str | None = None,
    reseller_id: int | None = None,
    subscription_id: int | None = None,
    operation_id: int | None = None,
) -> int:
    """Write an order within an operation that runs, such as a sale by telephone; gives its id.

    ``operation_id``: the row of the operation log that placed it, where that is not the operation's own. Raises
    ``RefusedOperation`` as ``place_order`` does.
    """
    operation_id = operation.operation_id if operation_id is None else operation_id
    operation.unmerged(customer_id)
    (created_at,) = operation.one("SELECT created_at FROM customer WHERE customer_id = ?", customer_id)
    if at < created_at:
        raise RefusedOperation("an order comes after its customer was recorded", at, f"{created_at} or later")
    if reseller_id is not None:
        _check_reseller(operation, reseller_id)
    if subscription_id is not None:
        _check_subscription(operation, subscription_id, customer_id, {line.product_id for line in wanted}, at)
    products = [priced(operation, line.product_id, at) for line in wanted]
    for product in products:
        if product.category == "subscription" and subscription_id is None:
            rule = "a subscription product is delivered under a subscription"
            raise RefusedOperation(rule, f"{product.sku} without one", "a subscription_id")
    promotion, discount_cents = None, 0
    if promotion_code is None:
        prices = [
            [(line.quantity, product.price_with(voucher_percent))]
            for product, line in zip(products, wanted, strict=True)
        ]
    else:
        if voucher_percent:
            found = f"voucher_percent {voucher_percent} and code {promotion_code!r}"
            raise RefusedOperation("an order has one reduction", found, "one of the two")
        promotion = usable_promotion(operation, promotion_code, customer_id, at)
        asked = [(product, line.quantity) for product, line in zip(products, wanted, strict=True)]
        prices, discount_cents = reduced_prices(promotion, asked)
        # A percentage off everything is what a voucher is; else the order bears none.
        voucher_percent = (promotion.percent_off or 0) if all(promotion.is_for(each) for each in products) else 0
    promised = pd.Timestamp(at[:10]) + pd.Timedelta(days=PROMISED_DAYS)
    order_id = operation.insert(
        "sales_order",
        customer_id=customer_id,
        ordered_at=at,
        channel=channel,
        reseller_id=reseller_id,
        subscription_id=subscription_id,
        voucher_percent=voucher_percent,
        promised_date=promised.strftime("%Y-%m-%d") if channel in _SENT else None,
        operation_id=operation_id,
    )
    for product, line, pieces in zip(products, wanted, prices, strict=True):
        if product.type == "bundle":
            sold = _write_bundle(operation, order_id, product, line, voucher_percent, at)
        else:
            sold = [(_write_line(operation, order_id, product, line, *each), product) for each in pieces]
        note_accepted(operation, line, sold[0][0], at)
        for order_line_id, each in sold:
            if each.category == "service_plan":
                operation.insert("service_contract", customer_id=customer_id, order_line_id=order_line_id,
                                 product_id=each.product_id, start_date=at[:10])  # fmt: skip
    if promotion is not None:
        operation.insert("promotion_redemption", promotion_code_id=promotion.promotion_code_id, order_id=order_id,
                         customer_id=customer_id, redeemed_at=at, discount_cents=discount_cents,
                         operation_id=operation_id)  # fmt: skip
    return order_id


def _write_line(
    operation: Operation, order_id: int, product: PricedProduct, line: WantedLine, quantity: int, price_cents: int
) -> int:
    return operation.insert(
        "order_line",
        order_id=order_id,
        product_id=product.product_id,
        quantity=quantity,
        unit_price_cents=price_cents,
        unit_cost_cents=product.unit_cost_cents,
        sold_as=line.sold_as,
    )


def _write_bundle(
    operation: Operation, order_id: int, bundle: PricedProduct, line: WantedLine, voucher_percent: int, at: str
) -> list[tuple[int, PricedProduct]]:
    """The line of a bundle, whose money stands on its parts, and the lines of the parts."""
    named = dataclasses.replace(bundle, unit_cost_cents=0)
    parent_line_id = _write_line(operation, order_id, named, line, line.quantity, 0)
    sold = [(parent_line_id, bundle)]
    pieces = parts_of_bundle(operation, bundle.product_id, at)
    for part, amounts in bundle_lines(bundle, pieces, line.quantity, voucher_percent):
        if amounts["quantity"] > MOST_UNITS:
            found = f"{amounts['quantity']} of product_id {part.product_id}, a part of {bundle.sku}"
            raise RefusedOperation("a line is for a quantity that can be sent", found, f"{MOST_UNITS} or less")
        row = {"order_id": order_id, "product_id": part.product_id, "sold_as": line.sold_as, **amounts}
        sold.append((operation.insert("order_line", **row, parent_line_id=parent_line_id), part))
    return sold


def _check_reseller(operation: Operation, reseller_id: int) -> None:
    found = operation.one("SELECT type FROM account WHERE account_id = ?", reseller_id)
    if found != ("reseller",):
        rule = "a reseller order names a reseller"
        raise RefusedOperation(rule, f"account {reseller_id} of type {found[0]}", "type reseller")
