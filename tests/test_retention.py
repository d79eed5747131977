"""Retention: the published shifted-beta-geometric, cohorts by hand, survival against other ways to compute it."""

import datetime as dt
from itertools import pairwise

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from companies import observed
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.lifetime_value import BoundaryWarning
from crmlab.analytical.retention import (
    ShiftedBetaGeometricModel,
    churn_over_periods,
    churn_rate,
    cohort_triangle,
    log_rank_test,
    retention_curve,
    survival_curve,
)

# Fader and Hardie (2007), How to Project Customer Retention, who took them from Berry and Linoff (2004): customers of a
# cohort of 1,000 left after each year. Not read in the paper itself, but in public programs that quote it: two carry
# all twelve years, two more the first seven, with alpha 0.704 and beta 1.182 for the regular customers.
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]


# --- shifted-beta-geometric -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta"), [(REGULAR, 0.704, 1.182), (HIGH_END, 0.668, 3.806)], ids=["Regular", "High End"]
)
def test_fader_and_hardie_2007(survivors, alpha, beta):
    # Fitted to the first seven years, as in the paper; the next five are the test.
    model = ShiftedBetaGeometricModel().fit(survivors[:8])
    assert (round(model.alpha_, 3), round(model.beta_, 3)) == (alpha, beta)
    projected = model.survival(np.arange(13))
    np.testing.assert_allclose(projected, np.array(survivors) / 1000, atol=0.02)
    assert model.at_boundary_ == ()


def test_retention_rises_though_nobody_changes():
    model = ShiftedBetaGeometricModel.from_parameters(alpha=0.704, beta=1.182)
    rates = model.retention_rate(np.arange(1, 200))
    assert (np.diff(rates) > 0).all()
    assert rates[:4].round(2).tolist() == [0.63, 0.76, 0.82, 0.86]
    np.testing.assert_allclose(np.cumprod(rates), model.survival(np.arange(1, 200)))
    assert model.survival(0) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_retention_is_found_from_cohorts_of_different_ages(seed):
    rng = np.random.default_rng(seed)
    cohorts = np.full((6, 7), np.nan)
    for cohort in range(6):
        lifetime = rng.geometric(rng.beta(0.7, 2.0, 3_000))
        for age in range(7 - cohort):
            cohorts[cohort, age] = (lifetime > age).sum()
    model = ShiftedBetaGeometricModel().fit(cohorts)
    for name, true in (("alpha", 0.7), ("beta", 2.0)):
        assert abs(getattr(model, f"{name}_") - true) < 4 * model.standard_errors_[name]
        assert model.standard_errors_[name] < 0.1 * true


def test_boundary_answers_warn_and_predict():
    for survivors, expected in (([100, 100, 100], 1.0), ([1000, 500, 250, 125], 0.5)):
        with pytest.warns(BoundaryWarning, match="ShiftedBetaGeometricModel"):
            model = ShiftedBetaGeometricModel().fit(survivors)
        assert model.retention_rate([1, 2]) == pytest.approx([expected] * 2, abs=0.01)
    with pytest.raises(ValueError, match="nobody at risk"):
        ShiftedBetaGeometricModel().fit([0, 0])
    with pytest.raises(ValueError, match="period is 0, expected whole numbers from 1 up"):
        model.retention_rate(0)
    with pytest.raises(ValueError, match="no parameters yet"):
        ShiftedBetaGeometricModel().survival(1)
    with pytest.raises(ValueError, match="parameter beta is 0"):
        ShiftedBetaGeometricModel.from_parameters(alpha=1, beta=0)


# --- curves and triangles ---------------------------------------------------------------------------------------------


def test_the_classic_retention_rates():
    curve = retention_curve(REGULAR[:5])
    assert (100 * curve["retention_rate"]).round().tolist() == [63, 74, 82, 85]
    assert curve["at_risk"].tolist() == REGULAR[:4]
    np.testing.assert_allclose(curve["survival"], np.array(REGULAR[1:5]) / 1000)


def test_several_cohorts_by_hand():
    curve = retention_curve([[100, 80, 60], [50, 45, np.nan], [30, np.nan, np.nan]])
    assert curve["at_risk"].tolist() == [150, 80]
    assert curve["lost"].tolist() == [25, 20]
    assert curve["survival"].round(6).tolist() == [0.833333, 0.625]
    with pytest.raises(ValueError, match="5 at age 0 and 6 at age 1, expected numbers that never rise"):
        retention_curve([5, 6])
    with pytest.raises(ValueError, match="missing number before a known one"):
        retention_curve([5, np.nan, 3])
    with pytest.raises(ValueError, match="two ages at least"):
        retention_curve([5])


