"""The queue that runs: what must hold in every run, and the formulas that hold in a steady one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.contact_centre import erlang_a, erlang_b, erlang_c, speed_of_answer
from crmlab.contact_queue import AgentSchedule, always_there, run_queue


@st.composite
def days(draw):
    """A day with whole seconds, so that things happen at the same second: contacts, a schedule and units."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    contacts, agents, queues = draw(st.integers(0, 40)), draw(st.integers(0, 5)), draw(st.integers(1, 3))
    busy = draw(st.integers(1, 60))
    arrival = rng.integers(0, 200, contacts).astype(float)
    handle = rng.integers(0, busy, contacts).astype(float)
    patience = np.where(rng.random(contacts) < 0.3, np.inf, rng.integers(0, 60, contacts).astype(float))
    stretches = rng.integers(1, 4, agents)
    rows = []
    for agent, count in enumerate(stretches, start=1):
        bounds = np.sort(rng.choice(np.arange(0, 240), 2 * count, replace=False))
        rows += [(agent, bounds[2 * i], bounds[2 * i + 1]) for i in range(count)]
    who, begins, ends = (np.array(column) for column in zip(*rows, strict=True)) if rows else np.zeros((3, 0))
    capacity = rng.integers(1, 4, agents + 1)[who.astype(int)]
    schedule = AgentSchedule(who, begins, ends, rng.random((len(rows), queues)) < 0.6, capacity)
    given_contacts = {
        "arrival_second": arrival,
        "handle_seconds": handle,
        "patience_seconds": patience,
        "queue": rng.integers(0, queues, contacts),
        "priority": rng.integers(0, 2, contacts),
        "units": rng.integers(1, 3, queues),
    }
    return given_contacts, schedule


def run(contacts, schedule):
    rest = {name: values for name, values in contacts.items() if name not in ("arrival_second", "handle_seconds")}
    return run_queue(contacts["arrival_second"], contacts["handle_seconds"], schedule, **rest)


@settings(max_examples=150, deadline=None)
@given(days())
def test_everybody_is_answered_or_gives_up_or_still_waits(day):
    contacts, schedule = day
    result = run(contacts, schedule)
    counts = result.answered.astype(int) + result.abandoned + result.still_waiting
    assert (counts == 1).all()
    assert (result.answered == (result.agent_id > 0)).all()
    assert (result.wait_seconds[~result.still_waiting] >= 0).all()
    assert (result.wait_seconds[~result.still_waiting] <= contacts["patience_seconds"][~result.still_waiting]).all()
    assert (result.wait_seconds[result.abandoned] == contacts["patience_seconds"][result.abandoned]).all()
    assert np.isinf(contacts["patience_seconds"][result.still_waiting]).all()


@settings(max_examples=150, deadline=None)
@given(days())
def test_no_agent_holds_more_than_fits_or_takes_what_he_may_not(day):
    contacts, schedule = day
    result = run(contacts, schedule)
    units = contacts["units"][contacts["queue"]]
    for contact in np.flatnonzero(result.answered):
        at, agent = result.answered_at[contact], result.agent_id[contact]
        rows = np.flatnonzero(schedule.agent_id == agent)
        there = (schedule.from_second[rows] <= at) & (at < schedule.to_second[rows])
        assert there.sum() == 1
        assert schedule.skills[rows[there], contacts["queue"][contact]]
        same = (result.agent_id == agent) & (result.answered_at <= at) & (result.ended_at > at)
        assert units[same].sum() <= schedule.capacity[rows[0]]


def room(contacts, schedule, result, row, at):
    """The units free, just after the second ``at``, at the agent of a row of the schedule, who is there then."""
    agent = schedule.agent_id[row]
    held = (result.agent_id == agent) & (result.answered_at <= at) & (result.ended_at > at)
    return schedule.capacity[row] - contacts["units"][contacts["queue"]][held].sum()


@settings(max_examples=150, deadline=None)
@given(days())
def test_nobody_waits_while_somebody_with_the_skill_has_room(day):
    contacts, schedule = day
    result = run(contacts, schedule)
    leaves = np.where(result.answered, result.answered_at, contacts["arrival_second"] + contacts["patience_seconds"])
    moments = np.unique(np.concatenate([contacts["arrival_second"], result.ended_at[result.answered],
                                        schedule.from_second, schedule.to_second]))  # fmt: skip
    for at in moments:
        for contact in np.flatnonzero((contacts["arrival_second"] <= at) & (leaves > at)):
            queue = contacts["queue"][contact]
            for row in np.flatnonzero((schedule.from_second <= at) & (at < schedule.to_second)):
                if schedule.skills[row, queue]:
                    assert room(contacts, schedule, result, row, at) < contacts["units"][queue]


