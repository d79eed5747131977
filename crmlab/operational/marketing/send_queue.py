"""The send queue: what is due goes out, what may not is suppressed, what must wait is deferred.

Each run looks at everybody who is due anew: an opt-out since the audience was drawn counts. A cap and quiet hours
**defer** a message and do not drop it; only the end of the campaign does. What went out stands as sent with its time,
so that a second run sends nothing twice. The database looks at each send again (``52_campaign_send.sql``).
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.marketing.campaigns import Campaign, read_campaign
from crmlab.operational.marketing.contact_times import earliest_allowed
from crmlab.operational.marketing.suppression import address_reasons
from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


def schedule_campaign(
    store: Store,
    campaign_id: int,
    at: str | datetime.date,
    *,
    first_at: str | datetime.date | None = None,
    per_hour: int | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Make a campaign Active and give everybody drawn a time: all at ``first_at`` (the beginning of the campaign), or
    ``per_hour`` an hour. Who is held out gets a time too, from which on purchases count.

    Returns the rows written: ``operation_log, campaign, campaign_member``. Raises ``RefusedOperation``.
    """
    at, campaign_id = moment(at), whole_number("campaign_id", campaign_id)
    with running_operation(store, "schedule_campaign", at, actor_of(by)) as operation:
        campaign = read_campaign(operation, campaign_id)
        first = f"{campaign.start_date}T{campaign.send_from}:00" if first_at is None else moment(first_at)
        first = max(first, at)
        if not campaign.start_date <= first[:10] <= campaign.end_date:
            expected = f"{campaign.start_date} to {campaign.end_date}"
            raise RefusedOperation("a campaign sends on its days", first, expected)
        operation.update("campaign", "campaign_id", campaign_id, status="Active", operation_id=operation.operation_id)
        members = operation.all(
            "SELECT campaign_member_id FROM campaign_member WHERE campaign_id = ? AND arm IS NOT NULL "
            "AND watched_from IS NULL ORDER BY campaign_member_id", campaign_id,
        )  # fmt: skip
        give_times(operation, [member_id for (member_id,) in members], first, per_hour)
        operation.also_wrote("campaign_member", "operation_id = ?", operation.operation_id)
    return operation.written


