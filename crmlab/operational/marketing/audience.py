"""The audience of a campaign, and the lottery that holds some of it out.

The lottery gives each customer a number between 0 and 1 from the seed, the campaign's name and the customer's number;
who is below the hold-out share is **control**. So the order of the list plays no part, somebody who is added later
changes nobody else's arm, and the same seed gives the same arms. It is drawn among those who can be written to: what
happens to members after it, they keep their arm.
"""

from __future__ import annotations

import datetime
import hashlib

import pandas as pd

from crmlab.operational.marketing.campaigns import Campaign, read_campaign
from crmlab.operational.marketing.suppression import NO_ADDRESS, first_records, reach
from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


def lottery_number(seed: int, campaign_name: str, customer_id: int) -> float:
    """The customer's number in the campaign's lottery, from 0 (included) to 1 (excluded).

    >>> round(lottery_number(1, "Spring 2026", 17), 3)
    0.626
    """
    digest = hashlib.sha256(f"{seed}\n{campaign_name}\n{customer_id}".encode()).digest()
    # 53 bits: what a float holds exactly.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def draw_audience(
    store: Store, campaign_id: int, at: str | datetime.date, *, seed: int, by: int | None = None
) -> dict[str, pd.DataFrame]:
    """Put the latest run of the campaign's list on the campaign: treatment, control, or suppressed with a reason.

    Whoever cannot be written to any more since the list was built is suppressed, and so is whoever stands on the
    suppression list, whom the person's own wishes rule out, and those for whom the budget does not suffice. A second
    draw adds whom a later run of the list brought, and changes nobody.

    Returns the rows written: ``operation_log, campaign_member``. Raises ``RefusedOperation``.

    >>> from crmlab.operational import build_list, open_store, plan_campaign, save_target_list
    >>> with open_store() as store:
    ...     new = save_target_list(store, "New", [("days_since_recorded", "<", 90)], at="2026-01-05")
    ...     list_id = new["target_list"]["target_list_id"].item()
    ...     built = build_list(store, list_id, at="2026-01-05")
    ...     plan = plan_campaign(store, "Welcome", channel="email", message="gift_guide", target_list_id=list_id,
    ...                          start_date="2026-01-12", end_date="2026-01-25", at="2026-01-05")
    ...     drawn = draw_audience(store, plan["campaign"]["campaign_id"].item(), at="2026-01-06", seed=1)
    >>> len(drawn["campaign_member"]) == len(built["target_list_member"])
    True
    """
    at, campaign_id = moment(at), whole_number("campaign_id", campaign_id)
    seed = whole_number("seed", seed, least=0)
    with running_operation(store, "draw_audience", at, actor_of(by)) as operation:
        campaign = read_campaign(operation, campaign_id)
        if campaign.target_list_id is None:
            found = f"{campaign.name!r} without one"
            raise RefusedOperation("an audience is drawn from a list", found, "a target_list_id in the plan")
        members = add_members(operation, campaign, _listed(operation, campaign.target_list_id, at), at, seed)
        operation.also_wrote("campaign_member", "operation_id = ?", operation.operation_id)
    if not members:
        operation.written.setdefault("campaign_member", store.sql("SELECT * FROM campaign_member WHERE 0"))
    return operation.written


def _listed(operation: Operation, target_list_id: int, at: str) -> list[int]:
    (build_id,) = operation.one(
        "SELECT max(target_list_build_id) FROM target_list_build WHERE target_list_id = ? AND built_at <= ?",
        target_list_id, at,
    )  # fmt: skip
    if build_id is None:
        rule = "a list is built before it is used"
        raise RefusedOperation(rule, f"target_list_id {target_list_id} not built by {at}", "build_list first")
    query = "SELECT customer_id FROM target_list_member WHERE target_list_build_id = ? ORDER BY position"
    return [customer_id for (customer_id,) in operation.all(query, build_id)]


