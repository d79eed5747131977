"""The answer key of exercise 09: retention and churn."""

import datetime as dt

import numpy as np
import pandas as pd

from crmlab.analytical import retention as rt
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping, Members

AFTER_DAYS, STANDARD_ERRORS = 180, 3


def draw(rng):
    """Another quarter, another rule, another cohort: the questions stay the same."""
    return {
        "quarter_start": pd.Timestamp(dt.date(2025, int(rng.choice([1, 4, 7])), 1)),
        "silent_days": int(rng.integers(100, 200)),
        "cohort": str(pd.Period("2023-06", "M") + int(rng.integers(0, 13))),
        "cohort_age": int(rng.integers(4, 8)),
        "lifetime_days": int(rng.integers(150, 400)),
        "margin_month_cents": int(rng.integers(900, 2500)),
        "offer": str(rng.choice(["credit", "advice"])),
        "kept_months": int(rng.integers(22, 30)),
    }


key = AnswerKey(
    "09_retention",
    practice={
        "quarter_start": pd.Timestamp("2025-07-01"),
        "silent_days": 150,
        "cohort": "2024-04",
        "cohort_age": 6,
        "lifetime_days": 300,
        "margin_month_cents": 1600,
        "offer": "credit",
        "kept_months": 26,
    },
    draw=draw,
)


# --- churn ------------------------------------------------------------------------------------------------------------


@key.step
def quarter(company, parameters):
    """The first and the last day of the quarter, and the day before it."""
    first = parameters.quarter_start
    return first, first + pd.DateOffset(months=3) - pd.Timedelta(days=1), first - pd.Timedelta(days=1)


def shop_orders(company):
    return company.orders[company.orders.subscription_id.isna()]


@key.step
def shop_spells(company, parameters):
    return rt.active_spells(shop_orders(company), parameters.silent_days, company.as_of)


def both_churns(company, parameters, subscriptions=None, spells=None):
    first, last, _ = quarter(company, parameters)
    subscriptions = company.subscriptions if subscriptions is None else subscriptions
    spells = shop_spells(company, parameters) if spells is None else spells
    pairs = (("subscriptions", subscriptions), ("shop", spells))
    return {name: rt.churn_rate(table, first, last) for name, table in pairs}


@key.question(
    "q1",
    points=3,
    minutes=7,
    compare=Mapping(Number(tolerance=1e-6, unit="a share from 0 to 1")),
    hints=[
        "Those who were there when the quarter began; of them, those who left in it. Who arrived in it is in neither.",
        "rt.churn_rate takes a table with start_date and end_date; rt.active_spells makes one from orders and a rule.",
    ],
)
def churn_of_quarter(company, parameters):
    return {name: found["churn_rate"] for name, found in both_churns(company, parameters).items()}


@churn_of_quarter.mistake(
    "Arrivals are in your denominator. They could not leave for the whole quarter: count who was there when it began."
)
def arrivals_in_denominator(company, parameters):
    found = both_churns(company, parameters)
    return {name: one["lost"] / (one["customers_at_start"] + one["arrived"]) for name, one in found.items()}


@churn_of_quarter.mistake(
    "Some of your lost customers arrived in the quarter itself: count the lost among those who were there before.",
    sometimes=True,
)
def lost_arrivals_counted(company, parameters):
    first, last, _ = quarter(company, parameters)
    tables = {"subscriptions": company.subscriptions, "shop": shop_spells(company, parameters)}
    there = both_churns(company, parameters)
    return {
        name: int(table.end_date.between(first, last).sum()) / there[name]["customers_at_start"]
        for name, table in tables.items()
    }


@churn_of_quarter.mistake(
    "Deliveries of subscriptions are among the shop's orders. Their customers are held by a contract: leave them out."
)
def deliveries_taken_for_orders(company, parameters):
    spells = rt.active_spells(company.orders, parameters.silent_days, company.as_of)
    return {name: one["churn_rate"] for name, one in both_churns(company, parameters, spells=spells).items()}


@churn_of_quarter.mistake(
    "You mixed contract and shop into one rate. One is a fact, the other a rule: keep them apart, one rate each."
)
def contract_and_shop_mixed(company, parameters):
    columns = ["customer_id", "start_date", "end_date"]
    mixed = pd.concat([company.subscriptions[columns], shop_spells(company, parameters)[columns]])
    found = both_churns(company, parameters, mixed, mixed)
    return {name: one["churn_rate"] for name, one in found.items()}


