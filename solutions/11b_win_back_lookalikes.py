"""The answer key of exercise 11b: who is late, who came back because of a letter, and who is like the best."""

import datetime as dt

import numpy as np
import pandas as pd

from crmlab.analytical import prediction as pred
from crmlab.analytical.experiments import ROLL_OUT, STOP
from crmlab.analytical.segmentation import customer_margin
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping, Members, Overlap

MOST_SILENCE_DAYS, LIST_LENGTH, HORIZON_DAYS = 700, 100, 90


def draw(rng):
    """Another day, other limits: the questions stay the same."""
    day = dt.date(2025, 6, 15) + dt.timedelta(days=int(rng.integers(0, 105)))
    return {
        "as_of": pd.Timestamp(day),
        "month": int(rng.choice([1, 2, 7, 8, 11, 12])),
        "limit_percent": int(rng.choice([2, 5, 10])),
        "least_gaps": int(rng.integers(2, 5)),
        "watch_days": int(rng.integers(28, 61)),
        "best_percent": int(rng.integers(4, 9)),
    }


key = AnswerKey(
    "11b_win_back_lookalikes",
    practice={
        "as_of": pd.Timestamp("2025-08-31"),
        "month": 12,
        "limit_percent": 5,
        "least_gaps": 3,
        "watch_days": 42,
        "best_percent": 6,
    },
    draw=draw,
)


# --- the own rhythm ---------------------------------------------------------------------------------------------------


@key.step
def purchases(company, parameters):
    return company.orders[company.orders["subscription_id"].isna()]


@key.step
def pace(company, parameters):
    return pred.seasonal_pace(purchases(company, parameters), parameters.as_of)


@key.step
def rhythm(company, parameters):
    return pred.own_rhythm(purchases(company, parameters), parameters.as_of, pace(company, parameters))


@key.question(
    "q1",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-6),
    hints=["pred.seasonal_pace(purchases, as_of) has one number a month; take it by the number of the month."],
)
def pace_of_month(company, parameters):
    return float(pace(company, parameters)[parameters.month])


@pace_of_month.mistake("That is the share of the year's purchases. The pace is 1 in the mean of the year.")
def share_of_year(company, parameters):
    days = pd.Series(1, index=pd.date_range("2025-01-01", "2025-12-31")).groupby(lambda day: day.month).sum()
    return pace_of_month(company, parameters) * float(days[parameters.month]) / 365


@pace_of_month.mistake("You let purchases after as_of into the pace. On that day nobody knew of them.")
def pace_of_the_end(company, parameters):
    return float(pred.seasonal_pace(purchases(company, parameters), company.as_of)[parameters.month])


@pace_of_month.mistake("Deliveries of subscriptions are in your pace. They come all year round: leave them out.")
def pace_of_deliveries(company, parameters):
    orders = company.orders.drop(columns="subscription_id")
    return float(pred.seasonal_pace(orders, parameters.as_of)[parameters.month])


def row_of(company, parameters, table):
    """The customer with the most gaps; of several the one with the lowest number."""
    customer = rhythm(company, parameters)["gaps"].idxmax()
    row = table.loc[customer]
    return {name: float(row[name]) for name in ("mean_gap_days", "silence_days", "silence_over_gap")}


@key.question(
    "q2",
    points=2,
    minutes=6,
    compare=Mapping(Number(relative=1e-6)),
    hints=[
        "pred.own_rhythm(purchases, as_of, pace) has the three columns.",
        "The customer is rhythm['gaps'].idxmax(); rhythm.loc[customer, three names].",
    ],
)
def rhythm_of_one(company, parameters):
    return row_of(company, parameters, rhythm(company, parameters))


@rhythm_of_one.mistake(
    "You counted days of the calendar. On the shop's clock a day of December is longer: give the pace."
)
def without_the_pace(company, parameters):
    return row_of(company, parameters, pred.own_rhythm(purchases(company, parameters), parameters.as_of))


@rhythm_of_one.mistake("You looked at the silence on the company's last day, not on as_of.")
def at_the_end(company, parameters):
    return row_of(
        company, parameters, pred.own_rhythm(purchases(company, parameters), company.as_of, pace(company, parameters))
    )


def late_of(company, parameters, table):
    chosen = (
        (table["chance_of_silence"] <= parameters.limit_percent / 100)
        & (table["gaps"] >= parameters.least_gaps)
        & (table["silence_days"] <= MOST_SILENCE_DAYS)
    )
    return set(table.index[chosen].tolist())


@key.question(
    "q3",
    points=3,
    minutes=7,
    compare=Members(),
    hints=[
        "Three conditions on the rows of rhythm: chance_of_silence, gaps and silence_days.",
        "limit_percent is in percent, chance_of_silence from 0 to 1: divide by 100.",
    ],
)
def late_customers(company, parameters):
    return late_of(company, parameters, rhythm(company, parameters))


