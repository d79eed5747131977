"""Steps that tests of campaigns share: somebody who can be written to, and a campaign that waits to be sent."""

from __future__ import annotations

from crmlab.operational import (
    add_customer,
    build_list,
    draw_audience,
    plan_campaign,
    record_consent,
    save_target_list,
    schedule_campaign,
)

BEFORE, AT = "2026-01-02", "2026-01-05 10:00"
EMAIL = "out@example.org"


def person(store, address=EMAIL, name="Out", **more):
    return add_customer(store, name, [("email", address)], BEFORE, **more)["customer"]["customer_id"].item()


def confirm(store, address, at=BEFORE):
    record_consent(store, "email", address, "confirmed_opt_in", at, source="confirmation_link")


def opt_out(store, address=EMAIL, at=BEFORE, **more):
    record_consent(store, "email", address, "opt_out", at, source="unsubscribe_link", **more)


def campaign(store, name, customers, **plan):
    """A campaign that is scheduled, with these customers on its list."""
    purpose = plan.get("purpose", "marketing")
    saved = save_target_list(store, name, [("customer_id", "in", customers)], AT, purpose=purpose)["target_list"]
    list_id = saved["target_list_id"].item()
    build_list(store, list_id, AT)
    plan = {"message": "new_roast", "holdout_share": 0, "start_date": "2026-01-10", "end_date": "2026-02-10"} | plan
    made = plan_campaign(store, name, channel="email", target_list_id=list_id, at=AT, **plan)
    campaign_id = made["campaign"]["campaign_id"].item()
    draw_audience(store, campaign_id, AT, seed=1)
    schedule_campaign(store, campaign_id, AT)
    return campaign_id
