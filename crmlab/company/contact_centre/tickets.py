"""Tickets: what a contact leaves open, who takes it, when it is resolved, and when it is opened again."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa

from crmlab.company.columns import maybe_number, repeating_text
from crmlab.company.contact_centre.opening_hours import DAY, next_open_day
from crmlab.company.contact_centre.topics import (
    ALWAYS_A_TICKET,
    CHANNELS,
    FAULT,
    IS_WRITTEN,
    ORDER_STATUS,
    RETURN,
    TOPICS,
)

TYPES = ("question", "incident", "complaint", "return", "warranty")
PRIORITIES = ("Low", "Normal", "High", "Urgent")
STATUSES = ("Assigned", "Resolved", "Closed")
#: A resolved ticket is closed after so many days in which nobody has opened it again.
CLOSED_AFTER_DAYS = 7
#: Days in the middle (lognormal) until a ticket is resolved that the first contact did not resolve, by priority.
_RESOLUTION_DAYS = np.array([4.0, 2.5, 1.6, 1.0])
_RESOLUTION_SIGMA, _NEVER_SOLVED_FACTOR = 0.7, 3.0
#: Of what is not solved: how much goes to the second line, and how long it takes until somebody there has it.
_HANDED_OVER_SHARE, _HANDED_OVER_SECONDS = 0.35, 1500.0
_REOPENED_SHARE, _REOPENED_SHARE_NEVER_SOLVED = 0.06, 0.5
_REOPENED_AFTER_DAYS = 3.0
NOT_YET = np.iinfo(np.int64).max

TICKET = np.dtype(
    [
        ("issue", "i8"), ("customer", "i8"), ("line", "i8"),
        ("topic", "u1"), ("type", "u1"), ("channel", "u1"), ("priority", "u1"),
        ("owner", "i8"), ("opened", "i8"), ("assigned", "i8"), ("first_resolved", "i8"), ("reopened", "i8"),
        ("resolved", "i8"),
    ]
)  # fmt: skip


def opens_ticket(contact: np.ndarray) -> np.ndarray:
    """bool: which answered contacts leave a ticket: what is not solved, each fault and return, of known customers."""
    known = (contact["customer"] > 0) & ~contact["unknown"]
    return known & (contact["ticket"] == 0) & (~contact["solved"] | ALWAYS_A_TICKET[contact["topic"]])


def draw_tickets(
    rng: np.random.Generator, kinds: np.ndarray, contact: np.ndarray, second_line: np.ndarray
) -> np.ndarray:
    """The tickets that answered contacts open, one each, as their life would go on (``TICKET``).

    ``second_line``: ids of the agents to whom some of what is not solved is handed over.
    """
    count = len(contact)
    ticket = np.zeros(count, dtype=TICKET)
    for name in ("issue", "customer", "line", "topic", "channel"):
        ticket[name] = contact[name]
    written = IS_WRITTEN[contact["channel"]]
    ticket["opened"] = np.where(written, contact["arrival"], contact["answered"])
    handed_over = ~contact["solved"] & (rng.random(count) < _HANDED_OVER_SHARE)
    ticket["owner"] = np.where(handed_over, second_line[rng.integers(0, len(second_line), count)], contact["agent"])
    waits = 60 + rng.exponential(_HANDED_OVER_SECONDS, count).astype(np.int64)
    ticket["assigned"] = contact["answered"] + np.where(handed_over, waits, 0)
    ticket["type"] = np.select(
        [contact["topic"] == RETURN, contact["topic"] == FAULT, contact["problem"]],
        [TYPES.index("return"), np.where(contact["problem"], TYPES.index("complaint"), TYPES.index("warranty")),
         TYPES.index("incident")],
        TYPES.index("question"),
    )  # fmt: skip
    urgent = (contact["topic"] == FAULT).astype(int) + contact["is_office"]
    ticket["priority"] = np.where(ticket["type"] == 0, 0, 1) + urgent
    ticket["priority"] = np.where((contact["topic"] == ORDER_STATUS) & ~contact["problem"], 0, ticket["priority"])
    at_once = contact["ended"] + np.rint(contact["wrap_up"]).astype(np.int64)
    days = _RESOLUTION_DAYS[ticket["priority"]] * np.exp(rng.normal(0, _RESOLUTION_SIGMA, count))
    days *= np.where(contact["never_solved"], _NEVER_SOLVED_FACTOR, 1.0)
    later = _office_second(rng, kinds, contact["answered"], days)
    ticket["first_resolved"] = np.where(contact["solved"], at_once, later)
    share = np.where(contact["never_solved"], _REOPENED_SHARE_NEVER_SOLVED, _REOPENED_SHARE)
    again = rng.random(count) < share
    reopened = _office_second(rng, kinds, ticket["first_resolved"], rng.exponential(_REOPENED_AFTER_DAYS, count))
    ticket["reopened"] = np.where(again, reopened, NOT_YET)
    resolved = _office_second(rng, kinds, reopened, days)
    ticket["resolved"] = np.where(again, resolved, ticket["first_resolved"])
    return ticket


def _office_second(rng: np.random.Generator, kinds: np.ndarray, after: np.ndarray, days: np.ndarray) -> np.ndarray:
    """A second in office hours, at least a day after ``after``."""
    day = after // DAY + np.maximum(np.rint(days), 1).astype(np.int64)
    day = next_open_day(kinds, day, np.zeros(len(day), dtype=np.int64))
    # Past the days that the company knows: it will be some time.
    day = np.maximum(day, after // DAY + 1)
    return day * DAY + rng.integers(9 * 3600, 17 * 3600, len(day))


class TicketBook:
    """The tickets that may still change: ``rows`` (``TICKET``), numbered from ``first`` on."""

    def __init__(self) -> None:
        self.first = 1
        self.rows = np.zeros(0, dtype=TICKET)

    @property
    def last(self) -> int:
        """The number of the latest ticket."""
        return self.first + len(self.rows) - 1

    def open(
        self,
        rng: np.random.Generator,
        kinds: np.ndarray,
        contact: np.ndarray,
        said: np.ndarray,
        second_line: np.ndarray,
    ) -> None:
        """Open tickets for answered contacts, and write their numbers into ``contact``.

        ``said``: bool, what agents wrote down as resolved; that leaves a ticket only for faults and returns.
        """
        new = np.flatnonzero(opens_ticket(contact) & (~said | ALWAYS_A_TICKET[contact["topic"]]))
        if not len(new):
            return
        new = new[np.argsort(contact["answered"][new], kind="stable")]
        opened = draw_tickets(rng, kinds, contact[new], second_line)
        contact["ticket"][new] = self.last + 1 + np.arange(len(new))
        self.rows = np.concatenate([self.rows, opened])

    def resolve(self, contact: np.ndarray) -> None:
        """Tickets, still open, of matters that these contacts have solved are resolved with them."""
        at = contact["ended"] + contact["wrap_up"].astype(np.int64)
        known = np.flatnonzero(contact["solved"] & (contact["ticket"] >= self.first))
        of, at = contact["ticket"][known] - self.first, at[known]
        still_open = (self.rows["first_resolved"][of] > at) & (self.rows["assigned"][of] < at)
        of, at = of[still_open], at[still_open]
        once = of[self.rows["reopened"][of] == NOT_YET]
        self.rows["first_resolved"][of] = at
        self.rows["resolved"][once] = self.rows["first_resolved"][once]

    def resolved_before(self, ticket: np.ndarray, second: np.ndarray) -> np.ndarray:
        """bool: which of these tickets (by number; 0: none) are resolved before their second."""
        found = np.zeros(len(ticket), dtype=bool)
        known = np.flatnonzero(ticket >= self.first)
        found[known] = self.rows["first_resolved"][ticket[known] - self.first] < second[known]
        return found

    def take(self, last: int) -> np.ndarray:
        """The tickets up to number ``last``; they will not change any more."""
        count = max(last - self.first + 1, 0)
        taken, self.rows = self.rows[:count], self.rows[count:]
        self.first += count
        return taken


def ticket_table(ticket: np.ndarray, first_id: int, start: datetime.date, days: int) -> pa.Table:
    """Table ``tickets`` as it stands at the end of the last day."""
    end = days * DAY
    epoch = (start - datetime.date(1970, 1, 1)).days * DAY

    def at(seconds: np.ndarray) -> pa.Array:
        missing = seconds >= end
        return pa.array(epoch + np.where(missing, 0, seconds), pa.timestamp("s"), mask=missing)

    reopened = ticket["reopened"] < end
    resolved = np.where(reopened, ticket["resolved"], ticket["first_resolved"])
    status = np.where(resolved >= end, 0, np.where(resolved + CLOSED_AFTER_DAYS * DAY < end, 2, 1))
    return pa.table(
        {
            "ticket_id": first_id + np.arange(len(ticket), dtype=np.int64),
            "customer_id": ticket["customer"],
            "order_line_id": maybe_number(ticket["line"], ticket["line"] == 0),
            "type": repeating_text(ticket["type"], TYPES),
            "topic": repeating_text(ticket["topic"], TOPICS),
            "channel": repeating_text(ticket["channel"], CHANNELS),
            "priority": repeating_text(ticket["priority"], PRIORITIES),
            "status": repeating_text(status, STATUSES),
            "owner_id": ticket["owner"].astype(np.int32),
            "opened_at": at(ticket["opened"]),
            "first_assigned_at": at(ticket["assigned"]),
            "first_resolved_at": at(ticket["first_resolved"]),
            "reopened_at": at(np.where(ticket["first_resolved"] < end, ticket["reopened"], NOT_YET)),
            "resolved_at": at(resolved),
        }
    )
