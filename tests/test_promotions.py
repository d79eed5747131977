"""Coded promotions: who may redeem what, when and how often, and every way round it."""

import sqlite3

import pytest
from campaign_steps import AT, campaign, confirm, person
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import company_fixture, store_fixture

from crmlab.operational import (
    RefusedOperation,
    build_list,
    create_promotion,
    issue_codes,
    merge_customers,
    place_order,
    promotion_report,
    return_order_line,
    save_target_list,
    send_due,
)
from crmlab.operational.marketing.promotion_codes import Promotion, reduced_prices
from crmlab.operational.sales.prices import PricedProduct

company = company_fixture()


store = store_fixture()


def promotion(store, name="Spring", code="SPRING10", **more):
    gives = {"percent_off": 10} if "amount_off_cents" not in more else {}
    made = create_promotion(
        store, name, code=code, valid_from="2026-03-01", valid_until="2026-03-31", at=AT, **gives, **more
    )
    return made["promotion"]["promotion_id"].item()


def order(store, customer_id, code, at="2026-03-05 10:00", lines=((1, 2), (21, 1))):
    return place_order(store, customer_id, list(lines), channel="web", at=at, promotion_code=code)


def refused(store, words, *args, **more):
    before = store.sql("SELECT count(*) AS n FROM sales_order")["n"].item()
    with pytest.raises(RefusedOperation, match=words):
        order(store, *args, **more)
    assert store.sql("SELECT count(*) AS n FROM sales_order")["n"].item() == before


