"""Forecast, shifts, patience, the queue against Erlang, days replayed, and levers."""

import dataclasses
import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical import contact_centre as cc
from tests.companies import observed


@functools.cache
def spring():
    """Contacts, shifts and counts by half-hour of a spring."""
    company = observed()
    facts = cc.between(cc.contact_facts(company.interactions), "arrived_at", "2025-03-03", "2025-05-25")
    shifts = cc.between(company.agent_shifts, "starts_at", "2025-03-03", "2025-05-25")
    return facts, shifts, cc.calls_by_half_hour(facts, cc.open_half_hours(shifts))


# --- arrivals ---------------------------------------------------------------------------------------------------------


def test_counts_by_half_hour_lose_no_call():
    facts, _, counts = spring()
    assert counts["offered"].sum() == facts["is_offered"].sum()
    assert counts["abandoned"].sum() == (facts["is_offered"] & facts["is_abandoned"]).sum()
    assert (counts["offered"] == 0).any()
    assert set(counts.index.strftime("%H:%M")) >= {"09:00", "16:30"}
    assert counts["answered_in_20"].sum() / counts["offered"].sum() == cc.answered_in_time_share(facts)


def test_agents_present_add_up_to_their_hours():
    _, shifts, counts = spring()
    present = cc.agents_present(shifts, counts.index)
    on_duty = shifts[shifts["activity"] == "contacts"]
    hours = (on_duty["ends_at"] - on_duty["starts_at"]).dt.total_seconds().sum() / 3600
    assert present.sum() / 2 == pytest.approx(hours) and (present >= 0).all()
    assert (cc.agents_present(shifts.iloc[:0], counts.index) == 0).all()


def test_forecast_of_poisson_calls_is_their_mean_and_its_best_error_is_reached():
    rng = np.random.default_rng(3)
    at = pd.date_range("2025-01-06 09:00", periods=4, freq="30min")
    past = at.repeat(400) + pd.to_timedelta(np.tile(np.arange(400) * 7, 4), unit="D")
    rate = np.array([2.0, 5.0, 0.7, 11.0])
    counts = pd.DataFrame({"offered": rng.poisson(rate.repeat(400))}, index=past)
    forecast = cc.weekday_forecast(counts)
    assert (abs(forecast["calls"] - rate) < 4 * forecast["standard_error"]).all()
    assert forecast["variance_over_mean"].between(0.75, 1.3).all()
    later = pd.DataFrame({"offered": rng.poisson(rate.repeat(400))}, index=past)
    error = cc.forecast_error(forecast, later)
    assert error["absolute_percentage_error"] == pytest.approx(error["at_best"], rel=0.05)
    with pytest.raises(ValueError, match="weekday 5, start 09:00"):
        cc.forecast_error(forecast, counts.set_axis(counts.index + pd.Timedelta(days=5)))


# --- shifts -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), min_size=5, max_size=8), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_shifts_cover_what_is_required_at_the_least_cost(required, length):
    patterns = cc.shift_patterns(len(required), length)
    plan = cc.cover_shifts(required, patterns)
    assert (plan["present"] >= required).all()
    assert plan["spare"] == (plan["present"] - required).sum()
    # No cheaper: a lower bound from every half-hour, and from one agent fewer on any shift.
    assert plan["cost"] >= max(required)
    for shift in np.flatnonzero(plan["agents"]):
        fewer = plan["agents"].copy()
        fewer[shift] -= 1
        assert (fewer @ patterns < required).any()


def test_shift_cover_is_the_best_of_all_plans():
    patterns = cc.shift_patterns(5, 3, break_after=1)
    required = [1, 1, 2, 1, 1]
    plan = cc.cover_shifts(required, patterns, cost=[1.0, 2.0, 1.5])
    every = [np.array(each) for each in itertools.product(range(4), repeat=3)]
    costs = [each @ [1.0, 2.0, 1.5] for each in every if (each @ patterns >= required).all()]
    assert plan["cost"] == min(costs)
    with pytest.raises(ValueError, match="half-hour 4 needs 1 agents, but no shift covers it"):
        cc.cover_shifts([0, 0, 0, 0, 1], patterns[:2])
    with pytest.raises(ValueError, match="no whole number"):
        cc.cover_shifts([0.5, 0, 0, 0, 1], patterns)
    with pytest.raises(ValueError, match="break_after is 2"):
        cc.shift_patterns(5, 3, break_after=2)


