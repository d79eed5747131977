"""The answer key of exercise 08b: up-selling, bundles, personal pages, a page that learns."""

import pandas as pd

from crmlab.analytical.bundles import refund_of_parts, split_price
from crmlab.analytical.experiments import lift
from crmlab.analytical.exploration import EpsilonGreedy, ThompsonSampling, simulate_page
from crmlab.analytical.up_selling import up_sell_offers
from crmlab.analytical.visitor_segments import visitor_segments
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping
from crmlab.operational.marketing.personal_page import page_variant

OFFERS = {"stranger": 2, "beans": 5, "accessory": 22}
VISITS, POLICY_SEED, VISITOR_SEED = 5_000, 1, 2
#: Products with a next grade that nobody owns for good, so that every customer is offered it.
CONSUMED = [1, 3, 35]
#: Parts of the bundles 41 and 42 that a customer might send back: not the machine.
RETURNED = {41: [17, 2], 42: [19, 25, 26]}


def draw(rng):
    """Other carts, bundles, days and rates: the questions stay the same."""
    bundle = int(rng.choice(list(RETURNED)))
    return {
        "take_percent": int(rng.integers(2, 9)),
        "sales_year": int(rng.choice([2023, 2024, 2025])),
        "customer_id": int(rng.integers(2, 200)),
        "cart_product": int(rng.choice(CONSUMED)),
        "pieces": int(rng.integers(2, 6)),
        "voucher_percent": int(rng.choice([5, 10, 12, 15])),
        "bundle_id": bundle,
        "reduction_percent": int(rng.integers(5, 13)),
        "returned_id": int(rng.choice(RETURNED[bundle])),
        "all_anyway_percent": int(rng.integers(10, 91)),
        "page_date": pd.Timestamp("2025-12-01") + pd.Timedelta(days=int(rng.integers(0, 25))),
        "visitors": int(rng.integers(8, 13)),
        "page_seed": int(rng.integers(1, 1000)),
        "confidence": float(rng.choice([0.90, 0.95, 0.99])),
        "clicks_a": int(rng.integers(20, 40)),
        "clicks_b": int(rng.integers(41, 60)),
        "clicks_c": int(rng.integers(70, 110)),
    }


key = AnswerKey(
    "08b_up_selling_bundles",
    practice={
        "take_percent": 4,
        "sales_year": 2024,
        "customer_id": 23,
        "cart_product": 3,
        "pieces": 3,
        "voucher_percent": 15,
        "bundle_id": 41,
        "reduction_percent": 8,
        "returned_id": 17,
        "all_anyway_percent": 40,
        "page_date": pd.Timestamp("2025-12-10"),
        "visitors": 10,
        "page_seed": 5,
        "confidence": 0.95,
        "clicks_a": 30,
        "clicks_b": 50,
        "clicks_c": 80,
    },
    draw=draw,
)


@key.step
def catalogue(company, parameters):
    return company.products.set_index("product_id")


# --- the next grade ---------------------------------------------------------------------------------------------------


@key.step
def up_sells(company, parameters):
    """The next grades, with the pieces of the simpler product that were sold in the year."""
    offers = up_sell_offers(company.products, company.product_links)
    of_year = company.orders.order_id[company.orders.order_date.dt.year == parameters.sales_year]
    lines = company.order_lines[company.order_lines.order_id.isin(of_year)]
    pieces = lines.groupby("product_id").quantity.sum()
    count = lines.groupby("product_id").size()
    offered = offers.offer_product_id
    products = catalogue(company, parameters)
    return offers.assign(
        pieces=offers.product_id.map(pieces).fillna(0),
        lines=offers.product_id.map(count).fillna(0),
        price_cents=offered.map(products.list_price_cents),
        margin_cents=offered.map(products.list_price_cents - products.unit_cost_cents),
    )


def gain(company, parameters, worth="margin_gain_cents", sold="pieces"):
    table = up_sells(company, parameters)
    return float(parameters.take_percent / 100 * (table[sold] * table[worth]).sum())


