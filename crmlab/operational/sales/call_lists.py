"""The calling list of outbound **telesales**: whom to call, at what hours, how often.

Who said no, who never said yes, who has no number or stands there under another record: each is kept on the list with
the reason, and not called. The database looks at all of it again before each call (``74_telesales.sql``).
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pandas as pd

from crmlab.operational.marketing.suppression import NO_ADDRESS, first_records, reach
from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


def plan_call_list(
    store: Store,
    name: str,
    customer_ids: Sequence[int],
    at: str | datetime.date,
    *,
    call_from: str = "09:00",
    call_until: str = "20:00",
    most_tries: int = 3,
    wait_minutes: int = 120,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Put customers on a new calling list, in this order; who may not be called is suppressed with a reason.

    Parameters
    ----------
    customer_ids: a record that is merged stands for its survivor; who is named twice is called once.
    call_from, call_until: hours of the day on the clock of the customer, known from the country of the number. Nobody
        is called on Sundays.
    most_tries, wait_minutes: how often somebody is tried, and the least time between two tries.

    Returns the rows written: ``operation_log, call_list, call_list_member`` (suppress_reason: opt_out, no_permission,
    no_address, duplicate_address, unknown_zone). Raises ``RefusedOperation`` for an empty list and unknown customers.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     members = plan_call_list(store, "Care plans", range(1, 301), at="2026-01-05")["call_list_member"]
    >>> set(members["status"]) == {"open", "suppressed"}
    True
    """
    at = moment(at)
    wanted = [whole_number("customer_id", each) for each in customer_ids]
    if not wanted:
        raise RefusedOperation("a calling list has customers", "none", "one customer_id or more")
    with running_operation(store, "plan_call_list", at, actor_of(by)) as operation:
        call_list_id = operation.insert(
            "call_list", name=name, most_tries=whole_number("most_tries", most_tries),
            wait_minutes=whole_number("wait_minutes", wait_minutes), call_from=call_from, call_until=call_until,
            operation_id=operation.operation_id,
        )  # fmt: skip
        customers = list(dict.fromkeys(operation.survivor(each) for each in wanted))
        reached = reach(operation.connection, "phone", "marketing", at)
        first = first_records(customers, reached)
        for customer_id in customers:
            how = reached.get(customer_id, NO_ADDRESS)
            reason = how.reason
            if reason is None and first[how.address_hash] != customer_id:
                reason = "duplicate_address"
            if reason is None and minutes_ahead(operation, how.contact_point_id) is None:
                reason = "unknown_zone"
            operation.insert(
                "call_list_member", call_list_id=call_list_id, customer_id=customer_id,
                contact_point_id=None if reason else how.contact_point_id,
                status="suppressed" if reason else "open", suppress_reason=reason,
                operation_id=operation.operation_id,
            )  # fmt: skip
    return operation.written


def minutes_ahead(operation: Operation, contact_point_id: int) -> int | None:
    """What the clock at home of a number shows against the company's, in minutes; None for an unknown country."""
    found = operation.one(
        """SELECT minutes_ahead FROM contact_point JOIN dialling_zone ON substr(value, 1, length(prefix)) = prefix
        WHERE contact_point_id = ? ORDER BY length(prefix) DESC LIMIT 1""", contact_point_id,
    )  # fmt: skip
    return None if found is None else found[0]