def give_times(operation: Operation, member_ids: list[int], first: str, per_hour: int | None = None) -> None:
    """Schedule members that were drawn, so many an hour from ``first`` on."""
    per_hour = max(len(member_ids), 1) if per_hour is None else whole_number("per_hour", per_hour)
    start = datetime.datetime.fromisoformat(first)
    rows = []
    for position, member_id in enumerate(member_ids):
        time = (start + datetime.timedelta(hours=position // per_hour)).isoformat()
        rows.append((time, time, operation.operation_id, member_id))
    operation.connection.executemany(
        "UPDATE campaign_member SET watched_from = ?, scheduled_at = ?, operation_id = ? WHERE campaign_member_id = ?",
        rows,
    )


def send_due(
    store: Store, campaign_id: int, at: str | datetime.date, *, by: int | None = None
) -> dict[str, pd.DataFrame]:
    """Send what is due by ``at``: each message leaves at ``at``, is deferred to a later time, or is suppressed.

    Returns the rows written: ``operation_log``, and ``campaign_member`` for everybody whose status changed. Raises
    ``RefusedOperation`` for a campaign that is not Active, and outside its days.
    """
    at, campaign_id = moment(at), whole_number("campaign_id", campaign_id)
    with running_operation(store, "send_due", at, actor_of(by)) as operation:
        campaign = read_campaign(operation, campaign_id)
        if campaign.status != "Active":
            raise RefusedOperation("only an Active campaign sends", f"{campaign.name!r}: {campaign.status}", "Active")
        if not campaign.start_date <= at[:10] <= campaign.end_date:
            expected = f"{campaign.start_date} to {campaign.end_date}"
            raise RefusedOperation("a campaign sends on its days", at, expected)
        due = operation.all(
            """SELECT m.campaign_member_id, m.customer_id, p.address_hash
            FROM campaign_member AS m JOIN contact_point AS p USING (contact_point_id)
            WHERE m.campaign_id = ? AND m.status IN ('queued', 'deferred') AND m.scheduled_at <= ?
            ORDER BY m.scheduled_at, m.campaign_member_id""",
            campaign_id, at,
        )  # fmt: skip
        checks = _Checks(operation, campaign, at)
        for member_id, customer_id, address_hash in due:
            change = checks.outcome(customer_id, address_hash)
            operation.update("campaign_member", "campaign_member_id", member_id,
                             **{"defer_reason": None, **change}, operation_id=operation.operation_id)  # fmt: skip
    if "campaign_member" not in operation.written:
        operation.written["campaign_member"] = store.sql("SELECT * FROM campaign_member WHERE 0")
    return operation.written


class _Checks:
    """What decides about each message of a run."""

    def __init__(self, operation: Operation, campaign: Campaign, at: str):
        self.campaign, self.at = campaign, at
        self.reasons = address_reasons(operation.connection, campaign.channel, campaign.purpose, at)
        merged = operation.all("SELECT customer_id FROM customer WHERE merged_into_id IS NOT NULL")
        self.merged = {customer_id for (customer_id,) in merged}
        self.held_out = _held_out_elsewhere(operation, campaign, at)
        sent = operation.all(
            """SELECT p.address_hash FROM campaign_member AS m JOIN contact_point AS p USING (contact_point_id)
            WHERE m.campaign_id = ? AND m.status = 'sent'""", campaign.campaign_id,
        )  # fmt: skip
        self.used = {address_hash for (address_hash,) in sent}
        self.preferences = {
            customer_id: rest
            for customer_id, *rest in operation.all(
                """SELECT v.surviving_customer_id, send_from, send_until, frequency_cap, frequency_days,
                  unwanted_messages LIKE '%"' || ? || '"%'
                FROM contact_preference JOIN v_customer AS v USING (customer_id) WHERE channel = ?
                ORDER BY operation_id""", campaign.message, campaign.channel,
            )
        }  # fmt: skip
        self.sends = _earlier_sends(operation)

    def outcome(self, customer_id: int, address_hash: str) -> dict[str, str]:
        """What becomes of the message: the columns that change."""
        reason = self._reason(customer_id, address_hash)
        if reason is not None:
            return {"status": "suppressed", "suppress_reason": reason}
        free_at, defer_reason = self._free_at(customer_id, address_hash)
        if defer_reason is not None:
            return {"status": "deferred", "defer_reason": defer_reason, "scheduled_at": free_at}
        self.used.add(address_hash)
        return {"status": "sent", "sent_at": self.at}

    def _reason(self, customer_id: int, address_hash: str) -> str | None:
        if customer_id in self.merged:
            return "merged"
        reason = self.reasons.get((customer_id, address_hash), "no_address")
        if reason is not None:
            return reason
        if address_hash in self.used:
            return "duplicate_address"
        if self.campaign.purpose != "service":
            if self.preferences.get(customer_id, [None] * 5)[4]:
                return "preference"
            if customer_id in self.held_out or address_hash in self.held_out:
                return "held_out_elsewhere"
        return None

    def _free_at(self, customer_id: int, address_hash: str) -> tuple[str, str | None]:
        """When the message may go, and what it waits for."""
        send_from, send_until, cap, days, _ = self.preferences.get(customer_id, [None] * 5)
        free_at, reason = self.at, None
        if self.campaign.purpose != "service":
            caps = [(self.campaign.frequency_cap, self.campaign.frequency_days), (cap, days)]
            earlier = sorted(set(self.sends.get(customer_id, [])) | set(self.sends.get(address_hash, [])))
            for most, in_days in caps:
                if most is None or len(earlier) < most:
                    continue
                # The message that must have left the window before another may come.
                time = datetime.datetime.fromisoformat(earlier[-most][0]) + datetime.timedelta(days=in_days)
                if time.isoformat() > free_at:
                    free_at, reason = time.isoformat(), "frequency_cap"
        hours = (send_from, send_until) if send_from else (self.campaign.send_from, self.campaign.send_until)
        allowed = earliest_allowed(free_at, *hours)
        return allowed, reason or ("quiet_hours" if allowed != self.at else None)


def _held_out_elsewhere(operation: Operation, campaign: Campaign, at: str) -> set[int | str]:
    """Customers and addresses whom another campaign holds out on that day."""
    rows = operation.all(
        """SELECT v.surviving_customer_id, p.address_hash
        FROM campaign_member AS m JOIN campaign AS c USING (campaign_id)
        JOIN v_customer AS v USING (customer_id) JOIN contact_point AS p USING (contact_point_id)
        WHERE m.arm = 'control' AND c.protects_control AND c.campaign_id <> ?
          AND ? BETWEEN c.start_date AND c.end_date""",
        campaign.campaign_id, at[:10],
    )  # fmt: skip
    return {each for row in rows for each in row}


def _earlier_sends(operation: Operation) -> dict[int | str, list[tuple[str, int]]]:
    """The marketing messages of each customer and address: time and member, in the order of time."""
    rows = operation.all(
        """SELECT v.surviving_customer_id, p.address_hash, m.sent_at, m.campaign_member_id
        FROM campaign_member AS m JOIN campaign AS c USING (campaign_id)
        JOIN v_customer AS v USING (customer_id) JOIN contact_point AS p USING (contact_point_id)
        WHERE m.status = 'sent' AND c.purpose <> 'service' ORDER BY m.sent_at"""
    )
    sends: dict[int | str, list[tuple[str, int]]] = {}
    for customer_id, address_hash, sent_at, member_id in rows:
        for key in (customer_id, address_hash):
            sends.setdefault(key, []).append((sent_at, member_id))
    return sends
