"""The answer key of exercise 10a: customer profitability."""

import datetime as dt

import pandas as pd

from crmlab.analytical import cost_to_serve
from crmlab.analytical.profitability import customer_profit, whale_peak
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping

STEADY = 5
CENTS = Number(tolerance=1e-3, relative=1e-9, unit="cents")


def draw(rng):
    """Another day, other prices and another cohort: the questions stay the same."""
    day = dt.date(2025, 7, 1) + dt.timedelta(days=int(rng.integers(0, 150)))
    return {
        "as_of": pd.Timestamp(day),
        "cohort_quarter": str(rng.choice(["2023Q2", "2023Q3", "2023Q4", "2024Q1", "2024Q2"])),
        "first_days": int(rng.choice([120, 180, 240, 300])),
        "cents_per_parcel": int(rng.integers(42, 60)) * 10,
        "cents_per_return": int(rng.integers(60, 100)) * 10,
        "limit_cents": int(rng.choice([2000, 3000, 4000, 5000])),
        "fee_cents": int(rng.integers(19, 36)) * 10,
        "lost_percent": int(rng.choice([15, 20, 25, 30])),
    }


key = AnswerKey(
    "10a_profitability",
    practice={
        "as_of": pd.Timestamp("2025-10-31"),
        "cohort_quarter": "2024Q1",
        "first_days": 180,
        "cents_per_parcel": 520,
        "cents_per_return": 800,
        "limit_cents": 4000,
        "fee_cents": 250,
        "lost_percent": 20,
    },
    draw=draw,
)


# --- a cohort ---------------------------------------------------------------------------------------------------------


def margin_of_orders(company):
    lines = company.order_lines
    return ((lines.unit_price_cents - lines.unit_cost_cents) * lines.quantity).groupby(lines.order_id).sum()


def after_refunds(orders, company):
    """The margin as the lesson takes it; the questions take it before refunds."""
    refunds = company.returns.groupby("order_id").refund_cents.sum()
    return orders.assign(margin_cents=orders.margin_cents - orders.order_id.map(refunds).fillna(0))


@key.step
def cohort_orders(company, parameters):
    """All orders of the cohort with their margin and age in days, and how many customers it has."""
    orders = company.orders.assign(margin_cents=company.orders.order_id.map(margin_of_orders(company)))
    first = orders.groupby("customer_id").order_date.min()
    cohort = first.index[first.dt.to_period("Q").astype(str) == parameters.cohort_quarter]
    own = orders[orders.customer_id.isin(cohort)]
    return own.assign(age=(own.order_date - own.customer_id.map(first)).dt.days), len(cohort)


@key.question(
    "q1",
    points=3,
    minutes=8,
    compare=CENTS,
    hints=[
        "Who belongs to the cohort is decided by the first order of all. Then take only its orders of the first days.",
        "Sum the margin of orders whose age is at most first_days, and divide by the customers of the cohort.",
    ],
)
def cohort_value(company, parameters):
    own, customers = cohort_orders(company, parameters)
    return own.margin_cents[own.age <= parameters.first_days].sum() / customers


@cohort_value.mistake("You took all orders up to as_of. Then an old cohort looks better only because it is old.")
def any_age(company, parameters):
    own, customers = cohort_orders(company, parameters)
    return own.margin_cents[own.order_date <= parameters.as_of].sum() / customers


@cohort_value.mistake("That is revenue. The goods have to be paid: take the margin of the lines.")
def revenue_of_the_cohort(company, parameters):
    own, customers = cohort_orders(company, parameters)
    return own.amount_cents[own.age <= parameters.first_days].sum() / customers


@cohort_value.mistake("You took refunds off, as the lesson does. Here the margin is meant before refunds.")
def cohort_after_refunds(company, parameters):
    own, customers = cohort_orders(company, parameters)
    return after_refunds(own, company).margin_cents[own.age <= parameters.first_days].sum() / customers


@cohort_value.mistake("That is the mean of an order. Divide by the customers of the cohort, not by their orders.")
def mean_of_an_order(company, parameters):
    own, _ = cohort_orders(company, parameters)
    return own.margin_cents[own.age <= parameters.first_days].mean()


