"""The models of lifetime value on simulated customers: planted parameters, intervals, and customers of every kind."""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from clv_processes import beta_geo_customers, gamma_gamma_customers, pareto_customers
from companies import hidden
from joblib import parallel_config
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

from crmlab.analytical.lifetime_value import (
    BetaGeoModel,
    BoundaryWarning,
    GammaGammaModel,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
    bootstrap,
    customer_lifetime_value,
    rate_per_period,
)
from crmlab.analytical.lifetime_value.beta_geo import _purchases_while_alive
from crmlab.analytical.lifetime_value.customer_rows import purchase_rows, spend_rows
from crmlab.analytical.lifetime_value.pareto_nbd import _left_between
from crmlab.company import Assumptions

BETA_GEO = {"r": 0.8, "alpha": 6.0, "a": 0.8, "b": 3.0}
PARETO = {"r": 0.8, "alpha": 6.0, "s": 0.6, "beta": 12.0}
GAMMA_GAMMA = {"p": 6.25, "q": 3.74, "v": 15.44}


def drawn(model, customers, seed):
    """Customers from the model's own process with the parameters above."""
    if model is ParetoNBDModel:
        return pareto_customers(customers, seed, **PARETO, weeks=80)
    return beta_geo_customers(customers, seed, **BETA_GEO, weeks=80, modified=model is ModifiedBetaGeoModel)


def planted(model):
    return PARETO if model is ParetoNBDModel else BETA_GEO


TRANSACTION_MODELS = pytest.mark.parametrize("model", [BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel])


# --- planted parameters -----------------------------------------------------------------------------------------------


@TRANSACTION_MODELS
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_parameters_are_found(model, seed):
    fitted = model().fit(drawn(model, 20_000, seed))
    for name, true in planted(model).items():
        found, error = fitted.parameters_[name], fitted.standard_errors_[name]
        assert abs(found - true) < 4 * error
        assert error < 0.25 * true


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_spend_is_found(seed):
    summary = gamma_gamma_customers(10_000, seed, **GAMMA_GAMMA)
    fitted = GammaGammaModel().fit(summary)
    for name, true in GAMMA_GAMMA.items():
        assert abs(fitted.parameters_[name] - true) < 4 * fitted.standard_errors_[name]
    expected = fitted.expected_customer_spend(summary)
    # Nearer to the true means than the customers' own means are, and right on average.
    repeat = (summary["frequency"] > 0).to_numpy()
    error = [abs(each - summary["true_mean"])[repeat].mean() for each in (expected, summary["monetary_value"])]
    assert error[0] < 0.95 * error[1]
    assert expected.mean() == pytest.approx(summary["true_mean"].mean(), rel=0.03)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_company_s_planted_process_is_found_on_its_seasonal_clock(seed):
    given = Assumptions()
    truth = hidden(seed, absent="leak", people=20_000)["relationships"]
    clock = truth.rename(
        columns={
            "process_repeat_purchases": "frequency",
            "process_recency_clock_weeks": "recency",
            "process_observed_clock_weeks": "T",
        }
    )
    fitted = ModifiedBetaGeoModel().fit(clock)
    planted = (given.purchase_r, given.purchase_alpha, given.dropout_a, given.dropout_b)
    for name, true in zip(("r", "alpha", "a", "b"), planted, strict=True):
        assert abs(fitted.parameters_[name] - true) < 4 * fitted.standard_errors_[name]
        assert fitted.parameters_[name] == pytest.approx(true, rel=0.15)
    alive = fitted.expected_probability_alive(clock)
    assert alive.mean() == pytest.approx(truth["process_alive"].mean(), abs=0.02)
    # The plain BG/NBD takes everyone who bought once for alive; here most of them have gone.
    once = (clock["frequency"] == 0).to_numpy()
    assert (BetaGeoModel().fit(clock).expected_probability_alive(clock)[once] == 1).all()
    assert alive[once].mean() == pytest.approx(truth.loc[once, "process_alive"].mean(), abs=0.03)


@TRANSACTION_MODELS
def test_the_probability_of_being_alive_is_the_share_that_is(model):
    customers = drawn(model, 60_000, 5)
    alive = model.from_parameters(**planted(model)).expected_probability_alive(customers)
    tenth = pd.qcut(alive + 1e-9 * np.arange(len(alive)), 10, labels=False)
    for number in range(10):
        share = customers["alive"].to_numpy()[tenth == number]
        assert share.mean() == pytest.approx(alive[tenth == number].mean(), abs=0.025)


