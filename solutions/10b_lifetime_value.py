"""The answer key of exercise 10b: customer lifetime value."""

import datetime as dt
import warnings

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from crmlab.analytical import lifetime_value as clv
from crmlab.analytical.rfm import score_rfm
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number
from crmlab.course.comparison_many import Mapping

CHANNELS = ["price_comparison", "search_ads", "social_ads"]
OFFERED = 500
BEST = 10
# A maximum is found to some digits; these are fewer.
RELATIVE = 2e-3


def draw(rng):
    """Other days, prices and horizons: the questions stay the same."""
    fit_day = dt.date(2024, 8, 15) + dt.timedelta(days=int(rng.integers(0, 75)))
    return {
        "fit_day": pd.Timestamp(fit_day),
        "check_day": pd.Timestamp(fit_day) + pd.Timedelta(days=364),
        "months": int(rng.choice([18, 24, 30, 36])),
        "annual_rate_percent": int(rng.integers(8, 16)),
        "margin_percent": int(rng.integers(44, 54)),
        "serve_cents": int(rng.integers(25, 46)) * 10,
        "offer_euro": int(rng.integers(95, 116)),
        "caution_percent": int(rng.choice([8, 10, 12])),
    }


key = AnswerKey(
    "10b_lifetime_value",
    practice={
        "fit_day": pd.Timestamp("2024-09-30"),
        "check_day": pd.Timestamp("2025-09-29"),
        "months": 24,
        "annual_rate_percent": 12,
        "margin_percent": 50,
        "serve_cents": 330,
        "offer_euro": 105,
        "caution_percent": 10,
    },
    draw=draw,
)


@key.step
def orders_of(company, parameters):
    return company.orders[company.orders.subscription_id.isna()]


def summary_on(company, parameters, day):
    return clv.rfm_summary(orders_of(company, parameters), day.date())


