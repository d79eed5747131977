"""The answer key of exercise 11a: who will leave, and who gets an offer."""

import datetime as dt

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from crmlab.analytical import prediction as pred
from crmlab.analytical.experiments import NOT_SHOWN, ROLL_OUT, STOP, spend_lift
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping, Members

SIX = ["orders", "days_since_last_purchase", "orders_180_days", "voucher_share", "gift_share", "returns_365_days"]
KNOWN = [
    "tenure_months",
    "price_rise_percent",
    "late_deliveries_12_months",
    "complaints_12_months",
    "deliveries_skipped_90_days",
    "account_visits_90_days",
]
CONTACTS, HORIZON_DAYS, YEAR_DAYS = 200, 90, 364


def draw(rng):
    """Another day and other money: the questions stay the same."""
    day = dt.date(2025, 6, 15) + dt.timedelta(days=int(rng.integers(0, 105)))
    return {
        "as_of": pd.Timestamp(day),
        "offer_cents": int(rng.integers(10, 21)) * 100,
        "saved_percent": int(rng.integers(25, 46)),
        "value_months": int(rng.choice([24, 30, 36, 42])),
        "depth_percent": int(rng.choice([10, 15, 20, 25])),
    }


key = AnswerKey(
    "11a_churn",
    practice={
        "as_of": pd.Timestamp("2025-08-31"),
        "offer_cents": 1200,
        "saved_percent": 35,
        "value_months": 30,
        "depth_percent": 20,
    },
    draw=draw,
)


# --- features and label -----------------------------------------------------------------------------------------------


@key.step
def table(company, parameters):
    return pred.customer_features(company, parameters.as_of)


@key.step
def churned(company, parameters):
    return pred.churn_label(company, table(company, parameters).index, parameters.as_of)


def steadiest(features):
    """The customer with the most orders; of several the one with the lowest number."""
    return features["orders"].idxmax()


@key.question(
    "q1",
    points=2,
    minutes=6,
    compare=Mapping(Number(relative=1e-6)),
    hints=[
        "Only what was known at the end of as_of counts: pred.customer_features(company, as_of).",
        "The customer is features['orders'].idxmax(); take the row with .loc[customer, list of six names].",
    ],
)
def six_features(company, parameters):
    features = table(company, parameters)
    return features.loc[steadiest(features), SIX].astype(float).to_dict()


@six_features.mistake("You counted what happened after as_of, too. Cut the tables at the day first.")
def later_known(company, parameters):
    features = pred.customer_features(company, company.as_of, active_within_days=10_000)
    return features.loc[steadiest(table(company, parameters)), SIX].astype(float).to_dict()


@six_features.mistake(
    "The features are right, the customer is another. Which one has the most orders on that day?", sometimes=True
)
def best_by_margin(company, parameters):
    features = table(company, parameters)
    return features.loc[features["margin_365_days_cents"].idxmax(), SIX].astype(float).to_dict()


def share_without_purchase(company, customers, orders, parameters, until):
    day = orders["order_date"].dt.normalize()
    came = orders.loc[(day > parameters.as_of) & (day <= until), "customer_id"]
    return float((~customers.isin(came)).mean())


@key.question(
    "q2",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-6, unit="a share from 0 to 1"),
    hints=[
        "Of the customers in the feature table: who bought nothing in the 90 days after as_of?",
        "pred.churn_label(company, customers, as_of) gives True or False for each; the mean is the share.",
    ],
)
def churn_share(company, parameters):
    return float(churned(company, parameters).mean())


@churn_share.mistake("A delivery of a subscription is no purchase: leave out orders with a subscription_id.")
def deliveries_counted(company, parameters):
    until = parameters.as_of + pd.Timedelta(days=HORIZON_DAYS)
    return share_without_purchase(company, table(company, parameters).index, company.orders, parameters, until)


@churn_share.mistake("You looked further than 90 days: whoever came back later is a leaver here.")
def all_that_came(company, parameters):
    orders = company.orders[company.orders["subscription_id"].isna()]
    return share_without_purchase(company, table(company, parameters).index, orders, parameters, company.as_of)


@churn_share.mistake("You took everybody who ever bought. Asked for are the customers of the feature table.")
def everybody(company, parameters):
    known = pred.customer_features(company, parameters.as_of, active_within_days=10_000)
    return float(pred.churn_label(company, known.index, parameters.as_of).mean())


@churn_share.mistake("That is the share of those who stayed.")
def stayers(company, parameters):
    return 1 - churn_share(company, parameters)


# --- leakage ----------------------------------------------------------------------------------------------------------