@TRANSACTION_MODELS
def test_expected_purchases_are_what_comes(model):
    # The same customers seen until week T and until week T + 26: the same process, so compare with a later summary.
    parameters = planted(model)
    fitted = model.from_parameters(**parameters)
    known = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
    for time in (1.0, 26.0, 520.0):
        new = fitted.expected_purchases_new_customer(time)
        assert fitted.expected_purchases(known, time) == pytest.approx([new], rel=1e-12)
    customers = drawn(model, 60_000, 6)
    expected = fitted.expected_purchases_new_customer(customers["T"].to_numpy()[:2_000])
    error = customers["frequency"].std() / np.sqrt(2_000)
    assert abs(expected.mean() - customers["frequency"][:2_000].mean()) < 4 * error


# --- how sure ---------------------------------------------------------------------------------------------------------


@TRANSACTION_MODELS
def test_intervals_cover_the_truth_as_often_as_they_say(model):
    covered, trials = 0, 60
    for seed in range(trials):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundaryWarning)
            intervals = model().fit(drawn(model, 3_000, 100 + seed)).confidence_intervals(0.9)
        covered += sum(low < planted(model)[name] < high for name, (low, high) in intervals.items())
    # 240 intervals at 90 %, not independent within a sample.
    assert 0.83 < covered / (4 * trials) < 0.97


def test_bootstrap_agrees_with_the_observed_information_and_repeats_itself():
    summary = drawn(BetaGeoModel, 3_000, 1)
    model = BetaGeoModel()
    draws = bootstrap(model, summary, draws=80, seed=7)
    assert draws.shape == (80, 4)
    assert not hasattr(model, "r_")
    errors = list(BetaGeoModel().fit(summary).standard_errors_.values())
    np.testing.assert_allclose(draws.std(axis=0), errors, rtol=0.5)
    with parallel_config(backend="threading", n_jobs=2):
        np.testing.assert_array_equal(bootstrap(model, summary, draws=3, seed=7), draws[:3])
    assert not np.array_equal(bootstrap(model, summary, draws=3, seed=8), draws[:3])
    a_year = bootstrap(model, summary, lambda fitted: fitted.expected_purchases_new_customer(52), draws=5, seed=7)
    assert a_year.shape == (5,)


# --- the mathematics --------------------------------------------------------------------------------------------------


@TRANSACTION_MODELS
def test_gradients_are_those_of_the_likelihood(model):
    rows = purchase_rows(drawn(model, 500, 3))
    check_gradient(model(), rows, np.log([0.7, 5.0, 0.9, 8.0]))


def test_gradient_of_the_gamma_gamma_model():
    model = GammaGammaModel()
    check_gradient(model, model._rows(gamma_gamma_customers(500, 3, **GAMMA_GAMMA)), np.log([4.0, 3.0, 20.0]))


def check_gradient(model, rows, point):
    log_likelihood = model._log_likelihood_of(rows)
    gradient = log_likelihood(point)[1]
    for i, move in enumerate(1e-5 * np.eye(len(point))):
        slope = (log_likelihood(point + move)[0] - log_likelihood(point - move)[0]) / 2e-5
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("x", [0, 3, 300])
@pytest.mark.parametrize("shape", [0.1, 1.0, 20.0])
@pytest.mark.parametrize(("alpha", "beta"), [(10.0, 12.0), (0.05, 50.0), (80.0, 0.02)])
def test_the_pareto_integral_for_scales_near_and_far(x, shape, alpha, beta):
    recency, age = (0.0 if x == 0 else 20.0), 90.0
    found = _left_between(shape, alpha, 0.6, beta, *(np.array([float(each)]) for each in (x, recency, age)))[0][0]

    def integrand(u):
        grown = -(shape + x) * np.log((alpha + u) / (alpha + recency)) - 1.6 * np.log((beta + u) / (beta + recency))
        return np.exp(grown)

    edges = np.concatenate([[recency], recency + np.geomspace(1e-6, age - recency, 60)])
    total = sum(quad(integrand, low, high)[0] for low, high in pairwise(edges))
    expected = np.log(total) - (shape + x) * np.log(alpha + recency) - 1.6 * np.log(beta + recency)
    assert found == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("a", "b"), [(0.8, 2.4), (1.0, 1.0), (0.05, 30.0), (40.0, 300.0)])
