"""The answer key of exercise 04: RFM."""

import datetime as dt

import numpy as np
import pandas as pd
from scipy.stats import binom

from crmlab.analytical.rfm import score_rfm
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping, Members, Overlap, f1

CODES, OFFERS = 100, 10
SUM_OF_SCORES = 9
FEWEST_ORDERS, TIMES_CHANCE, LEAST_F1 = 3, 2, 0.2


def draw(rng):
    """Another day, another letter: the questions stay the same."""
    day = dt.date(2024, 7, 1) + dt.timedelta(days=int(rng.integers(0, 450)))
    return {
        "as_of": pd.Timestamp(day),
        "window_days": int(rng.integers(50, 71)),
        "letter_cost_cents": int(rng.integers(70, 121)),
        "lift_percent": int(rng.integers(14, 27)),
    }


key = AnswerKey(
    "04_rfm",
    practice={
        # A day on which each mistake shows: on most others two mistakes of question 6 choose the same cells.
        "as_of": pd.Timestamp("2025-09-28"),
        "window_days": 60,
        "letter_cost_cents": 90,
        "lift_percent": 20,
    },
    draw=draw,
)


@key.step
def known_orders(company, parameters):
    """The orders that are known at the end of the day `as_of`."""
    return company.orders[company.orders.order_date <= parameters.as_of]


def mean_days(orders, day):
    return float((day - orders.groupby("customer_id").order_date.max()).dt.days.mean())


@key.question(
    "q1",
    points=2,
    minutes=4,
    compare=Number(tolerance=0.01, unit="days"),
    hints=[
        "Which orders does the company know of at the end of that day? Only those count.",
        "Take the last order of each customer first, then the days from it to as_of, then the mean.",
    ],
)
def mean_days_since_last_purchase(company, parameters):
    return mean_days(known_orders(company, parameters), parameters.as_of)


@mean_days_since_last_purchase.mistake(
    "You counted to the last date in the data. The question is asked on the day as_of; days are counted to that day."
)
def counted_to_the_last_date(company, parameters):
    return mean_days(known_orders(company, parameters), company.orders.order_date.max())


@mean_days_since_last_purchase.mistake(
    "Orders after as_of are among yours: for some customers the days are negative. On that day nobody knew of them."
)
def later_orders_known(company, parameters):
    return mean_days(company.orders, parameters.as_of)


@mean_days_since_last_purchase.mistake(
    "You took the whole table and its last date. Take the day as_of instead, and the orders up to that day."
)
def whole_table(company, parameters):
    return mean_days(company.orders, company.orders.order_date.max())


@mean_days_since_last_purchase.mistake(
    "You took the mean over orders. A customer has one last purchase: take it for each customer, then the mean."
)
def mean_over_orders(company, parameters):
    return float((parameters.as_of - known_orders(company, parameters).order_date).dt.days.mean())


@mean_days_since_last_purchase.mistake(
    "You dropped the customers who bought again later. Filter the orders first, then take each customer's last."
)
def later_buyers_dropped(company, parameters):
    last = company.orders.groupby("customer_id").order_date.max()
    return float((parameters.as_of - last[last <= parameters.as_of]).dt.days.mean())


@mean_days_since_last_purchase.mistake("Orders on the day as_of itself count: use <=.", sometimes=True)
def last_day_left_out(company, parameters):
    return mean_days(company.orders[company.orders.order_date < parameters.as_of], parameters.as_of)


@mean_days_since_last_purchase.mistake("You took the first order of each customer. The last one counts: max.")
def first_purchase(company, parameters):
    first = known_orders(company, parameters).groupby("customer_id").order_date.min()
    return float((parameters.as_of - first).dt.days.mean())


@key.question(
    "q2",
    points=2,
    minutes=2,
    compare=Number(tolerance=0.001, unit="orders a customer"),
    hints=[
        "Count the orders of each customer, then take the mean over customers.",
        "The denominator is the number of customers with an order up to as_of, not all rows of customers.",
    ],
)
def mean_purchases(company, parameters):
    return float(known_orders(company, parameters).groupby("customer_id").order_id.nunique().mean())


