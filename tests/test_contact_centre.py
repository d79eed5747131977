"""Erlang B, C and A and staffing: published figures, properties, a simulated queue, and intervals of every kind."""

import heapq
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.contact_centre import (
    agents_required,
    erlang_a,
    erlang_b,
    erlang_c,
    service_level,
    speed_of_answer,
    staff_required,
)

LOADS = st.floats(0.01, 200)
AGENTS = st.integers(0, 250)


# --- published --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "blocked", "load"),
    # The table of Erlang B in every textbook of teletraffic, such as ITU-D (2005), Teletraffic Engineering Handbook,
    # chapter 7: the load that so many lines carry when so many calls are lost.
    [(1, 0.01, 0.0101), (5, 0.01, 1.361), (10, 0.01, 4.461), (20, 0.01, 12.03), (50, 0.01, 37.90), (100, 0.01, 84.06),
     (10, 0.001, 3.092), (10, 0.05, 6.216), (20, 0.02, 13.18), (50, 0.02, 40.26)],
)  # fmt: skip
def test_erlang_b_gives_the_traffic_table(lines, blocked, load):
    step = 10.0 ** (math.floor(math.log10(load)) - 3) / 2
    assert erlang_b(load - step, lines) < blocked < erlang_b(load + step, lines)


def test_erlang_c_worked_example():
    # The worked example of Call Centre Helper, "Erlang C Formula - Made Simple": 100 calls in half an hour of 180
    # seconds each, 80 % within 20 seconds, occupancy at most 85 %, shrinkage 30 %.
    plan = agents_required(100, 180, 1800, 20, 0.8, max_occupancy=0.85, shrinkage=0.3)
    assert plan["agents"] == 14
    assert plan["staff"] == 20
    assert round(plan["service_level"], 3) == 0.888
    assert round(plan["occupancy"], 3) == 0.714
    assert round(plan["asa"], 1) == 7.8
    assert round(plan["waiting_probability"], 3) == 0.174


def test_erlang_a_and_c_of_garnett_mandelbaum_and_reiman_2002_table_1():
    # 50 agents, 48 calls a minute, a minute of handling, two minutes of patience.
    found = erlang_a(48 / 60, 60, 50, 120)
    assert round(found["abandonment_probability"], 3) == 0.031
    assert round(found["asa"], 1) == 3.6
    assert round(found["queue_length"]) == 3
    assert round(found["occupancy"], 2) == 0.93
    assert round(speed_of_answer(48, 50, 60), 1) == 20.8
    assert round(0.8 * speed_of_answer(48, 50, 60)) == 17


# --- held against the definitions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("load", "agents"), [(0.5, 1), (3.0, 5), (12.5, 12), (40.0, 50), (0.001, 10)])
def test_erlang_b_and_c_from_their_sums_in_exact_fractions(load, agents):
    exact = Fraction(load)
    terms = [exact**n / math.factorial(n) for n in range(agents + 1)]
    blocked = terms[-1] / sum(terms)
    assert erlang_b(load, agents) == pytest.approx(float(blocked), rel=1e-13)
    if load < agents:
        queue = terms[-1] * agents / (agents - exact)
        assert erlang_c(load, agents) == pytest.approx(float(queue / (sum(terms[:-1]) + queue)), rel=1e-12)


def stationary(calls_per_second, aht, agents, patience, most=20_000):
    """Erlang A from the probabilities of each number of callers in the system."""
    n = np.arange(1, agents + most)
    departures = np.minimum(n, agents) / aht + np.maximum(n - agents, 0) / patience
    log_p = np.concatenate([[0.0], np.cumsum(np.log(calls_per_second / departures))])
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    queue = (np.maximum(np.arange(len(p)) - agents, 0) * p).sum()
    abandoned = queue / patience / calls_per_second
    # Who is answered from place k waits for k steps, each as long as all those ahead take to leave the queue.
    steps = np.cumsum(1 / (agents / aht + np.arange(1, most) / patience))
    waited = agents / aht / calls_per_second * (p[agents + 1 :] * steps).sum()
    return {
        "abandonment_probability": abandoned,
        "asa": waited / (1 - abandoned),
        "queue_length": queue,
        "occupancy": (np.minimum(np.arange(len(p)), agents) * p).sum() / agents,
        "waiting_probability": p[agents:].sum(),
    }