@pytest.mark.parametrize(("shape", "rate", "time"), [(0.24, 4.4, 52.0), (300.5, 43.0, 52.0), (0.24, 0.4, 520.0)])
def test_the_mean_over_leaving_probabilities(a, b, shape, rate, time):
    def purchases(p):
        return -np.expm1(-shape * np.log1p(p * time / rate)) / p

    # By quantiles: the density itself may be infinite at an end.
    edges = np.concatenate([[1e-13], np.geomspace(1e-12, 0.5, 40), 1 - np.geomspace(0.5, 1e-12, 40)[1:]])
    points, weights = np.polynomial.legendre.leggauss(12)
    half = (edges[1:] - edges[:-1])[:, None] / 2
    quantile = edges[:-1, None] + half * (1 + points)
    p = np.maximum(beta_distribution.ppf(quantile, a, b), 1e-300)
    expected = (purchases(p) * half * weights).sum()
    assert _purchases_while_alive(shape, np.array([rate]), a, b, time)[0] == pytest.approx(expected, rel=2e-6)


@TRANSACTION_MODELS
def test_more_time_brings_more_purchases_and_silence_makes_death_likelier(model):
    fitted = model.from_parameters(**planted(model))
    customers = drawn(model, 300, 9)
    expected = np.array([fitted.expected_purchases(customers, time) for time in (0, 1, 10, 100, 1_000)])
    assert (expected[0] == 0).all()
    assert (np.diff(expected, axis=0) > 0).all()
    silence = pd.DataFrame({"frequency": 3, "recency": 20.0, "T": np.linspace(20, 200, 50)})
    alive = fitted.expected_probability_alive(silence)
    assert (np.diff(alive) < 0).all()
    assert ((alive > 0) & (alive <= 1)).all()
    over_time = fitted.expected_purchases_new_customer(np.array([[0.0, 1.0], [10.0, 100.0]]))
    assert over_time.shape == (2, 2)
    assert over_time[0, 0] == 0


def test_the_scale_of_time_does_not_matter():
    weeks = drawn(ParetoNBDModel, 2_000, 2)
    days = weeks.assign(recency=weeks["recency"] * 7, T=weeks["T"] * 7)
    for model, scales in ((BetaGeoModel, ["alpha"]), (ParetoNBDModel, ["alpha", "beta"])):
        in_weeks, in_days = model().fit(weeks), model().fit(days)
        for name, value in in_weeks.parameters_.items():
            assert in_days.parameters_[name] == pytest.approx(value * (7 if name in scales else 1), rel=1e-4)


# --- customers of every kind ------------------------------------------------------------------------------------------

AWKWARD = {
    "one customer": [(1, 3.0, 9.0)],
    "one customer who bought once": [(0, 0.0, 9.0)],
    "one customer since today": [(0, 0.0, 0.0)],
    "no repeat buyers": [(0, 0.0, float(week)) for week in range(1, 40)],
    "all the same": [(2, 10.0, 20.0)] * 50,
    "300 purchases": [(300, 50.0, 52.0), (0, 0.0, 52.0), (3, 20.0, 52.0), (1, 1.0, 40.0)],
    "5,000 purchases": [(5_000, 51.9, 52.0), (5_000, 5.0, 52.0), (0, 0.0, 52.0)],
    "nobody leaves": [(week, week - 0.001, float(week)) for week in range(1, 60)],
    "bought on the last day": [(3, 12.0, 12.0), (2, 12.0, 12.0), (0, 0.0, 12.0)],
}


