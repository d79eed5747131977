"""The answer key of exercise 06a: campaigns."""

import pandas as pd

from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping, Members
from crmlab.operational import plan_budget, render_message
from crmlab.operational.marketing.audience import lottery_number

NAME, LISTED, LETTERS = "Easter 2026", 13, 7


def draw(rng):
    """Another lottery, other days and costs: the questions stay the same."""
    pairs = [(3, 9), (9, 13), (1, 11)]
    earlier, later = pairs[int(rng.integers(len(pairs)))]
    return {
        "seed": int(rng.integers(1, 1000)),
        "holdout_percent": int(rng.choice([10, 15, 25, 30])),
        "least_days": int(rng.choice([15, 30, 70])),
        "day": pd.Timestamp(str(rng.choice(["2026-03-01", "2027-03-01", "2028-02-29", "2028-03-01"]))),
        "voucher_campaign": int(rng.choice([2, 4, 7, 10, 14])),
        "control_campaign": int(rng.choice([3, 9, 13])),
        "within_days": int(rng.choice([16, 20, 30])),
        "budget_cents": int(rng.integers(8, 16)) * 10_000,
        "letter_cost_cents": int(rng.integers(84, 100)),
        "margin_percent": int(rng.integers(40, 61)),
        "earlier_campaign": earlier,
        "later_campaign": later,
    }


key = AnswerKey(
    "06a_campaigns",
    practice={
        "seed": 7,
        "holdout_percent": 20,
        "least_days": 15,
        "day": pd.Timestamp("2026-03-01"),
        "voucher_campaign": 14,
        "control_campaign": 9,
        "within_days": 21,
        "budget_cents": 100_000,
        "letter_cost_cents": 90,
        "margin_percent": 50,
        "earlier_campaign": 9,
        "later_campaign": 13,
    },
    draw=draw,
)


# --- draw and send ----------------------------------------------------------------------------------------------------


def listed(company):
    contacts = company.campaign_contacts
    return contacts.loc[contacts.campaign_id == LISTED, "customer_id"]


def lots(company, parameters):
    return {each: lottery_number(parameters.seed, NAME, each) for each in listed(company)}


@key.question(
    "q1",
    points=2,
    minutes=4,
    compare=Members(),
    hints=["lottery_number(seed, 'Easter 2026', customer_id) for each; control is below holdout_percent / 100."],
)
def held_out(company, parameters):
    return {each for each, lot in lots(company, parameters).items() if lot < parameters.holdout_percent / 100}


@held_out.mistake("Those get the message. Control is whose number is below the share.")
def treatment_given(company, parameters):
    return {each for each, lot in lots(company, parameters).items() if lot >= parameters.holdout_percent / 100}


@held_out.mistake("You took the first of the list. They are its oldest customers: let the lottery choose.")
def first_of_the_list(company, parameters):
    everybody = sorted(listed(company))
    return set(everybody[: round(len(everybody) * parameters.holdout_percent / 100)])


@held_out.mistake("That is the lottery of another campaign: its name is part of the draw.")
def another_name(company, parameters):
    share = parameters.holdout_percent / 100
    return {each for each in listed(company) if lottery_number(parameters.seed, "January voucher", each) < share}


def sent_messages(company, arm_too=False):
    contacts = company.campaign_contacts
    if not arm_too:
        return contacts.dropna(subset=["sent_date"]).rename(columns={"sent_date": "date"})
    starts = company.campaigns.set_index("campaign_id").start_date
    return contacts.assign(date=contacts.campaign_id.map(starts))


def days_between(messages):
    return messages.sort_values(["customer_id", "date"]).groupby("customer_id")["date"].diff().dt.days


@key.question(
    "q2",
    points=2,
    minutes=6,
    compare=Number(),
    hints=[
        "Sort the messages by customer and day; the days since the customer's message before; count the small ones."
    ],
)
def too_soon(company, parameters):
    return int((days_between(sent_messages(company)) < parameters.least_days).sum())


@too_soon.mistake("Those held out are among yours. They got no message: sent_date is missing.", sometimes=True)
def held_out_counted(company, parameters):
    return int((days_between(sent_messages(company, arm_too=True)) < parameters.least_days).sum())