def test_a_code_takes_off_what_it_says_and_leaves_a_row(store):
    buyer = person(store)
    promotion(store)
    plain = place_order(store, person(store, "two@example.org"), [(1, 2), (21, 1)], "web", "2026-03-05")["order_line"]
    made = order(store, buyer, "SPRING10")
    lines, use = made["order_line"], made["promotion_redemption"].iloc[0]
    assert lines["unit_price_cents"].to_list() == [(price * 90 + 50) // 100 for price in plain["unit_price_cents"]]
    total = (plain["quantity"] * plain["unit_price_cents"]).sum()
    assert use["discount_cents"] == total - (lines["quantity"] * lines["unit_price_cents"]).sum()
    assert made["sales_order"]["voucher_percent"].item() == 10


@pytest.mark.parametrize("typed", [" spring10 ", "Spring 10", "SPRING-10", "ｓｐｒｉｎｇ１０"])  # noqa: RUF001
def test_case_spaces_and_hyphens_are_forgiven(store, typed):
    promotion(store)
    assert len(order(store, person(store), typed)["promotion_redemption"]) == 1


def test_refusals_name_the_reason(store):
    buyer = person(store)
    promotion(store)
    refused(store, "given out", buyer, "SPRING11")
    refused(store, "given out", buyer, "' OR 1=1 --")
    refused(store, "before its first day", buyer, "SPRING10", at="2026-02-28 23:59")
    refused(store, "after its last day", buyer, "SPRING10", at="2026-04-01 00:00")
    order(store, buyer, "SPRING10", at="2026-03-31 23:59:59")
    with pytest.raises(RefusedOperation, match="one reduction"):
        place_order(store, buyer, [(1, 1)], "web", "2026-03-05", voucher_percent=5, promotion_code="SPRING10")
    with pytest.raises(RefusedOperation, match="a code is a text"):
        order(store, buyer, 10)


def test_a_second_use_is_refused_for_every_record_of_the_person(store):
    buyer, twin = person(store), person(store, name="Twin")
    merged = person(store, "other@example.org", "Merged")
    promotion(store)
    order(store, buyer, "SPRING10")
    refused(store, "no more often by one person", buyer, "spring 10")
    refused(store, "no more often by one person", twin, "SPRING10")
    order(store, person(store, "third@example.org", "Third"), "SPRING10")
    merge_customers(store, buyer, merged, at="2026-03-06")
    refused(store, "no more often by one person", buyer, "SPRING10", at="2026-03-07")


def test_the_database_refuses_what_a_program_would_write_past_the_operation(store):
    buyer, other = person(store), person(store, "two@example.org")
    promotion(store)
    used = order(store, buyer, "SPRING10")
    code = used["promotion_redemption"]["promotion_code_id"].item()
    second = place_order(store, buyer, [(1, 1)], "web", "2026-03-06 10:00")["sales_order"]["order_id"].item()
    late = place_order(store, other, [(1, 1)], "web", "2026-04-06 10:00")["sales_order"]["order_id"].item()
    insert = ("INSERT INTO promotion_redemption (promotion_code_id, order_id, customer_id, redeemed_at, "
              "discount_cents, operation_id) VALUES (?, ?, ?, ?, 0, 1)")  # fmt: skip
    for words, values in [
        ("no more often by one person", (code, second, buyer, "2026-03-06T10:00:00")),
        ("same customer and moment", (code, second, other, "2026-03-06T10:00:00")),
        ("same customer and moment", (code, second, buyer, "2026-03-05T10:00:00")),
        ("within its days", (code, late, other, "2026-04-06T10:00:00")),
        ("never replaced", (code, used["sales_order"]["order_id"].item(), buyer, "2026-03-05T10:00:00")),
    ]:
        for verb in ("INSERT", "INSERT OR REPLACE"):
            with pytest.raises(sqlite3.IntegrityError, match=words):
                store.connection.execute(insert.replace("INSERT", verb, 1), values)
    for statement, words in [
        ("UPDATE promotion_redemption SET discount_cents = 0", "never changed"),
        ("DELETE FROM promotion_redemption", "never deleted"),
        ("UPDATE promotion SET valid_until = '2030-01-01'", "stays as it was made"),
        ("DELETE FROM promotion", "stays as it was made"),
        ("UPDATE promotion_code SET customer_id = 1", "as it was given out"),
        ("DELETE FROM promotion_code", "as it was given out"),
        ("INSERT OR REPLACE INTO promotion_code VALUES (1, 1, 'SPRING10', NULL, 1)", "given out once"),
        ("INSERT OR REPLACE INTO promotion SELECT * FROM promotion", "made once"),
    ]:
        with pytest.raises(sqlite3.IntegrityError, match=words):
            store.connection.execute(statement)


def test_a_personal_code_is_its_customers_alone(store):
    buyer, thief = person(store), person(store, "thief@example.org")
    number = promotion(store, code=None)
    codes = issue_codes(store, number, [buyer, buyer, thief], AT, seed=4)["promotion_code"].set_index("customer_id")[
        "code"
    ]
    assert codes.is_unique and len(codes) == 2
    assert issue_codes(store, number, [buyer], AT, seed=9)["promotion_code"].empty
    refused(store, "its own customer", thief, codes[buyer])
    order(store, buyer, codes[buyer].lower())
    report = promotion_report(store, number)
    assert (report.issued_count, report.used_count, report.redemption_rate) == (2, 1, 0.5)


def test_the_use_comes_back_with_the_whole_order_only(store):
    buyer = person(store)
    number = promotion(store)
    lines = order(store, buyer, "SPRING10")["order_line"]
    first, second = lines["order_line_id"]
    paid = return_order_line(store, first, 1, "2026-03-08", "changed_mind")["order_return"]["refund_cents"].item()
    assert paid == lines["unit_price_cents"].iloc[0]
    refused(store, "no more often by one person", buyer, "SPRING10", at="2026-03-09")
    return_order_line(store, first, 1, "2026-03-10", "changed_mind")
    return_order_line(store, second, 1, "2026-03-10", "changed_mind")
    refused(store, "no more often by one person", buyer, "SPRING10", at="2026-03-09 12:00")
    order(store, buyer, "SPRING10", at="2026-03-11")
    report = promotion_report(store, number)
    assert (report.used_count, report.given_back_count) == (1, 1)


def test_limits_products_lists_and_least_orders(store):
    one, two = person(store), person(store, "two@example.org")
    promotion(store, "First come", "FIRST", most_uses=1)
    order(store, one, "FIRST")
    refused(store, "than its limit", two, "FIRST")
    promotion(store, "Beans only", "BEANS", category="beans")
    refused(store, "what its promotion is for", two, "BEANS", lines=[(21, 1)])
    mixed = order(store, two, "BEANS")
    full = store.sql("SELECT list_price_cents FROM price WHERE product_id = 21 ORDER BY valid_from DESC LIMIT 1")
    assert mixed["order_line"]["unit_price_cents"].iloc[1] == full.iat[0, 0]
    assert mixed["sales_order"]["voucher_percent"].item() == 0
    promotion(store, "Large", "LARGE", least_order_cents=10_000_000)
    refused(store, "least order", two, "LARGE")
    confirm(store, "two@example.org")
    saved = save_target_list(store, "Two", [("customer_id", "=", two)], AT)["target_list"]["target_list_id"].item()
    build_list(store, saved, AT)
    promotion(store, "Members", "MEMBERS", target_list_id=saved)
    refused(store, "those on it", one, "MEMBERS")
    order(store, two, "MEMBERS", at="2026-03-06")


def test_what_a_promotion_must_be(store):
    for more in ({"percent_off": 10, "amount_off_cents": 100}, {}, {"percent_off": 0}, {"percent_off": 101},
                 {"percent_off": 10, "product_id": 1, "category": "beans"}, {"percent_off": 10, "category": "tea"},
                 {"percent_off": 10, "product_id": 10**6}, {"percent_off": 10, "code": "a'b"},
                 {"percent_off": 10, "code": "abc"}, {"percent_off": 10, "uses_per_customer": 0}):  # fmt: skip
        with pytest.raises(RefusedOperation):
            create_promotion(store, "x", valid_from="2026-03-01", valid_until="2026-03-31", at=AT, **more)
    with pytest.raises(RefusedOperation, match="ends after"):
        create_promotion(store, "x", percent_off=5, valid_from="2026-03-02", valid_until="2026-03-01", at=AT)


def test_the_rate_of_a_code_for_everybody_is_over_the_messages_of_its_campaign(store):
    reader = person(store)
    confirm(store, "out@example.org")
    number = campaign(store, "c", [reader])
    send_due(store, number, "2026-01-12 10:00")
    made = create_promotion(
        store, "All", code="ALLOFYOU", percent_off=5, campaign_id=number, at=AT, valid_from="2026-01-12",
        valid_until="2026-01-31",
    )["promotion"]["promotion_id"].item()  # fmt: skip
    order(store, reader, "ALLOFYOU", at="2026-01-13")
    assert promotion_report(store, made).redemption_rate == 1.0


@settings(max_examples=200, deadline=None)
@given(
    amount=st.integers(1, 30_000),
    lines=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(0, 9_000)), min_size=1, max_size=6),
)
def test_an_amount_is_spread_to_the_cent(amount, lines):
    given_lines = [
        (PricedProduct(product, price, 0, "beans", "item", "x"), quantity) for product, quantity, price in lines
    ]
    promotion = Promotion(1, 1, "CODE", None, None, amount, None, None, 0, "2026-01-01", "2026-12-31")
    reduced, discount = reduced_prices(promotion, given_lines)
    total = sum(quantity * price for _, quantity, price in lines)
    assert discount == min(amount, total)
    assert [sum(quantity for quantity, _ in each) for each in reduced] == [quantity for _, quantity, _ in lines]
    assert all(price >= 0 and quantity > 0 for each in reduced for quantity, price in each)


