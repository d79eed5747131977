"""The answer key of exercise 07: segmentation and target marketing."""

import datetime as dt

import pandas as pd

from crmlab.analytical import segmentation as seg
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text, YesNo
from crmlab.course.comparison_many import Mapping, Overlap

COLUMNS = ["gift_share", "voucher_share", "pieces"]
SEGMENTS, SEED, LEAST_AGREEMENT, DRAWS = 4, 1, 0.1, 5
DISCOUNT_PERCENT = 10


def draw(rng):
    """Another day, other limits and costs: the questions stay the same."""
    day = dt.date(2025, 9, 1) + dt.timedelta(days=int(rng.integers(0, 122)))
    return {
        "as_of": pd.Timestamp(day),
        "best_percent": int(rng.integers(5, 21)),
        "gift_percent": int(rng.choice([40, 50, 60])),
        "least_orders": int(rng.integers(5, 8)),
        "contact_cost_cents": int(rng.integers(5, 11)),
    }


key = AnswerKey(
    "07_segmentation",
    practice={
        "as_of": pd.Timestamp("2025-11-30"),
        "best_percent": 15,
        "gift_percent": 40,
        "least_orders": 5,
        "contact_cost_cents": 7,
    },
    draw=draw,
)


# --- best and worst customers -----------------------------------------------------------------------------------------


def margin_of(company, day, returns):
    return seg.customer_margin(company.orders, company.order_lines, day, returns=returns)


@key.question(
    "q1",
    points=2,
    minutes=6,
    compare=Number(tolerance=1e-6, unit="a share from 0 to 1"),
    hints=[
        "Money of each customer first: what the lines left over the cost of the goods, less the refunds, up to as_of.",
        "seg.customer_margin gives the margin of each customer, seg.share_of_best the share of the best of them.",
    ],
)
def share_of_margin(company, parameters):
    return seg.share_of_best(margin_of(company, parameters.as_of, company.returns), parameters.best_percent / 100)


@share_of_margin.mistake(
    "That is the share of revenue. Goods have to be paid and refunds given: take the margin.", sometimes=True
)
def revenue_taken(company, parameters):
    known = company.orders[company.orders.order_date <= parameters.as_of]
    return seg.share_of_best(known.groupby("customer_id").amount_cents.sum(), parameters.best_percent / 100)


@share_of_margin.mistake("You left the refunds in. Money that was given back is not left over.")
def refunds_left_in(company, parameters):
    return seg.share_of_best(margin_of(company, parameters.as_of, None), parameters.best_percent / 100)


@share_of_margin.mistake(
    "Orders or refunds after as_of are among yours. On that day nobody knew of them.", sometimes=True
)
def later_orders_known(company, parameters):
    return seg.share_of_best(margin_of(company, company.as_of, company.returns), parameters.best_percent / 100)


@share_of_margin.mistake("You took the worst customers. Sort so that those with the highest margin come first.")
def worst_taken(company, parameters):
    margin = margin_of(company, parameters.as_of, company.returns)
    return 1 - seg.share_of_best(margin, 1 - parameters.best_percent / 100)


# --- rules ------------------------------------------------------------------------------------------------------------


@key.step
def order_table(company, parameters):
    return seg.order_facts(
        company.orders, company.order_lines, company.products, parameters.as_of, returns=company.returns
    )


def rule_table(parameters, at_least=">=", at_most="<="):
    rows = [
        ("gift buyers", f"orders {at_least} 3 and gift_share {at_least} {parameters.gift_percent / 100}"),
        ("voucher users", f"orders {at_least} 3 and voucher_share {at_least} 0.5"),
        ("lately", f"days_since_last_purchase {at_most} 90"),
    ]
    return pd.DataFrame(rows, columns=["segment", "rule"])


def sizes(features, rules, otherwise="others"):
    return seg.segment_by_rules(features, rules, otherwise=otherwise).value_counts().to_dict()


@key.question(
    "q2",
    points=2,
    minutes=6,
    compare=Mapping(Number(unit="customers")),
    hints=[
        "Rules are texts such as 'orders >= 3 and pieces < 2'; put a parameter in with an f-string.",
        "seg.segment_by_rules(behaviour, rules, otherwise='others') gives a segment each; value_counts counts them.",
    ],
)
def customers_by_rule(company, parameters):
    return sizes(seg.behaviour_features(order_table(company, parameters), parameters.as_of), rule_table(parameters))


