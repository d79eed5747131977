"""The contact centre at work: callers, scripts, the queue, chats, call-backs, the voice computer and the desk."""

import heapq

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import own_copy, small_company, store_fixture

from crmlab.contact_queue import always_there, run_queue
from crmlab.operational import (
    RefusedOperation,
    abandon_contact,
    add_customer,
    answer_script,
    check_dialogue,
    contact_queue,
    containment,
    end_contact,
    finish_wrap_up,
    hand_over_contact,
    hang_up,
    identify_caller,
    leave_message,
    link_caller,
    merge_customers,
    next_step,
    open_desk,
    present_step,
    press_key,
    promise_kept_rate,
    receive_contact,
    request_call_back,
    save_dialogue,
    send_chat_message,
    set_agent_status,
    sign_on,
    start_chat,
    start_script,
    start_voice_call,
    transcript,
)
from crmlab.operational.service.desk_widget import DeskWidget

DAY = "2026-01-06 "
SCRIPT = [
    {"step": "topic", "kind": "choice", "prompt": "What is it about?", "branches": {"parcel": "order", "other": "how"}},
    {"step": "order", "kind": "order", "prompt": "Which order?", "branches": {"*": "ticket"}},
    {"step": "how", "kind": "email", "prompt": "Where may I write to?", "branches": {"*": "bye"}},
    {"step": "ticket", "kind": "end", "prompt": "We look for it.", "outcome": "ticket"},
    {"step": "bye", "kind": "end", "prompt": "Thank you.", "outcome": "answered"},
]
MENU = [
    {"step": "main", "kind": "choice", "prompt": "1 hours, 2 my order", "branches": {"1": "hours", "2": "number"}},
    {"step": "hours", "kind": "end", "prompt": "From eight to eight.", "outcome": "contained"},
    {"step": "number", "kind": "order", "prompt": "The number of the order?", "branches": {"*": "status"}},
    {"step": "status", "kind": "end", "prompt": "It is on its way.", "outcome": "contained"},
]  # fmt: skip


store = store_fixture()


def agents(store, count=1):
    return store.sql("SELECT staff_id FROM staff WHERE role = 'agent' ORDER BY staff_id LIMIT ?", [count])[
        "staff_id"
    ].to_list()


def new_customer(store, phone="0711/0001234", name="Roth", **more):
    added = add_customer(store, name, [("phone", phone)], DAY + "07:00", **more)
    return added["customer"]["customer_id"].item()


def call(store, at, channel="call", **more):
    return receive_contact(store, channel, "service", DAY + at, **more)["interaction"]["interaction_id"].item()


def status(store, interaction_id):
    return store.sql("SELECT status FROM queued_contact WHERE interaction_id = ?", [interaction_id])["status"].item()


def agent_of(store, interaction_id):
    found = store.sql("SELECT agent_id FROM interaction WHERE interaction_id = ?", [interaction_id])["agent_id"].item()
    return None if pd.isna(found) else found


def close(store, interaction_id, at, agent):
    end_contact(store, interaction_id, DAY + at, by=agent, outcome="answered")
    finish_wrap_up(store, interaction_id, DAY + at, by=agent)


# -- who is calling --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", ["+49 711 0001234", "0711/0001234", "0049-711-0001234", "(0711) 000.1234"])
def test_a_caller_is_found_however_the_number_is_written(store, shown):
    customer_id = new_customer(store)
    found = identify_caller(store, shown, DAY + "09:00")
    assert found["customer_id"].to_list() == [customer_id]


@pytest.mark.parametrize("shown", [None, "anonymous", "117", "", "0711/9999999"])
def test_an_unknown_or_withheld_number_is_nobodys(store, shown):
    new_customer(store)
    found = identify_caller(store, shown, DAY + "09:00")
    assert found.empty
    assert {"customer_id", "last_order_at", "open_ticket_count"} <= set(found)


def test_a_kind_of_address_that_is_none_is_refused(store):
    with pytest.raises(RefusedOperation, match="known kind"):
        identify_caller(store, "x", DAY + "09:00", kind="fax")


def test_a_number_of_two_records_shows_both_until_they_are_merged(store):
    one, two = new_customer(store), new_customer(store, name="Roth-Ley")
    assert set(identify_caller(store, "07110001234", DAY + "09:00")["customer_id"]) == {one, two}
    merge_customers(store, one, two, DAY + "09:00")
    found = identify_caller(store, "07110001234", DAY + "09:00")
    assert found[["customer_id", "records"]].to_numpy().tolist() == [[one, 2]]


