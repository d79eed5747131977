"""Experiments: published intervals, coverage, sample sizes, corrections, and what peeking does."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import power_proportions_2indep

from crmlab.analytical.experiments import lift, measure_campaign, spend_lift
from crmlab.analytical.many_tests import correct_p_values, simulate_peeking
from crmlab.analytical.sample_size import contacts_needed, power_of_test

# --- intervals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Newcombe (1998), table II, method 10.
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_intervals_as_newcombe_published_them(counts, low, high):
    result = lift(*counts)
    assert (round(result.low, 4), round(result.high, 4)) == (low, high)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_an_interval_holds_its_difference_and_turns_with_the_groups(treated, control, share, other):
    buyers, others = round(share * treated), round(other * control)
    result, turned = lift(buyers, treated, others, control), lift(others, control, buyers, treated)
    assert -1 - 1e-9 <= result.low <= result.difference + 1e-9
    assert result.difference <= result.high + 1e-9 <= 1 + 1e-8
    assert (turned.low, turned.high) == pytest.approx((-result.high, -result.low))


def test_decisions():
    assert lift(120, 1000, 60, 1000).decision == "roll out"
    assert lift(60, 1000, 120, 1000).decision == "stop"
    assert lift(61, 1000, 60, 1000).decision == "not shown"
    assert lift(0, 1000, 0, 1000).decision == "not shown"
    assert lift(1000, 1000, 1000, 1000).decision == "not shown"
    assert lift(1000, 1000, 0, 1000).decision == "roll out"


@pytest.mark.parametrize(("rate", "effect", "held_out"), [(0.05, 0.01, 0.5), (0.01, 0.0, 0.1), (0.2, -0.03, 0.3)])
def test_a_95_percent_interval_of_conversion_holds_the_truth_in_95_of_100_campaigns(rate, effect, held_out):
    rng = np.random.default_rng(8)
    control = int(4000 * held_out)
    treated = 4000 - control
    bought = rng.binomial(treated, rate + effect, 1000), rng.binomial(control, rate, 1000)
    results = [lift(int(a), treated, int(b), control) for a, b in zip(*bought, strict=True)]
    assert 0.92 <= np.mean([result.low <= effect <= result.high for result in results]) <= 0.98


def test_a_95_percent_interval_of_spend_holds_the_truth_in_95_of_100_campaigns():
    rng = np.random.default_rng(9)
    amounts = np.exp(0.5**2 / 2) * 3000
    truth = (0.12 - 0.10) * amounts
    covered = 0
    for _ in range(1000):
        groups = [
            (rng.random(size) < rate) * 3000 * rng.lognormal(0, 0.5, size) for size, rate in ((1500, 0.12), (500, 0.10))
        ]
        result = spend_lift(*groups)
        covered += result.low <= truth <= result.high
    assert 920 <= covered <= 980


def test_welch_by_its_formula():
    rng = np.random.default_rng(1)
    treated, control = rng.normal(500, 200, 40), rng.normal(450, 50, 15)
    variance = treated.var(ddof=1) / 40, control.var(ddof=1) / 15
    freedom = sum(variance) ** 2 / (variance[0] ** 2 / 39 + variance[1] ** 2 / 14)
    result = spend_lift(treated, control, confidence=0.9)
    half = stats.t.ppf(0.95, freedom) * np.sqrt(sum(variance))
    assert (result.low, result.high) == pytest.approx((result.difference - half, result.difference + half))


# --- a campaign -------------------------------------------------------------------------------------------------------


def campaign(treated_spend, control_spend):
    arm = ["treatment"] * len(treated_spend) + ["control"] * len(control_spend)
    return pd.DataFrame({"arm": arm, "spend_cents": np.array([*treated_spend, *control_spend], dtype="int64")})


def test_a_campaign_by_hand():
    # 9,000 treated with 540 buyers (6 %), 1,000 held out with 40 (4 %): 180 buyers more than without.
    contacts = campaign([5000] * 540 + [0] * 8460, [5000] * 40 + [0] * 960)
    before = contacts.copy()
    for table in (contacts, pl.from_pandas(contacts)):
        result = measure_campaign(table, cost_cents=360_000)
        assert (result.treated, result.control) == (9000, 1000)
        assert result.conversion.difference == pytest.approx(0.02)
        assert result.incremental_buyers == 180
        assert result.incremental_revenue_cents == 900_000
        assert result.cost_per_incremental_buyer_cents == 2000
        assert result.conversion.decision == "roll out"
        assert result.spend_cents.difference == pytest.approx(100)
    pd.testing.assert_frame_equal(contacts, before)


def test_no_cost_per_buyer_where_no_buyer_is_shown():
    result = measure_campaign(campaign([5000] * 52 + [0] * 948, [5000] * 50 + [0] * 950), cost_cents=1000)
    assert result.conversion.decision == "not shown"
    assert result.cost_per_incremental_buyer_cents is None


def test_a_campaign_without_buyers():
    result = measure_campaign(campaign([0] * 500, [0] * 500), cost_cents=1000)
    assert result.conversion.decision == "not shown" and result.conversion.difference == 0
    assert result.spend_cents is None
    assert (result.incremental_buyers, result.incremental_revenue_cents) == (0, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lift(1, 10, 0, 0), "control is 0, expected at least one contact in each group"),
        (lambda: lift(11, 10, 0, 5), "buyers_treated is 11, expected no more than the 10 contacts of treated"),
        (lambda: lift(0.5, 10, 0, 5), r"buyers_treated is 0\.5, expected a whole number"),
        (lambda: lift(1, 10, 1, 10, confidence=95), "confidence is 95, expected a number between 0 and 1"),
        (lambda: spend_lift([1], [1, 2]), "treated_cents has shape"),
        (lambda: spend_lift([0, 0], [0, 0]), "treated_cents and control_cents are constant"),
        (lambda: spend_lift([0, np.nan], [0, 1]), "treated_cents has values that are no numbers"),
        (lambda: measure_campaign(campaign([1, 2], []), 0), "control is 0, expected at least one contact"),
        (lambda: measure_campaign(campaign([1], [2]).replace("control", "B"), 0), "column 'arm' holds 'B', expected"),
    ],
)  # fmt: skip
def test_errors_say_what_was_found_and_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- sample size ------------------------------------------------------------------------------------------------------


def test_five_against_six_percent_takes_8155_an_arm():
    assert contacts_needed(0.05, 0.06) == (8155, 8155)
    assert power_of_test(0.05, 0.06, 8155, 8155) >= 0.8 > power_of_test(0.05, 0.06, 8154, 8154)


@pytest.mark.parametrize(("p", "q", "power", "ratio"), [(0.1, 0.12, 0.9, 1), (0.02, 0.015, 0.8, 9), (0.5, 0.9, 0.8, 2)])
def test_the_smallest_groups_with_that_power(p, q, power, ratio):
    control, treated = contacts_needed(p, q, power, treated_per_control=ratio)
    assert treated == control * ratio
    assert power_of_test(p, q, control, treated) >= power
    assert power_of_test(p, q, control - 1, (control - 1) * ratio) < power


def test_power_is_that_of_simulated_campaigns_and_near_that_of_statsmodels():
    rng = np.random.default_rng(5)
    treated, control = rng.binomial(3000, 0.07, 20_000) / 3000, rng.binomial(2000, 0.05, 20_000) / 2000
    error = np.sqrt(treated * (1 - treated) / 3000 + control * (1 - control) / 2000)
    shown = (abs(treated - control) / error > 1.959964).mean()
    assert power_of_test(0.05, 0.07, 2000, 3000) == pytest.approx(shown, abs=0.02)
    theirs = power_proportions_2indep(0.02, 0.05, 2000, ratio=1.5, alpha=0.05).power
    assert power_of_test(0.05, 0.07, 2000, 3000) == pytest.approx(theirs, abs=0.02)
    assert power_of_test(0.05, 0.05, 2000, 3000, alpha=0.1) == pytest.approx(0.1)


def test_errors_of_sample_size():
    with pytest.raises(ValueError, match=r"both 0\.05, expected a difference to show"):
        contacts_needed(0.05, 0.05)
    with pytest.raises(ValueError, match="treated_rate is 1, expected a number between 0 and 1"):
        contacts_needed(0.05, 1)
    with pytest.raises(ValueError, match="power is 1, expected a number above alpha"):
        contacts_needed(0.05, 0.06, power=1)
    with pytest.raises(ValueError, match="control is 0 and treated 5"):
        power_of_test(0.05, 0.06, 0, 5)


# --- many tests, and early looks --------------------------------------------------------------------------------------


def test_corrections_by_hand():
    # Holm: 4 x 0.01, 3 x 0.02, 2 x 0.03 and never less than before. Benjamini-Hochberg: 4/1, 4/2, 4/3, 4/4.
    p = pd.Series([0.03, 0.01, 0.02, 0.5], index=["b", "a", "c", "d"])
    holm = correct_p_values(p)
    assert holm["p_adjusted"].round(9).to_dict() == {"b": 0.06, "a": 0.04, "c": 0.06, "d": 0.5}
    assert holm["shown"].to_dict() == {"b": False, "a": True, "c": False, "d": False}
    false_share = correct_p_values(p, "benjamini-hochberg")
    assert false_share["p_adjusted"].round(9).to_dict() == {"b": 0.04, "a": 0.04, "c": 0.04, "d": 0.5}
    assert correct_p_values([0.05])["shown"].all()


def test_twelve_tests_of_nothing():
    p = np.random.default_rng(6).random((1000, 12))
    some = (p <= 0.05).any(axis=1).mean()
    assert some == pytest.approx(1 - 0.95**12, abs=0.05)
    # Holm shows something if and only if the smallest of twelve is below a twelfth of 5 %. Only a few rows go through
    # the function: each call collects garbage, which takes statsmodels most of a tenth of a second.
    corrected = (p * 12 <= 0.05).any(axis=1)
    for row in [*np.flatnonzero(corrected)[:10], *range(10)]:
        assert correct_p_values(p[row])["shown"].any() == corrected[row]
    assert corrected.mean() < 0.05 + 0.02


def test_errors_of_corrections():
    with pytest.raises(ValueError, match="method is 'none', expected one of holm, benjamini-hochberg"):
        correct_p_values([0.1], "none")
    with pytest.raises(ValueError, match="p_values has nan"):
        correct_p_values([0.1, np.nan])
    with pytest.raises(ValueError, match="at least one test"):
        correct_p_values([])


def test_peeking_errs_as_often_as_published():
    # Armitage, McPherson and Rowe (1969), table 2: 5 % looks, 1 to 20 of them.
    looks = simulate_peeking(0.3, 0.3, 2000, 20, campaigns=10_000, seed=2).set_index("look")
    assert looks["shown_at_this_look"].to_numpy() == pytest.approx(0.05, abs=0.01)
    for look, published in ((1, 0.05), (2, 0.083), (5, 0.142), (10, 0.193), (20, 0.248)):
        assert looks.loc[look, "shown_by_this_look"] == pytest.approx(published, abs=0.015)


def test_peeking_with_an_effect_and_without_buyers():
    looks = simulate_peeking(0.05, 0.06, 8155, 1, campaigns=5000, seed=3)
    assert looks["shown_by_this_look"].iloc[0] == pytest.approx(0.8, abs=0.02)
    assert (simulate_peeking(0, 0, 10, 5, seed=1)[["shown_by_this_look"]] == 0).all(axis=None)
    with pytest.raises(ValueError, match="looks is 0"):
        simulate_peeking(0.1, 0.1, 10, 0, seed=1)
