"""Outbound telesales: whom the list calls, when, how often, and what comes of it."""

import pytest
from stores import store_fixture

from crmlab.operational import (
    RefusedOperation,
    add_customer,
    finish_call,
    merge_customers,
    next_call,
    plan_call_list,
    record_consent,
    set_preferences,
    telesales_report,
)

BEFORE, DAY = "2026-01-02", "2026-01-06 "


store = store_fixture()


@pytest.fixture
def agent(store):
    return store.sql("SELECT min(staff_id) AS n FROM staff WHERE role = 'agent'")["n"].item()


def person(store, phone="0711/0001234", opted="opt_in"):
    customer_id = add_customer(store, "Out", [("phone", phone)], BEFORE)["customer"]["customer_id"].item()
    if opted:
        record_consent(store, "phone", phone, opted, BEFORE, source="contact_centre")
    return customer_id


def a_list(store, *customers, **rules):
    return plan_call_list(store, "list", customers, DAY + "08:00", **rules)["call_list"]["call_list_id"].item()


def ring(store, call_list_id, at, agent, day=DAY):
    """The id of the call that is made, or None."""
    made = next_call(store, call_list_id, day + at, by=agent)["call_attempt"]
    return None if made.empty else made["call_attempt_id"].item()


def members(store):
    return store.sql("SELECT status, suppress_reason FROM call_list_member").fillna("").to_numpy().tolist()


def test_the_list_keeps_those_who_are_not_called_with_the_reason(store):
    first, same = person(store), person(store, "+49 711 0001234", opted=None)
    no, never = person(store, "0711/0002222", "opt_out"), person(store, "0711/0003333", None)
    mute = add_customer(store, "Mute", [("email", "m@example.org")], BEFORE)["customer"]["customer_id"].item()
    far = person(store, "+1 202 0001234")
    a_list(store, same, first, no, never, mute, far, first)
    assert members(store) == [
        ["suppressed", "duplicate_address"], ["open", ""], ["suppressed", "opt_out"], ["suppressed", "no_permission"],
        ["suppressed", "no_address"], ["suppressed", "unknown_zone"],
    ]  # fmt: skip


def test_a_merged_record_stands_for_its_survivor_and_brings_its_opt_out(store):
    winner, loser = person(store), person(store, "0711/0002222", "opt_out")
    merge_customers(store, winner, loser, DAY + "07:00")
    a_list(store, loser, winner)
    assert members(store) == [["suppressed", "opt_out"]]


def test_a_sale_is_an_order_and_a_contact(store, agent):
    call_list = a_list(store, person(store))
    call = ring(store, call_list, "10:00", agent)
    rows = finish_call(store, call, "sold", DAY + "10:04", by=agent, lines=[(1, 2)], wrap_up_seconds=30)
    assert rows["sales_order"]["channel"].item() == "phone"
    assert rows["order_line"]["quantity"].item() == 2
    assert rows["call_attempt"]["order_id"].item() == rows["sales_order"]["order_id"].item()
    contact = rows["interaction"].iloc[0]
    assert (contact["direction"], contact["outcome"], contact["agent_id"]) == ("outbound", "sold", agent)
    assert telesales_report(store, call_list).to_list() == [1, 0, 1, 1, 1, 0]
    assert ring(store, call_list, "15:00", agent) is None


def test_a_sale_that_cannot_be_placed_leaves_nothing(store, agent):
    call = ring(store, a_list(store, person(store)), "10:00", agent)
    with pytest.raises(RefusedOperation, match="in the catalogue"):
        finish_call(store, call, "sold", DAY + "10:04", by=agent, lines=[(999, 1)])
    assert store.sql("SELECT disposition FROM call_attempt")["disposition"].isna().item()
    assert store.sql("SELECT count(*) AS n FROM interaction WHERE arrived_at >= '2026-01-01'")["n"].item() == 0