def order_table(rows):
    orders = pd.DataFrame(rows, columns=["customer_id", "order_date"])
    return orders.assign(order_date=pd.to_datetime(orders["order_date"]).astype("datetime64[us]"))


def test_a_triangle_by_hand_on_every_engine():
    orders = order_table(
        [("a", "2024-11-30"), ("a", "2024-11-02"), ("a", "2025-01-31"), ("b", "2024-11-15"), ("b", "2025-02-10"),
         ("c", "2025-01-01"), ("c", "2025-02-27"), ("d", "2025-02-28"), ("e", "2025-03-01")]
    )  # fmt: skip
    triangle = cohort_triangle(orders, dt.date(2025, 2, 28))
    assert triangle.index.astype(str).tolist() == ["2024-11", "2024-12", "2025-01", "2025-02"]
    na = pd.NA
    expected = [[2, 0, 1, 1], [0, 0, 0, na], [1, 1, na, na], [1, na, na, na]]
    pd.testing.assert_frame_equal(
        triangle, pd.DataFrame(expected, index=triangle.index, columns=triangle.columns, dtype="Int64")
    )
    # A month cut short by the last day known is left out.
    for as_of in (dt.date(2025, 3, 1), dt.date(2025, 3, 30)):
        pd.testing.assert_frame_equal(cohort_triangle(orders, as_of), triangle)
    assert cohort_triangle(orders, dt.date(2025, 3, 31)).shape == (5, 5)
    polars = pl.from_pandas(orders)
    with duckdb.connect() as connection:
        for table in (polars, polars.lazy(), connection.from_df(orders)):
            pd.testing.assert_frame_equal(cohort_triangle(table, dt.date(2025, 2, 28)), triangle)
    with pytest.raises(ValueError, match="no order in a whole month up to 2024-11-20"):
        cohort_triangle(orders, dt.date(2024, 11, 20))


def test_the_company_s_triangle_counts_every_customer_once_and_never_more_than_its_cohort():
    company = observed()
    triangle = cohort_triangle(company.orders, company.as_of)
    assert triangle.shape == (36, 36)
    assert triangle[0].sum() == company.orders["customer_id"].nunique()
    assert (triangle.le(triangle[0], axis=0) | triangle.isna()).all(axis=None)
    assert triangle.isna().sum(axis=None) == 36 * 35 / 2
    active = company.orders.assign(month=company.orders["order_date"].dt.to_period("M"))
    assert triangle.sum(axis=None) == len(active.drop_duplicates(["customer_id", "month"]))


# --- churn rates ------------------------------------------------------------------------------------------------------


def contract_table(rows):
    contracts = pd.DataFrame(rows, columns=["start_date", "end_date"])
    return contracts.apply(lambda column: pd.to_datetime(column).astype("datetime64[us]"))


CONTRACTS = contract_table(
    [
        ("2024-06-01", None),
        ("2024-06-01", "2025-01-01"),  # lost on the first day
        ("2024-12-31", "2025-01-31"),  # lost on the last
        ("2024-12-31", "2025-02-01"),
        ("2024-06-01", "2024-12-31"),  # gone before
        ("2025-01-01", None),  # arrived
        ("2025-01-15", "2025-01-20"),  # arrived and left again
        ("2025-02-01", None),
    ]
)
JANUARY = dt.date(2025, 1, 1), dt.date(2025, 1, 31)


def test_churn_by_hand_on_every_engine():
    expected = {"customers_at_start": 4, "lost": 2, "arrived": 2, "churn_rate": 0.5}
    polars = pl.from_pandas(CONTRACTS)
    with duckdb.connect() as connection:
        for table in (CONTRACTS, polars, polars.lazy(), connection.from_df(CONTRACTS)):
            assert churn_rate(table, *JANUARY) == expected


def test_arrivals_do_not_change_the_churn_rate():
    more = pd.concat([CONTRACTS, contract_table([("2025-01-10", None), ("2025-01-11", "2025-01-12")] * 50)])
    assert churn_rate(more, *JANUARY)["churn_rate"] == 0.5


def test_months_of_the_company_add_up():
    contracts = observed().subscriptions
    months = pd.period_range("2024-01", "2024-12", freq="M")
    found = [churn_rate(contracts, month.start_time.date(), month.end_time.date()) for month in months]
    ended = contracts["end_date"].dt.year == 2024
    both = ended & (contracts["start_date"].dt.to_period("M") == contracts["end_date"].dt.to_period("M"))
    assert sum(month["lost"] for month in found) == ended.sum() - both.sum()
    for before, after in pairwise(found):
        # Those who arrived and left within a month show in neither.
        left = before["customers_at_start"] - before["lost"] + before["arrived"] - after["customers_at_start"]
        assert 0 <= left <= both.sum()