@key.question(
    "q1",
    points=3,
    minutes=6,
    compare=Number(tolerance=0.5, relative=1e-6, unit="cents"),
    hints=[
        "For each product with a next grade: share x pieces of the year x margin gain; then the sum.",
        "up_sell_offers(company.products, links) has margin_gain_cents; pieces are the sum of quantity in that year.",
    ],
)
def up_sell_gain_cents(company, parameters):
    return gain(company, parameters)


@up_sell_gain_cents.mistake("You took the full price. The customer would have bought the simpler product anyway.")
def full_price(company, parameters):
    return gain(company, parameters, "price_cents")


@up_sell_gain_cents.mistake("That is the price gap. The better product costs more to buy in, too: the margin gain.")
def price_gap(company, parameters):
    return gain(company, parameters, "price_gap_cents")


@up_sell_gain_cents.mistake(
    "You took the whole margin of the better product. The simpler one would have left some too."
)
def full_margin(company, parameters):
    return gain(company, parameters, "margin_cents")


@up_sell_gain_cents.mistake("You counted lines. A line can hold several pieces: add up quantity.")
def lines_counted(company, parameters):
    return gain(company, parameters, sold="lines")


@up_sell_gain_cents.mistake("You took everything ever sold. Asked is sales_year.")
def all_years(company, parameters):
    pieces = company.order_lines.groupby("product_id").quantity.sum()
    table = up_sells(company, parameters)
    sold = table.product_id.map(pieces).fillna(0)
    return float(parameters.take_percent / 100 * (sold * table.margin_gain_cents).sum())


def bill(company, parameters, *, voucher=True, pieces=None):
    """Bill before and after the up-sell, and the margin due to it; cents."""
    products = catalogue(company, parameters)
    table = up_sells(company, parameters).set_index("product_id")
    offered = int(table.offer_product_id[parameters.cart_product])
    percent = parameters.voucher_percent if voucher else 0
    pieces = pieces or parameters.pieces
    simple, better = (
        (int(products.list_price_cents[each]) * (100 - percent) + 50) // 100
        for each in (parameters.cart_product, offered)
    )
    more_cost = int(products.unit_cost_cents[offered]) - int(products.unit_cost_cents[parameters.cart_product])
    return {
        "bill_before": simple * pieces,
        "bill_after": better * pieces,
        "margin_due": (better - simple - more_cost) * pieces,
    }


@key.question(
    "q2",
    points=3,
    minutes=8,
    compare=Mapping(Number(unit="cents")),
    hints=[
        "show_offers with k=10; the offer_id of the row with the kind up_sell goes to place_order as accepts.",
        "The bill is quantity x unit_price_cents of the order's lines; offer_report has margin_cents by kind.",
    ],
)
def up_sold(company, parameters):
    return bill(company, parameters)


@up_sold.mistake("You forgot the voucher: voucher_percent=p.voucher_percent, also for the bill before.")
def without_voucher(company, parameters):
    return bill(company, parameters, voucher=False)


@up_sold.mistake("The bill before has the voucher too: the customer would have used it for the simpler product.")
def bill_before_without_voucher(company, parameters):
    return {
        **bill(company, parameters),
        "bill_before": bill(company, parameters, voucher=False)["bill_before"],
    }


@up_sold.mistake("You ordered one piece. The customer orders p.pieces of it.")
def one_piece(company, parameters):
    return bill(company, parameters, pieces=1)


@up_sold.mistake("The margin due to the up-sell is not the price gap, and not a price: see offer_report.")
def gap_as_margin(company, parameters):
    right = bill(company, parameters)
    return {**right, "margin_due": right["bill_after"] - right["bill_before"]}


