"""The answer key of exercise 01: what CRM is."""

import pandas as pd

from crmlab.analytical.life_cycle import life_cycle, paths
from crmlab.analytical.scorecard import line_margins
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping
from crmlab.course.two_shops import two_shops

FLOWS = ("order, store", "order, reseller", "delivery_rating")
VISITORS = 2_000


def draw(rng):
    """Another year, order, flow and pair of shops: the questions stay the same."""
    return {
        "year": int(rng.integers(2024, 2026)),
        "own_taste": float(rng.integers(60, 91)) / 100,
        "shop_seed": int(rng.integers(1, 1_000)),
        "customer_id": int(rng.integers(1, 3_001)),
        "product_id": int(rng.integers(1, 10)),
        "quantity": int(rng.integers(2, 6)),
        # Below 20: a fifth off five units would cost what four units cost without it.
        "voucher_percent": int(rng.integers(5, 20)),
        "flow": FLOWS[int(rng.integers(0, len(FLOWS)))],
        "shelf_percent": int(rng.integers(120, 161)),
        "leave_percent": int(rng.integers(2, 7)),
    }


key = AnswerKey(
    "01_what_is_crm",
    practice={
        "year": 2025,
        "own_taste": 0.75,
        "shop_seed": 11,
        "customer_id": 17,
        "product_id": 9,
        "quantity": 3,
        "voucher_percent": 15,
        "flow": "order, store",
        "shelf_percent": 140,
        "leave_percent": 3,
    },
    draw=draw,
)


def buyers(company, year):
    """The customers with an order in the year, one entry an order."""
    return company.orders.loc[company.orders.order_date.dt.year == year, "customer_id"]


@key.question(
    "q1",
    points=2,
    minutes=2,
    compare=Number(tolerance=0.0005),
    hints=[
        "Two sets of customers: who bought in the year before, and who bought in the year.",
        "Above the line stands who is in both sets, below it who bought in the year before.",
    ],
)
def retention_rate(company, parameters):
    before, now = set(buyers(company, parameters.year - 1)), set(buyers(company, parameters.year))
    return len(before & now) / len(before)


@retention_rate.mistake(
    "New customers are in your numerator. Who was not there the year before cannot be kept: count only customers who "
    "bought in both years."
)
def new_customers_counted_as_kept(company, parameters):
    return buyers(company, parameters.year).nunique() / buyers(company, parameters.year - 1).nunique()


@retention_rate.mistake(
    "You divided by this year's customers. That is the share of them who are not new; retention looks from the year "
    "before: of those, how many stayed?"
)
def divided_by_this_year(company, parameters):
    before, now = set(buyers(company, parameters.year - 1)), set(buyers(company, parameters.year))
    return len(before & now) / len(now)


@retention_rate.mistake(
    "You divided by all customers on record. Only who bought in the year before can be kept in this."
)
def divided_by_all_on_record(company, parameters):
    before, now = set(buyers(company, parameters.year - 1)), set(buyers(company, parameters.year))
    return len(before & now) / len(company.customers)


@retention_rate.mistake("You counted orders. A customer who stayed is one customer, however many orders there were.")
def orders_kept(company, parameters):
    before, now = buyers(company, parameters.year - 1), buyers(company, parameters.year)
    return float(before.isin(set(now)).mean())


@key.step
def shop_lines(company, parameters):
    return two_shops(VISITORS, parameters.own_taste, parameters.shop_seed)


def gap(repeated):
    """With data less without: of a True or False for each shop and customer."""
    rates = repeated.groupby("shop").mean()
    return float(rates["with_data"] - rates["without_data"])


@key.question(
    "q2",
    points=2,
    minutes=4,
    compare=Number(tolerance=0.0005),
    hints=[
        "For each shop: of the customers with an order, the share with at least two orders.",
        "Count the different order_id of each shop and customer, as in `groupby([...])[...].nunique()`.",
    ],
)
def repeat_rate_gap(company, parameters):
    return gap(shop_lines(company, parameters).groupby(["shop", "customer_id"]).order_id.nunique() >= 2)


