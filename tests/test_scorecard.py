"""The scorecard against a slow count by hand, and on small tables where the right number can be seen."""

import math

import pandas as pd
import pytest
from companies import observed
from pandas.errors import MergeError

from crmlab.analytical.scorecard import compound_growth_rate, line_margins, scorecard

ORDERS = pd.DataFrame(
    {
        "order_id": [1, 2, 3, 4, 5],
        "customer_id": [7, 8, 7, 7, 9],
        "order_date": pd.to_datetime(["2024-02-01", "2024-03-01", "2025-01-01", "2025-06-01", "2025-07-01"]),
    }
)
LINES = pd.DataFrame(
    {
        "order_line_id": [1, 2, 3, 4, 5, 6],
        "order_id": [1, 2, 3, 4, 5, 5],
        "product_id": [1, 1, 1, 2, 1, 2],
        "quantity": [1, 2, 1, 3, 1, 1],
        "unit_price_cents": [1000, 1000, 1100, 500, 1100, 500],
        "unit_cost_cents": [600, 600, 600, 200, 600, 200],
    }
)
RETURNS = pd.DataFrame({"order_line_id": [4, 4], "refund_cents": [500, 500]})


def test_new_customers_are_in_neither_count_of_retention():
    card = scorecard(ORDERS, LINES, RETURNS, [2024, 2025])
    assert math.isnan(card.loc[2024, "retention_rate"])
    assert card.loc[2025, "retention_rate"] == 0.5
    assert card.loc[2025, "customers"] == 2


def test_an_order_with_two_lines_is_no_repeat():
    card = scorecard(ORDERS, LINES, RETURNS, [2025])
    assert card.loc[2025, "repeat_rate"] == 0.5


def test_two_refunds_of_a_line_add_up_and_the_goods_stay_paid():
    margins = line_margins(ORDERS, LINES, RETURNS).set_index("order_line_id")["margin_cents"]
    assert margins.to_dict() == {1: 400, 2: 800, 3: 500, 4: 1500 - 1000 - 600, 5: 500, 6: 300}
    assert scorecard(ORDERS, LINES, RETURNS, [2025]).loc[2025, "margin_per_customer_cents"] == (500 - 100 + 800) / 2


def test_the_scorecard_of_a_company_agrees_with_a_count_order_by_order():
    company = observed()
    price = dict(zip(company.orders["order_id"], company.orders["amount_cents"], strict=True))
    customers: dict[int, dict[int, int]] = {2024: {}, 2025: {}}
    revenue = dict.fromkeys(customers, 0)
    year_of_order = {}
    for order_id, customer_id, day in company.orders[["order_id", "customer_id", "order_date"]].itertuples(index=False):
        year_of_order[order_id] = day.year
        if day.year in customers:
            customers[day.year][customer_id] = customers[day.year].get(customer_id, 0) + 1
            revenue[day.year] += price[order_id]
    for order_id, refund in company.returns[["order_id", "refund_cents"]].itertuples(index=False):
        if year_of_order[order_id] in revenue:
            revenue[year_of_order[order_id]] -= refund
    card = scorecard(company.orders, company.order_lines, company.returns, [2024, 2025])
    stayed = sum(customer in customers[2025] for customer in customers[2024])
    assert card.loc[2025, "retention_rate"] == stayed / len(customers[2024])
    assert card["revenue_cents"].to_dict() == revenue
    for year, counts in customers.items():
        assert card.loc[year, "customers"] == len(counts)
        assert card.loc[year, "repeat_rate"] == pytest.approx(sum(n > 1 for n in counts.values()) / len(counts))


def test_the_tables_given_stay_as_they_were():
    before = [table.copy() for table in (ORDERS, LINES, RETURNS)]
    scorecard(ORDERS, LINES, RETURNS, [2025])
    for table, kept in zip((ORDERS, LINES, RETURNS), before, strict=True):
        pd.testing.assert_frame_equal(table, kept)


def test_what_cannot_be_counted_is_named():
    with pytest.raises(ValueError, match="orders has none in 2023 \\(found: 2024 to 2025\\)"):
        scorecard(ORDERS, LINES, RETURNS, [2023])
    with pytest.raises(ValueError, match="order_lines has 2 rows without their order \\(one: order_id 5\\)"):
        line_margins(ORDERS[ORDERS["order_id"] < 5], LINES, RETURNS)
    with pytest.raises(ValueError, match="returns has no column 'refund_cents'"):
        line_margins(ORDERS, LINES, RETURNS[["order_line_id"]])
    with pytest.raises(MergeError):
        line_margins(pd.concat([ORDERS, ORDERS]), LINES, RETURNS)


def test_growth_compounds():
    rate = compound_growth_rate([100, 90, 144])
    assert 100 * (1 + rate) ** 2 == pytest.approx(144)
    for wrong in ([], [5], [0, 5], [5, -1]):
        with pytest.raises(ValueError, match="growth"):
            compound_growth_rate(wrong)