@cohort_value.mistake(
    "You took everybody who bought in that quarter. A cohort are those who bought for the first time in it."
)
def active_in_the_quarter(company, parameters):
    orders = company.orders.assign(margin_cents=company.orders.order_id.map(margin_of_orders(company)))
    in_quarter = orders[orders.order_date.dt.to_period("Q").astype(str) == parameters.cohort_quarter]
    first = orders.groupby("customer_id").order_date.min()
    own = orders[orders.customer_id.isin(in_quarter.customer_id)]
    age = (own.order_date - own.customer_id.map(first)).dt.days
    return own.margin_cents[age <= parameters.first_days].sum() / own.customer_id.nunique()


# --- profit -----------------------------------------------------------------------------------------------------------


def cost_tables(company, parameters, day):
    return {
        "refunds": cost_to_serve.refund_cost(company.orders, company.returns, day),
        "returns": cost_to_serve.return_handling_cost(
            company.orders, company.returns, day, cents_per_return=parameters.cents_per_return
        ),
        "delivery": cost_to_serve.delivery_cost(company.orders, day, cents_per_parcel=parameters.cents_per_parcel),
        "marketing": cost_to_serve.marketing_cost(
            company.campaigns, company.campaign_contacts, day, responses=company.campaign_responses
        ),
        "contacts": cost_to_serve.contact_cost(company.interactions, company.agents, day),
    }


@key.step
def costs(company, parameters):
    return cost_tables(company, parameters, parameters.as_of)


def totals(tables):
    return {name: int(table.amount_cents.sum()) for name, table in tables.items()}


@key.question(
    "q2",
    points=3,
    minutes=6,
    compare=Mapping(Number(unit="cents")),
    hints=[
        "Five functions of cost_to_serve, each as of as_of; each gives customer_id and amount_cents.",
        "marketing_cost takes campaigns, campaign_contacts, as_of and responses=company.campaign_responses.",
    ],
)
def total_costs(company, parameters):
    return totals(costs(company, parameters))


@total_costs.mistake(
    "Marketing is not right: whoever was held out was sent nothing and cost nothing (sent_date is missing)."
)
def held_out_paid_for(company, parameters):
    contacts = company.campaign_contacts.merge(company.campaigns[["campaign_id", "start_date"]], on="campaign_id")
    contacts = contacts.assign(sent_date=contacts.sent_date.fillna(contacts.start_date))
    marketing = cost_to_serve.marketing_cost(
        company.campaigns, contacts, parameters.as_of, responses=company.campaign_responses
    )
    return totals(costs(company, parameters) | {"marketing": marketing})


@total_costs.mistake(
    "Marketing is not right: the credit of vouchers is missing (responses=company.campaign_responses)."
)
def credit_left_out(company, parameters):
    marketing = cost_to_serve.marketing_cost(company.campaigns, company.campaign_contacts, parameters.as_of)
    return totals(costs(company, parameters) | {"marketing": marketing})


@total_costs.mistake(
    "Contacts are not right: the campaign has paid for outbound calls already. contact_cost leaves them out."
)
def campaign_calls_paid_twice(company, parameters):
    calls = company.interactions.assign(direction="inbound")
    contacts = cost_to_serve.contact_cost(calls, company.agents, parameters.as_of)
    return totals(costs(company, parameters) | {"contacts": contacts})


@total_costs.mistake("A parcel goes out for web orders only. Who buys in a store carries it home.")
def parcels_for_all_orders(company, parameters):
    parcels = int((company.orders.order_date <= parameters.as_of).sum()) * parameters.cents_per_parcel
    return totals(costs(company, parameters)) | {"delivery": parcels}


@total_costs.mistake("Costs after as_of are among yours. On that evening nobody knew of them.")
def later_costs_known(company, parameters):
    return totals(cost_tables(company, parameters, company.as_of))


@key.step
def served(company, parameters):
    return customer_profit(company.orders, company.order_lines, parameters.as_of, costs(company, parameters))


def share_below_zero(profit):
    return float((profit < 0).mean())


@key.question(
    "q3",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-9, unit="a share from 0 to 1"),
    hints=[
        "customer_profit with the five tables of question 2; then only rows with revenue.",
        "(profit < 0).mean() is the share of rows below 0.",
    ],
)
def share_at_a_loss(company, parameters):
    table = served(company, parameters)
    return share_below_zero(table.profit_cents[table.revenue_cents > 0])


