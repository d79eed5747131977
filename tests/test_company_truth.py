"""What is planted is there, and what a company lacks is not."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed

from crmlab.company import Assumptions, draw_assumptions
from crmlab.company.assumptions import ABSENCES
from crmlab.company.seasonal_clock import LEVELS, seasonal_clock
from crmlab.company.vocabulary import AWKWARD_LAST_NAMES, make_vocabulary, vocabulary

LARGE = 30_000


def _first_lines(company):
    return company.order_lines.drop_duplicates("order_id").rename(columns={"product_id": "anchor_product_id"})


def _attach_rates(company, affinities):
    """Share of orders with each anchor that also hold the attached product, and how many orders that is measured on."""
    anchors = _first_lines(company)[["order_id", "anchor_product_id"]]
    lines = company.order_lines.merge(anchors, on="order_id")
    orders = anchors["anchor_product_id"].value_counts()
    together = lines.groupby(["anchor_product_id", "product_id"])["order_id"].nunique()
    pairs = pd.MultiIndex.from_frame(affinities[["anchor_product_id", "attached_product_id"]])
    count = orders.reindex(affinities["anchor_product_id"]).to_numpy()
    return together.reindex(pairs, fill_value=0).to_numpy() / count, count


def test_complements_join_as_often_as_planted_and_a_little_by_chance():
    company, affinities = observed(people=LARGE), hidden(people=LARGE)["basket_affinities"]
    rate, count = _attach_rates(company, affinities)
    planted = affinities["attach_probability"].to_numpy()
    noise = np.sqrt(planted * (1 - planted) / count)
    # Chance can only add to a planted probability, and adds little.
    assert (rate > planted - 4.5 * noise).all()
    assert (rate < planted + 0.10 + 4.5 * noise).all()


def test_without_rules_nothing_goes_together_but_baskets_are_as_large():
    company = observed(absent="rules", people=LARGE)
    affinities = hidden(people=LARGE)["basket_affinities"]
    assert (hidden(absent="rules", people=LARGE)["basket_affinities"]["attach_probability"] == 0).all()
    rate, count = _attach_rates(company, affinities)
    # Whatever the anchor is, the same product falls in equally often.
    frame = affinities.assign(rate=rate, count=count)
    for _, group in frame.groupby("attached_product_id"):
        overall = np.average(group["rate"], weights=group["count"])
        noise = np.sqrt(overall * (1 - overall) / group["count"]) + 1 / group["count"]
        assert (abs(group["rate"] - overall) < 4.5 * noise).all()
    lines = [len(each.order_lines) / len(each.orders) for each in (company, observed(people=LARGE))]
    assert lines[0] == pytest.approx(lines[1], rel=0.1)


def test_repeat_purchases_follow_the_planted_process():
    truth = hidden(people=LARGE)
    both = truth["tendencies"].merge(truth["relationships"], on="person_id")
    possible = both["rate_per_week"] * both["process_observed_clock_weeks"]
    # Repeats are min(K - 1, N): the mean is the sum over k of P(K - 1 >= k) P(N >= k).
    stay = 1 - both["dropout_probability"].to_numpy()
    expected = np.zeros(len(both))
    at_least = 1 - np.exp(-possible.to_numpy())
    term = np.exp(-possible.to_numpy())
    for k in range(1, 400):
        expected += stay**k * np.maximum(at_least, 0)
        term = term * possible.to_numpy() / k
        at_least = at_least - term
    seen = both["process_repeat_purchases"]
    assert seen.mean() == pytest.approx(expected.mean(), rel=0.02)
    often = possible > possible.median()
    assert seen[often].mean() == pytest.approx(expected[often].mean(), rel=0.03)
    # The need outlasts the last day when none of the purchases, the first included, ended it.
    alive = stay * np.exp(-possible * both["dropout_probability"])
    assert both["process_alive"].mean() == pytest.approx(alive.mean(), abs=0.01)
    slow = possible < 0.2
    assert both.loc[slow, "process_alive"].mean() == pytest.approx(alive[slow].mean(), abs=0.03)
    given = Assumptions()
    assert both["rate_per_week"].mean() == pytest.approx(given.purchase_r / given.purchase_alpha, rel=0.03)
    mean_dropout = given.dropout_a / (given.dropout_a + given.dropout_b)
    assert both["dropout_probability"].mean() == pytest.approx(mean_dropout, rel=0.03)


def test_the_truth_agrees_with_the_orders():
    company, truth = observed(), hidden()
    orders = company.orders[company.orders["subscription_id"].isna()].merge(truth["records"], on="customer_id")
    bought = orders.groupby("person_id")["order_date"].agg(["size", "max"])
    both = truth["relationships"].set_index("person_id").join(bought)
    assert both["size"].notna().all()
    gone = both[~both["is_active"]]
    assert (gone["exit_date"] == gone["max"]).all()
    early = both["exit_cause"].isin(["service", "price", "competitor"])
    assert (both.loc[~early, "size"] == both.loc[~early, "process_repeat_purchases"] + 1).all()
    assert (both.loc[early, "size"] <= both.loc[early, "process_repeat_purchases"] + 1).all()
    assert early.any()


def test_late_and_faulty_orders_drive_people_away_and_a_company_without_leak_loses_nobody_so():
    truth, company = hidden(people=LARGE), observed(people=LARGE)
    orders = company.orders[company.orders["subscription_id"].isna() & company.orders["delivered_date"].notna()]
    orders = orders.merge(truth["records"], on="customer_id").merge(
        truth["relationships"][["person_id", "exit_date", "is_active"]], on="person_id"
    )
    orders = orders[orders["order_date"] < "2025-01-01"]
    late = orders["delivered_date"] > orders["promised_date"]
    last = (orders["order_date"] == orders["exit_date"]) & ~orders["is_active"]
    assert last[late].mean() > last[~late].mean() + 0.08
    causes = set(hidden(absent="leak")["relationships"]["exit_cause"].dropna())
    assert causes == {"need_ended"}
    assert set(truth["relationships"]["exit_cause"].dropna()) == {"need_ended", "service", "price", "competitor"}
    assert set(hidden(absent="leak")["subscriptions"]["cause"].dropna()) == {"need_ended"}


def test_tendencies_are_mixtures_that_overlap():
    weights = hidden()["tendencies"].filter(like="weight_")
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    leaning = weights.max(axis=1)
    assert 0.4 < leaning.median() < 0.8
    assert hidden()["tendencies"]["tendency"].value_counts(normalize=True).min() > 0.03


def test_without_segments_everybody_leans_the_same_way():
    tendencies = hidden(absent="segments")["tendencies"]
    assert len(tendencies.filter(like="weight_").drop_duplicates()) == 1
    assert len(tendencies["clock_level"].drop_duplicates()) == 1


def test_tendencies_show_in_what_people_do():
    company, truth = observed(people=LARGE), hidden(people=LARGE)
    orders = company.orders[company.orders["subscription_id"].isna()].merge(truth["records"], on="customer_id")
    orders = orders.merge(truth["tendencies"][["person_id", "tendency"]], on="person_id")
    by = orders.groupby("tendency")
    before_christmas = by["order_date"].apply(lambda dates: (dates.dt.month >= 11).mean())
    assert before_christmas.drop("gift_buyer").max() < before_christmas["gift_buyer"] - 0.1
    vouchers = by["voucher_percent"].mean()
    assert vouchers.drop("bargain_hunter").max() < vouchers["bargain_hunter"] / 3
    people = by["person_id"].nunique()
    assert (by.size() / people)["regular"] > 1.5 * (by.size() / people)["one_off"]
    assert by["amount_cents"].mean()["office"] == by["amount_cents"].mean().max()


def test_a_quarter_of_seeds_lacks_something():
    absent = pd.Series([draw_assumptions(seed).absent for seed in range(4_000)])
    assert (absent != "").mean() == pytest.approx(0.25, abs=0.03)
    assert set(absent) == {"", *ABSENCES}


def test_companies_differ_in_their_settings():
    given = [draw_assumptions(seed) for seed in range(30)]
    assert len(set(given)) == 30
    assert len({each.late_hazard for each in given}) > 25
    assert all(each.as_of == datetime.date(2025, 12, 31) for each in given)


def test_each_clock_runs_forward_a_week_a_week():
    given = Assumptions()
    clock = seasonal_clock(given)
    assert clock.clock_weeks.shape == (LEVELS, given.days + 1)
    assert (np.diff(clock.clock_weeks, axis=1) > 0).all()
    np.testing.assert_allclose(clock.clock_weeks[:, -1], given.days / 7)


def test_clock_time_maps_back_to_its_day():
    clock = seasonal_clock(Assumptions())
    for level in range(LEVELS):
        middle = (clock.clock_weeks[level, 1:] + clock.clock_weeks[level, :-1]) / 2
        place = np.repeat(clock.cell_offset(np.array([level])), len(middle))
        found = clock.days_at(place, middle)
        assert abs(found.astype(int) - np.arange(len(middle))).max() <= 1


def test_the_frozen_vocabulary_is_what_faker_gives():
    assert vocabulary() == make_vocabulary()
    assert set(AWKWARD_LAST_NAMES) <= set(vocabulary()["last_names"])
