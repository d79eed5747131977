"""The answer key of exercise 06b: experiments."""

import math

import numpy as np
import pandas as pd
from scipy.stats import norm

from crmlab.analytical.benefits import measure_benefits
from crmlab.analytical.experiments import lift, spend_lift
from crmlab.analytical.many_tests import correct_p_values
from crmlab.analytical.sample_size import contacts_needed
from crmlab.analytical.uplift import TwoModelUplift, qini_coefficient
from crmlab.analytical.wait_sensitivity import rated_waits, wait_sensitivity
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Members, Sequence


def draw(rng):
    """Another message, other days, limits and costs: the questions stay the same."""
    return {
        "treatment": str(rng.choice(["voucher", "new_roast"])),
        "days": int(rng.choice([14, 60])),
        "confidence": int(rng.choice([90, 99])),
        "hoped_points": float(rng.choice([0.5, 0.75, 1.0, 1.5])),
        "treated_per_control": int(rng.integers(2, 10)),
        "contact_cost_cents": int(rng.integers(2, 9)),
        "change_date": pd.Timestamp("2024-06-03") + pd.Timedelta(weeks=int(rng.integers(0, 30))),
    }


key = AnswerKey(
    "06b_experiments",
    practice={
        "treatment": "new_roast",
        "days": 14,
        "confidence": 90,
        "hoped_points": 0.5,
        "treated_per_control": 4,
        "contact_cost_cents": 4,
        "change_date": pd.Timestamp("2024-12-30"),
    },
    draw=draw,
)


@key.step
def contacts(company, parameters):
    """The campaign file with `bought` and the margin of each contact."""
    file = company.campaign_file
    plain = company.orders.loc[company.orders.voucher_percent == 0, "order_id"]
    lines = company.order_lines[company.order_lines.order_id.isin(plain)]
    cost = (lines.unit_cost_cents * lines.quantity).sum() / (lines.unit_price_cents * lines.quantity).sum()
    at_list_price = file.spent_cents / np.where(file.arm == "voucher", 0.9, 1)
    return file.assign(
        bought=file[f"bought_{parameters.days}_days"], margin_cents=file.spent_cents - at_list_price * cost
    )


def lift_of(company, parameters, treatment=None, column="bought", confidence=None):
    file = contacts(company, parameters)
    counts = file.groupby("arm")[column].agg(["sum", "size"])
    level = parameters.confidence if confidence is None else confidence
    return lift(*counts.loc[treatment or parameters.treatment], *counts.loc["control"], confidence=level / 100)


def other_message(parameters):
    return {"voucher": "new_roast", "new_roast": "voucher"}[parameters.treatment]


def other_days(parameters):
    return {14: "bought_60_days", 60: "bought_14_days"}[parameters.days]


# --- the effect -------------------------------------------------------------------------------------------------------


@key.question(
    "q1",
    points=2,
    minutes=4,
    compare=Number(tolerance=1e-6, unit="a share from 0 to 1"),
    hints=["The rate of buyers in the arm `treatment`, less the rate in the arm `control`."],
)
def lift_found(company, parameters):
    return lift_of(company, parameters).difference


@lift_found.mistake(
    "That is the response of those who were written to. Some would have bought anyway: take off control."
)
def response_taken(company, parameters):
    return lift_of(company, parameters).treated


@lift_found.mistake("Opened is not bought, and those who open choose themselves. Take all contacts of the arm.")
def openers_taken(company, parameters):
    file = contacts(company, parameters)
    opened = file[(file.arm == parameters.treatment) & file.opened_date.notna()]
    return opened.bought.mean() - lift_of(company, parameters).control


@lift_found.mistake("That is the other e-mail. Take the arm that the parameter `treatment` names.", sometimes=True)
def other_arm(company, parameters):
    return lift_of(company, parameters, other_message(parameters)).difference