@too_soon.mistake("A message exactly least_days days later is not too soon.", sometimes=True)
def the_day_itself(company, parameters):
    return int((days_between(sent_messages(company)) <= parameters.least_days).sum())


@too_soon.mistake(
    "You counted customers. A customer can get several messages too soon: count messages.", sometimes=True
)
def customers_counted(company, parameters):
    messages = sent_messages(company).sort_values(["customer_id", "date"])
    return int(messages.loc[days_between(messages) < parameters.least_days, "customer_id"].nunique())


# --- events and messages ----------------------------------------------------------------------------------------------


def born_on(company, month_days):
    born = company.customers.dropna(subset=["birth_date"])
    return set(born.loc[born.birth_date.dt.strftime("%m-%d").isin(month_days), "customer_id"])


@key.question(
    "q3",
    points=3,
    minutes=6,
    compare=Members(),
    hints=["Compare month and day. Born on 29 February: on that day in leap years, else on 1 March."],
)
def birthdays(company, parameters):
    wanted = [parameters.day.strftime("%m-%d")]
    if wanted == ["03-01"] and not parameters.day.is_leap_year:
        wanted.append("02-29")
    return born_on(company, wanted)


@birthdays.mistake("Nobody born on 29 February would be greeted in three of four years. They are due on 1 March.",
                   sometimes=True)  # fmt: skip
def leap_day_forgotten(company, parameters):
    return born_on(company, [parameters.day.strftime("%m-%d")])


@birthdays.mistake("Those born on 29 February have a birthday of their own in a leap year: not on 1 March too.",
                   sometimes=True)  # fmt: skip
def leap_day_always(company, parameters):
    wanted = [parameters.day.strftime("%m-%d")]
    return born_on(company, [*wanted, "02-29"] if wanted == ["03-01"] else wanted)


@birthdays.mistake("You compared the month only. A birthday is a day of it.")
def whole_month(company, parameters):
    born = company.customers.dropna(subset=["birth_date"])
    return set(born.loc[born.birth_date.dt.month == parameters.day.month, "customer_id"])


def five(company):
    customers = company.customers.head(400).sort_values(["household_size", "customer_id"], na_position="first")
    return customers.iloc[[0, 1, -3, -2, -1]]


def rendered(company, template):
    return {row["customer_id"]: render_message(template, row) for row in five(company).to_dict("records")}


@key.question(
    "q4",
    points=2,
    minutes=6,
    compare=Mapping(Text(), key="customer_id"),
    hints=["A template with {{ greeting }} and {{ household_size | default('all of you') }}, rendered for each."],
)
def messages(company, parameters):
    return rendered(company, "{{ greeting }} coffee for {{ household_size | default('all of you') }}.")


@messages.mistake("Some of your messages name what is not known. Give the template a default.")
def none_greeted(company, parameters):
    return rendered(company, "{{ greeting }} coffee for {{ household_size | default('None') }}.")


@messages.mistake("Some of your messages name what is not known. Give the template a default.")
def not_available_greeted(company, parameters):
    return rendered(company, "{{ greeting }} coffee for {{ household_size | default('<NA>') }}.")


@messages.mistake("Everybody is greeted in English. `greeting` knows the customer's language.")
def english_for_all(company, parameters):
    return rendered(company, "Dear {{ first_name }}, coffee for {{ household_size | default('all of you') }}.")


# --- offers and control groups ----------------------------------------------------------------------------------------


def voucher_contacts(company, parameters):
    contacts = company.campaign_contacts
    return contacts[contacts.campaign_id == parameters.voucher_campaign]


def uses(company, parameters):
    own = voucher_contacts(company, parameters).campaign_contact_id
    responses = company.campaign_responses
    return responses.loc[(responses.credit_cents > 0) & responses.campaign_contact_id.isin(own), "campaign_contact_id"]


@key.question(
    "q5",
    points=2,
    minutes=5,
    compare=Number(tolerance=1e-9, unit="a share from 0 to 1"),
    hints=["Contacts of the campaign with a sent_date; which of them have a response with credit_cents above 0?"],
)
def redemption_rate(company, parameters):
    own = voucher_contacts(company, parameters)
    return uses(company, parameters).nunique() / int(own.sent_date.notna().sum())


