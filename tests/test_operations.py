"""Operations of the front office: what each writes, and what each refuses."""

import datetime

import numpy as np
import pandas as pd
import pytest
from stores import store_fixture

from crmlab.operational import (
    RefusedOperation,
    add_customer,
    assign_ticket,
    log_interaction,
    merge_customers,
    open_ticket,
    permission,
    place_order,
    record_consent,
    resolve_ticket,
    return_order_line,
    undo_merge,
    update_customer,
)

AT = "2026-01-05 10:00"
LATER = "2026-01-06 10:00"
EMAIL = "anna@example.org"


store = store_fixture()


@pytest.fixture
def order(store):
    return place_order(store, 1, [(1, 3), (21, 1)], "web", at=AT)


def everything(store):
    return list(store.connection.iterdump())


def one(store, query, *parameters):
    return store.sql(query, parameters).iloc[0, 0]


def new_customer(store, at=AT, **values):
    settings = {"last_name": "O'Brien", "contact_points": [("email", EMAIL)]} | values
    return add_customer(store, at=at, **settings)["customer"]["customer_id"].item()


# -- orders --------------------------------------------------------------------------------------------------------


def test_an_order_is_written_with_its_price_its_time_and_its_actor(store):
    price = one(store, "SELECT list_price_cents FROM v_price WHERE product_id = 1 AND valid_until IS NULL")
    written = place_order(store, 1, [(1, 3)], "web", at="2026-01-05 14:30", voucher_percent=15)
    assert set(written) == {"operation_log", "sales_order", "order_line"}
    log, header, line = (written[name].iloc[0] for name in ("operation_log", "sales_order", "order_line"))
    assert (log.operation, log.actor_kind, log.customer_id) == ("place_order", "customer", 1)
    assert pd.isna(log.staff_id)
    assert log["at"] == header.ordered_at == pd.Timestamp("2026-01-05 14:30")
    assert header.promised_date == pd.Timestamp("2026-01-09")
    assert line.unit_price_cents == (price * 85 + 50) // 100
    assert (
        one(store, "SELECT amount_cents FROM v_order WHERE order_id = ?", header.order_id) == 3 * line.unit_price_cents
    )


def test_the_price_is_that_of_the_day(store):
    changed = store.sql("SELECT * FROM v_price WHERE valid_until IS NOT NULL").iloc[0]
    buyer = one(store, "SELECT customer_id FROM customer ORDER BY created_at LIMIT 1")
    day_before = pd.Timestamp(changed.valid_until) - pd.Timedelta(seconds=1)
    paid = []
    for at in (day_before, pd.Timestamp(changed.valid_until)):
        line = place_order(store, buyer, [(changed.product_id, 1)], "web", at=at)["order_line"]
        paid.append(line["unit_price_cents"].item())
    after = "SELECT list_price_cents FROM price WHERE product_id = ? AND valid_from = ?"
    assert paid == [changed.list_price_cents, one(store, after, changed.product_id, changed.valid_until)]


def test_half_a_cent_goes_up(store):
    store.connection.execute("UPDATE price SET list_price_cents = 990 WHERE product_id = 1")
    paid = [
        place_order(store, 1, [(1, 1)], "web", AT, voucher_percent=percent)["order_line"]["unit_price_cents"].item()
        for percent in (0, 5, 15, 33, 100)
    ]
    # 5 percent off leaves 940.5, 15 percent 841.5, 33 percent 663.3.
    assert paid == [990, 941, 842, 663, 0]


def test_who_stands_behind_an_order_of_each_channel(store):
    reseller = one(store, "SELECT account_id FROM account WHERE type = 'reseller' LIMIT 1")
    kinds = [
        place_order(store, 1, [(1, 1)], "web", AT)["operation_log"]["actor_kind"].item(),
        place_order(store, 1, [(1, 1)], "store", AT, by=10)["operation_log"]["actor_kind"].item(),
        place_order(store, 1, [(1, 1)], "phone", AT, by=20)["operation_log"]["actor_kind"].item(),
        place_order(store, 1, [(1, 1)], "reseller", AT, reseller_id=reseller)["operation_log"]["actor_kind"].item(),
    ]
    assert kinds == ["customer", "staff", "staff", "partner"]