@share_at_a_loss.mistake("You counted records without an order among the customers. Take those with revenue.")
def all_records(company, parameters):
    return share_below_zero(served(company, parameters).profit_cents)


@share_at_a_loss.mistake("That is after goods only. Take the five costs of question 2 off as well.")
def goods_only(company, parameters):
    return share_below_zero(customer_profit(company.orders, company.order_lines, parameters.as_of).profit_cents)


@share_at_a_loss.mistake("You took off acquisition as well. That comes with question 4.")
def acquisition_taken_off(company, parameters):
    table = with_acquisition(company, parameters)
    return share_below_zero(table.profit_cents[table.revenue_cents > 0])


@key.step
def with_acquisition(company, parameters):
    acquisition = cost_to_serve.acquisition_cost(company.customers, parameters.as_of)
    tables = costs(company, parameters) | {"acquisition": acquisition}
    return customer_profit(company.orders, company.order_lines, parameters.as_of, tables)


@key.question(
    "q4",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-9, unit="a share, 1 for the whole profit"),
    hints=[
        "customer_profit again, with acquisition_cost as a sixth table.",
        "whale_peak(profit_cents).share_of_profit: the profits of all who have one, over the whole profit.",
    ],
)
def whale_peak_share(company, parameters):
    return whale_peak(with_acquisition(company, parameters).profit_cents).share_of_profit


@whale_peak_share.mistake("That is the peak before acquisition. Add acquisition_cost as a sixth table.")
def before_acquisition(company, parameters):
    return whale_peak(served(company, parameters).profit_cents).share_of_profit


@whale_peak_share.mistake("That is where the peak lies along the customers. Its height is share_of_profit.")
def place_of_the_peak(company, parameters):
    return whale_peak(with_acquisition(company, parameters).profit_cents).share_of_customers


@whale_peak_share.mistake("Records without an order cost money too: take all rows of the table.")
def buyers_only(company, parameters):
    table = with_acquisition(company, parameters)
    return whale_peak(table.profit_cents[table.revenue_cents > 0]).share_of_profit


# --- first and fifth order --------------------------------------------------------------------------------------------


def numbered(orders, company):
    orders = orders.sort_values(["customer_id", "order_date", "order_id"])
    orders = orders.assign(margin_cents=orders.order_id.map(margin_of_orders(company)))
    return orders.assign(number=orders.groupby("customer_id").cumcount() + 1)


@key.step
def chosen_orders(company, parameters):
    orders = company.orders
    return numbered(orders[(orders.order_date <= parameters.as_of) & orders.subscription_id.isna()], company)


def gap(orders, column="margin_cents"):
    """What the fifth order brings more than the first, of those with five."""
    steady = orders[orders.groupby("customer_id").number.transform("max") >= STEADY]
    by_number = steady.groupby("number")[column].mean()
    return float(by_number[STEADY] - by_number[1])


@key.question(
    "q5",
    points=3,
    minutes=8,
    compare=CENTS,
    hints=[
        "Number the orders of each customer in time. Keep the customers who reached five, with all their orders.",
        "The mean margin of orders number 5, less the mean margin of orders number 1 of the same customers.",
    ],
)
def margin_gap(company, parameters):
    return gap(chosen_orders(company, parameters))


@margin_gap.mistake(
    "Your first orders are those of everybody, your fifth those of the faithful. Compare the same customers."
)
def other_people(company, parameters):
    by_number = chosen_orders(company, parameters).groupby("number").margin_cents.mean()
    return float(by_number[STEADY] - by_number[1])


@margin_gap.mistake("That is the gap in revenue. Take the margin.")
def gap_in_revenue(company, parameters):
    return gap(chosen_orders(company, parameters), "amount_cents")


@margin_gap.mistake("You took refunds off, as the lesson does. Here the margin is meant before refunds.")
def gap_after_refunds(company, parameters):
    return gap(after_refunds(chosen_orders(company, parameters), company))


@margin_gap.mistake("Deliveries of subscriptions are among your orders. Leave them out.")
def subscriptions_counted(company, parameters):
    orders = company.orders
    return gap(numbered(orders[orders.order_date <= parameters.as_of], company))


@margin_gap.mistake("Orders after as_of are among yours. On that evening nobody knew of them.")
def later_orders_counted(company, parameters):
    orders = company.orders
    return gap(numbered(orders[orders.subscription_id.isna()], company))