@customers_by_rule.mistake("Where two rules fit, you took the lower one. The first that fits decides.", sometimes=True)
def last_rule_wins(company, parameters):
    features = seg.behaviour_features(order_table(company, parameters), parameters.as_of)
    return sizes(features, rule_table(parameters)[::-1])


@customers_by_rule.mistake("'At least' and 'at most' include the number itself: >= and <=.")
def limits_left_out(company, parameters):
    features = seg.behaviour_features(order_table(company, parameters), parameters.as_of)
    return sizes(features, rule_table(parameters, ">", "<"))


@customers_by_rule.mistake("'At least' a share includes the share itself: >=.")
def shares_left_out(company, parameters):
    features = seg.behaviour_features(order_table(company, parameters), parameters.as_of)
    rules = rule_table(parameters)
    return sizes(features, rules.assign(rule=rules["rule"].str.replace("share >=", "share >")))


@customers_by_rule.mistake("Those whom no rule fits are called 'others' here: say so, otherwise='others'.")
def rest_not_named(company, parameters):
    features = seg.behaviour_features(order_table(company, parameters), parameters.as_of)
    return sizes(features, rule_table(parameters), otherwise="other")


@customers_by_rule.mistake("You compared a share, from 0 to 1, with percent: divide gift_percent by 100.")
def percent_not_divided(company, parameters):
    features = seg.behaviour_features(order_table(company, parameters), parameters.as_of)
    rules = rule_table(parameters)
    rules.loc[0, "rule"] = f"orders >= 3 and gift_share >= {parameters.gift_percent}"
    return sizes(features, rules)


@customers_by_rule.mistake(
    "You asked the frequent customers only. Here the rules are for everybody with an order: use `behaviour`."
)
def frequent_only(company, parameters):
    return sizes(frequent(company, parameters), rule_table(parameters))


# --- k-means ----------------------------------------------------------------------------------------------------------


@key.step
def frequent(company, parameters):
    return seg.behaviour_features(order_table(company, parameters), parameters.as_of, parameters.least_orders)


def voucher_lovers(features, scale=True, columns=COLUMNS):
    labels = seg.KMeansSegments(SEGMENTS, seed=SEED, scale=scale).fit(features[columns]).labels_
    return set(labels.index[labels == features.voucher_share.groupby(labels).mean().idxmax()])


@key.question(
    "q3",
    points=3,
    minutes=8,
    # A few customers may lie on an edge; other columns give segments that are nearly as like, and are not right.
    compare=Overlap(least=0.97),
    hints=[
        "Take the three columns of `frequent`, and fit seg.KMeansSegments(4, seed=1) to them; labels_ is the segment.",
        "Which segment has the highest mean voucher_share? Its customers are the index of labels_ where it stands.",
    ],
)
def voucher_segment(company, parameters):
    return voucher_lovers(frequent(company, parameters))


@voucher_segment.mistake(
    "Your features have their own units, so `pieces` decides nearly alone. Standardise them: KMeansSegments does."
)
def not_standardised(company, parameters):
    return voucher_lovers(frequent(company, parameters), scale=False)


@voucher_segment.mistake("You took everybody with an order. A share of one order is 0 or 1: take `frequent`.")
def few_orders_too(company, parameters):
    return voucher_lovers(seg.behaviour_features(order_table(company, parameters), parameters.as_of))


@voucher_segment.mistake(
    "Other columns have a say in your segments. Take the three that are asked for.", sometimes=True
)
def all_columns(company, parameters):
    features = frequent(company, parameters)
    return voucher_lovers(features, columns=list(features.columns))


@voucher_segment.mistake("That is the largest segment. Look for the one with the highest mean voucher_share.")
def largest_segment(company, parameters):
    features = frequent(company, parameters)
    labels = seg.KMeansSegments(SEGMENTS, seed=SEED).fit(features[COLUMNS]).labels_
    return set(labels.index[labels == 1])


@key.step
def halves(company, parameters):
    """The behaviour of frequent customers in their 1st, 3rd, ... and in their 2nd, 4th, ... orders."""
    table = order_table(company, parameters)
    often = table[table.customer_id.isin(frequent(company, parameters).index)]
    place = often.groupby("customer_id").cumcount()
    return [seg.behaviour_features(often[place % 2 == half], parameters.as_of)[COLUMNS] for half in (0, 1)]