def test_a_care_plan_starts_a_contract(store):
    plan = one(store, "SELECT product_id FROM product WHERE category = 'service_plan' LIMIT 1")
    contract = place_order(store, 1, [(plan, 1)], "web", AT)["service_contract"]
    assert contract[["customer_id", "product_id"]].to_numpy().tolist() == [[1, plan]]
    assert contract["start_date"].item() == pd.Timestamp("2026-01-05")


def test_a_subscription_is_delivered_to_its_customer_while_it_runs(store):
    query = "SELECT * FROM subscription WHERE end_date IS NULL LIMIT 1"
    running = store.sql(query).iloc[0]
    line = [(running.product_id, 1)]
    buyer, subscription = running.customer_id, running.subscription_id
    written = place_order(store, buyer, line, "web", AT, subscription_id=subscription)
    assert written["sales_order"]["subscription_id"].item() == subscription
    other = one(store, "SELECT customer_id FROM customer WHERE customer_id <> ? LIMIT 1", buyer)
    for wrong in (
        {"customer_id": other, "lines": line, "subscription_id": subscription},
        {"customer_id": buyer, "lines": line, "subscription_id": 10**6},
        {"customer_id": buyer, "lines": line},
        {"customer_id": buyer, "lines": [(1, 1)], "subscription_id": subscription},
    ):
        with pytest.raises(RefusedOperation, match="subscription"):
            place_order(store, channel="web", at=AT, **wrong)
    ended = store.sql("SELECT * FROM subscription WHERE end_date IS NOT NULL LIMIT 1").iloc[0]
    with pytest.raises(RefusedOperation, match="while it runs"):
        place_order(store, ended.customer_id, [(ended.product_id, 1)], "web", AT, subscription_id=ended.subscription_id)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"customer_id": 10**6}, "the customer is in the store"),
        ({"customer_id": "1"}, "customer_id is a whole number"),
        ({"customer_id": True}, "customer_id is a whole number"),
        ({"lines": []}, "an order has lines"),
        ({"lines": {1: 2}}, "an order has lines"),
        ({"lines": [(1, 2, 3)]}, "an order has lines"),
        ({"lines": [(1, 0)]}, "quantity is a whole number"),
        ({"lines": [(1, -1)]}, "quantity is a whole number"),
        ({"lines": [(1, 1.5)]}, "quantity is a whole number"),
        ({"lines": [(1, 2**70)]}, "quantity is a whole number"),
        ({"lines": [(1, 10_001)]}, "10000 or less"),
        ({"lines": [(1, 1), (999, 1)]}, r"a product is in the catalogue \(found: product_id 999"),
        ({"channel": "Web"}, "a known channel"),
        ({"channel": "store"}, "a store order is taken by staff"),
        ({"channel": "store", "by": 999}, "a member of staff is in the store"),
        ({"by": 20}, "a web order is not taken by staff"),
        ({"channel": "reseller"}, "a reseller stands on reseller orders"),
        ({"reseller_id": 1}, "a reseller stands on reseller orders"),
        ({"channel": "reseller", "reseller_id": 10**6}, "a partner is in the store"),
        ({"voucher_percent": 101}, "a voucher takes off at most the price"),
        ({"voucher_percent": -5}, "voucher_percent is a whole number"),
        ({"at": "2000-01-01"}, "an order comes after its customer was recorded"),
        ({"at": "2023-02-29"}, "a time is a day"),
        ({"at": datetime.time(10)}, "a time is a day"),
    ],
)
def test_orders_that_are_refused_leave_nothing(store, changes, message):
    before = everything(store)
    settings = {"customer_id": 1, "lines": [(1, 1)], "channel": "web", "at": AT} | changes
    with pytest.raises(RefusedOperation, match=message) as refused:
        place_order(store, **settings)
    assert refused.value.rule
    assert refused.value.expected
    assert everything(store) == before