def colleagues_table(company, as_of):
    """The table of the exercise: six columns, some of which know the future."""
    features = pred.customer_features(company, as_of)
    day, orders = pd.Timestamp(as_of), company.orders
    sent_back = company.returns.merge(orders[["order_id", "customer_id"]], on="order_id").groupby("customer_id")
    late = orders["delivered_date"] > orders["promised_date"]
    recent = orders[(orders["order_date"] > day - pd.Timedelta(days=365)) & (orders["order_date"] <= day)]
    bought = orders[(orders["order_date"] > day) & (orders["order_date"] <= day + pd.Timedelta(days=90))]
    return pd.DataFrame(
        {
            "orders": features["orders"],
            "silence_share": features["days_since_last_purchase"] / (features["tenure_days"] + 1),
            "refund_cents": sent_back["refund_cents"].sum().reindex(features.index, fill_value=0),
            "web_orders": recent[recent["channel"] == "web"]
            .groupby("customer_id")
            .size()
            .reindex(features.index)
            .fillna(0),
            "late_orders": orders[late].groupby("customer_id").size().reindex(features.index).fillna(0),
            "churned_next_90d": ~features.index.isin(bought["customer_id"]),
        }
    )


@key.question(
    "q3",
    points=2,
    minutes=6,
    compare=Members(),
    hints=[
        "Compute the table twice: from the tables as they were on the day, and from all. pred.check_no_leak does.",
        "pred.check_no_leak gives a row for each column of the table; take the names where `leaks` is True.",
    ],
)
def leaking_columns(company, parameters):
    report = pred.check_no_leak(colleagues_table, company, parameters.as_of)
    return set(report.index[report["leaks"]])


@leaking_columns.mistake(
    "You found the column that is too good to be true. Others look ahead too, and are not that good: compute the table "
    "on the cut tables and compare."
)
def only_the_bait(company, parameters):
    return {"churned_next_90d"}


@leaking_columns.mistake("A column is not safe because it was counted from past events: check each by computing twice.")
def bait_and_refunds(company, parameters):
    return {"churned_next_90d", "refund_cents"}


@leaking_columns.mistake("Not all of them leak: orders of the time before as_of were known on the day.")
def all_columns(company, parameters):
    return set(colleagues_table(company, parameters.as_of).columns)


# --- train and test in time -------------------------------------------------------------------------------------------


@key.step
def past(company, parameters):
    before = parameters.as_of - pd.Timedelta(days=YEAR_DAYS)
    features = pred.customer_features(company, before)
    return features, pred.churn_label(company, features.index, before)


@key.step
def risk(company, parameters):
    return pred.ChurnModel().fit(*past(company, parameters)).predict(table(company, parameters))


@key.step
def risk_in_sample(company, parameters):
    features = table(company, parameters)
    return pred.ChurnModel().fit(features, churned(company, parameters)).predict(features)


def scores(company, parameters, risks):
    return pred.score_predictions(churned(company, parameters), risks)


@key.question(
    "q4",
    points=3,
    minutes=8,
    compare=Number(tolerance=2e-4),
    hints=[
        "Learn on the features of 364 days before as_of, with the label of the 90 days after that day.",
        "pred.ChurnModel().fit(past_features, past_label).predict(features), then pred.score_predictions(label, risk).",
    ],
)
def auc_of_the_model(company, parameters):
    return scores(company, parameters, risk(company, parameters))["auc"]


@auc_of_the_model.mistake(
    "You tested on the customers and the time that the model learned from. Learn on the year before.", sometimes=True
)
def tested_on_itself(company, parameters):
    return scores(company, parameters, risk_in_sample(company, parameters))["auc"]


@auc_of_the_model.mistake(
    "You split the customers of one day by lot. The model will be used at a later time: learn on the year before.",
    sometimes=True,
)
def split_at_random(company, parameters):
    features, label = table(company, parameters), churned(company, parameters)
    learn, test = train_test_split(features.index, test_size=0.3, random_state=1)
    model = pred.ChurnModel().fit(features.loc[learn], label[learn])
    return pred.score_predictions(label[test], model.predict(features.loc[test]))["auc"]


@auc_of_the_model.mistake("So good only with the label among the features: leave out churned_next_90d.")
def with_the_bait(company, parameters):
    return 1.0


@auc_of_the_model.mistake("That is the accuracy. Asked is the AUC.", sometimes=True)
def accuracy_given(company, parameters):
    return scores(company, parameters, risk(company, parameters))["accuracy"]


@auc_of_the_model.mistake(
    "You learned from boosted trees. Take the usual kind, logistic regression: pred.ChurnModel()."
)
def boosted(company, parameters):
    model = pred.ChurnModel("boosting").fit(*past(company, parameters))
    return scores(company, parameters, model.predict(table(company, parameters)))["auc"]


@key.question(
    "q5",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-4),
    hints=[
        "The Brier score is the mean of (risk - outcome) squared, with 1 for a leaver and 0 for a stayer.",
        "How much lower than that of telling everybody the base rate? Both are in pred.score_predictions.",
    ],
)
def brier_gain(company, parameters):
    result = scores(company, parameters, risk(company, parameters))
    return result["brier_of_base_rate"] - result["brier"]


