"""What cannot be had just now: nothing is offered that is out of stock (lesson 08)."""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


def mark_out_of_stock(
    store: Store,
    product_id: int,
    at: str | datetime.date,
    *,
    by: int,
    until: str | datetime.date | None = None,
) -> dict[str, pd.DataFrame]:
    """Note that a product cannot be had from ``at`` on: until the time ``until``, or until further notice.

    ``by`` is the staff id of who notes it. Returns the rows written: ``operation_log, stock_out``. Raises
    ``RefusedOperation`` for an unknown product, one that is out of stock already, or an end before the beginning.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     noted = mark_out_of_stock(store, 31, at="2026-01-05", by=10, until="2026-01-12")
    >>> noted["stock_out"]["product_id"].item()
    31
    """
    at, until = moment(at), None if until is None else moment(until)
    product_id = whole_number("product_id", product_id)
    with running_operation(store, "mark_out_of_stock", at, actor_of(by)) as operation:
        if operation.one("SELECT 1 FROM product WHERE product_id = ?", product_id) is None:
            found = f"product_id {product_id}"
            raise RefusedOperation("a product is in the catalogue", found, "an id in table product")
        if operation.one(
            """SELECT 1 FROM stock_out WHERE product_id = ? AND (out_until_at IS NULL OR out_until_at > ?)
            AND (? IS NULL OR out_from_at < ?)""",
            product_id, at, until, until,
        ):  # fmt: skip
            rule = "a product runs out of stock once before it is back"
            raise RefusedOperation(rule, f"product_id {product_id} at {at}", "a product that can be had")
        operation.insert(
            "stock_out",
            product_id=product_id,
            out_from_at=at,
            out_until_at=until,
            operation_id=operation.operation_id,
        )
    return operation.written


def mark_back_in_stock(store: Store, product_id: int, at: str | datetime.date, *, by: int) -> dict[str, pd.DataFrame]:
    """Note that a product can be had again. Returns the rows written: ``operation_log, stock_out``.

    Raises ``RefusedOperation`` for a product that is not out of stock at that time.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     _ = mark_out_of_stock(store, 31, at="2026-01-05", by=10)
    ...     back = mark_back_in_stock(store, 31, at="2026-01-09", by=10)
    >>> str(back["stock_out"]["out_until_at"].item())
    '2026-01-09 00:00:00'
    """
    at = moment(at)
    product_id = whole_number("product_id", product_id)
    with running_operation(store, "mark_back_in_stock", at, actor_of(by)) as operation:
        running = operation.one(
            """SELECT stock_out_id FROM stock_out WHERE product_id = ? AND out_from_at < ?
            AND (out_until_at IS NULL OR out_until_at > ?)""",
            product_id, at, at,
        )  # fmt: skip
        if running is None:
            rule = "only what is out of stock comes back"
            raise RefusedOperation(rule, f"product_id {product_id} at {at}", "a product that is out of stock then")
        operation.update("stock_out", "stock_out_id", running[0], out_until_at=at)
    return operation.written
