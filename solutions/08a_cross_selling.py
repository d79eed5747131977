"""The answer key of exercise 08a: share of customer, rules, the cart, next best offers, ranked lists, the slot."""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmlab.analytical.at_the_cart import SCORES, CartRecommender, hit_rate
from crmlab.analytical.cross_selling import association_rules
from crmlab.analytical.next_best_offer import next_best_offer
from crmlab.analytical.next_order import next_order_rules
from crmlab.analytical.ranked_lists import profit_at, top_decile_lift
from crmlab.analytical.rule_check import check_rules
from crmlab.analytical.selling_targets import selling_targets
from crmlab.analytical.share_of_customer import share_of_customer_by_year
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number
from crmlab.course.comparison_many import Mapping, Members

PERMUTATIONS, SEED, LEAST_SUPPORT, LEVEL = 39, 1, "0.002", 0.05
FACTS = ["days_since_last_purchase", "tenure_days", "orders", "categories", "mean_order_cents"]
#: A product, and one that often joins it where there are rules: popular ones, so that every company has the pair.
PAIRS = [(1, 31), (2, 21), (5, 6), (22, 23), (4, 24)]


def draw(rng):
    """Other pairs, days and costs: the questions stay the same."""
    antecedent, consequent = PAIRS[int(rng.integers(len(PAIRS)))]
    carts = int(rng.integers(6, 13)) * 100
    beans, plan = float(rng.uniform(0.5, 0.65)), float(rng.uniform(0.2, 0.35))
    return {
        "first_year": int(rng.choice([2023, 2024])),
        "antecedent": antecedent,
        "consequent": consequent,
        "min_support_percent": float(rng.choice([0.8, 1.0, 1.2])),
        "check_year": int(rng.choice([2024, 2025])),
        "split_date": pd.Timestamp(f"2025-0{int(rng.integers(3, 8))}-01"),
        "places_at_cart": int(rng.choice([3, 4, 5])),
        "first_category": str(rng.choice(["machine", "grinder", "beans"])),
        "next_category": str(rng.choice(["accessory", "gift"])),
        "offer_date": pd.Timestamp(f"2025-0{int(rng.integers(3, 8))}-28"),
        "offer_cost_cents": int(rng.integers(4, 13)) * 10,
        "offers_made": int(rng.integers(8, 13)) * 10,
        "target_days": int(rng.choice([120, 180, 240])),
        "carts_in_arm": carts,
        "beans_id": int(rng.choice([2, 4])),
        "plan_id": int(rng.choice([38, 39])),
        "beans_shown": round(carts * (beans + float(rng.uniform(0.02, 0.05)))),
        "beans_anyway": round(carts * beans),
        "plan_shown": round(carts * (plan + float(rng.uniform(0.06, 0.10)))),
        "plan_anyway": round(carts * plan),
    }


key = AnswerKey(
    "08a_cross_selling",
    practice={
        "first_year": 2024,
        "antecedent": 2,
        "consequent": 21,
        "min_support_percent": 1.0,
        "check_year": 2025,
        "split_date": pd.Timestamp("2025-06-01"),
        "places_at_cart": 4,
        "first_category": "machine",
        "next_category": "accessory",
        "offer_date": pd.Timestamp("2025-05-28"),
        "offer_cost_cents": 60,
        "offers_made": 100,
        "target_days": 180,
        "carts_in_arm": 900,
        "beans_id": 4,
        "plan_id": 39,
        "beans_shown": 567,
        "beans_anyway": 540,
        "plan_shown": 351,
        "plan_anyway": 279,
    },
    draw=draw,
)


@key.step
def decided(company, parameters):
    """Orders that somebody decided on, and their lines."""
    orders = company.orders[company.orders.subscription_id.isna()]
    return orders, company.order_lines[company.order_lines.order_id.isin(orders.order_id)]


# --- share of customer ------------------------------------------------------------------------------------------------


def by_year(company, parameters, column, tables=None):
    orders, lines = tables or decided(company, parameters)
    years = [parameters.first_year, parameters.first_year + 1]
    return share_of_customer_by_year(orders, lines, company.products, years)[column].to_dict()