# --- the fee ----------------------------------------------------------------------------------------------------------


@key.step
def small_orders(company, parameters):
    """The small web orders of the last 365 days, with what each leaves after its parcel."""
    orders = chosen_orders(company, parameters)
    in_year = orders.order_date > parameters.as_of - pd.Timedelta(days=365)
    small = orders[in_year & (orders.channel == "web") & (orders.amount_cents < parameters.limit_cents)]
    return small.assign(left_cents=small.margin_cents - parameters.cents_per_parcel)


def gain(orders, parameters, column="left_cents"):
    lost = parameters.lost_percent / 100
    return float((1 - lost) * parameters.fee_cents * len(orders) - lost * orders[column].sum())


@key.question(
    "q6",
    points=3,
    minutes=6,
    compare=Number(tolerance=0.01, unit="cents"),
    hints=[
        "Web orders below the limit, after as_of - 365 days. The fee is paid only for those that are still placed.",
        "(1 - lost) * fee_cents * orders - lost * (sum of margin_cents - cents_per_parcel), lost = lost_percent / 100.",
    ],
)
def fee_gain(company, parameters):
    return gain(small_orders(company, parameters), parameters)


@fee_gain.mistake("You let all orders pay the fee. Those that are not placed pay none.")
def fee_from_all(company, parameters):
    orders = small_orders(company, parameters)
    lost = parameters.lost_percent / 100
    return float(parameters.fee_cents * len(orders) - lost * orders.left_cents.sum())


@fee_gain.mistake("You counted the fees only. The orders that are lost would have left something.")
def fees_only(company, parameters):
    orders = small_orders(company, parameters)
    return float((1 - parameters.lost_percent / 100) * parameters.fee_cents * len(orders))


@fee_gain.mistake("A lost order also saves its parcel: what it leaves is its margin less cents_per_parcel.")
def parcel_forgotten(company, parameters):
    return gain(small_orders(company, parameters), parameters, "margin_cents")


@fee_gain.mistake("You took refunds off, as the lesson does. Here the margin is meant before refunds.")
def fee_after_refunds(company, parameters):
    orders = after_refunds(small_orders(company, parameters), company)
    return gain(orders.assign(left_cents=orders.margin_cents - parameters.cents_per_parcel), parameters)


@fee_gain.mistake("With a lost order its revenue goes, and so do its costs. What is lost is what it leaves.")
def revenue_lost(company, parameters):
    return gain(small_orders(company, parameters), parameters, "amount_cents")


@fee_gain.mistake("Only web orders are sent in parcels.")
def store_orders_too(company, parameters):
    orders = chosen_orders(company, parameters)
    in_year = orders.order_date > parameters.as_of - pd.Timedelta(days=365)
    small = orders[in_year & (orders.amount_cents < parameters.limit_cents)]
    return gain(small.assign(left_cents=small.margin_cents - parameters.cents_per_parcel), parameters)


@fee_gain.mistake("You took more than one year. Take the 365 days up to as_of.")
def all_years(company, parameters):
    orders = chosen_orders(company, parameters)
    small = orders[(orders.channel == "web") & (orders.amount_cents < parameters.limit_cents)]
    return gain(small.assign(left_cents=small.margin_cents - parameters.cents_per_parcel), parameters)


@key.question(
    "q7",
    points=2,
    minutes=3,
    compare=Text(),
    follows=["q6"],
    hints=["Is the gain of question 6 above 0? To leave things as they are gains 0."],
)
def decision(company, parameters, fee_gain_cents):
    return "fee" if fee_gain_cents > 0 else "no fee"


@decision.mistake(
    "Losing orders is no reason by itself: compare what is lost with the fees of the orders that stay.", sometimes=True
)
def never_a_fee(company, parameters, fee_gain_cents):
    return "no fee"


@decision.mistake(
    "A fee is not always a gain: where small orders leave enough, the lost ones cost more.", sometimes=True
)
def always_a_fee(company, parameters, fee_gain_cents):
    return "fee"


@decision.near_tie
def distance_of_the_decision(company, parameters):
    fees = parameters.fee_cents * len(small_orders(company, parameters))
    return abs(fee_gain(company, parameters)) / fees


key.judgement("q8", points=2, minutes=4)
