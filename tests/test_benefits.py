"""Benefits before and after, and satisfaction as a function of the wait."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from companies import observed
from scipy.stats import ttest_1samp

from crmlab.analytical.benefits import _linearised_quotient, measure_benefits
from crmlab.analytical.contact_centre.contacts import contact_facts
from crmlab.analytical.contact_centre.measures import cost_per_contact, paid_time
from crmlab.analytical.wait_sensitivity import rated_waits, wait_sensitivity


@dataclasses.dataclass
class Changed:
    """A company with some tables exchanged."""

    company: object
    tables: dict

    def __getattr__(self, name):
        return self.tables[name] if name in self.tables else getattr(self.company, name)


def test_twelve_benefits_of_which_one_waits_for_its_data():
    benefits = measure_benefits(observed(), "2025-01-01")
    assert len(benefits) == 12
    missing = benefits[benefits["p_value"].isna()]
    assert missing["verdict"].to_list() == ["no data before chapter 14"]
    measured = benefits.drop(missing.index)
    assert (measured["low"] <= measured["difference"]).all() and (measured["difference"] <= measured["high"]).all()
    assert (measured["p_adjusted"] >= measured["p_value"]).all()
    assert set(measured["verdict"]) <= {"better", "worse", "not shown"}


def test_figures_by_hand():
    company, benefits = observed(), measure_benefits(observed(), "2025-01-01")
    orders = company.orders.dropna(subset=["promised_date", "delivered_date"])
    after = orders[orders["order_date"].between("2025-01-01", "2025-12-30")]
    before = orders[orders["order_date"].between("2024-01-03", "2024-12-31")]
    for column, half in (("before", before), ("after", after)):
        on_time = (half["delivered_date"] <= half["promised_date"]).mean()
        assert benefits.loc["better service", column] == pytest.approx(on_time)
        assert benefits.loc["better service", f"{column}_count"] == len(half)
    inside = company.orders[company.orders["order_date"].between("2025-01-01", "2025-12-30")]
    assert benefits.loc["revenue", "after"] == pytest.approx(inside["amount_cents"].sum() / 100 / 52)


def test_the_call_centres_cost_is_the_kpi_of_the_same_days():
    company, benefits = observed(), measure_benefits(observed(), "2025-01-01")
    facts, paid = contact_facts(company.interactions), paid_time(company.agent_shifts, company.agents)
    found = benefits.loc["efficient call centre"]
    for column, first, last in (("before", "2024-01-03", "2025-01-01"), ("after", "2025-01-01", "2025-12-31")):
        mine = facts[(facts["arrived_at"] >= first) & (facts["arrived_at"] < last)]
        hours = paid[(paid["starts_at"] >= first) & (paid["starts_at"] < last)]
        assert found[column] == pytest.approx(cost_per_contact(mine, hours) / 100)
    assert found["before_count"] == found["after_count"] == 52


def test_a_dearer_hour_is_a_worse_call_centre():
    company = observed()
    shifts = company.agent_shifts
    late = shifts["starts_at"] >= "2025-01-01"
    longer = shifts["ends_at"] + (shifts["ends_at"] - shifts["starts_at"])
    dear = shifts.assign(ends_at=shifts["ends_at"].mask(late, longer))
    before, after = (
        measure_benefits(each, "2025-01-01").loc["efficient call centre"]
        for each in (company, Changed(company, {"agent_shifts": dear}))
    )
    assert after["after"] == pytest.approx(2 * before["after"]) and after["before"] == before["before"]
    assert after["verdict"] == "worse"


def test_the_call_centres_interval_holds_a_planted_cost_in_95_of_100_samples():
    """Quiet and busy weeks, the same in both years, with a fixed cost of 200 a week and 8 a contact."""
    rng = np.random.default_rng(3)
    busy = np.linspace(40, 160, 52)
    truth = 200 / busy.mean() + 8
    held = 0
    for _ in range(1000):
        counts = rng.poisson(busy, (2, 52)).astype(float)
        costs = 200 + 8 * counts + rng.normal(0, 30, counts.shape)
        values = [_linearised_quotient(cost, count) for cost, count in zip(costs, counts, strict=True)]
        assert values[0].mean() == pytest.approx(costs[0].sum() / counts[0].sum())
        found = ttest_1samp(values[0] - values[1], 0).confidence_interval()
        held += found.low <= 0 <= found.high
        assert values[0].mean() == pytest.approx(truth, rel=0.2)
    assert 920 <= held <= 980


def test_a_planted_improvement_is_found_and_named_by_its_direction():
    company = observed()
    orders = company.orders
    late = orders["order_date"] >= "2025-01-01"
    faster = orders.assign(delivered_date=orders["delivered_date"].mask(late, orders["order_date"]))
    benefits = measure_benefits(Changed(company, {"orders": faster}), "2025-01-01")
    assert benefits.loc["faster response", "verdict"] == "better"
    assert benefits.loc["faster response", "difference"] < 0
    slower = orders["delivered_date"] + pd.Timedelta(days=9)
    worse = orders.assign(delivered_date=orders["delivered_date"].mask(late, slower))
    assert (
        measure_benefits(Changed(company, {"orders": worse}), "2025-01-01").loc["better service", "verdict"] == "worse"
    )


@pytest.mark.parametrize("day", ["2023-06-01", "2025-06-01", None, "2030-01-01"])
def test_a_year_must_be_known_on_both_sides(day):
    with pytest.raises(ValueError, match="52 weeks must be known"):
        measure_benefits(observed(), day)


def test_the_slope_is_that_of_statsmodels_on_the_companys_ratings():
    waits = rated_waits(observed().orders, observed().delivery_ratings)
    found = wait_sensitivity(waits["wait_days"], waits["delivery_rating"])
    fitted = smf.ols("delivery_rating ~ np.log(wait_days)", waits).fit(cov_type="HC1")
    assert found.slope == pytest.approx(fitted.params.iloc[1])
    assert [found.low, found.high] == pytest.approx(fitted.conf_int().iloc[1].to_list())
    assert found.high < 0


def test_the_interval_holds_a_planted_slope_in_95_of_100_samples():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(1000):
        wait = rng.integers(1, 12, 150)
        rating = 5 - 0.8 * np.log(wait) + rng.normal(0, 0.3 + 0.1 * wait)
        found = wait_sensitivity(wait, rating)
        held += found.low <= -0.8 <= found.high
    assert 920 <= held <= 980


def test_waits_that_say_nothing_are_refused():
    for waits, ratings in (([1, 2], [3, 4]), ([2, 2, 2], [1, 2, 3]), ([0, 1, 2], [1, 2, 3]), ([1, 2, 3], [1, 2])):
        with pytest.raises(ValueError, match="wait_days"):
            wait_sensitivity(waits, ratings)
    orders = pd.DataFrame({"order_id": [1], "order_date": pd.to_datetime(["2025-01-01"]), "delivered_date": [pd.NaT]})
    with pytest.raises(ValueError, match="order_id 1 was rated"):
        rated_waits(orders, pd.DataFrame({"order_id": [1], "delivery_rating": [5]}))