@brier_gain.mistake("That is the Brier score of the model. By how much is it lower than that of the base rate?")
def brier_alone(company, parameters):
    return scores(company, parameters, risk(company, parameters))["brier"]


@brier_gain.mistake(
    "You compared accuracies. Where most customers leave, whoever says so of everybody is mostly right: compare Brier "
    "scores."
)
def accuracy_compared(company, parameters):
    result = scores(company, parameters, risk(company, parameters))
    return result["accuracy"] - result["accuracy_of_one_word"]


@brier_gain.mistake("The sign is turned round: a lower Brier score is better, so the gain is base rate less model.")
def turned_round(company, parameters):
    return -brier_gain(company, parameters)


@brier_gain.mistake("You rounded the risks to 0 and 1. The Brier score judges the probabilities themselves.")
def rounded_risks(company, parameters):
    result = scores(company, parameters, (risk(company, parameters) >= 0.5).astype(float))
    return result["brier_of_base_rate"] - result["brier"]


# --- money ------------------------------------------------------------------------------------------------------------


@key.step
def value(company, parameters):
    return table(company, parameters)["margin_365_days_cents"].clip(lower=0)


def first_contacts(order):
    """The customers with the highest values; of equal ones those with the lower numbers."""
    return order.sort_index().nlargest(CONTACTS).index


def profit_of(company, parameters, chosen, **changed):
    settings = {"offer_cents": parameters.offer_cents, "saved_share": parameters.saved_percent / 100, **changed}
    return pred.offer_profit(churned(company, parameters)[chosen], value(company, parameters)[chosen], **settings)


@key.question(
    "q6",
    points=3,
    minutes=7,
    compare=Number(tolerance=1.0, unit="cents"),
    hints=[
        "The expected loss is risk times value; (risk * value).nlargest(200).index are the customers.",
        "Leavers among them x saved share x value, less the offer for all 200: pred.offer_profit.",
    ],
)
def profit_of_200(company, parameters):
    return profit_of(company, parameters, first_contacts(risk(company, parameters) * value(company, parameters)))


@profit_of_200.mistake("You contacted those with the highest risk. Take the highest expected loss: risk times value.")
def by_risk(company, parameters):
    return profit_of(company, parameters, first_contacts(risk(company, parameters)))


@profit_of_200.mistake("You contacted those with the highest value. Take the highest expected loss: risk times value.")
def by_value(company, parameters):
    return profit_of(company, parameters, first_contacts(value(company, parameters)))


@profit_of_200.mistake(
    "You counted every stayer as saved. Whoever stays would have stayed anyway: only a share of the leavers is saved."
)
def stayers_saved(company, parameters):
    chosen = first_contacts(risk(company, parameters) * value(company, parameters))
    stay = ~churned(company, parameters)[chosen]
    return pred.offer_profit(stay, value(company, parameters)[chosen], parameters.offer_cents, 1.0)


@profit_of_200.mistake("You counted every leaver as saved. The offer saves saved_percent percent of them.")
def all_leavers_saved(company, parameters):
    chosen = first_contacts(risk(company, parameters) * value(company, parameters))
    return profit_of(company, parameters, chosen, saved_share=1.0)


@profit_of_200.mistake("All 200 get the offer, also those who would have stayed: each costs offer_cents.")
def offer_to_leavers_only(company, parameters):
    chosen = first_contacts(risk(company, parameters) * value(company, parameters))
    leavers = chosen[churned(company, parameters)[chosen].to_numpy()]
    return profit_of(company, parameters, leavers)


@profit_of_200.mistake("You left out what the offers cost.")
def offer_left_out(company, parameters):
    chosen = first_contacts(risk(company, parameters) * value(company, parameters))
    return profit_of(company, parameters, chosen, offer_cents=0)


# --- the experiment ---------------------------------------------------------------------------------------------------


@key.step
def leaving(company, parameters):
    return company.retention_file.groupby("arm")["left_90_days"].mean()


@key.question(
    "q7",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-6, unit="a share, below 0 where churn falls"),
    hints=["The share that left with the advice, less the share that left in the control arm."],
)
def effect_of_advice(company, parameters):
    return float(leaving(company, parameters)["advice"] - leaving(company, parameters)["control"])


@effect_of_advice.mistake(
    "You counted every member who stayed as saved. The control arm says how many would have stayed without a letter."
)
def stayed_with_advice(company, parameters):
    return float(1 - leaving(company, parameters)["advice"])


@effect_of_advice.mistake("That is the share that left with the advice. Compare it with the control arm.")
def left_with_advice(company, parameters):
    return float(leaving(company, parameters)["advice"])