def test_messages_about_churn():
    with pytest.raises(ValueError, match="nobody at the start of 2020-01-01"):
        churn_rate(CONTRACTS, dt.date(2020, 1, 1), dt.date(2020, 1, 31))
    with pytest.raises(ValueError, match="last_day is 2025-01-01, expected 2025-01-31"):
        churn_rate(CONTRACTS, *reversed(JANUARY))
    with pytest.raises(ValueError, match=r"contracts has no column 'end_date' \(found: start_date\)"):
        churn_rate(CONTRACTS[["start_date"]], *JANUARY)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.integers(1, 24))
def test_churn_over_months_is_what_is_left_of_one(churn, months):
    assert churn_over_periods(churn, months) == pytest.approx(1 - (1 - churn) ** months, abs=1e-12)
    assert churn_over_periods(churn, months) <= min(1, months * churn) + 1e-12
    assert churn_over_periods([churn], 1).tolist() == pytest.approx([churn])


def test_messages_about_periods():
    with pytest.raises(ValueError, match="churn is 5, expected shares"):
        churn_over_periods(5, 12)
    with pytest.raises(ValueError, match="periods is 0"):
        churn_over_periods(0.1, 0)


# --- survival ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=60))
def test_kaplan_meier_as_a_product_of_shares(customers):
    durations, ended = zip(*customers, strict=True)
    if not any(ended):
        with pytest.raises(ValueError, match="nobody who left"):
            survival_curve(durations, ended)
        return
    curve = survival_curve(durations, ended)
    left, survival = 1.0, []
    for time in sorted({duration for duration, end in customers if end}):
        at_risk = sum(duration >= time for duration in durations)
        left *= 1 - sum(end and duration == time for duration, end in customers) / at_risk
        survival.append(left)
    np.testing.assert_allclose(curve["survival"], survival, atol=1e-12)
    assert (curve["survival"].diff().dropna() <= 0).all()
    assert curve.notna().all(axis=None)
    assert ((curve["lower"] <= curve["survival"]) & (curve["survival"] <= curve["upper"])).all()


def test_survival_without_censoring_is_the_share_that_lasts_longer():
    durations = np.random.default_rng(1).integers(1, 30, 500)
    curve = survival_curve(durations, np.ones(500, dtype=bool))
    expected = [(durations > time).mean() for time in curve["duration"]]
    np.testing.assert_allclose(curve["survival"], expected, atol=1e-12)


def test_dropping_those_still_there_makes_lifetimes_too_short():
    rng = np.random.default_rng(2)
    lifetime, seen = rng.exponential(10, 4_000), rng.uniform(0, 20, 4_000)
    durations, ended = np.minimum(lifetime, seen), lifetime <= seen
    honest = survival_curve(durations, ended).set_index("duration")["survival"]
    dropped = survival_curve(durations[ended], ended[ended]).set_index("duration")["survival"]
    at_ten = [curve[curve.index <= 10].iloc[-1] for curve in (honest, dropped)]
    assert at_ten[0] == pytest.approx(np.exp(-1), abs=0.03)
    assert at_ten[1] < 0.25


def test_the_log_rank_test_finds_a_difference_and_invents_none():
    rng = np.random.default_rng(3)
    group = np.repeat(["web", "store"], 300)
    p_values = []
    for _ in range(200):
        lifetime, seen = rng.exponential(10, 600), rng.uniform(0, 25, 600)
        p_values.append(log_rank_test(np.minimum(lifetime, seen), lifetime <= seen, group)["p_value"])
    assert 0.01 < (np.array(p_values) < 0.05).mean() < 0.10
    lifetime = rng.exponential(np.where(group == "web", 7, 12))
    assert log_rank_test(np.minimum(lifetime, seen), lifetime <= seen, group)["p_value"] < 1e-4


def test_messages_about_survival():
    with pytest.raises(ValueError, match=r"ended has shape \(1,\), expected \(2,\)"):
        survival_curve([1, 2], [True])
    with pytest.raises(ValueError, match="durations has negative"):
        survival_curve([-1, 2], [True, True])
    with pytest.raises(ValueError, match="ended has other values than True and False"):
        survival_curve([1, 2], [2, 0])
    with pytest.raises(ValueError, match="group has 1 different values"):
        log_rank_test([1, 2], [True, True], ["a", "a"])