@TRANSACTION_MODELS
@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_customers_give_numbers(model, kind):
    summary = pd.DataFrame(AWKWARD[kind], columns=["frequency", "recency", "T"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", BoundaryWarning)
        fitted = model().fit(summary)
        predictions = [
            fitted.expected_probability_alive(summary),
            *(fitted.expected_purchases(summary, time) for time in (0, 1e-9, 52, 1e5)),
            fitted.expected_purchases_new_customer([0, 52, 1e5]),
            list(fitted.parameters_.values()),
        ]
    for each in predictions:
        assert np.isfinite(each).all()
        assert (np.asarray(each) >= 0).all()
    assert np.isfinite(fitted.log_likelihood_)
    for low, high in fitted.confidence_intervals().values():
        assert 0 <= low <= high


@TRANSACTION_MODELS
def test_a_boundary_answer_comes_with_a_warning_that_names_it(model):
    once = pd.DataFrame({"frequency": 0, "recency": 0.0, "T": np.arange(1.0, 40.0)})
    with pytest.warns(BoundaryWarning, match=f"{model.__name__}: the 39 customers say little about"):
        fitted = model().fit(once)
    assert fitted.at_boundary_
    assert fitted.expected_purchases(once, 52).max() < 0.01


def test_no_answer_is_lost_where_small_samples_made_lifetimes_fail():
    # 40 samples of 200 customers, half of them with hardly any who leave.
    for seed in range(40):
        process = BETA_GEO if seed % 2 else {**BETA_GEO, "a": 0.05, "b": 20.0}
        summary = beta_geo_customers(200, seed, **process, weeks=60)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundaryWarning)
            fitted = BetaGeoModel().fit(summary)
        truth = BetaGeoModel.from_parameters(**process)._log_likelihood_of(purchase_rows(summary))
        assert fitted.log_likelihood_ >= truth(np.log(list(process.values())))[0]


def test_spend_without_a_repeat_purchase_and_with_equal_values():
    equal = pd.DataFrame({"frequency": [1, 2, 3, 4], "monetary_value": 20.0})
    with pytest.warns(BoundaryWarning):
        fitted = GammaGammaModel().fit(equal)
    np.testing.assert_allclose(fitted.expected_customer_spend(equal), 20.0, rtol=0.05)
    with pytest.raises(ValueError, match="no customer with a repeat purchase"):
        GammaGammaModel().fit(pd.DataFrame({"frequency": [0, 0], "monetary_value": [0.0, 0.0]}))
    with pytest.raises(ValueError, match="'monetary_value' has 0 for a customer with repeat purchases"):
        GammaGammaModel().fit(pd.DataFrame({"frequency": [1, 2], "monetary_value": [0.0, 5.0]}))
    heavy = GammaGammaModel.from_parameters(p=2.0, q=0.9, v=10.0)
    with pytest.warns(BoundaryWarning, match="q = 0.9 is not above 1"):
        assert heavy.expected_customer_spend(pd.DataFrame({"frequency": [0], "monetary_value": [0.0]}))[0] == np.inf


def test_equal_rows_are_one_row_with_a_weight():
    summary = pd.DataFrame({"frequency": [1, 0, 1, 1], "recency": [2.0, 0.0, 2.0, 3.0], "T": [5.0, 5.0, 5.0, 5.0]})
    rows = purchase_rows(summary)
    assert rows.weight.tolist() == [2, 1, 1]
    assert rows.group_of.tolist() == [0, 1, 0, 2]
    for column in summary:
        assert rows[column][rows.group_of].tolist() == summary[column].tolist()
    assert spend_rows(summary.assign(monetary_value=[3.0, 0.0, 3.0, 3.0])).weight.tolist() == [3, 1]


def test_polars_and_pandas_give_the_same_and_nothing_is_changed():
    summary = drawn(BetaGeoModel, 500, 4)[["frequency", "recency", "T"]]
    before = summary.copy(deep=True)
    fitted, from_polars = BetaGeoModel().fit(summary), BetaGeoModel().fit(pl.from_pandas(summary))
    assert fitted.parameters_ == from_polars.parameters_
    np.testing.assert_array_equal(
        fitted.expected_purchases(summary, 9), fitted.expected_purchases(pl.from_pandas(summary).lazy(), 9)
    )
    pd.testing.assert_frame_equal(summary, before)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"frequency": 0.5}, r"'frequency' has 0.5 in row 1, expected whole numbers"),
        ({"frequency": -1}, r"'frequency' has -1 in row 1, expected finite numbers, 0 or more"),
        ({"recency": 30.0}, r"'recency' has 30 in row 1, expected at most T"),
        ({"frequency": 0}, r"'recency' has 5 in row 1, expected 0 without a repeat purchase: recency runs from the"),
        ({"T": np.nan}, r"'T' has nan in row 1, expected finite"),
    ],
)
def test_messages_say_what_is_wrong(row, message):
    good = {"frequency": 2.0, "recency": 5.0, "T": 20.0}
    with pytest.raises(ValueError, match=message):
        BetaGeoModel().fit(pd.DataFrame([good, {**good, **row}]))


