"""The answer key of exercise 13b: the KPIs of the contact centre, staffing, and levers."""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd

from crmlab.analytical import contact_centre as cc
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping

HALF_HOUR_SECONDS = 1800
SEED = 1


def draw(rng):
    """Other weeks, another weekday, other targets and costs: the questions stay the same."""
    # Weeks without the long opening hours of December.
    first = dt.date(2024, 1, 15) + dt.timedelta(weeks=int(rng.integers(0, 33)))
    first += dt.timedelta(weeks=52 * int(rng.integers(0, 2)))
    weeks = int(rng.integers(9, 13))
    return {
        "first_day": pd.Timestamp(first),
        "last_day": pd.Timestamp(first + dt.timedelta(weeks=weeks, days=-2)),
        "weekday": int(rng.integers(0, 5)),
        "short_abandon_seconds": int(rng.integers(8, 21)),
        "target_seconds": int(rng.choice([15, 20, 30, 40])),
        "service_percent": int(rng.integers(75, 91)),
        "shrinkage_percent": int(rng.integers(34, 46)),
        "growth": int(rng.integers(12, 19)),
        "paid_hour_cents": int(rng.integers(3300, 4200)),
        "lost_call_cents": int(rng.integers(2000, 25000)),
        "budget_cents": int(rng.integers(12, 40)) * 1000,
        "training_cents": int(rng.integers(8, 30)) * 1000,
        "scripts_cents": int(rng.integers(4, 26)) * 1000,
        "unsettled_cents": int(rng.integers(400, 2600)),
        "free_hour_cents": int(rng.integers(0, 2500)),
    }


key = AnswerKey(
    "13b_staffing",
    practice={
        "first_day": pd.Timestamp("2025-08-18"),
        "last_day": pd.Timestamp("2025-11-08"),
        "weekday": 0,
        "short_abandon_seconds": 15,
        "target_seconds": 30,
        "service_percent": 85,
        "shrinkage_percent": 36,
        "growth": 15,
        "paid_hour_cents": 3600,
        "lost_call_cents": 6000,
        "budget_cents": 20000,
        "training_cents": 15000,
        "scripts_cents": 9000,
        "unsettled_cents": 1000,
        "free_hour_cents": 1500,
    },
    draw=draw,
)


@key.step
def all_facts(company, parameters):
    return cc.contact_facts(company.interactions, short_abandon_seconds=parameters.short_abandon_seconds)


@key.step
def facts(company, parameters):
    return cc.between(all_facts(company, parameters), "arrived_at", parameters.first_day, parameters.last_day)


@key.step
def shifts(company, parameters):
    return cc.between(company.agent_shifts, "starts_at", parameters.first_day, parameters.last_day)


# --- what happened ----------------------------------------------------------------------------------------------------


@key.question(
    "q1",
    points=2,
    minutes=5,
    compare=Number(relative=1e-6, unit="a share from 0 to 1"),
    hints=[
        "Calls abandoned over calls offered. `is_offered` says which calls these are.",
        "Take the rows of `facts` with is_offered; the mean of is_abandoned among them is the share.",
    ],
)
def abandon_share(company, parameters):
    return cc.abandon_share(facts(company, parameters))


@abandon_share.mistake("You divided by the calls answered. Who gave up is not among them: divide by the calls offered.")
def of_answered(company, parameters):
    offered = facts(company, parameters).query("is_offered")
    return float(offered["is_abandoned"].sum() / offered["is_answered"].sum())


@abandon_share.mistake(
    "You counted all calls. Calls while the lines were closed and short abandons were not offered: take is_offered."
)
def all_calls(company, parameters):
    calls = facts(company, parameters).query("channel == 'call' and direction == 'inbound'")
    return float(calls["is_abandoned"].mean())


@abandon_share.mistake("You counted all contacts. Only calls are offered here: take is_offered.")
def all_contacts(company, parameters):
    return float(facts(company, parameters)["is_abandoned"].mean())


