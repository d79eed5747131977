"""Share of customer, targets, ranked lists and kinds of visitors."""

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from companies import hidden, observed
from hypothesis import given
from hypothesis import strategies as st

from crmlab.analytical.experiments import lift
from crmlab.analytical.ranked_lists import profit_at, top_decile_lift
from crmlab.analytical.selling_targets import selling_targets
from crmlab.analytical.share_of_customer import share_of_customer, share_of_customer_by_year
from crmlab.analytical.visitor_segments import visitor_segments

YEAR = (dt.date(2025, 1, 1), dt.date(2025, 12, 31))


@pytest.fixture(scope="module")
def tables():
    company = observed()
    return (
        company.orders[["customer_id", "order_id", "order_date", "amount_cents"]],
        company.order_lines,
        company.products,
    )


# --- share of customer ------------------------------------------------------------------------------------------------


def test_counts_agree_with_counting_by_hand(tables):
    orders, lines, products = tables
    counted = share_of_customer(orders, lines, products, *YEAR).set_index("customer_id")
    in_year = orders[orders["order_date"].dt.year == 2025].merge(lines, on="order_id").merge(products, on="product_id")
    by_hand = in_year.groupby("customer_id").agg(
        orders=("order_id", "nunique"), products=("product_id", "nunique"), categories=("category", "nunique")
    )
    pd.testing.assert_frame_equal(counted, by_hand, check_index_type=False)


def test_engines_agree(tables):
    orders, lines, products = (
        frame[columns]
        for frame, columns in zip(
            tables,
            (["customer_id", "order_id", "order_date"], ["order_id", "product_id"], ["product_id", "category"]),
            strict=True,
        )
    )
    expected = share_of_customer(orders, lines, products, *YEAR)
    frames = [pl.from_pandas(frame) for frame in (orders, lines, products)]
    assert share_of_customer(*frames, *YEAR).to_pandas().equals(expected)
    connection = duckdb.connect()
    relations = [connection.from_df(frame) for frame in (orders, lines, products)]
    found = share_of_customer(*relations, *YEAR).df().sort_values("customer_id", ignore_index=True)
    assert found.equals(expected)


def test_first_and_last_day_count_and_nothing_else():
    orders = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4],
            "order_id": [1, 2, 3, 4],
            "order_date": pd.to_datetime(
                ["2024-12-31 23:59", "2025-01-01", "2025-12-31 23:59", "2026-01-01"], format="ISO8601"
            ),
        }
    )
    lines = pd.DataFrame({"order_id": [1, 2, 3, 4], "product_id": [5] * 4})
    products = pd.DataFrame({"product_id": [5], "category": ["beans"]})
    assert share_of_customer(orders, lines, products, *YEAR)["customer_id"].to_list() == [2, 3]
    trend = share_of_customer_by_year(orders, lines, products, [2025, 2027])
    assert trend["customers"].to_list() == [2, 0] and trend.loc[2027].drop("customers").isna().all()
    with pytest.raises(ValueError, match="not in products"):
        share_of_customer(orders, lines.assign(product_id=6), products, *YEAR)
    with pytest.raises(ValueError, match="first is"):
        share_of_customer(orders, lines, products, *YEAR[::-1])
    with pytest.raises(TypeError, match="last is"):
        share_of_customer(orders, lines, products, YEAR[0], "2025")


# --- targets ----------------------------------------------------------------------------------------------------------


def test_facts_know_nothing_of_the_time_after(tables):
    orders, lines, products = tables
    day = dt.date(2025, 6, 30)
    facts = selling_targets(orders, lines, products, day, 90)
    cut = orders[orders["order_date"] <= pd.Timestamp(day)]
    known = selling_targets(cut, lines, products, day, 90)
    targets = ["cross_sell", "up_sell"]
    pd.testing.assert_frame_equal(facts.drop(columns=targets), known.drop(columns=targets))
    assert not known[targets].any(axis=None) and facts[targets].any().all()


