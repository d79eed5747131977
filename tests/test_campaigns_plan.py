"""Lists, the lottery and the send queue: who is written to, who is held out, who waits, and that all of it adds up."""

import random
import sqlite3

import pandas as pd
import pytest
from campaign_steps import AT, campaign, confirm, opt_out, person
from stores import own_copy, small_company, store_fixture

from crmlab.operational import (
    RefusedOperation,
    build_list,
    change_campaign_status,
    draw_audience,
    merge_customers,
    place_order,
    plan_campaign,
    save_target_list,
    schedule_campaign,
    send_due,
    set_preferences,
)
from crmlab.operational.marketing.contact_times import earliest_allowed

SEND = "2026-01-12 10:00"


PEOPLE = 1500

store = store_fixture(PEOPLE)


def people(store, count):
    """So many customers with a confirmed address."""
    found = []
    for number in range(count):
        found.append(person(store, f"p{number}@example.org", f"P{number}"))
        confirm(store, f"p{number}@example.org")
    return found


def list_of(store, name, criteria, at=AT, **how):
    saved = save_target_list(store, name, criteria, at, **how)["target_list"]["target_list_id"].item()
    return saved, build_list(store, saved, at)


def states(store, campaign_id):
    found = store.sql("SELECT customer_id, status FROM campaign_member WHERE campaign_id = ?", [campaign_id])
    return dict(zip(found["customer_id"], found["status"], strict=True))


def adds_up(store):
    tally = store.sql("SELECT * FROM v_campaign_tally")
    parts = ["sent_count", "suppressed_count", "deferred_count", "held_out_count", "queued_count"]
    assert (tally[parts].sum(axis=1) == tally["listed_count"]).all()
    by_reason = store.sql("SELECT status, sum(member_count) AS n FROM v_campaign_reason GROUP BY 1").set_index("status")
    for status in ("suppressed", "deferred"):
        assert by_reason["n"].get(status, 0) == tally[f"{status}_count"].sum()
    return tally


# -- lists ---------------------------------------------------------------------------------------------------------


def test_counts_after_each_filter_are_those_of_the_frames(store):
    criteria = [("days_since_last_purchase", "<=", 365), ("categories", "includes", "machine"),
                ("order_count", ">", 1), ("language", "in", ["de", "fr"])]  # fmt: skip
    _, built = list_of(store, "a", criteria, sort_by=[("spent_cents", "desc")])
    orders = store.sql("SELECT * FROM v_order").assign(last=lambda f: f["order_date"])
    lines = store.sql("SELECT order_id, category FROM order_line JOIN product USING (product_id)").merge(
        orders[["order_id", "customer_id"]], on="order_id"
    )
    facts = store.sql("SELECT customer_id, language FROM customer").set_index("customer_id")
    by = orders.groupby("customer_id")
    facts["days"] = (pd.Timestamp("2026-01-05") - by["last"].max()).dt.days
    facts["orders"], facts["spent"] = by.size(), by["amount_cents"].sum()
    facts["machine"] = facts.index.isin(lines.loc[lines["category"] == "machine", "customer_id"])
    expected = [len(facts)]
    left = facts
    for passes in (lambda f: f["days"] <= 365, lambda f: f["machine"], lambda f: f["orders"] > 1,
                   lambda f: f["language"].isin(["de", "fr"])):  # fmt: skip
        left = left[passes(left)]
        expected.append(len(left))
    steps, members = built["target_list_step"], built["target_list_member"]
    assert steps["customer_count"].to_list()[:5] == expected and expected[-1] > 20
    order = left.reset_index().sort_values(["spent", "customer_id"], ascending=[False, True])["customer_id"]
    assert members["customer_id"].to_list() == order.to_list()
    assert steps["customer_count"].to_list()[5:] == [
        (members["status"] != "suppressed").sum(), (members["status"] == "member").sum()
    ]  # fmt: skip


def test_a_run_again_is_dated_and_the_first_stays(store):
    list_id, first = list_of(store, "a", [("order_count", ">", 0)])
    customer = people(store, 1)[0]
    place_order(store, customer, [(1, 1)], "web", at="2026-02-01")
    second = build_list(store, list_id, "2026-02-02")
    assert customer not in set(first["target_list_member"]["customer_id"])
    assert customer in set(second["target_list_member"]["customer_id"])
    assert customer not in set(build_list(store, list_id, "2026-01-31")["target_list_member"]["customer_id"])
    assert len(store.sql("SELECT * FROM target_list_build")) == 3
    with pytest.raises(sqlite3.IntegrityError, match="stays as it was"):
        store.connection.execute("DELETE FROM target_list_member")