@abandon_share.mistake(
    "Short abandons are among yours. `facts` was made with short_abandon_seconds: use its column is_offered.",
    sometimes=True,
)
def short_abandons_left_in(company, parameters):
    found = facts(company, parameters)
    calls = found[(found.channel == "call") & (found.direction == "inbound") & (found.outcome != "closed")]
    return float(calls["is_abandoned"].mean())


@abandon_share.mistake("You took the mean of the half-hours' shares. Add up first, then divide once.")
def mean_of_half_hours(company, parameters):
    offered = facts(company, parameters).query("is_offered")
    return float(offered.groupby("half_hour")["is_abandoned"].mean().mean())


@key.question(
    "q2",
    points=2,
    minutes=5,
    compare=Number(relative=1e-6, unit="a share from 0 to 1"),
    hints=[
        "Of the calls offered: those answered, and answered within target_seconds.",
        "cc.answered_in_time_share(facts, seconds) does it; by hand it is one condition with &.",
    ],
)
def service_level(company, parameters):
    return cc.answered_in_time_share(facts(company, parameters), parameters.target_seconds)


@service_level.mistake("You divided by the calls answered, and so forgot all who gave up. Divide by the calls offered.")
def service_level_of_answered(company, parameters):
    return cc.answered_in_time_share(facts(company, parameters), parameters.target_seconds, of="answered")


@service_level.mistake(
    "You took the mean of the half-hours' percentages: a half-hour with one call counted as much as one with eight."
)
def unweighted(company, parameters):
    offered = facts(company, parameters).query("is_offered")
    in_time = offered["is_answered"] & (offered["wait_seconds"] <= parameters.target_seconds)
    return float(in_time.groupby(offered["half_hour"]).mean().mean())


@service_level.mistake("Callers who gave up within the time are among yours. They were not answered.", sometimes=True)
def gone_in_time(company, parameters):
    offered = facts(company, parameters).query("is_offered")
    return float((offered["wait_seconds"] <= parameters.target_seconds).mean())


@service_level.mistake("That is the share within 20 seconds. The target is target_seconds.", sometimes=True)
def within_twenty(company, parameters):
    return cc.answered_in_time_share(facts(company, parameters), 20)


@key.question(
    "q3",
    points=2,
    minutes=3,
    compare=Number(relative=1e-6, unit="seconds"),
    hints=["Talk and the work after it, of the calls offered that were answered: the mean of handle_seconds."],
)
def handle_seconds(company, parameters):
    return cc.mean_handle_seconds(facts(company, parameters))


@handle_seconds.mistake("You left out the wrap-up. The agent is not free before it is done: take handle_seconds.")
def talk_only(company, parameters):
    return float(facts(company, parameters).query("is_offered")["talk_seconds"].mean())


@handle_seconds.mistake("You took all contacts. Chats and letters take other times: take the calls, is_offered.")
def of_all_contacts(company, parameters):
    return float(facts(company, parameters)["handle_seconds"].mean())


@handle_seconds.mistake("The wait is among your seconds. Nobody is handling a caller who waits.")
def wait_added(company, parameters):
    calls = facts(company, parameters).query("is_offered and is_answered")
    return float((calls["wait_seconds"] + calls["handle_seconds"]).mean())


@key.question(
    "q4",
    points=2,
    minutes=8,
    compare=Number(relative=1e-6, unit="cents"),
    hints=[
        "Two sums over the same days: cost_cents of fact_agent_time, and the rows of fact_contact with is_answered.",
        "The last day is included: WHERE arrived_at >= $first AND arrived_at < $after, with after the day after it.",
    ],
)
def cost_per_contact(company, parameters):
    paid = cc.paid_time(shifts(company, parameters), company.agents)
    return cc.cost_per_contact(facts(company, parameters), paid)


@cost_per_contact.mistake("You left out breaks, training or illness. They are paid too: all of fact_agent_time.")
def on_duty_only(company, parameters):
    paid = cc.paid_time(shifts(company, parameters), company.agents)
    return cc.cost_per_contact(facts(company, parameters), paid[paid["activity"] == "contacts"])


