"""The contact centre of a company from its first to its last day, a month at a time."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import numpy as np

from crmlab.company.assumptions import Assumptions
from crmlab.company.block import Block, Drawn, HandedOn, Made
from crmlab.company.contact_centre.agents import draw_agents
from crmlab.company.contact_centre.contact_rows import contacts_of, empty_contacts
from crmlab.company.contact_centre.days import ContactCentre
from crmlab.company.contact_centre.opening_hours import CLOSED_DAY, DAY, kinds_of_days, next_open_day
from crmlab.company.contact_centre.roster import Forecast, Stretches, draw_day, shift_table, shifts_of
from crmlab.company.contact_centre.settings import ContactSettings, draw_settings, settings_table
from crmlab.company.contact_centre.tables import interaction_table, interaction_truth, rating_tables, waits_truth
from crmlab.company.contact_centre.tickets import ticket_table
from crmlab.company.contact_centre.topics import (
    BILLING,
    CALL,
    CHANNEL_SHARE,
    CHANNELS,
    CHAT,
    EMAIL,
    ORDER_STATUS,
    PRODUCT_QUESTION,
    SOCIAL,
    queue_of,
)

#: The planner knows that contacts bring further contacts.
_REPEATS_FACTOR = 1.45
#: People for each place in a shift, so that they take turns.
_PEOPLE_PER_SHIFT = 1.6
_STRANGERS_ASK = ((PRODUCT_QUESTION, 0.7), (ORDER_STATUS, 0.18), (BILLING, 0.12))
#: Tickets go on for so many months at most after they were opened, as far as later contacts can change them.
_MONTHS_OF_TICKETS = 2


def _months(given: Assumptions) -> list[tuple[int, int]]:
    """First day of each month and the first day after it, counted from the company's first day."""
    first = [day for day in range(given.days) if day == 0 or (given.start + datetime.timedelta(days=day)).day == 1]
    return list(zip(first, [*first[1:], given.days], strict=True))


def _forecasts(wanted: np.ndarray, kinds: np.ndarray, months: list[tuple[int, int]]) -> list[dict[int, Forecast]]:
    """What a day of each kind brings in the mean, by month, from how many want to get in touch by day and channel."""
    days = np.arange(len(wanted))
    live = np.zeros((len(kinds), 2))
    np.add.at(live, next_open_day(kinds, days, np.zeros(len(days), dtype=int)), wanted[:, [CALL, CHAT]])
    found = []
    for first, after in months:
        letters = wanted[first:after][:, [EMAIL, SOCIAL]].sum() / max((kinds[first:after] != CLOSED_DAY).sum(), 1)
        month = {}
        for kind in np.unique(kinds[first:after]).tolist():
            calls, chats = live[first:after][kinds[first:after] == kind].mean(axis=0) * _REPEATS_FACTOR
            month[kind] = Forecast(calls, letters * _REPEATS_FACTOR, chats)
        found.append(month)
    return found


def _strangers(rng: np.random.Generator, settings: ContactSettings, day: np.ndarray) -> np.ndarray:
    """Contacts of people who are no customers, on days on which customers get in touch (``day``, one a contact)."""
    count = rng.poisson(settings.stranger_share * len(day))
    rows = empty_contacts(count if len(day) else 0)
    topic, share = zip(*_STRANGERS_ASK, strict=True)
    rows["day"] = day[rng.integers(0, max(len(day), 1), len(rows))]
    rows["topic"] = rng.choice(topic, len(rows), p=share)
    edges = np.cumsum(CHANNEL_SHARE[rows["topic"]], axis=1)
    pick = rng.random(len(rows))[:, None] * edges[:, -1:]
    rows["channel"] = np.minimum((pick >= edges).sum(axis=1), edges.shape[1] - 1)
    rows["queue"] = queue_of(rows["topic"], rows["channel"])
    return rows


def draw_contact_centre(block: Block, made: Made, handed_on: HandedOn) -> Iterator[Drawn]:
    """Tables ``agents``, ``agent_shifts``, ``interactions``, ``tickets`` and ``contact_ratings``; hidden tables
    ``agents``, ``contact_settings``, ``interactions``, ``contact_waits`` and ``contact_ratings``. A part a month."""
    given, rng = block.assumptions, block.rng("contact_centre")
    settings = draw_settings(block.seed, given.absent)
    kinds, months = kinds_of_days(given), _months(given)
    wanted = handed_on.counts_by_day("contact_demand", "channel", given.days, len(CHANNELS))
    shifts = [
        {kind: shifts_of(kind, forecast, settings) for kind, forecast in month.items() if kind != CLOSED_DAY}
        for month in _forecasts(wanted, kinds, months)
    ]
    most = [max((len(each) for each in month.values()), default=1) for month in shifts]
    agents = draw_agents(rng, made.tables["staff"], int(np.ceil(max(most) * _PEOPLE_PER_SHIFT)) + 1)
    centre = ContactCentre(given, settings, agents, rng)
    start = given.start
    epoch_second = (start - datetime.date(1970, 1, 1)).days * DAY
    interaction_id = ticket_id = shift_id = 1
    opened = [0]
    turn = 0
    for number, (first, after) in enumerate(months):
        demand = contacts_of(handed_on.between("contact_demand", first, after))
        centre.expect(np.concatenate([demand, _strangers(rng, settings, demand["day"])]))
        pool = min(int(np.ceil(most[number] * _PEOPLE_PER_SHIFT)) + 1, len(agents.agent_id))
        worked: list[tuple[int, Stretches]] = []
        for day in range(first, after):
            stretches = None
            if kinds[day] != CLOSED_DAY:
                places = shifts[number][int(kinds[day])]
                stretches = draw_day(rng, settings, agents, int(kinds[day]), places, turn, pool)
                turn += len(places)
                worked.append((day, stretches))
            centre.run_day(day, stretches)
        is_last = after == given.days
        if is_last:
            centre.done.append(centre.letters[centre.letters["arrival"] >= 0])
            centre.letters = empty_contacts()
        if settings.wait_log_odds:
            centre.change_places(first * DAY, after * DAY)
        done = centre.take_done(after * DAY)
        opened.append(centre.tickets.last)
        final = opened[-1] if is_last else opened[max(number - _MONTHS_OF_TICKETS + 1, 0)]
        tickets = centre.tickets.take(final)
        ratings, felt = rating_tables(rng, settings, agents, done, interaction_id, start, given.days)
        tables = {
            "interactions": interaction_table(done, interaction_id, start, given.days),
            "tickets": ticket_table(tickets, ticket_id, start, given.days),
            "contact_ratings": ratings,
            "agent_shifts": shift_table(agents, worked, shift_id, epoch_second),
        }
        truth = {
            "interactions": interaction_truth(done, interaction_id),
            "contact_waits": waits_truth(rng, settings, done, interaction_id),
            "contact_ratings": felt,
        }
        if number == 0:
            tables["agents"] = agents.table()
            truth |= {"agents": agents.truth(), "contact_settings": settings_table(settings)}
        yield Drawn(tables=tables, truth=truth)
        interaction_id += len(done)
        ticket_id += len(tickets)
        shift_id += len(tables["agent_shifts"])