def test_suppressed_and_duplicates_are_shown_not_hidden(store):
    first, second, out = person(store), person(store, name="Again"), person(store, "o@example.org")
    confirm(store, "out@example.org"), confirm(store, "o@example.org")
    opt_out(store, "o@example.org")
    _, built = list_of(store, "a", [("customer_id", "in", [first, second, out])])
    rows = built["target_list_member"].set_index("customer_id")
    assert rows["status"].to_dict() == {first: "member", second: "duplicate", out: "suppressed"}
    assert rows.loc[second, "duplicate_of_id"] == first and rows.loc[out, "reason"] == "opt_out"
    merge_customers(store, winner_id=second, loser_id=first, at=AT)
    merged = build_list(store, 1, AT)["target_list_member"]
    assert merged["customer_id"].to_list() == [second, out] and merged["status"].iloc[0] == "member"


def test_scores_from_the_analytical_side_select(store):
    customers = people(store, 3)
    scores = pd.DataFrame({"customer_id": customers, "R": [5, 1, None]})
    list_id = save_target_list(store, "a", [("R", ">=", 4)], AT)["target_list"]["target_list_id"].item()
    assert build_list(store, list_id, AT, scores=scores)["target_list_member"]["customer_id"].to_list() == customers[:1]
    with pytest.raises(RefusedOperation, match=r"known fields \(found: R;"):
        build_list(store, list_id, AT)
    with pytest.raises(RefusedOperation, match="one row a customer_id"):
        build_list(store, list_id, AT, scores=pd.concat([scores, scores]))


@pytest.mark.parametrize(
    "criterion",
    [("spent", "=", 1), ("order_count", "~", 1), ("order_count", "=", [1]), ("language", "in", "de"),
     ("a; DROP TABLE x", "=", 1), "order_count"],
)  # fmt: skip
def test_wrong_criteria_are_refused(store, criterion):
    with pytest.raises(RefusedOperation):
        build_list(store, save_target_list(store, "a", [criterion], AT)["target_list"]["target_list_id"].item(), AT)


def test_most_members_takes_the_front(store):
    customers = people(store, 4)
    _, built = list_of(store, "a", [("customer_id", "in", customers)], most_members=2)
    assert built["target_list_member"]["customer_id"].to_list() == customers[:2]


# -- the lottery ---------------------------------------------------------------------------------------------------


def test_one_in_ten_is_held_out_unless_the_plan_says_zero(store):
    list_id, _ = list_of(store, "a", [("order_count", ">", 0)])
    shares = {}
    for name, plan in {"default": {}, "none": {"holdout_share": 0}, "half": {"holdout_share": 0.5}}.items():
        made = plan_campaign(store, name, channel="email", message="voucher", target_list_id=list_id, at=AT,
                             start_date="2026-01-10", end_date="2026-01-20", **plan)["campaign"]  # fmt: skip
        drawn = draw_audience(store, made["campaign_id"].item(), AT, seed=5)["campaign_member"]
        arms = drawn["arm"].dropna()
        shares[name], count = (arms == "control").mean(), len(arms)
    assert count > 250
    assert shares["none"] == 0
    # Three standard errors of a share of one in ten, and of one half.
    assert abs(shares["default"] - 0.1) < 3 * (0.09 / count) ** 0.5
    assert abs(shares["half"] - 0.5) < 3 * (0.25 / count) ** 0.5


def test_the_same_are_held_out_whichever_order_the_list_comes_in():
    arms, order = [], random.Random(1)
    for seed, sort_by in ((1, [("spent_cents", "desc")]), (1, [("order_count", "asc")]), (2, [])):
        with own_copy(small_company(PEOPLE)) as store:
            list_id, _ = list_of(store, "a", [("order_count", ">", 0)], sort_by=sort_by)
            plan_campaign(store, "c", channel="email", message="voucher", target_list_id=list_id, at=AT,
                          start_date="2026-01-10", end_date="2026-01-20")  # fmt: skip
            campaign_id = store.sql("SELECT max(campaign_id) AS n FROM campaign")["n"].item()
            drawn = draw_audience(store, campaign_id, AT, seed=seed)["campaign_member"]
            control = drawn.loc[drawn["arm"] == "control", "customer_id"].to_list()
            order.shuffle(control)
            arms.append(set(control))
    assert arms[0] == arms[1] != arms[2]