@cost_per_contact.mistake("You divided by all contacts. Who gave up, or helped himself, was handled by no agent.")
def over_all_contacts(company, parameters):
    paid = cc.paid_time(shifts(company, parameters), company.agents)
    return float(paid["cost_cents"].sum() / len(facts(company, parameters)))


@cost_per_contact.mistake("You divided by the calls. Agents are paid for chats and letters too: all with is_answered.")
def over_calls(company, parameters):
    paid = cc.paid_time(shifts(company, parameters), company.agents)
    calls = facts(company, parameters).query("is_offered and is_answered")
    return float(paid["cost_cents"].sum() / len(calls))


@cost_per_contact.mistake("The last day is missing: times go on after its midnight. Compare with the day after it.")
def last_day_missing(company, parameters):
    before = parameters.last_day - pd.Timedelta(days=1)
    paid = cc.paid_time(cc.between(company.agent_shifts, "starts_at", parameters.first_day, before), company.agents)
    contacts = cc.between(all_facts(company, parameters), "arrived_at", parameters.first_day, before)
    return cc.cost_per_contact(contacts, paid)


# --- how many agents --------------------------------------------------------------------------------------------------


@key.step
def weekday_calls(company, parameters):
    """Calls expected in each half-hour of the weekday, by start."""
    counts = cc.calls_by_half_hour(facts(company, parameters), cc.open_half_hours(shifts(company, parameters)))
    forecast = cc.weekday_forecast(counts)
    return forecast[forecast["weekday"] == parameters.weekday].set_index("start")["calls"]


@key.question(
    "q5",
    points=2,
    minutes=6,
    compare=Number(relative=1e-6, unit="erlangs"),
    hints=[
        "The busiest half-hour has the largest mean number of calls. Load is calls times handling over length.",
        "Seconds over seconds: the handling time of question 3, and 1,800 seconds in a half-hour.",
    ],
)
def peak_load(company, parameters):
    calls = weekday_calls(company, parameters).max()
    return float(calls * handle_seconds(company, parameters) / HALF_HOUR_SECONDS)


@peak_load.mistake("You divided by the seconds of an hour. These are the calls of a half-hour: 1,800 seconds.")
def over_an_hour(company, parameters):
    return peak_load(company, parameters) / 2


@peak_load.mistake("Minutes of handling over seconds: your load is 60 times too small. Take seconds for both.")
def minutes_over_seconds(company, parameters):
    return peak_load(company, parameters) / 60


@peak_load.mistake("Seconds of handling over minutes: your load is 60 times too large. Take seconds for both.")
def seconds_over_minutes(company, parameters):
    return peak_load(company, parameters) * 60


@peak_load.mistake("You left out the wrap-up: take the handling time of question 3, not the talk.")
def load_of_talk(company, parameters):
    calls = weekday_calls(company, parameters).max()
    return float(calls * talk_only(company, parameters) / HALF_HOUR_SECONDS)


@peak_load.mistake("You rounded the load up. It is the work that arrives, and need not be whole.")
def load_rounded_up(company, parameters):
    return float(np.ceil(peak_load(company, parameters)))


@peak_load.mistake(
    "Your mean leaves out half-hours without a call. calls_by_half_hour has them as zeros.", sometimes=True
)
def empty_half_hours_dropped(company, parameters):
    counts = cc.calls_by_half_hour(facts(company, parameters), cc.open_half_hours(shifts(company, parameters)))
    forecast = cc.weekday_forecast(counts[counts["offered"] > 0])
    calls = forecast.loc[forecast["weekday"] == parameters.weekday, "calls"].max()
    return float(calls * handle_seconds(company, parameters) / HALF_HOUR_SECONDS)