@repeat_rate_gap.mistake(
    "You counted lines. A basket with two products has two lines and is one order: count different order_id."
)
def lines_taken_for_orders(company, parameters):
    return gap(shop_lines(company, parameters).groupby(["shop", "customer_id"]).size() >= 2)


@repeat_rate_gap.mistake("You took the mean number of orders. The repeat rate is a share of customers: two or more.")
def mean_number_of_orders(company, parameters):
    return gap(shop_lines(company, parameters).groupby(["shop", "customer_id"]).order_id.nunique())


@repeat_rate_gap.mistake(
    "You divided by all visitors. A repeat rate is among customers: those with at least one order in that shop."
)
def among_all_visitors(company, parameters):
    counts = shop_lines(company, parameters).groupby(["shop", "customer_id"]).order_id.nunique()
    repeated = (counts >= 2).groupby("shop").sum() / VISITORS
    return float(repeated["with_data"] - repeated["without_data"])


@repeat_rate_gap.mistake("You counted customers with more than two orders. Two orders are a repeat already.")
def more_than_two(company, parameters):
    return gap(shop_lines(company, parameters).groupby(["shop", "customer_id"]).order_id.nunique() > 2)


@key.step
def sold(company, parameters):
    """The lines of the year, with cents of revenue, cost and refund, and the amount of their order."""
    orders = company.orders[company.orders.order_date.dt.year == parameters.year]
    lines = company.order_lines.merge(orders[["order_id", "customer_id", "amount_cents"]], on="order_id")
    refunds = company.returns.groupby("order_line_id").refund_cents.sum()
    return lines.assign(
        revenue=lines.quantity * lines.unit_price_cents,
        cost=lines.quantity * lines.unit_cost_cents,
        refund=lines.order_line_id.map(refunds).fillna(0).astype("int64"),
    )


@key.question(
    "q3",
    points=3,
    minutes=6,
    compare=Number(tolerance=0.01, unit="cents"),
    hints=[
        "Add up quantity x (price - cost) over the lines of the year's orders; take the refunds of these orders off.",
        "Divide by the number of different customers who ordered in the year.",
    ],
)
def margin_per_customer(company, parameters):
    lines = sold(company, parameters)
    return float((lines.revenue - lines.cost - lines.refund).sum() / lines.customer_id.nunique())


@margin_per_customer.mistake(
    "You summed the orders' totals after joining the lines: an order with three lines counts three times. Sum the "
    "lines, quantity x price, or sum the orders before you join."
)
def order_totals_after_the_join(company, parameters):
    lines = sold(company, parameters)
    return float((lines.amount_cents - lines.cost - lines.refund).sum() / lines.customer_id.nunique())


@margin_per_customer.mistake(
    "You summed the orders' totals after joining the lines, and left the refunds in. A total stands in each of its "
    "order's lines: sum the lines; then take off what was given back."
)
def order_totals_and_refunds(company, parameters):
    lines = sold(company, parameters)
    return float((lines.amount_cents - lines.cost).sum() / lines.customer_id.nunique())


@margin_per_customer.mistake("You ignored the returns. What was given back was not earned: take the refunds off.")
def returns_ignored(company, parameters):
    lines = sold(company, parameters)
    return float((lines.revenue - lines.cost).sum() / lines.customer_id.nunique())


@margin_per_customer.mistake("That is revenue. The goods must be paid from it: take off quantity x unit cost.")
def revenue_per_customer(company, parameters):
    lines = sold(company, parameters)
    return float((lines.revenue - lines.refund).sum() / lines.customer_id.nunique())


@margin_per_customer.mistake("You left out the quantity. A line of three bags earns three times what one bag earns.")
def quantity_left_out(company, parameters):
    lines = sold(company, parameters)
    one = lines.unit_price_cents - lines.unit_cost_cents - lines.refund
    return float(one.sum() / lines.customer_id.nunique())


