"""The answer key of exercise 13a: the contact centre at work."""

import numpy as np
import pandas as pd

from crmlab.analytical import contact_centre as cc
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number, Text
from crmlab.course.comparison_many import Mapping, Members, Sequence
from crmlab.operational.addresses import normalise_address

CALL_QUEUES = ("orders", "technical")
STEPS = ("take", "identify", "script", "end", "wrap_up")
STATUSES = ("waiting", "active")


def draw(rng):
    """Other months, another offer, another caller: the questions stay the same."""
    month = pd.Timestamp("2023-10-01") + pd.DateOffset(months=int(rng.integers(0, 18)))
    return {
        "from_date": month,
        "to_date": month + pd.DateOffset(months=6),
        "within_days": int(rng.integers(5, 11)),
        "topic": str(rng.choice(["order_status", "product_question", "fault", "billing"])),
        "contact_status": str(rng.choice(STATUSES)),
        "caller_is_known": bool(rng.random() < 0.5),
        "clicks_seed": int(rng.integers(1, 10_000)),
        "promised_minutes": int(rng.integers(8, 16)),
        "machine_since": pd.Timestamp("2025-06-01") + pd.Timedelta(days=int(rng.integers(0, 120))),
        "agent_hour_cents": int(rng.integers(2800, 3600)),
        "visit_fee_cents": int(rng.integers(12, 34)) * 10,
    }


key = AnswerKey(
    "13a_queue",
    practice={
        "from_date": pd.Timestamp("2025-03-01"),
        "to_date": pd.Timestamp("2025-09-01"),
        "within_days": 7,
        "topic": "order_status",
        "contact_status": "waiting",
        "caller_is_known": False,
        "clicks_seed": 13,
        "promised_minutes": 10,
        "machine_since": pd.Timestamp("2025-08-01"),
        "agent_hour_cents": 3200,
        "visit_fee_cents": 260,
    },
    draw=draw,
)


@key.step
def contacts_of_the_window(company, parameters):
    """Contacts that came in from `from_date` on, and before `to_date`."""
    contacts = company.interactions
    inside = (contacts.arrived_at >= parameters.from_date) & (contacts.arrived_at < parameters.to_date)
    return contacts[inside & (contacts.direction == "inbound")]


# -- the queue ---------------------------------------------------------------------------------------------------------


def longest_queue(contacts, gone_at):
    """The most contacts that waited at once: one more at each arrival, one less when somebody was answered or gone."""
    change = pd.concat([pd.Series(1, contacts.arrived_at), pd.Series(-1, gone_at)])
    change = change[change.index.notna()]
    return int(change.groupby(level=0).sum().cumsum().max())