@churn_of_quarter.mistake("Service contracts are among yours. The question asks for subscriptions.", sometimes=True)
def service_contracts_too(company, parameters):
    columns = ["customer_id", "start_date", "end_date"]
    contracts = pd.concat([company.subscriptions[columns], company.service_contracts[columns]])
    return {name: one["churn_rate"] for name, one in both_churns(company, parameters, contracts).items()}


@churn_of_quarter.mistake(
    "You let customers be lost on the day of their last order. By the rule they count for silent_days days more."
)
def lost_on_the_last_order(company, parameters):
    spells = shop_spells(company, parameters)
    spells = spells.assign(end_date=spells.end_date - pd.Timedelta(days=parameters.silent_days))
    return {name: one["churn_rate"] for name, one in both_churns(company, parameters, spells=spells).items()}


@key.question(
    "q2",
    points=2,
    minutes=4,
    compare=Number(tolerance=1e-6, unit="a share from 0 to 1"),
    follows=["q1"],
    hints=[
        "Of those left after one quarter, the same share leaves in the next. What is left after four?",
        "rt.churn_over_periods(churn of a quarter, 4).",
    ],
)
def churn_of_year(company, parameters, churns):
    return rt.churn_over_periods(churns["subscriptions"], 4)


@churn_of_year.mistake(
    "You multiplied by four. Whoever has left cannot leave again: what is left is the product of four retention rates."
)
def four_times(company, parameters, churns):
    return 4 * churns["subscriptions"]


@churn_of_year.mistake("Twelve periods are three years here: the rate is that of a quarter.")
def twelve_quarters(company, parameters, churns):
    return rt.churn_over_periods(churns["subscriptions"], 12)


@churn_of_year.mistake("That is the share that is left. Churn is the rest.")
def retention_given(company, parameters, churns):
    return 1 - rt.churn_over_periods(churns["subscriptions"], 4)


# --- growth and cohorts -----------------------------------------------------------------------------------------------


def months_of_quarter(company, parameters, spells):
    first, last, _ = quarter(company, parameters)
    base = rt.base_by_month(spells, company.as_of)
    return base[(base.index >= first.to_period("M")) & (base.index <= last.to_period("M"))]


@key.question(
    "q3",
    points=2,
    minutes=5,
    compare=Number(unit="customers"),
    hints=[
        "New, and won back, less lost, over the three months of the quarter; spells by the rule of silent_days.",
        "rt.base_by_month(spells, as_of) has a row a month and the column net.",
    ],
)
def net_growth(company, parameters):
    return int(months_of_quarter(company, parameters, shop_spells(company, parameters)).net.sum())


@net_growth.mistake("You left out those who were won back: they are customers again.")
def won_back_left_out(company, parameters):
    base = months_of_quarter(company, parameters, shop_spells(company, parameters))
    return int((base.new - base.lost).sum())


@net_growth.mistake("That is the growth before anybody is lost. Take off the lost.")
def lost_left_out(company, parameters):
    base = months_of_quarter(company, parameters, shop_spells(company, parameters))
    return int((base.new + base.won_back).sum())


@net_growth.mistake("Deliveries of subscriptions are among the shop's orders: leave them out.", sometimes=True)
def growth_with_deliveries(company, parameters):
    spells = rt.active_spells(company.orders, parameters.silent_days, company.as_of)
    return int(months_of_quarter(company, parameters, spells).net.sum())


@net_growth.mistake("That is the growth of one month. The quarter has three.", sometimes=True)
def one_month_only(company, parameters):
    return int(months_of_quarter(company, parameters, shop_spells(company, parameters)).net.iloc[-1])


@key.step
def triangle(company, parameters):
    return rt.cohort_triangle(shop_orders(company), company.as_of)


@key.question(
    "q4",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-6, unit="a share from 0 to 1"),
    hints=[
        "Of all who came in the month of the cohort: the share with an order in the month cohort_age months later.",
        "rt.cohort_triangle(shop_orders, as_of): the row pd.Period(cohort, 'M'), the column cohort_age over column 0.",
    ],
)
def cohort_retention(company, parameters):
    row = triangle(company, parameters).loc[pd.Period(parameters.cohort, "M")]
    return float(row[parameters.cohort_age] / row[0])


