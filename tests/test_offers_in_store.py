"""Offers at the cart and after a purchase: who is offered what, what becomes of it, and what the database refuses."""

import sqlite3

import pandas as pd
import pytest
from stores import store_fixture

from crmlab.operational import (
    RefusedOperation,
    find_offers,
    mark_back_in_stock,
    mark_out_of_stock,
    merge_customers,
    offer_report,
    owned_products,
    place_order,
    return_order_line,
    show_offers,
)

AT, LATER = "2026-01-05 10:00", "2026-01-05 10:05"


store = store_fixture()


@pytest.fixture
def ids(store):
    products = store.sql("SELECT sku, product_id FROM product").set_index("sku")["product_id"]
    return {sku: int(product_id) for sku, product_id in products.items()}


@pytest.fixture
def buyer(store):
    """A customer who has bought nothing that lasts."""
    owners = "SELECT customer_id FROM v_order JOIN order_line USING (order_id) JOIN product USING (product_id)"
    query = f"""SELECT min(customer_id) FROM customer WHERE merged_into_id IS NULL AND customer_id NOT IN (
        {owners} WHERE warranty_months > 0 OR category IN ('service_plan', 'bundle'))"""
    return int(store.sql(query).iloc[0, 0])


def offered(store, buyer, cart, **options):
    return set(find_offers(store, buyer, cart, AT, **options)["product_id"])


def test_offers_follow_the_links_with_gap_and_gain_of_the_day(store, buyer, ids):
    offers = find_offers(store, buyer, [ids["M01"]], AT).set_index("product_id")
    assert set(offers.index) == {ids["M03"], ids["P01"], ids["G02"]}
    prices = store.sql("SELECT product_id, list_price_cents FROM v_price WHERE valid_until IS NULL")
    price = prices.set_index("product_id")["list_price_cents"]
    cost = store.sql("SELECT product_id, unit_cost_cents FROM product").set_index("product_id")["unit_cost_cents"]
    up, plan = offers.loc[ids["M03"]], offers.loc[ids["P01"]]
    assert (up["kind"], plan["kind"]) == ("up_sell", "cross_sell")
    gap = price[ids["M03"]] - price[ids["M01"]]
    assert up["price_gap_cents"] == gap
    assert up["margin_gain_cents"] == gap - cost[ids["M03"]] + cost[ids["M01"]]
    assert plan["margin_gain_cents"] == price[ids["P01"]] - cost[ids["P01"]]
    assert "Plus One instead of Essential One" in up["reason"] and "goes well with" in plan["reason"]
    assert offers["expected_margin_cents"].is_monotonic_decreasing


def test_what_lasts_is_not_offered_to_its_owner_and_what_is_used_up_is(store, buyer, ids):
    assert ids["G02"] in offered(store, buyer, [ids["M01"]])
    line = place_order(store, buyer, [(ids["G02"], 1), (ids["A11"], 1)], "web", "2026-01-02")["order_line"]
    assert ids["G02"] not in offered(store, buyer, [ids["M01"]])
    assert ids["A11"] in offered(store, buyer, [ids["B01"]])
    return_order_line(store, line["order_line_id"].iloc[0], 1, "2026-01-03", "changed_mind")
    assert ids["G02"] in offered(store, buyer, [ids["M01"]])


def test_parts_of_a_bundle_are_owned_also_when_an_old_order_names_the_bundle_only(store, ids):
    old = store.sql(
        """SELECT o.customer_id FROM order_line AS l JOIN sales_order AS o USING (order_id)
        JOIN customer AS c USING (customer_id)
        WHERE l.product_id = ? AND c.merged_into_id IS NULL AND l.order_line_id NOT IN
        (SELECT order_line_id FROM order_return)""",
        [ids["U01"]],
    )
    assert len(old)
    assert {ids["M01"], ids["G01"]} <= owned_products(store, int(old["customer_id"].iloc[0]), AT)