def fitted(model, summary):
    """The model, fitted; a small company may say little about a parameter, and the forecast holds nevertheless."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", clv.BoundaryWarning)
        return model.fit(summary)


# --- what the models read ---------------------------------------------------------------------------------------------


@key.step
def summary(company, parameters):
    return summary_on(company, parameters, parameters.fit_day)


def means_of(table):
    return {name: float(table[name].mean()) for name in ("frequency", "recency", "T")}


@key.question(
    "q1",
    points=2,
    minutes=6,
    compare=Mapping(Number(relative=1e-6)),
    hints=[
        "clv.rfm_summary(orders, p.fit_day.date()): a row a customer, times in weeks.",
        "The mean of each of the three columns, over all customers.",
    ],
)
def means(company, parameters):
    return means_of(summary(company, parameters))


@means.mistake("Your frequency is one too high: the first purchase is no repeat purchase.")
def first_order_counted(company, parameters):
    found = means_of(summary(company, parameters))
    return found | {"frequency": found["frequency"] + 1}


@means.mistake(
    "Your recency is the time since the last purchase, as in RFM. Here it runs from the first to the last purchase."
)
def time_since_the_last(company, parameters):
    found = means_of(summary(company, parameters))
    return found | {"recency": found["T"] - found["recency"]}


@means.mistake("Your times are in days. Give weeks.")
def times_in_days(company, parameters):
    return means_of(clv.rfm_summary(orders_of(company, parameters), parameters.fit_day.date(), "D"))


@means.mistake("You took all customers up to the end of the tables. Sum up as of p.fit_day.")
def as_of_the_end(company, parameters):
    return means_of(summary_on(company, parameters, company.as_of))


@means.mistake("Deliveries of subscriptions are in it. Take `orders` as the exercise made it.")
def deliveries_counted(company, parameters):
    return means_of(clv.rfm_summary(company.orders, parameters.fit_day.date()))


@key.question(
    "q2",
    points=2,
    minutes=5,
    compare=Number(relative=1e-6, unit="purchases a week"),
    hints=[
        "In the lesson three customers bought 6 times in 150 weeks, and the peak was at 6 / 150.",
        "All repeat purchases over all weeks watched: two sums, and one division.",
    ],
)
def likeliest_rate(company, parameters):
    table = summary(company, parameters)
    return float(table.frequency.sum() / table["T"].sum())


@likeliest_rate.mistake(
    "You took the mean of each customer's rate. Somebody watched for a week then counts as much as one of two years."
)
def mean_of_rates(company, parameters):
    table = summary(company, parameters)
    watched = table[table["T"] > 0]
    return float((watched.frequency / watched["T"]).mean())


@likeliest_rate.mistake("Count repeat purchases only: the first one is there in any case.")
def rate_with_first(company, parameters):
    table = summary(company, parameters)
    return float((table.frequency + 1).sum() / table["T"].sum())


@likeliest_rate.mistake("Divide by the time watched (T), not by the time up to the last purchase.")
def over_recency(company, parameters):
    table = summary(company, parameters)
    return float(table.frequency.sum() / table.recency.sum())


@key.step
def model(company, parameters):
    return fitted(clv.ModifiedBetaGeoModel(), summary(company, parameters))


def alive_of(fitted_model, table):
    return float(fitted_model.expected_probability_alive(table)[table.frequency == 0].mean())


@key.question(
    "q3",
    points=3,
    minutes=7,
    compare=Number(relative=RELATIVE, unit="a share from 0 to 1"),
    hints=[
        "The MBG/NBD: clv.ModifiedBetaGeoModel().fit(summary).expected_probability_alive(summary).",
        "It gives a probability a row; take the mean of those whose frequency is 0.",
    ],
)
def alive_after_one(company, parameters):
    return alive_of(model(company, parameters), summary(company, parameters))


@alive_after_one.mistake(
    "In the BG/NBD nobody can leave before a repeat purchase, so it says 1. That is no loyalty: take the MBG/NBD."
)
def bg_nbd_taken(company, parameters):
    return 1.0


@alive_after_one.mistake("That is the mean over all customers. Take those without a repeat purchase.", sometimes=True)
def alive_of_all(company, parameters):
    return float(model(company, parameters).expected_probability_alive(summary(company, parameters)).mean())


@alive_after_one.mistake("That is Pareto/NBD, where customers leave at any moment. Here they leave after a purchase.")
def pareto_taken(company, parameters):
    table = summary(company, parameters)
    return alive_of(fitted(clv.ParetoNBDModel(), table), table)


# --- holdout ----------------------------------------------------------------------------------------------------------


@key.step
def holdout(company, parameters):
    return clv.holdout_summary(orders_of(company, parameters), parameters.fit_day, parameters.check_day)


def check_of(table, expected, error="root_mean_squared_error"):
    found = clv.compare_forecasts(table.holdout_purchases, {"model": expected, "naive": table.before_purchases})
    return {
        "total_over_actual": float(found.loc["model", "total_over_actual"]),
        "root_mean_squared_error": float(found.loc["model", error]),
        "naive_root_mean_squared_error": float(found.loc["naive", error]),
    }


def expected_in(company, parameters, time):
    return model(company, parameters).expected_purchases(holdout(company, parameters), time)


def weeks_ahead(parameters):
    return clv.holdout_length(parameters.fit_day, parameters.check_day)


@key.question(
    "q4",
    points=3,
    minutes=10,
    compare=Mapping(Number(relative=RELATIVE)),
    hints=[
        "clv.holdout_summary, clv.holdout_length, model.expected_purchases(held, weeks), clv.compare_forecasts.",
        "before_purchases is the naive forecast; both errors are in the column root_mean_squared_error.",
    ],
)
def forecast_check(company, parameters):
    return check_of(holdout(company, parameters), expected_in(company, parameters, weeks_ahead(parameters)))


@forecast_check.mistake("You gave the mean absolute error. It rewards a forecast of nothing; take the squared one.")
def absolute_error(company, parameters):
    expected = expected_in(company, parameters, weeks_ahead(parameters))
    return check_of(holdout(company, parameters), expected, "mean_absolute_error")


@forecast_check.mistake("Your horizon is in days, the model counts in weeks: clv.holdout_length.")
def days_for_weeks(company, parameters):
    return check_of(holdout(company, parameters), expected_in(company, parameters, 7 * weeks_ahead(parameters)))


@forecast_check.mistake("That is the BG/NBD. Take the model of question 3.")
def forecast_by_bg_nbd(company, parameters):
    table = holdout(company, parameters)
    other = fitted(clv.BetaGeoModel(), table)
    return check_of(table, other.expected_purchases(table, weeks_ahead(parameters)))


@forecast_check.mistake("You fitted to purchases that were to be forecast: fit as of p.fit_day, and nothing later.")
def fitted_to_the_holdout(company, parameters):
    table = holdout(company, parameters)
    later = fitted(clv.ModifiedBetaGeoModel(), summary_now(company, parameters))
    return check_of(table, later.expected_purchases(table, weeks_ahead(parameters)))


# --- value ------------------------------------------------------------------------------------------------------------


@key.step
def summary_now(company, parameters):
    return summary_on(company, parameters, parameters.check_day)


@key.step
def models_now(company, parameters):
    table = summary_now(company, parameters)
    return fitted(clv.ModifiedBetaGeoModel(), table), fitted(clv.GammaGammaModel(), table)


@key.question(
    "q5",
    points=2,
    minutes=6,
    compare=Number(relative=RELATIVE, unit="euro"),
    hints=[
        "clv.GammaGammaModel().fit(summary as of p.check_day); it leaves out customers without a repeat purchase.",
        "expected_customer_spend gives the same number to everybody whose frequency is 0.",
    ],
)
def spend_unknown(company, parameters):
    table = summary_now(company, parameters)
    spend = models_now(company, parameters)[1].expected_customer_spend(table)
    return float(spend[np.flatnonzero(table.frequency == 0)[0]])


@spend_unknown.mistake(
    "The zeros of customers without a repeat purchase are in your mean. They mean 'not known', not 'nothing'."
)
def zeros_included(company, parameters):
    return float(summary_now(company, parameters).monetary_value.mean())


@spend_unknown.mistake(
    "That is the plain mean of those with a repeat purchase. The model weighs what it knows of each."
)
def plain_mean(company, parameters):
    table = summary_now(company, parameters)
    return float(table.monetary_value[table.frequency > 0].mean())


@spend_unknown.mistake("That is as of p.fit_day. From here on it is p.check_day.")
def spend_of_the_fit_day(company, parameters):
    table = summary(company, parameters)
    spend = fitted(clv.GammaGammaModel(), table).expected_customer_spend(table)
    return float(spend[np.flatnonzero(table.frequency == 0)[0]])


def rate_of_a_month(parameters):
    return clv.rate_per_period(parameters.annual_rate_percent / 100, 12)


def value_of(company, parameters, *, rate=None, margin=None, serve=None, months=None, purchases=None):
    fitted_purchases, spend = models_now(company, parameters)
    return clv.customer_lifetime_value(
        purchases or fitted_purchases,
        spend,
        summary_now(company, parameters),
        months or parameters.months,
        rate_of_a_month(parameters) if rate is None else rate,
        margin=parameters.margin_percent / 100 if margin is None else margin,
        support_cost_per_purchase=parameters.serve_cents / 100 if serve is None else serve,
    )


@key.step
def values(company, parameters):
    return value_of(company, parameters)


def best_sum(found):
    return float(np.sort(found)[-BEST:].sum())


@key.question(
    "q6",
    points=3,
    minutes=9,
    compare=Number(relative=RELATIVE, unit="euro"),
    hints=[
        "spend.customer_lifetime_value(purchases, summary_now, ...): months, monthly_discount_rate, margin, ...",
        "margin is a share, support_cost_per_purchase is in euro; then .nlargest(10).sum().",
    ],
)
def best_ten(company, parameters):
    return best_sum(values(company, parameters))


@best_ten.mistake("You used the rate of a year for each month. clv.rate_per_period(rate, 12) makes a month's of it.")
def annual_rate_on_months(company, parameters):
    return best_sum(value_of(company, parameters, rate=parameters.annual_rate_percent / 100))


@best_ten.mistake("That is not discounted: later money is worth less today.")
def not_discounted(company, parameters):
    return best_sum(value_of(company, parameters, rate=0.0))


@best_ten.mistake("That is revenue. Only margin_percent of it is left after the goods.")
def revenue_valued(company, parameters):
    return best_sum(value_of(company, parameters, margin=1.0))


@best_ten.mistake("You left out what serving a purchase costs (support_cost_per_purchase, in euro).")
def service_left_out(company, parameters):
    return best_sum(value_of(company, parameters, serve=0.0))


@best_ten.mistake("Serving a purchase costs serve_cents / 100 euro; you took the cents for euro.")
def cents_for_euro(company, parameters):
    return best_sum(value_of(company, parameters, serve=float(parameters.serve_cents)))


@best_ten.mistake("That is the value of all customers. Take the ten most valuable.")
def all_customers(company, parameters):
    return float(values(company, parameters).sum())


@best_ten.mistake("That is the BG/NBD. Take the model of question 3.", sometimes=True)
def valued_by_bg_nbd(company, parameters):
    other = fitted(clv.BetaGeoModel(), summary_now(company, parameters))
    return best_sum(value_of(company, parameters, purchases=other))


@key.step
def scores(company, parameters):
    found = score_rfm(orders_of(company, parameters), parameters.check_day)
    valued = summary_now(company, parameters).assign(clv=values(company, parameters))
    return found.merge(valued[["customer_id", "clv"]], on="customer_id")


def tau_of(column, table):
    return float(kendalltau(column, table.clv).statistic)


@key.question(
    "q7",
    points=2,
    minutes=6,
    compare=Number(tolerance=1e-3),
    hints=[
        "score_rfm(orders, p.check_day), merged with the values by customer_id.",
        "kendalltau(rfm['R'] + rfm['F'] + rfm['M'], rfm['clv']).statistic",
    ],
)
def tau(company, parameters):
    table = scores(company, parameters)
    return tau_of(table.R + table.F + table.M, table)


@tau.mistake("That is the plain (Pearson) correlation. Kendall's tau compares the order of pairs.")
def pearson(company, parameters):
    table = scores(company, parameters)
    return float(np.corrcoef(table.R + table.F + table.M, table.clv)[0, 1])


@tau.mistake("That is Spearman's rank correlation. Take kendalltau.")
def spearman(company, parameters):
    table = scores(company, parameters)
    return float((table.R + table.F + table.M).corr(table.clv, method="spearman"))


@tau.mistake("Compare the sum of the three scores, not one of them.")
def recency_score_only(company, parameters):
    table = scores(company, parameters)
    return tau_of(table.R, table)


@tau.mistake("RFM and value are of different days. Score as of p.check_day.", sometimes=True)
def scored_at_the_end(company, parameters):
    found = score_rfm(orders_of(company, parameters), company.as_of)
    valued = summary_now(company, parameters).assign(clv=values(company, parameters))
    table = found.merge(valued[["customer_id", "clv"]], on="customer_id")
    return tau_of(table.R + table.F + table.M, table)


# --- new customers ----------------------------------------------------------------------------------------------------


@key.step
def won(company, parameters):
    lines = company.order_lines
    margin = ((lines.unit_price_cents - lines.unit_cost_cents) * lines.quantity).groupby(lines.order_id).sum()
    orders = orders_of(company, parameters)
    placed = orders[orders.order_date <= parameters.check_day].sort_values(["order_date", "order_id"])
    placed = placed.assign(left_euro=(placed.order_id.map(margin) - parameters.serve_cents) / 100)
    first = ~placed.duplicated("customer_id")
    table = summary_now(company, parameters).set_index("customer_id")
    table = table.join(company.customers.set_index("customer_id")[["acquisition_channel", "acquisition_cost_cents"]])
    table["acquisition_cost"] = table.acquisition_cost_cents / 100
    table["first_margin"] = placed[first].set_index("customer_id").left_euro
    table["repeat_margin"] = placed[~first].groupby("customer_id").left_euro.sum().reindex(table.index, fill_value=0)
    return table[table.acquisition_channel.isin(CHANNELS)]


def ceilings_at(company, parameters, model_of_purchases, rate):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", clv.BoundaryWarning)
        return clv.acquisition_ceilings(
            model_of_purchases, won(company, parameters), months=parameters.months, monthly_discount_rate=rate
        )


@key.step
def ceilings(company, parameters):
    return ceilings_at(company, parameters, clv.ModifiedBetaGeoModel(), rate_of_a_month(parameters))


@key.question(
    "q8",
    points=3,
    minutes=9,
    compare=Mapping(Number(relative=RELATIVE, unit="euro"), key="acquisition_channel"),
    hints=[
        "clv.acquisition_ceilings(clv.ModifiedBetaGeoModel(), won, months=..., monthly_discount_rate=...).",
        "The rate is that of a month. The highest bid is the column `ceiling`: first purchase and later ones.",
    ],
)
def ceilings_euro(company, parameters):
    return ceilings(company, parameters).ceiling.to_dict()


@ceilings_euro.mistake("The first purchase is missing: a new customer brings that too.")
def first_purchase_missing(company, parameters):
    return ceilings(company, parameters).repeat_value.to_dict()


@ceilings_euro.mistake("That is what is left at today's price. The highest bid is the ceiling itself.")
def room_taken(company, parameters):
    return ceilings(company, parameters).room.to_dict()


@ceilings_euro.mistake("You used the rate of a year for each month: clv.rate_per_period(rate, 12).")
def ceilings_at_an_annual_rate(company, parameters):
    rate = parameters.annual_rate_percent / 100
    return ceilings_at(company, parameters, clv.ModifiedBetaGeoModel(), rate).ceiling.to_dict()


@ceilings_euro.mistake("That is the BG/NBD. Take the model of question 3.")
def ceilings_by_bg_nbd(company, parameters):
    rate = rate_of_a_month(parameters)
    return ceilings_at(company, parameters, clv.BetaGeoModel(), rate).ceiling.to_dict()


@ceilings_euro.mistake("You gave today's cost. What may a customer cost at most?")
def cost_taken(company, parameters):
    return ceilings(company, parameters).cost.to_dict()


def gain_of(ceilings_of_channels, parameters, caution=True):
    """The gain of 500 customers of each channel that gains, at the agency's price."""
    kept = 1 - parameters.caution_percent / 100 if caution else 1.0
    return OFFERED * sum(max(0.0, float(bid) * kept - parameters.offer_euro) for _, bid in ceilings_of_channels.items())


@key.question(
    "q9",
    points=2,
    minutes=5,
    compare=Number(relative=RELATIVE, tolerance=100.0, unit="euro"),
    follows=["q8"],
    hints=[
        "For each channel: ceiling less the caution, less the price. A channel below 0 is left.",
        "500 times the sum of those above 0; no channel above 0 gives 0.",
    ],
)
def gain(company, parameters, bids):
    return gain_of(bids, parameters)


@gain.mistake("You forgot the caution: take caution_percent off each ceiling before you compare.", sometimes=True)
def without_caution(company, parameters, bids):
    return gain_of(bids, parameters, caution=False)


@gain.mistake("You took all three channels. Leave those that lose at this price.", sometimes=True)
def all_channels(company, parameters, bids):
    kept = 1 - parameters.caution_percent / 100
    return OFFERED * sum(float(bid) * kept - parameters.offer_euro for _, bid in bids.items())


@gain.mistake("That is the gain of one customer of each channel. The agency offers 500 of each.", sometimes=True)
def one_customer(company, parameters, bids):
    return gain_of(bids, parameters) / OFFERED


key.judgement("q10", points=3, minutes=7)