@cohort_retention.mistake(
    "You divided by those who bought in the month before. A cohort's share is of all who came in its first month."
)
def over_the_month_before(company, parameters):
    row = triangle(company, parameters).loc[pd.Period(parameters.cohort, "M")]
    return float(row[parameters.cohort_age] / row[parameters.cohort_age - 1])


@cohort_retention.mistake(
    "You counted everybody who bought again by that age. Asked is who bought in that one month.", sometimes=True
)
def again_by_then(company, parameters):
    orders, cohort = shop_orders(company), pd.Period(parameters.cohort, "M")
    month = orders.order_date.dt.to_period("M")
    came = month.groupby(orders.customer_id).min()
    mine = orders.customer_id.isin(came.index[came == cohort])
    again = mine & (month > cohort) & (month <= cohort + parameters.cohort_age)
    return orders.customer_id[again].nunique() / int((came == cohort).sum())


@cohort_retention.mistake("The first month has age 0: your column is one too early.", sometimes=True)
def one_month_early(company, parameters):
    row = triangle(company, parameters).loc[pd.Period(parameters.cohort, "M")]
    return float(row[parameters.cohort_age - 1] / row[0])


@cohort_retention.mistake("Deliveries of subscriptions are among the shop's orders: leave them out.", sometimes=True)
def cohort_with_deliveries(company, parameters):
    row = rt.cohort_triangle(company.orders, company.as_of).loc[pd.Period(parameters.cohort, "M")]
    return float(row[parameters.cohort_age] / row[0])


# --- survival ---------------------------------------------------------------------------------------------------------


def lifetimes(company):
    table = company.subscriptions
    return (table.end_date.fillna(company.as_of) - table.start_date).dt.days, table.end_date.notna()


def share_left(days, ended, after):
    curve = rt.survival_curve(days, ended)
    return float(curve.survival[curve.duration <= after].min())


@key.question(
    "q5",
    points=3,
    minutes=7,
    compare=Number(tolerance=1e-6, unit="a share from 0 to 1"),
    hints=[
        "The days of each subscription up to its end, or up to as_of where it still runs; and whether it has ended.",
        "rt.survival_curve(days, ended): the survival in the last row whose duration is at most lifetime_days.",
    ],
)
def share_still_there(company, parameters):
    return share_left(*lifetimes(company), parameters.lifetime_days)


@share_still_there.mistake(
    "You dropped those who are still there. Then only those who left are asked how long they stayed: keep the censored."
)
def censored_dropped(company, parameters):
    days, ended = lifetimes(company)
    return share_left(days[ended], ended[ended], parameters.lifetime_days)


@share_still_there.mistake(
    "You let everybody leave by as_of. Those who still run have not ended: their `ended` is False."
)
def censored_taken_as_ended(company, parameters):
    days, ended = lifetimes(company)
    return share_left(days, ended | True, parameters.lifetime_days)


@share_still_there.mistake(
    "That is the share of all that had not ended by that age, with those who were too young to end by it. Ask at each "
    "age those at risk."
)
def young_counted_as_stayers(company, parameters):
    days, ended = lifetimes(company)
    return 1 - float((ended & (days <= parameters.lifetime_days)).mean())


@share_still_there.mistake("That is the share of all that still run today, whatever their age.")
def share_running_today(company, parameters):
    return 1 - float(lifetimes(company)[1].mean())


@share_still_there.mistake("That is the share that has left. Asked is who is still there.")
def share_gone(company, parameters):
    return 1 - share_left(*lifetimes(company), parameters.lifetime_days)


# --- the value of a point ---------------------------------------------------------------------------------------------


@key.step
def running(company, parameters):
    """Subscriptions that run when the quarter is over."""
    _, last, _ = quarter(company, parameters)
    table = company.subscriptions
    return int(((table.start_date <= last) & ~(table.end_date <= last)).sum())


def margin_cents(company, parameters, churn, months=12):
    left = (1 - churn) ** np.arange(1, months + 1)
    return running(company, parameters) * parameters.margin_month_cents * float(left.sum())