@up_sold.mistake(
    "The margin due to the up-sell is not all that the better product leaves. The simpler one would have left some too."
)
def whole_margin_as_due(company, parameters):
    right = bill(company, parameters)
    offered = up_sells(company, parameters).set_index("product_id").offer_product_id[parameters.cart_product]
    cost = int(catalogue(company, parameters).unit_cost_cents[offered])
    return {**right, "margin_due": right["bill_after"] - cost * parameters.pieces}


# --- a bundle ---------------------------------------------------------------------------------------------------------


@key.step
def bundle(company, parameters):
    """The parts, their list prices and unit costs, and the bundle's price; cents."""
    links, products = company.product_links, catalogue(company, parameters)
    is_part = (links.from_product_id == parameters.bundle_id) & (links.kind == "bundle_item")
    parts = [int(each) for each in links.to_product_id[is_part]]
    prices = [int(products.list_price_cents[each]) for each in parts]
    costs = [int(products.unit_cost_cents[each]) for each in parts]
    return parts, prices, costs, sum(prices) * (100 - parameters.reduction_percent) // 100


@key.question(
    "q3",
    points=2,
    minutes=4,
    compare=Mapping(Number(unit="cents")),
    hints=[
        "In proportion to the list prices, in whole cents, and the sum must be the bundle's price.",
        "split_price(bundle_price_cents, list prices of the parts) gives the cents in the order of the parts.",
    ],
)
def part_prices_cents(company, parameters):
    parts, prices, _, price = bundle(company, parameters)
    return dict(zip(parts, split_price(price, prices), strict=True))


@part_prices_cents.mistake("Those are the list prices. The parts share the bundle's price.")
def list_prices(company, parameters):
    parts, prices, _, _ = bundle(company, parameters)
    return dict(zip(parts, prices, strict=True))


@part_prices_cents.mistake("You gave each part the same. Split in proportion to the list prices.")
def equal_parts(company, parameters):
    parts, _, _, price = bundle(company, parameters)
    return dict(zip(parts, split_price(price, [1] * len(parts)), strict=True))


@part_prices_cents.mistake("Rounded one by one, the parts do not add up to the price of the bundle.", sometimes=True)
def rounded_one_by_one(company, parameters):
    parts, prices, _, price = bundle(company, parameters)
    return {part: round(price * each / sum(prices)) for part, each in zip(parts, prices, strict=True)}


