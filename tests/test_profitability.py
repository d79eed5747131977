"""Customer profitability: every cost is taken off once, from the customer who causes it."""

import datetime as dt

import companies
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.analytical import cost_to_serve
from crmlab.analytical.profitability import WhalePeak, customer_profit, whale_curve, whale_peak
from crmlab.analytical.segmentation import customer_margin

DAY = dt.date(2025, 6, 30)


@pytest.fixture(scope="module")
def company():
    return companies.observed()


def all_costs(company, day):
    return {
        "refunds": cost_to_serve.refund_cost(company.orders, company.returns, day),
        "returns": cost_to_serve.return_handling_cost(company.orders, company.returns, day, cents_per_return=750),
        "delivery": cost_to_serve.delivery_cost(company.orders, day, cents_per_parcel=490),
        "marketing": cost_to_serve.marketing_cost(
            company.campaigns, company.campaign_contacts, day, responses=company.campaign_responses
        ),
        "contacts": cost_to_serve.contact_cost(company.interactions, company.agents, day),
        "acquisition": cost_to_serve.acquisition_cost(company.customers, day),
    }


def test_profit_adds_up_to_the_books(company):
    costs = all_costs(company, DAY)
    profit = customer_profit(company.orders, company.order_lines, DAY, costs)
    known = company.orders[company.orders["order_date"] <= pd.Timestamp(DAY)]
    assert profit["revenue_cents"].sum() == known["amount_cents"].sum()
    for name, table in costs.items():
        assert profit[f"{name}_cents"].sum() == table["amount_cents"].sum() > 0
    spent = profit.drop(columns=["revenue_cents", "profit_cents"]).sum().sum()
    assert profit["profit_cents"].sum() == profit["revenue_cents"].sum() - spent


def test_profit_after_refunds_is_the_margin_of_lesson_07(company):
    refunds = {"refunds": cost_to_serve.refund_cost(company.orders, company.returns, DAY)}
    profit = customer_profit(company.orders, company.order_lines, DAY, refunds)["profit_cents"]
    margin = customer_margin(company.orders, company.order_lines, DAY, returns=company.returns)
    pd.testing.assert_series_equal(profit, margin, check_names=False)


def test_a_record_without_an_order_costs_money_too(company):
    profit = customer_profit(company.orders, company.order_lines, DAY, all_costs(company, DAY))
    without = profit[profit["revenue_cents"] == 0]
    assert len(without) and (without["profit_cents"] <= 0).all()


def test_the_held_out_cost_nothing_and_credit_is_a_cost(company):
    bare = cost_to_serve.marketing_cost(company.campaigns, company.campaign_contacts, company.as_of)
    sent = company.campaign_contacts[company.campaign_contacts["arm"] == "treatment"]
    price = company.campaigns.set_index("campaign_id")["contact_cost_cents"]
    assert bare["amount_cents"].sum() == sent["campaign_id"].map(price).sum()
    full = cost_to_serve.marketing_cost(
        company.campaigns, company.campaign_contacts, company.as_of, responses=company.campaign_responses
    )
    credit = company.campaign_responses["credit_cents"].fillna(0).sum()
    assert full["amount_cents"].sum() - bare["amount_cents"].sum() == credit > 0


def test_contacts_cost_the_time_of_agents_and_campaign_calls_are_paid_for(company):
    table = company.interactions
    found = cost_to_serve.contact_cost(table, company.agents, company.as_of)
    own = table[table["customer_id"].notna() & (table["direction"] == "inbound") & table["agent_id"].notna()]
    own = own[own["ended_at"].notna()].merge(company.agents, on="agent_id")
    seconds = (own["ended_at"] - own["answered_at"]).dt.total_seconds() + own["wrap_up_seconds"]
    by_hand = (seconds * own["hourly_wage_cents"] / 3_600).sum()
    assert found["amount_cents"].sum() == pytest.approx(by_hand, abs=len(found) / 2)
    inbound = table[table["direction"] == "inbound"]
    pd.testing.assert_frame_equal(found, cost_to_serve.contact_cost(inbound, company.agents, company.as_of))