def test_all_records_of_a_person_count_for_what_is_owned(store, buyer, ids):
    other = int(store.sql("SELECT max(customer_id) FROM customer WHERE merged_into_id IS NULL").iloc[0, 0])
    place_order(store, other, [(ids["G02"], 1)], "web", "2026-01-02")
    merge_customers(store, winner_id=buyer, loser_id=other, at="2026-01-03", by=10)
    assert ids["G02"] in owned_products(store, buyer, AT)


def test_a_plan_is_offered_while_none_runs(store, buyer, ids):
    assert ids["P01"] in offered(store, buyer, [ids["M01"]])
    place_order(store, buyer, [(ids["P01"], 1)], "web", "2026-01-02")
    assert ids["P01"] not in offered(store, buyer, [ids["M01"]])


def test_a_plan_or_option_needs_its_machine(store, buyer, ids):
    # The next grade of the plan is for machines that are not there.
    assert ids["P02"] not in offered(store, buyer, [ids["P01"]])
    assert ids["P02"] in offered(store, buyer, [ids["P01"], ids["M03"]])


def test_nothing_is_offered_while_it_is_out_of_stock(store, buyer, ids):
    mark_out_of_stock(store, ids["G02"], at="2026-01-04", by=10)
    assert ids["G02"] not in offered(store, buyer, [ids["M01"]])
    with pytest.raises(RefusedOperation, match="runs out of stock once"):
        mark_out_of_stock(store, ids["G02"], at="2026-01-04 12:00", by=10)
    mark_back_in_stock(store, ids["G02"], at="2026-01-05 09:00", by=10)
    assert ids["G02"] in offered(store, buyer, [ids["M01"]])
    with pytest.raises(RefusedOperation, match="only what is out of stock"):
        mark_back_in_stock(store, ids["G02"], at="2026-01-05 09:30", by=10)


def test_rules_of_the_analysts_take_the_place_of_the_links(store, buyer, ids):
    rules = pd.DataFrame(
        {"product_id": [ids["B01"]] * 2, "offer_product_id": [ids["A01"], ids["A12"]], "probability": [0.9, 0.1]}
    )
    offers = find_offers(store, buyer, [ids["B01"]], AT, rules=rules)
    assert set(offers["product_id"]) == {ids["A01"], ids["A12"]}
    assert (offers["expected_margin_cents"] == offers["probability"] * offers["margin_gain_cents"]).all()
    with pytest.raises(RefusedOperation, match="rules say"):
        find_offers(store, buyer, [ids["B01"]], AT, rules=rules.drop(columns="probability"))
    with pytest.raises(RefusedOperation, match="from 0 to 1"):
        find_offers(store, buyer, [ids["B01"]], AT, rules=rules.assign(probability=1.5))


def test_an_empty_cart_and_a_product_without_links_get_no_offer(store, buyer, ids):
    assert find_offers(store, buyer, [], AT).empty
    assert "offer" not in show_offers(store, buyer, [ids["A11"]], AT)


def test_accepted_lines_are_tagged_and_the_rest_is_declined(store, buyer, ids):
    shown = show_offers(store, buyer, [ids["B01"]], AT, k=2)["offer"]
    taken = shown.loc[shown["kind"] == "up_sell", "offer_id"]
    written = place_order(store, buyer, [(ids["B01"], 3)], "web", LATER, accepts=taken)
    line = written["order_line"]
    assert line[["product_id", "quantity", "sold_as"]].to_numpy().tolist() == [[ids["B02"], 3, "up_sell"]]
    assert sorted(written["offer"]["status"]) == ["accepted", "declined"]
    with pytest.raises(RefusedOperation, match="answered once"):
        place_order(store, buyer, [(ids["B01"], 1)], "web", LATER, accepts=taken)