@key.question(
    "q6",
    points=3,
    minutes=8,
    compare=Number(relative=1e-6, unit="cents"),
    follows=["q1"],
    hints=[
        "First the churn of a month: rt.churn_over_periods(churn of a quarter, 1 / 3).",
        "After k months (1 - churn) ** k of them are left, and each leaves its margin. Add up k from 1 to 12, twice.",
    ],
)
def cost_of_a_point(company, parameters, churns):
    churn = rt.churn_over_periods(churns["subscriptions"], 1 / 3)
    return margin_cents(company, parameters, churn) - margin_cents(company, parameters, churn + 0.01)


@cost_of_a_point.mistake(
    "You took twelve times one per cent of the customers for the whole year. They leave one month after the other."
)
def twelve_points_at_once(company, parameters, churns):
    return 0.12 * running(company, parameters) * parameters.margin_month_cents * 12


@cost_of_a_point.mistake("You used the churn of a quarter as that of a month: rt.churn_over_periods(..., 1 / 3).")
def quarter_as_month(company, parameters, churns):
    churn = churns["subscriptions"]
    return margin_cents(company, parameters, churn) - margin_cents(company, parameters, churn + 0.01)


@cost_of_a_point.mistake("That is what a point less would bring. Asked is what a point more costs: churn + 0.01.")
def a_point_less(company, parameters, churns):
    churn = rt.churn_over_periods(churns["subscriptions"], 1 / 3)
    return margin_cents(company, parameters, churn - 0.01) - margin_cents(company, parameters, churn)


@cost_of_a_point.mistake("You added the point in one month only. It is lost in each of the twelve months.")
def a_point_once(company, parameters, churns):
    churn = rt.churn_over_periods(churns["subscriptions"], 1 / 3)
    return 0.01 * running(company, parameters) * parameters.margin_month_cents * 12 * (1 - churn)


@cost_of_a_point.mistake(
    "You counted the first month before anybody had left. After month 1 a share (1 - churn) is left: k from 1 to 12."
)
def from_month_zero(company, parameters, churns):
    churn = rt.churn_over_periods(churns["subscriptions"], 1 / 3)
    left = [((1 - rate) ** np.arange(12)).sum() for rate in (churn, churn + 0.01)]
    return running(company, parameters) * parameters.margin_month_cents * float(left[0] - left[1])


# --- why they left ----------------------------------------------------------------------------------------------------


@key.step
def causes(company, parameters):
    tables = company.orders, company.order_lines, company.returns, company.price_changes
    return rt.silence_after(rt.order_events(*tables), company.as_of, AFTER_DAYS)


def more_silent(table):
    """Customers that service and price cost, of events whose difference is shown."""
    shown = table[table.difference > STANDARD_ERRORS * table.standard_error].more_silent
    return {
        "service": shown.reindex(["late", "faulty"]).sum(),
        "price": shown.reindex(["dearer"]).sum(),
    }


@key.question(
    "q7",
    points=3,
    minutes=8,
    compare=Text(),
    hints=[
        "Which events have a difference of more than three standard errors? Of those, add up more_silent.",
        "late and faulty are service, dearer is price. If no event passes, the answer is 'not shown'.",
    ],
)
def top_cause(company, parameters):
    cost = more_silent(causes(company, parameters))
    return max(cost, key=cost.get) if max(cost.values()) > 0 else "not shown"


@top_cause.near_tie
def distance_of_causes(company, parameters):
    table = causes(company, parameters)
    cost = more_silent(table)
    edges = (table.difference / (STANDARD_ERRORS * table.standard_error) - 1).abs().min()
    most = max(cost.values())
    return float(min(edges, abs(cost["price"] - cost["service"]) / most)) if most > 0 else float(edges)


@top_cause.mistake(
    "Service has the largest difference after one order. But a price rise reaches many more: compare more_silent.",
    sometimes=True,
)
def largest_difference(company, parameters):
    event = causes(company, parameters).difference.idxmax()
    return "price" if event == "dearer" else "service"