def two_labels(company, parameters):
    first, second = halves(company, parameters)
    fitted = seg.KMeansSegments(SEGMENTS, seed=SEED).fit(first)
    return fitted.labels_, fitted.predict(second)


@key.question(
    "q4",
    points=2,
    minutes=6,
    compare=Number(tolerance=0.002),
    hints=[
        "Fit seg.KMeansSegments(4, seed=1) to `first`; ask the same fitted model to predict `second`.",
        "labels_ and what predict gives are two segments for each customer: seg.agreement compares them.",
    ],
)
def agreement_of_halves(company, parameters):
    return seg.agreement(*two_labels(company, parameters))


@agreement_of_halves.mistake(
    "That is the share of customers with the same number. Many would agree by chance: take seg.agreement, the adjusted "
    "Rand index."
)
def share_of_equal_numbers(company, parameters):
    one, other = two_labels(company, parameters)
    return float((one == other).mean())


@agreement_of_halves.mistake(
    "You compared two seeds on the same orders. That shows that k-means works, not that the habit comes back: predict "
    "the segment from the other half of the orders."
)
def seeds_compared(company, parameters):
    first, _ = halves(company, parameters)
    again = seg.KMeansSegments(SEGMENTS, seed=SEED + 1).fit(first).labels_
    return seg.agreement(seg.KMeansSegments(SEGMENTS, seed=SEED).fit(first).labels_, again)


@agreement_of_halves.mistake(
    "You fitted new segments to the second half. Ask the segments of the first half: fitted.predict(second).",
    sometimes=True,
)
def fitted_twice(company, parameters):
    first, second = halves(company, parameters)
    labels = [seg.KMeansSegments(SEGMENTS, seed=SEED).fit(half).labels_ for half in (first, second)]
    return seg.agreement(*labels)


@key.step
def against_chance(company, parameters):
    table = order_table(company, parameters)
    options = {"least_orders": parameters.least_orders, "least": LEAST_AGREEMENT, "draws": DRAWS}
    return seg.check_against_chance(table, COLUMNS, SEGMENTS, parameters.as_of, **options)


@key.question(
    "q5",
    points=2,
    minutes=4,
    compare=YesNo(),
    hints=["Does the agreement of the halves reach 0.1, and is it above all that orders dealt at random reach?"],
)
def segments_are_there(company, parameters):
    return against_chance(company, parameters).segments_are_there


@segments_are_there.near_tie
def distance_from_the_least(company, parameters):
    return abs(against_chance(company, parameters).agreement / LEAST_AGREEMENT - 1)


@segments_are_there.mistake(
    "k-means returns four segments for any table, and other seeds may return them again. Do the halves agree?",
    sometimes=True,
)
def always_there(company, parameters):
    return True


# --- targeting --------------------------------------------------------------------------------------------------------


def list_margin_share(company, parameters):
    """The margin in the list price, from orders without a voucher up to as_of."""
    orders = company.orders
    plain = orders.order_id[(orders.order_date <= parameters.as_of) & (orders.voucher_percent == 0)]
    lines = company.order_lines[company.order_lines.order_id.isin(plain)]
    cost = (lines.unit_cost_cents * lines.quantity).sum()
    return 1 - cost / (lines.unit_price_cents * lines.quantity).sum()


@key.step
def experiment(company, parameters):
    """The campaign file with the margin of each contact and the segment of question 7."""
    contacts = company.campaign_file.set_index("contact_id")
    discount = (contacts.arm == "voucher") * DISCOUNT_PERCENT
    margin_share = list_margin_share(company, parameters)
    contacts["margin_cents"] = seg.contact_margin(contacts, margin_share, discount)
    contacts["margin_before_voucher_cents"] = contacts.spent_cents * margin_share
    share = contacts.vouchers_used / contacts.orders_2_years
    habit = pd.cut(share, [-1, 0, 0.5, 1], labels=["never", "seldom", "often"]).astype(str)
    days = contacts.days_since_last_purchase
    silence = pd.cut(days, [-1, 90, 365, 10_000], labels=["lately", "this year", "long ago"]).astype(str)
    contacts["segment"] = habit + ", " + silence
    return contacts