@key.question(
    "q1",
    points=2,
    minutes=4,
    compare=Mapping(Number(relative=1e-6)),
    hints=[
        "For each customer of a year the number of different categories, then the mean over these customers.",
        "share_of_customer_by_year(orders, lines, company.products, [...]) has the column categories.",
    ],
)
def categories_by_year(company, parameters):
    return by_year(company, parameters, "categories")


@categories_by_year.mistake("That is different products. Several products can be of one category.")
def products_counted(company, parameters):
    return by_year(company, parameters, "products")


@categories_by_year.mistake("You counted lines or orders. A category counts once, however often it was bought.")
def lines_counted(company, parameters):
    orders, lines = decided(company, parameters)
    bought = lines.merge(orders[["order_id", "customer_id", "order_date"]], on="order_id")
    year = bought.order_date.dt.year
    years = (parameters.first_year, parameters.first_year + 1)
    return {each: float(bought[year == each].groupby("customer_id").size().mean()) for each in years}


@categories_by_year.mistake("You divided by all customers. The mean is over those with an order in that year.")
def all_customers_divided(company, parameters):
    orders, lines = decided(company, parameters)
    years = [parameters.first_year, parameters.first_year + 1]
    table = share_of_customer_by_year(orders, lines, company.products, years)
    return (table.categories * table.customers / orders.customer_id.nunique()).to_dict()


@categories_by_year.mistake("Deliveries of subscriptions are among yours: use `orders` and `lines`.", sometimes=True)
def deliveries_counted(company, parameters):
    return by_year(company, parameters, "categories", (company.orders, company.order_lines))


# --- rules ------------------------------------------------------------------------------------------------------------


@key.step
def counts(company, parameters):
    """Baskets with the antecedent, with the consequent, with both, all baskets, and all lines."""
    _, lines = decided(company, parameters)
    one, other = (
        set(lines.order_id[lines.product_id == each]) for each in (parameters.antecedent, parameters.consequent)
    )
    return len(one), len(other), len(one & other), lines.order_id.nunique(), len(lines)


@key.question(
    "q2",
    points=2,
    minutes=5,
    compare=Number(relative=1e-6),
    hints=[
        "Count baskets: with the antecedent, with the consequent, with both, and all.",
        "Confidence is both / with the antecedent; lift is confidence / share of all baskets with the consequent.",
    ],
)
def lift_of_rule(company, parameters):
    one, other, both, baskets, _ = counts(company, parameters)
    return both * baskets / (one * other)


@lift_of_rule.mistake("That is the confidence. A popular product gives every rule a high one: divide by its share.")
def confidence_given(company, parameters):
    one, _, both, _, _ = counts(company, parameters)
    return both / one


@lift_of_rule.mistake("You counted lines in the denominator. The unit is the basket: divide by the number of orders.")
def lines_in_the_denominator(company, parameters):
    one, other, both, _, lines = counts(company, parameters)
    return both * lines / (one * other)


@lift_of_rule.mistake("That is the support, the share of all baskets with both.")
def support_given(company, parameters):
    _, _, both, baskets, _ = counts(company, parameters)
    return both / baskets


def ranked_pairs(company, parameters, support, by="lift"):
    """Pairs with that support, the best first, each once."""
    _, lines = decided(company, parameters)
    rules = association_rules(lines, support, 0, max_length=2)
    rules = rules.assign(pair=[left | right for left, right in zip(rules.antecedents, rules.consequents, strict=True)])
    return rules.sort_values(by, ascending=False, kind="stable").drop_duplicates("pair")


def least_support(parameters):
    return round(parameters.min_support_percent / 100, 6)


@key.question(
    "q3",
    points=2,
    minutes=4,
    compare=Members(),
    hints=[
        "The support is a share: divide the percent by 100. Then the rule with the highest lift.",
        "association_rules(lines, min_support, 0, max_length=2); the row at rules['lift'].idxmax().",
    ],
)
def top_pair(company, parameters):
    return set(ranked_pairs(company, parameters, least_support(parameters)).pair.iloc[0])


@top_pair.near_tie
def distance_of_the_second_pair(company, parameters):
    lift = ranked_pairs(company, parameters, least_support(parameters)).lift
    return float(lift.iloc[0] / lift.iloc[1] - 1) if len(lift) > 1 else 1.0