def test_who_is_not_reached_is_tried_again_after_the_wait_and_not_for_ever(store, agent):
    call_list = a_list(store, person(store), most_tries=2, wait_minutes=60)
    finish_call(store, ring(store, call_list, "10:00", agent), "no_answer", DAY + "10:01", by=agent)
    assert ring(store, call_list, "10:59", agent) is None
    again = ring(store, call_list, "11:00", agent)
    contact = finish_call(store, again, "busy", DAY + "11:01", by=agent)["interaction"].iloc[0]
    assert contact["agent_id"] is None or contact.isna()["agent_id"]
    assert members(store) == [["unreached", ""]]
    assert ring(store, call_list, "11:00", agent, "2026-01-07 ") is None


def test_who_named_a_time_is_called_then(store, agent):
    call_list = a_list(store, person(store), wait_minutes=30)
    call = ring(store, call_list, "10:00", agent)
    finish_call(store, call, "call_again", DAY + "10:01", by=agent, call_again_at=DAY + "16:00")
    assert ring(store, call_list, "15:59", agent) is None
    assert ring(store, call_list, "16:00", agent) is not None


@pytest.mark.parametrize(("disposition", "status"), [("do_not_call", "refused"), ("wrong_number", "unreached")])
def test_do_not_call_holds_for_every_list_and_record(store, agent, disposition, status):
    one = person(store)
    call_list = a_list(store, one)
    said = finish_call(store, ring(store, call_list, "10:00", agent), disposition, DAY + "10:01", by=agent)
    assert said["consent"]["action"].item() == "opt_out"
    assert members(store) == [[status, ""]]
    twin = person(store, "0711 0001234")
    record_consent(store, "phone", "07110001234", "opt_in", DAY + "10:02", source="bought_list")
    rows = plan_call_list(store, "next", [twin], DAY + "11:00")["call_list_member"]
    assert rows["suppress_reason"].item() == "opt_out"


def test_an_opt_out_after_the_list_was_made_is_heeded(store, agent):
    one, two = person(store), person(store, "0711/0002222")
    call_list = a_list(store, one, two)
    record_consent(store, "phone", "0711/0001234", "opt_out", DAY + "09:00", source="contact_centre")
    assert ring(store, call_list, "10:00", agent) is not None
    assert members(store) == [["suppressed", "opt_out"], ["open", ""]]


def test_a_merge_after_the_list_was_made_is_heeded(store, agent):
    one, two = person(store), person(store, "0711/0002222")
    call_list = a_list(store, one, two)
    merge_customers(store, two, one, DAY + "09:00")
    assert ring(store, call_list, "10:00", agent) is not None
    assert members(store) == [["suppressed", "merged"], ["open", ""]]


def test_a_merge_while_they_talk_gives_the_order_to_the_survivor(store, agent):
    one, two = person(store), person(store, "0711/0002222")
    call = ring(store, a_list(store, one), "10:00", agent)
    merge_customers(store, two, one, DAY + "10:01")
    rows = finish_call(store, call, "sold", DAY + "10:04", by=agent, lines=[(1, 1)])
    assert rows["sales_order"]["customer_id"].item() == two


@pytest.mark.parametrize(
    ("phone", "at", "rings"),
    [
        ("+49 711 0001234", "09:00", True),
        ("+49 711 0001234", "08:59", False),
        ("+49 711 0001234", "20:00", False),
        # London is an hour behind, Helsinki an hour ahead.
        ("+44 20 00001234", "09:59", False),
        ("+44 20 00001234", "10:00", True),
        ("+44 20 00001234", "20:59", True),
        ("+358 9 0001234", "08:00", True),
        ("+358 9 0001234", "19:00", False),
        # Luxembourg is +352: of the prefixes that fit the longest counts, not +35.
        ("+352 0001234", "09:00", True),
    ],
)
def test_the_hours_are_those_on_the_clock_of_the_customer(store, agent, phone, at, rings):
    call_list = a_list(store, person(store, phone))
    assert (ring(store, call_list, at, agent) is not None) == rings
    assert members(store) == [["open", ""]]


def test_nobody_is_called_on_sunday_nor_outside_the_hours_he_named(store, agent):
    customer = person(store)
    call_list = a_list(store, customer)
    assert ring(store, call_list, "10:00", agent, "2026-01-11 ") is None
    set_preferences(store, customer, "phone", DAY + "08:00", send_from="18:00", send_until="19:00")
    assert ring(store, call_list, "17:59", agent) is None
    assert ring(store, call_list, "18:00", agent) is not None