@margin_per_customer.mistake("You divided by orders. The question is what a customer brings in, in a year.")
def margin_per_order(company, parameters):
    lines = sold(company, parameters)
    return float((lines.revenue - lines.cost - lines.refund).sum() / lines.order_id.nunique())


@margin_per_customer.mistake("You divided by all customers on record. Divide by those who ordered in the year.")
def margin_per_record(company, parameters):
    lines = sold(company, parameters)
    return float((lines.revenue - lines.cost - lines.refund).sum() / len(company.customers))


@margin_per_customer.mistake(
    "You took the refunds paid in the year. Take those of the year's orders, whenever they were paid."
)
def refunds_paid_in_the_year(company, parameters):
    lines = sold(company, parameters)
    paid = company.returns.refund_cents[company.returns.return_date.dt.year == parameters.year].sum()
    return float(((lines.revenue - lines.cost).sum() - paid) / lines.customer_id.nunique())


def returned_only(company, parameters):
    """The lines that a merge with the returns keeps: those sent back, once for each return."""
    lines = sold(company, parameters).drop(columns="refund")
    return lines.merge(company.returns[["order_line_id", "refund_cents"]], on="order_line_id")


ONLY_RETURNED = (
    'Your merge kept only lines that were returned: use `how="left"` and `fillna(0)`, or sum the refunds apart.'
)


@margin_per_customer.mistake(ONLY_RETURNED)
def lines_returned_only(company, parameters):
    lines = returned_only(company, parameters)
    return float((lines.revenue - lines.cost - lines.refund_cents).sum() / lines.customer_id.nunique())


@margin_per_customer.mistake(ONLY_RETURNED)
def lines_returned_only_of_all_customers(company, parameters):
    lines = returned_only(company, parameters)
    customers = sold(company, parameters).customer_id.nunique()
    return float((lines.revenue - lines.cost - lines.refund_cents).sum() / customers)


def paid_cents(company, parameters, voucher_percent):
    """What a unit of the product costs in the store on the first days of 2026: list price less voucher."""
    products = company.products.set_index("product_id")
    list_price = int(products.list_price_cents[parameters.product_id])
    return (list_price * (100 - voucher_percent) + 50) // 100


def in_the_books(company):
    """Revenue and refunds of everything that the company's tables hold, in cents."""
    return int(company.orders.amount_cents.sum()), int(company.returns.refund_cents.sum())


@key.question(
    "q4",
    points=2,
    minutes=8,
    compare=Number(unit="cents"),
    hints=[
        "Place the order, take one unit back, and only then load the warehouse, as of the day of the return.",
        "Revenue stands in fact_sales, refunds in fact_return, each in a column of cents. Sum each on its own.",
    ],
)
def net_revenue_in_the_warehouse(company, parameters):
    revenue, refunds = in_the_books(company)
    kept = parameters.quantity - 1
    return revenue - refunds + kept * paid_cents(company, parameters, parameters.voucher_percent)


@net_revenue_in_the_warehouse.mistake(
    "Refunds are missing. They are facts of their own, in fact_return: take them off."
)
def refunds_in_the_warehouse_ignored(company, parameters):
    revenue, _ = in_the_books(company)
    return revenue + parameters.quantity * paid_cents(company, parameters, parameters.voucher_percent)


@net_revenue_in_the_warehouse.mistake(
    "Your warehouse does not know the new order. It was loaded before the order, or as of an earlier day."
)
def loaded_too_early(company, parameters):
    revenue, refunds = in_the_books(company)
    return revenue - refunds


@net_revenue_in_the_warehouse.mistake("The voucher is missing from the order: voucher_percent takes it off the price.")
def voucher_forgotten(company, parameters):
    revenue, refunds = in_the_books(company)
    return revenue - refunds + (parameters.quantity - 1) * paid_cents(company, parameters, 0)


@net_revenue_in_the_warehouse.mistake("Nothing of the new order came back in your store. One unit does.")
def nothing_taken_back(company, parameters):
    revenue, refunds = in_the_books(company)
    return revenue - refunds + parameters.quantity * paid_cents(company, parameters, parameters.voucher_percent)


