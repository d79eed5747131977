"""The store: filled whole from the company, a copy for everybody, and rules that the database itself keeps."""

import os
import re
import sqlite3
import threading

import campaign_rules
import contact_centre_rules
import offer_rules
import pandas as pd
import promotion_rules
import pytest
from stores import small_company

from crmlab.company import generate, open_company
from crmlab.operational import RefusedOperation, open_store, place_order
from crmlab.operational.addresses import hash_address, normalise_address
from crmlab.operational.fill import fill_store
from crmlab.operational.frames import to_frame
from crmlab.operational.moments import moment
from crmlab.operational.schema import schema_sql


@pytest.fixture(scope="module")
def company_folder():
    return small_company()


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("CRMLAB_CACHE", str(folder))
        yield folder


@pytest.fixture
def store(company_folder):
    with open_store(company=company_folder) as store:
        yield store


# -- filled from the company ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "of_company"),
    [
        ("territory", "territories"), ("staff", "staff"), ("account", "accounts"), ("customer", "customers"),
        ("contact_point", "contact_points"), ("consent", "consents"), ("product", "products"),
        ("product_link", "product_links"), ("subscription", "subscriptions"), ("sales_order", "orders"),
        ("order_line", "order_lines"), ("order_return", "returns"), ("service_contract", "service_contracts"),
        ("delivery_rating", "delivery_ratings"), ("source_record", "customers"), ("campaign", "campaigns"),
        ("campaign_member", "campaign_contacts"), ("campaign_response", "campaign_responses"),
    ],
)  # fmt: skip
def test_every_row_of_the_company_is_in_the_store(store, company_folder, table, of_company):
    expected = len(getattr(open_company(company_folder), of_company))
    # An opt-out that answered a campaign is a consent in the store, and none in the company's own table of them.
    of_campaigns = "WHERE ifnull(reason, '') NOT LIKE 'campaign %'" if table == "consent" else ""
    assert store.sql(f"SELECT count(*) AS n FROM {table} {of_campaigns}")["n"].item() == expected > 0


def test_columns_of_the_company_arrive_unchanged(store, company_folder):
    company = open_company(company_folder)
    orders = store.sql("SELECT * FROM v_order ORDER BY order_id")[list(company.orders)]
    pd.testing.assert_frame_equal(orders, company.orders, check_dtype=False)
    customers = store.sql("SELECT * FROM customer ORDER BY customer_id")
    expected = company.customers
    same = [name for name in expected if name != "created_date"]
    pd.testing.assert_frame_equal(customers[same], expected[same], check_dtype=False)
    assert (customers["created_at"] == expected["created_date"]).all()
    returns = store.sql("SELECT * FROM v_order_return ORDER BY return_id")[list(company.returns)]
    pd.testing.assert_frame_equal(returns, company.returns, check_dtype=False)


def test_price_list_gives_the_price_that_was_paid(store):
    wrong = store.sql(
        """SELECT count(*) AS n FROM order_line JOIN sales_order USING (order_id) JOIN v_price AS p USING (product_id)
        WHERE order_date >= p.valid_from AND (p.valid_until IS NULL OR order_date < p.valid_until)
        AND unit_price_cents <> (list_price_cents * (100 - voucher_percent) + 50) / 100"""
    )
    assert wrong["n"].item() == 0


def test_no_foreign_key_points_nowhere_and_no_order_is_without_lines(store):
    assert store.connection.execute("PRAGMA foreign_key_check").fetchall() == []
    orphans = "SELECT count(*) AS n FROM sales_order WHERE order_id NOT IN (SELECT order_id FROM order_line)"
    assert store.sql(orphans)["n"].item() == 0