def test_control_is_never_sent(store):
    customers = people(store, 30)
    held = campaign(store, "c", customers, holdout_share=0.5)
    send_due(store, held, SEND)
    control = [who for who, status in states(store, held).items() if status == "held_out"]
    assert 3 < len(control) < 27
    with pytest.raises(sqlite3.IntegrityError, match="who_is_held_out_is_control"):
        store.connection.execute("UPDATE campaign_member SET status = 'sent', sent_at = '2026-01-12T10:00:00' "
                                 "WHERE campaign_id = ? AND arm = 'control'", [held])  # fmt: skip
    with pytest.raises(sqlite3.IntegrityError, match="keeps customer, address and arm"):
        store.connection.execute("UPDATE campaign_member SET arm = 'treatment' WHERE arm = 'control'")
    other = campaign(store, "other", customers)
    send_due(store, other, SEND)
    assert {who for who, status in states(store, other).items() if status == "suppressed"} == set(control)
    waiting = campaign(store, "by hand", customers)
    with pytest.raises(sqlite3.IntegrityError, match="held out of one campaign"):
        store.connection.execute("UPDATE campaign_member SET status = 'sent', sent_at = '2026-01-12T10:00:00' "
                                 "WHERE campaign_id = ? AND customer_id = ?", [waiting, control[0]])  # fmt: skip
    adds_up(store)


def test_a_plan_may_leave_its_control_to_others(store):
    customers = people(store, 20)
    held = campaign(store, "c", customers, holdout_share=0.5, protects_control=False)
    other = campaign(store, "other", customers)
    send_due(store, other, SEND)
    assert "held_out" in states(store, held).values()
    assert set(states(store, other).values()) == {"sent"}


# -- the queue -----------------------------------------------------------------------------------------------------


def test_a_run_again_sends_nothing_twice_and_all_adds_up(store):
    list_id, _ = list_of(store, "a", [("order_count", ">", 0)])
    made = plan_campaign(store, "c", channel="email", message="voucher", target_list_id=list_id, at=AT,
                         start_date="2026-01-10", end_date="2026-01-20")["campaign"]  # fmt: skip
    campaign_id = made["campaign_id"].item()
    drawn = draw_audience(store, campaign_id, AT, seed=1)["campaign_member"]
    assert draw_audience(store, campaign_id, AT, seed=9)["campaign_member"].empty
    schedule_campaign(store, campaign_id, AT, per_hour=100)
    times = ["2026-01-10 08:00", "2026-01-10 09:00", "2026-01-10 09:30", "2026-01-10 12:00", SEND, SEND]
    runs = [len(send_due(store, campaign_id, at)["campaign_member"]) for at in times]
    assert runs[0] == 0 and runs[1] > 50 and runs[2] == 0 and runs[-1] == 0
    tally = adds_up(store).set_index("campaign_id").loc[campaign_id]
    assert tally["listed_count"] == len(drawn)
    assert tally["sent_count"] == (drawn["arm"] == "treatment").sum()
    assert tally["queued_count"] == tally["deferred_count"] == 0
    twice = "SELECT count(*) - count(DISTINCT address_hash) AS n FROM campaign_member JOIN contact_point " \
            "USING (contact_point_id) WHERE status = 'sent' AND campaign_id = ?"  # fmt: skip
    assert store.sql(twice, [campaign_id])["n"].item() == 0


def test_the_cap_defers_and_does_not_drop(store):
    customers = people(store, 2)
    made = [campaign(store, f"c{n}", customers, frequency_cap=2, frequency_days=7) for n in range(4)]
    waiting = []
    for day in (10, 11, 16, 17, 18):
        for campaign_id in made:
            found = send_due(store, campaign_id, f"2026-01-{day} 10:00")["campaign_member"]
            waiting += found["defer_reason"].dropna().to_list()
    adds_up(store)
    sent = store.sql("SELECT customer_id, sent_at FROM campaign_member WHERE sent_at > '2026' ORDER BY sent_at")
    assert sent.groupby("customer_id").size().to_dict() == dict.fromkeys(customers, 4)
    assert set(waiting) == {"frequency_cap"}
    for _, times in sent.groupby("customer_id")["sent_at"]:
        in_a_week = [((times >= at) & (times < at + pd.Timedelta(days=7))).sum() for at in times]
        assert max(in_a_week) == 2


def test_a_person_decides_on_hours_frequency_and_messages(store):
    night, rare, never = people(store, 3)
    set_preferences(store, night, "email", AT, send_from="22:00", send_until="06:00")
    set_preferences(store, rare, "email", AT, frequency_cap=1, frequency_days=30)
    set_preferences(store, never, "email", AT, unwanted_messages=["new_roast"])
    first = campaign(store, "first", [night, rare, never])
    send_due(store, first, SEND)
    assert states(store, first) == {night: "deferred", rare: "sent", never: "suppressed"}
    when = store.sql("SELECT scheduled_at FROM campaign_member WHERE status = 'deferred'")["scheduled_at"].item()
    assert when == pd.Timestamp("2026-01-12 22:00")
    send_due(store, first, "2026-01-13 01:00")
    second = campaign(store, "second", [rare], message="voucher")
    send_due(store, second, "2026-01-20 10:00")
    assert states(store, first)[night] == "sent" and states(store, second)[rare] == "deferred"
    send_due(store, second, "2026-02-10 19:00")
    assert states(store, second)[rare] == "deferred", "30 days are over on 11 February"
    with pytest.raises(RefusedOperation, match="times of day"):
        set_preferences(store, night, "email", AT, send_from="25:00", send_until="06:00")