FACING, TOUCHING, BACK = "facing", "touching", "back"
KINDS = {
    FACING: (1, 5, 6, 9, 12, 13),
    TOUCHING: (3, 4, 8, 11, 14, 16),
    BACK: (2, 7, 10, 15),
}


def kinds(**other):
    """The kind of each function; `other` renames kinds, as a mistake would."""
    return {number: other.get(kind, kind) for kind, numbers in KINDS.items() for number in numbers}


@key.question(
    "q5",
    points=2,
    minutes=4,
    compare=Mapping(Text()),
    hints=[
        "Ask of each who meets the customer: an employee, only a system, or nobody?",
        "Nobody: back. An employee: facing. Only a system, which the customer uses or hears from: touching.",
    ],
)
def kind_of_each_function(company, parameters):
    return dict(sorted(kinds().items()))


@kind_of_each_function.mistake(
    "You have customer-facing and customer-touching the wrong way round. Facing: an employee faces the customer."
)
def facing_and_touching_swapped(company, parameters):
    return kinds(facing=TOUCHING, touching=FACING)


@kind_of_each_function.mistake(
    "You called everything of the front office facing. Where the customer acts alone with the system, no employee "
    "faces anybody."
)
def self_service_called_facing(company, parameters):
    return kinds(touching=FACING)


@kind_of_each_function.mistake(
    "You took work of the back office for customer-facing. Employees do it, but no customer is there."
)
def back_office_called_facing(company, parameters):
    return kinds(back=FACING)


@kind_of_each_function.mistake(
    "What a machine does is not touching for that reason. The nightly load meets no customer: it is back office."
)
def machines_called_touching(company, parameters):
    return kinds() | {7: TOUCHING}


