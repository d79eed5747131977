"""Order entry: the price of the day, less the voucher, for each line; the order whole or not at all.

A web order is **customer-touching**: the customer acts alone, and no staff id stands on it. A store or telephone order
is **customer-facing**: somebody on the staff takes it. Lesson 01 follows one order around the circle.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pandas as pd

from crmlab.operational.marketing.promotions import reduced_lines, usable_promotion
from crmlab.operational.moments import moment
from crmlab.operational.operation import CUSTOMER, Actor, Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
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


def _priced(operation: Operation, product_id: int, at: str) -> tuple[int, int, str, str]:
    """List price of the day, unit cost, category and sku of a product."""
    product = operation.one("SELECT unit_cost_cents, category, sku FROM product WHERE product_id = ?", product_id)
    if product is None:
        raise RefusedOperation("a product is in the catalogue", f"product_id {product_id}", "an id in table product")
    price = operation.one(
        "SELECT list_price_cents FROM price WHERE product_id = ? AND valid_from <= ? ORDER BY valid_from DESC LIMIT 1",
        product_id, at[:10],
    )  # fmt: skip
    if price is None:
        (first,) = operation.one("SELECT min(valid_from) FROM price WHERE product_id = ?", product_id)
        expected = "a product with a price" if first is None else f"{first} or later"
        raise RefusedOperation("a product is sold from its first price on", f"{product[2]} on {at[:10]}", expected)
    return price[0], *product


def _checked_lines(lines: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
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
) -> dict[str, pd.DataFrame]:
    """Place an order for a customer.

    Parameters
    ----------
    lines: pairs of product_id and quantity. A unit costs the list price of the day less the voucher, to the nearest
        cent (a half goes up); its cost is the product's present one.
    channel: web (the customer alone), store or phone (``by`` names the staff), reseller (``reseller_id`` names it).
    promotion_code: the code of a promotion (see ``create_promotion``), in place of a voucher.
    subscription_id: the subscription that is delivered; subscription products are sold in no other way.

    Returns the rows written: ``operation_log, sales_order, order_line``, ``service_contract`` for each care plan, and
    ``promotion_redemption`` with a code. Raises ``RefusedOperation``: unknown or merged customer, an order before the
    customer was recorded, no line, a quantity below 1, an unknown product or one without a price on that day, a code
    that may not be used.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     order = place_order(store, 17, [(1, 2), (21, 1)], channel="web", at="2026-01-05 14:30")
    >>> order["order_line"]["quantity"].to_list()
    [2, 1]
    """
    at = moment(at)
    customer_id = whole_number("customer_id", customer_id)
    wanted = _checked_lines(lines)
    voucher_percent = whole_number("voucher_percent", voucher_percent, least=0)
    if voucher_percent > 100:
        raise RefusedOperation("a voucher takes off at most the price", f"{voucher_percent} percent", "0 to 100")
    subscription_id = None if subscription_id is None else whole_number("subscription_id", subscription_id)
    with running_operation(store, "place_order", at, _actor(channel, by, reseller_id), customer_id) as operation:
        if reseller_id is not None:
            reseller_id = whole_number("reseller_id", reseller_id)
            _check_reseller(operation, reseller_id)
        if subscription_id is not None:
            _check_subscription(operation, subscription_id, customer_id, {product for product, _ in wanted}, at)
        insert_order(operation, customer_id, wanted, channel, at, voucher_percent=voucher_percent,
                     promotion_code=promotion_code, reseller_id=reseller_id, subscription_id=subscription_id)  # fmt: skip
    return operation.written


def insert_order(
    operation: Operation,
    customer_id: int,
    wanted: Sequence[tuple[int, int]],
    channel: str,
    at: str,
    *,
    voucher_percent: int = 0,
    promotion_code: str | None = None,
    reseller_id: int | None = None,
    subscription_id: int | None = None,
    operation_id: int | None = None,
) -> int:
    """Write an order with its lines within a running operation; the order's id.

    ``operation_id``: the row of the operation log that placed it, where that is not the operation's own.
    """
    operation_id = operation.operation_id if operation_id is None else operation_id
    operation.unmerged(customer_id)
    (created_at,) = operation.one("SELECT created_at FROM customer WHERE customer_id = ?", customer_id)
    if at < created_at:
        raise RefusedOperation("an order comes after its customer was recorded", at, f"{created_at} or later")
    if promotion_code is not None and voucher_percent:
        rule = "an order has one reduction"
        raise RefusedOperation(rule, f"voucher_percent {voucher_percent} and code {promotion_code!r}", "one of the two")
    promotion = None if promotion_code is None else usable_promotion(operation, promotion_code, customer_id, at)
    facts = {product_id: _priced(operation, product_id, at) for product_id, _ in wanted}
    for _, _, category, sku in facts.values():
        if category == "subscription" and subscription_id is None:
            rule = "a subscription product is delivered under a subscription"
            raise RefusedOperation(rule, f"{sku} without one", "a subscription_id")
    if promotion is None:
        lines = [(product, quantity, (facts[product][0] * (100 - voucher_percent) + 50) // 100)
                 for product, quantity in wanted]  # fmt: skip
    else:
        at_list = [(product, quantity, facts[product][0], facts[product][2]) for product, quantity in wanted]
        lines, discount_cents = reduced_lines(promotion, at_list)
        is_for_all = promotion.product_id is None and promotion.category is None
        voucher_percent = (promotion.percent_off or 0) if is_for_all else 0
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
    for product_id, quantity, unit_price_cents in lines:
        _, unit_cost, category, _ = facts[product_id]
        order_line_id = operation.insert("order_line", order_id=order_id, product_id=product_id, quantity=quantity,
                                         unit_price_cents=unit_price_cents, unit_cost_cents=unit_cost)  # fmt: skip
        if category == "service_plan":
            operation.insert("service_contract", customer_id=customer_id, order_line_id=order_line_id,
                             product_id=product_id, start_date=at[:10])  # fmt: skip
    if promotion is not None:
        operation.insert("promotion_redemption", promotion_code_id=promotion.promotion_code_id, order_id=order_id,
                         customer_id=customer_id, redeemed_at=at, discount_cents=discount_cents,
                         operation_id=operation_id)  # fmt: skip
    return order_id


def _check_reseller(operation: Operation, reseller_id: int) -> None:
    found = operation.one("SELECT type FROM account WHERE account_id = ?", reseller_id)
    if found != ("reseller",):
        rule = "a reseller order names a reseller"
        raise RefusedOperation(rule, f"account {reseller_id} of type {found[0]}", "type reseller")