@mean_purchases.mistake("You counted lines. An order with three products is one purchase.")
def lines_counted(company, parameters):
    lines = known_orders(company, parameters).merge(company.order_lines, on="order_id")
    return float(lines.groupby("customer_id").size().mean())


def orders_and_returns(company, parameters):
    """How many orders are known, how many returns of them, and how many customers placed them."""
    orders = known_orders(company, parameters)
    returns = company.returns[company.returns.return_date <= parameters.as_of]
    return len(orders), int(returns.order_id.isin(orders.order_id).sum()), orders.customer_id.nunique()


@mean_purchases.mistake(
    "You took returns away from the purchases. A return gives money back; that the customer came to buy stays true."
)
def returns_taken_away(company, parameters):
    orders, returns, customers = orders_and_returns(company, parameters)
    return (orders - returns) / customers


@mean_purchases.mistake(
    "You left out the orders that came back. The customer came to buy: an order counts, also when all of it came back."
)
def returned_orders_left_out(company, parameters):
    orders = known_orders(company, parameters)
    back = refunds_until(company, parameters).order_id
    return float(orders[~orders.order_id.isin(back)].groupby("customer_id").order_id.nunique().mean())


@mean_purchases.mistake("You counted returns as purchases. A return is no order.")
def returns_added(company, parameters):
    orders, returns, customers = orders_and_returns(company, parameters)
    return (orders + returns) / customers


@mean_purchases.mistake("Orders after as_of are among yours. On that day nobody knew of them.")
def later_orders_counted(company, parameters):
    return float(company.orders.groupby("customer_id").order_id.nunique().mean())


@mean_purchases.mistake(
    "You divided by all rows of customers. Some of them had not bought by then: they are not in an RFM table."
)
def divided_by_all_customers(company, parameters):
    return len(known_orders(company, parameters)) / len(company.customers)


def net_money(company, parameters, refunds):
    """Money and orders of each customer: columns `cents`, `orders`."""
    orders = known_orders(company, parameters)
    back = refunds.groupby("order_id").refund_cents.sum()
    net = orders.amount_cents - orders.order_id.map(back).fillna(0)
    return orders.assign(net=net).groupby("customer_id").agg(cents=("net", "sum"), orders=("order_id", "nunique"))


def refunds_until(company, parameters):
    return company.returns[company.returns.return_date <= parameters.as_of]


@key.question(
    "q3",
    points=2,
    minutes=7,
    compare=Number(tolerance=0.5, unit="cents"),
    hints=[
        "For each customer: money from the orders, less the refunds, divided by the number of orders.",
        "A refund belongs to an order, and the order to a customer: join returns to orders by order_id.",
    ],
)
def mean_money_per_purchase(company, parameters):
    money = net_money(company, parameters, refunds_until(company, parameters))
    return float((money.cents / money.orders).mean())


@mean_money_per_purchase.mistake("You left the refunds in. Money that was given back is not the company's.")
def refunds_left_in(company, parameters):
    money = net_money(company, parameters, company.returns.iloc[:0])
    return float((money.cents / money.orders).mean())


@mean_money_per_purchase.mistake("You took off refunds that were paid after as_of. On that day nobody knew of them.")
def later_refunds(company, parameters):
    money = net_money(company, parameters, company.returns)
    return float((money.cents / money.orders).mean())


@mean_money_per_purchase.mistake(
    "That is money in total. M is money per purchase here: divide by the customer's number of orders."
)
def total_money(company, parameters):
    return float(net_money(company, parameters, refunds_until(company, parameters)).cents.mean())


@mean_money_per_purchase.mistake(
    "You divided all money by all orders, so that a customer with many orders counts often. Take each customer's own "
    "mean first, then the mean over customers."
)
def mean_of_orders(company, parameters):
    money = net_money(company, parameters, refunds_until(company, parameters))
    return float(money.cents.sum() / money.orders.sum())


