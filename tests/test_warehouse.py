"""The warehouse: what the store holds, to the cent, on any day, however often it is loaded."""

import duckdb
import pandas as pd
import pytest
from stores import company_fixture, own_copy, store_fixture

from crmlab.analytical.warehouse import Warehouse, load_warehouse, open_warehouse
from crmlab.company import generate
from crmlab.operational import (
    add_customer,
    assign_ticket,
    log_interaction,
    merge_customers,
    open_ticket,
    place_order,
    resolve_ticket,
    return_order_line,
    undo_merge,
    update_customer,
)

company = company_fixture()
store = store_fixture()


def one(source, query):
    return source.sql(query).iloc[0, 0]


def versions(warehouse, customer_id):
    query = "SELECT * FROM dim_customer WHERE customer_id = ? ORDER BY valid_from"
    return warehouse.sql(query, [customer_id])


# -- the same as the store -----------------------------------------------------------------------------------------


def test_revenue_margin_returns_and_customers_are_those_of_the_company(store, company):
    lines = company.order_lines
    warehouse = load_warehouse(store)
    assert one(warehouse, "SELECT sum(revenue_cents) FROM fact_sales") == company.orders["amount_cents"].sum()
    margin = (lines["quantity"] * (lines["unit_price_cents"] - lines["unit_cost_cents"])).sum()
    assert one(warehouse, "SELECT sum(margin_cents) FROM fact_sales") == margin
    assert one(warehouse, "SELECT sum(refund_cents) FROM fact_return") == company.returns["refund_cents"].sum()
    assert one(warehouse, "SELECT count(*) FROM dim_customer WHERE is_current") == len(company.customers)


def test_sums_are_whole_numbers_and_dates_are_dates(store):
    query = "SELECT sum(revenue_cents) AS total, min(date) AS first FROM fact_sales JOIN dim_date USING (date_key)"
    answer = load_warehouse(store).sql(query)
    assert str(answer["total"].dtype) == "int64"
    assert pd.api.types.is_datetime64_dtype(answer["first"].dtype)


def test_an_as_of_question_does_not_see_what_came_later(store, company):
    for as_of in ("2023-01-01", "2024-02-29", "2025-06-30"):
        warehouse = load_warehouse(store, as_of=as_of)
        orders = company.orders[company.orders["order_date"] <= as_of]
        returns = company.returns[company.returns["return_date"] <= as_of]
        revenue = one(warehouse, "SELECT coalesce(sum(revenue_cents), 0) FROM fact_sales")
        assert revenue == orders["amount_cents"].sum()
        refunds = one(warehouse, "SELECT coalesce(sum(refund_cents), 0) FROM fact_return")
        assert refunds == returns["refund_cents"].sum()
        recorded = (company.customers["created_date"] <= as_of).sum()
        assert one(warehouse, "SELECT count(*) FROM dim_customer") == recorded
        late = one(warehouse, "SELECT count(lead_time_days) FROM fact_sales")
        lines = company.order_lines.merge(orders, on="order_id")
        assert late == (lines["delivered_date"] <= as_of).sum()
        assert warehouse.as_of == pd.Timestamp(as_of)


def test_a_return_after_the_day_is_not_seen_and_one_on_it_is(store):
    line = place_order(store, 1, [(1, 2)], "web", at="2026-01-05")["order_line"].iloc[0]
    return_order_line(store, line.order_line_id, 1, "2026-01-10 23:59:59", "late")
    return_order_line(store, line.order_line_id, 1, "2026-01-11 00:00:00", "late")
    query = f"SELECT count(*) FROM fact_return WHERE order_line_id = {line.order_line_id}"
    assert [one(load_warehouse(store, as_of=f"2026-01-{day:02}"), query) for day in (9, 10, 11)] == [0, 1, 2]


