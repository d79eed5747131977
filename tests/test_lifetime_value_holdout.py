"""Holdout checks of a forecast, and the value of a customer who is still to come."""

import datetime as dt

import companies
import numpy as np
import pandas as pd
import pytest
from clv_processes import beta_geo_customers
from hypothesis import given
from hypothesis import strategies as st

from crmlab.analytical import lifetime_value as clv

FIT, CHECK = dt.date(2024, 9, 30), dt.date(2025, 9, 30)
PLANTED = {"r": 0.7, "alpha": 3.0, "a": 0.8, "b": 3.0}


@pytest.fixture(scope="module")
def orders():
    company = companies.observed()
    return company.orders[company.orders["subscription_id"].isna()]


@pytest.fixture(scope="module")
def held(orders):
    return clv.holdout_summary(orders, FIT, CHECK)


def test_holdout_counts_what_came_and_from_whom(orders, held):
    later = orders[(orders["order_date"] > "2024-09-30") & (orders["order_date"] <= "2025-09-30")]
    own = later[later["customer_id"].isin(held["customer_id"])]
    assert held["holdout_purchases"].sum() == len(own.drop_duplicates(["customer_id", "order_date"]))
    assert held["holdout_spend"].sum() == pytest.approx(own["amount_cents"].sum() / 100)
    before = orders[(orders["order_date"] > "2023-10-01") & (orders["order_date"] <= "2024-09-30")]
    assert held["before_purchases"].sum() == len(before.drop_duplicates(["customer_id", "order_date"]))


def test_what_is_known_does_not_depend_on_what_comes(orders, held):
    past = orders[orders["order_date"] <= "2024-09-30"]
    alone = clv.holdout_summary(past, FIT, CHECK)
    columns = ["customer_id", "frequency", "recency", "T", "monetary_value", "before_purchases"]
    pd.testing.assert_frame_equal(alone[columns], held[columns])
    assert not alone["holdout_purchases"].any() and not alone["holdout_spend"].any()


def test_a_day_has_one_purchase_and_a_refund_is_none():
    orders = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 1, 1],
            "order_date": pd.to_datetime(
                ["2025-01-01", "2025-02-01 09:00", "2025-02-01 18:00", "2025-02-03", "2025-03-01"], format="ISO8601"
            ),
            "amount_cents": [100, 200, 300, -50, 400],
        }
    )
    found = clv.holdout_summary(orders, dt.date(2025, 1, 31), dt.date(2025, 2, 28))
    assert found[["holdout_purchases", "holdout_spend"]].to_numpy().tolist() == [[1.0, 5.0]]


def test_a_holdout_ends_after_the_calibration(orders):
    with pytest.raises(ValueError, match="holdout_end is 2024-09-30, expected a day after"):
        clv.holdout_summary(orders, FIT, FIT)


def test_a_forecast_made_after_the_season_is_much_higher(orders):
    ratio = {}
    for end in (FIT, dt.date(2024, 12, 31)):
        rows = clv.holdout_summary(orders, end, end + dt.timedelta(days=365))
        expected = clv.ModifiedBetaGeoModel().fit(rows).expected_purchases(rows, 365 / 7)
        ratio[end.month] = expected.sum() / rows["holdout_purchases"].sum()
    assert 0.8 < ratio[9] < 1.6
    assert ratio[12] > ratio[9] + 0.15


def test_a_model_beats_last_year_in_the_squared_error(held):
    expected = clv.ModifiedBetaGeoModel().fit(held).expected_purchases(held, clv.holdout_length(FIT, CHECK))
    forecasts = {"model": expected, "last year": held["before_purchases"], "none": np.zeros(len(held))}
    found = clv.compare_forecasts(held["holdout_purchases"], forecasts)
    assert found["root_mean_squared_error"].idxmin() == "model"
    assert found.loc["none", "total"] == 0 and np.isnan(found.loc["none", "correlation"])


numbers = st.lists(st.integers(0, 40), min_size=2, max_size=40)


@given(numbers)
def test_the_truth_is_the_best_forecast(actual):
    found = clv.compare_forecasts(actual, {"truth": actual, "one more": np.array(actual) + 1})
    assert found.loc["truth", "mean_absolute_error"] == found.loc["truth", "root_mean_squared_error"] == 0
    assert found.loc["one more", "root_mean_squared_error"] == pytest.approx(1)