def test_a_reseller_order_names_a_reseller(store):
    office = one(store, "SELECT account_id FROM account WHERE type = 'customer' LIMIT 1")
    with pytest.raises(RefusedOperation, match="type customer"):
        place_order(store, 1, [(1, 1)], "reseller", AT, reseller_id=office)


def test_a_product_is_not_sold_before_its_first_price_nor_without_one(store):
    for product_id in (101, 102):
        copy = """INSERT INTO product SELECT ?, 'X' || ?, name, category, type, grade, size_grams, unit_cost_cents, 0
            FROM product WHERE product_id = 1"""
        store.connection.execute(copy, (product_id, product_id))
    store.connection.execute("INSERT INTO price VALUES (101, '2026-02-01', 500)")
    with pytest.raises(RefusedOperation, match="2026-02-01 or later"):
        place_order(store, 1, [(101, 1)], "web", at="2026-01-31 23:59:59")
    assert place_order(store, 1, [(101, 1)], "web", at="2026-02-01")["order_line"]["unit_price_cents"].item() == 500
    with pytest.raises(RefusedOperation, match="a product with a price"):
        place_order(store, 1, [(102, 1)], "web", at=AT)


def test_an_order_on_29_february(store):
    buyer = one(store, "SELECT customer_id FROM customer ORDER BY created_at LIMIT 1")
    for at in ("2024-02-29", datetime.date(2024, 2, 29), pd.Timestamp("2024-02-29 08:00"), np.str_("2024-02-29")):
        written = place_order(store, buyer, [(1, 1)], "web", at=at)
        assert written["sales_order"]["order_date"].item() == pd.Timestamp("2024-02-29")


# -- returns -------------------------------------------------------------------------------------------------------


def test_partial_returns_add_up_to_what_was_bought(store, order):
    line = order["order_line"].iloc[0]
    first = return_order_line(store, line.order_line_id, 1, LATER, "defective")
    assert first["order_return"]["refund_cents"].item() == line.unit_price_cents
    assert set(first) == {"operation_log", "order_return"}
    with pytest.raises(RefusedOperation, match=r"found: 3; expected: at most 2 \(3 bought, 1 returned before\)"):
        return_order_line(store, line.order_line_id, 3, LATER, "changed_mind")
    return_order_line(store, line.order_line_id, 2, LATER, "changed_mind", by=20)
    with pytest.raises(RefusedOperation, match="at most 0"):
        return_order_line(store, line.order_line_id, 1, LATER, "changed_mind")
    total = one(store, "SELECT sum(refund_cents) FROM v_order_return WHERE order_line_id = ?", line.order_line_id)
    assert total == 3 * line.unit_price_cents
    # The order stays as it was placed.
    amount = one(store, "SELECT amount_cents FROM v_order WHERE order_id = ?", line.order_id)
    assert amount == (order["order_line"]["quantity"] * order["order_line"]["unit_price_cents"]).sum()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_line_id": 10**9}, "what comes back was bought"),
        ({"quantity": 0}, "quantity is a whole number"),
        ({"quantity": 4}, "no more comes back than was bought"),
        ({"at": "2026-01-05 09:59:59"}, "a return comes after its order"),
        ({"reason": "ugly"}, "a return has a known reason"),
        ({"by": 999}, "a member of staff is in the store"),
    ],
)
def test_returns_that_are_refused_leave_nothing(store, order, changes, message):
    before = everything(store)
    line = order["order_line"]["order_line_id"].iloc[0]
    settings = {"order_line_id": line, "quantity": 1, "at": LATER, "reason": "late"} | changes
    with pytest.raises(RefusedOperation, match=message):
        return_order_line(store, **settings)
    assert everything(store) == before