@top_pair.mistake(
    "That pair lies together in too few baskets: a lift from three baskets is an anecdote. Ask for the support.",
    sometimes=True,
)
def rare_pair(company, parameters):
    return set(ranked_pairs(company, parameters, 0.00001).pair.iloc[0])


@top_pair.mistake(
    "That rule has the highest confidence. A popular product gives every rule a high one: take the lift.",
    sometimes=True,
)
def most_confident(company, parameters):
    return set(ranked_pairs(company, parameters, least_support(parameters), "confidence").pair.iloc[0])


@top_pair.mistake("Those two lie together most often, as popular products do. Take the highest lift.", sometimes=True)
def most_frequent(company, parameters):
    return set(ranked_pairs(company, parameters, least_support(parameters), "count").pair.iloc[0])


def checked_year(company, parameters, first_stays):
    orders, lines = decided(company, parameters)
    of_year = lines[lines.order_id.isin(orders.order_id[orders.order_date.dt.year == parameters.check_year])]
    rules = association_rules(of_year, LEAST_SUPPORT, 0, max_length=2)
    return check_rules(of_year, rules, permutations=PERMUTATIONS, seed=SEED, first_stays=first_stays)


@key.step
def checked(company, parameters):
    return checked_year(company, parameters, True)


@key.question(
    "q4",
    points=3,
    minutes=7,
    compare=Number(unit="pairs"),
    hints=[
        "Rules and check from the lines of check_year only; 39 permutations, seed 1, first_stays=True.",
        "Count the rules with p_adjusted <= 0.05, and halve: a rule and its reverse are one pair.",
    ],
)
def pairs_beyond_chance(company, parameters):
    return int((checked(company, parameters).p_adjusted <= LEVEL).sum()) // 2


@pairs_beyond_chance.mistake("You counted rules. A rule and its reverse are one pair.", sometimes=True)
def rules_counted(company, parameters):
    return int((checked(company, parameters).p_adjusted <= LEVEL).sum())


@pairs_beyond_chance.mistake(
    "You took p_value, which asks each rule alone. Among hundreds some are low by chance: take p_adjusted.",
    sometimes=True,
)
def uncorrected(company, parameters):
    return int((checked(company, parameters).p_value <= LEVEL).sum()) // 2


@pairs_beyond_chance.mistake("A lift above 1 is not yet more than chance. Use the check.", sometimes=True)
def lift_above_1(company, parameters):
    return int((checked(company, parameters).lift > 1).sum()) // 2


@pairs_beyond_chance.mistake(
    "You let chance move what opens the basket too. Machines avoid one another, and that looks like rules: "
    "first_stays=True.",
    sometimes=True,
)
def everything_shuffled(company, parameters):
    return int((checked_year(company, parameters, False).p_adjusted <= LEVEL).sum()) // 2


# --- at the cart, and after it ----------------------------------------------------------------------------------------


def rates(company, parameters, learn_from="early", score_on="late"):
    orders, lines = decided(company, parameters)
    is_early = lines.order_id.isin(orders.order_id[orders.order_date < parameters.split_date])
    parts = {"early": lines[is_early], "late": lines[~is_early], "all": lines}
    return {
        by: hit_rate(CartRecommender(by).fit(parts[learn_from]), parts[score_on], parameters.places_at_cart, seed=SEED)
        for by in SCORES
    }


@key.question(
    "q5",
    points=3,
    minutes=6,
    compare=Mapping(Number(relative=1e-6, unit="shares from 0 to 1")),
    hints=[
        "Learn from the lines of earlier orders, score on the lines of later ones; the day itself is later.",
        "hit_rate(CartRecommender(by).fit(learnt), held_out, places_at_cart, seed=1) for each of the three.",
    ],
)
def hit_rates(company, parameters):
    return rates(company, parameters)


@hit_rates.mistake("You scored on the baskets that you learnt from. Score on the later ones.")
def scored_on_the_same(company, parameters):
    return rates(company, parameters, score_on="early")


@hit_rates.mistake("You learnt from all baskets, also from those that you score on. Learn from the earlier ones only.")
def learnt_from_all(company, parameters):
    return rates(company, parameters, learn_from="all")


@hit_rates.mistake("You scored on all baskets, also on those that you learnt from. Score on the later ones only.")
def scored_on_all(company, parameters):
    return rates(company, parameters, score_on="all")