def test_one_agent_has_one_call(store, agent):
    call_list = a_list(store, person(store), person(store, "0711/0002222"))
    ring(store, call_list, "10:00", agent)
    with pytest.raises(RefusedOperation, match="agent_id"):
        ring(store, call_list, "10:01", agent)
    assert ring(store, call_list, "10:01", agent + 1) is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, c, a: finish_call(s, c, "bored", DAY + "10:01", by=a), "known disposition"),
        (lambda s, c, a: finish_call(s, c, "sold", DAY + "10:01", by=a), "a sale has lines"),
        (lambda s, c, a: finish_call(s, c, "refused", DAY + "10:01", by=a, lines=[(1, 1)]), "a sale has lines"),
        (lambda s, c, a: finish_call(s, c, "call_again", DAY + "10:01", by=a), "named a time"),
        (lambda s, c, a: finish_call(s, c, "call_again", DAY + "10:01", by=a, call_again_at=BEFORE), "comes later"),
        (lambda s, c, a: finish_call(s, c, "refused", DAY + "10:01", by=a + 1), "who made it"),
        (lambda s, c, a: finish_call(s, c, "refused", DAY + "09:59", by=a), "after its start"),
        (lambda s, c, a: finish_call(s, 999, "refused", DAY + "10:01", by=a), "in the store"),
        (lambda s, c, a: next_call(s, 999, DAY + "10:01", by=a + 1), "in the store"),
        (lambda s, c, a: plan_call_list(s, "none", [], DAY + "10:01"), "has customers"),
        (lambda s, c, a: plan_call_list(s, "list", [1], DAY + "10:01"), "name of its own"),
        (lambda s, c, a: plan_call_list(s, "l2", [10**6], DAY + "10:01"), "in the store"),
        (lambda s, c, a: plan_call_list(s, "l2", [1], DAY + "10:01", call_until="23:00"), "at night"),
        (lambda s, c, a: plan_call_list(s, "l2", [1], DAY + "10:01", call_from="9 o'clock"), "hours of a day"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(store, agent, change, message):
    call = ring(store, a_list(store, person(store)), "10:00", agent)
    before = store.sql("SELECT count(*) AS n FROM operation_log")["n"].item()
    with pytest.raises(RefusedOperation, match=message):
        change(store, call, agent)
    assert store.sql("SELECT count(*) AS n FROM operation_log")["n"].item() == before


def test_a_call_ends_once(store, agent):
    call = ring(store, a_list(store, person(store)), "10:00", agent)
    finish_call(store, call, "refused", DAY + "10:01", by=agent)
    with pytest.raises(RefusedOperation, match="ends once"):
        finish_call(store, call, "refused", DAY + "10:02", by=agent)


def test_a_whole_company_is_called_and_nobody_who_opted_out(store, agent):
    everybody = store.sql("SELECT customer_id FROM customer")["customer_id"]
    call_list = plan_call_list(store, "all", everybody, DAY + "08:00")["call_list"]["call_list_id"].item()
    # Some say no between the making of the list and the call.
    for phone in store.sql("SELECT value FROM contact_point WHERE kind = 'phone' AND contact_point_id % 5 = 0")[
        "value"
    ]:
        record_consent(store, "phone", phone, "opt_out", DAY + "09:00", source="contact_centre")
    calls = 0
    while (call := ring(store, call_list, "10:00", agent)) is not None:
        finish_call(store, call, "refused", DAY + "10:00", by=agent)
        calls += 1
    report = telesales_report(store, call_list)
    permitted = store.sql(
        """SELECT count(DISTINCT address_hash) AS n FROM consent WHERE kind = 'phone' AND purpose = 'marketing'
        AND address_hash NOT IN (SELECT address_hash FROM consent WHERE action = 'opt_out')"""
    )["n"].item()
    assert 0 < calls <= permitted
    assert (report["calls"], report["calls_to_opted_out"]) == (calls, 0)