def test_the_same_address_has_one_hash_however_it_is_written(store, company_folder):
    points = open_company(company_folder).contact_points
    shouted = points[(points["kind"] == "email") & (points["value"] != points["value"].str.lower())]
    assert len(shouted) > 0
    kept = store.sql("SELECT * FROM contact_point WHERE contact_point_id = ?", [shouted["contact_point_id"].iloc[0]])
    assert kept["value"].item() == shouted["value"].iloc[0].lower()
    assert kept["value_as_recorded"].item() == shouted["value"].iloc[0]
    assert kept["address_hash"].item() == hash_address("email", kept["value"].item(), store.address_salt)


def test_no_address_stands_in_the_consents(store):
    assert not store.sql("SELECT * FROM consent").astype(str).apply(lambda c: c.str.contains("@")).any().any()


def test_a_company_whose_rows_point_nowhere_is_refused(company_folder, tmp_path):
    company = open_company(company_folder)
    lines = company.order_lines
    lines.loc[0, "product_id"] = 999
    company._frames["order_lines"] = lines
    with pytest.raises(ValueError, match="name what is not there"):
        fill_store(company, tmp_path / "broken.sqlite", "key")


def test_a_company_with_a_wrong_total_is_refused(company_folder, tmp_path):
    company = open_company(company_folder)
    company._frames["orders"] = company.orders.assign(amount_cents=lambda orders: orders["amount_cents"] + 1)
    with pytest.raises(ValueError, match="not the sum of their lines"):
        fill_store(company, tmp_path / "broken.sqlite", "key")


# -- copies and files ----------------------------------------------------------------------------------------------


def test_each_notebook_has_a_copy_of_its_own(company_folder):
    with open_store(company=company_folder) as first, open_store(company=company_folder) as second:
        assert first.path != second.path
        place_order(first, 1, [(1, 1)], "web", at="2026-01-05")
        assert len(first.sql("SELECT * FROM sales_order")) == len(second.sql("SELECT * FROM sales_order")) + 1
    assert not first.path.exists()
    with open_store(company=company_folder) as again:
        assert again.sql("SELECT max(operation_id) AS n FROM operation_log")["n"].item() == 1


def test_running_twice_gives_the_same(company_folder):
    def run():
        with open_store(company=company_folder) as store:
            written = place_order(store, 1, [(1, 1)], "web", "2026-01-05")
            return {name: frame.to_dict() for name, frame in written.items()}

    assert str(run()) == str(run())


def test_a_store_with_a_path_is_kept(company_folder, tmp_path):
    with open_store(tmp_path / "mine.sqlite", company=company_folder) as store:
        place_order(store, 1, [(1, 1)], "web", at="2026-01-05")
    with open_store(tmp_path / "mine.sqlite") as store:
        assert store.as_of == pd.Timestamp("2026-01-05")
        assert "orders=" in repr(store)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.sqlite"]
    assert repr(store) == "Store(closed)"


def test_the_template_is_made_once_and_whole(company_folder, cache, monkeypatch):
    open_store(company=company_folder).close()
    templates = list((cache / "stores").iterdir())
    assert [file.suffix for file in templates] == [".sqlite"]
    monkeypatch.setattr("crmlab.operational.template.fill_store", None)
    open_store(company=open_company(company_folder)).close()