# --- patience ---------------------------------------------------------------------------------------------------------


def test_patience_is_recovered_though_most_calls_are_answered():
    rng = np.random.default_rng(8)
    patience, offered_wait = rng.exponential(300, 20_000), rng.exponential(60, 20_000)
    calls = pd.DataFrame({"wait_seconds": np.minimum(patience, offered_wait), "is_abandoned": patience < offered_wait})
    assert cc.mean_patience_seconds(calls) == pytest.approx(300, rel=0.05)
    assert calls.loc[calls["is_abandoned"], "wait_seconds"].mean() < 60
    drawn = cc.draw_patience(calls, seed=1)
    assert (drawn >= calls["wait_seconds"]).all()
    assert (drawn == calls["wait_seconds"])[calls["is_abandoned"]].all()
    assert drawn.mean() == pytest.approx(300, rel=0.05)
    assert np.array_equal(drawn, cc.draw_patience(calls, seed=1))
    with pytest.raises(ValueError, match="nobody who gave up"):
        cc.mean_patience_seconds(calls[~calls["is_abandoned"]])


# --- the queue against theory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("patience", [np.inf, 200.0])
def test_the_simulated_queue_agrees_with_erlang(patience):
    table = cc.held_against_theory(60, 240, 6, hours=400, seed=5, mean_patience=patience)
    assert (table["standard_errors_apart"] < 3.5).all()
    # The test can fail: another number of agents is seen.
    wrong = cc.simulate_calls(60, 240, 7, hours=400, seed=5, mean_patience=patience)
    apart = (wrong["simulated"] - table["theory"]).abs() / wrong["standard_error"].reindex(table.index)
    assert apart["mean_wait"] > 5


def test_simulation_error_shrinks_and_seeds_repeat():
    short, long = (cc.simulate_calls(60, 240, 6, hours=hours, seed=2) for hours in (50, 800))
    assert long.loc["mean_wait", "standard_error"] < short.loc["mean_wait", "standard_error"]
    pd.testing.assert_frame_equal(short, cc.simulate_calls(60, 240, 6, hours=50, seed=2))
    with pytest.raises(ValueError, match="law is 'normal'"):
        cc.draw_calls(1, 1, 1, 1, law="normal")


def test_pooled_queues_wait_less_than_separate_ones_in_theory_and_in_the_simulation():
    table = cc.pooled_and_separate(60, 300, 8, 4)
    pooled = cc.simulate_calls(60, 300, 8, hours=400, seed=1)
    separate = cc.simulate_calls(15, 300, 2, hours=1600, seed=1)
    for name, found in (("pooled", pooled), ("separate", separate)):
        row = found.loc["mean_wait"]
        assert abs(row["simulated"] - table.loc[name, "mean_wait"]) < 4 * row["standard_error"]
    with pytest.raises(ValueError, match="divides 8 agents"):
        cc.pooled_and_separate(60, 300, 8, 3)


# --- days replayed ----------------------------------------------------------------------------------------------------


def calls_of(replayed):
    calls = replayed[replayed["channel"] == "call"]
    return calls["is_abandoned"].mean(), calls["wait_seconds"].mean()


def test_replay_of_the_same_roster_is_near_what_happened():
    facts, shifts, _ = spring()
    now = cc.replay(facts, shifts, seed=1)
    met = facts.loc[now.index]
    calls = met[(met["channel"] == "call") & (met["direction"] == "inbound")]
    abandoned, wait = calls_of(now.loc[calls.index])
    # The queue knows neither who goes before whom nor that a caller tries again: near, not equal.
    assert abandoned == pytest.approx(calls["is_abandoned"].mean(), abs=0.02)
    assert wait == pytest.approx(calls["wait_seconds"].mean(), rel=0.35)