@pytest.mark.parametrize(
    ("at", "hours", "expected"),
    [
        ("2026-01-05T08:59:59", ("09:00", "20:00"), "2026-01-05T09:00:00"),
        ("2026-01-05T20:00:00", ("09:00", "20:00"), "2026-01-06T09:00:00"),
        ("2026-02-28T23:00:00", ("09:00", "20:00"), "2026-03-01T09:00:00"),
        ("2026-01-05T05:59:59", ("22:00", "06:00"), "2026-01-05T05:59:59"),
        ("2026-01-05T06:00:00", ("22:00", "06:00"), "2026-01-05T22:00:00"),
    ],
)
def test_the_earliest_allowed_time(at, hours, expected):
    assert earliest_allowed(at, *hours) == expected


def test_what_still_waits_at_the_end_is_suppressed(store):
    customers = people(store, 3)
    stopped = campaign(store, "c", customers)
    change_campaign_status(store, stopped, "Inactive", SEND)
    with pytest.raises(RefusedOperation, match="only an Active campaign sends"):
        send_due(store, stopped, SEND)
    change_campaign_status(store, stopped, "Complete", SEND)
    assert set(states(store, stopped).values()) == {"suppressed"}
    with pytest.raises(RefusedOperation, match="this status may not follow"):
        change_campaign_status(store, stopped, "Active", SEND)
    adds_up(store)


def test_a_record_merged_after_the_draw_gets_nothing_and_its_person_one_message(store):
    first, second = people(store, 2)
    waiting = campaign(store, "c", [first, second])
    merge_customers(store, winner_id=first, loser_id=second, at="2026-01-06")
    send_due(store, waiting, SEND)
    assert states(store, waiting) == {first: "sent", second: "suppressed"}


def test_no_list_members_one_member_and_nobody_left(store):
    empty = campaign(store, "empty", [])
    assert send_due(store, empty, SEND)["campaign_member"].empty
    assert store.sql("SELECT * FROM v_campaign_tally WHERE campaign_id = ?", [empty]).empty
    one = campaign(store, "one", people(store, 1))
    assert len(send_due(store, one, SEND)["campaign_member"]) == 1
    outs = [campaign(store, f"out {n}", [person(store, f"x{n}@example.org")]) for n in range(2)]
    assert all(set(states(store, each).values()) == {"suppressed"} for each in outs)


def test_the_budget_is_never_exceeded(store):
    customers = people(store, 12)
    for budget, sent in ((0, 0), (2, 0), (15, 5), (1000, 12)):
        made = campaign(store, f"budget {budget}", customers, budget_cents=budget, frequency_cap=None)
        send_due(store, made, SEND)
        assert list(states(store, made).values()).count("sent") == sent
    reasons = store.sql("SELECT DISTINCT reason FROM v_campaign_reason WHERE campaign_id = ?", [made - 3])
    assert reasons["reason"].to_list() == ["over_budget"]
    adds_up(store)


def test_plans_that_make_no_sense_are_refused(store):
    plan = {"channel": "email", "message": "voucher", "start_date": "2026-01-10", "end_date": "2026-01-20", "at": AT}
    for change, words in (
        ({"holdout_share": 1}, "hold-out share"), ({"holdout_share": "0.1"}, "hold-out share"),
        ({"channel": "fax"}, "channel"), ({"message": "hello"}, "message is known"),
        ({"end_date": "2026-01-09"}, "ends after its start"), ({"budget_cents": -1}, "budget_cents"),
        ({"send_from": "9"}, "times of day"), ({"target_list_id": 99}, "list is in the store"),
    ):  # fmt: skip
        with pytest.raises(RefusedOperation, match=words):
            plan_campaign(store, "c", **{**plan, **change})
    assert store.sql("SELECT count(*) AS n FROM campaign WHERE name = 'c'")["n"].item() == 0
    list_id, _ = list_of(store, "letters", [], channel="post")
    with pytest.raises(RefusedOperation, match="made for its channel"):
        plan_campaign(store, "c", **plan, target_list_id=list_id)


def test_a_send_is_a_touch_and_a_hold_out_is_none(store):
    customers = people(store, 20)
    made = campaign(store, "c", customers, holdout_share=0.5)
    send_due(store, made, SEND)
    touched = store.sql("SELECT customer_id FROM v_timeline WHERE touch = 'campaign_sent' AND at > '2026'")
    assert set(touched["customer_id"]) == {who for who, status in states(store, made).items() if status == "sent"}