# -- customers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["O'Brien", "Null", "Robert'); DROP TABLE customer;--", "李", "☕ Café", '"quoted"', "None"]
)
def test_any_name_is_a_name(store, name):
    customers = one(store, "SELECT count(*) FROM customer")
    written = add_customer(store, name, [("email", EMAIL)], AT, first_name="Zoë")
    assert written["customer"]["last_name"].item() == name
    assert store.sql("SELECT * FROM customer WHERE last_name = ?", [name])["first_name"].to_list()[-1] == "Zoë"
    assert one(store, "SELECT count(*) FROM customer") == customers + 1
    assert (
        one(store, "SELECT json_extract(payload, '$.last_name') FROM source_record ORDER BY source_record_id DESC")
        == name
    )


def test_a_new_customer_has_addresses_a_source_row_and_a_territory(store):
    points = [("email", "Anna@Example.org"), ("phone", "0711 5550100"), ("email", "second@example.org")]
    source = {"source_system": "store_till", "source_key": "T-7"}
    written = add_customer(store, "Weiß", points, AT, postal_code="01067", by=20, **source)
    assert set(written) == {"operation_log", "customer", "contact_point", "source_record"}
    assert written["contact_point"]["is_primary"].to_list() == [1, 1, 0]
    assert written["contact_point"]["value"].to_list() == [EMAIL, "+497115550100", "second@example.org"]
    territory = one(
        store, "SELECT name FROM territory WHERE territory_id = ?", written["customer"]["territory_id"].item()
    )
    assert territory == "North 0"
    with pytest.raises(RefusedOperation, match="no two rows have the same source_record"):
        add_customer(store, "Weiß", points, AT, **source)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contact_points": [("email", "anna")]}, "has the form of one"),
        ({"contact_points": [("Email", EMAIL)]}, "of a known kind"),
        ({"contact_points": [("email", EMAIL), ("email", "ANNA@example.org")]}, "an address stands once"),
        ({"contact_points": "email"}, "pairs of a kind and an address"),
        ({"last_name": " "}, "last name is not empty"),
        ({"last_name": None}, "last_name is not empty"),
        ({"last_name": ["x"]}, "a value is a text or a number"),
        ({"source_system": "fax"}, r"source system is known .*expected: source_system IN \('web_shop'"),
        ({"acquisition_channel": "luck"}, "acquisition channel is known"),
        ({"acquisition_cost_cents": -1}, "acquisition_cost_cents is a whole number"),
        ({"acquisition_cost_cents": 12.5}, "acquisition_cost_cents is a whole number"),
        ({"birth_date": "2030-01-01"}, "born before recorded"),
        ({"birth_date": "1990-02-30"}, "a time is a day"),
        ({"account_id": 10**6}, "a row names only what exists"),
    ],
)
def test_customers_that_are_refused_leave_nothing(store, changes, message):
    before = everything(store)
    settings = {"last_name": "O'Brien", "contact_points": [("email", EMAIL)], "at": AT} | changes
    with pytest.raises(RefusedOperation, match=message):
        add_customer(store, **settings)
    assert everything(store) == before


def test_a_move_changes_the_territory(store):
    moved = update_customer(store, 1, AT, postal_code="99999", language="en")["customer"]
    assert moved[["postal_code", "language"]].to_numpy().tolist() == [["99999", "en"]]
    assert (
        one(store, "SELECT postal_code_prefix FROM territory WHERE territory_id = ?", moved["territory_id"].item())
        == "9"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"created_at": AT}, "columns that may change"), ({"merged_into_id": 2}, "columns that may change"),
        ({}, "found: none"),
        ({"household_size": -1}, "household_size is a whole number"), ({"last_name": ""}, "last name is not empty"),
    ],
)  # fmt: skip
def test_updates_that_are_refused(store, changes, message):
    with pytest.raises(RefusedOperation, match=message):
        update_customer(store, 1, at=AT, **changes)
    with pytest.raises(RefusedOperation, match="after it was recorded"):
        update_customer(store, 1, at="2000-01-01", language="en")


# -- merging -------------------------------------------------------------------------------------------------------


def touches(store, customer_id):
    return one(store, "SELECT count(*) FROM v_timeline WHERE customer_id = ?", customer_id)


