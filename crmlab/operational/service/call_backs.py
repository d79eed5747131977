"""**Click-to-talk**: a visitor clicks on a page, and is called back by a promised time.

The page comes along, so that the agent sees what the visitor was looking at. A promise is kept when an agent calls by
the promised time; one that is still open counts as broken once that time has passed, and not at all before. A visitor
who gives up before the promised time has taken the promise back.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.addresses import normalise_address
from crmlab.operational.marketing.contact_times import earliest_allowed
from crmlab.operational.moments import moment
from crmlab.operational.operation import CUSTOMER, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.service.callers import identify_caller
from crmlab.operational.service.routing import dispatch, receive
from crmlab.operational.store import Store


def request_call_back(
    store: Store,
    phone: str,
    page: str,
    queue: str,
    at: str | datetime.date,
    *,
    promised_minutes: int = 10,
    hours: tuple[str, str] = ("08:00", "20:00"),
    priority: str = "High",
) -> dict[str, pd.DataFrame]:
    """A click: the call-back waits in the queue, promised within so many minutes of opening hours.

    A click while the centre is closed is promised from the next opening on. A number that one customer has tells who
    clicked. Being called back is what the visitor asked for: an opt-out from marketing does not stand against it.

    Returns the rows written: ``operation_log, interaction, queued_contact, call_back``. Raises ``RefusedOperation`` for
    what is no telephone number, and for a second click while the first is waiting.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     click = request_call_back(store, "0711 0005001", "/machines", "service", at="2026-01-05 09:00")
    ...     int(promise_kept_rate(store, at="2026-01-05 09:30")["broken"])
    1
    """
    at = moment(at)
    value = normalise_address("phone", phone)
    minutes = whole_number("promised_minutes", promised_minutes)
    opens = earliest_allowed(at, *hours)
    promised = datetime.datetime.fromisoformat(opens) + datetime.timedelta(minutes=minutes)
    known = identify_caller(store, phone, at)
    customer_id = known["customer_id"].item() if len(known) == 1 else None
    with running_operation(store, "request_call_back", at, CUSTOMER, customer_id) as operation:
        waiting = operation.one(
            """SELECT promised_at FROM call_back JOIN queued_contact USING (interaction_id)
            WHERE phone = ? AND status = 'waiting'""", value,
        )  # fmt: skip
        if waiting is not None:
            expected = "one click, and a little patience"
            raise RefusedOperation("a number is called back once", f"promised by {waiting[0]}", expected)
        interaction_id = receive(operation, "click_to_talk", queue, at, customer_id, priority, topic=page)
        operation.insert("call_back", interaction_id=interaction_id, phone=value, page=page, requested_at=at,
                         promised_at=promised.isoformat(), operation_id=operation.operation_id)  # fmt: skip
        dispatch(operation, at)
    return operation.written


def promise_kept_rate(store: Store, at: str | datetime.date) -> pd.Series:
    """How the promises stand at a time: ``promised``, ``kept``, ``broken``, ``open`` (int64 counts) and
    ``promise_kept_rate``, kept of kept and broken; NaN where none is due yet.
    """
    at = moment(at)
    counts = store.sql(
        """SELECT count(*) AS promised, ifnull(sum(called_at <= :at AND is_kept), 0) AS kept,
          ifnull(sum((called_at <= :at AND NOT is_kept) OR ((called_at IS NULL OR called_at > :at)
            AND promised_at < :at)), 0) AS broken
        FROM v_call_back WHERE requested_at <= :at AND NOT is_withdrawn""",
        {"at": at},
    ).iloc[0]
    promised, kept, broken = (int(counts[name]) for name in ("promised", "kept", "broken"))
    rate = kept / (kept + broken) if kept + broken else float("nan")
    return pd.Series(
        {"promised": promised, "kept": kept, "broken": broken, "open": promised - kept - broken,
         "promise_kept_rate": rate}, dtype="object",
    )  # fmt: skip