@pytest.mark.parametrize("agents", [1, 5, 40, 300])
@pytest.mark.parametrize("busy", [0.2, 0.9, 1.0, 1.6])
@pytest.mark.parametrize("patience", [0.05, 20.0, 600.0, 20_000.0])
def test_erlang_a_from_the_probabilities_of_each_state(agents, busy, patience):
    found, expected = (
        erlang_a(busy * agents / 200, 200, agents, patience),
        stationary(busy * agents / 200, 200, agents, patience),
    )
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-280)


def simulated(calls_per_second, aht, agents, patience, calls, seed):
    """A queue, first come first served: waits of answered calls, and the share that hangs up."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / calls_per_second, calls))
    handling = rng.exponential(aht, calls)
    limits = rng.exponential(patience, calls)
    free_at = [0.0] * agents
    waits = np.full(calls, np.nan)
    for i in range(calls):
        wait = max(free_at[0] - arrivals[i], 0.0)
        if wait < limits[i]:
            waits[i] = wait
            heapq.heapreplace(free_at, arrivals[i] + wait + handling[i])
    return waits[calls // 20 :]


def test_a_simulated_queue_agrees():
    waits = simulated(0.06, 150, 10, 120, 150_000, seed=4)
    answered = waits[~np.isnan(waits)]
    found = erlang_a(0.06, 150, 10, 120)
    assert np.isnan(waits).mean() == pytest.approx(found["abandonment_probability"], rel=0.06)
    assert answered.mean() == pytest.approx(found["asa"], rel=0.06)
    patient = simulated(0.06, 150, 11, np.inf, 150_000, seed=5)
    assert (patient > 0).mean() == pytest.approx(erlang_c(9, 11), rel=0.05)
    assert patient.mean() == pytest.approx(speed_of_answer(9, 11, 150), rel=0.1)
    assert (patient <= 20).mean() == pytest.approx(service_level(9, 11, 150, 20), rel=0.03)


# --- properties -------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(LOADS, AGENTS)
def test_more_agents_never_hurt_and_waiting_is_likelier_than_loss(load, agents):
    some, more = erlang_b(load, agents), erlang_b(load, agents + 1)
    assert 0 <= more < some <= 1 or some < 1e-300
    assert erlang_c(load, agents) >= some
    assert erlang_c(load, agents + 1) <= erlang_c(load, agents)
    assert service_level(load, agents + 1, 180, 20) >= service_level(load, agents, 180, 20)
    assert erlang_b(load * 1.01, agents) >= some
    few, many = (erlang_a(load / 180, 180, number, 100) for number in (agents, agents + 1))
    for name in ("abandonment_probability", "queue_length", "waiting_probability", "asa"):
        assert many[name] <= few[name] * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 100), st.integers(1, 110))
def test_endless_patience_is_erlang_c_and_none_is_erlang_b(load, agents):
    none = erlang_a(load / 180, 180, agents, 0)
    assert none["abandonment_probability"] == pytest.approx(erlang_b(load, agents), rel=1e-9)
    assert none["asa"] == none["queue_length"] == 0
    if load < 0.97 * agents:
        endless = erlang_a(load / 180, 180, agents, 1e10)
        assert endless["waiting_probability"] == pytest.approx(erlang_c(load, agents), rel=1e-4)
        assert endless["asa"] == pytest.approx(speed_of_answer(load, agents, 180), rel=1e-4)
        assert endless["abandonment_probability"] < 1e-5


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 400), st.integers(10, 900), st.sampled_from([900, 1800, 3600]), st.integers(0, 120),
    st.sampled_from([0.0, 0.5, 0.8, 0.9, 0.99]), st.sampled_from([0.6, 0.7, 0.8, 0.85, 0.9, 1.0]),
)  # fmt: skip
def test_the_fewest_agents_that_do(calls, aht, interval, target_time, target, max_occupancy):
    plan = agents_required(calls, aht, interval, target_time, target, max_occupancy)
    load = Fraction(calls * aht, interval)

    def enough(agents):
        busy = load <= Fraction(str(max_occupancy)) * agents and load < agents
        return busy and service_level(float(load), agents, aht, target_time) >= target

    assert enough(plan["agents"])
    assert not enough(plan["agents"] - 1)


# --- exact ------------------------------------------------------------------------------------------------------------


def test_not_one_agent_too_many_where_the_load_divides_exactly():
    # 80 calls of 180 seconds in half an hour are 8 erlangs; ceil(8 / 0.8) in floats is right, 5.6 / 0.7 is not.
    for tenths in range(1, 400):
        for occupancy in (0.6, 0.7, 0.8, 0.85, 0.9):
            plan = agents_required(tenths, 180, 1800, 20, 0.0, occupancy)
            busy = math.ceil(Fraction(tenths, 10) / Fraction(str(occupancy)))
            assert plan["agents"] == max(busy, tenths // 10 + 1)


def test_staff_is_rounded_up_once_and_exactly():
    wrong = 0
    for percent in range(100):
        agents = np.arange(200)
        expected = [math.ceil(Fraction(int(each)) / (1 - Fraction(percent, 100))) for each in agents]
        assert staff_required(agents, percent / 100).tolist() == expected
        wrong += sum(math.ceil(int(each) / (1 - percent / 100)) for each in agents) - sum(expected)
    assert wrong > 100  # what rounding up a quotient of floats would have hired in vain


# --- intervals of every kind ------------------------------------------------------------------------------------------


def test_an_interval_without_calls_needs_nobody():
    plan = agents_required([0, 50, 0.0], 180, 1800, 20, 0.8, shrinkage=0.3)
    assert plan["agents"].tolist() == [0, 8, 0]
    assert plan["staff"].tolist() == [0, 12, 0]
    assert plan["service_level"][0] == 1
    assert plan["asa"][0] == plan["occupancy"][0] == plan["waiting_probability"][0] == 0
    assert erlang_b(0, 3) == erlang_c(0, 3) == erlang_c(0, 0) == 0
    assert service_level(0, 0, 180, 20) == 1
    assert set(erlang_a(0, 180, 5, 60).values()) == {0.0}


def test_too_few_agents():
    assert erlang_b(5, 0) == erlang_c(5, 0) == erlang_c(5, 5) == erlang_c(6, 5) == 1
    assert service_level(5, 5, 180, 1e9) == service_level(7, 5, 180, 20) == 0
    assert speed_of_answer(5, 5, 180) == math.inf
    nobody = erlang_a(0.05, 180, 0, 100)
    assert (nobody["abandonment_probability"], nobody["queue_length"], nobody["occupancy"]) == (1, 5, 0)
    assert nobody["asa"] == math.inf
    swamped = erlang_a(10, 180, 5, 60)
    assert swamped["abandonment_probability"] == pytest.approx(1 - 5 / 1800, rel=1e-3)
    assert swamped["occupancy"] == pytest.approx(1)


def test_numbers_stay_numbers_at_the_edges():
    for calls in (1e-12, 1e-3, 1.0, 1e3):
        for agents in (0, 1, 50, 5_000):
            for patience in (1e-12, 1e-3, 60, 1e6, 1e12):
                found = erlang_a(calls, 180, agents, patience)
                assert not any(math.isnan(value) for value in found.values())
                assert 0 <= found["abandonment_probability"] <= 1 + 1e-12
                assert 0 <= found["occupancy"] <= 1 + 1e-9
    assert 0 < erlang_b(1e5, 100_000) < erlang_c(9.99e4, 100_000) < 1


def test_a_year_of_half_hours_at_once_is_what_one_by_one_gives():
    rng = np.random.default_rng(1)
    calls, shrinkage = rng.poisson(rng.uniform(0, 90, 35_040)), rng.choice([0.25, 0.3, 0.35], 35_040)
    plan = agents_required(calls, 240, 1800, 20, 0.8, 0.9, shrinkage)
    assert all(entry.shape == calls.shape for entry in plan.values())
    for i in rng.integers(0, len(calls), 200):
        one = agents_required(int(calls[i]), 240, 1800, 20, 0.8, 0.9, float(shrinkage[i]))
        assert one == {name: entry[i] for name, entry in plan.items()}
    queue = erlang_a(calls / 1800, 240, plan["agents"], 120)
    i = int(np.argmax(calls))
    alone = erlang_a(calls[i] / 1800, 240, plan["agents"][i], 120)
    assert alone == pytest.approx({name: entry[i] for name, entry in queue.items()}, rel=1e-12)


def test_shapes_follow_the_arguments():
    assert isinstance(erlang_b(3, 4), float)
    assert isinstance(agents_required(10, 100, 1800, 20, 0.8)["agents"], int)
    assert erlang_c(np.ones((3, 1)), [1, 2]).shape == (3, 2)
    assert erlang_b([], []).shape == (0,)
    assert agents_required([], 180, 1800, 20, 0.8)["agents"].shape == (0,)
    assert erlang_a([], 180, 3, 60)["asa"].shape == (0,)
    plan = agents_required([[20], [40]], [100, 200, 300], 1800, 20, 0.8)
    assert plan["staff"].shape == (2, 3)
    assert (np.diff(plan["agents"], axis=1) >= 0).all()


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (erlang_b, (-1, 3), "load has -1, expected 0 or more"),
        (erlang_b, (3, 2.5), "agents has 2.5, expected whole numbers"),
        (erlang_c, (math.nan, 3), "load has nan"),
        (service_level, (3, 4, 0, 20), "aht has 0, expected more than 0"),
        (agents_required, (5, 100, 1800, 20, 1.0), "service_level has 1, expected below 1"),
        (agents_required, (5, 100, 1800, 20, 80), "service_level has 80, expected below 1: a share, such as 0.8"),
        (agents_required, (5, 100, 0, 20, 0.8), "interval has 0"),
        (agents_required, (5, 100, 1800, 20, 0.8, 1.2), "max_occupancy has 1.2, expected at most 1"),
        (agents_required, (5, 100, 1800, 20, 0.8, 0), "max_occupancy has 0, expected more than 0"),
        (agents_required, (5, 100, 1800, 20, 0.8, 1, 1), "shrinkage has 1, expected below 1"),
        (staff_required, (5, 1.5), "shrinkage has 1.5"),
        (erlang_a, (1, 100, 3, math.inf), "patience has inf"),
    ],
)
def test_messages_say_what_is_wrong(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_text_is_no_number():
    with pytest.raises(TypeError, match="load is 'many', expected a number"):
        erlang_b("many", 3)


# --- a peer -----------------------------------------------------------------------------------------------------------


def test_pyworkforce_agrees_where_it_does_not_round_up_twice():
    queuing = pytest.importorskip("pyworkforce.queuing", reason="pyworkforce (extra bench) is not installed")
    rng = np.random.default_rng(3)
    more = 0
    for calls, aht in zip(rng.integers(1, 300, 150), rng.integers(60, 600, 150), strict=True):
        peer = queuing.ErlangC(transactions=int(calls), aht=aht / 60, asa=20 / 60, interval=30, shrinkage=0.0)
        theirs = peer.required_positions(service_level=0.8, max_occupancy=1.0)
        ours = agents_required(int(calls), int(aht), 1800, 20, 0.8)
        assert ours["agents"] <= theirs["raw_positions"] <= ours["agents"] + 1
        more += theirs["raw_positions"] > ours["agents"]
        if theirs["raw_positions"] == ours["agents"]:
            for name in ("service_level", "occupancy", "waiting_probability"):
                assert ours[name] == pytest.approx(theirs[name], rel=1e-9)
    assert more < 30
    # It staffs one too many where a load divides exactly: 5.6 erlangs at 70 % are 8 agents.
    peer = queuing.ErlangC(transactions=56, aht=3, asa=20 / 60, interval=30)
    assert agents_required(56, 180, 1800, 20, 0.1, 0.7)["agents"] == 8
    assert peer.required_positions(service_level=0.1, max_occupancy=0.7)["raw_positions"] >= 8
