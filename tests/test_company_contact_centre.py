"""The company's contact centre: its tables fit together, look like the industry's, and hold what was planted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from companies import PEOPLE, hidden, observed
from statsmodels.discrete.conditional_models import ConditionalLogit

from crmlab.company import Assumptions, generate, open_company, truth
from crmlab.company.contact_centre.leaving_after_waits import CALLS_WITHIN_DAYS, change_places
from crmlab.company.contact_centre.opening_hours import (
    ADVENT_DAY,
    CLOSED_DAY,
    OPEN_HOURS,
    SATURDAY,
    WEEKDAY,
    call_profile,
    kinds_of_days,
)
from crmlab.company.contact_centre.settings import ContactSettings, draw_settings
from crmlab.company.contact_centre.topics import CHANNELS, WAIT_SCALE

LARGE = 20_000


def contacts(people: int = PEOPLE, absent: str = "") -> pd.DataFrame:
    """All contacts with their wait and handling time, in seconds."""
    frame = observed(people=people, absent=absent).interactions
    until = frame["answered_at"].fillna(frame["ended_at"])
    frame["wait_seconds"] = (until - frame["arrived_at"]).dt.total_seconds()
    talk = (frame["ended_at"] - frame["answered_at"]).dt.total_seconds()
    frame["handle_seconds"] = talk + frame["wrap_up_seconds"]
    return frame


def inbound_calls(people: int = PEOPLE) -> pd.DataFrame:
    """Calls that came while the lines were open."""
    return contacts(people).query("channel == 'call' and direction == 'inbound' and outcome != 'closed'")


def test_times_of_a_contact_follow_each_other():
    frame = contacts()
    assert frame["arrived_at"].is_monotonic_increasing
    answered = frame.dropna(subset="answered_at")
    assert (answered["answered_at"] >= answered["arrived_at"]).all()
    assert (answered["ended_at"].dropna() >= answered["answered_at"][answered["ended_at"].notna()]).all()
    assert (frame["answered_at"].notna() == frame["agent_id"].notna()).all()
    assert frame.loc[frame["is_abandoned"], "answered_at"].isna().all()
    assert frame.loc[frame["is_abandoned"], "ended_at"].notna().all()
    assert (frame.loc[frame["agent_id"].isna(), "wrap_up_seconds"] == 0).all()
    alone = frame["channel"].isin(["ivr", "web"])
    assert frame.loc[alone, ["agent_id", "queue"]].isna().all(axis=None)
    assert frame.loc[~alone, "queue"].notna().all()


def test_an_agent_holds_one_call_or_letter_or_three_chats_and_only_at_work():
    frame = contacts().dropna(subset="agent_id")
    frame = frame.assign(free=frame["answered_at"] + pd.to_timedelta(frame["handle_seconds"], unit="s"))
    places = np.where(frame["channel"] == "chat", 1, 3)
    changes = pd.concat(
        [
            pd.DataFrame({"agent_id": frame["agent_id"], "at": frame["answered_at"], "places": places, "ends": 0}),
            pd.DataFrame({"agent_id": frame["agent_id"], "at": frame["free"], "places": -places, "ends": -1}),
        ]
    ).sort_values(["agent_id", "at", "ends"])
    held = changes.groupby("agent_id")["places"].cumsum()
    # An agent's times are cut to whole seconds: a contact may end in the second in which the next begins.
    assert (held <= 3).mean() > 0.999
    shifts = observed().agent_shifts.query("activity == 'contacts'").sort_values("starts_at")
    shifts["agent_id"] = shifts["agent_id"].astype("Int64")
    both = pd.merge_asof(frame.sort_values("answered_at"), shifts, left_on="answered_at", right_on="starts_at",
                         by="agent_id", suffixes=("", "_shift"))  # fmt: skip
    assert (both["answered_at"] < both["ends_at"]).all()
    served = [queue in queues.split("|") for queue, queues in zip(both["queue"], both["queues"], strict=True)]
    assert all(served)


def test_stretches_of_an_agent_do_not_overlap_and_agents_serve_what_they_can():
    company = observed()
    shifts = company.agent_shifts.sort_values(["agent_id", "starts_at"])
    assert (shifts["ends_at"] > shifts["starts_at"]).all()
    before = shifts.groupby("agent_id")["ends_at"].shift()
    assert (shifts["starts_at"] >= before.fillna(shifts["starts_at"])).all()
    both = shifts.dropna(subset="queues").merge(company.agents, on="agent_id", suffixes=("", "_can"))
    assert all(
        set(now.split("|")) <= set(can.split("|")) for now, can in zip(both["queues"], both["queues_can"], strict=True)
    )


def test_nobody_works_on_sundays_and_holidays_and_calls_run_over_closing_time():
    given = Assumptions()
    kinds = kinds_of_days(given)
    assert kinds[0] == CLOSED_DAY  # 1 January 2023 is a Sunday and a holiday
    dates = pd.date_range(given.start, periods=len(kinds))
    easter = dates.get_indexer(pd.to_datetime(["2023-04-07", "2023-04-10", "2024-03-29", "2025-04-21", "2025-05-29"]))
    assert (kinds[easter] == CLOSED_DAY).all()
    frame = contacts(LARGE)
    kind = pd.Series(kinds, dates).reindex(frame["arrived_at"].dt.normalize()).to_numpy()
    live = frame["channel"].isin(["call", "chat"])
    assert (kind[live] != CLOSED_DAY).all()
    hour = frame["arrived_at"].dt.hour + frame["arrived_at"].dt.minute / 60
    outside = (hour < OPEN_HOURS[kind, 0]) | (hour >= OPEN_HOURS[kind, 1])
    assert (frame.loc[live & outside, "outcome"] == "closed").all()
    assert (frame["outcome"] == "closed").sum() > 50
    ended = frame["ended_at"]
    assert (live & (ended.dt.normalize() > frame["arrived_at"].dt.normalize())).any()  # over midnight
    closes = frame["arrived_at"].dt.normalize() + pd.to_timedelta(OPEN_HOURS[kind, 1], unit="h")
    assert (live & (ended > closes) & ~outside).any()


def test_profiles_are_shares_of_a_day():
    for kind in (WEEKDAY, SATURDAY, ADVENT_DAY):
        assert call_profile(kind).sum() == pytest.approx(1)
        opens, closes = OPEN_HOURS[kind] * 2
        assert call_profile(kind)[:opens].sum() == call_profile(kind)[closes:].sum() == 0
    assert call_profile(CLOSED_DAY).sum() == 0


def test_quantities_are_those_of_the_industry():
    calls = inbound_calls(LARGE)
    in_time = calls["answered_at"].notna() & (calls["wait_seconds"] <= 20)
    assert 0.7 < in_time.mean() < 0.9
    assert 0.03 < calls["is_abandoned"].mean() < 0.1
    monday = calls["arrived_at"].dt.day_of_week == 0
    assert in_time[monday].mean() < in_time[~monday].mean() - 0.03
    assert 250 < calls["handle_seconds"].mean() < 450
    # Lognormal: the logarithm is nearly symmetric, the time is not.
    answered = calls.query("topic == 'order_status'")["handle_seconds"].dropna()
    assert abs(np.log(answered).skew()) < 0.5 < answered.skew()
    solved = calls.merge(hidden(people=LARGE)["interactions"], on="interaction_id")
    solved = solved[solved["answered_at"].notna()]["is_solved"].mean()
    assert 0.65 < solved < 0.8
    shifts = observed(people=LARGE).agent_shifts
    paid = (shifts["ends_at"] - shifts["starts_at"]).dt.total_seconds().groupby(shifts["activity"]).sum()
    assert 0.2 < 1 - paid["contacts"] / paid.sum() < 0.33
    frame = contacts(LARGE)
    places = np.where(frame["channel"] == "chat", 1 / 3, 1.0)
    assert 0.15 < (frame["handle_seconds"] * places).sum() / paid["contacts"] < 0.9


def test_calls_come_in_the_morning_and_on_mondays():
    calls = inbound_calls(LARGE)
    weekdays = calls[calls["arrived_at"].dt.day_of_week < 5]
    by_day = weekdays["arrived_at"].dt.day_of_week.value_counts()
    assert by_day[0] > 1.1 * by_day[4]
    by_hour = weekdays["arrived_at"].dt.hour.value_counts()
    assert by_hour[10] > 1.5 * by_hour[16] and by_hour[10] > 1.3 * by_hour[13]


def test_contacts_come_from_the_customers_lives():
    company = observed(people=LARGE)
    frame, orders = company.tickets, company.orders
    about = (
        frame.dropna(subset="order_line_id")
        .merge(company.order_lines, on="order_line_id")
        .merge(orders, on="order_id", suffixes=("", "_order"))
    )
    assert (about["opened_at"] >= about["order_date"]).all()
    assert (about["customer_id"] == about["customer_id_order"]).all()
    faults = about.query("type == 'complaint'")
    assert (faults["opened_at"] > faults["delivered_date"].fillna(faults["order_date"])).all()
    failed = set(hidden(people=LARGE)["order_failures"]["order_id"])
    assert faults["order_id"].isin(failed).mean() > 0.97
    unknown = company.interactions["customer_id"].isna().mean()
    assert 0.1 < unknown < 0.3


def test_repeat_calls_follow_what_was_not_solved_or_given_up():
    both = contacts(LARGE).merge(hidden(people=LARGE)["interactions"], on="interaction_id")
    both = both.sort_values(["issue_id", "arrived_at", "interaction_id"])
    following = both["issue_id"].eq(both["issue_id"].shift(-1))
    assert not following[both["is_solved"] & both["answered_at"].notna()].any()
    gave_up = both["outcome"] == "abandoned"
    assert 0.3 < following[gave_up].mean() < 0.8
    assert 0.3 < following[both["outcome"] == "follow_up"].mean() < 0.7
    one_person = both.dropna(subset="customer_id").groupby("issue_id")["customer_id"].nunique()
    assert (one_person == 1).all()


def test_self_service_ends_alone_or_in_a_call_within_a_week():
    both = contacts(LARGE).merge(hidden(people=LARGE)["interactions"], on="interaction_id")
    alone = both[both["channel"].isin(["ivr", "web"])]
    solved = (alone["outcome"] == "self_service").mean()
    planted = hidden(people=LARGE)["contact_settings"].set_index("setting")["value"]
    assert solved == pytest.approx(planted["self_service_solved_share"], abs=0.03)
    calls = both[both["channel"] == "call"].groupby("issue_id")["arrived_at"].min()
    then = alone["issue_id"].map(calls) - alone["ended_at"]
    assert then[alone["outcome"] == "self_service"].isna().all()
    assert 0.7 < then[alone["outcome"] == "left_self_service"].notna().mean() < 0.9
    # A call that falls on a Sunday or a holiday comes up to some days later.
    assert (then.dropna() > pd.Timedelta(0)).all() and (then.dropna() < pd.Timedelta(days=7)).mean() > 0.9


def test_tickets_live_in_order():
    tickets = observed().tickets
    assert (tickets["first_assigned_at"] >= tickets["opened_at"]).all()
    for earlier, later in [("first_assigned_at", "first_resolved_at"), ("first_resolved_at", "reopened_at"),
                           ("reopened_at", "resolved_at"), ("first_resolved_at", "resolved_at")]:  # fmt: skip
        both = tickets.dropna(subset=[earlier, later])
        assert (both[later] >= both[earlier]).all(), (earlier, later)
    assert (tickets["resolved_at"].isna() == (tickets["status"] == "Assigned")).all()
    assert 0.02 < tickets["reopened_at"].notna().mean() < 0.15
    linked = observed().interactions.dropna(subset="ticket_id").merge(tickets, on="ticket_id", suffixes=("", "_ticket"))
    known = linked.dropna(subset="customer_id")
    assert (known["customer_id"] == known["customer_id_ticket"]).all()
    assert linked["ticket_id"].nunique() == len(tickets)


def test_ratings_fall_with_the_logarithm_of_the_wait_as_planted():
    secret = hidden(people=LARGE)
    planted = secret["contact_settings"].set_index("setting")["value"]
    both = observed(people=LARGE).contact_ratings.merge(contacts(LARGE), on="interaction_id")
    both = both.merge(secret["contact_ratings"], on="interaction_id").merge(secret["interactions"], on="interaction_id")
    both = both.merge(secret["agents"], on="agent_id")
    scale = both["channel"].map(dict(zip(CHANNELS, WAIT_SCALE, strict=True)))
    effects = pd.DataFrame(
        {"wait": np.log1p(both["wait_seconds"] / scale), "unsolved": ~both["is_solved"], "agent": both["rating_effect"]}
    )
    fitted = sm.OLS(both["felt"], sm.add_constant(effects.astype(float))).fit()
    error = fitted.bse
    assert fitted.params["wait"] == pytest.approx(-planted["rating_wait_slope"], abs=4 * error["wait"])
    assert fitted.params["unsolved"] == pytest.approx(-planted["rating_unsolved_drop"], abs=4 * error["unsolved"])
    assert fitted.params["agent"] == pytest.approx(1, abs=4 * error["agent"])
    assert error["wait"] < 0.05
    assert set(both["rating"]) == {1, 2, 3, 4, 5}
    rated = len(both) / contacts(LARGE)["answered_at"].notna().sum()
    assert 0.1 < rated < 0.3


def test_places_change_with_the_planted_weights():
    rng = np.random.default_rng(3)
    places, draws = 4, 4_000
    log_weight = np.array([0.0, 0.5, 1.0, 2.0])
    leaves = np.array([True, False, True, False])
    day = np.zeros(places)
    found = [tuple(np.flatnonzero(leaves[change_places(rng, leaves, log_weight, day, day)])) for _ in range(draws)]
    pairs = [(i, j) for i in range(places) for j in range(i + 1, places)]
    weight = np.exp([log_weight[i] + log_weight[j] for i, j in pairs])
    share = pd.Series(found).value_counts(normalize=True).reindex(pd.Index(pairs, tupleize_cols=False)).to_numpy()
    np.testing.assert_allclose(share, weight / weight.sum(), atol=4 * 0.5 / np.sqrt(draws))


def test_nobody_calls_before_the_trouble_or_long_after_it():
    rng = np.random.default_rng(4)
    day = np.sort(rng.integers(0, 31, 80))
    since = day - rng.geometric(0.3, 80).clip(max=CALLS_WITHIN_DAYS - 1)
    leaves = rng.random(80) < 0.2
    who = change_places(rng, leaves, rng.normal(0, 2, 80), day, since)
    assert sorted(who) == list(range(80))
    assert ((day >= since[who]) & (day - since[who] < CALLS_WITHIN_DAYS)).all()
    assert not (who == np.arange(80)).all()
    none = np.zeros(80, dtype=bool)
    assert (change_places(rng, none, rng.normal(0, 2, 80), day, since) == np.arange(80)).all()


def test_who_waited_longer_left_more_often(tmp_path):
    given = dataclasses.replace(Assumptions(), late_share=0.2, failure_share=0.08)
    folder = generate(30_000, 12, tmp_path / "company", assumptions=given)
    secret = truth(folder)
    waits = secret["contact_waits"].merge(open_company(folder).interactions, on="interaction_id")
    planted = secret["contact_settings"].set_index("setting")["value"]["wait_log_odds"]
    waits = waits[waits["is_problem"] & ~waits["never_solved"]]
    month = waits["arrived_at"].dt.strftime("%Y-%m") + waits["topic"]
    felt = (waits["wait_log_odds"] / planted).to_frame("felt")
    found = ConditionalLogit(waits["left_for_service"].astype(int), felt, groups=month).fit(disp=False)
    # Callers can change places only with those of the same weeks, so a little of the effect is lost between them.
    assert 0.6 * planted - 3 * found.bse.iloc[0] < found.params.iloc[0] < planted + 3 * found.bse.iloc[0]
    assert found.params.iloc[0] > 4 * found.bse.iloc[0]
    left = waits[waits["left_for_service"]]
    expected = -np.expm1(-left["wait_log_odds"])
    assert left["would_have_stayed"].astype(float).mean() == pytest.approx(expected.mean(), abs=0.05)
    assert waits.loc[~waits["left_for_service"], "would_have_stayed"].isna().all()


def test_who_left_for_service_is_as_before():
    secret = hidden(people=LARGE)
    waits = secret["contact_waits"].query("left_for_service")
    cause = secret["relationships"].set_index("person_id")["exit_cause"]
    assert len(waits) > 100
    assert (cause.loc[waits["person_id"]] == "service").all()


def test_where_nothing_leaks_waits_drive_nobody_away():
    secret = hidden(absent="leak")
    assert not secret["contact_waits"]["left_for_service"].any()
    assert (secret["contact_waits"]["wait_log_odds"] == 0).all()
    assert secret["contact_settings"].set_index("setting")["value"]["wait_log_odds"] == 0


def test_settings_differ_from_company_to_company():
    assert draw_settings(3, "") != draw_settings(4, "")
    assert draw_settings(3, "leak") == dataclasses.replace(draw_settings(3, ""), wait_log_odds=0.0)
    assert set(hidden()["contact_settings"]["setting"]) == {field.name for field in dataclasses.fields(ContactSettings)}


def test_calls_of_a_campaign_reach_only_who_is_on_its_list():
    company = observed(people=LARGE)
    calls = company.interactions.query("direction == 'outbound'")
    by_phone = company.campaigns.query("channel == 'phone'")["campaign_id"]
    listed = company.campaign_contacts[company.campaign_contacts["campaign_id"].isin(by_phone)].dropna(
        subset="sent_date"
    )
    assert len(calls) > len(listed) * 0.9
    first = listed.groupby("customer_id")["sent_date"].min()
    assert calls["customer_id"].isin(listed["customer_id"]).all()
    assert (calls["arrived_at"] >= calls["customer_id"].map(first)).all()
    assert calls.groupby("customer_id").size().max() <= 3
    assert set(calls["outcome"]) <= {"interested", "refused", "opted_out", "no_answer"}


def test_a_large_company_borrows_agents_and_a_small_one_has_idle_ones():
    small = observed(people=400)
    answered = small.interactions["agent_id"].dropna()
    assert set(small.agents["agent_id"]) - set(answered)
    assert (small.agents["employer"] == "own").all()
    half_hours = pd.date_range("2025-06-02 09:00", "2025-06-02 17:00", freq="30min")
    calls = small.interactions.query("channel == 'call'")["arrived_at"]
    assert (np.histogram(calls, half_hours)[0] == 0).any()