def test_a_merge_keeps_every_touch_and_undo_takes_it_back(store):
    place_order(store, 2, [(1, 1)], "web", at=AT)
    open_ticket(store, 2, "No steam", at=AT)
    before = touches(store, 1), touches(store, 2)
    written = merge_customers(store, winner_id=1, loser_id=2, at=LATER, by=20)
    assert set(written) == {"operation_log", "customer", "customer_merge"}
    assert written["customer"]["merged_into_id"].item() == 1
    assert (touches(store, 1), touches(store, 2)) == (sum(before), 0)
    assert one(store, "SELECT count(*) FROM v_order WHERE surviving_customer_id = 2") == 0
    assert undo_merge(store, 2, at=LATER, by=20)["customer_merge"]["undone_at"].notna().item()
    assert (touches(store, 1), touches(store, 2)) == before
    assert one(store, "SELECT merged_into_id FROM customer WHERE customer_id = 2") is pd.NA
    merge_customers(store, winner_id=2, loser_id=1, at=LATER)
    assert touches(store, 2) == sum(before)


def test_a_consent_of_a_shared_address_is_one_touch_before_and_after_a_merge(store):
    first, second = new_customer(store), new_customer(store, source_system="store_till")
    say(store, "opt_in", LATER)
    consents = "SELECT count(*) FROM v_timeline WHERE source_table = 'consent' AND customer_id IN (?, ?)"
    assert one(store, consents, first, second) == 1
    before = touches(store, first), touches(store, second)
    merge_customers(store, winner_id=second, loser_id=first, at=LATER)
    assert one(store, consents, first, second) == 1
    assert touches(store, second) == sum(before)


def test_the_timeline_holds_every_touch_once(store):
    place_order(store, 1, [(1, 1)], "web", at=AT)
    open_ticket(store, 1, "No steam", at=AT)
    log_interaction(store, "web", "inbound", AT, customer_id=1)
    twice = "SELECT count(*) - count(DISTINCT touch || source_table || source_id) FROM v_timeline"
    assert one(store, twice) == 0
    by_table = store.sql("SELECT source_table, count(*) AS n FROM v_timeline GROUP BY 1").set_index("source_table")["n"]
    for table in ("customer", "sales_order", "order_return", "delivery_rating", "consent", "ticket"):
        assert by_table[table] == one(store, f"SELECT count(*) FROM {table}")
    # A contact with somebody whom nobody knows touches no customer on record.
    assert by_table["interaction"] == one(store, "SELECT count(customer_id) FROM interaction")
    for table in ("subscription", "service_contract"):
        assert by_table[table] == one(store, f"SELECT count(*) + count(end_date) FROM {table}")


def test_a_chain_of_merges_ends_at_one_survivor_and_undo_opens_it_where_it_was(store):
    merge_customers(store, winner_id=2, loser_id=3, at=AT)
    merge_customers(store, winner_id=1, loser_id=2, at=AT)
    survivors = (
        "SELECT customer_id, surviving_customer_id AS s FROM v_customer WHERE customer_id IN (1, 2, 3) ORDER BY 1"
    )
    assert store.sql(survivors)["s"].to_list() == [1, 1, 1]
    assert one(store, "SELECT count(*) - count(DISTINCT customer_id) FROM v_customer") == 0
    undo_merge(store, 2, at=LATER)
    assert store.sql(survivors)["s"].to_list() == [1, 2, 2]


@pytest.mark.parametrize(
    ("winner", "loser", "at", "message"),
    [
        (1, 1, LATER, "into itself"),
        (2, 1, LATER, r"the winner .* expected: such as customer_id 1"),
        (2, 3, LATER, "the winner of a merge"),
        (3, 2, LATER, "the loser of a merge"),
        (10**6, 1, LATER, "the customer is in the store"),
        (1, 10**6, LATER, "the customer is in the store"),
        (1, 3, "2000-01-01", "after both records were made"),
    ],
)
def test_merges_that_are_refused_leave_nothing(store, winner, loser, at, message):
    merge_customers(store, winner_id=1, loser_id=2, at=AT)
    before = everything(store)
    with pytest.raises(RefusedOperation, match=message):
        merge_customers(store, winner_id=winner, loser_id=loser, at=at)
    assert everything(store) == before


