"""The circle closes: what was sent gets its responses from the market, and the report tells what the campaign did."""

import itertools

import numpy as np
import pandas as pd
import pytest
from stores import company_fixture, own_copy, store_fixture

from crmlab.company import generate, open_company
from crmlab.operational import (
    RefusedOperation,
    build_list,
    campaign_report,
    draw_audience,
    observe_responses,
    past_response,
    permission,
    plan_budget,
    plan_campaign,
    save_target_list,
    schedule_campaign,
    send_due,
)
from crmlab.operational.marketing.suppression import reach

AT, SEND = "2026-01-05", "2026-01-12 10:00"


PEOPLE = 2500

company = company_fixture(PEOPLE)


store = store_fixture(PEOPLE)


def sent_campaign(store, name="c", message="voucher", send=SEND, **plan):
    saved = save_target_list(store, name, [("days_since_last_purchase", "<=", 500)], AT)["target_list"]
    list_id = saved["target_list_id"].item()
    build_list(store, list_id, AT)
    plan = {"holdout_share": 0.4, "start_date": "2026-01-12", "end_date": "2026-01-25"} | plan
    made = plan_campaign(store, name, channel="email", message=message, target_list_id=list_id, at=AT, **plan)
    campaign_id = made["campaign"]["campaign_id"].item()
    draw_audience(store, campaign_id, AT, seed=1)
    schedule_campaign(store, campaign_id, AT)
    send_due(store, campaign_id, send)
    return campaign_id


def responses(store, campaign_id):
    return store.sql(
        """SELECT m.customer_id, m.arm, m.status, r.reaction, r.responded_at, r.amount_cents, r.discount_cents
        FROM campaign_response AS r JOIN campaign_member AS m USING (campaign_member_id)
        WHERE m.campaign_id = ? ORDER BY 1, 4, 5""",
        [campaign_id],
    )


def test_what_the_market_said_is_written_down_once(store, company):
    made = sent_campaign(store)
    observe_responses(store, made, "2026-01-16", seed=4, company=company)
    early = responses(store, made)
    later = observe_responses(store, made, "2026-02-10", seed=4, company=company)["campaign_response"]
    assert observe_responses(store, made, "2026-02-10", seed=4, company=company)["campaign_response"].empty
    found = responses(store, made)
    assert len(found) == len(early) + len(later) and len(early) > 20 and len(later) > 0
    assert early.merge(found, how="inner").shape[0] == len(early)
    with own_copy(company) as at_once:
        assert sent_campaign(at_once) == made
        observe_responses(at_once, made, "2026-02-10", seed=4, company=company)
        pd.testing.assert_frame_equal(responses(at_once, made), found)


def test_the_rows_are_the_reactions_of_the_company(store, company):
    made = sent_campaign(store)
    observe_responses(store, made, "2026-01-25", seed=4, company=company)
    members = store.sql("SELECT * FROM campaign_member WHERE campaign_id = ? AND arm IS NOT NULL", [made])
    treated = members["status"] == "sent"
    actions = pd.DataFrame(
        {
            "action_id": members["campaign_member_id"],
            "customer_id": members["customer_id"],
            "at": members["sent_at"].fillna(members["watched_from"]),
            "kind": np.where(treated, "message", "no_contact"),
            "channel": np.where(treated, "email", None),
            "message": np.where(treated, "voucher", None),
        }
    )
    history = store.sql(
        "SELECT customer_id, sent_at AS at, 'message' AS kind FROM campaign_member "
        "WHERE status = 'sent' AND sent_at < '2026'"
    )
    expected = company.react(actions, "2026-01-25", seed=4, history=history)
    # Members are watched from nine o'clock on, and the messages left at ten.
    found = responses(store, made)
    after = found[found["responded_at"] >= pd.Timestamp(SEND)]
    for reaction in ("opened", "clicked", "opted_out", "bought"):
        mine = set(after.loc[after["reaction"] == reaction, "customer_id"])
        theirs = set(expected.loc[expected["reaction"] == reaction, "customer_id"])
        # Of a person with two records on the list, the market hangs a purchase on one of them.
        assert len(mine ^ theirs) <= 0.01 * len(theirs) + 1, reaction
    assert set(found.loc[found["arm"] == "control", "reaction"]) == {"bought"}


def test_an_opt_out_counts_at_once(store, company):
    made = sent_campaign(store, holdout_share=0)
    written = observe_responses(store, made, "2026-01-25", seed=4, company=company)
    out = written["campaign_response"].query("reaction == 'opted_out'")
    assert len(out) == len(written["consent"]) > 0
    addresses = store.sql("SELECT campaign_member_id, customer_id, value FROM campaign_member "
                          "JOIN contact_point USING (contact_point_id, customer_id)")  # fmt: skip
    gone = addresses[addresses["campaign_member_id"].isin(out["campaign_member_id"])]
    assert {permission(store, "email", value, "2026-02-01") for value in gone["value"]} == {"opted_out"}
    again = sent_campaign(store, "again", start_date="2026-02-01", end_date="2026-02-14", send="2026-02-02 10:00")
    states = store.sql("SELECT customer_id, suppress_reason FROM campaign_member WHERE campaign_id = ?", [again])
    assert set(states.set_index("customer_id").loc[gone["customer_id"], "suppress_reason"]) == {"opt_out"}