NO_REFUND_IS_ZERO = (
    "Orders without a refund became missing (NaN) and fell out of your mean: a missing refund is 0, so use fillna(0)."
)


def net_where_refunded(company, parameters):
    """The net money of each known order, missing where nothing was refunded, with its customer."""
    orders = known_orders(company, parameters)
    refunds = refunds_until(company, parameters).groupby("order_id").refund_cents.sum()
    return orders.assign(net=orders.amount_cents - orders.order_id.map(refunds)).groupby("customer_id")


@mean_money_per_purchase.mistake(NO_REFUND_IS_ZERO)
def refunded_orders_only(company, parameters):
    return float(net_where_refunded(company, parameters).net.mean().mean())


@mean_money_per_purchase.mistake(NO_REFUND_IS_ZERO)
def refunded_orders_over_all(company, parameters):
    customers = net_where_refunded(company, parameters)
    return float((customers.net.sum() / customers.order_id.nunique()).mean())


@mean_money_per_purchase.mistake(
    "Orders that came back in two parts count twice among yours. Add the refunds up for each order first, then join.",
    sometimes=True,
)
def orders_repeated_by_refunds(company, parameters):
    orders = known_orders(company, parameters).merge(
        refunds_until(company, parameters)[["order_id", "refund_cents"]], on="order_id", how="left"
    )
    net = orders.amount_cents - orders.refund_cents.fillna(0)
    return float((net.groupby(orders.customer_id).sum() / orders.groupby("customer_id").order_id.nunique()).mean())


@key.step
def scored(company, parameters):
    return score_rfm(company.orders, parameters.as_of, returns=company.returns)


def code(scores, letters="RFM"):
    """The scores of each customer as one text."""
    return sum((scores[letter].astype(str) for letter in letters[1:]), scores[letters[0]].astype(str))


def some_codes(scores, letters="RFM"):
    some = scores[scores.customer_id % CODES == 0]
    return dict(zip(some.customer_id, code(some, letters), strict=True))


@key.question(
    "q4",
    points=3,
    minutes=6,
    compare=Mapping(Text(), key="customer_id"),
    hints=[
        "Score all customers first, then take those asked for: a fifth is a fifth of all customers.",
        "score_rfm(orders, as_of, returns=...) gives R, F and M; join them as text.",
    ],
)
def rfm_codes(company, parameters):
    return some_codes(scored(company, parameters))


R_UPSIDE_DOWN = "Your R is upside down: 5 is best, so it goes to those who bought last, not to the longest absence."


@rfm_codes.mistake(R_UPSIDE_DOWN)
def longest_absence_is_five(company, parameters):
    days = scored(company, parameters).days_since_last_purchase
    return some_codes(scored(company, parameters).assign(R=fifths(days, len(days))))


@rfm_codes.mistake(R_UPSIDE_DOWN)
def recency_turned_round(company, parameters):
    return some_codes(scored(company, parameters).assign(R=6 - scored(company, parameters).R))


@rfm_codes.mistake("You left the refunds out: give returns=returns to score_rfm.", sometimes=True)
def scored_without_returns(company, parameters):
    return some_codes(score_rfm(company.orders, parameters.as_of))


OTHER_ORDER = "Your three scores stand in another order: a code is R, then F, then M."


@rfm_codes.mistake(OTHER_ORDER)
def frequency_first(company, parameters):
    return some_codes(scored(company, parameters), "FRM")


@rfm_codes.mistake(OTHER_ORDER)
def monetary_first(company, parameters):
    return some_codes(scored(company, parameters), "MFR")


def fifths(values, n):
    return (values.rank(method="min").astype("int64") - 1) * 5 // n + 1


@rfm_codes.mistake(
    "You cut the range into five equal widths, so one big customer puts nearly all others into group 1. Fifths hold "
    "equally many customers: quintiles, not equal widths."
)
def equal_widths(company, parameters):
    scores = scored(company, parameters)
    groups = {
        "R": 6 - cut(scores.days_since_last_purchase),
        "F": cut(scores.frequency),
        "M": cut(scores.monetary_mean_cents),
    }
    return some_codes(scores.assign(**groups))


