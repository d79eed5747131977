"""Returns: what comes back is a row of its own, with its own date, quantity and reason.

The order stays as it was placed. So a question about an earlier day does not see a later return, and several returns of
one line add up: never to more than was bought. Lessons 02 and 04 show what happens where returns are ignored.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.sales.bundle_lines import bundle_refund_cents
from crmlab.operational.store import Store

REASONS = ("changed_mind", "defective", "wrong_item", "late", "unwanted_gift")


def return_order_line(
    store: Store,
    order_line_id: int,
    quantity: int,
    at: str | datetime.date,
    reason: str,
    *,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Take back ``quantity`` units of an order line, and refund what was paid for them.

    reason: changed_mind, defective, wrong_item, late or unwanted_gift. ``by`` is the staff id of who takes it back;
    none where the customer sends it in alone.

    A part of a bundle breaks the bundle and its reduction: what the customer keeps is charged at list price, and the
    refund is what is left of the price paid. All parts returned gives the whole price back.

    Returns the rows written: ``operation_log, order_return``. Raises ``RefusedOperation`` for an unknown line, a return
    before its order, a bundle that does not come by its parts, and for more than is left of what was bought.

    >>> from crmlab.operational import open_store, place_order
    >>> with open_store() as store:
    ...     order = place_order(store, 17, [(1, 2)], channel="web", at="2026-01-05")
    ...     line = order["order_line"].iloc[0]
    ...     back = return_order_line(store, line.order_line_id, 1, at="2026-01-12", reason="changed_mind")
    >>> bool(back["order_return"]["refund_cents"].item() == line.unit_price_cents)
    True
    """
    at = moment(at)
    order_line_id = whole_number("order_line_id", order_line_id)
    quantity = whole_number("quantity", quantity)
    if reason not in REASONS:
        raise RefusedOperation("a return has a known reason", repr(reason), ", ".join(REASONS))
    query = """SELECT customer_id, ordered_at, l.quantity, unit_price_cents,
        (SELECT ifnull(sum(quantity), 0) FROM order_return AS r WHERE r.order_line_id = l.order_line_id),
        parent_line_id, EXISTS (SELECT 1 FROM order_line AS p WHERE p.parent_line_id = l.order_line_id)
        FROM order_line AS l JOIN sales_order USING (order_id) WHERE l.order_line_id = ?"""
    with store.lock:
        found = store.connection.execute(query, (order_line_id,)).fetchone()
        if found is None:
            rule = "what comes back was bought"
            raise RefusedOperation(rule, f"order_line_id {order_line_id}", "an id in table order_line")
        customer_id, ordered_at, bought, unit_price_cents, returned, parent_line_id, has_parts = found
        if has_parts:
            expected = "the lines of its parts (parent_line_id names this one)"
            raise RefusedOperation("a bundle comes back by its parts", f"order_line_id {order_line_id}", expected)
        if at < ordered_at:
            raise RefusedOperation("a return comes after its order", at, f"{ordered_at} or later")
        if quantity > bought - returned:
            left = f"at most {bought - returned} ({bought} bought, {returned} returned before)"
            raise RefusedOperation("no more comes back than was bought", quantity, left)
        with running_operation(store, "return_order_line", at, actor_of(by), customer_id) as operation:
            refund_cents = (
                quantity * unit_price_cents
                if parent_line_id is None
                else bundle_refund_cents(operation, parent_line_id, order_line_id, quantity)
            )
            operation.insert(
                "order_return",
                order_line_id=order_line_id,
                returned_at=at,
                quantity=quantity,
                refund_cents=refund_cents,
                reason=reason,
                operation_id=operation.operation_id,
            )
    return operation.written
