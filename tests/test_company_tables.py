"""The observable tables fit together: keys, dates and sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companies import company_folder, hidden, observed

from crmlab.company import open_company

KEYS = {
    "agent_shifts": "agent_shift_id",
    "agents": "agent_id",
    "contact_ratings": "interaction_id",
    "exit_reasons": "exit_survey_id",
    "interactions": "interaction_id",
    "tickets": "ticket_id",
    "accounts": "account_id",
    "consents": "consent_id",
    "contact_points": "contact_point_id",
    "customers": "customer_id",
    "delivery_ratings": "order_id",
    "order_lines": "order_line_id",
    "orders": "order_id",
    "products": "product_id",
    "returns": "return_id",
    "service_contracts": "service_contract_id",
    "staff": "staff_id",
    "subscriptions": "subscription_id",
    "territories": "territory_id",
}
REFERENCES = [
    ("accounts", "territory_id", "territories", "territory_id"),
    ("accounts", "owner_id", "staff", "staff_id"),
    ("contact_points", "customer_id", "customers", "customer_id"),
    ("customers", "account_id", "accounts", "account_id"),
    ("customers", "territory_id", "territories", "territory_id"),
    ("agent_shifts", "agent_id", "agents", "agent_id"),
    ("agents", "agent_id", "staff", "staff_id"),
    ("contact_ratings", "interaction_id", "interactions", "interaction_id"),
    ("delivery_ratings", "order_id", "orders", "order_id"),
    ("exit_reasons", "customer_id", "customers", "customer_id"),
    ("interactions", "customer_id", "customers", "customer_id"),
    ("interactions", "agent_id", "agents", "agent_id"),
    ("interactions", "ticket_id", "tickets", "ticket_id"),
    ("tickets", "customer_id", "customers", "customer_id"),
    ("tickets", "order_line_id", "order_lines", "order_line_id"),
    ("tickets", "owner_id", "agents", "agent_id"),
    ("order_lines", "order_id", "orders", "order_id"),
    ("order_lines", "product_id", "products", "product_id"),
    ("orders", "customer_id", "customers", "customer_id"),
    ("orders", "reseller_id", "accounts", "account_id"),
    ("orders", "subscription_id", "subscriptions", "subscription_id"),
    ("price_changes", "product_id", "products", "product_id"),
    ("product_links", "from_product_id", "products", "product_id"),
    ("product_links", "to_product_id", "products", "product_id"),
    ("returns", "order_line_id", "order_lines", "order_line_id"),
    ("returns", "order_id", "orders", "order_id"),
    ("service_contracts", "customer_id", "customers", "customer_id"),
    ("service_contracts", "order_line_id", "order_lines", "order_line_id"),
    ("service_contracts", "product_id", "products", "product_id"),
    ("staff", "manager_id", "staff", "staff_id"),
    ("staff", "territory_id", "territories", "territory_id"),
    ("subscriptions", "customer_id", "customers", "customer_id"),
    ("subscriptions", "product_id", "products", "product_id"),
    ("territories", "parent_id", "territories", "territory_id"),
]


@pytest.mark.parametrize(("table", "key"), KEYS.items())
def test_each_row_has_a_number_of_its_own(table, key):
    assert getattr(observed(), table)[key].is_unique


@pytest.mark.parametrize(("table", "column", "other", "key"), REFERENCES)
def test_references_lead_somewhere(table, column, other, key):
    values = getattr(observed(), table)[column].dropna()
    assert len(values) > 0
    assert values.isin(getattr(observed(), other)[key]).all()


def test_no_date_lies_after_the_last_day_or_before_the_first():
    company = observed()
    for name in company.tables:
        table = getattr(company, name)
        for column in table.select_dtypes("datetime"):
            # Times of the last day lie after its midnight.
            before = company.as_of + pd.Timedelta(days=1)
            assert (table[column].dropna() < before).all() or column == "promised_date", (name, column)
            if column not in ("birth_date", "hired_date"):
                assert (table[column].dropna() >= company.start).all(), (name, column)


def test_an_order_is_worth_its_lines():
    company = observed()
    lines = company.order_lines
    worth = (lines["quantity"] * lines["unit_price_cents"]).groupby(lines["order_id"]).sum()
    orders = company.orders.set_index("order_id")["amount_cents"]
    pd.testing.assert_series_equal(worth, orders, check_names=False)


def test_a_product_stands_once_in_an_order():
    assert not observed().order_lines.duplicated(["order_id", "product_id"]).any()


def test_nobody_orders_before_being_recorded():
    company = observed()
    both = company.orders.merge(company.customers[["customer_id", "created_date"]], on="customer_id")
    assert (both["order_date"] >= both["created_date"]).all()


def test_orders_are_numbered_in_the_order_of_time():
    assert observed().orders["order_date"].is_monotonic_increasing
    assert observed().customers["created_date"].is_monotonic_increasing


def test_only_web_orders_are_delivered_and_after_the_order():
    orders = observed().orders
    assert orders.loc[orders["channel"] != "web", ["promised_date", "delivered_date"]].isna().all(axis=None)
    assert orders.loc[orders["channel"] == "web", "promised_date"].notna().all()
    delivered = orders.dropna(subset="delivered_date")
    assert (delivered["delivered_date"] > delivered["order_date"]).all()
    assert (orders["channel"].eq("reseller") == orders["reseller_id"].notna()).all()


def test_returns_come_after_the_order_and_never_exceed_it():
    company = observed()
    both = company.returns.merge(company.order_lines, on="order_line_id", suffixes=("", "_line"))
    both = both.merge(company.orders, on="order_id")
    assert (both["order_id"] == both["order_id_line"]).all()
    assert (both["return_date"] > both["order_date"]).all()
    assert (both["return_date"] > both["delivered_date"].fillna(both["order_date"])).all()
    assert (both["quantity"] <= both["quantity_line"]).all()
    assert (both["refund_cents"] == both["quantity"] * both["unit_price_cents"]).all()


def test_list_prices_follow_the_price_changes():
    company = observed()
    changes = company.price_changes.sort_values(["product_id", "change_date"])
    before = changes.groupby("product_id")["new_list_price_cents"].shift()
    assert (before.dropna() == changes.loc[before.notna(), "old_list_price_cents"]).all()
    last = changes.groupby("product_id")["new_list_price_cents"].last()
    now = company.products.set_index("product_id")["list_price_cents"]
    assert (now.loc[last.index] == last).all()


def test_paid_prices_are_list_prices_of_the_day_less_the_voucher():
    company = observed()
    lines = company.order_lines.merge(company.orders[["order_id", "order_date", "voucher_percent"]], on="order_id")
    changes = company.price_changes
    first = changes.sort_values("change_date").groupby("product_id")["old_list_price_cents"].first()
    start = company.products.set_index("product_id")["list_price_cents"].to_frame("price")
    start["price"] = first.reindex(start.index).fillna(start["price"]).astype("int64")
    prices = pd.concat(
        [
            start.reset_index().assign(change_date=company.start),
            changes.rename(columns={"new_list_price_cents": "price"})[["product_id", "change_date", "price"]],
        ]
    ).sort_values("change_date")
    both = pd.merge_asof(
        lines.sort_values("order_date"), prices, left_on="order_date", right_on="change_date", by="product_id"
    )
    expected = (both["price"] * (100 - both["voucher_percent"]) + 50) // 100
    assert (expected == both["unit_price_cents"]).all()


def test_subscription_deliveries_lie_within_the_subscription():
    company = observed()
    deliveries = company.orders.dropna(subset="subscription_id").merge(
        company.subscriptions, on="subscription_id", suffixes=("", "_subscriber")
    )
    assert (deliveries["order_date"] >= deliveries["start_date"]).all()
    assert (deliveries["end_date"].isna() | (deliveries["order_date"] < deliveries["end_date"])).all()
    assert ((deliveries["order_date"] - deliveries["start_date"]).dt.days % deliveries["interval_days"] == 0).all()
    # A subscriber who is recorded twice keeps the subscription on the first record, or orders as the second.
    assert (deliveries["customer_id"] == deliveries["customer_id_subscriber"]).mean() > 0.9


def test_contracts_end_at_an_anniversary_or_run_on():
    contracts = observed().service_contracts
    ended = contracts.dropna(subset="end_date")
    assert 0 < len(ended) < len(contracts)
    assert ((ended["end_date"] - ended["start_date"]).dt.days % 365 == 0).all()


def test_an_opt_out_follows_an_opt_in_and_a_confirmation_too():
    consents = observed().consents
    assert consents["consent_date"].is_monotonic_increasing
    first = consents.drop_duplicates(["kind", "value"])
    assert (first["action"] == "opt_in").all()
    assert set(consents["action"]) == {"opt_in", "confirmed_opt_in", "opt_out"}


def test_addresses_belong_to_nobody():
    points = observed().contact_points
    emails = points.loc[points["kind"] == "email", "value"].str.lower()
    assert emails.str.fullmatch(r"[a-z-]+\.\d+@example\.(com|org|net)").all()
    # After the area code the number begins with 0: no network assigns that.
    digits = points.loc[points["kind"] == "phone", "value"].str.replace(r"\D", "", regex=True)
    assert digits.str[-8:].str.startswith("0").all()


def test_a_second_record_says_the_same_person():
    records = hidden()["records"]
    share = records["is_second_record"].sum() / records["person_id"].nunique()
    assert 0.03 < share < 0.06
    customers = observed().customers.merge(records, on="customer_id")
    twice = customers[customers["person_id"].duplicated(keep=False)]
    assert len(twice.drop_duplicates(["person_id", "postal_code"])) == len(twice.drop_duplicates("person_id"))
    assert (twice.groupby("person_id")["source_system"].nunique() == 2).mean() > 0.95
    second = set(records.loc[records["is_second_record"], "customer_id"])
    ordered = second & set(observed().orders["customer_id"])
    assert 0.2 < len(ordered) / len(second) < 0.6


def test_frames_hold_plain_types_and_are_the_callers_own():
    company = observed()
    orders = company.orders
    assert orders["amount_cents"].dtype == np.int64
    assert orders["reseller_id"].dtype == pd.Int64Dtype()
    assert orders["order_date"].dtype.kind == "M"
    assert pd.api.types.is_string_dtype(orders["channel"])
    orders["amount_cents"] = 0
    assert company.orders["amount_cents"].sum() > 0


def test_what_is_not_there_is_named():
    with pytest.raises(AttributeError, match=r"no table 'invoices' \(found: accounts, "):
        _ = observed().invoices
    with pytest.raises(FileNotFoundError, match="expected a company"):
        open_company(company_folder() / "company" / "orders")
    assert "orders" in dir(observed())