def plan(company, parameters, seconds, *, growth=None, interval=HALF_HOUR_SECONDS):
    return cc.agents_required(
        weekday_calls(company, parameters) * (growth or parameters.growth),
        seconds,
        interval,
        parameters.target_seconds,
        parameters.service_percent / 100,
        shrinkage=parameters.shrinkage_percent / 100,
    )


def by_start(company, parameters, people):
    return dict(zip(weekday_calls(company, parameters).index, (int(each) for each in people), strict=True))


@key.question(
    "q6",
    points=3,
    minutes=8,
    compare=Mapping(Number(unit="people"), key="start"),
    hints=[
        "cc.agents_required takes calls, handling, interval, target and service level: seconds and shares from 0 to 1.",
        "Its entry `staff` is what is asked for: agents over (1 - shrinkage), rounded up.",
    ],
)
def staff_by_half_hour(company, parameters):
    return by_start(company, parameters, plan(company, parameters, handle_seconds(company, parameters))["staff"])


@staff_by_half_hour.near_tie
def distance_from_another_agent(company, parameters):
    """How far each half-hour's service level is from the target, with its agents and with one fewer."""
    seconds, target = handle_seconds(company, parameters), parameters.service_percent / 100
    agents = np.asarray(plan(company, parameters, seconds)["agents"])
    load = weekday_calls(company, parameters).to_numpy() * parameters.growth * seconds / HALF_HOUR_SECONDS
    levels = [
        cc.service_level(load, np.maximum(agents - less, 0), seconds, parameters.target_seconds) for less in (0, 1)
    ]
    return float(np.abs(np.concatenate(levels) / target - 1).min())


@staff_by_half_hour.mistake(
    "That is the load rounded up. Calls bunch: with so few agents callers wait far too long. Take agents_required."
)
def load_as_agents(company, parameters):
    calls = weekday_calls(company, parameters) * parameters.growth
    load = calls * handle_seconds(company, parameters) / HALF_HOUR_SECONDS
    return by_start(company, parameters, cc.staff_required(np.ceil(load), parameters.shrinkage_percent / 100))


@staff_by_half_hour.mistake(
    "You multiplied by (1 + shrinkage). Those who are added are away at times too: divide by (1 - shrinkage)."
)
def times_one_plus_shrinkage(company, parameters):
    agents = np.asarray(plan(company, parameters, handle_seconds(company, parameters))["agents"])
    return by_start(company, parameters, np.ceil(agents * (1 + parameters.shrinkage_percent / 100)))


@staff_by_half_hour.mistake("Those are the agents on the telephone. Some of the paid are away: the entry `staff`.")
def agents_only(company, parameters):
    return by_start(company, parameters, plan(company, parameters, handle_seconds(company, parameters))["agents"])


@staff_by_half_hour.mistake("You left out the wrap-up: take the handling time of question 3.", sometimes=True)
def staff_for_talk(company, parameters):
    return by_start(company, parameters, plan(company, parameters, talk_only(company, parameters))["staff"])


@staff_by_half_hour.mistake("Your interval is an hour. These are the calls of a half-hour: 1,800 seconds.")
def hourly_interval(company, parameters):
    people = plan(company, parameters, handle_seconds(company, parameters), interval=2 * HALF_HOUR_SECONDS)
    return by_start(company, parameters, people["staff"])


@staff_by_half_hour.mistake("Those are the people for today's calls. They are to grow: calls times growth.")
def no_growth(company, parameters):
    people = plan(company, parameters, handle_seconds(company, parameters), growth=1)
    return by_start(company, parameters, people["staff"])


# --- what a wait does, and what an agent brings -----------------------------------------------------------------------


@key.step
def rated_calls(company, parameters):
    """Answered calls of the whole time that were rated, with their rating."""
    calls = all_facts(company, parameters).query("is_offered and is_answered")
    return calls.merge(company.contact_ratings, on="interaction_id")