@settings(max_examples=150, deadline=None)
@given(days())
def test_the_oldest_goes_first_within_its_priority_and_queue(day):
    contacts, schedule = day
    result = run(contacts, schedule)
    arrival, queue, priority = (contacts[name] for name in ("arrival_second", "queue", "priority"))
    leaves = np.where(result.answered, result.answered_at, arrival + contacts["patience_seconds"])
    for contact in np.flatnonzero(result.answered):
        at = result.answered_at[contact]
        # Of the same queue, waiting since before, and not ready to give up yet.
        others = (queue == queue[contact]) & (arrival < at) & (leaves > at)
        ahead = (priority < priority[contact]) | ((priority == priority[contact]) & (arrival < arrival[contact]))
        assert not (others & ahead).any()


def steady(seed, contacts=120_000):
    rng = np.random.default_rng(seed)
    arrival = np.cumsum(rng.exponential(10.0, contacts))
    return arrival, rng.exponential(100.0, contacts), rng.exponential(120.0, contacts)


def test_patient_callers_wait_as_erlang_c_says():
    arrival, handle, _ = steady(1)
    waits = run_queue(arrival, handle, always_there(13)).wait_seconds
    # Ten erlangs for 13 agents. Waits hang together: the error is that of a few thousand busy periods.
    assert (waits > 0).mean() == pytest.approx(erlang_c(10, 13), abs=0.015)
    assert waits.mean() == pytest.approx(speed_of_answer(10, 13, 100), rel=0.1)


def test_impatient_callers_meet_erlang_a():
    arrival, handle, patience = steady(2)
    result = run_queue(arrival, handle, always_there(9), patience_seconds=patience)
    expected = erlang_a(0.1, 100, 9, 120)
    assert result.abandoned.mean() == pytest.approx(expected["abandonment_probability"], abs=0.008)
    assert (result.wait_seconds > 0).mean() == pytest.approx(expected["waiting_probability"], abs=0.02)
    assert result.wait_seconds.mean() == pytest.approx(expected["mean_wait"], rel=0.06)
    busy = handle[result.answered].sum() / (9 * arrival[-1])
    assert busy == pytest.approx(expected["occupancy"], abs=0.01)


def test_who_does_not_wait_is_lost_as_erlang_b_says():
    arrival, handle, _ = steady(3)
    result = run_queue(arrival, handle, always_there(9), patience_seconds=0)
    assert result.abandoned.mean() == pytest.approx(erlang_b(10, 9), abs=0.01)
    assert (result.wait_seconds == 0).all()


def test_one_queue_for_all_waits_less_than_two_apart():
    arrival, handle, _ = steady(4)
    queue = np.random.default_rng(5).integers(0, 2, len(arrival))
    apart = AgentSchedule(
        np.arange(1, 15), np.zeros(14), np.full(14, np.inf), np.arange(14)[:, None] % 2 == np.arange(2)
    )
    waits_apart = run_queue(arrival, handle, apart, queue=queue).wait_seconds.mean()
    waits_pooled = run_queue(arrival, handle, always_there(14, queues=2), queue=queue).wait_seconds.mean()
    assert waits_pooled < 0.5 * waits_apart


def test_the_fourth_chat_goes_to_the_next_agent_and_a_call_needs_all_of_one():
    schedule = AgentSchedule([1, 2], [0, 0], [1000, 1000], [[True, True], [True, False]], [3, 3])
    # Queue 0: chats of one unit. Queue 1: calls of three units, which agent 1 alone takes.
    chats = run_queue([1, 2, 3, 4, 5, 6, 7], [100] * 7, schedule, units=[1, 3])
    assert chats.agent_id.tolist() == [1, 2, 1, 2, 1, 2, 1]
    assert chats.answered_at[6] == 101
    both = run_queue([1, 2, 3], [100, 100, 50], schedule, queue=[0, 0, 1], units=[1, 3])
    assert both.answered_at.tolist() == [1, 2, 101]
    assert both.agent_id.tolist() == [1, 2, 1]


def test_who_gave_up_tries_again_and_who_was_answered_does_not():
    result = run_queue([0, 1, 20, 30], [60] * 4, always_there(1), patience_seconds=[9, 10, 100, 100],
                       only_if_abandoned=[-1, -1, 1, 0])  # fmt: skip
    assert result.came.tolist() == [True, True, True, False]
    assert result.answered_at[2] == 60
    assert result.still_waiting.tolist() == [False] * 4
    # A second try comes after a first one that came.
    again = run_queue([0, 50, 60], [60] * 3, always_there(1), patience_seconds=5, only_if_abandoned=[-1, 0, 1])
    assert again.came.tolist() == [True, False, False]


