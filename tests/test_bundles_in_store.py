"""Bundles in the store: the money stands on the parts, adds up to the cent, and comes back part by part."""

import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores import store_fixture

from crmlab.operational import RefusedOperation, place_order, return_order_line

AT = "2026-01-05 10:00"
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


store = store_fixture(scope="module")


@pytest.fixture(scope="module")
def ids(store):
    products = store.sql("SELECT sku, product_id FROM product").set_index("sku")["product_id"]
    return {sku: int(product_id) for sku, product_id in products.items()}


def list_price(store, product_id):
    query = "SELECT list_price_cents FROM v_price WHERE product_id = ? AND valid_until IS NULL"
    return int(store.sql(query, [product_id]).iloc[0, 0])


def sold(store, bundle, quantity=1, voucher=0):
    lines = place_order(store, 1, [(bundle, quantity)], "web", AT, voucher_percent=voucher)["order_line"]
    return lines[lines["parent_line_id"].isna()].iloc[0], lines[lines["parent_line_id"].notna()]


@FEW
@given(sku=st.sampled_from(["U01", "U02", "U03"]), quantity=st.integers(1, 7), voucher=st.integers(0, 100))
def test_price_and_cost_of_the_parts_add_up_to_the_bundle(store, ids, sku, quantity, voucher):
    parent, parts = sold(store, ids[sku], quantity, voucher)
    assert (parent["unit_price_cents"], parent["unit_cost_cents"], parent["quantity"]) == (0, 0, quantity)
    price = (list_price(store, ids[sku]) * (100 - voucher) + 50) // 100
    cost = store.sql("SELECT unit_cost_cents FROM product WHERE product_id = ?", [ids[sku]]).iloc[0, 0]
    assert (parts["unit_price_cents"] * parts["quantity"]).sum() == price * quantity
    assert (parts["unit_cost_cents"] * parts["quantity"]).sum() == cost * quantity
    pieces = store.sql(
        "SELECT to_product_id, quantity FROM product_link WHERE from_product_id = ? AND kind = 'bundle_item'",
        [ids[sku]],
    ).set_index("to_product_id")["quantity"]
    assert parts.groupby("product_id")["quantity"].sum().to_dict() == (pieces * quantity).to_dict()


@FEW
@given(data=st.data(), sku=st.sampled_from(["U01", "U02", "U03"]), quantity=st.integers(1, 3))
def test_refunds_are_never_negative_and_all_parts_give_the_price_back(store, ids, data, sku, quantity):
    _, parts = sold(store, ids[sku], quantity, data.draw(st.integers(0, 50)))
    paid = (parts["unit_price_cents"] * parts["quantity"]).sum()
    pieces = [line for line, count in zip(parts["order_line_id"], parts["quantity"], strict=True) for _ in range(count)]
    refunds = [
        return_order_line(store, line, 1, "2026-01-08", "changed_mind")["order_return"]["refund_cents"].item()
        for line in data.draw(st.permutations(pieces))
    ]
    assert min(refunds) >= 0
    assert sum(refunds) == paid


def test_one_part_is_refunded_below_its_list_price_and_its_share(store, ids):
    _, parts = sold(store, ids["U02"])
    by_product = parts.set_index("product_id")
    line = by_product.loc[ids["G03"]]
    refund = return_order_line(store, line["order_line_id"], 1, "2026-01-08", "changed_mind")["order_return"]
    kept = sum(list_price(store, product) for product in by_product.index if product != ids["G03"])
    assert refund["refund_cents"].item() == list_price(store, ids["U02"]) - kept
    assert refund["refund_cents"].item() < line["unit_price_cents"] < list_price(store, ids["G03"])


def test_one_whole_bundle_of_two_gives_half_of_the_price_back(store, ids):
    _, parts = sold(store, ids["U01"], 2)
    refunds = [
        return_order_line(store, line, 1, "2026-01-08", "defective")["order_return"]["refund_cents"].item()
        for line in parts["order_line_id"]
    ]
    assert sum(refunds) == list_price(store, ids["U01"])


def test_a_bundle_with_a_care_plan_begins_a_contract(store, ids):
    written = place_order(store, 1, [(ids["U03"], 1)], "web", AT)
    plan = written["order_line"].set_index("product_id").loc[ids["P03"]]
    assert written["service_contract"]["order_line_id"].item() == plan["order_line_id"]


def test_the_bundle_itself_does_not_come_back_and_the_database_holds_the_sum(store, ids):
    parent, parts = sold(store, ids["U01"])
    with pytest.raises(RefusedOperation, match="by its parts"):
        return_order_line(store, parent["order_line_id"], 1, "2026-01-08", "changed_mind")
    for line, refund, message in (
        (parent["order_line_id"], 0, "by its parts"),
        (parts["order_line_id"].iloc[0], list_price(store, ids["U01"]) + 1, "no more is refunded"),
    ):
        with pytest.raises(sqlite3.IntegrityError, match=message):
            store.connection.execute(
                "INSERT INTO order_return (order_line_id, returned_at, quantity, refund_cents, reason, operation_id) "
                f"VALUES ({line}, '2026-01-08T00:00:00', 1, {refund}, 'defective', 1)"
            )
    with pytest.raises(sqlite3.IntegrityError, match="a part belongs to a bundle"):
        store.connection.execute(
            "INSERT INTO order_line "
            "(order_id, product_id, quantity, unit_price_cents, unit_cost_cents, parent_line_id) "
            f"VALUES ({parent['order_id']}, 1, 1, 5, 1, {parts['order_line_id'].iloc[0]})"
        )
    with pytest.raises(RefusedOperation, match="quantity that can be sent"):
        place_order(store, 1, [(ids["U03"], 9_000)], "web", AT)