@key.step
def sequence(company, parameters):
    orders, lines = decided(company, parameters)
    category = company.products.set_index("product_id").category
    by_category = lines.assign(product_id=lines.product_id.map(category))
    found = next_order_rules(orders, by_category, min_count=1)
    wanted = (found.product_id == parameters.first_category) & (found.next_product_id == parameters.next_category)
    return found[wanted].iloc[0]


@key.question(
    "q6",
    points=2,
    minutes=5,
    compare=Number(relative=1e-6, unit="a share from 0 to 1"),
    hints=[
        "Only those who ordered again; of these, the share with the other category in the second order.",
        "next_order_rules(orders, by_category, min_count=1) has the column confidence.",
    ],
)
def share_in_second_order(company, parameters):
    return float(sequence(company, parameters).confidence)


@share_in_second_order.mistake(
    "You divided by all first orders. Who never came back says nothing about what the second order would have held."
)
def who_never_came_back(company, parameters):
    rule = sequence(company, parameters)
    return float(rule.confidence * rule.return_share)


@share_in_second_order.mistake("That is the lift. Asked is the share.")
def lift_given(company, parameters):
    return float(sequence(company, parameters).lift)


@share_in_second_order.mistake("You took every order and the one after it. Asked is the first and the second.")
def every_order(company, parameters):
    orders, lines = decided(company, parameters)
    category = company.products.set_index("product_id").category
    found = next_order_rules(orders, lines.assign(product_id=lines.product_id.map(category)), 1, after="every")
    wanted = (found.product_id == parameters.first_category) & (found.next_product_id == parameters.next_category)
    return float(found.confidence[wanted].iloc[0])


# --- next best offers -------------------------------------------------------------------------------------------------


@key.step
def offers(company, parameters):
    """What could be offered to whom: the table that the notebook makes, with the list price beside the margin."""
    orders, lines = decided(company, parameters)
    day, products = parameters.offer_date, company.products.set_index("product_id")
    before = orders[orders.order_date <= day]
    rules = next_order_rules(before, lines[lines.order_id.isin(before.order_id)], min_count=20, after="every")
    rules["probability"] = rules.return_share * rules.confidence
    recent = before[before.order_date > day - pd.Timedelta(days=180)].sort_values(["order_date", "order_id"])
    last = recent.drop_duplicates("customer_id", keep="last")[["customer_id", "order_id"]].merge(lines, on="order_id")
    likely = last.merge(rules, on="product_id").groupby(["customer_id", "next_product_id"])["probability"].max()
    table = likely.rename_axis(["customer_id", "product_id"]).reset_index()
    table["list_price_cents"] = table.product_id.map(products.list_price_cents)
    table["margin_cents"] = table.product_id.map(products.list_price_cents - products.unit_cost_cents)
    after = orders[orders.order_date > day].sort_values(["order_date", "order_id"]).drop_duplicates("customer_id")
    then = after.merge(lines, on="order_id")[["customer_id", "product_id"]].assign(bought_later=True)
    table = table.merge(then, how="left", on=["customer_id", "product_id"])
    return table.assign(bought_later=table.bought_later.eq(True))


def profit_of_best(company, parameters, *, worth="margin_cents", by="expected_margin_cents", chosen_at_no_cost=False):
    table = offers(company, parameters)
    cost = 0 if chosen_at_no_cost else parameters.offer_cost_cents
    given = table.assign(margin_cents=1) if by == "probability" else table.assign(margin_cents=table[worth])
    best = next_best_offer(given, cost_cents=0 if by == "probability" else cost)
    best = best.drop(columns="margin_cents").merge(
        table.drop(columns="probability"), on=["customer_id", "product_id"], validate="one_to_one"
    )
    return profit_at(best[by], best.bought_later * best[worth] - cost, parameters.offers_made)


@key.question(
    "q7",
    points=3,
    minutes=7,
    compare=Number(tolerance=0.01, relative=1e-6, unit="cents"),
    hints=[
        "One offer a customer by expected margin; rank these; margin if bought later, less the cost, of the best.",
        "next_best_offer(offers, cost_cents=...), then profit_at(expected_margin_cents, profit, offers_made).",
    ],
)
def profit_cents(company, parameters):
    return profit_of_best(company, parameters)