@late_customers.mistake("You took 120 days for everybody. Late is who is silent against the own rhythm.")
def by_a_fixed_rule(company, parameters):
    table = rhythm(company, parameters)
    chosen = (table["silence_days"] >= 120) & (table["silence_days"] <= MOST_SILENCE_DAYS)
    return set(table.index[chosen & (table["gaps"] >= parameters.least_gaps)].tolist())


@late_customers.mistake("The sign is turned round: a small chance of silence means that somebody is late.")
def the_punctual(company, parameters):
    table = rhythm(company, parameters)
    chosen = (table["chance_of_silence"] > parameters.limit_percent / 100) & (table["gaps"] >= parameters.least_gaps)
    return set(table.index[chosen & (table["silence_days"] <= MOST_SILENCE_DAYS)].tolist())


@late_customers.mistake("limit_percent is in percent, chance_of_silence goes from 0 to 1: divide the limit by 100.")
def limit_not_divided(company, parameters):
    table = rhythm(company, parameters)
    chosen = (table["chance_of_silence"] <= parameters.limit_percent) & (table["gaps"] >= parameters.least_gaps)
    return set(table.index[chosen & (table["silence_days"] <= MOST_SILENCE_DAYS)].tolist())


@late_customers.mistake("Leave out who has been silent for more than 700 days.")
def silent_for_years(company, parameters):
    table = rhythm(company, parameters)
    chosen = (table["chance_of_silence"] <= parameters.limit_percent / 100) & (table["gaps"] >= parameters.least_gaps)
    return set(table.index[chosen].tolist())


@late_customers.mistake("One gap or two are no rhythm yet: ask for least_gaps gaps.")
def any_gaps(company, parameters):
    table = rhythm(company, parameters)
    chosen = table["chance_of_silence"] <= parameters.limit_percent / 100
    return set(table.index[chosen & (table["silence_days"] <= MOST_SILENCE_DAYS)].tolist())


# --- permission -------------------------------------------------------------------------------------------------------


@key.step
def said(company, parameters):
    """What was said about e-mail addresses, and whose they are: customer_id, action, consent_date."""
    points = company.contact_points[company.contact_points["kind"] == "email"]
    mails = company.consents[company.consents["kind"] == "email"]
    points = points.assign(value=points["value"].str.lower())[["customer_id", "value"]].drop_duplicates()
    return points.merge(mails.assign(value=mails["value"].str.lower()), on="value")


def who(table, action):
    return set(table.loc[table["action"] == action, "customer_id"].tolist())


def known(company, parameters):
    table = said(company, parameters)
    return table[table["consent_date"] <= parameters.as_of]


@key.question(
    "q4",
    points=2,
    minutes=6,
    compare=Number(unit="customers"),
    follows=["q3"],
    hints=[
        "Of what was said up to as_of: whose address was confirmed_opt_in, and whose was opt_out?",
        "Late customers in the first set, without those in the second.",
    ],
)
def allowed_by_email(company, parameters, late):
    table = known(company, parameters)
    return len(set(late) & who(table, "confirmed_opt_in") - who(table, "opt_out"))


@allowed_by_email.mistake("You left opt-outs in. An opt-out beats every list, however late the customer is.")
def opt_outs_ignored(company, parameters, late):
    return len(set(late) & who(known(company, parameters), "confirmed_opt_in"))


@allowed_by_email.mistake("An opt-in that was not confirmed is no permission for e-mail.")
def unconfirmed(company, parameters, late):
    table = known(company, parameters)
    return len(set(late) & who(table, "opt_in") - who(table, "opt_out"))


@allowed_by_email.mistake("You used what was said after as_of. On that day nobody knew of it.", sometimes=True)
def consents_of_later(company, parameters, late):
    table = said(company, parameters)
    return len(set(late) & who(table, "confirmed_opt_in") - who(table, "opt_out"))


@allowed_by_email.mistake("That is everybody on the list. How many of them may be written to?")
def whole_list(company, parameters, late):
    return len(set(late))


# --- reactivation -----------------------------------------------------------------------------------------------------


@key.step
def past_test(company, parameters):
    campaign = company.campaigns.set_index("objective").loc["reactivate"]
    contacts = company.campaign_contacts
    contacts = contacts[contacts["campaign_id"] == campaign["campaign_id"]]
    return contacts, campaign["start_date"]


def measured(company, parameters, days=None, orders=None):
    contacts, start = past_test(company, parameters)
    orders = purchases(company, parameters) if orders is None else orders
    return pred.measure_reactivation(contacts, orders, start, parameters.watch_days if days is None else days)