def cut(values):
    return pd.cut(values, 5, labels=False) + 1


@rfm_codes.mistake(
    "qcut(duplicates='drop') joins groups where many customers are equal, so that your best F is below 5. Rank the "
    "customers with ties at the smallest rank instead."
)
def duplicates_dropped(company, parameters):
    scores = scored(company, parameters)
    groups = {
        "R": qcut(-scores.days_since_last_purchase),
        "F": qcut(scores.frequency),
        "M": qcut(scores.monetary_mean_cents),
    }
    return some_codes(scores.assign(**groups))


def qcut(values):
    return pd.qcut(values, 5, labels=False, duplicates="drop") + 1


@rfm_codes.mistake(
    "You broke ties by the order of the rows, so equal customers get different scores. Tied customers share the "
    "smallest rank."
)
def ties_broken(company, parameters):
    scores = scored(company, parameters)
    groups = {
        "R": broken(-scores.days_since_last_purchase),
        "F": broken(scores.frequency),
        "M": broken(scores.monetary_mean_cents),
    }
    return some_codes(scores.assign(**groups))


def broken(values):
    return (values.rank(method="first").astype("int64") - 1) * 5 // len(values) + 1


@rfm_codes.mistake("You scored lines, not orders: an order with many products is one purchase in F.")
def lines_scored(company, parameters):
    scores = scored(company, parameters)
    lines = known_orders(company, parameters).merge(company.order_lines, on="order_id").groupby("customer_id").size()
    return some_codes(scores.assign(F=fifths(scores.customer_id.map(lines), len(scores))))


@rfm_codes.mistake("You scored the listed customers among themselves. Score all customers, then take those asked for.")
def scored_among_themselves(company, parameters):
    orders = known_orders(company, parameters)
    few = orders[orders.customer_id % CODES == 0]
    return some_codes(score_rfm(few, parameters.as_of, returns=company.returns))


@rfm_codes.mistake("Your M is scored on money in total. Here M is money per purchase.")
def total_scored(company, parameters):
    return some_codes(score_rfm(company.orders, parameters.as_of, returns=company.returns, monetary="total"))


def bought_within(company, parameters, first_day=1):
    """The customers with an order in the `window_days` after as_of."""
    days = (company.orders.order_date - parameters.as_of).dt.days
    return company.orders.loc[days.between(first_day, parameters.window_days), "customer_id"]


def with_sum_of_nine(company, parameters):
    scores = scored(company, parameters)
    return scores[scores.R + scores.F + scores.M == SUM_OF_SCORES]


@key.question(
    "q5",
    points=2,
    minutes=7,
    compare=Mapping(Number(tolerance=0.0005), key="R"),
    hints=[
        "Keep the customers whose three scores add up to nine; among them take the share who bought, for each R.",
        "The window begins on the day after as_of and ends window_days after it, both days included.",
    ],
)
def share_who_bought_by_recency(company, parameters):
    scores = with_sum_of_nine(company, parameters)
    again = scores.customer_id.isin(bought_within(company, parameters))
    return again.groupby(scores.R).mean().to_dict()


@share_who_bought_by_recency.mistake(
    "You gave every R the same share, as if the sum were the value. Take the share within each R: the sum hides it."
)
def sum_read_as_value(company, parameters):
    scores = with_sum_of_nine(company, parameters)
    share = float(scores.customer_id.isin(bought_within(company, parameters)).mean())
    return dict.fromkeys(sorted(scores.R.unique()), share)


@share_who_bought_by_recency.mistake("You counted orders. A customer who bought twice in the window bought: count one.")
def orders_in_window(company, parameters):
    scores = with_sum_of_nine(company, parameters)
    orders = scores.customer_id.map(bought_within(company, parameters).value_counts()).fillna(0)
    return orders.groupby(scores.R).mean().to_dict()


