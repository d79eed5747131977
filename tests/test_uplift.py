"""Uplift: right where the effect is known, about zero where nothing is there."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from crmlab.analytical.uplift import TransformedOutcomeUplift, TwoModelUplift, qini_coefficient, qini_curve


def experiment(people, effect, seed, treated_share=0.5):
    """Two features: the first makes people buy, the second decides what the message changes."""
    rng = np.random.default_rng(seed)
    X = rng.random((people, 2))
    treated = rng.random(people) < treated_share
    uplift = effect * (X[:, 1] - 0.5)
    bought = rng.random(people) < 0.15 + 0.4 * X[:, 0] + uplift * treated
    return X, bought.astype(int), treated.astype(int), uplift


MODELS = [TwoModelUplift(), TwoModelUplift(LinearRegression()), TransformedOutcomeUplift()]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("treated_share", [0.5, 0.8])
def test_the_planted_uplift_is_found(model, treated_share):
    model = clone(model)
    X, bought, treated, _ = experiment(20_000, 0.3, 1, treated_share)
    new_X, new_bought, new_treated, truth = experiment(20_000, 0.3, 2, treated_share)
    predicted = model.fit(X, bought, treated).predict(new_X)
    assert np.corrcoef(predicted, truth)[0, 1] > 0.9
    assert np.polyfit(predicted, truth, 1)[0] == pytest.approx(1, abs=0.25)
    assert qini_coefficient(predicted, new_bought, new_treated) > 0.015
    # Who is likely to buy anyway is not who is changed.
    alone = treated == 0
    likely = LogisticRegression().fit(X[alone], bought[alone]).predict_proba(new_X)[:, 1]
    assert qini_coefficient(likely, new_bought, new_treated) < 0.01


def test_qini_of_nothing_is_about_zero():
    coefficients = []
    for seed in range(20):
        X, bought, treated, _ = experiment(4000, 0.0, seed)
        new_X, new_bought, new_treated, _ = experiment(4000, 0.0, 100 + seed)
        predicted = TransformedOutcomeUplift().fit(X, bought, treated).predict(new_X)
        coefficients.append(qini_coefficient(predicted, new_bought, new_treated))
    assert abs(np.mean(coefficients)) < 0.003
    assert np.max(np.abs(coefficients)) < 0.02
    assert min(coefficients) < 0 < max(coefficients)


def test_the_curve_where_half_are_persuaded_and_half_put_off():
    # 400 people whom the message makes buy, 400 whom it keeps from buying; half of each treated.
    persuaded = np.repeat([1, 0], 400)
    treated = np.tile([1, 0], 400)
    bought = np.where(persuaded == 1, treated, 1 - treated)
    curve = qini_curve(persuaded, bought, treated)
    # The persuadable half brings 200 buyers among 400 treated; the other half loses them again.
    assert curve.to_numpy().tolist() == [[0, 0], [0.5, 0.5], [1, 0]]
    assert qini_coefficient(persuaded, bought, treated) == 0.25
    assert qini_coefficient(1 - persuaded, bought, treated) == -0.25
    assert qini_coefficient(np.zeros(800), bought, treated) == 0


def test_the_curve_ends_at_the_effect_of_mailing_everybody_whatever_the_order():
    _, bought, treated, _ = experiment(3000, 0.3, 5)
    effect = bought[treated == 1].mean() - bought[treated == 0].mean()
    for seed in range(3):
        curve = qini_curve(np.random.default_rng(seed).random(3000), bought, treated)
        assert curve["incremental"].iloc[-1] == pytest.approx(effect)
        assert curve["share_targeted"].iloc[-1] == 1
    # A lot is as good as the straight line.
    lots = [qini_coefficient(np.random.default_rng(s).random(3000), bought, treated) for s in range(40)]
    assert abs(np.mean(lots)) < 0.004


def test_ties_stand_at_one_depth_in_any_order_of_rows():
    _, bought, treated, _ = experiment(500, 0.3, 6)
    score = np.random.default_rng(1).integers(0, 4, 500)
    curve = qini_curve(score, bought, treated)
    assert len(curve) == 5
    mixed = np.random.default_rng(2).permutation(500)
    assert np.allclose(qini_curve(score[mixed], bought[mixed], treated[mixed]), curve)


def test_models_leave_their_settings_alone_and_take_other_estimators():
    regressor = GradientBoostingRegressor(n_estimators=20, random_state=1)
    model = TransformedOutcomeUplift(regressor)
    X, bought, treated, truth = experiment(8000, 0.6, 7)
    first, second = (model.fit(X, bought, treated).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not hasattr(regressor, "estimators_")
    assert model.treated_share_ == treated.mean() and model.n_features_in_ == 2
    assert np.corrcoef(first, truth)[0, 1] > 0.7


def test_errors():
    X, bought, treated, _ = experiment(50, 0.3, 8)
    with pytest.raises(ValueError, match="treated has 0 of 50 customers, expected some in each group"):
        TwoModelUplift().fit(X, bought, np.zeros(50))
    with pytest.raises(ValueError, match=r"outcome is 0\.0 for every treated customer, expected both 0 and 1"):
        TwoModelUplift().fit(X, bought * (1 - treated), treated)
    with pytest.raises(ValueError, match=r"outcome has shape \(49,\), expected \(50,\)"):
        TransformedOutcomeUplift().fit(X, bought[:49], treated)
    with pytest.raises(ValueError, match=r"treated has 2\.0, expected 0 and 1"):
        qini_curve(X[:, 0], bought, treated + 1)
    with pytest.raises(ValueError, match="X has values that are no numbers"):
        TwoModelUplift().fit(np.where(X > 0.5, np.nan, X), bought, treated)
    with pytest.raises(ValueError, match=r"X has shape \(50,\)"):
        TwoModelUplift().fit(X[:, 0], bought, treated)