def test_one_store_has_one_future_and_one_company(store, company, tmp_path):
    made = sent_campaign(store)
    observe_responses(store, made, "2026-01-16", seed=4, company=company)
    with pytest.raises(RefusedOperation, match="made with one seed"):
        observe_responses(store, made, "2026-01-20", seed=5, company=company)
    other = open_company(generate(100, 9, tmp_path / "other"))
    with pytest.raises(RefusedOperation, match="store's own company"):
        observe_responses(store, made, "2026-01-20", seed=4, company=other)
    with pytest.raises(RefusedOperation, match="campaign of the past"):
        observe_responses(store, 1, "2026-01-20", seed=4, company=company)
    waiting = plan_campaign(store, "waiting", channel="email", message="voucher", start_date="2026-03-01",
                            end_date="2026-03-14", at=AT)["campaign"]["campaign_id"].item()  # fmt: skip
    with pytest.raises(RefusedOperation, match="nobody scheduled"):
        observe_responses(store, waiting, "2026-03-20", seed=4, company=company)


def test_the_report_is_that_of_the_rows(store, company):
    made = sent_campaign(store)
    observe_responses(store, made, "2026-03-01", seed=4, company=company)
    report = campaign_report(store, made)
    members = store.sql("SELECT * FROM campaign_member WHERE campaign_id = ? AND arm IS NOT NULL", [made])
    found = responses(store, made).query("reaction == 'bought'")
    assert found["responded_at"].max() < pd.Timestamp("2026-01-26"), "later purchases are not the campaign's"
    sizes = members["arm"].value_counts()
    buyers = found.groupby("arm")["customer_id"].nunique()
    revenue = found.groupby("arm")["amount_cents"].sum()
    lift = buyers["treatment"] / sizes["treatment"] - buyers["control"] / sizes["control"]
    each = revenue["treatment"] / sizes["treatment"] - revenue["control"] / sizes["control"]
    assert report.lift == pytest.approx(lift) and report.lift_low < lift < report.lift_high
    assert report.incremental_buyers == pytest.approx(lift * sizes["treatment"])
    assert report.incremental_revenue_cents == pytest.approx(each * sizes["treatment"])
    assert report.contact_cost_cents == 3 * (members["status"] == "sent").sum()
    assert report.listed["listed_count"] == report.listed.drop("listed_count").sum()


def test_newcombes_interval_and_the_verdicts(store):
    """Newcombe (1998, Stat. Med. 17:873), method 10, case (a): 56/70 against 48/80 gives 0.0524 to 0.3339."""

    reached = reach(store.connection, "email", "marketing", "2026-01-12T10:00:00")
    usable = list({how.address_hash: (customer_id, how.contact_point_id) for customer_id, how in reached.items()
                   if how.reason is None}.values())  # fmt: skip
    assert len(usable) >= 150

    def report_of(treated_buyers, treated, control_buyers, control, name):
        made = plan_campaign(store, name, channel="email", message="voucher", start_date="2026-01-12",
                             end_date="2026-01-25", at=AT)["campaign"]["campaign_id"].item()  # fmt: skip
        run = store.connection.execute
        run("UPDATE campaign SET status = 'Active', protects_control = 0 WHERE campaign_id = ?", [made])
        for number, (customer_id, point) in enumerate(usable[: treated + control]):
            arm = "treatment" if number < treated else "control"
            member = run(
                "INSERT INTO campaign_member (campaign_id, customer_id, arm, status, contact_point_id, drawn_at, "
                "watched_from, scheduled_at, operation_id) VALUES (?, ?, ?, ?, ?, '2026-01-05T00:00:00', "
                "'2026-01-12T09:00:00', '2026-01-12T09:00:00', 1)",
                [made, customer_id, arm, "queued" if arm == "treatment" else "held_out", point],
            ).lastrowid
            if number < treated_buyers or 0 <= number - treated < control_buyers:
                run(
                    "INSERT INTO campaign_response (campaign_member_id, reaction, responded_at, amount_cents, "
                    "discount_cents, operation_id) VALUES (?, 'bought', '2026-01-13T00:00:00', 1000, 0, 1)",
                    [member],
                )
        run("UPDATE campaign_member SET status = 'sent', sent_at = '2026-01-12T10:00:00' WHERE campaign_id = ? "
            "AND arm = 'treatment'", [made])  # fmt: skip
        return campaign_report(store, made)

    works = report_of(56, 70, 48, 80, "works")
    assert (round(works.lift_low, 4), round(works.lift_high, 4), works.verdict) == (0.0524, 0.3339, "works")
    harms = report_of(42, 70, 64, 80, "harms")
    assert harms.verdict == "harms" and np.isnan(harms.cost_per_incremental_buyer_cents)
    assert report_of(7, 70, 6, 80, "small").verdict == "not shown"
    assert report_of(7, 70, 0, 0, "no control").verdict == "not measured"