def test_undo_needs_a_merge_and_a_later_time(store):
    with pytest.raises(RefusedOperation, match="customer_id 2 is not merged"):
        undo_merge(store, 2, at=AT)
    merge_customers(store, winner_id=1, loser_id=2, at=AT)
    with pytest.raises(RefusedOperation, match="undone after it was made"):
        undo_merge(store, 2, at="2026-01-05 09:00")
    undo_merge(store, 2, at=LATER)
    with pytest.raises(RefusedOperation, match="earlier merges of its records were undone"):
        merge_customers(store, winner_id=2, loser_id=1, at=AT)


def test_a_merged_record_takes_no_new_rows_and_the_error_names_the_survivor(store):
    merge_customers(store, winner_id=1, loser_id=2, at=AT)
    for write in (
        lambda: place_order(store, 2, [(1, 1)], "web", LATER),
        lambda: open_ticket(store, 2, "x", LATER),
        lambda: log_interaction(store, "web", "inbound", LATER, customer_id=2),
        lambda: update_customer(store, 2, LATER, language="en"),
    ):
        with pytest.raises(RefusedOperation, match="its surviving record, customer_id 1"):
            write()


def test_a_line_of_the_loser_can_still_come_back(store):
    line = place_order(store, 2, [(1, 1)], "web", AT)["order_line"]["order_line_id"].item()
    merge_customers(store, winner_id=1, loser_id=2, at=AT)
    return_order_line(store, line, 1, LATER, "late")
    assert one(store, "SELECT count(*) FROM v_timeline WHERE customer_id = 1 AND touch = 'return' AND source_id = "
                      "(SELECT max(return_id) FROM order_return)") == 1  # fmt: skip


# -- consent -------------------------------------------------------------------------------------------------------


def say(store, action, at, source="newsletter_form", address=EMAIL, **more):
    return record_consent(store, "email", address, action, at, source=source, **more)


def test_no_row_means_no_permission(store):
    new_customer(store)
    assert permission(store, "email", EMAIL, at=LATER) is None
    assert store.sql("SELECT * FROM v_contact_permission WHERE value = ?", [EMAIL]).empty


def test_permission_follows_what_was_said_last_and_is_known_for_every_day(store):
    say(store, "opt_in", "2026-01-01")
    say(store, "confirmed_opt_in", "2026-01-02", "confirmation_link")
    say(store, "opt_out", "2026-01-03", "unsubscribe_link")
    days = ["2025-12-31", "2026-01-01", "2026-01-02", "2026-01-03"]
    assert [permission(store, "email", EMAIL, at=day) for day in days] == [None, "opted_in", "confirmed", "opted_out"]
    assert permission(store, "email", EMAIL, at="2026-01-03", purpose="service") is None


@pytest.mark.parametrize("source", ["bought_list", "import", "newsletter_form", "checkout", "contact_centre"])
def test_only_a_confirmed_opt_in_lifts_an_opt_out(store, source):
    new_customer(store)

    def seen():
        view = one(store, "SELECT state FROM v_contact_permission WHERE value = ?", EMAIL)
        assert permission(store, "email", EMAIL, at="2026-01-07") == view
        return view

    say(store, "opt_in", "2026-01-04", source)
    assert seen() == "opted_in"
    say(store, "opt_out", AT, "unsubscribe_link")
    assert set(say(store, "opt_in", LATER, source)) == {"operation_log", "consent"}
    assert seen() == "opted_out"
    with pytest.raises(RefusedOperation, match="only the person confirms"):
        say(store, "confirmed_opt_in", LATER, source)
    say(store, "confirmed_opt_in", LATER, "confirmation_link")
    assert seen() == "confirmed"
    # Of two at the same second the opt-out counts.
    say(store, "opt_out", LATER, "unsubscribe_link")
    assert seen() == "opted_out"