@key.question(
    "q7",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-6, unit="points for each unit of ln(1 + minutes)"),
    hints=[
        "cc.rating_on_log_wait takes the answered calls and company.contact_ratings; its entry `slope` is asked for.",
        "Take all days, `everything`, and the calls among them: is_offered and is_answered.",
    ],
)
def rating_slope(company, parameters):
    calls = all_facts(company, parameters).query("is_offered and is_answered")
    return cc.rating_on_log_wait(calls, company.contact_ratings)["slope"]


@rating_slope.mistake("Your slope is for each minute. A first minute hurts more than a tenth: take ln(1 + minutes).")
def slope_for_minutes(company, parameters):
    rated = rated_calls(company, parameters)
    return float(np.polyfit(rated["wait_seconds"] / 60, rated["rating"], 1)[0])


@rating_slope.mistake("You took the logarithm of seconds. The unit is ln(1 + minutes): divide the wait by 60 first.")
def slope_for_log_seconds(company, parameters):
    rated = rated_calls(company, parameters)
    return float(np.polyfit(np.log1p(rated["wait_seconds"]), rated["rating"], 1)[0])


@rating_slope.mistake("Chats and letters are among yours. An hour is nothing for a letter: take the calls.")
def slope_of_all_channels(company, parameters):
    return cc.rating_on_log_wait(all_facts(company, parameters), company.contact_ratings)["slope"]


@rating_slope.mistake("You took the weeks from first_day to last_day. Few are rated: take all days, `everything`.")
def slope_of_the_weeks(company, parameters):
    calls = facts(company, parameters).query("is_offered and is_answered")
    return cc.rating_on_log_wait(calls, company.contact_ratings)["slope"]


@key.step
def two_rosters(company, parameters):
    """The weekday's contacts replayed as it was and with one agent more, and the number of days."""
    contacts = facts(company, parameters)
    served_at = contacts["answered_at"].fillna(contacts["arrived_at"])
    contacts = contacts[served_at.dt.day_of_week == parameters.weekday]
    roster = shifts(company, parameters)
    roster = roster[roster["starts_at"].dt.day_of_week == parameters.weekday]
    days = roster["starts_at"].dt.normalize().unique()
    extra = cc.extra_agents(days, "09:00", "13:00", queues="orders|technical")
    now = cc.replay(contacts, roster, seed=SEED)
    more = cc.replay(contacts, pd.concat([roster, extra]), seed=SEED)
    return now, more, len(days)


def fewer_lost(company, parameters, channels=("call",)):
    now, more, _ = two_rosters(company, parameters)
    before, after = (ran.loc[ran["channel"].isin(channels), "is_abandoned"].sum() for ran in (now, more))
    return int(before - after)


def gain(company, parameters, lost, hours=4):
    days = two_rosters(company, parameters)[2]
    return float(lost * parameters.lost_call_cents / days - hours * parameters.paid_hour_cents)


@key.question(
    "q8",
    points=3,
    minutes=9,
    compare=Number(relative=1e-6, unit="cents a day"),
    hints=[
        "Replay the weekday's contacts twice, with the roster and with one agent more; count calls abandoned.",
        "Calls saved times lost_call_cents over the number of days, less four hours of paid_hour_cents.",
    ],
)
def gain_of_one_more(company, parameters):
    return gain(company, parameters, fewer_lost(company, parameters))


@gain_of_one_more.near_tie
def distance_from_no_gain(company, parameters):
    return abs(gain_of_one_more(company, parameters)) / (4 * parameters.paid_hour_cents)


@gain_of_one_more.mistake("You left out the pay: four hours of paid_hour_cents a day.")
def without_pay(company, parameters):
    return gain(company, parameters, fewer_lost(company, parameters), hours=0)


@gain_of_one_more.mistake("That is for all the days together. Divide what was saved by the number of days.")
def all_days_together(company, parameters):
    days = two_rosters(company, parameters)[2]
    return gain_of_one_more(company, parameters) * days


@gain_of_one_more.mistake("You set the calls saved on all days against the pay of one day.", sometimes=True)
def all_saved_against_one_day(company, parameters):
    return float(fewer_lost(company, parameters) * parameters.lost_call_cents - 4 * parameters.paid_hour_cents)