@lift_found.mistake("You counted other days. `bought` is about `days` days.", sometimes=True)
def other_window(company, parameters):
    return lift_of(company, parameters, column=other_days(parameters)).difference


@lift_found.mistake("You divided by the rate of control. The lift asked for is a difference.")
def relative_lift(company, parameters):
    found = lift_of(company, parameters)
    return found.difference / found.control


@key.question(
    "q2",
    points=3,
    minutes=5,
    compare=Sequence(Number(tolerance=1e-6, unit="a share from 0 to 1")),
    hints=["lift(...) takes buyers and contacts of the arm, then of control, and has the fields low and high."],
)
def limits(company, parameters):
    found = lift_of(company, parameters)
    return [found.low, found.high]


@limits.mistake("Those are the limits at 95 %. Give `confidence`, as a share, to lift.")
def usual_confidence(company, parameters):
    found = lift_of(company, parameters, confidence=95)
    return [found.low, found.high]


@limits.mistake("Those are the limits of the response. The interval is that of the difference to control.")
def limits_of_the_response(company, parameters):
    found = lift_of(company, parameters)
    half = found.high - found.difference
    return [found.treated - half, found.treated + half]


@limits.mistake("Those are the limits for the other e-mail. Take the arm `treatment`.", sometimes=True)
def limits_of_the_other(company, parameters):
    found = lift_of(company, parameters, other_message(parameters))
    return [found.low, found.high]


# --- the next experiment ----------------------------------------------------------------------------------------------


def needed(company, parameters, more, ratio):
    rate = lift_of(company, parameters).control
    return contacts_needed(rate, rate + more, treated_per_control=ratio)


@key.question(
    "q3",
    points=2,
    minutes=5,
    compare=Number(tolerance=2),
    hints=["contacts_needed(rate, rate + hoped_points / 100, treated_per_control=...), both arms together."],
)
def contacts_in_all(company, parameters):
    return sum(needed(company, parameters, parameters.hoped_points / 100, parameters.treated_per_control))


@contacts_in_all.mistake("That is one arm. Add those written to and those held out.")
def control_only(company, parameters):
    return needed(company, parameters, parameters.hoped_points / 100, parameters.treated_per_control)[0]


@contacts_in_all.mistake("That is one arm. Add those written to and those held out.")
def treated_only(company, parameters):
    return needed(company, parameters, parameters.hoped_points / 100, parameters.treated_per_control)[1]


@contacts_in_all.mistake("Your arms are of equal size. Give `treated_per_control` to contacts_needed.")
def equal_arms(company, parameters):
    return sum(needed(company, parameters, parameters.hoped_points / 100, 1))


@contacts_in_all.mistake("`hoped_points` are percentage points on top of the rate, not percent of it.")
def percent_of_the_rate(company, parameters):
    more = lift_of(company, parameters).control * parameters.hoped_points / 100
    return sum(needed(company, parameters, more, parameters.treated_per_control))


# --- in money ---------------------------------------------------------------------------------------------------------


def gain_of(company, parameters, column="margin_cents", cost=None, treatment=None, buyers=False):
    file = contacts(company, parameters)
    file = file[file[column] != 0] if buyers else file
    mine, control = (file.loc[file.arm == arm, column] for arm in (treatment or parameters.treatment, "control"))
    found = spend_lift(mine, control)
    cost = parameters.contact_cost_cents if cost is None else cost
    return [value - cost for value in (found.difference, found.low, found.high)]


@key.question(
    "q4",
    points=3,
    minutes=6,
    compare=Sequence(Number(tolerance=0.001, unit="cents")),
    hints=["spend_lift of margin_cents, all contacts of each arm; then take the cost off all three numbers."],
)
def gain(company, parameters):
    return gain_of(company, parameters)


@gain.mistake("You left out what an e-mail costs: take it off the estimate and off both limits.")
def cost_left_out(company, parameters):
    return gain_of(company, parameters, cost=0)