def test_a_number_that_only_the_merged_record_had_leads_to_the_survivor(store):
    one, two = new_customer(store), new_customer(store, phone="0711/0009999")
    merge_customers(store, one, two, DAY + "09:00")
    assert identify_caller(store, "07110009999", DAY + "09:00")["customer_id"].to_list() == [one]


def test_a_customer_is_not_known_before_the_record_was_made(store):
    new_customer(store)
    assert identify_caller(store, "07110001234", DAY + "06:59").empty


def test_a_contact_is_linked_once(store):
    (agent,) = agents(store)
    one, two = new_customer(store), new_customer(store, phone="0711/0009999")
    contact = call(store, "09:00")
    link_caller(store, contact, one, DAY + "09:01", by=agent)
    with pytest.raises(RefusedOperation, match="linked to a customer once"):
        link_caller(store, contact, two, DAY + "09:02", by=agent)
    found = store.sql("SELECT customer_id FROM interaction WHERE interaction_id = ?", [contact])
    assert found["customer_id"].item() == one


# -- one queue -------------------------------------------------------------------------------------------------------


def test_the_oldest_goes_first_within_its_priority(store):
    (agent,) = agents(store)
    late = call(store, "09:03", priority="High")
    first, second = call(store, "09:00"), call(store, "09:01")
    assert contact_queue(store, DAY + "09:05")["interaction_id"].to_list() == [late, first, second]
    sign_on(store, agent, ["service"], DAY + "09:05")
    order = []
    for minute in (6, 7, 8):
        (at_hand,) = open_desk(store, agent, DAY + f"09:0{minute}").contacts["interaction_id"]
        order.append(at_hand)
        close(store, at_hand, f"09:0{minute}", agent)
    assert order == [late, first, second]


def test_an_agent_is_free_only_after_the_wrap_up(store):
    (agent,) = agents(store)
    sign_on(store, agent, ["service"], DAY + "08:00")
    first, second = call(store, "09:00"), call(store, "09:01")
    end_contact(store, first, DAY + "09:05", by=agent, outcome="answered")
    assert status(store, second) == "waiting"
    finish_wrap_up(store, first, DAY + "09:07", by=agent)
    assert status(store, second) == "active"
    row = store.sql("SELECT wait_seconds, wrap_up_seconds FROM v_interaction ORDER BY interaction_id DESC LIMIT 2")
    assert row.to_numpy().tolist() == [[360, 0], [0, 120]]


def test_three_chats_share_an_agent_and_the_fourth_gets_the_next_one(store):
    one, two = agents(store, 2)
    for agent in (one, two):
        sign_on(store, agent, ["service"], DAY + "08:00", capacity=3)
    set_agent_status(store, two, "away", DAY + "08:30")
    chats = [_chat(store, f"09:0{i}") for i in range(3)]
    assert [agent_of(store, each) for each in chats] == [one] * 3
    set_agent_status(store, two, "available", DAY + "09:04")
    fourth = _chat(store, "09:05")
    assert agent_of(store, fourth) == two


def _chat(store, at, customer_id=None):
    return start_chat(store, "Hello", "service", DAY + at, customer_id=customer_id)["interaction"][
        "interaction_id"
    ].item()


def test_a_queued_chat_goes_to_the_agent_who_frees_up(store):
    one, two = agents(store, 2)
    for agent in (one, two):
        sign_on(store, agent, ["service"], DAY + "08:00", capacity=1)
    first, second, third = (_chat(store, f"09:0{i}") for i in range(3))
    assert status(store, third) == "waiting"
    close(store, second, "09:10", agent_of(store, second))
    assert agent_of(store, third) == agent_of(store, second) != agent_of(store, first)


def test_a_call_that_waits_is_not_overtaken_by_chats(store):
    (agent,) = agents(store)
    sign_on(store, agent, ["service"], DAY + "08:00", capacity=3)
    chat = _chat(store, "09:00")
    waiting = call(store, "09:01")
    later = _chat(store, "09:02")
    assert (status(store, waiting), status(store, later)) == ("waiting", "waiting")
    close(store, chat, "09:03", agent)
    assert (status(store, waiting), status(store, later)) == ("active", "waiting")
    close(store, waiting, "09:04", agent)
    assert status(store, later) == "active"


