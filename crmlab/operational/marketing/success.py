"""Success analysis: what a campaign brought over what would have come anyway.

The **lift** is the difference of the two arms as they were drawn, not the response of those who were written to: most
of these would have bought without it. Where the interval holds zero the effect is **not shown**, and where nobody was
held out it cannot be known. Lesson 06 shows it.
"""

from __future__ import annotations

import dataclasses
import math

import pandas as pd

from crmlab.operational.operation import whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


@dataclasses.dataclass(frozen=True)
class CampaignReport:
    """What a campaign did. ``arms``: a row an arm, as in ``v_campaign_arm``; ``listed``: how many were listed, sent,
    suppressed, deferred, held out and queued; ``reasons``: suppressed and deferred by reason.

    ``lift`` is the share of buyers in treatment less that in control, ``lift_low`` and ``lift_high`` its interval;
    ``incremental_buyers`` are the lift times the members of the treatment arm, ``incremental_revenue_cents`` likewise
    from revenue a member; ``cost_per_incremental_buyer_cents`` is missing unless the lift is above 0. ``verdict``:
    "works", "harms", "not shown", "not measured" (nobody held out, or nobody written to).
    """

    campaign_id: int
    listed: pd.Series
    reasons: pd.DataFrame
    arms: pd.DataFrame
    lift: float
    lift_low: float
    lift_high: float
    incremental_buyers: float
    incremental_revenue_cents: float
    contact_cost_cents: int
    cost_per_incremental_buyer_cents: float
    verdict: str


def campaign_report(store: Store, campaign_id: int, *, confidence: float = 0.95) -> CampaignReport:
    """Report the success of a campaign from the responses that are in the store.

    The interval of the lift is that of Newcombe (1998, method 10, hybrid score), which holds for small arms too.
    Raises ``RefusedOperation`` for an unknown campaign.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     campaign_report(store, 2).verdict
    'not measured'
    """
    campaign_id = whole_number("campaign_id", campaign_id)
    if not 0 < confidence < 1:
        raise RefusedOperation("a confidence lies between 0 and 1", repr(confidence), "for example 0.95")
    if store.sql("SELECT 1 FROM campaign WHERE campaign_id = ?", [campaign_id]).empty:
        rule = "the campaign is in the store"
        raise RefusedOperation(rule, f"campaign_id {campaign_id}", "an id in table campaign")
    tally = store.sql("SELECT * FROM v_campaign_tally WHERE campaign_id = ?", [campaign_id])
    names = [name for name in tally.columns if name != "campaign_id"]
    listed = pd.Series(0, index=names) if tally.empty else tally[names].iloc[0]
    reasons = store.sql("SELECT status, reason, member_count FROM v_campaign_reason WHERE campaign_id = ? "
                        "ORDER BY status, member_count DESC, reason", [campaign_id])  # fmt: skip
    arms = store.sql("SELECT * FROM v_campaign_arm WHERE campaign_id = ? ORDER BY arm", [campaign_id])
    arms = arms.drop(columns="campaign_id").set_index("arm")
    cost = int(arms["contact_cost_cents"].sum())
    if set(arms.index) != {"treatment", "control"} or arms.loc["treatment", "sent_count"] == 0:
        unknown = [math.nan] * 5
        return CampaignReport(campaign_id, listed, reasons, arms, *unknown, cost, math.nan, "not measured")
    return _measured(campaign_id, listed, reasons, arms, cost, confidence)


def _measured(
    campaign_id: int, listed: pd.Series, reasons: pd.DataFrame, arms: pd.DataFrame, cost: int, confidence: float
) -> CampaignReport:
    # statsmodels takes a second to load, and a campaign is mostly not being reported on.
    from statsmodels.stats.proportion import confint_proportions_2indep

    treated, control = arms.loc["treatment"], arms.loc["control"]
    members = int(treated["member_count"])
    lift = treated["buyer_count"] / members - control["buyer_count"] / control["member_count"]
    low, high = confint_proportions_2indep(
        treated["buyer_count"], members, control["buyer_count"], control["member_count"], method="newcomb",
        compare="diff", alpha=1 - confidence,
    )  # fmt: skip
    each = treated["amount_cents"] / members - control["amount_cents"] / control["member_count"]
    return CampaignReport(
        campaign_id, listed, reasons, arms,
        lift=float(lift),
        lift_low=float(low),
        lift_high=float(high),
        incremental_buyers=float(lift * members),
        incremental_revenue_cents=float(each * members),
        contact_cost_cents=cost,
        cost_per_incremental_buyer_cents=float(cost / (lift * members)) if lift > 0 else math.nan,
        verdict="works" if low > 0 else "harms" if high < 0 else "not shown",
    )  # fmt: skip