@gain.mistake("That is revenue. Goods have to be paid, and the voucher: compare margin_cents.")
def revenue_compared(company, parameters):
    return gain_of(company, parameters, column="spent_cents")


@gain.mistake("You compared buyers with buyers. The e-mail changes who buys: all contacts count, those without with 0.")
def buyers_only(company, parameters):
    return gain_of(company, parameters, buyers=True)


@gain.mistake("That is the other e-mail. Take the arm `treatment`.")
def gain_of_the_other(company, parameters):
    return gain_of(company, parameters, treatment=other_message(parameters))


def decided(low, high):
    return "roll out" if low > 0 else "stop" if high < 0 else "repeat"


@key.question(
    "q5",
    points=2,
    minutes=3,
    compare=Text(),
    follows=["q4"],
    hints=["Only the two limits of question 4 decide: both above zero, both below, or zero between them."],
)
def decision(company, parameters, found):
    _, low, high = found
    return decided(low, high)


@decision.mistake(
    "A best guess or a lift above zero is not money that is shown: decide by the two limits of the gain.",
    sometimes=True,
)
def by_the_estimate(company, parameters, found):
    return "roll out" if found[0] > 0 else "stop"


@decision.mistake(
    "A best guess or a lift above zero is not money that is shown: decide by the two limits of the gain.",
    sometimes=True,
)
def by_the_lift(company, parameters, found):
    result = lift_of(company, parameters)
    return decided(result.low, result.high)


@decision.near_tie
def distance_of_the_decision(company, parameters):
    _, low, high = gain(company, parameters)
    return min(abs(low), abs(high)) / (high - low)


# --- many tests -------------------------------------------------------------------------------------------------------


@key.step
def p_values(company, parameters):
    file = contacts(company, parameters)
    two = file[file.arm.isin([parameters.treatment, "control"])]
    group = two.acquisition_channel.astype(str) + ", " + two.main_channel.astype(str)
    counts = two.groupby([group.rename("group"), "arm"])["bought"].agg(["sum", "size"])
    table = {arm: counts.xs(arm, level="arm") for arm in (parameters.treatment, "control")}
    treated, control = table[parameters.treatment], table["control"]
    pooled = (treated["sum"] + control["sum"]) / (treated["size"] + control["size"])
    error = np.sqrt((pooled * (1 - pooled)).clip(lower=1e-12) * (1 / treated["size"] + 1 / control["size"]))
    z = (treated["sum"] / treated["size"] - control["sum"] / control["size"]) / error
    return pd.Series(2 * norm.sf(abs(z)), index=z.index)


@key.question(
    "q6",
    points=2,
    minutes=4,
    compare=Members(),
    hints=["correct_p_values takes all p values at once and says in the column shown which of them remain."],
)
def shown_groups(company, parameters):
    corrected = correct_p_values(p_values(company, parameters), "holm")
    return set(corrected.index[corrected["shown"]])


@shown_groups.mistake(
    "Those are below 5 % each by itself. Of so many tests some always are: correct them.", sometimes=True
)
def not_corrected(company, parameters):
    values = p_values(company, parameters)
    return set(values.index[values <= 0.05])


@shown_groups.mistake(
    "The best of many tests is celebrated most easily. Is it shown after the correction?", sometimes=True
)
def best_celebrated(company, parameters):
    return {p_values(company, parameters).idxmin()}


# --- uplift -----------------------------------------------------------------------------------------------------------


@key.step
def halves(company, parameters):
    """Features, outcome and treatment of the odd and of the even contacts."""
    file = contacts(company, parameters)
    pair = file[file.arm.isin([parameters.treatment, "control"])].set_index("contact_id")
    features = pd.DataFrame(
        {
            "days": np.log1p(pair.days_since_last_purchase),
            "orders": np.log(pair.orders_2_years),
            "voucher_share": pair.vouchers_used / pair.orders_2_years,
        }
    )
    treated, outcome = (pair.arm == parameters.treatment).astype(int), pair.bought_60_days.astype(int)
    return [
        (features[side], outcome[side], treated[side]) for side in (features.index % 2 == 1, features.index % 2 == 0)
    ]