def test_who_gives_up_makes_room_for_those_behind(store):
    (agent,) = agents(store)
    sign_on(store, agent, ["service"], DAY + "08:00", capacity=3)
    _chat(store, "09:00")
    waiting, later = call(store, "09:01"), _chat(store, "09:02")
    abandon_contact(store, waiting, DAY + "09:03")
    assert (status(store, waiting), status(store, later)) == ("abandoned", "active")
    with pytest.raises(RefusedOperation, match="waiting"):
        abandon_contact(store, later, DAY + "09:04")


def test_an_agent_serves_only_the_queues_learnt(store):
    one, two = agents(store, 2)
    sign_on(store, one, ["orders"], DAY + "08:00")
    waiting = call(store, "09:00")
    assert status(store, waiting) == "waiting"
    sign_on(store, two, ["orders", "service"], DAY + "09:01")
    assert agent_of(store, waiting) == two


def test_who_is_away_takes_nothing_and_finishes_what_is_open(store):
    (agent,) = agents(store)
    sign_on(store, agent, ["service"], DAY + "08:00", capacity=3)
    chat = _chat(store, "09:00")
    set_agent_status(store, agent, "away", DAY + "09:01")
    waiting = call(store, "09:02")
    send_chat_message(store, chat, "Here you are", DAY + "09:02", by=agent)
    close(store, chat, "09:03", agent)
    assert status(store, waiting) == "waiting"
    set_agent_status(store, agent, "available", DAY + "09:04")
    assert status(store, waiting) == "active"


def test_an_agent_who_must_go_hands_the_chat_to_somebody_with_room(store):
    one, two, three = agents(store, 3)
    sign_on(store, one, ["service"], DAY + "08:00", capacity=2)
    first, second = _chat(store, "09:00"), _chat(store, "09:01")
    for agent, queues in ((two, ["service"]), (three, ["orders"])):
        sign_on(store, agent, queues, DAY + "09:02", capacity=1)
    for nobody in (one, three):
        with pytest.raises(RefusedOperation, match="handed over"):
            hand_over_contact(store, first, nobody, DAY + "09:03", by=one)
    set_agent_status(store, two, "away", DAY + "09:03")
    with pytest.raises(RefusedOperation, match="available"):
        hand_over_contact(store, first, two, DAY + "09:03", by=one)
    set_agent_status(store, two, "available", DAY + "09:04")
    hand_over_contact(store, first, two, DAY + "09:05", by=one)
    send_chat_message(store, first, "I go on", DAY + "09:06", by=two)
    with pytest.raises(RefusedOperation, match="room"):
        hand_over_contact(store, second, two, DAY + "09:07", by=one)
    third = _chat(store, "09:08")
    assert [agent_of(store, each) for each in (first, second, third)] == [two, one, one]
    with pytest.raises(RefusedOperation, match="belongs to the agent"):
        end_contact(store, first, DAY + "09:09", by=one)
    close(store, first, "09:09", two)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, a, c: receive_contact(s, "chat", "service", DAY + "09:00"), "channel of the queue"),
        (lambda s, a, c: receive_contact(s, "call", "x", DAY + "09:00", priority="Top"), "names only what exists"),
        (lambda s, a, c: sign_on(s, a, [], DAY + "09:00"), "serves queues"),
        (lambda s, a, c: sign_on(s, a, "service", DAY + "09:00"), "serves queues"),
        (lambda s, a, c: sign_on(s, a, ["service"], DAY + "07:00"), "after its last change"),
        (lambda s, a, c: sign_on(s, 10**6, ["service"], DAY + "09:00"), "member of staff"),
        (lambda s, a, c: set_agent_status(s, a, "asleep", DAY + "09:00"), "desk status is known"),
        (lambda s, a, c: set_agent_status(s, a + 1, "away", DAY + "09:00"), "signs on first"),
        (lambda s, a, c: end_contact(s, c, DAY + "09:09", by=a + 1), "belongs to the agent"),
        (lambda s, a, c: end_contact(s, c, DAY + "08:00", by=a), "after its last change"),
        (lambda s, a, c: end_contact(s, 10**6, DAY + "09:09", by=a), "is in the queue"),
        (lambda s, a, c: finish_wrap_up(s, c, DAY + "09:09", by=a), "contact that is wrap_up"),
        (lambda s, a, c: next_step(s, 10**6), "is in the queue"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(store, change, message):
    (agent,) = agents(store)
    sign_on(store, agent, ["service"], DAY + "08:00")
    contact = call(store, "08:30")
    before = store.sql("SELECT count(*) AS n FROM operation_log")["n"].item()
    with pytest.raises(RefusedOperation, match=message):
        change(store, agent, contact)
    assert store.sql("SELECT count(*) AS n FROM operation_log")["n"].item() == before


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=25))
def test_capacity_holds_and_nobody_waits_beside_a_free_agent(events):
    """Whatever arrives and ends, in whatever order."""
    with own_copy(small_company()) as store:
        at = pd.Timestamp(DAY + "09:00")
        for agent in agents(store, 2):
            sign_on(store, agent, ["service"], DAY + "08:00", capacity=2)
        for kind, which in events:
            at += pd.Timedelta(seconds=30)
            busy = store.sql("SELECT interaction_id, agent_id FROM v_contact WHERE status = 'active'")
            if kind <= 1:
                receive_contact(store, "call", "service", at, priority=["Urgent", "High", "Normal", "Low"][which])
            elif kind <= 3:
                start_chat(store, "Hello", "service", at)
            elif len(busy):
                contact, agent = busy.iloc[which % len(busy)].to_list()
                end_contact(store, contact, at, by=agent, outcome="answered")
                finish_wrap_up(store, contact, at, by=agent)
            open_now = store.sql(
                """SELECT d.agent_id, count(c.interaction_id) AS n, ifnull(sum(NOT c.is_shared), 0) AS whole
                FROM agent_desk AS d LEFT JOIN v_contact AS c ON c.agent_id = d.agent_id AND c.status = 'active'
                GROUP BY d.agent_id"""
            )
            assert (open_now["n"] <= 2).all()
            assert ((open_now["whole"] == 0) | (open_now["n"] == 1)).all()
            assert not (len(contact_queue(store, at)) and (open_now["n"] == 0).any())