@redemption_rate.mistake("You divided by the whole list. Those held out got no voucher.", sometimes=True)
def over_the_list(company, parameters):
    return uses(company, parameters).nunique() / len(voucher_contacts(company, parameters))


@redemption_rate.mistake("You counted uses. A customer who used it twice is one customer.", sometimes=True)
def uses_counted(company, parameters):
    return len(uses(company, parameters)) / int(voucher_contacts(company, parameters).sent_date.notna().sum())


@redemption_rate.mistake("You divided by those who bought. Divide by all to whom it was sent.", sometimes=True)
def over_the_buyers(company, parameters):
    own = voucher_contacts(company, parameters)
    responses = company.campaign_responses
    buyers = responses[(responses.reaction == "bought") & responses.campaign_contact_id.isin(own.campaign_contact_id)]
    return uses(company, parameters).nunique() / buyers.campaign_contact_id.nunique()


def disturbed_of(company, parameters, arm="control", own_too=False):
    contacts = company.campaign_contacts
    start = company.campaigns.set_index("campaign_id").start_date[parameters.control_campaign]
    mine = contacts.campaign_id == parameters.control_campaign
    last = start + pd.Timedelta(days=parameters.within_days)
    others = contacts[~mine & (contacts.sent_date > start) & (contacts.sent_date <= last)]
    people = contacts.loc[mine & ((contacts.arm == arm) | own_too), "customer_id"]
    return int(people.isin(others.customer_id).sum())


@key.question(
    "q6",
    points=2,
    minutes=5,
    compare=Number(),
    hints=[
        "Customers in control of that campaign who are among the customers of other campaigns' messages in these days."
    ],
)
def disturbed(company, parameters):
    return disturbed_of(company, parameters)


@disturbed.mistake("Those who were written to are among yours. The question is about control.", sometimes=True)
def both_arms(company, parameters):
    return disturbed_of(company, parameters, own_too=True)


@disturbed.mistake("That is the treatment arm. Who is held out has the arm `control`.", sometimes=True)
def treatment_disturbed(company, parameters):
    return disturbed_of(company, parameters, arm="treatment")


# --- budget -----------------------------------------------------------------------------------------------------------


def options(parameters):
    letter = parameters.letter_cost_cents
    rows = [
        ("new", "email", 1500, 3, 9.0),
        ("new", "post", 900, letter, 82.0),
        ("regular", "email", 1200, 3, 26.0),
        ("regular", "post", 800, letter, 190.0),
        ("lapsed", "email", 2000, 3, 1.5),
        ("lapsed", "post", 1700, letter, 128.0),
    ]
    columns = ["segment", "channel", "people", "contact_cost_cents", "margin_cents"]
    return pd.DataFrame(rows, columns=columns).assign(message="voucher")