@profit_cents.mistake(
    "You chose by probability. The likeliest offer need not be the one that brings most.", sometimes=True
)
def chosen_by_probability(company, parameters):
    return profit_of_best(company, parameters, by="probability")


@profit_cents.mistake("You took the price. The goods have to be paid: take the margin.")
def price_taken(company, parameters):
    return profit_of_best(company, parameters, worth="list_price_cents")


@profit_cents.mistake("You left out what an offer costs, also of those that nobody took.")
def cost_left_out(company, parameters):
    return profit_of_best(company, parameters, chosen_at_no_cost=True)


# --- a ranked list ----------------------------------------------------------------------------------------------------


@key.step
def scored(company, parameters):
    """Scores and outcomes of the customers at the end of 2023 and of 2024."""
    orders, lines = decided(company, parameters)
    days = (pd.Timestamp("2023-12-31"), pd.Timestamp("2024-12-31"))
    train, test = (selling_targets(orders, lines, company.products, day, parameters.target_days) for day in days)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train[FACTS], train.cross_sell)
    return [(model.predict_proba(each[FACTS])[:, 1], each) for each in (train, test)]


@key.question(
    "q8",
    points=2,
    minutes=3,
    compare=Number(tolerance=0.005),
    hints=["top_decile_lift(score, outcome): both of the customers in `test`."],
)
def lift_of_list(company, parameters):
    score, test = scored(company, parameters)[1]
    return top_decile_lift(score, test.cross_sell)


@lift_of_list.mistake("You scored the customers that the model learnt from. Take `test`.", sometimes=True)
def lift_on_train(company, parameters):
    score, train = scored(company, parameters)[0]
    return top_decile_lift(score, train.cross_sell)


@lift_of_list.mistake("That is the share who did it in the best tenth. Divide by the share over all.")
def share_in_the_best_tenth(company, parameters):
    score, test = scored(company, parameters)[1]
    return top_decile_lift(score, test.cross_sell) * float(test.cross_sell.mean())


@lift_of_list.mistake("That is the lift for the better grade, up_sell. Asked is cross_sell.", sometimes=True)
def other_target(company, parameters):
    score, test = scored(company, parameters)[1]
    return top_decile_lift(score, test.up_sell)


# --- the slot ---------------------------------------------------------------------------------------------------------


def slot(company, parameters, *, anyway=True, worth="margin_cents"):
    """What 1,000 carts with each offer bring, in cents."""
    products = company.products.set_index("product_id")
    products = products.assign(margin_cents=products.list_price_cents - products.unit_cost_cents)
    brings = {}
    for name in ("beans", "plan"):
        bought = parameters[f"{name}_shown"] - (parameters[f"{name}_anyway"] if anyway else 0)
        brings[name] = bought / parameters.carts_in_arm * int(products[worth][parameters[f"{name}_id"]]) * 1000
    return brings


@key.question(
    "q9",
    points=2,
    minutes=6,
    compare=Number(relative=1e-6, unit="cents"),
    hints=[
        "What is bought because of the offer: the share with it, less the share without it.",
        "That difference times the margin times 1,000, for each offer; then the larger one.",
    ],
)
def added_margin_cents(company, parameters):
    return max(slot(company, parameters).values())


@added_margin_cents.near_tie
def distance_of_the_two_offers(company, parameters):
    less, more = sorted(slot(company, parameters).values())
    return abs(more - less) / abs(more)


@added_margin_cents.mistake(
    "You counted everybody who bought after seeing the offer. Many would have bought anyway: take those off."
)
def bought_anyway_counted(company, parameters):
    return max(slot(company, parameters, anyway=False).values())


@added_margin_cents.mistake("You took the price. The goods have to be paid: take the margin.")
def slot_price_taken(company, parameters):
    return max(slot(company, parameters, worth="list_price_cents").values())


@added_margin_cents.mistake("That is the offer that is accepted most. The other one adds more.", sometimes=True)
def most_accepted(company, parameters):
    return slot(company, parameters)["beans"]


@added_margin_cents.mistake("That is per cart. Asked is for 1,000 carts.")
def per_cart(company, parameters):
    return max(slot(company, parameters).values()) / 1000


key.judgement("q10", points=2, minutes=3)