def calls_of(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    return contacts[contacts.queue.isin(CALL_QUEUES)]


@key.question(
    "q1",
    points=3,
    minutes=7,
    compare=Number(),
    hints=[
        "A contact waits from arrived_at until answered_at, or until ended_at where nobody answered.",
        "Make a table of changes: +1 at each arrival, -1 at each leaving; add up by second, then cumsum and max.",
    ],
)
def most_waiting(company, parameters):
    calls = calls_of(company, parameters)
    return longest_queue(calls, calls.answered_at.fillna(calls.ended_at))


@most_waiting.mistake("Who gives up leaves the queue, too: at ended_at. In your queue they wait for ever.")
def abandoned_wait_for_ever(company, parameters):
    calls = calls_of(company, parameters)
    return longest_queue(calls, calls.answered_at)


@most_waiting.mistake("Who gave up has waited, too, from arrived_at until ended_at. You left them out.", sometimes=True)
def abandoned_left_out(company, parameters):
    calls = calls_of(company, parameters)
    answered = calls[calls.answered_at.notna()]
    return longest_queue(answered, answered.answered_at)


@most_waiting.mistake("A caller waits until the answer, not until the end of the call.", sometimes=True)
def until_the_end(company, parameters):
    calls = calls_of(company, parameters)
    return longest_queue(calls, calls.ended_at)


@most_waiting.mistake("Only the two queues for calls, orders and technical. E-mails wait for hours.")
def all_queues(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    contacts = contacts[contacts.queue.notna()]
    return longest_queue(contacts, contacts.answered_at.fillna(contacts.ended_at))


# -- chats side by side ------------------------------------------------------------------------------------------------


def side_by_side(chats, free_at):
    """How many chats the agent had at hand when each began, itself included."""
    begin = chats.assign(at=chats.answered_at, change=1)
    end = chats.assign(at=free_at, change=-1)
    # An agent who is free at a second takes the next contact at that second: leaving comes first.
    events = pd.concat([begin, end]).sort_values(["at", "change"], kind="stable")
    events["at_hand"] = events.groupby("agent_id").change.cumsum()
    return events.loc[events.change == 1, "at_hand"]


def answered_chats(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    return contacts[(contacts.channel == "chat") & contacts.answered_at.notna() & contacts.ended_at.notna()]


def with_wrap_up(contacts):
    return contacts.ended_at + pd.to_timedelta(contacts.wrap_up_seconds, unit="s")


@key.question(
    "q2",
    points=3,
    minutes=10,
    compare=Number(tolerance=1e-6),
    hints=[
        "Again changes: +1 when a chat is answered, -1 when the agent is done with it, wrap-up included; "
        "cumsum within each agent.",
        "Where a leaving and a beginning fall on the same second, the leaving comes first: sort by time, then change.",
    ],
)
def shared_chats(company, parameters):
    chats = answered_chats(company, parameters)
    return float((side_by_side(chats, with_wrap_up(chats)) >= 2).mean())


@shared_chats.mistake("You left out the wrap-up: until it is done the chat takes a place of the agent.", sometimes=True)
def chats_without_wrap_up(company, parameters):
    chats = answered_chats(company, parameters)
    return float((side_by_side(chats, chats.ended_at) >= 2).mean())


@shared_chats.mistake("You counted over all agents together. cumsum within each agent: groupby('agent_id').")
def over_all_agents(company, parameters):
    chats = answered_chats(company, parameters).assign(agent_id=1)
    return float((side_by_side(chats, with_wrap_up(chats)) >= 2).mean())


@shared_chats.mistake("The chat itself counts: with one other chat at hand the agent has two.", sometimes=True)
def itself_left_out(company, parameters):
    chats = answered_chats(company, parameters)
    return float((side_by_side(chats, with_wrap_up(chats)) >= 3).mean())


# -- the desk ----------------------------------------------------------------------------------------------------------


def steps_left(status, is_known):
    left = STEPS if status == "waiting" else STEPS[1:]
    return [step for step in left if not (step == "identify" and is_known)]


@key.question(
    "q3",
    points=2,
    minutes=4,
    compare=Sequence(Text()),
    hints=[
        "op.next_step(store, inquiry) says what comes next. Do it, and ask again.",
        "Section 3 of the lesson goes through all five steps.",
    ],
)
def steps_to_close(company, parameters):
    return steps_left(parameters.contact_status, parameters.caller_is_known)


@steps_to_close.mistake("A contact is closed only when the wrap-up is finished.")
def no_wrap_up(company, parameters):
    return steps_to_close(company, parameters)[:-1]


@steps_to_close.mistake("The wrap-up comes when the customer has gone.")
def wrap_up_before_the_end(company, parameters):
    return [*steps_to_close(company, parameters)[:-2], "wrap_up", "end"]


@steps_to_close.mistake("Look at the status of the inquiry, and whether the caller is known: which steps are left?",
                        sometimes=True)  # fmt: skip
def all_steps(company, parameters):
    return list(STEPS)


@steps_to_close.mistake("First who, then what: the caller is identified before the script.", sometimes=True)
def script_first(company, parameters):
    steps = steps_to_close(company, parameters)
    if "identify" in steps:
        at = steps.index("identify")
        steps[at : at + 2] = ["script", "identify"]
    return steps


# -- promises ----------------------------------------------------------------------------------------------------------


@key.step
def clicks(company, parameters):
    """A day's clicks, as the exercise makes them; not yet called where `called_at` is missing."""
    rng = np.random.default_rng(parameters.clicks_seed)
    start = pd.Timestamp("2026-01-12 09:00")
    requested = start + pd.to_timedelta(np.sort(rng.integers(0, 8 * 3600, 120)), unit="s")
    made = pd.DataFrame({"requested_at": requested, "minutes": rng.exponential(parameters.promised_minutes / 1.6, 120)})
    made["called_at"] = made.requested_at + pd.to_timedelta(made.minutes.round(2) * 60, unit="s").dt.round("s")
    now = start + pd.Timedelta(hours=8)
    lost = rng.random(120) < 0.12
    made["called_at"] = made.called_at.where(~lost & (made.called_at <= now))
    return made.drop(columns="minutes"), now


def kept_and_due(company, parameters):
    made, now = clicks(company, parameters)
    promised = made.requested_at + pd.Timedelta(minutes=parameters.promised_minutes)
    kept = made.called_at <= promised
    return made, kept, kept | made.called_at.notna() | (promised < now)


@key.question(
    "q4",
    points=2,
    minutes=6,
    compare=Number(tolerance=1e-6),
    hints=[
        "Three groups: kept (called by the promised time), broken (called too late, or not called and the time is "
        "past), and open. Open ones tell nothing yet.",
    ],
)
def promise_kept_rate(company, parameters):
    _, kept, due = kept_and_due(company, parameters)
    return float(kept.sum() / due.sum())


@promise_kept_rate.mistake("You counted only call-backs that were made. Who was never called holds a broken promise.")
def made_ones_only(company, parameters):
    made, kept, _ = kept_and_due(company, parameters)
    return float(kept[made.called_at.notna()].mean())


@promise_kept_rate.mistake(
    "Promises whose time is not over yet are neither kept nor broken: leave them out.", sometimes=True
)
def open_ones_broken(company, parameters):
    _, kept, _ = kept_and_due(company, parameters)
    return float(kept.mean())


@promise_kept_rate.mistake("That is the share of clicks that were called at all, in time or not.")
def called_at_all(company, parameters):
    made, _, due = kept_and_due(company, parameters)
    return float(made.called_at.notna()[due].mean())


# -- the voice computer ------------------------------------------------------------------------------------------------


def to_the_voice_computer(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    return contacts[(contacts.channel == "ivr") & contacts.ended_at.notna()]


@key.question(
    "q5",
    points=2,
    minutes=3,
    compare=Number(tolerance=1e-6),
    hints=[
        "Contacts of the channel ivr. Contained are those with the outcome self_service, of all that ended.",
    ],
)
def containment_rate(company, parameters):
    return float((to_the_voice_computer(company, parameters).outcome == "self_service").mean())


@containment_rate.mistake("No agent took any of these calls, but those who left without an answer were not served.")
def nobody_transferred(company, parameters):
    return float(to_the_voice_computer(company, parameters).answered_at.isna().mean())


@containment_rate.mistake("You took the web pages as well: the voice computer is the channel ivr.")
def web_as_well(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    alone = contacts[contacts.channel.isin(["ivr", "web"])]
    return float((alone.outcome == "self_service").mean())


@containment_rate.mistake("You divided by all contacts. Containment is a share of the calls to the voice computer.")
def of_all_contacts(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    contained = (contacts.channel == "ivr") & (contacts.outcome == "self_service")
    return float(contained.mean())


# -- whom to call ------------------------------------------------------------------------------------------------------


@key.step
def phone_numbers(company, parameters):
    """The telephone numbers of each record, what was said about each, and which one would be called."""
    points = company.contact_points[company.contact_points.kind == "phone"].copy()
    points["number"] = [normalise_address("phone", each) for each in points.value]
    said = company.consents[company.consents.kind == "phone"]
    numbers = pd.Series([normalise_address("phone", each) for each in said.value], said.index)
    answered = company.campaign_responses[company.campaign_responses.reaction == "opted_out"]
    by = answered.merge(company.campaign_contacts, on="campaign_contact_id").contact_point_id
    no = set(numbers[said.action == "opt_out"]) | set(points.number[points.contact_point_id.isin(by)])
    confirmed = set(numbers[said.action == "confirmed_opt_in"])
    points["said_no"] = points.number.isin(no)
    points["said_yes"] = points.number.isin(set(numbers[said.action == "opt_in"]) | confirmed)
    return points


def may_be_called(points, buyers):
    """Of these customers those with a number to call: nobody said no to it or another of theirs, somebody said yes."""
    points = points[points.customer_id.isin(buyers)]
    refused = points.groupby("customer_id").said_no.transform("any")
    usable = points[~refused & points.said_yes]
    usable = usable.sort_values(["customer_id", "is_primary", "contact_point_id"], ascending=[True, False, True])
    chosen = usable.drop_duplicates("customer_id")
    # One number, several records: the first record is called.
    return set(chosen.drop_duplicates("number").customer_id)


@key.step
def machine_buyers(company, parameters):
    machines = company.products.loc[company.products.category == "machine", "product_id"]
    orders = company.orders[company.orders.order_date >= parameters.machine_since]
    lines = company.order_lines[company.order_lines.product_id.isin(machines)]
    return set(orders.loc[orders.order_id.isin(lines.order_id), "customer_id"])


@key.question(
    "q6",
    points=3,
    minutes=5,
    compare=Members(),
    hints=[
        "Plan a list with op.plan_call_list(store, name, buyers, at=...), as in section 8 of the lesson.",
        "The members with the status open may be called.",
    ],
)
def customers_to_call(company, parameters):
    return may_be_called(phone_numbers(company, parameters), machine_buyers(company, parameters))


@customers_to_call.mistake("No row about permission means no permission: who never said yes is not called.")
def silence_taken_for_yes(company, parameters):
    points = phone_numbers(company, parameters).assign(said_yes=True)
    return may_be_called(points, machine_buyers(company, parameters))


@customers_to_call.mistake("Some of these said no. An opt-out beats every list.", sometimes=True)
def opt_outs_called(company, parameters):
    points = phone_numbers(company, parameters)
    return set(points.customer_id[points.said_yes]) & machine_buyers(company, parameters)


@customers_to_call.mistake("That is everybody who bought a machine. Who of them may be called?")
def all_buyers(company, parameters):
    return machine_buyers(company, parameters)


@customers_to_call.mistake("Those are the suppressed ones; the open ones may be called.")
def the_suppressed(company, parameters):
    return machine_buyers(company, parameters) - customers_to_call(company, parameters)


# -- settled -----------------------------------------------------------------------------------------------------------


@key.question(
    "q7",
    points=3,
    minutes=4,
    compare=Number(tolerance=1e-6),
    hints=[
        "Keep the contacts of the topic that an agent answered, then cc.first_contact_resolution(..., to_date, "
        "within_days=within_days).",
    ],
)
def resolved_at_first_contact(company, parameters):
    answered = answered_about(company, parameters)
    found = cc.first_contact_resolution(answered, parameters.to_date, within_days=parameters.within_days)
    return found["first_contact_resolution"]


def answered_about(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    return contacts[contacts.answered_at.notna() & (contacts.topic == parameters.topic)]


@resolved_at_first_contact.mistake("That is what agents marked as resolved. Did the customers come back?")
def marked_as_resolved(company, parameters):
    return float((answered_about(company, parameters).outcome == "resolved").mean())


@resolved_at_first_contact.mistake("You counted second contacts as first ones. A matter counts once.", sometimes=True)
def every_contact_a_matter(company, parameters):
    answered = answered_about(company, parameters)
    return float(cc.settled(answered, parameters.to_date, within_days=parameters.within_days).dropna().mean())


@resolved_at_first_contact.mistake(
    "Contacts shortly before to_date count as settled in yours, though their days are not over.", sometimes=True
)
def days_not_over(company, parameters):
    answered = answered_about(company, parameters)
    late = parameters.to_date + pd.Timedelta(days=400)
    return cc.first_contact_resolution(answered, late, within_days=parameters.within_days)["first_contact_resolution"]


@resolved_at_first_contact.mistake("You took all topics. The question is about one.")
def all_topics(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    answered = contacts[contacts.answered_at.notna()]
    found = cc.first_contact_resolution(answered, parameters.to_date, within_days=parameters.within_days)
    return found["first_contact_resolution"]


@key.step
def with_self_service(company, parameters):
    contacts = contacts_of_the_window(company, parameters)
    return contacts.assign(is_self_service=contacts.channel.isin(["ivr", "web"]))


def shares(company, parameters, as_of=None, **changes):
    contacts = with_self_service(company, parameters).assign(**changes)
    end = parameters.to_date if as_of is None else as_of
    found = cc.deflection(contacts, end, within_days=parameters.within_days)
    return {"naive": found["naive"], "true": found["true"]}


@key.question(
    "q8",
    points=3,
    minutes=6,
    compare=Mapping(Number(tolerance=1e-6)),
    hints=[
        "cc.deflection needs a column is_self_service: True where the channel is ivr or web.",
        "Give a dict with the keys naive and true: both stand in what cc.deflection returns.",
    ],
)
def deflection_shares(company, parameters):
    return shares(company, parameters)


@deflection_shares.mistake(
    "You believed the column outcome. Whether a visit to self-service settled anything shows later: take the channels."
)
def outcome_believed(company, parameters):
    contacts = with_self_service(company, parameters)
    return shares(company, parameters, is_self_service=contacts.outcome == "self_service")


@deflection_shares.mistake("Deflection is a share of all contacts, not of those with self-service.")
def of_the_visits(company, parameters):
    contacts = with_self_service(company, parameters)
    found = cc.deflection(contacts, parameters.to_date, within_days=parameters.within_days)
    return {"naive": 1.0, "true": 1 - found["came_back"]}


@deflection_shares.mistake("You counted the voice computer alone; the web pages (web) are self-service, too.")
def voice_only(company, parameters):
    contacts = with_self_service(company, parameters)
    return shares(company, parameters, is_self_service=contacts.channel == "ivr")


@deflection_shares.mistake("A customer who comes back through another channel has come back: keep all contacts.")
def only_self_service_looked_at(company, parameters):
    contacts = with_self_service(company, parameters)
    alone = contacts[contacts.is_self_service]
    kept = cc.settled(alone, parameters.to_date, within_days=parameters.within_days).dropna().sum()
    judged = cc.settled(contacts, parameters.to_date, within_days=parameters.within_days).notna().sum()
    return {"naive": shares(company, parameters)["naive"], "true": float(kept / judged)}


@deflection_shares.mistake("Contacts whose days are not over by to_date tell nothing yet.", sometimes=True)
def all_days_taken_for_over(company, parameters):
    return shares(company, parameters, as_of=parameters.to_date + pd.Timedelta(days=400))


# -- the money ---------------------------------------------------------------------------------------------------------


def call_cost_cents(company, parameters, with_wrap_up_seconds=True):
    """What a call costs: talk and wrap-up of an answered one, in the mean, at the cost of an hour."""
    calls = calls_of(company, parameters)
    calls = calls[calls.answered_at.notna() & calls.ended_at.notna()]
    seconds = (calls.ended_at - calls.answered_at).dt.total_seconds() + calls.wrap_up_seconds * with_wrap_up_seconds
    return seconds.mean() / 3600 * parameters.agent_hour_cents


def decide(saved_share, found, call_cents, parameters):
    return "keep" if saved_share * call_cents > found["naive"] * parameters.visit_fee_cents else "stop"


@key.question(
    "q9",
    points=3,
    minutes=8,
    compare=Text(),
    follows=["q8"],
    hints=[
        "The fee is paid for every visit (the naive share of the contacts); a call is saved by the true share only.",
        "Mind the units: seconds and hours, and all money in cents.",
    ],
)
def decision(company, parameters, found):
    return decide(found["true"], found, call_cost_cents(company, parameters), parameters)


@decision.mistake("The fee is paid for every visit, and only the settled ones save a call.", sometimes=True)
def decided_by_the_naive_share(company, parameters, found):
    return decide(found["naive"], found, call_cost_cents(company, parameters), parameters)


@decision.mistake("The agent works on after the call: wrap-up is part of what it costs.", sometimes=True)
def call_without_wrap_up(company, parameters, found):
    return decide(found["true"], found, call_cost_cents(company, parameters, with_wrap_up_seconds=False), parameters)


@decision.near_tie
def distance_of_the_decision(company, parameters):
    found = deflection_shares(company, parameters)
    fee = found["naive"] * parameters.visit_fee_cents
    return abs(found["true"] * call_cost_cents(company, parameters) - fee) / fee


key.judgement("q10", points=3, minutes=7)