def test_a_fill_that_fails_leaves_nothing(company_folder, tmp_path, monkeypatch):
    def fails(company, path, key):
        path.write_text("half", encoding="utf-8")
        raise RuntimeError("no room")

    monkeypatch.setenv("CRMLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("crmlab.operational.template.fill_store", fails)
    with pytest.raises(RuntimeError, match="no room"):
        open_store(tmp_path / "mine.sqlite", company=company_folder)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_without_a_cache_folder_the_store_is_filled_directly(company_folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("CRMLAB_CACHE", str(tmp_path / "file"))
    with open_store(company=company_folder) as store:
        assert len(store.sql("SELECT * FROM customer")) > 300


def test_a_cache_that_can_only_be_read_serves_what_it_has(company_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    monkeypatch.setenv("CRMLAB_CACHE", str(tmp_path))
    open_store(company=company_folder).close()
    assert list((tmp_path / "stores").iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setenv("CRMLAB_CACHE", str(tmp_path))
    open_store(company=company_folder).close()
    monkeypatch.setattr(os, "access", lambda folder, mode: False)
    monkeypatch.setattr("crmlab.operational.template.fill_store", None)
    open_store(company=company_folder).close()


def test_only_the_newest_templates_stay(company_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLAB_CACHE", str(tmp_path))
    monkeypatch.setattr("crmlab.operational.template._KEPT_TEMPLATES", 1)
    (tmp_path / "stores").mkdir()
    old = tmp_path / "stores" / "store-old.sqlite"
    old.write_text("", encoding="utf-8")
    os.utime(old, (0, 0))
    open_store(company=company_folder).close()
    assert not old.exists()
    assert len(list((tmp_path / "stores").iterdir())) == 1


def test_files_that_are_no_store_are_named(company_folder, tmp_path):
    (tmp_path / "notes.sqlite").write_text("not a store", encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.sqlite is not a store \(found: file is not a database"):
        open_store(tmp_path / "notes.sqlite")
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        open_store(tmp_path / "nowhere" / "mine.sqlite", company=company_folder)
    open_store(tmp_path / "old.sqlite", company=company_folder).close()
    with sqlite3.connect(tmp_path / "old.sqlite") as connection:
        connection.execute("UPDATE store_info SET value = 'other' WHERE name = 'schema_version'")
    connection.close()
    with pytest.raises(ValueError, match="made by another version"):
        open_store(tmp_path / "old.sqlite")


def test_a_store_of_another_company_is_not_taken_for_this_one(company_folder, tmp_path):
    other = generate(50, 4, tmp_path / "other")
    open_store(tmp_path / "mine.sqlite", company=company_folder).close()
    with pytest.raises(ValueError, match="another company"):
        open_store(tmp_path / "mine.sqlite", company=other)


# -- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement", ["DELETE FROM delivery_rating", "INSERT INTO price VALUES (1, '2030-01-01', 1)", "DROP TABLE price",
                  "UPDATE product SET name = 'x'"],
)  # fmt: skip
def test_sql_reads_only(store, statement):
    with pytest.raises(RefusedOperation, match="written by an operation"):
        store.sql(statement)
    # The connection itself can still write afterwards.
    assert place_order(store, 1, [(1, 1)], "web", at="2026-01-05")["order_line"].shape[0] == 1


def test_sql_takes_numbers_of_pandas_and_names(store):
    customer = store.sql("SELECT customer_id FROM customer LIMIT 1")["customer_id"].iloc[0]
    by_mark = store.sql("SELECT * FROM customer WHERE customer_id = ?", [customer])
    by_name = store.sql("SELECT * FROM customer WHERE customer_id = :id", {"id": customer})
    assert by_mark.equals(by_name)
    assert len(by_mark) == 1


def test_text_that_looks_like_sql_is_text(store):
    assert store.sql("SELECT * FROM customer WHERE last_name = ?", ["x' OR '1'='1"]).empty


def test_types_of_columns():
    frame = to_frame(
        ["a", "b_id", "c", "at", "d", "a"],
        [(1, None, 1.5, "2024-02-29T00:00:00", None, "x"), (2, None, None, None, None, "y")],
    )
    assert list(frame.columns) == ["a", "b_id", "c", "at", "d", "a"]
    assert [str(kind) for kind in frame.dtypes][:3] == ["int64", "Int64", "float64"]
    assert frame["at"].iloc[0] == pd.Timestamp("2024-02-29")
    assert to_frame(["order_id"], []).shape == (0, 1)


def test_other_threads_may_read_and_write(store):
    answers = []

    def work():
        for _ in range(5):
            place_order(store, 1, [(1, 1)], "web", at="2026-01-05")
            answers.append(len(store.sql("SELECT * FROM staff")))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert store.sql("SELECT count(*) AS n FROM operation_log")["n"].item() == 21


# -- addresses and times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "written", "normalised"),
    [
        ("email", " Anna.O'Brien@EXAMPLE.org ", "anna.o'brien@example.org"),
        ("phone", "+49 711 00641949", "+4971100641949"),
        ("phone", "0351/03267674", "+4935103267674"),
        ("phone", "0049(0)711-0064.1949", "+4971100641949"),
        ("phone", "+1 (212) 555-0100", "+12125550100"),
        ("post", "Elisepad  5,\nNicholas Ville", "elisepad 5, nicholas ville"),
        ("social", "@Anna☕", "@anna☕"),
    ],
)
def test_addresses_are_written_in_one_way(kind, written, normalised):
    assert normalise_address(kind, written) == normalised
    assert normalise_address(kind, normalised) == normalised


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("email", "anna"), ("email", "anna@"), ("email", "@example.org"), ("email", "anna@example"), ("email", ""),
        ("email", "an na@example.org"), ("email", "anna@@example.org"), ("email", "anna@-example.org"),
        ("email", ".anna@example.org"), ("email", "an..na@example.org"), ("email", "a,b@example.org"),
        ("email", "anna@example.o"), ("phone", "12345678"), ("phone", "0"), ("phone", "+49 abc"),
        ("phone", "+0711123456"), ("phone", "+1234567890123456"), ("post", "  "),
        ("Email", "anna@example.org"), ("fax", "0711 1234567"),
        ("email", None), ("phone", 711),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(kind, written):
    with pytest.raises(RefusedOperation):
        normalise_address(kind, written)


@pytest.mark.parametrize("at", ["2023-02-29", "1/2/2026", "yesterday", "", None, 20260105, "2026-01-05T10:00:00+01:00",
                                "2026-01-05T10:00:00.5", pd.NaT])  # fmt: skip
def test_what_is_no_time_is_refused(at):
    with pytest.raises(RefusedOperation, match="a time is"):
        moment(at)


# -- rules that the database keeps, whoever writes ------------------------------------------------------------------

_LOG = "INSERT INTO operation_log (operation_id, operation, at, actor_kind) VALUES (50, 'by_hand', '{at}', 'customer')"
_POINT = "INSERT INTO contact_point (customer_id, kind, value, value_as_recorded, address_hash, operation_id) VALUES "
_CONSENT = "INSERT INTO consent (kind, address_hash, action, lawful_basis, source, at, operation_id) VALUES "
_ORDER = "INSERT INTO sales_order (customer_id, ordered_at, channel, operation_id) VALUES "
_LINE = "INSERT INTO order_line (order_id, product_id, quantity, unit_price_cents, unit_cost_cents) VALUES "
_RETURN = "INSERT INTO order_return (order_line_id, returned_at, quantity, refund_cents, reason, operation_id) VALUES "
_TICKET = "INSERT INTO ticket (customer_id, type, channel, subject, opened_at, status_at, operation_id) VALUES "
_CALL = "INSERT INTO interaction (customer_id, channel, direction, arrived_at, operation_id) VALUES "
_HASH = "'" + "0" * 64 + "'"
_MERGE = (
    "UPDATE customer SET merged_into_id = {winner}, merged_at = '{at}', operation_id = 1 WHERE customer_id = {loser}"
)
_MERGED = _MERGE.format(winner=1, loser=2, at="2026-01-05T00:00:00")
_TICKET_OPENED = _TICKET + "(1, 'question', 'web', 'x', '2026-01-05T00:00:00', '2026-01-05T00:00:00', 1)"
_SMALL_LINE = (
    "(SELECT order_line_id FROM order_line WHERE quantity = 1 AND order_line_id NOT IN "
    "(SELECT order_line_id FROM order_return) LIMIT 1)"
)

RULES = [
    ("the operation log is append-only: a row is never changed", ["UPDATE operation_log SET operation = 'x'"]),
    ("the operation log is append-only: a row is never deleted", ["DELETE FROM operation_log"]),
    ("a customer is recorded first and merged later",
     ["INSERT INTO customer (last_name, acquisition_channel, source_system, created_at, merged_into_id, merged_at, "
      "operation_id) VALUES ('x', 'direct', 'web_shop', '2026-01-05T00:00:00', 1, '2026-01-05T00:00:00', 1)"]),
    ("a customer is never deleted", ["DELETE FROM customer"]),
    ("a customer keeps customer_id and created_at", ["UPDATE customer SET created_at = '2020-01-01T00:00:00'"]),
    ("not_merged_into_itself", [_MERGE.format(winner=1, loser=1, at="2026-01-05T00:00:00")]),
    ("the winner of a merge is a record that is not merged itself",
     [_MERGED, _MERGE.format(winner=2, loser=1, at="2026-01-06T00:00:00")]),
    ("the winner of a merge is a record that is not merged itself",
     [_MERGED, _MERGE.format(winner=2, loser=3, at="2026-01-06T00:00:00")]),
    ("a merged record is merged again only after undo_merge",
     [_MERGED, _MERGE.format(winner=3, loser=2, at="2026-01-06T00:00:00")]),
    ("a merge comes after both records were made", [_MERGE.format(winner=1, loser=2, at="2000-01-06T00:00:00")]),
    ("a merge comes after earlier merges of its records were undone",
     [_MERGED, _LOG.format(at="2026-01-09T00:00:00"),
      "UPDATE customer SET merged_into_id = NULL, merged_at = NULL, operation_id = 50 WHERE customer_id = 2",
      _MERGE.format(winner=2, loser=1, at="2026-01-08T00:00:00")]),
    ("a merge is undone after it was made",
     [_MERGED, _LOG.format(at="2026-01-04T00:00:00"),
      "UPDATE customer SET merged_into_id = NULL, merged_at = NULL, operation_id = 50 WHERE customer_id = 2"]),
    ("a merge is never deleted", [_MERGED, "DELETE FROM customer_merge"]),
    ("one address has one hash",
     [_POINT + f"(1, 'email', 'a@example.org', 'a', {_HASH}, 1)",
      _POINT + f"(2, 'email', 'a@example.org', 'a', '{'1' * 64}', 1)"]),
    ("one address has one hash",
     [_POINT + f"(1, 'email', 'a@example.org', 'a', {_HASH}, 1)",
      _POINT + f"(2, 'email', 'b@example.org', 'a', {_HASH}, 1)"]),
    ("an address is not rewritten", ["UPDATE contact_point SET value = 'x'"]),
    ("contact_kind_is_known", [_POINT + f"(1, 'Email', 'a@example.org', 'a', {_HASH}, 1)"]),
    ("email_is_lower_case", [_POINT + f"(1, 'email', 'A@example.org', 'a', {_HASH}, 1)"]),
    ("phone_is_e164", [_POINT + f"(1, 'phone', '0711 123', 'a', {_HASH}, 1)"]),
    ("address_hash_is_sha256", [_POINT + "(1, 'email', 'a@example.org', 'a', 'a@example.org', 1)"]),
    ("consent is append-only: a row is never changed", ["UPDATE consent SET action = 'opt_in'"]),
    ("consent is append-only: a row is never deleted", ["DELETE FROM consent"]),
    ("consent_kind_is_known", [_CONSENT + f"('Email', {_HASH}, 'opt_out', NULL, 'import', '2026-01-05T00:00:00', 1)"]),
    ("only_the_person_confirms",
     [_CONSENT + f"('email', {_HASH}, 'confirmed_opt_in', 'consent', 'bought_list', '2026-01-05T00:00:00', 1)"]),
    ("an_opt_in_has_a_lawful_basis",
     [_CONSENT + f"('email', {_HASH}, 'opt_in', NULL, 'import', '2026-01-05T00:00:00', 1)"]),
    ("consent_at_is_a_time", [_CONSENT + f"('email', {_HASH}, 'opt_out', NULL, 'import', '2026-02-30T00:00:00', 1)"]),
    ("an order comes after its customer was recorded", [_ORDER + "(1, '2000-01-01T00:00:00', 'web', 1)"]),
    ("a merged record takes no new order", [_MERGED, _ORDER + "(2, '2026-01-07T00:00:00', 'web', 1)"]),
    ("an order stays as it was placed", ["UPDATE sales_order SET customer_id = 1"]),
    ("an order is never deleted", ["DELETE FROM sales_order"]),
    ("an order line stays as it was placed", ["UPDATE order_line SET quantity = 2"]),
    ("an order line is never deleted", ["DELETE FROM order_line"]),
    ("FOREIGN KEY", [_LINE + "(999999999, 1, 1, 100, 50)"]),
    ("FOREIGN KEY", [_LINE + "(1, 999, 1, 100, 50)"]),
    ("FOREIGN KEY", [_ORDER + "(999999999, '2026-01-07T00:00:00', 'web', 1)"]),
    ("quantity_is_from_1_to_10000", [_LINE + "(1, 1, 0, 100, 50)"]),
    ("unit_price_is_not_negative", [_LINE + "(1, 1, 1, -100, 50)"]),
    ("reseller_orders_name_the_reseller", [_ORDER + "(1, '2026-01-07T00:00:00', 'reseller', 1)"]),
    ("order_channel_is_known", [_ORDER + "(1, '2026-01-07T00:00:00', 'Web', 1)"]),
    ("ordered_at_is_a_time", [_ORDER + "(1, '2026-01-07', 'web', 1)"]),
    ("a return comes after its order", [_RETURN + f"({_SMALL_LINE}, '2000-01-01T00:00:00', 1, 1, 'late', 1)"]),
    ("no more comes back than was bought", [_RETURN + f"({_SMALL_LINE}, '2026-01-07T00:00:00', 2, 1, 'late', 1)"]),
    ("no more is refunded than was paid",
     [_RETURN + f"({_SMALL_LINE}, '2026-01-07T00:00:00', 1, 99999999, 'late', 1)"]),
    ("returned_quantity_is_above_0", [_RETURN + f"({_SMALL_LINE}, '2026-01-07T00:00:00', 0, 0, 'late', 1)"]),
    ("a return is never changed", ["UPDATE order_return SET quantity = 1"]),
    ("a return is never deleted", ["DELETE FROM order_return"]),
    ("a ticket starts as New",
     ["INSERT INTO ticket (customer_id, type, channel, subject, status, opened_at, status_at, operation_id) VALUES "
      "(1, 'question', 'web', 'x', 'Resolved', '2026-01-05T00:00:00', '2026-01-05T00:00:00', 1)"]),
    ("a ticket comes after its customer was recorded",
     [_TICKET + "(1, 'question', 'web', 'x', '2000-01-05T00:00:00', '2000-01-05T00:00:00', 1)"]),
    ("a merged record takes no new ticket",
     [_MERGED, _TICKET + "(2, 'question', 'web', 'x', '2026-01-05T00:00:00', '2026-01-05T00:00:00', 1)"]),
    ("a ticket keeps its customer", [_TICKET_OPENED, "UPDATE ticket SET customer_id = 2"]),
    ("a ticket is never deleted", [_TICKET_OPENED, "DELETE FROM ticket"]),
    ("this status may not follow that one",
     [_TICKET_OPENED, _LOG.format(at="2026-01-05T00:00:00"), "UPDATE ticket SET status = 'Closed', operation_id = 50"]),
    ("this status may not follow that one",
     [_TICKET_OPENED, _LOG.format(at="2026-01-05T00:00:00"), "UPDATE ticket SET status = 'closed', operation_id = 50"]),
    ("a change of status is a new operation",
     [_TICKET_OPENED, "UPDATE ticket SET status = 'Assigned', owner_id = 1, status_at = '2026-01-06T00:00:00' "
      "WHERE status = 'New'"]),
    ("an_assigned_ticket_has_an_owner",
     [_TICKET_OPENED, _LOG.format(at="2026-01-05T00:00:00"),
      "UPDATE ticket SET status = 'Assigned', operation_id = 50 WHERE status = 'New'"]),
    ("the history of a ticket is append-only", [_TICKET_OPENED, "UPDATE ticket_history SET to_status = 'New'"]),
    ("the history of a ticket is append-only", [_TICKET_OPENED, "DELETE FROM ticket_history"]),
    ("a merged record takes no new contact", [_MERGED, _CALL + "(2, 'call', 'inbound', '2026-01-05T00:00:00', 1)"]),
    ("a contact that happened is never deleted",
     [_CALL + "(1, 'call', 'inbound', '2026-01-05T00:00:00', 1)", "DELETE FROM interaction"]),
    ("an_abandoned_contact_was_not_answered",
     ["INSERT INTO interaction (channel, direction, agent_id, arrived_at, answered_at, is_abandoned, operation_id) "
      "VALUES ('call', 'inbound', 1, '2026-01-05T00:00:00', '2026-01-05T00:00:10', 1, 1)"]),
    ("a contact is rated after it began",
     [_CALL + "(1, 'call', 'inbound', '2026-01-05T00:00:00', 1)",
      "INSERT INTO contact_rating SELECT max(interaction_id), '2026-01-04T00:00:00', 5 FROM interaction"]),
    ("contact_rating_is_from_1_to_5", ["UPDATE contact_rating SET rating = 0"]),
    ("contact_rated_at_is_a_time", ["UPDATE contact_rating SET rated_at = '2026-01-05'"]),
    ("a delivery is rated after its order",
     ["INSERT INTO delivery_rating SELECT order_id, '2000-01-01T00:00:00', 5 FROM sales_order WHERE order_id NOT IN "
      "(SELECT order_id FROM delivery_rating) LIMIT 1"]),
    ("delivery_rating_is_from_1_to_5", ["UPDATE delivery_rating SET delivery_rating = 6"]),
    ("not_linked_to_itself", ["INSERT INTO product_link VALUES (1, 1, 'cross_sell', 1)"]),
    ("UNIQUE constraint failed: source_record",
     ["INSERT INTO source_record (source_system, source_key, payload, customer_id, loaded_at, operation_id) "
      "SELECT source_system, source_key, payload, customer_id, loaded_at, 1 FROM source_record LIMIT 1"]),
]  # fmt: skip


RULES += campaign_rules.RULES + contact_centre_rules.RULES + offer_rules.RULES + promotion_rules.RULES


@pytest.mark.parametrize(("rule", "statements"), RULES)
def test_the_database_keeps_the_rule(store, rule, statements):
    *before, last = statements
    for statement in before:
        store.connection.execute(statement)
    with pytest.raises(sqlite3.IntegrityError, match=re.escape(rule)):
        store.connection.execute(last)


def test_every_trigger_that_refuses_is_tested():
    messages = re.findall(r"RAISE\(ABORT, '([^']+)'\)", schema_sql())
    assert len(messages) > 30
    untested = [message for message in messages if not any(message.startswith(rule) for rule, _ in RULES)]
    assert untested == []


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="this SQLite has no STRICT tables")
def test_a_text_is_no_quantity(store):
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
        store.connection.execute(_LINE + "(1, 1, 'two', 100, 50)")


def test_older_sqlite_gets_the_same_tables_without_strict(monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 0))
    assert "STRICT" not in schema_sql()
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(schema_sql())
    connection.close()