def voucher_buyers(company, parameters):
    contacts = experiment(company, parameters)
    return contacts[(contacts.arm == "voucher") & contacts.bought_60_days]


@key.question(
    "q6",
    points=2,
    minutes=5,
    compare=Number(relative=1e-4, unit="a share from 0 to 1"),
    hints=[
        "The cost of a contact over what a purchase leaves: of those in the arm `voucher` who bought.",
        "margin_cents is already net of goods and voucher; take its mean over the buyers only.",
    ],
)
def break_even(company, parameters):
    return seg.break_even_rate(parameters.contact_cost_cents, voucher_buyers(company, parameters).margin_cents.mean())


@break_even.mistake("You divided by revenue. The goods have to be paid too: divide by the margin of a purchase.")
def cost_over_revenue(company, parameters):
    return parameters.contact_cost_cents / voucher_buyers(company, parameters).spent_cents.mean()


@break_even.mistake("You took the mean over all contacts with a voucher. Take a purchase's margin: buyers only.")
def over_all_contacts(company, parameters):
    contacts = experiment(company, parameters)
    return parameters.contact_cost_cents / contacts.margin_cents[contacts.arm == "voucher"].mean()


@break_even.mistake("You took the purchases of the control arm. Those with a voucher leave less: take the voucher arm.")
def buyers_without_voucher(company, parameters):
    contacts = experiment(company, parameters)
    bought = contacts[(contacts.arm == "control") & contacts.bought_60_days]
    return parameters.contact_cost_cents / bought.margin_cents.mean()


@break_even.mistake("You mixed the arms. Of interest is what a purchase with a voucher leaves: the voucher arm only.")
def all_arms(company, parameters):
    contacts = experiment(company, parameters)
    return parameters.contact_cost_cents / contacts.margin_cents[contacts.bought_60_days].mean()


@break_even.mistake("The goods cost as much as ever, also with a voucher: use margin_cents.")
def voucher_forgotten(company, parameters):
    buyers = voucher_buyers(company, parameters)
    return parameters.contact_cost_cents / buyers.margin_before_voucher_cents.mean()


@key.step
def gains(company, parameters):
    """The gain of a contact by segment, on the odd and on the even contacts."""
    contacts = experiment(company, parameters)
    sides = [contacts[contacts.index % 2 == 1], contacts[contacts.index % 2 == 0]]
    cost = parameters.contact_cost_cents
    return [seg.gain_by_segment(side, side.segment, cost, treatment="voucher") for side in sides]


def gain_of_a_contact(contacts, parameters, treatment="voucher"):
    table = seg.gain_by_segment(contacts, contacts.segment, parameters.contact_cost_cents, treatment=treatment)
    return table.gain_cents.to_dict()


def odd_contacts(company, parameters):
    contacts = experiment(company, parameters)
    return contacts[contacts.index % 2 == 1]


@key.question(
    "q7",
    points=3,
    minutes=8,
    compare=Mapping(Number(tolerance=0.01, unit="cents")),
    hints=[
        "Only contacts with an odd contact_id. For each segment: mean margin with voucher, without, and the cost.",
        "seg.gain_by_segment(odd, odd['segment'], contact_cost_cents, treatment='voucher') has the column gain_cents.",
    ],
)
def gain_by_segment(company, parameters):
    return gain_of_a_contact(odd_contacts(company, parameters), parameters)


@gain_by_segment.mistake(
    "You left the control arm out: most buyers with a voucher would have bought anyway. Take off the margin without."
)
def without_control(company, parameters):
    odd = gains(company, parameters)[0]
    return (odd.margin_cents - parameters.contact_cost_cents).to_dict()


@gain_by_segment.mistake("You left out what a contact costs.")
def cost_left_out(company, parameters):
    odd = gains(company, parameters)[0]
    return (odd.margin_cents - odd.margin_without_cents).to_dict()


@gain_by_segment.mistake("You compared what was spent. Goods and voucher have to be paid: compare margin_cents.")
def revenue_compared(company, parameters):
    odd = odd_contacts(company, parameters)
    return gain_of_a_contact(odd.assign(margin_cents=odd.spent_cents), parameters)


@gain_by_segment.mistake("You took all contacts. Choose on the odd ones, so that the even ones can judge.")
def all_contacts_taken(company, parameters):
    return gain_of_a_contact(experiment(company, parameters), parameters)