@share_who_bought_by_recency.mistake(
    "Your window begins on as_of itself. Those orders made R what it is; the window begins on the day after.",
    sometimes=True,
)
def window_from_as_of(company, parameters):
    scores = with_sum_of_nine(company, parameters)
    again = scores.customer_id.isin(bought_within(company, parameters, first_day=0))
    return again.groupby(scores.R).mean().to_dict()


@share_who_bought_by_recency.mistake(
    "You took every purchase after as_of. The window ends window_days after it: later ones do not count."
)
def window_without_end(company, parameters):
    scores = with_sum_of_nine(company, parameters)
    later = company.orders.loc[company.orders.order_date > parameters.as_of, "customer_id"]
    return scores.customer_id.isin(later).groupby(scores.R).mean().to_dict()


@share_who_bought_by_recency.mistake(
    "Everybody who was scored bought at some time. Keep the orders in the window after as_of, then see who is there."
)
def no_window(company, parameters):
    scores = with_sum_of_nine(company, parameters)
    return scores.customer_id.isin(company.orders.customer_id).groupby(scores.R).mean().to_dict()


@share_who_bought_by_recency.mistake(
    "You gave the number of customers who bought. Divide it by all customers of that R."
)
def buyers_not_share(company, parameters):
    scores = with_sum_of_nine(company, parameters)
    again = scores.customer_id.isin(bought_within(company, parameters))
    return again.groupby(scores.R).sum().to_dict()


@share_who_bought_by_recency.mistake("You took all customers. Keep those whose scores add up to nine.")
def everybody(company, parameters):
    scores = scored(company, parameters)
    again = scores.customer_id.isin(bought_within(company, parameters))
    return again.groupby(scores.R).mean().to_dict()


@key.step
def margin_cents(company, parameters):
    """What an order leaves once the goods are paid, in whole cents, over all orders known."""
    orders = known_orders(company, parameters)
    lines = company.order_lines[company.order_lines.order_id.isin(orders.order_id)]
    return round(int(((lines.unit_price_cents - lines.unit_cost_cents) * lines.quantity).sum()) / len(orders))


@key.step
def cell_table(company, parameters):
    """Each cell of R and F: index `cell`; columns `customers`, `buyers`, `orders` (of the buyers, in the window)."""
    scores = scored(company, parameters)
    orders = scores.customer_id.map(bought_within(company, parameters).value_counts()).fillna(0).astype("int64")
    table = pd.DataFrame({"cell": code(scores, "RF"), "again": orders > 0, "orders": orders})
    return table.groupby("cell").agg(customers=("again", "size"), buyers=("again", "sum"), orders=("orders", "sum"))


def gain_of_cells(company, parameters, per_buyer_cents=None):
    """What a letter to every customer of a cell is expected to bring less its cost, in hundredths of a cent: exact."""
    cells = cell_table(company, parameters)
    if per_buyer_cents is None:
        per_buyer_cents = margin_cents(company, parameters) * parameters.lift_percent
    return cells.buyers * per_buyer_cents - cells.customers * parameters.letter_cost_cents * 100


def revenue_cents(company, parameters):
    """The mean amount of an order, in whole cents, over all orders known."""
    amounts = known_orders(company, parameters).amount_cents
    return round(int(amounts.sum()) / len(amounts))


def worth_it(gain):
    return set(gain.index[gain > 0])


@key.question(
    "q6",
    points=3,
    minutes=12,
    compare=Members(),
    hints=[
        "For each cell: buyers x lift x margin is what the letters add; customers x cost is what they cost.",
        "The lift is a share of the buyers: lift_percent / 100. Do not round on the way.",
    ],
)
def cells_worth_a_letter(company, parameters):
    return worth_it(gain_of_cells(company, parameters))


@cells_worth_a_letter.near_tie
def closest_cell(company, parameters):
    cost = cell_table(company, parameters).customers * parameters.letter_cost_cents * 100
    return float((gain_of_cells(company, parameters).abs() / cost).min())