@effect_of_advice.mistake("The sign is turned round: give what the advice adds to churn, advice less control.")
def control_less_advice(company, parameters):
    return -effect_of_advice(company, parameters)


@effect_of_advice.mistake("That is the effect of the credit. Asked is that of the advice.")
def credit_taken(company, parameters):
    return float(leaving(company, parameters)["credit"] - leaving(company, parameters)["control"])


@key.step
def credit_test(company, parameters):
    """Control and credit: what each member left, and the two scores in cents."""
    members = company.retention_file.set_index("member_id")
    members = members[members["arm"].isin(["control", "credit"])]
    treated = members["arm"] == "credit"
    worth = members["monthly_margin_cents"] * parameters.value_months
    scored = pred.offer_scores(members[KNOWN], members["left_90_days"], treated, members.index % 2 == 0)
    return pd.DataFrame(
        {
            "treated": treated,
            "stayed_cents": worth * ~members["left_90_days"],
            "cost_cents": members["credit_cents"] + members["contact_cost_cents"],
            "risk_cents": scored["risk"] * worth,
            "uplift_cents": scored["uplift"] * worth,
        }
    ).assign(money_cents=lambda rows: rows["stayed_cents"] - rows["cost_cents"])


def profit_at_depth(company, parameters, order="uplift_cents", money="money_cents", depth=None):
    test = credit_test(company, parameters)
    curve = pred.profit_by_depth(test[order], test[money], test["treated"])
    return pred.profit_at(curve, parameters.depth_percent / 100 if depth is None else depth)


@key.question(
    "q8",
    points=3,
    minutes=8,
    compare=Number(relative=1e-3, unit="cents"),
    hints=[
        "Score by uplift times worth; what a member left is money_cents; treated are those in the arm credit.",
        "curve = pred.profit_by_depth(score, money_cents, treated), then pred.profit_at(curve, depth_percent / 100).",
    ],
)
def profit_by_uplift(company, parameters):
    return profit_at_depth(company, parameters)


@profit_by_uplift.mistake(
    "You ranked by risk. Rank by what the offer changes: the uplift, times what a member is worth."
)
def ranked_by_risk(company, parameters):
    return profit_at_depth(company, parameters, "risk_cents")


@profit_by_uplift.mistake("You left out what letters and credits cost.")
def costs_left_out(company, parameters):
    return profit_at_depth(company, parameters, money="stayed_cents")


@profit_by_uplift.mistake("That is the profit of contacting everybody. Stop at depth_percent percent.")
def everybody_contacted(company, parameters):
    return profit_at_depth(company, parameters, depth=1.0)


@profit_by_uplift.mistake(
    "You added up what the treated left. Without the control group every stayer counts as saved: take the difference."
)
def treated_only(company, parameters):
    test = credit_test(company, parameters)
    first = test.nlargest(round(len(test) * parameters.depth_percent / 100), "uplift_cents")
    return float(first.loc[first["treated"], "money_cents"].sum())


def decided(rows):
    treated = rows["treated"]
    return spend_lift(rows.loc[treated, "money_cents"], rows.loc[~treated, "money_cents"])


def first_by_uplift(company, parameters):
    test = credit_test(company, parameters).sort_index()
    return test.nlargest(round(len(test) * parameters.depth_percent / 100), "uplift_cents")


@key.question(
    "q9",
    points=3,
    minutes=6,
    compare=Text(),
    hints=[
        "spend_lift(money of the treated, money of the control) among the first depth_percent percent by uplift.",
        "Its .decision is 'roll out', 'not shown' or 'stop', by whether the interval is above, around or below 0.",
    ],
)
def decision(company, parameters):
    return decided(first_by_uplift(company, parameters)).decision


@decision.mistake(
    "The sign of one number decides nothing while its interval holds zero. Let the interval decide.", sometimes=True
)
def by_sign(company, parameters):
    return ROLL_OUT if decided(first_by_uplift(company, parameters)).difference > 0 else STOP


@decision.mistake("You decided for all members. Asked are the first depth_percent percent by uplift.", sometimes=True)
def for_all(company, parameters):
    return decided(credit_test(company, parameters)).decision


@decision.mistake(
    "The credit does lower churn. But does that pay for the credits? Decide by the money, with its interval.",
    sometimes=True,
)
def by_churn(company, parameters):
    test = first_by_uplift(company, parameters)
    treated = test["treated"]
    kept = spend_lift(test.loc[treated, "stayed_cents"], test.loc[~treated, "stayed_cents"])
    return kept.decision if kept.decision != STOP else NOT_SHOWN


@decision.near_tie
def distance_of_the_decision(company, parameters):
    result = decided(first_by_uplift(company, parameters))
    return float(np.min(np.abs([result.low, result.high])) / (result.high - result.low))


key.judgement("q10", points=3, minutes=6)