def test_facts_of_service(store):
    line = place_order(store, 1, [(1, 1)], "store", at="2026-01-05 09:00", by=10)["order_line"].iloc[0]
    ticket = open_ticket(store, 1, "x", "2026-01-05 10:00", order_line_id=line.order_line_id)["ticket"][
        "ticket_id"
    ].item()
    assign_ticket(store, ticket, 20, "2026-01-05 10:30", by=19)
    resolve_ticket(store, ticket, "2026-01-07 10:00", by=20)
    log_interaction(store, "call", "inbound", "2026-01-05 09:00:00", answered_at="2026-01-05 09:00:40",
                    ended_at="2026-01-05 09:04:40", wrap_up_seconds=30, customer_id=1, by=20)  # fmt: skip
    log_interaction(store, "call", "inbound", "2026-01-05 23:00", is_abandoned=True, ended_at="2026-01-05 23:01")
    early, late = load_warehouse(store, as_of="2026-01-06"), load_warehouse(store, as_of="2026-01-07")
    this_one = f"SELECT * FROM fact_ticket WHERE ticket_id = {ticket}"
    assert early.sql(this_one)["resolved_date_key"].isna().item()
    seen = late.sql(this_one).iloc[0]
    assert (seen.assignment_seconds, seen.resolution_seconds, seen.product_key) == (1800, 48 * 3600, 1)
    calls = late.sql("SELECT * FROM fact_interaction WHERE date_key >= 20260105 ORDER BY interaction_id")
    hourly = one(store, "SELECT hourly_cost_cents FROM staff WHERE staff_id = 20")
    assert calls["wait_seconds"].to_list() == [40, 60]
    assert calls["handle_seconds"].to_list() == [270, pd.NA]
    assert calls["cost_cents"].to_list() == [round(270 * hourly / 3600), pd.NA]
    assert calls["customer_key"].notna().to_list() == [True, False]
    assert one(late, f"SELECT employee_key FROM fact_sales WHERE order_line_id = {line.order_line_id}") == 10
    # Opened again the day after: not resolved any more.
    assign_ticket(store, ticket, 21, "2026-01-08 08:00", by=20)
    again = load_warehouse(store, as_of="2026-01-08").sql(this_one).iloc[0]
    assert pd.isna(again.resolved_date_key)
    assert (again.reopened_count, again.employee_key) == (1, 21)


def test_the_past_of_the_contact_centre_is_in_the_warehouse(store, company):
    warehouse = load_warehouse(store)
    contacts = company.interactions
    wait = (contacts["answered_at"] - contacts["arrived_at"]).dt.total_seconds()
    found = warehouse.sql("SELECT wait_seconds, cost_cents, is_abandoned FROM fact_interaction ORDER BY interaction_id")
    assert len(found) == len(contacts)
    answered = wait.notna().to_numpy()
    assert (found["wait_seconds"][answered].to_numpy() == wait[answered].to_numpy()).all()
    assert (found["cost_cents"].notna().to_numpy() == answered).all()
    assert found["is_abandoned"].sum() == contacts["is_abandoned"].sum()
    tickets = company.tickets
    seen = warehouse.sql("SELECT resolution_seconds, reopened_count FROM fact_ticket ORDER BY ticket_id")
    resolution = (tickets["resolved_at"] - tickets["opened_at"]).dt.total_seconds()
    assert seen["resolution_seconds"].isna().to_numpy().tolist() == resolution.isna().tolist()
    assert (seen["resolution_seconds"].dropna().to_numpy() == resolution.dropna().to_numpy()).all()
    assert (seen["reopened_count"].to_numpy() == tickets["reopened_at"].notna().to_numpy()).all()


# -- loading again -------------------------------------------------------------------------------------------------


def test_a_second_load_changes_nothing(store, tmp_path):
    first = load_warehouse(store, tmp_path / "w.duckdb")
    before = first.content_hash()
    assert load_warehouse(store, tmp_path / "w.duckdb").content_hash() == before
    assert first.content_hash() == before
    assert load_warehouse(store).content_hash() == before
    assert [file.name for file in tmp_path.iterdir()] == ["w.duckdb"]


def test_the_content_hash_sees_one_changed_cell(store, tmp_path):
    warehouse = load_warehouse(store, tmp_path / "w.duckdb")
    before = warehouse.content_hash()
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute("UPDATE fact_sales SET margin_cents = margin_cents + 1 WHERE order_line_id = 1")
    assert warehouse.content_hash() != before