@cells_worth_a_letter.mistake(
    "You counted all buyers of the cell as the letter's effect. They bought without any letter; the letter adds the "
    "lift, a share of them."
)
def response_taken_as_effect(company, parameters):
    return worth_it(gain_of_cells(company, parameters, margin_cents(company, parameters) * 100))


@cells_worth_a_letter.mistake(
    "You counted with 1 + lift. The buyers come without a letter; only the lift is the letter's, a share of them."
)
def one_plus_lift(company, parameters):
    per_buyer = margin_cents(company, parameters) * (100 + parameters.lift_percent)
    return worth_it(gain_of_cells(company, parameters, per_buyer))


@cells_worth_a_letter.mistake(
    "You counted orders. Count one order for each buyer, also for those who ordered twice.", sometimes=True
)
def orders_for_buyers(company, parameters):
    cells = cell_table(company, parameters)
    adds = cells.orders * margin_cents(company, parameters) * parameters.lift_percent
    return worth_it(adds - cells.customers * parameters.letter_cost_cents * 100)


@cells_worth_a_letter.mistake(
    "You counted with revenue. The goods must be paid from it: a letter earns margin.", sometimes=True
)
def revenue_for_margin(company, parameters):
    return worth_it(gain_of_cells(company, parameters, revenue_cents(company, parameters) * parameters.lift_percent))


@cells_worth_a_letter.mistake(
    "You took the lift as a share of all customers, so every cell is worth a letter. It is a share of the buyers."
)
def lift_of_all_customers(company, parameters):
    cells = cell_table(company, parameters).customers
    adds = cells * margin_cents(company, parameters) * parameters.lift_percent
    return worth_it(adds - cells * parameters.letter_cost_cents * 100)


# Both make every cell with a buyer in it.
ANY_BUYER = (
    "Every cell with a single buyer comes out. Two slips do that: lift_percent not divided by 100, or a cost for the "
    "buyers only. You pay for a letter to every customer of the cell."
)


@cells_worth_a_letter.mistake(ANY_BUYER)
def percent_not_divided(company, parameters):
    per_buyer = margin_cents(company, parameters) * parameters.lift_percent * 100
    return worth_it(gain_of_cells(company, parameters, per_buyer))


@cells_worth_a_letter.mistake(ANY_BUYER)
def cost_of_buyers_only(company, parameters):
    per_buyer = margin_cents(company, parameters) * parameters.lift_percent - parameters.letter_cost_cents * 100
    return worth_it(cell_table(company, parameters).buyers * per_buyer)


@cells_worth_a_letter.mistake(
    "No cell comes out where the margin is in euro and the cost in cents, or where the lift is divided by 100 twice. "
    "Keep all money in cents."
)
def margin_in_euro(company, parameters):
    return worth_it(
        gain_of_cells(company, parameters, margin_cents(company, parameters) * parameters.lift_percent / 100)
    )


@cells_worth_a_letter.mistake("Your letters are swapped: a cell is R first, then F.", sometimes=True)
def frequency_before_recency(company, parameters):
    return {cell[::-1] for cell in cells_worth_a_letter(company, parameters)}


@cells_worth_a_letter.mistake("You took the cells where a letter costs more than it adds. Turn the comparison round.")
def comparison_turned_round(company, parameters):
    gain = gain_of_cells(company, parameters)
    return set(gain.index[gain <= 0])


@cells_worth_a_letter.mistake(
    "You took the best cell by its name. Work out for each cell what a letter adds and costs."
)
def best_cell_only(company, parameters):
    return {"55"}


@key.question(
    "q7",
    points=2,
    minutes=3,
    compare=Number(tolerance=1, unit="cents"),
    follows=["q6"],
    hints=[
        "Add up, over the cells of question 6, what the letters add less what they cost.",
        "A letter goes to every customer of the cell, also to those who do not buy.",
    ],
)
def expected_gain(company, parameters, cells):
    gain = gain_of_cells(company, parameters)
    return float(gain[gain.index.isin(list(cells))].sum() / 100)


