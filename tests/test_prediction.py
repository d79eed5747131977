"""Feature tables that cannot see the future, predictions and their scores, and money."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from companies import observed
from hypothesis import given
from hypothesis import strategies as st

from crmlab.analytical import prediction as pred

DAY = dt.date(2025, 6, 30)


@pytest.fixture(scope="module")
def company():
    return observed()


@pytest.fixture(scope="module")
def features(company):
    return pred.customer_features(company, DAY)


@pytest.fixture(scope="module")
def churned(company, features):
    return pred.churn_label(company, features.index, DAY)


def test_nothing_after_the_day_is_in_the_cut_tables(company):
    then = pred.known_at(company, DAY)
    assert then.orders["order_date"].max() <= pd.Timestamp(DAY)
    assert then.orders["delivered_date"].max() <= pd.Timestamp(DAY)
    assert then.returns["return_date"].max() <= pd.Timestamp(DAY)
    assert then.subscriptions["end_date"].max() <= pd.Timestamp(DAY)
    assert set(then.order_lines["order_id"]) == set(then.orders["order_id"])
    assert company.orders["delivered_date"].max() > pd.Timestamp(DAY)


def test_exit_reasons_come_with_the_end_and_not_before(company):
    then = pred.known_at(company, DAY).subscriptions
    assert then.loc[then["end_date"].isna(), "exit_reason"].isna().all()


def test_tables_without_dates_and_days_to_come_are_refused(company):
    with pytest.raises(AttributeError, match="'contact_points' cannot be cut"):
        pred.known_at(company, DAY).contact_points  # noqa: B018
    with pytest.raises(ValueError, match="the last known"):
        pred.known_at(company, dt.date(2026, 1, 1))


def test_products_come_without_the_prices_of_the_last_day(company):
    assert "list_price_cents" not in pred.known_at(company, DAY).products


def test_the_feature_table_does_not_leak(company, churned):
    report = pred.check_no_leak(pred.customer_features, company, DAY, label=churned)
    assert not report["leaks"].any()
    assert list(report.index) == list(pred.FEATURE_DEFINITIONS.index)


def test_a_feature_from_after_the_day_is_caught(company, churned):
    def careless(company, as_of):
        table = pred.customer_features(company, as_of)
        returned = company.orders.loc[company.orders["order_id"].isin(company.returns["order_id"]), "customer_id"]
        return table.assign(returns=returned.value_counts().reindex(table.index, fill_value=0))

    report = pred.check_no_leak(careless, company, DAY)
    assert report.index[report["leaks"]].tolist() == ["returns"]


def test_a_feature_that_is_too_good_is_caught_though_it_comes_from_nowhere(company, features, churned):
    def oracle(company, as_of):
        return features.assign(code=churned.astype(int))

    report = pred.check_no_leak(oracle, company, DAY, label=churned)
    assert report.loc["code", "changed"] == 0
    assert report.index[report["leaks"]].tolist() == ["code"]


def test_features_by_hand(company, features):
    orders = company.orders[company.orders["subscription_id"].isna() & (company.orders["order_date"] <= "2025-06-30")]
    days = (pd.Timestamp(DAY) - orders["order_date"]).dt.days
    by = days.groupby(orders["customer_id"])
    known = by.min()[by.min() <= 365]
    assert features["days_since_last_purchase"].to_dict() == known.to_dict()
    assert features["orders"].to_dict() == by.size()[known.index].to_dict()
    recent = (days < 180).groupby(orders["customer_id"]).sum()
    assert features["orders_180_days"].to_dict() == recent[known.index].to_dict()
    mean = orders.groupby("customer_id")["amount_cents"].mean()
    np.testing.assert_allclose(features["mean_order_cents"], mean[known.index])
    gift = company.products.loc[company.products["category"] == "gift", "product_id"]
    lines = company.order_lines[company.order_lines["product_id"].isin(gift)]
    has_gift = orders["order_id"].isin(lines["order_id"]).groupby(orders["customer_id"]).mean()
    np.testing.assert_allclose(features["gift_share"], has_gift[known.index])


def test_the_label_waits_until_its_days_are_over(company, features, churned):
    orders = company.orders[company.orders["subscription_id"].isna()]
    after = orders[(orders["order_date"] > "2025-06-30") & (orders["order_date"] <= "2025-09-28")]
    assert churned.index[~churned].equals(features.index[features.index.isin(after["customer_id"])])
    with pytest.raises(ValueError, match="expected 2025-12-31"):
        pred.churn_label(company, features.index, dt.date(2025, 11, 1))


def test_a_model_of_last_year_beats_the_base_rate_this_year(company, features, churned):
    before = DAY - dt.timedelta(days=364)
    past = pred.customer_features(company, before)
    for kind in ("logistic", "boosting"):
        model = pred.ChurnModel(kind).fit(past, pred.churn_label(company, past.index, before))
        scores = pred.score_predictions(churned, model.predict(features))
        assert scores["auc"] > 0.7
        assert scores["brier"] < scores["brier_of_base_rate"]


def test_contributions_add_up_to_the_log_odds(features, churned):
    model = pred.ChurnModel().fit(features, churned)
    risk = model.predict(features)
    log_odds = np.log(risk / (1 - risk))
    offset = log_odds - model.contributions(features).sum(axis=1)
    np.testing.assert_allclose(offset, offset.iloc[0], atol=1e-6)
    with pytest.raises(ValueError, match="'logistic'"):
        pred.ChurnModel("boosting").fit(features, churned).contributions(features)


def test_the_list_of_those_at_risk_stands_by_expected_loss(features, churned):
    model = pred.ChurnModel().fit(features, churned)
    listed = pred.at_risk_list(model, features, features["margin_365_days_cents"])
    assert listed["expected_loss_cents"].is_monotonic_decreasing
    assert (listed["value_cents"] >= 0).all()


def test_a_model_says_what_is_wrong_with_a_table(features, churned):
    model = pred.ChurnModel().fit(features, churned)
    with pytest.raises(ValueError, match="no column 'orders'"):
        model.predict(features.drop(columns="orders"))
    with pytest.raises(ValueError, match="'tenure_days' has missing"):
        model.predict(features.astype({"tenure_days": float}).assign(tenure_days=np.nan))
    with pytest.raises(ValueError, match="leavers and stayers"):
        pred.ChurnModel().fit(features, np.ones(len(features), dtype=bool))


risks = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=60).filter(
    lambda rows: 0 < sum(left for left, _ in rows) < len(rows)
)


@given(risks)
def test_scores_stay_within_their_bounds(rows):
    left, risk = (list(each) for each in zip(*rows, strict=True))
    scores = pred.score_predictions(left, risk)
    assert 0 <= scores["auc"] <= 1 and 0 <= scores["brier"] <= 1
    assert 0 <= scores["top_decile_lift"] <= 1 / scores["base_rate"] + 1e-9
    table = pred.calibration_table(left, risk)
    assert table["customers"].sum() == len(left)
    np.testing.assert_allclose((table["observed"] * table["customers"]).sum(), sum(left))


def test_equal_risks_give_a_lift_of_one():
    assert pred.top_decile_lift([True, False] * 20, [0.3] * 40) == pytest.approx(1)


def test_the_threshold_from_money_is_where_the_profit_turns():
    risk = pred.break_even_risk(1500, 10_000, 0.3)
    assert risk == pytest.approx(0.5)
    at_threshold = np.arange(100) < 100 * risk
    assert pred.offer_profit(at_threshold, 10_000, 1500, 0.3) == pytest.approx(0)
    with pytest.raises(ValueError, match="never pays"):
        pred.break_even_risk(1500, 10_000, 0)


def test_the_profit_curve_ends_at_the_profit_of_all():
    left = np.array([True, False, True, False])
    curve = pred.profit_curve([4, 3, 2, 1], left, [100, 200, 300, 400], 20, 0.5)
    assert curve["contacts"].tolist() == [0, 1, 2, 3, 4]
    assert curve["profit_cents"].iloc[-1] == pred.offer_profit(left, [100, 200, 300, 400], 20, 0.5)


def test_profit_by_depth_finds_a_planted_effect():
    rng = np.random.default_rng(5)
    responsive, treated = rng.random(20_000) < 0.2, rng.random(20_000) < 0.5
    left = 5_000 + 3_000 * (responsive & treated) - 1_000 * treated + rng.normal(0, 500, 20_000)
    curve = pred.profit_by_depth(responsive.astype(float), left, treated)
    assert pred.profit_at(curve, 0.15) == pytest.approx(responsive.sum() * 2_000, rel=0.06)
    assert pred.profit_at(curve, 1.0) == pytest.approx(responsive.sum() * 3_000 - 20_000 * 1_000, rel=0.06)