def test_targets_by_hand():
    orders = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2, 3, 3],
            "order_id": [1, 2, 3, 4, 5, 6],
            "order_date": pd.to_datetime(["2025-01-01", "2025-02-01"] * 2 + ["2025-01-01", "2025-09-01"]),
            "amount_cents": 100,
        }
    )
    lines = pd.DataFrame({"order_id": [1, 2, 3, 4, 5, 6], "product_id": [10, 11, 10, 20, 10, 20]})
    products = pd.DataFrame({"product_id": [10, 11, 20], "category": ["beans", "beans", "gift"], "grade": [1, 2, 1]})
    found = selling_targets(orders, lines, products, dt.date(2025, 1, 15), days=60)
    assert found["up_sell"].to_list() == [True, False, False]
    assert found["cross_sell"].to_list() == [False, True, False]
    with pytest.raises(ValueError, match="none up to"):
        selling_targets(orders, lines, products, dt.date(2024, 1, 1), days=60)


# --- ranked lists -----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=60), st.randoms())
def test_lift_does_not_hang_on_the_order_of_rows(rows, random):
    if not any(outcome for _, outcome in rows):
        with pytest.raises(ValueError, match="0 for everybody"):
            top_decile_lift(*zip(*rows, strict=True))
        return
    found = top_decile_lift(*zip(*rows, strict=True))
    mixed = random.sample(rows, len(rows))
    assert found == pytest.approx(top_decile_lift(*zip(*mixed, strict=True)))
    assert 0 <= found <= len(rows) / sum(outcome for _, outcome in rows) + 1e-9
    assert top_decile_lift(*zip(*rows, strict=True), share=1) == pytest.approx(1)


def test_a_list_of_equal_scores_is_worth_nothing():
    assert top_decile_lift(np.zeros(50), np.arange(50) < 7) == pytest.approx(1)
    assert profit_at(np.zeros(4), [10, 20, 30, 40], k=2) == pytest.approx(50)
    assert profit_at([4, 3, 2, 1], [10, 20, 30, 40], k=4) == 100


def test_what_no_list_can_be_ranked_by():
    with pytest.raises(ValueError, match="shape"):
        top_decile_lift([1, 2], [1])
    with pytest.raises(ValueError, match="no numbers"):
        profit_at([1, np.nan], [1, 2], k=1)
    with pytest.raises(ValueError, match="k is 3"):
        profit_at([1, 2], [1, 2], k=3)


# --- kinds of visitors ------------------------------------------------------------------------------------------------


def test_only_who_accepts_cookies_is_put_into_a_segment():
    company = observed()
    visits = company.web_visits
    segments = visitor_segments(visits, company.products, "2025-12-15")
    before = visits[visits["visited_at"] < "2025-12-15"]
    assert (
        set(segments.index)
        == set(before["visitor_id"].dropna())
        == set(before.loc[before["cookie_consent"], "visitor_id"])
    )
    looked = before[before["product_id"].notna()]["visitor_id"].dropna()
    assert set(segments.index[segments != "stranger"]) == set(looked)


@pytest.mark.parametrize(("absent", "decision"), [("lift", "not shown"), ("", "roll out")])
def test_the_click_lift_is_found_where_it_was_planted(absent, decision):
    visits = observed(absent=absent).web_visits
    home = visits[(visits["page"] == "home") & visits["cookie_consent"]]
    views, clicks = home.groupby("variant").size(), home["clicked"].astype(int).groupby(home["variant"]).sum()
    result = lift(int(clicks["personal"]), int(views["personal"]), int(clicks["standard"]), int(views["standard"]))
    assert result.decision == decision
    # The truth: what the personal page adds to the chance of a click, in the mean.
    known = home.merge(hidden(absent=absent)["web_visits"], on="web_visit_id")
    chance = known.groupby("variant")["click_probability"].mean()
    assert result.low < chance["personal"] - chance["standard"] < result.high