def test_a_slow_agent_takes_longer():
    schedule = AgentSchedule([1, 2], [0, 0], [900, 900], np.ones((2, 1)), pace=[0.5, 2.0])
    assert run_queue([0, 1], [60, 60], schedule).ended_at.tolist() == [30, 121]


def test_the_small_priority_goes_first_and_the_agent_finishes_first():
    result = run_queue([0, 1, 2], [60, 60, 60], always_there(1), priority=[5, 5, 1])
    assert result.answered_at.tolist() == [0, 120, 60]


def test_who_goes_home_finishes_the_call_and_takes_no_other():
    schedule = AgentSchedule([7, 7], [0, 300], [100, 400], np.ones((2, 1)))
    result = run_queue([90, 95, 96], [60, 10, 10], schedule, patience_seconds=[np.inf, 50, np.inf])
    assert result.answered_at[0] == 90
    assert result.ended_at[0] == 150
    assert result.abandoned.tolist() == [False, True, False]
    assert result.answered_at[2] == 300


def test_the_end_of_the_world_leaves_people_waiting():
    result = run_queue([0, 1, 2, 3], [60] * 4, always_there(1), patience_seconds=[9, 10, 500, 500], until=100)
    assert result.answered.tolist() == [True, False, True, False]
    assert result.abandoned.tolist() == [False, True, False, False]
    assert result.still_waiting.tolist() == [False, False, False, True]
    assert run_queue([0, 1], [60, 60], always_there(1), until=59).still_waiting.tolist() == [False, True]


def test_empty_and_unstaffed():
    assert len(run_queue([], [], always_there(2)).wait_seconds) == 0
    nobody = run_queue([0, 5], 60, always_there(0), patience_seconds=[10, np.inf])
    assert nobody.abandoned.tolist() == [True, False]
    assert nobody.still_waiting.tolist() == [False, True]


def test_the_order_of_rows_changes_nothing_and_inputs_stay():
    arrival, handle, patience = (each[:500] for each in steady(6))
    kept = arrival.copy()
    result = run_queue(arrival, handle, always_there(8), patience_seconds=patience)
    turned = run_queue(arrival[::-1], handle[::-1], always_there(8), patience_seconds=patience[::-1])
    np.testing.assert_array_equal(result.agent_id, turned.agent_id[::-1])
    np.testing.assert_array_equal(result.wait_seconds, turned.wait_seconds[::-1])
    np.testing.assert_array_equal(arrival, kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"handle_seconds": [-1, 1]}, "handle_seconds has -1, expected 0 or more"),
        ({"patience_seconds": [np.nan, 1]}, "patience_seconds has nan, expected 0 or more"),
        ({"arrival_second": [np.inf, 1]}, "arrival_second has a missing or infinite value"),
        ({"queue": [0, 2]}, "queue has 2, expected 0 to 0"),
        ({"priority": [1, 2, 3]}, r"priority has shape \(3,\), expected one number, or 2 of them"),
        ({"only_if_abandoned": 2}, "only_if_abandoned has a value outside -1 to 1"),
        ({"units": [0]}, r"units is \[0\], expected 1 whole numbers of 1 or more"),
        ({"until": np.nan}, "until is nan"),
    ],
)
def test_wrong_contacts_are_named(change, message):
    contacts = {"arrival_second": [0, 1], "handle_seconds": [1, 1], "schedule": always_there(1), **change}
    with pytest.raises(ValueError, match=message):
        run_queue(**contacts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"to_second": [5, 30]}, "row 0 runs from 10 to 5, expected to_second after from_second"),
        ({"from_second": [10, 15]}, "agent_id 1 has stretches that overlap"),
        ({"capacity": [1, 2]}, "capacity differs between the rows of one agent"),
        ({"capacity": [0, 0]}, "capacity has 0, expected 1 or more"),
        ({"pace": [0, 1]}, "pace has 0, expected more than 0"),
        ({"skills": [True, True]}, r"skills has shape \(2,\)"),
        ({"from_second": [10]}, "from_second has 1 rows, expected 2"),
    ],
)
def test_wrong_schedules_are_named(change, message):
    columns = {"agent_id": [1, 1], "from_second": [10, 20], "to_second": [20, 30], "skills": [[True], [True]]}
    with pytest.raises(ValueError, match=message):
        AgentSchedule(**{**columns, **change})