@gain_by_segment.mistake("You took the even contacts. Choose on the odd ones.")
def even_contacts_taken(company, parameters):
    return gains(company, parameters)[1].gain_cents.to_dict()


@gain_by_segment.mistake("That is the message about a new roast. Compare the arm `voucher` with control.")
def other_message(company, parameters):
    return gain_of_a_contact(odd_contacts(company, parameters), parameters, treatment="new_roast")


def chosen_of(odd_gains, table):
    """The segments of the table whose gain, in an answer to question 7, is above 0."""
    return [name for name in table.index if dict(odd_gains.items())[name] > 0]


@key.question(
    "q8",
    points=3,
    minutes=6,
    compare=Number(tolerance=1.0, unit="cents"),
    follows=["q7"],
    hints=[
        "On the even contacts: contacts of a segment times the gain of one, where question 7 gave a gain above 0.",
        "seg.mailing_gain(even_gains, chosen) adds up; even_gains is gain_by_segment of the even contacts.",
    ],
)
def gain_of_the_mailing(company, parameters, odd_gains):
    even = gains(company, parameters)[1]
    return seg.mailing_gain(even, chosen_of(odd_gains, even))


@gain_of_the_mailing.mistake(
    "You scored on the contacts that chose. The best of several noisy numbers is high partly by luck: score on the "
    "even contacts."
)
def scored_on_the_same(company, parameters, odd_gains):
    odd = gains(company, parameters)[0]
    return seg.mailing_gain(odd, chosen_of(odd_gains, odd))


@gain_of_the_mailing.mistake(
    "You chose by the even contacts, on which you score. Choose by question 7, on the odd ones.", sometimes=True
)
def chosen_on_the_even(company, parameters, odd_gains):
    even = gains(company, parameters)[1]
    return seg.mailing_gain(even, even.index[even.gain_cents > 0])


@gain_of_the_mailing.mistake(
    "That is the mailing to all segments. Add up those whose gain is above 0 in question 7.", sometimes=True
)
def mailed_to_all(company, parameters, odd_gains):
    even = gains(company, parameters)[1]
    return seg.mailing_gain(even, even.index)


@gain_of_the_mailing.mistake("You left out what a contact costs.")
def mailing_cost_left_out(company, parameters, odd_gains):
    even = gains(company, parameters)[1]
    return seg.mailing_gain(
        even.assign(gain_cents=even.gain_cents + parameters.contact_cost_cents), chosen_of(odd_gains, even)
    )


@gain_of_the_mailing.mistake("You added up gains of one contact. Multiply each by the contacts of its segment.")
def gains_of_one_added(company, parameters, odd_gains):
    even = gains(company, parameters)[1]
    return float(even.gain_cents.loc[chosen_of(odd_gains, even)].sum())


def best_of(some, everybody):
    return max([(0.0, "none"), (some, "some"), (everybody, "all")])[1]


@key.question(
    "q9",
    points=2,
    minutes=4,
    compare=Text(),
    follows=["q7"],
    hints=[
        "Answer with one of three texts: 'all', 'some' or 'none'. Three numbers on the even contacts decide: the gain "
        "of a mailing to all segments, the gain of question 8, and 0."
    ],
)
def decision(company, parameters, odd_gains):
    even = gains(company, parameters)[1]
    return best_of(seg.mailing_gain(even, chosen_of(odd_gains, even)), seg.mailing_gain(even, even.index))


@decision.mistake(
    "On the contacts that chose, the chosen segments always look best. Decide by the even contacts.", sometimes=True
)
def decided_on_the_same(company, parameters, odd_gains):
    odd = gains(company, parameters)[0]
    return best_of(seg.mailing_gain(odd, chosen_of(odd_gains, odd)), seg.mailing_gain(odd, odd.index))


@decision.near_tie
def distance_of_the_decision(company, parameters):
    even = gains(company, parameters)[1]
    some = seg.mailing_gain(even, chosen_of(gain_by_segment(company, parameters), even))
    first, second, *_ = sorted([0.0, some, seg.mailing_gain(even, even.index)], reverse=True)
    return (first - second) / (parameters.contact_cost_cents * even.contacts.sum())


key.judgement("q10", points=3, minutes=7)