def test_an_opt_out_survives_merges_duplicates_and_other_spellings(store):
    first = new_customer(store)
    say(store, "opt_out", AT, "unsubscribe_link")
    second = new_customer(store, contact_points=[("email", "ANNA@EXAMPLE.ORG")], source_system="store_till")
    state = "SELECT DISTINCT state FROM v_contact_permission WHERE surviving_customer_id IN (?, ?) AND kind = 'email'"
    for merge in (
        lambda: None,
        lambda: merge_customers(store, second, first, LATER),
        lambda: undo_merge(store, first, LATER),
    ):
        merge()
        assert store.sql(state, [first, second])["state"].to_list() == ["opted_out"]
    assert len(store.sql("SELECT * FROM v_suppressed WHERE kind = 'email' AND since = '2026-01-05T10:00:00'")) == 1


def test_the_view_and_the_function_agree_for_every_address(store):
    known = store.sql("SELECT DISTINCT kind, value, state FROM v_contact_permission")
    assert len(known) > 100
    assert set(known["state"]) == {"opted_in", "confirmed", "opted_out"}
    asked = [permission(store, row.kind, row.value, at="2026-01-01") for row in known.itertuples()]
    assert asked == known["state"].to_list()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "Email"}, "of a known kind"), ({"address": "anna"}, "has the form of one"),
        ({"action": "maybe"}, "a known action"), ({"source": "rumour"}, "consent source is known"),
        ({"purpose": "fun"}, r"purpose is known .*expected: purpose IN \('marketing', 'service', 'research'\)"),
        ({"lawful_basis": "none"}, "lawful basis is known"), ({"by": 999}, "a member of staff"),
        ({"action": "confirmed_opt_in", "source": "confirmation_link", "by": 20}, "only the person confirms"),
    ],
)  # fmt: skip
def test_consents_that_are_refused_leave_nothing(store, changes, message):
    before = everything(store)
    settings = {"kind": "email", "address": EMAIL, "action": "opt_in", "source": "checkout", "at": AT} | changes
    with pytest.raises(RefusedOperation, match=message):
        record_consent(store, **settings)
    assert everything(store) == before


# -- service -------------------------------------------------------------------------------------------------------


def test_a_ticket_from_new_to_resolved_and_open_again(store, order):
    line = order["order_line"]["order_line_id"].iloc[0]
    opened = open_ticket(store, 1, "No steam", at="2026-01-05 11:00", type="warranty", order_line_id=line)
    assert set(opened) == {"operation_log", "ticket", "ticket_history"}
    ticket = opened["ticket"]["ticket_id"].item()
    assign_ticket(store, ticket, 20, at="2026-01-05 11:10", by=19)
    resolved = resolve_ticket(store, ticket, at="2026-01-05 13:00", by=20)
    assert resolved["ticket_history"][["from_status", "to_status"]].to_numpy().tolist() == [["Assigned", "Resolved"]]
    assign_ticket(store, ticket, 21, at="2026-01-06 09:00", by=20)
    seen = store.sql("SELECT * FROM v_ticket WHERE ticket_id = ?", [ticket]).iloc[0]
    assert (seen.status, seen.owner_id, seen.reopened_count) == ("Assigned", 21, 1)
    assert seen.first_assigned_at == pd.Timestamp("2026-01-05 11:10")
    assert len(store.sql("SELECT * FROM ticket_history WHERE ticket_id = ?", [ticket])) == 4