def greedy(parameters, by):
    """Profit of a plan that takes options one after another, the best first, as long as there is money."""
    left, used, profit = parameters.budget_cents, {}, 0.0
    for row in options(parameters).assign(by=by).sort_values("by", ascending=False).itertuples():
        most = {"new": 1500, "regular": 1200, "lapsed": 2000}[row.segment] - used.get(row.segment, 0)
        count = min(row.people, most, left // row.contact_cost_cents)
        left -= count * row.contact_cost_cents
        used[row.segment] = used.get(row.segment, 0) + count
        profit += count * (row.margin_cents - row.contact_cost_cents)
    return profit


@key.question(
    "q7",
    points=3,
    minutes=3,
    compare=Number(relative=0.001, unit="cents"),
    hints=["plan_budget(options, budget_cents) is the best plan; add up its profit_cents."],
)
def best_profit(company, parameters):
    return float(plan_budget(options(parameters), parameters.budget_cents).profit_cents.sum())


@best_profit.mistake("That is margin. Profit is margin less what the contacts cost.")
def margin_given(company, parameters):
    plan = plan_budget(options(parameters), parameters.budget_cents)
    return float((plan.profit_cents + plan.cost_cents).sum())


@best_profit.mistake("You bought the largest margins first, and some letters cost more than they bring.")
def largest_margin_first(company, parameters):
    return greedy(parameters, options(parameters).margin_cents)


@best_profit.mistake("Some people would get a letter and an e-mail. Each person gets one message at most.")
def written_to_twice(company, parameters):
    alone = options(parameters)
    alone = alone.assign(segment=alone.segment + alone.channel)
    return float(plan_budget(alone, parameters.budget_cents).profit_cents.sum())


@key.step
def with_purchases(company, parameters):
    """The contacts with whether they bought, and what they paid."""
    bought = company.campaign_responses[company.campaign_responses.reaction == "bought"]
    paid = (bought.amount_cents - bought.credit_cents.fillna(0)).groupby(bought.campaign_contact_id).sum()
    contacts = company.campaign_contacts
    paid = contacts.campaign_contact_id.map(paid).fillna(0).astype(float)
    return contacts.assign(has_bought=contacts.campaign_contact_id.isin(bought.campaign_contact_id), paid=paid)


def rates(company, parameters):
    return with_purchases(company, parameters).groupby(["campaign_id", "arm"])["has_bought"].mean()


def lift_of(company, parameters, campaign_id):
    rate = rates(company, parameters)
    return rate[campaign_id, "treatment"] - rate[campaign_id, "control"]


def arm_size(company, campaign_id, arm="treatment"):
    contacts = company.campaign_contacts
    return int(((contacts.campaign_id == campaign_id) & (contacts.arm == arm)).sum())


@key.question(
    "q8",
    points=3,
    minutes=7,
    compare=Number(tolerance=1e-6, unit="buyers"),
    hints=[
        "Planned: lift of the earlier campaign times the later one's treatment arm. Actual: its own lift times that."
    ],
)
def error_buyers(company, parameters):
    earlier, later = (
        lift_of(company, parameters, each) for each in (parameters.earlier_campaign, parameters.later_campaign)
    )
    return (earlier - later) * arm_size(company, parameters.later_campaign)


@error_buyers.mistake("You planned with the response. Some would have bought anyway: take the lift over control.")
def responses_planned(company, parameters):
    rate = rates(company, parameters)
    change = rate[parameters.earlier_campaign, "treatment"] - rate[parameters.later_campaign, "treatment"]
    return change * arm_size(company, parameters.later_campaign)


@error_buyers.mistake("You took each campaign's own arm. The plan is for the later campaign's treatment arm.")
def own_arms(company, parameters):
    earlier, later = parameters.earlier_campaign, parameters.later_campaign
    return lift_of(company, parameters, earlier) * arm_size(company, earlier) - lift_of(
        company, parameters, later
    ) * arm_size(company, later)


@error_buyers.mistake("That is the difference of the lifts. Times the later treatment arm it is buyers.")
def lifts_compared(company, parameters):
    return lift_of(company, parameters, parameters.earlier_campaign) - lift_of(
        company, parameters, parameters.later_campaign
    )


def letter_gain(company, parameters, margin=None):
    contacts = with_purchases(company, parameters)
    letters = contacts[contacts.campaign_id == LETTERS]
    by_arm = letters.groupby("arm").paid.mean() * (parameters.margin_percent if margin is None else margin) / 100
    return by_arm["treatment"] - by_arm["control"], by_arm["treatment"]


def decided(brings, parameters):
    return "send" if brings > parameters.letter_cost_cents else "keep the money"


@key.question(
    "q9",
    points=2,
    minutes=7,
    compare=Text(),
    hints=["Mean margin of all contacts in treatment, less that in control; is it more than a letter costs?"],
)
def decision(company, parameters):
    return decided(letter_gain(company, parameters)[0], parameters)


@decision.mistake(
    "That is not what the letter brings: take the margin, and only the difference of the two arms.", sometimes=True
)
def by_the_response(company, parameters):
    return decided(letter_gain(company, parameters)[1], parameters)


@decision.mistake(
    "That is not what the letter brings: take the margin, and only the difference of the two arms.", sometimes=True
)
def by_revenue(company, parameters):
    return decided(letter_gain(company, parameters, margin=100)[0], parameters)


@decision.near_tie
def distance_of_the_decision(company, parameters):
    return abs(letter_gain(company, parameters)[0] / parameters.letter_cost_cents - 1)


key.judgement("q10", points=3, minutes=6)
