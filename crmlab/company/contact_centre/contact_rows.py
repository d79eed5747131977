"""A contact on its way through the contact centre: one row of a structured array, filled in as it goes on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from crmlab.company.contact_centre.demand import CAME_IN
from crmlab.company.contact_centre.topics import queue_of

#: ``issue``: the matter, one number for all contacts about it. ``attempt``: which contact about it, from 1.
#: ``arrival``, ``answered``, ``ended``: whole seconds from the first day's midnight, -1 where that did not happen;
#: ``ended`` is when the customer had gone, ``talk`` and ``wrap_up`` are what the agent needs. ``result``: of an
#: outbound call (see ``demand``). ``outcome``: position in ``topics.OUTCOMES``.
CONTACT = np.dtype(
    [
        ("day", "i4"), ("since", "i4"), ("topic", "u1"), ("channel", "u1"),
        ("person", "i8"), ("customer", "i8"), ("line", "i8"),
        ("leaves", "?"), ("problem", "?"), ("never_solved", "?"), ("is_office", "?"), ("unknown", "?"),
        ("result", "i1"), ("issue", "i8"), ("attempt", "i2"), ("ticket", "i8"), ("queue", "u1"), ("arrival", "i8"),
        ("patience", "f8"), ("talk", "f8"), ("wrap_up", "f8"), ("agent", "i8"), ("answered", "i8"), ("ended", "i8"),
        ("outcome", "i1"), ("solved", "?"),
    ]
)  # fmt: skip
_FROM_DEMAND = {
    "day": "day", "since": "since", "topic": "topic", "channel": "channel",
    "person": "person_id", "customer": "customer_id",
    "line": "order_line_id", "leaves": "leaves", "problem": "problem", "never_solved": "never_solved",
    "is_office": "is_office", "unknown": "unknown", "result": "result",
}  # fmt: skip
#: Who somebody is: what two callers exchange when they change places (see ``leaving_after_waits``).
IDENTITY = ("person", "customer", "line", "leaves", "since")


def empty_contacts(count: int = 0) -> np.ndarray:
    """Rows of people whom nobody knows, to whom nothing has happened yet."""
    rows = np.zeros(count, dtype=CONTACT)
    for name in ("arrival", "answered", "ended", "outcome", "agent"):
        rows[name] = -1
    rows["result"] = CAME_IN
    rows["attempt"] = 1
    return rows


def together(parts: list[np.ndarray]) -> np.ndarray:
    """Several lists of contacts as one. (``np.concatenate`` compares the fields of the two types each time.)"""
    rows = np.empty(sum(map(len, parts)), dtype=CONTACT)
    at = 0
    for part in parts:
        rows[at : at + len(part)] = part
        at += len(part)
    return rows


def contacts_of(demand: pa.Table) -> np.ndarray:
    """First contacts from rows of ``contact_demand``."""
    rows = empty_contacts(len(demand))
    for name, column in _FROM_DEMAND.items():
        rows[name] = demand[column].to_numpy()
    rows["queue"] = queue_of(rows["topic"], rows["channel"])
    return rows


def again(rows: np.ndarray) -> np.ndarray:
    """The next contacts about the same matters: nothing has happened to them yet."""
    following = rows.copy()
    for name in ("arrival", "answered", "ended", "outcome", "agent"):
        following[name] = -1
    following["attempt"] += 1
    following["solved"] = False
    return following


def take_identity(rows: np.ndarray, taken: np.ndarray) -> None:
    """Give rows (contacts or tickets) the identity that ``taken`` has for their issue; others stay as they are."""
    if not len(taken):
        return
    taken = taken[np.argsort(taken["issue"])]
    at = np.minimum(np.searchsorted(taken["issue"], rows["issue"]), len(taken) - 1)
    found = np.flatnonzero(taken["issue"][at] == rows["issue"])
    for name in set(IDENTITY) & set(rows.dtype.names):
        rows[name][found] = taken[name][at[found]]


def wait_seconds(contact: np.ndarray) -> np.ndarray:
    """Seconds until the answer, or until the customer had gone."""
    return np.where(contact["answered"] >= 0, contact["answered"], contact["ended"]) - contact["arrival"]