@key.step
def touches(company, parameters):
    """Every touch point: columns customer_id, at, touch, flow."""
    owner = company.orders.set_index("order_id").customer_id
    orders, returns, ratings = company.orders, company.returns, company.delivery_ratings
    parts = [
        pd.DataFrame({"customer_id": orders.customer_id, "at": orders.order_date, "touch": "order"}),
        pd.DataFrame({"customer_id": returns.order_id.map(owner), "at": returns.return_date, "touch": "return"}),
        pd.DataFrame({"customer_id": ratings.order_id.map(owner), "at": ratings.rating_date}).assign(
            touch="delivery_rating"
        ),
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(flow=["order, " + name for name in orders.channel] + list(table.touch[len(orders) :]))


@key.step
def log(company, parameters):
    return life_cycle(touches(company, parameters))


def count_paths(log):
    return paths(log).value_counts().to_dict()


@key.question(
    "q6",
    points=2,
    minutes=5,
    compare=Mapping(Number()),
    hints=[
        "life_cycle(touches) has a row for each step; the row 'sell' has the day of the first order.",
        "Keep all rows of the customers whose 'sell' is in the year, also the rows after it; then paths(...).",
        "paths(...) has one path for each customer: count them with value_counts().",
    ],
)
def customers_on_each_path(company, parameters):
    steps = log(company, parameters)
    first = steps[(steps.step == "sell") & (steps["at"].dt.year == parameters.year)]
    return count_paths(steps[steps.customer_id.isin(first.customer_id)])


@customers_on_each_path.mistake("You kept steps of the year, not customers: what came before or after is cut off.")
def steps_of_the_year_only(company, parameters):
    steps = log(company, parameters)
    return count_paths(steps[steps["at"].dt.year == parameters.year])


@customers_on_each_path.mistake(
    "You counted all customers. The question is about those whose first order is in the year."
)
def all_customers_on_paths(company, parameters):
    return count_paths(log(company, parameters))


@customers_on_each_path.mistake(
    "You kept everybody with any order in the year. Their first order may lie before it: look at the step 'sell'."
)
def any_order_in_the_year(company, parameters):
    steps = log(company, parameters)
    return count_paths(steps[steps.customer_id.isin(set(buyers(company, parameters.year)))])


@customers_on_each_path.mistake("These are shares. Give the number of customers on each path.")
def shares_of_paths(company, parameters):
    counts = customers_on_each_path(company, parameters)
    return {path: count / sum(counts.values()) for path, count in counts.items()}


def share_of_flow(company, parameters):
    """Of each customer, the share of the touch points that the flow brings."""
    table = touches(company, parameters)
    return (table.flow == parameters.flow).groupby(table.customer_id).mean()


@key.question(
    "q7",
    points=2,
    minutes=3,
    compare=Number(),
    hints=[
        "For each customer: of all touch points, the share that comes through the flow.",
        "The mean of True and False is a share. Then count the customers with a share of at least a half.",
    ],
)
def customers_who_lose_half(company, parameters):
    return int((share_of_flow(company, parameters) >= 0.5).sum())


@customers_who_lose_half.mistake("You counted everybody who loses a touch point. Count those who lose at least half.")
def customers_who_lose_any(company, parameters):
    return int((share_of_flow(company, parameters) > 0).sum())


@customers_who_lose_half.mistake("You counted those who lose more than half. Half of the touch points counts already.")
def customers_who_lose_more_than_half(company, parameters):
    return int((share_of_flow(company, parameters) > 0.5).sum())


@customers_who_lose_half.mistake(
    "You counted touch points. The question is about how many customers lose half of theirs."
)
def touch_points_lost(company, parameters):
    return int((touches(company, parameters).flow == parameters.flow).sum())


@key.step
def margins_of_year(company, parameters):
    """The lines of the year with their margin, and whether they are an accessory's."""
    margins = line_margins(company.orders, company.order_lines, company.returns)
    accessories = company.products.product_id[company.products.category == "accessory"]
    margins = margins.assign(is_accessory=margins.product_id.isin(accessories))
    return margins[margins.order_date.dt.year == parameters.year]


@key.step
def accessory_table(company, parameters):
    """Each accessory sold in the year: own margin, margin of its buyers with other products, revenue; in cents."""
    margins = margins_of_year(company, parameters)
    rows = {}
    for product_id, lines in margins[margins.is_accessory].groupby("product_id"):
        of_buyers = margins[margins.customer_id.isin(lines.customer_id)]
        own = int(lines.margin_cents.sum())
        rows[product_id] = {
            "own": own,
            "other": int(of_buyers.margin_cents.sum()) - own,
            "revenue": int(lines.revenue_cents.sum()),
            "other_revenue": int(of_buyers.revenue_cents.sum() - lines.revenue_cents.sum()),
            "other_accessories": int(of_buyers.margin_cents[of_buyers.is_accessory].sum()) - own,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def weakest(company, parameters):
    table = accessory_table(company, parameters)
    return table.loc[table.own.idxmin()]


def gain_cents(parameters, own, lost):
    """The shelf saved, less the product's margin, less what leaves with its buyers."""
    return float(own * parameters.shelf_percent / 100 - own - lost)


@key.question(
    "q8",
    points=3,
    minutes=5,
    compare=Number(tolerance=1, unit="cents"),
    hints=[
        "First the weakest accessory: margins of the year, summed by product. Then who bought it in the year.",
        "Then what these buyers bring in with other products: their lines of the year with another product_id.",
        "Gain = cost of the shelf - its own margin - leave_percent of what its buyers bring in with other products.",
    ],
)
def gain_from_delisting(company, parameters):
    product = weakest(company, parameters)
    return gain_cents(parameters, product.own, product.other * parameters.leave_percent / 100)


@gain_from_delisting.near_tie
def distance_of_the_weakest(company, parameters):
    own = accessory_table(company, parameters).own.nsmallest(2)
    return float((own.iloc[1] - own.iloc[0]) / abs(own.iloc[0]))


@gain_from_delisting.mistake(
    "That is the product view. Some of its buyers leave, and take along what they bring in with other products."
)
def product_view(company, parameters):
    return gain_cents(parameters, weakest(company, parameters).own, 0)


@gain_from_delisting.mistake(
    "You lost the product's own margin twice: it is gone for all buyers already. Of those who leave count the other "
    "products only."
)
def own_margin_lost_twice(company, parameters):
    product = weakest(company, parameters)
    return gain_cents(parameters, product.own, (product.other + product.own) * parameters.leave_percent / 100)


@gain_from_delisting.mistake("You let all buyers leave. Only leave_percent of them do.")
def all_buyers_leave(company, parameters):
    product = weakest(company, parameters)
    return gain_cents(parameters, product.own, product.other)


@gain_from_delisting.mistake("You left out what the shelf costs. It is saved when the product goes.")
def shelf_left_out(company, parameters):
    product = weakest(company, parameters)
    return float(-product.own - product.other * parameters.leave_percent / 100)


@gain_from_delisting.mistake("You counted the revenue of those who leave. What is lost with them is margin.")
def revenue_of_those_who_leave(company, parameters):
    product = weakest(company, parameters)
    return gain_cents(parameters, product.own, product.other_revenue * parameters.leave_percent / 100)


@gain_from_delisting.mistake(
    "You counted the other accessories of its buyers. All other products, not only accessories."
)
def other_accessories_only(company, parameters):
    product = weakest(company, parameters)
    return gain_cents(parameters, product.own, product.other_accessories * parameters.leave_percent / 100)


@gain_from_delisting.mistake("You took the weakest of all products. Look among the category accessory only.")
def weakest_of_all_products(company, parameters):
    margins = margins_of_year(company, parameters)
    own = margins.groupby("product_id").margin_cents.sum()
    product_id = own.idxmin()
    buyers = margins.customer_id[margins.product_id == product_id]
    other = margins.margin_cents[margins.customer_id.isin(buyers) & (margins.product_id != product_id)].sum()
    return gain_cents(parameters, own[product_id], other * parameters.leave_percent / 100)


@gain_from_delisting.mistake("Gain is cost saved less margin lost: turn the two around.")
def gain_turned_around(company, parameters):
    return -gain_from_delisting(company, parameters)


#: The cases as they stand in the exercise.
TOOL_OF_CASE = {
    1: "event-based marketing",
    2: "lifetime value",
    3: "segmenting",
    4: "permission marketing",
    5: "predicting behaviour",
    6: "defection analysis",
    7: "target marketing",
    8: "personalising",
    9: "cross-selling and up-selling",
}


@key.question(
    "q9",
    points=2,
    minutes=3,
    compare=Mapping(Text()),
    hints=[
        "Read the column decision of tool_map(): which decision does the case make?",
        "Nine cases and nine tools: each tool fits one case.",
    ],
)
def tool_of_each_case(company, parameters):
    return dict(TOOL_OF_CASE)


def with_swapped(one, other):
    """The answer with two tools taken for each other."""
    return {case: {one: other, other: one}.get(tool, tool) for case, tool in TOOL_OF_CASE.items()}


@tool_of_each_case.mistake(
    "Segmenting and target marketing are swapped: segmenting sorts all customers into groups, targeting spends on one."
)
def segmenting_for_targeting(company, parameters):
    return with_swapped("segmenting", "target marketing")


@tool_of_each_case.mistake(
    "Predicting and defection analysis are swapped: one looks ahead, the other asks why those who left did so."
)
def predicting_for_defection(company, parameters):
    return with_swapped("predicting behaviour", "defection analysis")


@tool_of_each_case.mistake(
    "Personalising and event-based marketing are swapped: one is about what a message says, the other about its day."
)
def personalising_for_event(company, parameters):
    return with_swapped("personalising", "event-based marketing")


@tool_of_each_case.mistake(
    "Personalising and cross-selling are swapped: an offer of a second product sells more, it does not only address."
)
def personalising_for_cross_selling(company, parameters):
    return with_swapped("personalising", "cross-selling and up-selling")


key.judgement("q10", points=3, minutes=5)