@gain_of_one_more.mistake("Chats are among yours: count abandoned calls only.", sometimes=True)
def chats_counted(company, parameters):
    return gain(company, parameters, fewer_lost(company, parameters, ("call", "chat")))


@gain_of_one_more.mistake("You counted what is lost with the new agent. What counts is how many fewer.", sometimes=True)
def still_lost(company, parameters):
    _, more, _ = two_rosters(company, parameters)
    return gain(company, parameters, int((more["is_abandoned"] & (more["channel"] == "call")).sum()))


@gain_of_one_more.mistake(
    "You hold the calls saved for lost, and the sign is wrong: as it was, less with one more.", sometimes=True
)
def sign_turned(company, parameters):
    return gain(company, parameters, -fewer_lost(company, parameters))


# --- levers -----------------------------------------------------------------------------------------------------------


@key.step
def lever_table(company, parameters):
    return sets_of(company, parameters, parameters.free_hour_cents)


def sets_of(company, parameters, free_hour_cents):
    handled, talked = handle_seconds(company, parameters), talk_only(company, parameters)
    calls = weekday_calls(company, parameters)
    line = cc.TelephoneLine(
        first_calls=calls / calls.sum() * 40,
        agents=np.full(len(calls), 2),
        talk_seconds=talked,
        wrap_up_seconds=handled - talked,
        settled_share=0.78,
        repeat_share=0.58,
        redial_share=0.48,
        mean_patience_seconds=480,
        technical_share=0.45,
        skilled_share=0.67,
    )
    stakes = cc.Stakes(parameters.unsettled_cents, 400, 200, per_free_hour=free_hour_cents)
    costs = {"training": parameters.training_cents, "scripts": parameters.scripts_cents}
    levers = [
        dataclasses.replace(each, monthly_cost_cents=costs.get(each.name, each.monthly_cost_cents))
        for each in cc.FOUR_LEVERS
    ]
    return cc.lever_sets(line, levers, stakes, budget_cents=parameters.budget_cents, days=42, seed=SEED)


@key.question(
    "q9",
    points=2,
    minutes=7,
    compare=Text(),
    hints=[
        "cc.Stakes(unsettled, log wait, rating, per_free_hour=...), then cc.lever_sets(line, levers, stakes, ...).",
        "Of the sets within the budget, the one with the highest gain_cents.",
    ],
)
def best_levers(company, parameters):
    return str(lever_table(company, parameters).query("within_budget")["levers"].iloc[0])


@best_levers.near_tie
def distance_of_the_second(company, parameters):
    gains = lever_table(company, parameters).query("within_budget")["gain_cents"]
    return float((gains.iloc[0] - gains.iloc[1]) / max(abs(gains).max(), 1))


@best_levers.mistake(
    "That set has the shortest calls. Short calls settle less, and bring calls: look at gain_cents.", sometimes=True
)
def shortest_calls(company, parameters):
    table = lever_table(company, parameters).query("within_budget")
    return str(table.loc[table["seconds_per_call"].idxmin(), "levers"])


@best_levers.mistake(
    "That set has the fewest calls: people with a matter nobody settles. Look at gain_cents.", sometimes=True
)
def fewest_calls(company, parameters):
    table = lever_table(company, parameters).query("within_budget")
    return str(table.loc[table["calls"].idxmin(), "levers"])


@best_levers.mistake("That set costs more than the budget: take those within_budget.", sometimes=True)
def whatever_it_costs(company, parameters):
    table = lever_table(company, parameters)
    return str(table.loc[table["gain_cents"].idxmax(), "levers"])


@best_levers.mistake("You left out what a free hour is worth: per_free_hour=free_hour_cents.", sometimes=True)
def free_hours_worth_nothing(company, parameters):
    return str(sets_of(company, parameters, 0).query("within_budget")["levers"].iloc[0])


key.judgement("q10", points=3, minutes=8)
