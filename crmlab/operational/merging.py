"""Duplicate merge: two records of one person become one view, and no row is lost.

The loser keeps its row and names the winner in ``merged_into_id``; its orders, tickets and contacts stay where they
were recorded, and ``v_customer`` shows them with the winner. A consent belongs to an address, so an **opt-out
survives** every merge. ``undo_merge`` takes the merge back. Lesson 03 shows it.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


def merge_customers(
    store: Store, winner_id: int, loser_id: int, at: str | datetime.date, *, by: int | None = None
) -> dict[str, pd.DataFrame]:
    """Merge the record ``loser_id`` into ``winner_id``.

    Returns the rows written: ``operation_log, customer`` (the loser), ``customer_merge``. Raises ``RefusedOperation``
    for a record that is merged already (it names the surviving one), for a record and itself, and for a time before
    one of the two was recorded.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     merged = merge_customers(store, winner_id=1, loser_id=2, at="2026-01-05", by=20)
    ...     store.sql("SELECT surviving_customer_id FROM v_customer WHERE customer_id = 2").iat[0, 0].item()
    1
    """
    at = moment(at)
    winner_id, loser_id = whole_number("winner_id", winner_id), whole_number("loser_id", loser_id)
    if winner_id == loser_id:
        raise RefusedOperation("a record is not merged into itself", f"customer_id {winner_id} twice", "two records")
    with running_operation(store, "merge_customers", at, actor_of(by), loser_id) as operation:
        for role, customer_id in (("winner", winner_id), ("loser", loser_id)):
            survivor = operation.survivor(customer_id)
            if survivor != customer_id:
                rule = f"the {role} of a merge is a record that is not merged itself"
                found = f"customer_id {customer_id}, merged into {survivor}"
                raise RefusedOperation(rule, found, f"such as customer_id {survivor}")
        both = "SELECT max(created_at) FROM customer WHERE customer_id IN (?, ?)"
        (latest,) = operation.one(both, winner_id, loser_id)
        if at < latest:
            raise RefusedOperation("a merge comes after both records were made", at, f"{latest} or later")
        undone = "SELECT max(undone_at) FROM customer_merge WHERE loser_id IN (?, ?)"
        (last_undo,) = operation.one(undone, winner_id, loser_id)
        if last_undo is not None and at < last_undo:
            rule = "a merge comes after earlier merges of its records were undone"
            raise RefusedOperation(rule, at, f"{last_undo} or later")
        operation.update("customer", "customer_id", loser_id, merged_into_id=winner_id, merged_at=at,
                         operation_id=operation.operation_id)  # fmt: skip
        operation.also_wrote("customer_merge", "loser_id = ? AND undone_at IS NULL", loser_id)
    return operation.written


def undo_merge(
    store: Store, loser_id: int, at: str | datetime.date, *, by: int | None = None
) -> dict[str, pd.DataFrame]:
    """Take a merge back: the loser stands for itself again, with all its rows.

    Returns the rows written: ``operation_log, customer`` (the former loser), ``customer_merge``. Raises
    ``RefusedOperation`` for a record that is not merged, and for a time before the merge.

    >>> from crmlab.operational import merge_customers, open_store
    >>> with open_store() as store:
    ...     merged = merge_customers(store, winner_id=1, loser_id=2, at="2026-01-05", by=20)
    ...     undone = undo_merge(store, loser_id=2, at="2026-01-06", by=20)
    ...     store.sql("SELECT surviving_customer_id FROM v_customer WHERE customer_id = 2").iat[0, 0].item()
    2
    """
    at = moment(at)
    loser_id = whole_number("loser_id", loser_id)
    with running_operation(store, "undo_merge", at, actor_of(by), loser_id) as operation:
        (merged_at,) = operation.one("SELECT merged_at FROM customer WHERE customer_id = ?", loser_id)
        if merged_at is None:
            rule = "only a merge that was made is undone"
            raise RefusedOperation(rule, f"customer_id {loser_id} is not merged", "a merged record")
        if at < merged_at:
            raise RefusedOperation("a merge is undone after it was made", at, f"{merged_at} or later")
        operation.update("customer", "customer_id", loser_id, merged_into_id=None, merged_at=None,
                         operation_id=operation.operation_id)  # fmt: skip
        operation.also_wrote("customer_merge", "undo_operation_id = ?", operation.operation_id)
    return operation.written
