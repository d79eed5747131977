"""Preferences: on which channel, at what hours, how often and about what somebody wants to hear.

**Self-selected type and time of communication**: the send queue obeys. Whoever has named nothing is written to within
the campaign's hours, no more often than its cap.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Sequence

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

_MESSAGES = ("voucher", "new_roast", "gift_guide", "plan_advice")


def set_preferences(
    store: Store,
    customer_id: int,
    channel: str,
    at: str | datetime.date,
    *,
    send_from: str | None = None,
    send_until: str | None = None,
    frequency_cap: int | None = None,
    frequency_days: int | None = None,
    unwanted_messages: Sequence[str] = (),
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Keep what a customer wants on a channel; what was said before is replaced.

    Parameters
    ----------
    send_from, send_until: times of day, such as 18:00 and 21:00; from 22:00 until 06:00 is a night.
    frequency_cap, frequency_days: at most so many messages in so many days.
    unwanted_messages: of voucher, new_roast, gift_guide, plan_advice.

    Returns the rows written: ``operation_log, contact_preference``. Raises ``RefusedOperation``.
    """
    at, customer_id = moment(at), whole_number("customer_id", customer_id)
    unknown = [each for each in unwanted_messages if each not in _MESSAGES]
    if isinstance(unwanted_messages, str) or unknown:
        raise RefusedOperation("unwanted messages are known ones", repr(unwanted_messages), ", ".join(_MESSAGES))
    with running_operation(store, "set_preferences", at, actor_of(by), customer_id) as operation:
        operation.unmerged(customer_id)
        # A wish is replaced by the next one; the log keeps that there was one.
        operation.connection.execute(
            "DELETE FROM contact_preference WHERE customer_id = ? AND channel = ?", (customer_id, channel)
        )
        operation.insert(
            "contact_preference",
            customer_id=customer_id,
            channel=channel,
            send_from=send_from,
            send_until=send_until,
            frequency_cap=frequency_cap,
            frequency_days=frequency_days,
            unwanted_messages=json.dumps(sorted(unwanted_messages)),
            operation_id=operation.operation_id,
        )
    return operation.written


def earliest_allowed(at: str, send_from: str, send_until: str) -> str:
    """The first moment from ``at`` on that lies within the hours; ``send_until`` itself lies outside.

    >>> earliest_allowed("2026-01-05T21:30:00", "09:00", "20:00")
    '2026-01-06T09:00:00'
    >>> earliest_allowed("2026-01-05T23:00:00", "22:00", "06:00")
    '2026-01-05T23:00:00'
    """
    for time in (send_from, send_until):
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time):
            raise RefusedOperation("a time of day is written as hours and minutes", repr(time), "such as 09:00")
    time = at[11:16]
    over_night = send_from > send_until
    inside = (time >= send_from or time < send_until) if over_night else send_from <= time < send_until
    if inside:
        return at
    day = datetime.date.fromisoformat(at[:10])
    if time >= send_from:
        day += datetime.timedelta(days=1)
    return f"{day.isoformat()}T{send_from}:00"