def test_history_of_a_customer_is_kept(store, tmp_path):
    path = tmp_path / "w.duckdb"
    old = one(store, "SELECT postal_code FROM customer WHERE customer_id = 1")
    load_warehouse(store, path)
    place_order(store, 1, [(1, 1)], "web", at="2026-01-09 12:00")
    update_customer(store, 1, at="2026-01-10", postal_code="99999")
    place_order(store, 1, [(1, 1)], "web", at="2026-01-10 12:00")
    warehouse = load_warehouse(store, path, as_of="2026-01-10")
    history = versions(warehouse, 1)
    assert history["postal_code"].to_list() == [old, "99999"]
    assert history["valid_to"].iloc[0] == history["valid_from"].iloc[1] == pd.Timestamp("2026-01-10")
    assert history["is_current"].to_list() == [False, True]
    assert one(warehouse, "SELECT count(*) - count(DISTINCT customer_key) FROM dim_customer") == 0
    sold = warehouse.sql("SELECT date_key, postal_code FROM fact_sales JOIN dim_customer USING (customer_key) "
                         "WHERE dim_customer.customer_id = 1 ORDER BY order_line_id DESC LIMIT 2")  # fmt: skip
    assert sold["postal_code"].to_list() == ["99999", old]
    # A new customer starts on the day of the record; other customers have one version still.
    new = add_customer(store, "Weiß", [], at="2026-01-12")["customer"]["customer_id"].item()
    before = load_warehouse(store, path, as_of="2026-01-15").content_hash()
    warehouse = load_warehouse(store, path, as_of="2026-01-15")
    assert warehouse.content_hash() == before
    assert versions(warehouse, new)["valid_from"].to_list() == [pd.Timestamp("2026-01-12")]
    assert one(warehouse, "SELECT max(n) FROM (SELECT count(*) AS n FROM dim_customer GROUP BY customer_id)") == 2
    assert one(warehouse, "SELECT count(*) FROM warehouse_load") == 3


def test_a_second_change_on_the_same_day_replaces_the_first(store, tmp_path):
    path = tmp_path / "w.duckdb"
    old = one(store, "SELECT postal_code FROM customer WHERE customer_id = 1")
    load_warehouse(store, path)
    for code in ("11111", "22222"):
        update_customer(store, 1, at="2026-01-10", postal_code=code)
        warehouse = load_warehouse(store, path, as_of="2026-01-10")
        assert versions(warehouse, 1)["postal_code"].to_list() == [old, code]


def test_an_earlier_day_and_another_company_are_refused(store, tmp_path):
    path = tmp_path / "w.duckdb"
    before = load_warehouse(store, path).content_hash()
    with pytest.raises(ValueError, match="before the last load"):
        load_warehouse(store, path, as_of="2025-12-30")
    with pytest.raises(ValueError, match="before the company's first day"):
        load_warehouse(store, as_of="2022-12-31")
    with own_copy(generate(50, 4, tmp_path / "other")) as other, pytest.raises(ValueError, match="another company"):
        load_warehouse(other, path)
    assert open_warehouse(path).content_hash() == before


def test_a_load_that_fails_leaves_the_file_as_it_was(store, tmp_path, monkeypatch):
    path = tmp_path / "w.duckdb"
    before = load_warehouse(store, path).content_hash()
    monkeypatch.setattr("crmlab.analytical.warehouse._sql", lambda name: "SELECT no_such_column")
    with pytest.raises(duckdb.Error):
        load_warehouse(store, path)
    assert open_warehouse(path).content_hash() == before
    assert [file.name for file in tmp_path.iterdir()] == ["w.duckdb"]


def test_a_row_that_finds_no_dimension_is_not_lost_silently(store, monkeypatch):
    from crmlab.analytical import warehouse

    complete = warehouse._sql("load")
    without_store = complete.replace("(2, 'store', false), ", "")
    assert without_store != complete
    tables = warehouse._sql("tables")
    monkeypatch.setattr(warehouse, "_sql", lambda name: {"load": without_store, "tables": tables}[name])
    with pytest.raises(ValueError, match="fact_sales: rows and total are"):
        load_warehouse(store)


# -- who is whom ---------------------------------------------------------------------------------------------------


def survivors(warehouse):
    query = "SELECT surviving_customer_id AS s FROM dim_customer WHERE customer_id IN (1, 2, 3) ORDER BY customer_id"
    return warehouse.sql(query)["s"].to_list()


def test_merges_are_seen_from_their_day_on_and_until_they_are_undone(store):
    merge_customers(store, winner_id=2, loser_id=3, at="2026-01-05")
    merge_customers(store, winner_id=1, loser_id=2, at="2026-01-06")
    undo_merge(store, 2, at="2026-01-08")
    seen = {day: survivors(load_warehouse(store, as_of=f"2026-01-{day:02}")) for day in (4, 5, 6, 7, 8)}
    assert seen == {4: [1, 2, 3], 5: [1, 2, 2], 6: [1, 1, 1], 7: [1, 1, 1], 8: [1, 2, 2]}