@top_cause.mistake(
    "You took the answers of the survey. Few answer, and in a company where nothing drives people away some still say "
    "that it was too dear. Look at the last orders.",
    sometimes=True,
)
def survey_believed(company, parameters):
    said = company.exit_reasons.reason.value_counts()
    return "price" if said.get("too_expensive", 0) > said.get("not_satisfied", 0) else "service"


# --- offers -----------------------------------------------------------------------------------------------------------


def left_by_arm(members):
    return members.groupby("arm").left_90_days.mean()


@key.question(
    "q8",
    points=2,
    minutes=4,
    compare=Number(tolerance=1e-6, unit="a share from 0 to 1"),
    hints=[
        "Which share of each arm left within 90 days? The offer kept the difference to the control arm.",
        "control less offer: below 0 where the offer drove members away.",
    ],
)
def kept_by_offer(company, parameters):
    left = left_by_arm(company.retention_file)
    return float(left["control"] - left[parameters.offer])


@kept_by_offer.mistake("You counted every member of the arm who stayed as kept. Most would have stayed anyway.")
def stayers_counted_as_kept(company, parameters):
    return float(1 - left_by_arm(company.retention_file)[parameters.offer])


@kept_by_offer.mistake("You took offer less control. Kept is who would have left and did not: control less offer.")
def the_other_way_round(company, parameters):
    left = left_by_arm(company.retention_file)
    return float(left[parameters.offer] - left["control"])


@kept_by_offer.mistake("You compared the two offers with each other. Compare with those who got nothing.")
def offers_compared(company, parameters):
    left = left_by_arm(company.retention_file)
    other = "advice" if parameters.offer == "credit" else "credit"
    return float(left[other] - left[parameters.offer])


@kept_by_offer.mistake(
    "That is the difference as a share of the control arm's churn. Asked is the share of the members: do not divide."
)
def relative_to_control(company, parameters):
    left = left_by_arm(company.retention_file)
    return float(1 - left[parameters.offer] / left["control"])


@key.step
def gains(company, parameters):
    """A row a price rise: what a member who gets the credit is worth in kept margin and costs, in cents."""
    rows = {}
    for rise, members in company.retention_file.groupby("price_rise_percent"):
        left, credit = left_by_arm(members), members[members.arm == "credit"]
        margin = parameters.kept_months * members.monthly_margin_cents.mean()
        rows[int(rise)] = {
            "worth": (left["control"] - left["credit"]) * margin,
            "worth_of_stayers": (1 - left["credit"]) * margin,
            "contact": credit.contact_cost_cents.mean(),
            "credit": credit.credit_cents.mean(),
            "left": left["control"],
        }
    return pd.DataFrame(rows).T


def paying(table, worth="worth", costs=("contact", "credit")):
    gain = table[worth] - table[list(costs)].sum(axis=1)
    return {int(rise) for rise in gain.index[gain > 0]}


@key.question(
    "q9",
    points=3,
    minutes=9,
    compare=Members(),
    hints=[
        "For each price rise: what the credit kept (control less credit) times kept_months times the mean margin, less "
        "what a member of the arm credit costs in the mean (contact and credit).",
        "Loop over club.groupby('price_rise_percent'); an empty set is a possible answer.",
    ],
)
def who_gets_the_credit(company, parameters):
    return paying(gains(company, parameters))


@who_gets_the_credit.near_tie
def distance_from_paying(company, parameters):
    table = gains(company, parameters)
    cost = table[["contact", "credit"]].sum(axis=1)
    return float(((table.worth - cost) / cost).abs().min())


@who_gets_the_credit.mistake(
    "Your credit pays for everybody, which it does when every stayer counts as kept. Compare with the control arm."
)
def every_stayer_saved(company, parameters):
    return paying(gains(company, parameters), "worth_of_stayers")


@who_gets_the_credit.mistake(
    "You left the credit out of the cost, or took it for those only whom it kept. Everybody in the arm who stays gets "
    "it.",
    sometimes=True,
)
def credit_left_out(company, parameters):
    return paying(gains(company, parameters), costs=("contact",))


@who_gets_the_credit.mistake(
    "You chose by risk. The members most likely to leave are not always those whom the credit changes enough to pay: "
    "compare with the control arm.",
    sometimes=True,
)
def riskiest_group(company, parameters):
    return {int(gains(company, parameters).left.idxmax())}


key.judgement("q10", points=3, minutes=7)