def add_members(operation: Operation, campaign: Campaign, customers: list[int], at: str, seed: int) -> int:
    """Put customers who are not there yet on a campaign, in this order; how many."""
    if campaign.status == "Complete":
        raise RefusedOperation("a complete campaign takes nobody any more", campaign.name, "a campaign that goes on")
    there = operation.all("SELECT customer_id FROM campaign_member WHERE campaign_id = ?", campaign.campaign_id)
    known = {customer_id for (customer_id,) in there}
    hashes = operation.all(
        "SELECT address_hash FROM campaign_member JOIN contact_point USING (contact_point_id) WHERE campaign_id = ?",
        campaign.campaign_id,
    )
    used = {address_hash for (address_hash,) in hashes}
    reached = reach(operation.connection, campaign.channel, campaign.purpose, at)
    ruled_out = _ruled_out(operation, campaign, at)
    left = _affordable(operation, campaign)
    new = [customer_id for customer_id in dict.fromkeys(customers) if customer_id not in known]
    stands_for = first_records((each for each in new if each not in ruled_out), reached)
    rows = []
    for customer_id in new:
        how = reached.get(customer_id, NO_ADDRESS)
        reason = ruled_out.get(customer_id) or how.reason
        if reason is None and (how.address_hash in used or stands_for[how.address_hash] != customer_id):
            reason = "duplicate_address"
        if reason is None and left is not None and left <= 0:
            reason = "over_budget"
        arm = None
        if reason is None:
            is_control = lottery_number(seed, campaign.name, customer_id) < campaign.holdout_share
            arm = "control" if is_control else "treatment"
            left = left if left is None or is_control else left - 1
        status = {"control": "held_out", "treatment": "queued", None: "suppressed"}[arm]
        point = None if arm is None else how.contact_point_id
        rows.append((campaign.campaign_id, customer_id, arm, status, reason, point, at, operation.operation_id))
    operation.connection.executemany(
        """INSERT INTO campaign_member (campaign_id, customer_id, arm, status, suppress_reason, contact_point_id,
          drawn_at, operation_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        rows,
    )
    return len(rows)


def _affordable(operation: Operation, campaign: Campaign) -> int | None:
    """How many more the budget pays for; None: no limit."""
    if campaign.budget_cents is None or campaign.contact_cost_cents == 0:
        return None
    query = "SELECT count(*) FROM campaign_member WHERE campaign_id = ? AND arm = 'treatment'"
    (planned,) = operation.one(query, campaign.campaign_id)
    return campaign.budget_cents // campaign.contact_cost_cents - planned


def _ruled_out(operation: Operation, campaign: Campaign, at: str) -> dict[int, str]:
    """Whom merges, the suppression list, other campaigns' hold-outs or their own wishes keep out, and which."""
    merged = operation.all("SELECT customer_id FROM customer WHERE merged_into_id IS NOT NULL")
    refused = operation.all(
        """SELECT v.surviving_customer_id FROM contact_preference AS p JOIN v_customer AS v USING (customer_id)
        JOIN json_each(p.unwanted_messages) AS unwanted WHERE p.channel = ? AND unwanted.value = ?""",
        campaign.channel, campaign.message,
    )  # fmt: skip
    listed = operation.all(
        """SELECT v.surviving_customer_id FROM target_list_member AS m JOIN v_customer AS v USING (customer_id)
        WHERE m.target_list_build_id = (
          SELECT max(target_list_build_id) FROM target_list_build WHERE target_list_id = ? AND built_at <= ?)""",
        campaign.suppression_list_id, at,
    )  # fmt: skip
    reasons: dict[int, str] = {}
    for reason, rows in (
        ("preference", refused if campaign.purpose != "service" else []),
        ("suppression_list", listed),
        ("merged", merged),
    ):
        reasons.update(dict.fromkeys((customer_id for (customer_id,) in rows), reason))
    return reasons