def test_revenue_of_a_person_adds_up_over_the_records(store):
    sales = "fact_sales JOIN dim_customer USING (customer_key)"
    by_person = f"SELECT sum(revenue_cents) FROM {sales} WHERE surviving_customer_id = 1"
    place_order(store, 2, [(1, 1)], "web", at="2026-01-05")
    apart = load_warehouse(store)
    own = [one(apart, by_person.replace("= 1", f"= {customer}")) for customer in (1, 2)]
    merge_customers(store, winner_id=1, loser_id=2, at="2026-01-06")
    assert one(load_warehouse(store), by_person) == sum(own)


# -- months --------------------------------------------------------------------------------------------------------


def test_months_of_a_buyer_as_known_at_their_end(store, company):
    months = load_warehouse(store).sql("SELECT * FROM fact_customer_month ORDER BY customer_id, month_key")
    assert months["month_end"].max() == company.as_of
    last = months[months["month_end"] == company.as_of].set_index("customer_id")
    by_customer = company.orders.groupby("customer_id")
    assert (last["orders_to_date"] == by_customer.size()).all()
    assert (last["revenue_to_date_cents"] == by_customer["amount_cents"].sum()).all()
    assert (last["days_since_last_purchase"] == (company.as_of - by_customer["order_date"].max()).dt.days).all()
    assert months["refund_cents"].sum() == company.returns["refund_cents"].sum()
    assert months["revenue_cents"].sum() == company.orders["amount_cents"].sum()
    one_month = months[months["month_end"] == "2024-02-29"].set_index("customer_id")
    known = company.orders[company.orders["order_date"] <= "2024-02-29"]
    assert (one_month["revenue_to_date_cents"] == known.groupby("customer_id")["amount_cents"].sum()).all()


def test_a_month_that_is_not_over_is_left_out(store):
    months = load_warehouse(store, as_of="2025-06-29").sql("SELECT max(month_key) AS latest FROM fact_customer_month")
    assert months["latest"].item() == 202505


# -- read only -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM fact_sales", "INSERT INTO dim_channel VALUES (99, 'fax', false)", "CREATE TABLE mine (x INTEGER)",
     "UPDATE dim_product SET name = 'x'", "DROP TABLE fact_sales"],
)  # fmt: skip
def test_a_write_fails_with_a_clear_error(store, statement):
    with load_warehouse(store) as warehouse:
        before = warehouse.content_hash()
        with pytest.raises(PermissionError, match="the warehouse is read-only: operations write to the store"):
            warehouse.sql(statement)
        assert warehouse.content_hash() == before


def test_opening_names_what_is_wrong(tmp_path, store):
    with pytest.raises(FileNotFoundError, match="load_warehouse"):
        open_warehouse(tmp_path / "w.duckdb")
    (tmp_path / "notes.duckdb").write_text("not a warehouse" * 1000, encoding="utf-8")
    with pytest.raises(ValueError, match="is not a warehouse"):
        open_warehouse(tmp_path / "notes.duckdb")
    with duckdb.connect(tmp_path / "other.duckdb") as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
    with pytest.raises(ValueError, match=r"found: tables \['t'\]"):
        open_warehouse(tmp_path / "other.duckdb")
    with pytest.raises(ValueError, match="is not a warehouse"):
        load_warehouse(store, tmp_path / "other.duckdb")
    assert repr(load_warehouse(store, tmp_path / "w.duckdb")) == repr(open_warehouse(tmp_path / "w.duckdb"))


def test_a_private_warehouse_is_deleted_when_it_is_closed(store, tmp_path):
    warehouse = load_warehouse(store)
    assert isinstance(warehouse, Warehouse)
    assert "fact_sales=" in repr(warehouse)
    warehouse.close()
    assert not warehouse.path.exists()
    kept = load_warehouse(store, tmp_path / "w.duckdb")
    kept.close()
    assert kept.path.exists()


def test_the_bait_says_what_came_after_the_month_and_is_filled_when_that_is_known():
    with own_copy(None) as store:
        then, now = load_warehouse(store, as_of="2025-06-30"), load_warehouse(store)
    query = "SELECT count(*), count(churned_next_90d) FROM fact_customer_month WHERE month_key = 202506"
    months, known = then.sql(query).iloc[0]
    assert months > 0 and known == 0
    months, known = now.sql(query).iloc[0]
    assert months == known
    wrong = """
        SELECT count(*) FROM fact_customer_month AS m
        WHERE churned_next_90d IS NOT NULL AND churned_next_90d = EXISTS (
          SELECT 1 FROM fact_sales JOIN dim_customer USING (customer_key) JOIN dim_date USING (date_key)
          WHERE surviving_customer_id = m.customer_id AND date > month_end AND date <= month_end + 90)"""
    assert now.sql(wrong).iloc[0, 0] == 0