@part_prices_cents.mistake("Cut off one by one, the parts do not add up to the price of the bundle.", sometimes=True)
def cut_off_one_by_one(company, parameters):
    parts, prices, _, price = bundle(company, parameters)
    return {part: price * each // sum(prices) for part, each in zip(parts, prices, strict=True)}


@key.question(
    "q4",
    points=2,
    minutes=4,
    compare=Number(unit="cents"),
    hints=[
        "What was paid, less the list prices of what is kept, never below 0.",
        "refund_of_parts(bundle_price_cents, list prices, [parts.index(p.returned_id)])",
    ],
)
def refund_cents(company, parameters):
    parts, prices, _, price = bundle(company, parameters)
    return refund_of_parts(price, prices, [parts.index(parameters.returned_id)])


@refund_cents.mistake("That is the list price of the part. With it, the rest would cost less than in the bundle.")
def list_price_refunded(company, parameters):
    parts, prices, _, _ = bundle(company, parameters)
    return prices[parts.index(parameters.returned_id)]


@refund_cents.mistake(
    "That is the part's share of the bundle's price. The bundle is broken: what is kept is charged at list price."
)
def share_refunded(company, parameters):
    return part_prices_cents(company, parameters)[parameters.returned_id]


@key.question(
    "q5",
    points=2,
    minutes=6,
    compare=Number(relative=1e-6, unit="cents"),
    hints=[
        "Margin of the bundle less what its buyers would have brought without it, in the mean; times 1,000.",
        "Without it: a share brings the margin of all parts, the others that of the dearest part.",
    ],
)
def bundle_gain_cents(company, parameters):
    return gain_of_bundle(company, parameters)


def gain_of_bundle(company, parameters, anyway=None, costs_count=True):
    _, prices, costs, price = bundle(company, parameters)
    costs = costs if costs_count else [0] * len(costs)
    share = parameters.all_anyway_percent / 100 if anyway is None else anyway
    dearest = prices.index(max(prices))
    without = share * (sum(prices) - sum(costs)) + (1 - share) * (prices[dearest] - costs[dearest])
    return 1000 * (price - sum(costs) - without)


@bundle_gain_cents.mistake(
    "You compared with buyers of all the parts only. Some would have bought the dearest part alone."
)
def all_would_buy_all(company, parameters):
    return gain_of_bundle(company, parameters, anyway=1.0)


@bundle_gain_cents.mistake("You compared with the dearest part only. Some would have bought all the parts anyway.")
def nobody_would_buy_all(company, parameters):
    return gain_of_bundle(company, parameters, anyway=0.0)


@bundle_gain_cents.mistake("You compared revenue. The goods have to be paid: compare margins.")
def revenue_compared(company, parameters):
    return gain_of_bundle(company, parameters, costs_count=False)


@bundle_gain_cents.mistake("That is what a bundle leaves. Its buyers would have brought something without it too.")
def margin_of_the_bundle(company, parameters):
    _, _, costs, price = bundle(company, parameters)
    return 1000 * (price - sum(costs))


# --- personal pages ---------------------------------------------------------------------------------------------------


def pages(company, parameters, variant=None, with_cold_start=True):
    segments = visitor_segments(company.web_visits, company.products, parameters.page_date)
    seen = {}
    for visitor, segment in segments.iloc[: parameters.visitors].items():
        drawn = variant or page_variant(visitor, parameters.page_seed)
        default = OFFERS["stranger"] if with_cold_start else None
        seen[visitor] = OFFERS.get(segment, default) if drawn == "personal" else OFFERS["stranger"]
    return seen


@key.question(
    "q6",
    points=2,
    minutes=5,
    compare=Mapping(Number(), key="visitor_id"),
    hints=[
        "The variant by page_variant with p.page_seed; on the personal page the segment's offer, else the stranger's.",
        "page_offers.get(segments[visitor], page_offers['stranger']) on the personal page, 2 on the standard one.",
    ],
)
def seen(company, parameters):
    return pages(company, parameters)


@seen.mistake("You gave everybody the personal page. By lot, some see the standard one.", sometimes=True)
def all_personal(company, parameters):
    return pages(company, parameters, variant="personal")


@seen.mistake("You gave everybody the standard page. By lot, some see the personal one.", sometimes=True)
def all_standard(company, parameters):
    return pages(company, parameters, variant="standard")


@seen.mistake("A segment without an offer of its own gets the stranger's: the cold start.", sometimes=True)
def no_cold_start(company, parameters):
    return pages(company, parameters, with_cold_start=False)


def clicks_of(company, parameters, *, consent_only=True, home_only=True, confidence=None):
    visits = company.web_visits
    if consent_only:
        visits = visits[visits.cookie_consent]
    home = visits[visits.page == "home"]
    # Other pages bear no variant: who counts them shares them out by halves.
    every_page = pd.Series(len(visits) // 2, index=["personal", "standard"])
    views = home.groupby("variant").size() if home_only else every_page
    clicks = home.clicked.astype(int).groupby(home.variant).sum()
    result = lift(
        int(clicks["personal"]), int(views["personal"]), int(clicks["standard"]), int(views["standard"]),
        confidence=confidence or parameters.confidence,
    )  # fmt: skip
    return {"difference": result.difference, "low": result.low, "high": result.high}


@key.question(
    "q7",
    points=3,
    minutes=6,
    compare=Mapping(Number(tolerance=1e-9, relative=1e-6, unit="shares from 0 to 1")),
    hints=[
        "Views of the home page with consent, and clicks among them, by variant.",
        "lift(clicks, views of personal, clicks, views of standard, confidence=p.confidence).",
    ],
)
def click_lift(company, parameters):
    return clicks_of(company, parameters)


@click_lift.mistake("Views without consent are among yours. Take those with cookie_consent.")
def refusers_too(company, parameters):
    return clicks_of(company, parameters, consent_only=False)


@click_lift.mistake("You divided by pages of every kind. A click can happen on the home page only: count its views.")
def all_pages(company, parameters):
    return clicks_of(company, parameters, home_only=False)


@click_lift.mistake("The interval is of another confidence: confidence=p.confidence.", sometimes=True)
def usual_confidence(company, parameters):
    return clicks_of(company, parameters, confidence=0.95 if parameters.confidence != 0.95 else 0.90)


@click_lift.mistake("You took standard less personal. It is the other way round.", sometimes=True)
def turned_round(company, parameters):
    right = clicks_of(company, parameters)
    return {"difference": -right["difference"], "low": -right["high"], "high": -right["low"]}


def decided(found):
    return "roll out" if found["low"] > 0 else "stop" if found["high"] < 0 else "not shown"


@key.question(
    "q8",
    points=2,
    minutes=2,
    compare=Text(),
    follows=["q7"],
    hints=["Does the interval hold zero? Then it is not shown."],
)
def decision(company, parameters, found):
    return decided(dict(found.items()))


@decision.near_tie
def distance_of_the_interval_from_zero(company, parameters):
    found = clicks_of(company, parameters)
    return min(abs(found["low"]), abs(found["high"])) / (found["high"] - found["low"])


@decision.mistake("The difference is above zero, but the interval holds zero: it is not shown.", sometimes=True)
def by_the_difference(company, parameters, found):
    return "roll out" if dict(found.items())["difference"] > 0 else "stop"


# --- a page that learns -----------------------------------------------------------------------------------------------


@key.step
def regrets(company, parameters):
    rates = [parameters[f"clicks_{offer}"] / 1000 for offer in "abc"]
    policies = {
        "by lot": EpsilonGreedy(3, 1, seed=POLICY_SEED),
        "best so far": EpsilonGreedy(3, 0, seed=POLICY_SEED),
        "usual": EpsilonGreedy(3, seed=POLICY_SEED),
        "thompson": ThompsonSampling(3, seed=POLICY_SEED),
    }
    return {
        name: float(simulate_page(policy, rates, VISITS, seed=VISITOR_SEED)[1][-1]) for name, policy in policies.items()
    }


@key.question(
    "q9",
    points=2,
    minutes=5,
    compare=Number(relative=1e-6, tolerance=1e-6, unit="clicks"),
    hints=[
        "The last value of the regret of each, and the difference.",
        "simulate_page(EpsilonGreedy(3, epsilon=1, seed=1), rates, visits=5000, seed=2)[1][-1]; so for Thompson.",
    ],
)
def clicks_saved(company, parameters):
    return regrets(company, parameters)["by lot"] - regrets(company, parameters)["thompson"]


@clicks_saved.mistake("That is the regret of Thompson sampling itself. Asked is what it saves against the lot.")
def regret_of_thompson(company, parameters):
    return regrets(company, parameters)["thompson"]


@clicks_saved.mistake("That is the regret of the lot itself. Thompson sampling loses clicks too: take them off.")
def regret_of_the_lot(company, parameters):
    return regrets(company, parameters)["by lot"]


@clicks_saved.mistake("By lot is epsilon=1: every visit explores.", sometimes=True)
def another_epsilon(company, parameters):
    return regrets(company, parameters)["usual"] - regrets(company, parameters)["thompson"]


@clicks_saved.mistake("Epsilon 0 never explores: it always shows the best so far. By lot is epsilon=1.", sometimes=True)
def never_exploring(company, parameters):
    return regrets(company, parameters)["best so far"] - regrets(company, parameters)["thompson"]


key.judgement("q10", points=2, minutes=4)