def test_tickets_that_are_refused_leave_nothing(store, order):
    ticket = open_ticket(store, 1, "No steam", at=AT)["ticket"]["ticket_id"].item()
    line = order["order_line"]["order_line_id"].iloc[0]
    before = everything(store)
    for refused, message in [
        (lambda: open_ticket(store, 10**6, "x", AT), "the customer is in the store"),
        (lambda: open_ticket(store, 2, "x", AT, order_line_id=line), "what its customer bought"),
        (lambda: open_ticket(store, 1, "x", AT, order_line_id=10**9), "what its customer bought"),
        (lambda: open_ticket(store, 1, "", AT), "subject is not empty"),
        (lambda: open_ticket(store, 1, "x", AT, type="rant"), "ticket type is known"),
        (lambda: open_ticket(store, 1, "x", AT, priority="urgent"), "priority is known"),
        (lambda: open_ticket(store, 1, "x", "2000-01-01"), "after its customer was recorded"),
        (lambda: resolve_ticket(store, ticket, LATER, by=20), "from New to Resolved"),
        (lambda: resolve_ticket(store, 999, LATER, by=20), "a ticket is in the store"),
        (lambda: assign_ticket(store, ticket, 999, LATER, by=20), "a row names only what exists"),
        (lambda: assign_ticket(store, ticket, 20, LATER, by=999), "a member of staff is in the store"),
        (lambda: assign_ticket(store, ticket, 20, "2026-01-05 09:59:59", by=20), "after its last change"),
    ]:
        with pytest.raises(RefusedOperation, match=message):
            refused()
        assert everything(store) == before


def test_a_ticket_about_what_a_merged_record_bought(store):
    line = place_order(store, 2, [(1, 1)], "web", AT)["order_line"]["order_line_id"].item()
    merge_customers(store, winner_id=1, loser_id=2, at=AT)
    assert open_ticket(store, 1, "No steam", LATER, order_line_id=line)["ticket"]["order_line_id"].item() == line


def test_waiting_handling_and_finishing_alone(store):
    call = {"channel": "call", "direction": "inbound", "at": "2026-01-05 09:00:00"}
    log_interaction(store, **call, answered_at="2026-01-05 09:00:40", ended_at="2026-01-05 09:04:40",
                    wrap_up_seconds=30, customer_id=1, by=20)  # fmt: skip
    log_interaction(store, **call, is_abandoned=True, ended_at="2026-01-05 09:02:00")
    log_interaction(store, "web", "inbound", "2026-01-05 09:00", ended_at="2026-01-05 09:03", customer_id=1)
    seen = store.sql(
        "SELECT wait_seconds, handle_seconds, is_finished_alone FROM v_interaction WHERE arrived_at >= '2026-01-05' "
        "ORDER BY interaction_id"
    )
    assert seen["wait_seconds"].to_list() == [40, 120, pd.NA]
    assert seen["handle_seconds"].to_list() == [270, pd.NA, pd.NA]
    assert seen["is_finished_alone"].to_list() == [0, 0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channel": "fax"}, "interaction channel is known"), ({"direction": "in"}, "direction is known"),
        ({"answered_at": LATER}, "an answer has an agent"), ({"by": 20}, "an answer has an agent"),
        ({"answered_at": "2026-01-05 09:00", "by": 20}, "answered after arrival"),
        ({"ended_at": "2026-01-05 09:00"}, "ended last"), ({"is_abandoned": True}, "abandoned at a time"),
        ({"is_abandoned": True, "ended_at": LATER, "answered_at": LATER, "by": 20}, "contact was not answered"),
        ({"wrap_up_seconds": -1}, "wrap_up_seconds is a whole number"),
        ({"wrap_up_seconds": 5}, "only an agent wraps up"),
        ({"customer_id": 10**6}, "the customer is in the store"), ({"ticket_id": 999}, "a row names only what exists"),
    ],
)  # fmt: skip
def test_contacts_that_are_refused_leave_nothing(store, changes, message):
    before = everything(store)
    with pytest.raises(RefusedOperation, match=message):
        log_interaction(store, **({"channel": "call", "direction": "inbound", "at": AT} | changes))
    assert everything(store) == before


def test_every_operation_leaves_a_row_with_time_and_actor(store):
    place_order(store, 1, [(1, 1)], "web", AT)
    customer = new_customer(store, by=20)
    merge_customers(store, 1, customer, LATER, by=20)
    log = store.sql("SELECT operation, at, actor_kind, staff_id FROM operation_log WHERE operation_id > 1")
    assert log["operation"].to_list() == ["place_order", "add_customer", "merge_customers"]
    assert log["at"].notna().all()
    assert log["staff_id"].to_list() == [pd.NA, 20, 20]