def test_more_agents_shorten_waits_and_no_agents_answer_nobody():
    facts, shifts, _ = spring()
    days = pd.DatetimeIndex(shifts["starts_at"].dt.normalize().unique())
    waits = []
    for agents in (0, 1, 2):
        more = cc.extra_agents(days, "09:00", "17:00", agents=agents, queues="orders|technical")
        waits.append(calls_of(cc.replay(facts, pd.concat([shifts, more]), seed=1)))
    assert waits[0] > waits[1] > waits[2]
    nobody = cc.replay(facts, shifts.iloc[:0], seed=1)
    assert not nobody["is_answered"].any()
    assert nobody.loc[nobody["channel"] == "call", "is_abandoned"].mean() > 0.99
    with pytest.raises(ValueError, match="facts has queue 'sales'"):
        cc.replay(facts.assign(queue="sales"), shifts, seed=1)


# --- levers -----------------------------------------------------------------------------------------------------------

LINE = cc.TelephoneLine([1.0, 3.0, 2.0, 1.5], [1, 2, 2, 1], 260, 70, 0.72, 0.6, 0.6, 480, 0.4, 0.5)
STAKES = cc.Stakes(per_unsettled=2000, per_log_wait=300, per_rating_point=150)


def test_what_a_line_counts_adds_up():
    matters = cc.draw_matters(LINE, 60, seed=3)
    sums = cc.run_line(LINE, matters)
    assert sums["calls"] == sums["answered"] + sums["abandoned"]
    assert sums["settled"] <= sums["matters"] == sums["first_calls"] <= sums["calls"]
    assert cc.run_line(LINE, matters) == sums


def test_calls_that_settle_nothing_come_back():
    matters = cc.draw_matters(LINE, 60, seed=3)
    never = cc.run_line(dataclasses.replace(LINE, settled_share=0.0, repeat_share=1.0, redial_share=1.0), matters)
    always = cc.run_line(dataclasses.replace(LINE, settled_share=1.0, agents=[20] * 4), matters)
    assert never["calls"] == 4 * never["first_calls"] and never["settled"] == 0
    assert always["calls"] == always["first_calls"] == always["settled"]


def test_nobody_there_means_nobody_answered():
    sums = cc.run_line(dataclasses.replace(LINE, agents=[0] * 4), cc.draw_matters(LINE, 20, seed=1))
    assert sums["answered"] == sums["handle_seconds"] == 0 < sums["abandoned"]


def test_speed_looks_cheap_by_the_call_and_costs_by_the_matter():
    slow = cc.Lever("slow answers", 0, settled_change=-0.3, talk_factor=0.9, wrap_up_factor=0.9)
    table = cc.lever_sets(LINE, [slow], STAKES, budget_cents=0).set_index("levers")
    fast, now = table.loc["slow answers"], table.loc["none"]
    assert fast["seconds_per_call"] < now["seconds_per_call"]
    assert fast["seconds_per_settled"] > now["seconds_per_settled"]
    assert fast["repeat_share"] > now["repeat_share"] and fast["gain_cents"] < 0


def test_lever_sets_are_all_there_and_the_best_affordable_is_first():
    table = cc.lever_sets(LINE, cc.FOUR_LEVERS, STAKES, budget_cents=25_000, days=40)
    assert len(table) == 16 and table["levers"].is_unique
    assert (table["within_budget"] == (table["cost_cents"] <= 25_000)).all()
    inside = table[table["within_budget"]]
    assert inside["gain_cents"].is_monotonic_decreasing and table.index[0] == inside["gain_cents"].idxmax()
    assert table.set_index("levers").loc["none", "gain_cents"] == 0
    free = [cc.Lever(each.name, 0) for each in cc.FOUR_LEVERS[:2]]
    assert (cc.lever_sets(LINE, free, STAKES, budget_cents=0, days=20)["gain_cents"] == 0).all()
    with pytest.raises(ValueError, match="budget_cents is -1"):
        cc.lever_sets(LINE, free, STAKES, budget_cents=-1)


def test_a_line_refuses_what_is_none():
    with pytest.raises(ValueError, match="settled_share is 72"):
        cc.TelephoneLine([1.0], [1], 260, 70, 72, 0.6, 0.6, 480)
    with pytest.raises(ValueError, match="agents has shape"):
        cc.TelephoneLine([1.0, 2.0], [1], 260, 70, 0.7, 0.6, 0.6, 480)
    with pytest.raises(ValueError, match="talk_seconds is 0"):
        cc.TelephoneLine([1.0], [1], 0, 70, 0.7, 0.6, 0.6, 480)