def test_nothing_after_the_day_counts(company):
    early, late = all_costs(company, DAY), all_costs(company, company.as_of)
    for name, table in early.items():
        assert table["amount_cents"].sum() < late[name]["amount_cents"].sum(), name
    kept = company.returns[company.returns["return_date"] <= pd.Timestamp(DAY)]
    pd.testing.assert_frame_equal(early["refunds"], cost_to_serve.refund_cost(company.orders, kept, DAY))


def test_a_day_without_costs_gives_empty_tables(company):
    before = dt.date(2020, 1, 1)
    for name, table in all_costs(company, before).items():
        assert table.empty and list(table.columns) == ["customer_id", "amount_cents"], name
        assert table["amount_cents"].dtype == "int64"
    profit = customer_profit(company.orders, company.order_lines, before, all_costs(company, before))
    assert profit.empty


def test_inputs_stay_as_they_are(company):
    tables = [company.orders, company.order_lines, company.returns, company.campaign_contacts]
    copies = [table.copy() for table in tables]
    customer_profit(company.orders, company.order_lines, DAY, all_costs(company, DAY))
    for table, copy in zip(tables, copies, strict=True):
        pd.testing.assert_frame_equal(table, copy)


def test_work_costs_its_time_and_an_unknown_caller_is_nobodys():
    found = cost_to_serve.work_cost([3, None, 3, 9], [60, 3600, 30, 0], cents_per_hour=2_400)
    assert found.to_dict("list") == {"customer_id": [3, 9], "amount_cents": [60, 0]}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cost_to_serve.delivery_cost(pd.DataFrame({"client": [1]}), DAY, cents_per_parcel=1), "customer_id"),
        (lambda: cost_to_serve.work_cost([1], [-5], cents_per_hour=100), "below 0"),
        (lambda: cost_to_serve.work_cost([1], [5], cents_per_hour=-1), "cents_per_hour has values"),
        (lambda: cost_to_serve.cost_table([1, None], [5, 5]), "without a customer_id"),
        (lambda: whale_curve([]), "empty"),
        (lambda: whale_peak([1.0, np.nan]), "missing"),
        (lambda: whale_peak([1, -1]), "adds up to 0"),
    ],
)
def test_errors_say_what_was_found(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_cost_cannot_take_the_name_of_a_column(company):
    costs = {"goods": cost_to_serve.acquisition_cost(company.customers, DAY)}
    with pytest.raises(ValueError, match="costs has 'goods'"):
        customer_profit(company.orders, company.order_lines, DAY, costs)


profits = st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=60).filter(lambda values: sum(values) > 0)


@given(profits)
def test_the_curve_ends_at_one_and_its_top_is_the_peak(values):
    curve, peak = whale_curve(values), whale_peak(values)
    assert curve["share_of_profit"].iloc[-1] == 1 and len(curve) == len(values) + 1
    assert curve["share_of_profit"].max() == pytest.approx(peak.share_of_profit)
    assert peak.share_of_profit >= 1
    assert peak.loss == pytest.approx((peak.share_of_profit - 1) * sum(values), abs=1e-6)
    steps = np.diff(curve["share_of_profit"])
    assert (np.diff(steps) <= 1e-12).all()  # the best first: ever smaller steps


@given(profits, st.randoms())
def test_the_order_of_customers_does_not_matter(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert whale_peak(shuffled) == whale_peak(values)


def test_equal_customers_have_no_whale():
    assert whale_peak([5, 5, 5]) == WhalePeak(1.0, 1.0, 0, 0.0)
    assert whale_peak([7]) == WhalePeak(1.0, 1.0, 0, 0.0)


def test_repeat_customers_are_not_cheaper_to_serve(company):
    # Reinartz and Kumar (2002); nothing may be planted that says otherwise.
    orders = company.orders[company.orders["subscription_id"].isna()].sort_values(
        ["customer_id", "order_date", "order_id"]
    )
    number = orders.groupby("customer_id").cumcount() + 1
    steady = orders.groupby("customer_id")["order_id"].transform("size") >= 5
    parcels = (orders["channel"] == "web")[steady].groupby(number[steady]).mean()
    assert parcels[5] == pytest.approx(parcels[1], abs=0.06)