def test_past_campaigns_stand_in_the_store_with_their_purchases(store, company):
    arms = store.sql("SELECT * FROM v_campaign_arm WHERE campaign_id <= 14").set_index(["campaign_id", "arm"])
    contacts = company.campaign_contacts.merge(company.campaign_responses, on="campaign_contact_id", how="left")
    bought = contacts[contacts["reaction"] == "bought"].groupby(["campaign_id", "arm"])["campaign_contact_id"].nunique()
    pd.testing.assert_series_equal(arms.loc[bought.index, "buyer_count"], bought, check_names=False, check_dtype=False)
    assert arms["member_count"].sum() == len(company.campaign_contacts)
    paid = contacts["amount_cents"].fillna(0).sum() - contacts["credit_cents"].fillna(0).sum()
    assert arms["amount_cents"].sum() == paid
    refused = store.sql("""SELECT count(*) AS n FROM campaign_response AS r JOIN campaign_member USING
        (campaign_member_id) JOIN contact_point AS p USING (contact_point_id) LEFT JOIN v_permission AS v
        ON v.address_hash = p.address_hash AND v.purpose = 'marketing'
        WHERE r.reaction = 'opted_out' AND v.state IS NOT 'opted_out'""")
    assert refused["n"].item() == 0


# -- the budget ----------------------------------------------------------------------------------------------------


def best_by_trying(options, budget):
    best = 0.0
    people = options.groupby("segment")["people"].max()
    for counts in itertools.product(*(range(n + 1) for n in options["people"])):
        contacts = pd.Series(counts, index=options.index)
        if (contacts * options["contact_cost_cents"]).sum() > budget:
            continue
        if (contacts.groupby(options["segment"]).sum() > people).any():
            continue
        best = max(best, float((contacts * (options["margin_cents"] - options["contact_cost_cents"])).sum()))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_the_plan_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    options = pd.DataFrame(
        {
            "segment": ["a", "a", "b", "b"],
            "channel": ["email", "post"] * 2,
            "message": "voucher",
            "people": rng.integers(0, 5, 4),
            "contact_cost_cents": rng.integers(1, 90, 4),
            "margin_cents": rng.uniform(-20, 200, 4),
        }
    )
    budget = int(rng.integers(0, 300))
    plan = plan_budget(options, budget)
    assert plan["cost_cents"].sum() <= budget
    assert (plan.groupby("segment")["contacts"].sum() <= options.groupby("segment")["people"].max()).all()
    assert plan["profit_cents"].sum() == pytest.approx(best_by_trying(options, budget))


def test_budgets_at_the_edge():
    options = pd.DataFrame({"segment": ["a"], "channel": ["email"], "message": ["voucher"], "people": [10],
                            "contact_cost_cents": [3], "margin_cents": [20.0]})  # fmt: skip
    assert plan_budget(options, 0)["contacts"].item() == 0
    assert plan_budget(options, 10**9)["contacts"].item() == 10
    assert plan_budget(options.assign(margin_cents=-1.0), 100)["contacts"].item() == 0
    assert plan_budget(options.head(0), 100).empty
    for wrong in (options.assign(margin_cents=np.nan), options.drop(columns="people"), pd.concat([options, options])):
        with pytest.raises(ValueError, match="options"):
            plan_budget(wrong, 100)
    with pytest.raises(ValueError, match="budget_cents"):
        plan_budget(options, -1)


def test_past_response_is_margin_over_the_control_arm(store):
    customers = store.sql("SELECT customer_id FROM customer")
    found = past_response(store, customers.assign(segment="all"), margin_share=0.5).set_index(["channel", "message"])
    arms = store.sql("SELECT v.*, channel, message, holdout_share FROM v_campaign_arm AS v JOIN campaign USING "
                     "(campaign_id) WHERE channel = 'post'")  # fmt: skip
    sums = arms.groupby("arm")[["amount_cents", "member_count"]].sum()
    each = sums["amount_cents"] / sums["member_count"]
    row = found.loc["post", "voucher"]
    assert row["margin_cents"] == pytest.approx(0.5 * (each["treatment"] - each["control"]))
    assert (row["treated_count"], row["control_count"]) == tuple(sums.loc[["treatment", "control"], "member_count"])