@key.question(
    "q5",
    points=3,
    minutes=7,
    compare=Number(tolerance=1e-6, unit="customers"),
    hints=[
        "The share that came back with a letter, less the share of those held out, times the letters.",
        "pred.measure_reactivation(contacts, purchases, start_date, watch_days).incremental",
    ],
)
def brought_back(company, parameters):
    return float(measured(company, parameters).incremental)


@brought_back.mistake(
    "You counted all who came after a letter. Some would have come anyway: take off the control's share."
)
def all_who_came(company, parameters):
    result = measured(company, parameters)
    return float(round(result.came_back.treated * result.treated))


@brought_back.mistake("That is the difference of the shares. How many customers is it, among those with a letter?")
def difference_only(company, parameters):
    return float(measured(company, parameters).came_back.difference)


@brought_back.mistake("You subtracted numbers of customers. The arms are of different size: compare shares.")
def numbers_subtracted(company, parameters):
    result = measured(company, parameters)
    return float(round(result.came_back.treated * result.treated) - round(result.came_back.control * result.control))


@brought_back.mistake("Deliveries of subscriptions are no return of a customer: leave them out.", sometimes=True)
def deliveries_as_returns(company, parameters):
    orders = company.orders.drop(columns="subscription_id")
    return float(measured(company, parameters, orders=orders).incremental)


@key.question(
    "q6",
    points=2,
    minutes=4,
    compare=Text(),
    hints=["The interval decides: .came_back.decision is 'roll out', 'not shown' or 'stop'."],
)
def decision(company, parameters):
    return measured(company, parameters).came_back.decision


@decision.mistake(
    "You decided by the sign of the difference. While its interval holds zero, nothing is shown.", sometimes=True
)
def by_sign(company, parameters):
    return ROLL_OUT if measured(company, parameters).incremental > 0 else STOP


@decision.mistake(
    "That customers came back after the letter does not say that the letter brought them.", sometimes=True
)
def always_roll_out(company, parameters):
    return ROLL_OUT


@decision.near_tie
def distance_of_the_decision(company, parameters):
    result = measured(company, parameters).came_back
    return float(np.min(np.abs([result.low, result.high])) / (result.high - result.low))


# --- lookalikes -------------------------------------------------------------------------------------------------------


@key.step
def profiles(company, parameters):
    return pred.customer_profiles(company.customers, company.orders, company.order_lines, company.products)


@key.step
def is_best(company, parameters):
    margin = customer_margin(company.orders, company.order_lines, company.as_of, returns=company.returns)
    count = round(len(margin) * parameters.best_percent / 100)
    return profiles(company, parameters).index.isin(margin.nlargest(count).index)


@key.step
def allowed(company, parameters):
    reason = pred.exclusion_reasons(company.prospects, company.contact_points, company.consents)
    return reason.index[reason.isna()]


@key.step
def prospects(company, parameters):
    return pred.prospect_profiles(company.prospects)


def likest(company, parameters, among):
    scores = pred.lookalike_scores(profiles(company, parameters), is_best(company, parameters), among)
    return set(scores.index[:LIST_LENGTH].tolist())


@key.question(
    "q7",
    points=3,
    minutes=8,
    compare=Overlap(least=0.95),
    hints=[
        "Exclude first: prospects.loc[allowed]. Then pred.lookalike_scores(profiles, is_best, those).",
        "The first 100 of its index are the likest.",
    ],
)
def lookalikes(company, parameters):
    return likest(company, parameters, prospects(company, parameters).loc[allowed(company, parameters)])


@lookalikes.score
def share_of_what_can_be_found(members, company, truth, parameters):
    """Twins on the list beyond what a lot would bring, over those on the list of the reference; 0 to 1.

    Nobody who may not be written to counts.
    """
    twins = truth["prospects"].set_index("prospect_id")["is_twin"]
    could = allowed(company, parameters)
    twins = set(twins.index[twins].tolist()) & set(could.tolist())
    by_lot = len(twins) / len(could) * LIST_LENGTH
    found = len(members & twins) * LIST_LENGTH / max(len(members), LIST_LENGTH)
    reference = len(lookalikes(company, parameters) & twins)
    if reference <= by_lot:
        return float(members == lookalikes(company, parameters))
    return min(max((found - by_lot) / (reference - by_lot), 0.0), 1.0)


@lookalikes.mistake("Some on your list have not agreed to be written to, or are customers. Exclude before you rank.")
def not_excluded(company, parameters):
    return likest(company, parameters, prospects(company, parameters))


@lookalikes.mistake("That list stands by number, not by likeness. Rank by pred.lookalike_scores.", sometimes=True)
def by_number(company, parameters):
    return set(allowed(company, parameters)[:LIST_LENGTH].tolist())