@key.step
def uplift_model(company, parameters):
    return TwoModelUplift().fit(*halves(company, parameters)[0])


@key.question(
    "q7",
    points=3,
    minutes=7,
    compare=Number(tolerance=2e-6),
    hints=["Fit on X[learn]; predict X[~learn]; qini_coefficient of that with outcome and treated of the same half."],
)
def qini(company, parameters):
    features, outcome, treated = halves(company, parameters)[1]
    return qini_coefficient(uplift_model(company, parameters).predict(features), outcome, treated)


@qini.mistake("You scored on the contacts that the model learnt from. Score on the others, `~learn`.")
def scored_on_the_same(company, parameters):
    features, outcome, treated = halves(company, parameters)[0]
    return qini_coefficient(uplift_model(company, parameters).predict(features), outcome, treated)


@qini.mistake("You ranked by who is likely to buy. Rank by the difference that the message makes: model.predict.")
def likely_buyers(company, parameters):
    features, outcome, treated = halves(company, parameters)[1]
    likely = uplift_model(company, parameters).control_model_.predict_proba(features.to_numpy())[:, 1]
    return qini_coefficient(likely, outcome, treated)


@qini.mistake("You learnt on the even contacts. `learn` are those with an odd number.")
def halves_exchanged(company, parameters):
    odd, even = halves(company, parameters)
    return qini_coefficient(TwoModelUplift().fit(*even).predict(odd[0]), odd[1], odd[2])


# --- waiting and benefits ---------------------------------------------------------------------------------------------


def wait_found(company, wait=None):
    waits = rated_waits(company.orders, company.delivery_ratings)
    days = waits.wait_days if wait is None else wait(waits.wait_days)
    found = wait_sensitivity(days, waits.delivery_rating)
    return [found.slope, found.low, found.high]


@key.question(
    "q8",
    points=2,
    minutes=5,
    compare=Sequence(Number(tolerance=1e-5, unit="points")),
    hints=["The slope is for 1 more of the natural log; twice the wait is log(2) more. The same for both limits."],
)
def twice_the_wait(company, parameters):
    return [math.log(2) * each for each in wait_found(company)]


@twice_the_wait.mistake("That is the slope, for a wait 2.718 times as long. Multiply by the log of two.")
def slope_given(company, parameters):
    return wait_found(company)


@twice_the_wait.mistake("You fitted on the days themselves. The rating is set against their logarithm.")
def days_not_logged(company, parameters):
    return wait_found(company, np.exp)


@twice_the_wait.mistake("Your logarithms do not match: the slope is for the natural log, and so must be that of two.")
def log_to_ten(company, parameters):
    return [math.log10(2) * each for each in wait_found(company)]


@key.question(
    "q9",
    points=2,
    minutes=4,
    compare=Members(),
    hints=["The index of measure_benefits(company, change_date) where p_adjusted is at most 0.05."],
)
def changed(company, parameters):
    benefits = measure_benefits(company, parameters.change_date)
    return set(benefits.index[benefits.p_adjusted <= 0.05])


@changed.mistake("These tests were made together: use the corrected p values, p_adjusted.", sometimes=True)
def each_by_itself(company, parameters):
    benefits = measure_benefits(company, parameters.change_date)
    return set(benefits.index[benefits.p_value <= 0.05])


@changed.mistake("Those are the benefits whose figure moved the right way. How many of them are shown?", sometimes=True)
def moved_the_right_way(company, parameters):
    benefits = measure_benefits(company, parameters.change_date)
    return set(benefits.index[(benefits.difference > 0) == (benefits.better == "higher")])


key.judgement("q10", points=3, minutes=6)