def test_a_code_takes_nothing_off_a_bundle(store):
    buyer = person(store)
    promotion(store)
    bundle_id, bundle_cents = store.connection.execute(
        "SELECT product_id, list_price_cents FROM product JOIN price USING (product_id) WHERE type = 'bundle' "
        "ORDER BY valid_from DESC LIMIT 1"
    ).fetchone()
    with pytest.raises(RefusedOperation, match="what is no bundle"):
        place_order(store, buyer, [(bundle_id, 1)], "web", "2026-03-05 10:00", promotion_code="SPRING10")
    written = place_order(store, buyer, [(bundle_id, 1), (1, 2)], "web", "2026-03-05 10:00", promotion_code="SPRING10")
    lines = written["order_line"]
    beans = store.sql("SELECT list_price_cents FROM price WHERE product_id = 1 ORDER BY valid_from DESC LIMIT 1")
    beans = beans["list_price_cents"].item()
    paid = (lines["quantity"] * lines["unit_price_cents"]).sum()
    off = written["promotion_redemption"]["discount_cents"].item()
    assert paid + off == bundle_cents + 2 * beans
    assert off == 2 * (beans - (beans * 90 + 50) // 100)
    assert written["sales_order"]["voucher_percent"].item() == 0


def test_the_use_of_a_code_comes_back_with_the_parts_of_a_bundle_and_the_rest(store):
    buyer = person(store)
    promotion(store)
    bundle_id = store.sql("SELECT product_id FROM product WHERE type = 'bundle' LIMIT 1")["product_id"].item()
    lines = place_order(store, buyer, [(bundle_id, 1), (1, 2)], "web", "2026-03-05 10:00", promotion_code="SPRING10")[
        "order_line"
    ]
    bundle_line = lines["parent_line_id"].dropna().iloc[0]
    for line_id, quantity in lines.set_index("order_line_id")["quantity"].drop(bundle_line).items():
        assert store.sql("SELECT given_back_at FROM v_promotion_redemption")["given_back_at"].isna().all()
        return_order_line(store, line_id, quantity, "2026-03-08", "changed_mind")
    given_back_at = store.sql("SELECT given_back_at FROM v_promotion_redemption")["given_back_at"].item()
    assert str(given_back_at)[:10] == "2026-03-08"
    order(store, buyer, "SPRING10", at="2026-03-10 10:00")


def test_the_database_itself_takes_no_code_for_a_bundle(store):
    buyer = person(store)
    number = promotion(store)
    code = store.sql("SELECT promotion_code_id FROM promotion_code WHERE promotion_id = ?", [number]).iloc[0, 0]
    bundle_id = store.sql("SELECT product_id FROM product WHERE type = 'bundle' LIMIT 1")["product_id"].item()
    placed = place_order(store, buyer, [(bundle_id, 1)], "web", "2026-03-05 10:00")["sales_order"]
    with pytest.raises(sqlite3.IntegrityError, match="a code is used for what its promotion is for"):
        store.connection.execute(
            "INSERT INTO promotion_redemption (promotion_code_id, order_id, customer_id, redeemed_at, "
            "discount_cents, operation_id) VALUES (?, ?, ?, ?, 0, 1)",
            (int(code), int(placed["order_id"].item()), buyer, "2026-03-05T10:00:00"),
        )