def test_what_an_up_sell_brought_is_the_difference_and_only_of_what_was_kept(store, buyer, ids):
    shown = show_offers(store, buyer, [ids["B01"]], AT, k=1)["offer"].iloc[0]
    order = place_order(store, buyer, [(ids["B01"], 3)], "web", LATER, voucher_percent=10, accepts=[shown["offer_id"]])[
        "order_line"
    ].iloc[0]
    simple = (shown["instead_price_cents"] * 90 + 50) // 100
    gap = order["unit_price_cents"] - simple
    gain = gap - order["unit_cost_cents"] + shown["instead_cost_cents"]
    report = offer_report(store).iloc[0]
    assert (report["revenue_cents"], report["margin_cents"]) == (3 * gap, 3 * gain)
    return_order_line(store, order["order_line_id"], 2, "2026-01-09", "changed_mind")
    report = offer_report(store).iloc[0]
    assert (report["revenue_cents"], report["margin_cents"]) == (gap, gain)


def test_after_a_purchase_only_cross_sells_are_shown_and_taken_alone(store, buyer, ids):
    place_order(store, buyer, [(ids["M01"], 1)], "web", AT)
    shown = show_offers(store, buyer, [ids["M01"]], "2026-01-12", place="after_purchase", k=9)["offer"]
    assert set(shown["kind"]) == {"cross_sell"} and set(shown["product_id"]) == {ids["P01"], ids["G02"]}
    plan = shown.loc[shown["product_id"] == ids["P01"], "offer_id"]
    # An order of something else leaves the letter open.
    place_order(store, buyer, [(ids["B01"], 1)], "web", "2026-01-13")
    written = place_order(store, buyer, [], "web", "2026-01-14", accepts=plan)
    assert written["order_line"]["sold_as"].to_list() == ["cross_sell"] and len(written["service_contract"]) == 1
    report = offer_report(store).iloc[0]
    assert (report["place"], report["shown"], report["accepted"]) == ("after_purchase", 2, 1)


def test_what_is_refused_leaves_nothing_behind(store, buyer, ids):
    shown = show_offers(store, buyer, [ids["B01"]], AT, k=1)["offer"]["offer_id"]
    before = list(store.connection.iterdump())
    other = int(store.sql("SELECT max(customer_id) FROM customer WHERE merged_into_id IS NULL").iloc[0, 0])
    for settings, message in (
        ({"customer_id": other, "lines": [(ids["B01"], 1)]}, "an offer of her own"),
        ({"customer_id": buyer, "lines": [(ids["A11"], 1)]}, "takes the place"),
        ({"customer_id": buyer, "lines": [(ids["B01"], 1)], "at": "2026-01-05 09:00"}, "after it was shown"),
    ):
        with pytest.raises(RefusedOperation, match=message):
            place_order(store, channel="web", accepts=shown, **{"at": LATER, **settings})
    with pytest.raises(RefusedOperation, match="an order has lines"):
        place_order(store, buyer, [], "web", LATER)
    assert list(store.connection.iterdump()) == before


def test_the_database_keeps_the_log_of_offers(store, buyer, ids):
    offer = int(show_offers(store, buyer, [ids["B01"]], AT, k=1)["offer"]["offer_id"].iloc[0])
    line = int(store.sql("SELECT max(order_line_id) FROM order_line").iloc[0, 0])
    for statement, message in (
        (f"UPDATE offer SET reason = 'another' WHERE offer_id = {offer}", "stays as it was shown"),
        (f"DELETE FROM offer WHERE offer_id = {offer}", "never deleted"),
        (
            f"UPDATE offer SET status = 'accepted', answered_at = '2026-01-05T11:00:00', order_line_id = {line} "
            f"WHERE offer_id = {offer}",
            "accepted by a line of its customer",
        ),
        (f"UPDATE offer SET status = 'accepted', answered_at = shown_at WHERE offer_id = {offer}", "names_its_line"),
    ):
        with pytest.raises(sqlite3.IntegrityError, match=message):
            store.connection.execute(statement)