@expected_gain.mistake("That is a letter to everybody. Send it to the cells of question 6 only.")
def letter_to_everybody(company, parameters, cells):
    return float(gain_of_cells(company, parameters).sum() / 100)


@expected_gain.mistake("You left out what the letters cost. Every customer of a cell gets one, buyer or not.")
def cost_left_out(company, parameters, cells):
    chosen = cell_table(company, parameters).loc[sorted(cells)]
    return float(chosen.buyers.sum() * margin_cents(company, parameters) * parameters.lift_percent / 100)


@expected_gain.mistake("You counted letters to buyers only. You pay for every letter, and do not know who will buy.")
def letters_to_buyers(company, parameters, cells):
    buyers = int(cell_table(company, parameters).loc[sorted(cells)].buyers.sum())
    adds = margin_cents(company, parameters) * parameters.lift_percent / 100
    return float(buyers * (adds - parameters.letter_cost_cents))


@expected_gain.mistake("You counted all purchases as the letter's. Only the lift is: the others come without a letter.")
def all_purchases_counted(company, parameters, cells):
    gain = gain_of_cells(company, parameters, margin_cents(company, parameters) * 100)
    return float(gain[gain.index.isin(list(cells))].sum() / 100)


@expected_gain.mistake(
    "You counted with 1 + lift. The buyers come without a letter; only the lift is the letter's, a share of them."
)
def one_plus_lift_counted(company, parameters, cells):
    per_buyer = margin_cents(company, parameters) * (100 + parameters.lift_percent)
    gain = gain_of_cells(company, parameters, per_buyer)
    return float(gain[gain.index.isin(list(cells))].sum() / 100)


@expected_gain.mistake("You counted with revenue. The goods must be paid from it: a letter earns margin.")
def revenue_counted(company, parameters, cells):
    gain = gain_of_cells(company, parameters, revenue_cents(company, parameters) * parameters.lift_percent)
    return float(gain[gain.index.isin(list(cells))].sum() / 100)


@expected_gain.mistake("You counted orders. Count one order for each buyer, also for those who ordered twice.")
def orders_counted(company, parameters, cells):
    chosen = cell_table(company, parameters).loc[sorted(cells)]
    adds = int(chosen.orders.sum()) * margin_cents(company, parameters) * parameters.lift_percent / 100
    return float(adds - int(chosen.customers.sum()) * parameters.letter_cost_cents)


STRICT_RULES = [
    ("we miss you", lambda s: (s.R < 2) & (s.F > 4)),
    ("early access", lambda s: (s.R > 4) & (s.F > 4)),
    ("second bag", lambda s: (s.R > 4) & (s.F == 1)),
    ("gift box", lambda s: s.M == 5),
]
RULES = [
    ("we miss you", lambda s: (s.R <= 2) & (s.F >= 4)),
    ("early access", lambda s: (s.R >= 4) & (s.F >= 4)),
    ("second bag", lambda s: (s.R >= 4) & (s.F == 1)),
    ("gift box", lambda s: s.M == 5),
]


def offers_by(scores, rules):
    """The first rule that fits decides; no rule, no offer."""
    some = scores[scores.customer_id % OFFERS == 0]
    offer = np.select([fits(some) for _, fits in rules], [name for name, _ in rules], "none")
    return dict(zip(some.customer_id, offer.tolist(), strict=True))


@key.question(
    "q8",
    points=2,
    minutes=7,
    compare=Mapping(Text(), key="customer_id"),
    hints=[
        "Go through the rules from the top; a customer gets the first offer that fits.",
        "np.select takes conditions in order, the choices, and what remains.",
    ],
)
def offers(company, parameters):
    return offers_by(scored(company, parameters), RULES)


@offers.mistake("Where two rules fit, you took the lower one. The first that fits decides: one offer a customer.")
def last_rule_wins(company, parameters):
    return offers_by(scored(company, parameters), RULES[::-1])