@given(numbers, st.integers(1, 9))
def test_calibration_loses_nobody(actual, highest):
    table = clv.calibration_by_frequency(actual, np.array(actual) / 2, actual, highest)
    assert table["customers"].sum() == len(actual)
    assert (table["customers"] * table["actual"]).sum() == pytest.approx(sum(actual))
    assert (table["customers"] * table["expected"]).sum() == pytest.approx(sum(actual) / 2)
    assert table.index.max() <= highest


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: clv.compare_forecasts([], {}), "actual is empty"),
        (lambda: clv.compare_forecasts([1, 2], {"a": [1]}), r"forecasts\['a'\] has 1 numbers, expected 2"),
        (lambda: clv.compare_forecasts([1], {"a": [np.nan]}), "1 missing or infinite"),
        (lambda: clv.calibration_by_frequency([1], [1], [1], 0), "highest is 0"),
        (lambda: clv.holdout_length(FIT, CHECK, "M"), "time_unit is 'M'"),
        (lambda: clv.new_customer_value(planted(), 1.0, months=0), "months is 0"),
        (lambda: clv.new_customer_value(planted(), 1.0, monthly_discount_rate=-1), "monthly_discount_rate is -1"),
    ],
)
def test_errors_say_what_was_found(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def planted():
    return clv.ModifiedBetaGeoModel.from_parameters(**PLANTED)


def test_the_value_of_a_new_customer_is_that_of_simulated_ones():
    # One year of customers who all start now, without a discount: first margin 30, each repeat purchase 20.
    simulated = beta_geo_customers(200_000, 5, **PLANTED, weeks=52, modified=True)
    value = clv.new_customer_value(planted(), 20.0, first_purchase_margin=30.0, months=12, monthly_discount_rate=0.0)
    by_age = simulated[simulated["T"] > 51]
    assert value == pytest.approx(30 + 20 * by_age["frequency"].mean(), rel=0.04)


def test_a_new_customer_is_worth_less_with_a_discount_and_more_with_time():
    values = [clv.new_customer_value(planted(), 20.0, months=months) for months in (6, 12, 36)]
    assert values == sorted(values) and values[0] > 0
    assert clv.new_customer_value(planted(), 20.0, months=36, monthly_discount_rate=0.0) > values[2]


def test_days_and_weeks_give_the_same_value():
    by_day = clv.ModifiedBetaGeoModel.from_parameters(**{**PLANTED, "alpha": 7 * PLANTED["alpha"]})
    one, other = (
        clv.new_customer_value(model, 20.0, time_unit=unit) for model, unit in ((planted(), "W"), (by_day, "D"))
    )
    assert one == pytest.approx(other, rel=1e-9)


def two_channels():
    rows = []
    for channel, r in (("dear", 1.2), ("cheap", 0.4)):
        won = beta_geo_customers(6_000, 3, **{**PLANTED, "r": r}, weeks=100, modified=True)
        rows.append(won.assign(acquisition_channel=channel))
    won = pd.concat(rows, ignore_index=True)
    return won.assign(first_margin=30.0, repeat_margin=won["frequency"] * 20.0, acquisition_cost=12.0)


def test_ceilings_find_the_planted_value_of_each_channel():
    found = clv.acquisition_ceilings(clv.ModifiedBetaGeoModel(), two_channels(), months=24)
    for channel, r in (("dear", 1.2), ("cheap", 0.4)):
        model = clv.ModifiedBetaGeoModel.from_parameters(**{**PLANTED, "r": r})
        right = clv.new_customer_value(model, 20.0, first_purchase_margin=30.0, months=24)
        assert found.loc[channel, "ceiling"] == pytest.approx(right, rel=0.06)
    assert (found["ceiling"] - found["room"]).tolist() == pytest.approx([12.0, 12.0])
    assert found["customers"].tolist() == [6_000, 6_000]


def test_a_channel_without_repeat_purchases_is_named():
    won = two_channels()
    won.loc[won["acquisition_channel"] == "cheap", ["frequency", "recency"]] = 0
    with pytest.raises(ValueError, match="nobody of acquisition_channel 'cheap' bought twice"):
        clv.acquisition_ceilings(clv.ModifiedBetaGeoModel(), won)