def test_messages_about_columns_and_models():
    with pytest.raises(ValueError, match=r"summary has no column 'recency' \(found: frequency, T\)"):
        BetaGeoModel().fit(pd.DataFrame({"frequency": [1], "T": [2.0]}))
    with pytest.raises(ValueError, match="summary has no rows"):
        ParetoNBDModel().fit(pd.DataFrame({"frequency": [], "recency": [], "T": []}, dtype=float))
    with pytest.raises(TypeError, match=r"expected \['a', 'alpha', 'b', 'r'\]"):
        BetaGeoModel.from_parameters(r=1, alpha=1)
    with pytest.raises(ValueError, match="parameter s is -1"):
        ParetoNBDModel.from_parameters(r=1, alpha=1, s=-1, beta=1)
    with pytest.raises(ValueError, match="has no parameters yet"):
        BetaGeoModel().expected_purchases_new_customer(1)
    with pytest.raises(ValueError, match=r"future_t is -1, expected 0 or more"):
        BetaGeoModel.from_parameters(**BETA_GEO).expected_purchases(drawn(BetaGeoModel, 5, 1), -1)
    with pytest.raises(ValueError, match="made from parameters, expected one that was fitted"):
        BetaGeoModel.from_parameters(**BETA_GEO).confidence_intervals()


# --- value ------------------------------------------------------------------------------------------------------------


def test_value_is_discounted_purchases_times_what_a_purchase_brings():
    purchases, spend = BetaGeoModel.from_parameters(**BETA_GEO), GammaGammaModel.from_parameters(**GAMMA_GAMMA)
    customers = drawn(BetaGeoModel, 50, 1).assign(monetary_value=lambda table: 20.0 * (table["frequency"] > 0))
    month = 365.25 / 12 / 7
    undiscounted = spend.customer_lifetime_value(purchases, customers, 12, 0.0)
    a_year = purchases.expected_purchases(customers, 12 * month) * spend.expected_customer_spend(customers)
    np.testing.assert_allclose(undiscounted, a_year, rtol=1e-9)
    one = purchases.expected_purchases(customers, month)
    two = purchases.expected_purchases(customers, 2 * month) - one
    by_hand = (one / 1.02 + two / 1.02**2) * (spend.expected_customer_spend(customers) * 0.4 - 3.0)
    found = customer_lifetime_value(purchases, spend, customers, 2, 0.02, margin=0.4, support_cost_per_purchase=3.0)
    np.testing.assert_allclose(found, by_hand, rtol=1e-12)
    in_days = BetaGeoModel.from_parameters(**{**BETA_GEO, "alpha": 42.0})
    days = customers.assign(recency=customers["recency"] * 7, T=customers["T"] * 7)
    in_days_found = customer_lifetime_value(in_days, spend, days, 12, 0.01, time_unit="D")
    np.testing.assert_allclose(in_days_found, customer_lifetime_value(purchases, spend, customers, 12, 0.01), rtol=1e-9)


def test_a_yearly_rate_makes_itself_again_in_a_year():
    for periods in (12, 365.25 / 7, 1):
        assert (1 + rate_per_period(0.15, periods)) ** periods == pytest.approx(1.15)
    with pytest.raises(ValueError, match="annual_rate is -1"):
        rate_per_period(-1, 12)


@pytest.mark.parametrize(
    "arguments", [{"months": 0}, {"months": 1.5}, {"monthly_discount_rate": -1}, {"time_unit": "M"}]
)
def test_messages_about_value(arguments):
    (name,) = arguments
    customers = pd.DataFrame({"frequency": [1], "recency": [1.0], "T": [2.0], "monetary_value": [9.0]})
    models = BetaGeoModel.from_parameters(**BETA_GEO), GammaGammaModel.from_parameters(**GAMMA_GAMMA)
    with pytest.raises(ValueError, match=f"{name} is "):
        customer_lifetime_value(*models, customers, **arguments)
