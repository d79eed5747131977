"""Campaign planning: what is said to whom on which channel, when, at what cost, and who is held out.

A campaign is **Planning**, **Active**, **Inactive** (stopped for now) or **Complete**. Unless its plan says otherwise,
one in ten of those it could write to is held out by lot, and no other campaign writes to them in its days: without
that nobody learns what it did. Lesson 06 shows it.
"""

from __future__ import annotations

import dataclasses
import datetime

import pandas as pd

from crmlab.operational.moments import day, moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

#: What a contact costs unless the plan says otherwise, in cents.
CONTACT_COST_CENTS = {"email": 3, "phone": 450, "post": 90}
VOUCHER_PERCENT = 10


@dataclasses.dataclass(frozen=True)
class Campaign:
    """A row of the table ``campaign``."""

    campaign_id: int
    name: str
    channel: str
    message: str
    purpose: str
    status: str
    target_list_id: int | None
    suppression_list_id: int | None
    start_date: str
    end_date: str
    holdout_share: float
    discount_percent: int
    contact_cost_cents: int
    budget_cents: int | None
    frequency_cap: int | None
    frequency_days: int | None
    send_from: str
    send_until: str


def read_campaign(operation: Operation, campaign_id: int) -> Campaign:
    """The campaign with this number.

    Raises ``RefusedOperation`` for one whom the store does not know.
    """
    names = ", ".join(field.name for field in dataclasses.fields(Campaign))
    row = operation.one(f"SELECT {names} FROM campaign WHERE campaign_id = ?", campaign_id)
    if row is None:
        rule = "the campaign is in the store"
        raise RefusedOperation(rule, f"campaign_id {campaign_id}", "an id in table campaign")
    return Campaign(*row)


def plan_campaign(
    store: Store,
    name: str,
    *,
    channel: str,
    message: str,
    start_date: str | datetime.date,
    end_date: str | datetime.date,
    at: str | datetime.date,
    target_list_id: int | None = None,
    suppression_list_id: int | None = None,
    purpose: str = "marketing",
    objective: str = "sell_more",
    holdout_share: float = 0.1,
    protects_control: bool = True,
    discount_percent: int | None = None,
    contact_cost_cents: int | None = None,
    budget_cents: int | None = None,
    frequency_cap: int | None = 2,
    frequency_days: int | None = 7,
    send_from: str = "09:00",
    send_until: str = "20:00",
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Plan a campaign; ``draw_audience``, ``schedule_campaign`` and ``send_due`` carry it out.

    Parameters
    ----------
    channel: email, phone or post. message: voucher, new_roast, gift_guide or plan_advice; service_notice goes with
        purpose service, which needs no permission and sells nothing.
    start_date, end_date: the days on which it sends, and on which purchases count.
    target_list_id: whom it writes to; none for a campaign that waits for events. suppression_list_id: whom it does not.
    holdout_share: from 0 to 0.9, the chance to be held out. protects_control: whether others may write to those.
    budget_cents: no more is spent on contacts; None: no limit.
    frequency_cap, frequency_days: no person gets more messages in so many days, of all campaigns; None: no cap.
    send_from, send_until: hours within which it sends, where the person has named none.

    Returns the rows written: ``operation_log, campaign``. Raises ``RefusedOperation``.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     plan = plan_campaign(store, "Spring 2026", channel="email", message="new_roast", at="2026-02-20",
    ...                          start_date="2026-03-01", end_date="2026-03-14")
    >>> plan["campaign"]["holdout_share"].item()
    0.1
    """
    at = moment(at)
    if channel not in CONTACT_COST_CENTS:
        rule = "a campaign has a known channel"
        raise RefusedOperation(rule, repr(channel), ", ".join(CONTACT_COST_CENTS))
    if isinstance(holdout_share, bool) or not isinstance(holdout_share, int | float) or not 0 <= holdout_share <= 0.9:
        raise RefusedOperation("a hold-out share is from 0 to 0.9", repr(holdout_share), "for example 0.1")
    if discount_percent is None:
        discount_percent = VOUCHER_PERCENT if message == "voucher" else 0
    if contact_cost_cents is None:
        contact_cost_cents = CONTACT_COST_CENTS[channel]
    with running_operation(store, "plan_campaign", at, actor_of(by)) as operation:
        if target_list_id is not None:
            _check_list(operation, whole_number("target_list_id", target_list_id), channel, purpose)
        operation.insert(
            "campaign",
            name=name,
            objective=objective,
            channel=channel,
            message=message,
            purpose=purpose,
            target_list_id=target_list_id,
            suppression_list_id=suppression_list_id,
            start_date=day(start_date),
            end_date=day(end_date),
            holdout_share=float(holdout_share),
            protects_control=int(protects_control),
            discount_percent=whole_number("discount_percent", discount_percent, least=0),
            contact_cost_cents=whole_number("contact_cost_cents", contact_cost_cents, least=0),
            budget_cents=None if budget_cents is None else whole_number("budget_cents", budget_cents, least=0),
            frequency_cap=frequency_cap,
            frequency_days=None if frequency_cap is None else frequency_days,
            send_from=send_from,
            send_until=send_until,
            operation_id=operation.operation_id,
        )
    return operation.written


def _check_list(operation: Operation, target_list_id: int, channel: str, purpose: str) -> None:
    found = operation.one("SELECT channel, purpose FROM target_list WHERE target_list_id = ?", target_list_id)
    if found is None:
        rule, expected = "the list is in the store", "an id in table target_list"
        raise RefusedOperation(rule, f"target_list_id {target_list_id}", expected)
    if found != (channel, purpose):
        rule = "a campaign takes a list made for its channel and purpose"
        raise RefusedOperation(rule, f"a list for {' and '.join(found)}", f"one for {channel} and {purpose}")


def change_campaign_status(
    store: Store, campaign_id: int, status: str, at: str | datetime.date, *, by: int | None = None
) -> dict[str, pd.DataFrame]:
    """Stop a campaign (Inactive), go on with it (Active) or end it (Complete).

    Whoever still waits in the queue of a campaign that is complete gets nothing from it (reason campaign_ended).
    Returns the rows written: ``operation_log, campaign``, and ``campaign_member`` for those.
    """
    at, campaign_id = moment(at), whole_number("campaign_id", campaign_id)
    with running_operation(store, "change_campaign_status", at, actor_of(by)) as operation:
        read_campaign(operation, campaign_id)
        written_by = {"operation_id": operation.operation_id}
        operation.update("campaign", "campaign_id", campaign_id, status=status, **written_by)
        if status == "Complete":
            waiting = operation.all(
                "SELECT campaign_member_id FROM campaign_member WHERE campaign_id = ? "
                "AND status IN ('queued', 'deferred') ORDER BY 1", campaign_id,
            )  # fmt: skip
            for (member_id,) in waiting:
                operation.update("campaign_member", "campaign_member_id", member_id, status="suppressed",
                                 suppress_reason="campaign_ended", defer_reason=None, **written_by)  # fmt: skip
    return operation.written