@lookalikes.mistake(
    "Those are the hundred least like the best. The scores stand with the likest first.", sometimes=True
)
def least_like(company, parameters):
    among = prospects(company, parameters).loc[allowed(company, parameters)]
    scores = pred.lookalike_scores(profiles(company, parameters), is_best(company, parameters), among)
    return set(scores.index[-LIST_LENGTH:].tolist())


def office_group(company, parameters, ids):
    return company.prospects.set_index("prospect_id")["is_office"].loc[list(ids)]


def ratio(rates):
    return float(rates.loc[False, "rate"] / rates.loc[True, "rate"])


@key.question(
    "q8",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-6, unit="a share from 0 to 1"),
    follows=["q7"],
    hints=[
        "pred.selection_rates(the list, the group of everybody who was allowed) has the column rate.",
        "The group is is_office of those in allowed; divide the rate of False by the rate of True.",
    ],
)
def ratio_of_households(company, parameters, chosen):
    return ratio(pred.selection_rates(set(chosen), office_group(company, parameters, allowed(company, parameters))))


@ratio_of_households.mistake(
    "Compare with everybody who was allowed. Whoever was excluded could not be chosen.", sometimes=True
)
def of_all_prospects(company, parameters, chosen):
    return ratio(pred.selection_rates(set(chosen), company.prospects.set_index("prospect_id")["is_office"]))


@ratio_of_households.mistake(
    "That is the share of households on the list. Compare rates of selection: chosen / could be."
)
def share_on_the_list(company, parameters, chosen):
    return float((~office_group(company, parameters, chosen)).mean())


@ratio_of_households.mistake("That is the rate of households. Divide it by the rate of offices.", sometimes=True)
def rate_alone(company, parameters, chosen):
    group = office_group(company, parameters, allowed(company, parameters))
    return float(pred.selection_rates(set(chosen), group)["rate"][False])


# --- the next purchase ------------------------------------------------------------------------------------------------


@key.step
def expected(company, parameters):
    return pred.expected_next_purchases(purchases(company, parameters), parameters.as_of, HORIZON_DAYS)


def came_within(company, parameters, until):
    orders = purchases(company, parameters)
    later = orders[(orders["order_date"] > parameters.as_of) & (orders["order_date"] <= until)]
    return later["customer_id"].value_counts().reindex(expected(company, parameters).index, fill_value=0)


def share_of_first_tenth(company, parameters, order, came):
    first = order.nlargest(len(order) // 10).index
    return float(came[first].sum() / came.sum())


@key.question(
    "q9",
    points=3,
    minutes=7,
    compare=Number(tolerance=2e-4, unit="a share from 0 to 1"),
    hints=[
        "pred.expected_next_purchases(purchases, as_of, 90); the first tenth is nlargest(len(expected) // 10).",
        "Count the purchases of these customers in the 90 days, over those of all customers in expected.",
    ],
)
def share_of_purchases(company, parameters):
    until = parameters.as_of + pd.Timedelta(days=HORIZON_DAYS)
    came = came_within(company, parameters, until)
    return share_of_first_tenth(company, parameters, expected(company, parameters), came)


@share_of_purchases.mistake("That is the share that was expected of them. How many purchases came?", sometimes=True)
def as_expected(company, parameters):
    hoped = expected(company, parameters)
    # A fit's last digits differ between machines.
    return round(share_of_first_tenth(company, parameters, hoped, hoped), 6)


@share_of_purchases.mistake("You counted customers, not purchases: some came more than once.")
def customers_counted(company, parameters):
    until = parameters.as_of + pd.Timedelta(days=HORIZON_DAYS)
    came = (came_within(company, parameters, until) > 0).astype(int)
    return share_of_first_tenth(company, parameters, expected(company, parameters), came)


@share_of_purchases.mistake(
    "You counted the purchases of customers whom the forecast did not know: those who first bought after as_of."
)
def newcomers_counted(company, parameters):
    orders, day = purchases(company, parameters), parameters.as_of
    within = (orders["order_date"] > day) & (orders["order_date"] <= day + pd.Timedelta(days=HORIZON_DAYS))
    hoped = expected(company, parameters)
    return float(orders.loc[within, "customer_id"].isin(hoped.nlargest(len(hoped) // 10).index).mean())


@share_of_purchases.mistake("You ranked by what came in the 90 days themselves. Rank by what was expected before.")
def ranked_by_the_outcome(company, parameters):
    until = parameters.as_of + pd.Timedelta(days=HORIZON_DAYS)
    came = came_within(company, parameters, until)
    return share_of_first_tenth(company, parameters, came, came)


key.judgement("q10", points=3, minutes=6)
