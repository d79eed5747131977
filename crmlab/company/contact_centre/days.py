"""The contact centre day by day: contacts arrive, the queue runs, and what it leaves open comes back.

The state that one day leaves to the next is small: letters that nobody has answered yet, contacts that will come on a
later day, and tickets that are still open. So a company of any size is drawn in the memory of a month.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from crmlab.company.assumptions import Assumptions
from crmlab.company.contact_centre.agents import Agents
from crmlab.company.contact_centre.contact_rows import again, empty_contacts, take_identity, together
from crmlab.company.contact_centre.demand import (
    CALLED_INTERESTED,
    CALLED_NO_ANSWER,
    CALLED_OPTED_OUT,
    CALLED_REFUSED,
)
from crmlab.company.contact_centre.handling import draw_needs, draw_solved
from crmlab.company.contact_centre.leaving_after_waits import places_taken
from crmlab.company.contact_centre.opening_hours import (
    CLOSED_DAY,
    DAY,
    OPEN_HOURS,
    any_seconds,
    call_seconds,
    kinds_of_days,
    next_open_day,
)
from crmlab.company.contact_centre.roster import Stretches, schedule_of
from crmlab.company.contact_centre.settings import ContactSettings
from crmlab.company.contact_centre.tickets import TicketBook
from crmlab.company.contact_centre.topics import (
    ABANDONED,
    CALL,
    CLOSED,
    FOLLOW_UP,
    INTERESTED,
    IS_ALONE,
    IS_LIVE,
    LEFT_SELF_SERVICE,
    MAY_BE_TROUBLE,
    NO_ANSWER,
    OFFER,
    OFFICE_PRIORITY,
    OPTED_OUT,
    OUTBOUND_PRIORITY,
    PRIORITY,
    REFUSED,
    RESOLVED,
    SELF_SERVICE,
    TECHNICAL,
    UNITS,
    queue_of,
)
from crmlab.contact_queue import QueueResult, run_queue

#: Of the calls on an open day: how many come when the lines are closed, and hear that they are.
_OUTSIDE_HOURS_SHARE = 0.02
#: Of those who try again: how many do so on the same day, after so many seconds in the mean.
_SAME_DAY_SHARE, _SAME_DAY_SECONDS = 0.6, 1500.0
#: Who has found no help alone calls within so many days, if at all.
_AFTER_SELF_SERVICE_DAYS, _CALLS_AFTER_SELF_SERVICE = 6, 0.8
#: Who has got no solution asks again after so many days: 1 and more.
_REPEAT_DAY_SHARE = 0.35
_MOST_ATTEMPTS = 6
#: Of what is not solved: how much the agent writes down as resolved.
_SAID_TO_BE_RESOLVED = 0.12
_OUTCOME_OF_CALL = {
    CALLED_NO_ANSWER: NO_ANSWER, CALLED_INTERESTED: INTERESTED, CALLED_REFUSED: REFUSED, CALLED_OPTED_OUT: OPTED_OUT,
}  # fmt: skip


@dataclasses.dataclass
class ContactCentre:
    """The contact centre as it stands after a day. ``done``: contacts of which the rest is known; ``letters``: those
    in the queue; ``later``: by day, contacts that will come; ``tickets``: those that may still change."""

    given: Assumptions
    settings: ContactSettings
    agents: Agents
    rng: np.random.Generator
    kinds: np.ndarray = dataclasses.field(init=False)
    done: list[np.ndarray] = dataclasses.field(default_factory=list)
    letters: np.ndarray = dataclasses.field(default_factory=empty_contacts)
    later: dict[int, list[np.ndarray]] = dataclasses.field(default_factory=dict)
    tickets: TicketBook = dataclasses.field(default_factory=TicketBook)
    issues: int = 0

    def __post_init__(self) -> None:
        self.kinds = kinds_of_days(self.given)
        self._second_line = self.agents.agent_id[self.agents.skills[:, TECHNICAL]]

    def expect(self, contact: np.ndarray) -> None:
        """Contacts that will come on their ``day``; calls, chats and outbound calls on an open one."""
        if not len(contact):
            return
        live = IS_LIVE[contact["channel"]]
        skip = self.rng.choice(3, len(contact), p=[0.5, 0.3, 0.2])
        day = np.where(live, next_open_day(self.kinds, contact["day"].astype(np.int64), skip), contact["day"])
        contact["day"] = day
        new = contact["issue"] == 0
        contact["issue"][new] = self.issues + 1 + np.arange(new.sum())
        self.issues += int(new.sum())
        order = np.argsort(day, kind="stable")
        days, first = np.unique(day[order], return_index=True)
        for each, rows in zip(days.tolist(), np.split(contact[order], first[1:]), strict=True):
            self.later.setdefault(each, []).append(rows)

    def run_day(self, day: int, stretches: Stretches | None) -> None:
        """One day. ``stretches``: who is there; none on a day without lines."""
        coming = self.later.pop(day, [])
        today = together(coming)
        alone = IS_ALONE[today["channel"]]
        called = self._help_themselves(today[alone], day)
        contact = together([today[~alone], called])
        live = IS_LIVE[contact["channel"]] & (contact["topic"] != OFFER)
        unset = contact["arrival"] < 0
        letters = np.flatnonzero(unset & ~live)
        contact["arrival"][letters] = day * DAY + any_seconds(self.rng, len(letters))
        draw_needs(self.rng, contact)
        kind = int(self.kinds[day])
        if kind == CLOSED_DAY:
            self.letters = together([self.letters, contact])
            return
        calls = np.flatnonzero(unset & live)
        contact["arrival"][calls] = day * DAY + call_seconds(self.rng, kind, len(calls))
        # Outbound calls begin when the lines open.
        offers = contact["topic"] == OFFER
        contact["arrival"][offers] = day * DAY + int(OPEN_HOURS[kind][0]) * 3600
        contact = self._meet_closed_lines(contact, kind, day)
        self._queue(together([self.letters, contact]), kind, day, stretches)

    def _help_themselves(self, contact: np.ndarray, day: int) -> np.ndarray:
        """Visits of the help pages and talks with the voice menu; returns the calls of this day that follow."""
        rng, count = self.rng, len(contact)
        if not count:
            return contact
        contact["arrival"] = day * DAY + any_seconds(rng, count)
        contact["ended"] = contact["arrival"] + 20 + rng.exponential(90, count).astype(np.int64)
        contact["solved"] = (rng.random(count) < self.settings.self_service_solved_share) & ~contact["never_solved"]
        contact["outcome"] = np.where(contact["solved"], SELF_SERVICE, LEFT_SELF_SERVICE)
        self.done.append(contact)
        calls = np.flatnonzero(~contact["solved"] & (rng.random(count) < _CALLS_AFTER_SELF_SERVICE))
        following = _by_call(again(contact[calls]))
        at = contact["ended"][calls] + 60 + rng.exponential(_SAME_DAY_SECONDS, len(calls)).astype(np.int64)
        same_day = self._is_open(day, at) & (rng.random(len(calls)) < _SAME_DAY_SHARE)
        following["arrival"][same_day] = at[same_day]
        later = following[~same_day]
        later["day"] = day + rng.integers(1, _AFTER_SELF_SERVICE_DAYS + 1, len(later))
        self.expect(later)
        return following[same_day]

    def _is_open(self, day: int, second: np.ndarray) -> np.ndarray:
        """bool: whether the lines are open at these seconds, on this day."""
        opens, closes = OPEN_HOURS[self.kinds[day]] * 3600
        return (second - day * DAY >= opens) & (second - day * DAY < closes)

    def _meet_closed_lines(self, contact: np.ndarray, kind: int, day: int) -> np.ndarray:
        """Some call when nobody is there; returns the others."""
        rng = self.rng
        calls = (contact["channel"] == CALL) & (contact["topic"] != OFFER) & (contact["attempt"] == 1)
        outside = calls & (rng.random(len(contact)) < _OUTSIDE_HOURS_SHARE)
        if not outside.any():
            return contact
        missed, others = contact[outside], contact[~outside]
        opens, closes = (int(hour) * 3600 for hour in OPEN_HOURS[kind])
        early = opens - 1 - rng.exponential(2400, len(missed))
        late = closes + rng.exponential(2400, len(missed))
        in_time = (rng.random(len(missed)) < 0.4) | (late >= DAY)
        missed["arrival"] = day * DAY + np.clip(np.where(in_time, early, late), 0, DAY - 1).astype(np.int64)
        missed["ended"] = missed["arrival"] + rng.integers(12, 40, len(missed))
        missed["outcome"] = CLOSED
        self.done.append(missed)
        self._try_another_day(missed, day, self.settings.redial_share)
        return others

    def _try_another_day(self, contact: np.ndarray, day: int, share: float) -> None:
        if not len(contact):
            return
        following = _by_call(again(contact[self.rng.random(len(contact)) < share]))
        following["day"] = day + self.rng.geometric(0.7, len(following))
        self.expect(following)

    def _queue(self, contact: np.ndarray, kind: int, day: int, stretches: Stretches) -> None:
        """The queue of a day: ``contact`` are those who come or still wait."""
        if not len(contact):
            return
        contact, first = self._with_second_tries(contact, day)
        result = run_queue(
            contact["arrival"],
            contact["talk"] + contact["wrap_up"],
            schedule_of(stretches, self.agents, day),
            patience_seconds=contact["patience"],
            queue=contact["queue"],
            priority=np.where(
                contact["topic"] == OFFER,
                OUTBOUND_PRIORITY,
                np.where(contact["is_office"], OFFICE_PRIORITY, PRIORITY[contact["channel"]]),
            ),
            units=UNITS,
            only_if_abandoned=first,
        )
        self._write_down(contact, result)
        second = np.flatnonzero(result.came & (first >= 0))
        self.letters = contact[result.still_waiting]
        gave_up = result.abandoned.copy()
        gave_up[first[second]] = False
        self._try_another_day(contact[gave_up], day, self.settings.redial_share * (1 - _SAME_DAY_SHARE))
        answered = np.flatnonzero(result.answered)
        contact[answered] = self._answered(contact[answered], day)
        self.done.append(contact[result.answered | result.abandoned])

    def _with_second_tries(self, contact: np.ndarray, day: int) -> tuple[np.ndarray, np.ndarray]:
        """The contacts, and calls that come if an earlier one gives up; for each the position of that one, or -1."""
        rng = self.rng
        calls = (contact["channel"] == CALL) & (contact["topic"] != OFFER)
        tries = np.flatnonzero(calls & (rng.random(len(contact)) < self.settings.redial_share * _SAME_DAY_SHARE))
        second = again(contact[tries])
        second["arrival"] = contact["arrival"][tries] + contact["patience"][tries].astype(np.int64) + 1
        second["arrival"] += rng.exponential(_SAME_DAY_SECONDS, len(tries)).astype(np.int64)
        open_then = self._is_open(day, second["arrival"])
        second, tries = second[open_then], tries[open_then]
        draw_needs(rng, second)
        first = np.concatenate([np.full(len(contact), -1), tries])
        return together([contact, second]), first

    def _write_down(self, contact: np.ndarray, result: QueueResult) -> None:
        """What the queue did to each contact, in whole seconds."""
        got = np.flatnonzero(result.answered)
        agent = result.agent_id[got] - 1
        contact["agent"][got] = agent
        contact["answered"][got] = np.floor(result.answered_at[got])
        contact["wrap_up"][got] = np.rint(contact["wrap_up"][got] * self.agents.pace[agent])
        contact["ended"][got] = np.floor(result.ended_at[got]) - contact["wrap_up"][got]
        gone = np.flatnonzero(result.abandoned)
        contact["ended"][gone] = np.floor(result.abandoned_at[gone])
        contact["wrap_up"][gone] = 0
        contact["outcome"][gone] = ABANDONED

    def change_places(self, after: int, before: int) -> None:
        """Among first calls between two seconds about one kind of trouble, those who leave are who waited long.

        What follows from a call goes with its place: letters, later contacts, tickets.
        """
        done = together(self.done)
        self.done = [done]
        may = done["problem"] & (done["attempt"] == 1) & (done["channel"] == CALL) & (done["outcome"] != CLOSED)
        may &= (done["arrival"] >= after) & (done["arrival"] < before) & MAY_BE_TROUBLE[done["topic"]]
        taken = places_taken(self.rng, done[may], self.settings.wait_log_odds)
        later = [rows for each in self.later.values() for rows in each]
        for rows in (done, self.letters, self.tickets.rows, *later):
            take_identity(rows, taken)

    def _answered(self, contact: np.ndarray, day: int) -> np.ndarray:
        """Answered contacts with what came of them; what is left open comes back."""
        rng = self.rng
        offers = contact["topic"] == OFFER
        for result, outcome in _OUTCOME_OF_CALL.items():
            contact["outcome"][contact["result"] == result] = outcome
        contact["arrival"][offers] = contact["answered"][offers]
        inbound = np.flatnonzero(~offers)
        asked = contact[inbound]
        agent = asked["agent"]
        asked["solved"] = draw_solved(rng, asked, self.agents, agent)
        asked["agent"] = self.agents.agent_id[agent]
        # Some agents write down as resolved what is not.
        said = asked["solved"] | (rng.random(len(asked)) < _SAID_TO_BE_RESOLVED)
        asked["outcome"] = np.where(said, RESOLVED, FOLLOW_UP)
        self.tickets.resolve(asked)
        self.tickets.open(rng, self.kinds, asked, said, self._second_line)
        self._come_back(asked, day)
        contact["agent"][offers] = self.agents.agent_id[contact["agent"][offers]]
        contact[inbound] = asked
        return contact

    def _come_back(self, contact: np.ndarray, day: int) -> None:
        """Who got no solution asks again, unless the ticket is resolved before that."""
        rng = self.rng
        asks = ~contact["solved"] & (contact["attempt"] < _MOST_ATTEMPTS)
        asks &= rng.random(len(contact)) < self.settings.repeat_share
        following = again(contact[asks])
        by_call = rng.random(len(following)) < 0.7
        following[by_call] = _by_call(following[by_call])
        following["day"] = day + rng.geometric(_REPEAT_DAY_SHARE, len(following))
        resolved = self.tickets.resolved_before(following["ticket"], following["day"].astype(np.int64) * DAY)
        self.expect(following[~resolved | following["never_solved"]])

    def take_done(self, before: int) -> np.ndarray:
        """Contacts that arrived before this second, in the order of time; the rest stays until later.

        None that arrived after the first letter in the queue: so each part is complete up to its end.
        """
        waiting = self.letters["arrival"][self.letters["topic"] != OFFER]
        before = min(before, int(waiting.min())) if len(waiting) else before
        done = together(self.done)
        ready = done["arrival"] < before
        self.done = [done[~ready]]
        ready = done[ready]
        return ready[np.lexsort([ready["attempt"], ready["issue"], ready["arrival"]])]


def _by_call(contact: np.ndarray) -> np.ndarray:
    contact["channel"] = CALL
    contact["queue"] = queue_of(contact["topic"], contact["channel"])
    return contact