@offers.mistake("Your R is upside down: low R is a long absence. 'We miss you' goes to those who stayed away.")
def offers_upside_down(company, parameters):
    scores = scored(company, parameters)
    return offers_by(scores.assign(R=6 - scores.R), RULES)


@offers.mistake('"At most" and "at least" include the number itself: use <= and >=.')
def numbers_left_out(company, parameters):
    return offers_by(scored(company, parameters), STRICT_RULES)


@key.step
def gift_table(company, parameters):
    """Of each customer with enough orders: `orders`, and how many hold a gift."""
    orders = known_orders(company, parameters)
    lines = company.order_lines.merge(company.products[["product_id", "category"]], on="product_id")
    with_gift = orders.order_id.isin(lines.order_id[lines.category == "gift"])
    table = orders.assign(gift=with_gift).groupby("customer_id").agg(orders=("gift", "size"), gifts=("gift", "sum"))
    return table[table.orders >= FEWEST_ORDERS]


def passing(table):
    return table.gifts * 2 >= table.orders


def times_chance(table):
    """How many times more customers pass than if all bought gifts equally often."""
    half = -(-table.orders // 2)
    expected = binom.sf(half - 1, table.orders, table.gifts.sum() / table.orders.sum()).sum()
    return float(passing(table).sum() / expected)


@key.question(
    "q9",
    points=3,
    minutes=11,
    compare=Overlap(least=0.8),
    hints=[
        "For each customer count the orders and those that hold a gift; leave out who has fewer than three orders.",
        "Compare how many pass with by_chance: is the type there at all?",
    ],
)
def gift_buyers(company, parameters):
    table = gift_table(company, parameters)
    return set(table.index[passing(table)]) if times_chance(table) >= TIMES_CHANCE else set()


@gift_buyers.near_tie
def distance_of_the_type(company, parameters):
    return abs(times_chance(gift_table(company, parameters)) / TIMES_CHANCE - 1)


@gift_buyers.score
def held_against_the_truth(found, company, truth, parameters):
    """Full marks from nine tenths of our rule's F1, none at half of it; where the type is absent, for an empty list.

    A rule that finds next to nothing sets no standard: `LEAST_F1` does then.
    """
    people = truth["records"].merge(truth["tendencies"], on="person_id")
    table = gift_table(company, parameters)
    really = set(people.customer_id[people.tendency == "gift_buyer"]) & set(table.index)
    if not really:
        return float(not found)
    ours = max(f1(gift_buyers(company, parameters), really), LEAST_F1)
    return (f1(found, really) / ours - 0.5) / 0.4


@gift_buyers.mistake(
    "You found who buys before Christmas. Nearly everybody does, then; a season is not a type. Look at what they buy."
)
def season_taken_for_type(company, parameters):
    orders = known_orders(company, parameters)
    day = orders.order_date.dt.month * 100 + orders.order_date.dt.day
    table = orders.assign(late=day.between(1110, 1223)).groupby("customer_id").late.agg(["size", "mean"])
    return set(table.index[(table["size"] >= FEWEST_ORDERS) & (table["mean"] >= 0.5)])


@gift_buyers.mistake(
    "You took everybody who ever bought a gift. Many do so once; the type buys gifts in half its orders."
)
def ever_a_gift(company, parameters):
    table = gift_table(company, parameters)
    return set(table.index[table.gifts > 0])


@gift_buyers.mistake(
    "Customers with one or two orders are in your list. One gift makes half of two orders: that is chance, not a type."
)
def too_few_orders(company, parameters):
    orders = known_orders(company, parameters)
    lines = company.order_lines.merge(company.products[["product_id", "category"]], on="product_id")
    share = orders.order_id.isin(lines.order_id[lines.category == "gift"]).groupby(orders.customer_id).mean()
    return set(share.index[share >= 0.5])


@gift_buyers.mistake(
    "In this company few more customers pass than chance would make: there is no such type. Answer with an empty set.",
    sometimes=True,
)
def always_found(company, parameters):
    table = gift_table(company, parameters)
    return set(table.index[passing(table)])


key.judgement("q10", points=3, minutes=6)
