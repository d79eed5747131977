"""Own rhythm, reactivation, lookalikes and the next purchase."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed

from crmlab.analytical import prediction as pred
from crmlab.analytical.segmentation import customer_margin


def orders_of(*days_by_customer):
    rows = [(i, day) for i, days in enumerate(days_by_customer, start=1) for day in days]
    return pd.DataFrame(rows, columns=["customer_id", "order_date"]).assign(
        order_date=lambda t: pd.Timestamp("2025-01-01") + pd.to_timedelta(t["order_date"], unit="D")
    )


def test_one_purchase_or_one_day_has_no_rhythm():
    rhythm = pred.own_rhythm(orders_of([0], [3, 3]), dt.date(2025, 3, 1))
    assert rhythm["gaps"].tolist() == [0, 0]
    assert rhythm[["mean_gap_days", "silence_over_gap", "chance_of_silence"]].isna().all(axis=None)


def test_the_same_silence_is_stranger_for_whoever_bought_more_often():
    rhythm = pred.own_rhythm(orders_of(range(0, 100, 10), [0, 90], [0, 45, 90]), dt.date(2025, 7, 9))
    assert rhythm["silence_days"].to_numpy().tolist() == [99] * 3
    assert rhythm.loc[1, "chance_of_silence"] < rhythm.loc[3, "chance_of_silence"] < rhythm.loc[2, "chance_of_silence"]


def test_the_chance_of_silence_is_uniform_for_customers_who_go_on():
    """Exponential gaps with a rate that is known only from the gaps before: the prediction has to be honest."""
    rng = np.random.default_rng(3)
    gaps = rng.exponential(40, (4_000, 6))
    between, silence = gaps[:, :5].sum(axis=1), gaps[:, 5]
    chance = (between / (between + silence)) ** 5
    assert np.quantile(chance, [0.05, 0.5]) == pytest.approx([0.05, 0.5], abs=0.03)


def test_the_pace_is_one_in_the_mean_of_the_year_and_fast_before_christmas():
    company = observed()
    pace = pred.seasonal_pace(company.orders, company.as_of)
    days = pd.date_range("2025-01-01", "2025-12-31").month
    assert pace[days].mean() == pytest.approx(1, abs=0.01)
    assert pace[12] > pace[7]


def test_the_pace_needs_a_year():
    with pytest.raises(ValueError, match="a whole year at least"):
        pred.seasonal_pace(orders_of([0, 30]), dt.date(2025, 3, 1))


@pytest.mark.parametrize("seed", [11, 12])
def test_silence_against_the_own_rhythm_finds_those_who_left(seed):
    company, truth = observed(seed), hidden(seed)
    rhythm = pred.own_rhythm(company.orders, company.as_of, pred.seasonal_pace(company.orders, company.as_of))
    person = truth["records"].set_index("customer_id")["person_id"]
    active = truth["relationships"].set_index("person_id")["is_active"].reindex(person.reindex(rhythm.index)).to_numpy()
    often = rhythm["gaps"] >= 2
    strange, usual = rhythm["chance_of_silence"] <= 0.02, rhythm["chance_of_silence"] >= 0.5
    assert active[often & strange].mean() < 0.05
    assert active[often & usual].mean() > 0.6


def test_reactivation_counts_purchases_and_not_deliveries():
    contacts = pd.DataFrame({"customer_id": [1, 2, 3, 4], "arm": ["treatment", "treatment", "control", "control"]})
    orders = pd.DataFrame(
        {
            "customer_id": [1, 2, 1, 3],
            "order_date": pd.to_datetime(["2025-06-03", "2025-06-10", "2025-06-20", "2025-06-02"]),
            "subscription_id": [np.nan, 7, np.nan, np.nan],
        }
    )
    result = pred.measure_reactivation(contacts, orders, dt.date(2025, 6, 3), 14)
    assert (result.came_back.treated, result.came_back.control) == (0.5, 0.0)
    assert result.incremental == 1.0 and result.low <= 1.0 <= result.high
    with pytest.raises(ValueError, match="customer 1 more than once"):
        pred.measure_reactivation(pd.concat([contacts, contacts]), orders, dt.date(2025, 6, 3), 14)


@pytest.mark.parametrize("seed", [11, 12])
def test_lookalikes_find_planted_twins(seed):
    company, truth = observed(seed), hidden(seed)["prospects"].set_index("prospect_id")
    margin = customer_margin(company.orders, company.order_lines, company.as_of, returns=company.returns)
    profiles = pred.customer_profiles(company.customers, company.orders, company.order_lines, company.products)
    is_best = profiles.index.isin(margin.nlargest(len(margin) // 20).index)
    likest = pred.lookalike_scores(profiles, is_best, pred.prospect_profiles(company.prospects)).index[:50]
    assert truth["is_twin"].reindex(likest).mean() > 1.8 * truth["is_twin"].mean()


def test_who_may_not_be_written_to_is_left_out_and_the_reason_said():
    prospects = pd.DataFrame(
        {"prospect_id": [1, 2, 3, 4], "email": ["A@example.com", "b@example.com", "c@example.com", "d@example.com"],
         "email_opt_in": [True, True, False, True]}
    )  # fmt: skip
    points = pd.DataFrame({"kind": ["email"], "value": ["a@EXAMPLE.com"]})
    consents = pd.DataFrame({"kind": ["email"], "value": ["b@example.com"], "action": ["opt_out"]})
    reason = pred.exclusion_reasons(prospects, points, consents)
    assert reason.fillna("").tolist() == ["already_customer", "opted_out", "no_permission", ""]


def test_selection_rates_of_equal_treatment():
    group = pd.Series(["a", "b"] * 50)
    table = pred.selection_rates(range(20), group)
    assert table["ratio"].tolist() == [1.0, 1.0] and table["could"].tolist() == [50, 50]
    with pytest.raises(ValueError, match="nobody"):
        pred.selection_rates([], group)


def test_the_next_product_looks_at_no_later_order():
    company = observed()
    day = pd.Timestamp("2025-06-30")
    orders = company.orders[company.orders["subscription_id"].isna()]
    guess = pred.next_product(orders, company.order_lines, day)
    known = orders[orders["order_date"] <= day]
    lines = company.order_lines[company.order_lines["order_id"].isin(known["order_id"])]
    pd.testing.assert_frame_equal(guess, pred.next_product(known, lines, day))


def test_the_next_product_is_what_mostly_followed_and_else_the_commonest():
    orders = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2, 3, 4],
            "order_id": [1, 2, 3, 4, 5, 6],
            "order_date": pd.to_datetime(["2025-01-01", "2025-02-01"] * 2 + ["2025-03-01", "2025-03-01"]),
        }
    )
    lines = pd.DataFrame({"order_id": [1, 2, 3, 4, 5, 6], "product_id": [7, 8, 7, 8, 7, 9]})
    guess = pred.next_product(orders, lines, dt.date(2025, 3, 31), min_count=2)
    assert guess.loc[3].tolist() == [8, 1.0]
    assert guess.loc[4, "next_product_id"] == 7 and np.isnan(guess.loc[4, "confidence"])


def test_expected_purchases_add_up_to_about_what_came():
    company = observed()
    day = pd.Timestamp("2025-03-31")
    orders = company.orders[company.orders["subscription_id"].isna()]
    expected = pred.expected_next_purchases(orders, day, 90)
    came = orders[(orders["order_date"] > day) & (orders["order_date"] <= day + pd.Timedelta(days=90))]
    came = came["customer_id"].isin(expected.index).sum()
    assert 0.6 < expected.sum() / came < 1.7