@pytest.mark.parametrize("seed", range(3))
def test_the_store_serves_in_the_order_of_the_queue_that_runs(store, seed):
    """Operated call by call, the store gives each caller the wait that the simulation of the same day gives."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp(DAY + "09:00")
    arrived = np.sort(rng.choice(np.arange(0, 2400, 2), 30, replace=False))
    # Odd durations: at no second does a call arrive while another ends.
    handle, priority = 2 * rng.integers(20, 150, 30) + 1, rng.integers(1, 5, 30)
    simulated = run_queue(arrived, handle, always_there(2), priority=priority)
    for agent in agents(store, 2):
        sign_on(store, agent, ["service"], start)
    names = [None, "Urgent", "High", "Normal", "Low"]
    events = [(int(second), "arrives", call) for call, second in enumerate(arrived)]
    heapq.heapify(events)
    contacts, ending = {}, set()
    while events:
        second, event, call = heapq.heappop(events)
        at = start + pd.Timedelta(seconds=second)
        if event == "arrives":
            rows = receive_contact(store, "call", "service", at, priority=names[priority[call]])
            contacts[rows["interaction"]["interaction_id"].iloc[-1].item()] = call
        else:
            contact = next(each for each, number in contacts.items() if number == call)
            agent = agent_of(store, contact)
            end_contact(store, contact, at, by=agent, outcome="answered")
            finish_wrap_up(store, contact, at, by=agent)
        active = store.sql("SELECT interaction_id FROM v_contact WHERE status = 'active'")["interaction_id"]
        for contact in set(active) - ending:
            ending.add(contact)
            heapq.heappush(events, (second + int(handle[contacts[contact]]), "ends", contacts[contact]))
    waits = store.sql(
        "SELECT interaction_id, wait_seconds FROM v_interaction JOIN queued_contact USING (interaction_id)"
    ).set_index("interaction_id")
    found = waits["wait_seconds"].rename(contacts).sort_index()
    assert found.to_list() == simulated.wait_seconds.astype(int).tolist()


# -- scripts ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def inquiry(store):
    """A caller who is on the line, known, and asked the first question."""
    (agent,) = agents(store)
    sign_on(store, agent, ["service"], DAY + "08:00")
    save_dialogue(store, "inquiry", SCRIPT, DAY + "08:00")
    order = store.sql(
        """SELECT order_id, surviving_customer_id AS customer_id FROM sales_order JOIN v_customer USING (customer_id)
        LIMIT 1"""
    ).iloc[0]
    contact = call(store, "09:00", customer_id=order["customer_id"], topic="parcel")
    run = start_script(store, contact, "inquiry", DAY + "09:01", by=agent)["dialogue_run"]["dialogue_run_id"].item()
    return agent, contact, run, order["order_id"]


def test_a_script_that_ends_in_a_ticket(store, inquiry):
    agent, _, run, order_id = inquiry
    answer_script(store, run, "parcel", DAY + "09:02", by=agent)
    rows = answer_script(store, run, str(order_id), DAY + "09:03", by=agent, type="complaint")
    ticket = rows["ticket"].iloc[0]
    assert (ticket["subject"], ticket["type"], ticket["channel"]) == ("parcel", "complaint", "call")
    assert ticket["description"] == f"topic: parcel\norder: {order_id}"
    assert rows["interaction"]["ticket_id"].item() == ticket["ticket_id"]
    assert rows["dialogue_run"]["outcome"].item() == "ticket"


def test_what_is_no_answer_is_kept_and_the_script_stays(store, inquiry):
    agent, _, run, _ = inquiry
    for wrong in ("parcels", "", "*"):
        assert "dialogue_run" not in answer_script(store, run, wrong, DAY + "09:02", by=agent)
    assert present_step(store, run)["step"].item() == "topic"
    answer_script(store, run, " parcel ", DAY + "09:03", by=agent)
    other = store.sql("SELECT max(order_id) AS n FROM sales_order")["n"].item()
    for wrong in ("abc", "99999999", str(other)):
        answer_script(store, run, wrong, DAY + "09:04", by=agent)
    assert present_step(store, run)["step"].item() == "order"
    kept = store.sql("SELECT is_valid FROM dialogue_answer ORDER BY dialogue_answer_id")["is_valid"].to_list()
    assert kept == [0, 0, 0, 1, 0, 0, 0]


def test_an_invalid_e_mail_stays_on_its_step(store, inquiry):
    agent, contact, run, _ = inquiry
    answer_script(store, run, "other", DAY + "09:02", by=agent)
    answer_script(store, run, "anna(at)example.org", DAY + "09:02", by=agent)
    assert present_step(store, run)["step"].item() == "how"
    answer_script(store, run, "Anna@Example.org", DAY + "09:03", by=agent)
    assert next_step(store, contact) == "end"
    with pytest.raises(RefusedOperation, match="ended takes no answer"):
        answer_script(store, run, "parcel", DAY + "09:04", by=agent)


def test_nobody_gets_a_ticket_before_he_is_identified(store):
    (agent,) = agents(store)
    sign_on(store, agent, ["service"], DAY + "08:00")
    steps = [
        {"step": "ask", "kind": "text", "prompt": "What is it?", "branches": {"*": "ticket"}},
        {"step": "ticket", "kind": "end", "prompt": "Noted.", "outcome": "ticket"},
    ]
    save_dialogue(store, "note", steps, DAY + "08:00")
    contact = call(store, "09:00")
    run = start_script(store, contact, "note", DAY + "09:01", by=agent)["dialogue_run"]["dialogue_run_id"].item()
    with pytest.raises(RefusedOperation, match="customer who is known"):
        answer_script(store, run, "It leaks", DAY + "09:02", by=agent)
    assert store.sql("SELECT count(*) AS n FROM dialogue_answer")["n"].item() == 0
    link_caller(store, contact, new_customer(store), DAY + "09:03", by=agent)
    assert len(answer_script(store, run, "It leaks", DAY + "09:04", by=agent)["ticket"]) == 1


def test_a_new_version_changes_no_talk_that_goes_on(store, inquiry):
    agent, _, run, _ = inquiry
    short = [
        {"step": "topic", "kind": "choice", "prompt": "New?", "branches": {"yes": "bye"}},
        {"step": "bye", "kind": "end", "prompt": "Bye.", "outcome": "answered"},
    ]
    assert save_dialogue(store, "inquiry", short, DAY + "09:01")["dialogue"]["version"].item() == 2
    answer_script(store, run, "yes", DAY + "09:02", by=agent)
    assert present_step(store, run)["answers"].item() == "other / parcel"


def test_a_customer_who_hangs_up_stops_the_script(store, inquiry):
    agent, contact, _, _ = inquiry
    rows = end_contact(store, contact, DAY + "09:05", by=agent)
    assert rows["dialogue_run"]["outcome"].item() == "stopped"
    with pytest.raises(RefusedOperation, match="closed with its outcome"):
        finish_wrap_up(store, contact, DAY + "09:06", by=agent)
    finish_wrap_up(store, contact, DAY + "09:06", by=agent, outcome="hung_up")
    assert status(store, contact) == "closed"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "has steps"),
        ([SCRIPT[4], SCRIPT[4]], "a name of its own"),
        ([{**SCRIPT[1], "branches": {"*": "nowhere"}}], "leads to a step"),
        ([{**SCRIPT[1], "kind": "fax"}], "known kind"),
        ([{**SCRIPT[1], "branches": {}}], "leads nowhere"),
        ([{**SCRIPT[4], "branches": {"*": "bye"}}], "leads nowhere"),
        ([{**SCRIPT[4], "outcome": "contained"}], "has an outcome"),
        ([{"step": "x"}], "is a mapping"),
    ],
)
def test_dialogues_that_are_refused(store, steps, message):
    with pytest.raises(RefusedOperation, match=message):
        save_dialogue(store, "faulty", steps, DAY + "08:00")
    assert store.sql("SELECT count(*) AS n FROM dialogue")["n"].item() == 0


# -- the voice computer ----------------------------------------------------------------------------------------------


def ring(store, at, menu="menu", phone=None):
    return start_voice_call(store, menu, DAY + at, phone=phone)["dialogue_run"]["dialogue_run_id"].item()


def test_contained_transferred_and_hung_up_are_three_things(store):
    save_dialogue(store, "menu", MENU, DAY + "08:00", spoken_by="computer", zero_out_queue="service")
    press_key(store, ring(store, "09:00"), "1", DAY + "09:01")
    moved = press_key(store, ring(store, "09:00"), "0", DAY + "09:01")
    hang_up(store, ring(store, "09:00"), DAY + "09:01")
    ring(store, "09:00")
    assert containment(store).to_list() == [3, 1, 1, 1, pytest.approx(1 / 3)]
    assert moved["interaction"]["channel"].to_list() == ["ivr", "call"]
    assert contact_queue(store, DAY + "09:01")["waiting_seconds"].to_list() == [0]


def test_without_a_call_there_is_no_containment_rate(store):
    assert pd.isna(containment(store)["containment_rate"])


def test_who_cannot_be_understood_gets_an_agent(store):
    save_dialogue(store, "menu", MENU, DAY + "08:00", spoken_by="computer", zero_out_queue="service", most_tries=2)
    run = ring(store, "09:00")
    press_key(store, run, "9", DAY + "09:01")
    press_key(store, run, "2", DAY + "09:02")
    assert "queued_contact" not in press_key(store, run, "12345678", DAY + "09:03")
    assert len(press_key(store, run, "12345679", DAY + "09:04")["queued_contact"]) == 1


def test_zero_is_no_way_out_where_the_menu_has_none(store):
    save_dialogue(store, "menu", MENU, DAY + "08:00", spoken_by="computer")
    run = ring(store, "09:00")
    for _ in range(5):
        press_key(store, run, "0", DAY + "09:01")
    assert present_step(store, run)["step"].item() == "main"


def test_the_number_tells_who_calls_and_the_customer_goes_along(store):
    customer_id = new_customer(store)
    save_dialogue(store, "menu", MENU, DAY + "08:00", spoken_by="computer", zero_out_queue="service")
    moved = press_key(store, ring(store, "09:00", phone="07110001234"), "0", DAY + "09:01")
    assert moved["interaction"]["customer_id"].to_list() == [customer_id] * 2


def test_dead_ends_and_lost_steps_are_found(store):
    steps = [
        {"step": "main", "kind": "choice", "prompt": "1 hours, 2 more", "branches": {"1": "hours", "2": "more"}},
        {"step": "hours", "kind": "end", "prompt": "Eight to eight.", "outcome": "contained"},
        {"step": "more", "kind": "choice", "prompt": "1 back to this menu", "branches": {"1": "again"}},
        {"step": "again", "kind": "choice", "prompt": "1 back to that menu", "branches": {"1": "more"}},
        {"step": "attic", "kind": "choice", "prompt": "1 hours", "branches": {"1": "hours"}},
    ]

    def faults(**more):
        saved = save_dialogue(store, "menu", steps, DAY + "08:00", spoken_by="computer", **more)
        return saved["dialogue"]["dialogue_id"].item()

    bare = check_dialogue(store, faults())
    assert bare.to_numpy().tolist() == [["again", "dead_end"], ["attic", "unreachable"], ["more", "dead_end"]]
    with_zero = faults(zero_out_queue="service")
    assert check_dialogue(store, with_zero).to_numpy().tolist() == [["attic", "unreachable"]]
    pd.testing.assert_frame_equal(check_dialogue(store, with_zero, with_zero_out=False), bare)
    good = save_dialogue(store, "inquiry", SCRIPT, DAY + "08:00")["dialogue"]["dialogue_id"].item()
    assert check_dialogue(store, good).empty


# -- chats -----------------------------------------------------------------------------------------------------------


def test_who_comes_back_within_a_week_gets_the_same_agent(store):
    one, two = agents(store, 2)
    customer_id = new_customer(store)
    sign_on(store, two, ["service"], DAY + "08:00")
    first = _chat(store, "09:00", customer_id)
    close(store, first, "09:10", two)
    sign_on(store, one, ["service"], DAY + "08:30")
    at = pd.Timestamp(DAY + "09:10") + pd.Timedelta(days=7)
    again = start_chat(store, "Me again", "service", at, customer_id=customer_id)
    contact = again["interaction"]["interaction_id"].item()
    assert agent_of(store, contact) == two
    end_contact(store, contact, at, by=two, outcome="answered")
    finish_wrap_up(store, contact, at, by=two)
    late = start_chat(store, "Long ago", "service", at + pd.Timedelta(days=7, seconds=1), customer_id=customer_id)
    assert late["queued_contact"]["wanted_agent_id"].isna().item()
    assert agent_of(store, late["interaction"]["interaction_id"].item()) == one


def test_the_agent_of_last_time_who_is_full_or_gone_is_not_waited_for(store):
    one, two = agents(store, 2)
    customer_id = new_customer(store)
    sign_on(store, two, ["service"], DAY + "08:00", capacity=1)
    close(store, _chat(store, "09:00", customer_id), "09:10", two)
    sign_on(store, one, ["service"], DAY + "09:11", capacity=1)
    set_agent_status(store, two, "away", DAY + "09:12")
    assert agent_of(store, _chat(store, "09:20", customer_id)) == one


def test_when_nobody_is_there_a_message_becomes_a_ticket(store):
    with pytest.raises(RefusedOperation, match="agent who is there"):
        _chat(store, "09:00")
    rows = leave_message(store, "Please call me", "Visitor@Example.org", DAY + "22:00", last_name="Vogt")
    assert rows["customer"]["source_system"].item() == "contact_centre"
    assert rows["ticket"]["description"].item() == "Please call me"
    again = leave_message(store, "And again", "visitor@example.org", DAY + "23:00", last_name="Vogt")
    assert "customer" not in again
    assert again["ticket"]["customer_id"].item() == rows["ticket"]["customer_id"].item()
    with pytest.raises(RefusedOperation, match="form of one"):
        leave_message(store, "Hello", "no address", DAY + "23:00", last_name="Vogt")


def test_the_transcript_is_kept(store):
    one, two = agents(store, 2)
    sign_on(store, one, ["service"], DAY + "08:00")
    chat = _chat(store, "09:00")
    send_chat_message(store, chat, "Good morning", DAY + "09:01", by=one)
    send_chat_message(store, chat, "Which filter?", DAY + "09:02")
    with pytest.raises(RefusedOperation, match="who took a chat"):
        send_chat_message(store, chat, "Hi", DAY + "09:03", by=two)
    assert transcript(store, chat)["sender"].to_list() == ["visitor", "agent", "visitor"]


# -- call-backs ------------------------------------------------------------------------------------------------------


def click(store, at, phone="0711/0001234", **more):
    rows = request_call_back(store, phone, "/machines", "service", DAY + at, **more)
    return rows["call_back"]["interaction_id"].item()


def test_promises_are_kept_broken_or_open(store):
    (agent,) = agents(store)
    customer_id = new_customer(store)
    sign_on(store, agent, ["service"], DAY + "08:00")
    kept = click(store, "09:00")
    assert store.sql("SELECT customer_id FROM v_call_back")["customer_id"].item() == customer_id
    late = click(store, "09:01", "0711/0005555")
    click(store, "09:02", "0711/0006666")
    assert promise_kept_rate(store, DAY + "09:02").to_list()[:4] == [3, 1, 0, 2]
    close(store, kept, "09:20", agent)
    assert agent_of(store, late) == agent
    report = promise_kept_rate(store, DAY + "09:20")
    assert report.to_list() == [3, 1, 2, 0, pytest.approx(1 / 3)]
    # Told as it was known then.
    assert promise_kept_rate(store, DAY + "09:12").to_list()[:4] == [3, 1, 1, 1]
    assert pd.isna(promise_kept_rate(store, DAY + "08:00")["promise_kept_rate"])


def test_an_answer_at_the_very_end_keeps_the_promise(store):
    (agent,) = agents(store)
    click(store, "09:00")
    sign_on(store, agent, ["service"], DAY + "09:10")
    assert promise_kept_rate(store, DAY + "09:10")["kept"] == 1


def test_who_clicks_twice_is_called_once(store):
    click(store, "09:00")
    with pytest.raises(RefusedOperation, match="called back once"):
        click(store, "09:01", "+49 711 0001234")


def test_a_click_at_night_is_promised_for_the_morning(store):
    click(store, "22:00", promised_minutes=15)
    assert store.sql("SELECT promised_at FROM call_back")["promised_at"].item() == pd.Timestamp("2026-01-07 08:15")


def test_who_gives_up_in_time_breaks_no_promise(store):
    contact = click(store, "09:00")
    abandon_contact(store, contact, DAY + "09:05")
    assert promise_kept_rate(store, DAY + "10:00")["promised"] == 0


# -- the desk --------------------------------------------------------------------------------------------------------


def test_the_steps_that_close_an_inquiry_come_in_order(store):
    (agent,) = agents(store)
    customer_id = new_customer(store)
    save_dialogue(store, "inquiry", SCRIPT, DAY + "08:00")
    contact = call(store, "09:00")
    steps = [next_step(store, contact)]
    sign_on(store, agent, ["service"], DAY + "09:01")
    steps.append(next_step(store, contact))
    link_caller(store, contact, customer_id, DAY + "09:02", by=agent)
    steps.append(next_step(store, contact))
    run = start_script(store, contact, "inquiry", DAY + "09:02", by=agent)["dialogue_run"]["dialogue_run_id"].item()
    answer_script(store, run, "other", DAY + "09:03", by=agent)
    answer_script(store, run, "a@example.org", DAY + "09:03", by=agent)
    steps.append(next_step(store, contact))
    end_contact(store, contact, DAY + "09:04", by=agent)
    steps.append(next_step(store, contact))
    finish_wrap_up(store, contact, DAY + "09:05", by=agent)
    assert [*steps, next_step(store, contact)] == ["take", "identify", "script", "end", "wrap_up", None]
    assert open_desk(store, agent, DAY + "09:06").next_step is None


def test_the_widget_does_what_the_operations_do(store):
    (agent,) = agents(store)
    customer_id = new_customer(store)
    save_dialogue(store, "inquiry", SCRIPT, DAY + "08:00")
    sign_on(store, agent, ["service"], DAY + "08:00")
    contact = call(store, "09:00")
    desk = DeskWidget(store, agent, DAY + "09:00", "inquiry")
    desk.press("answer", "other")
    assert "a script is open" in desk._message.value
    desk.press("identify", "0711 0009999")
    assert "nobody" in desk._message.value
    desk.press("identify", "07110001234")
    desk.press("start script")
    assert str(contact) in desk._panes["at hand"].value
    for answer, is_valid in (("other", True), ("<b>@example.org", False), ("a@example.org", True)):
        desk.press("answer", answer)
        assert ("no valid answer" in desk._message.value) != is_valid
        assert "<b>@" not in desk._message.value
    desk.press("end")
    desk.press("wrap up")
    found = store.sql("SELECT status, customer_id, outcome FROM v_contact WHERE interaction_id = ?", [contact]).iloc[0]
    assert found.to_list() == ["closed", customer_id, "answered"]
    assert "nothing: wait" in desk._message.value
    desk.press("end")
    assert "the desk has a contact" in desk._message.value
