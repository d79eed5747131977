"""Who may be written to, and when: permission by address, as the company's own consents have it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow.compute as pc

from crmlab.company.block import Block, Made
from crmlab.company.columns import day_numbers
from crmlab.company.contact_points import KINDS, ContactPoints

#: Later than any day.
NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True)
class Permissions:
    """One value a contact point: ``record`` and ``person`` (positions), ``kind``, ``from_day`` (first day of
    permission) and ``until_day`` (first day without it), each ``NEVER`` where that day has not come.

    E-mail needs a confirmed opt-in. An opt-out counts for every address of the person of that kind, so that nobody is
    written to as a second record.
    """

    record: np.ndarray
    person: np.ndarray
    kind: np.ndarray
    from_day: np.ndarray
    until_day: np.ndarray


def permissions(block: Block, made: Made) -> Permissions:
    """The permissions of the block's contact points, from the table ``consents``."""
    points: ContactPoints = made["contact_points"]
    person = made["people"].person[points.record]
    consents = made.tables["consents"]
    day = day_numbers(consents["consent_date"], block.assumptions.start)
    # The till writes addresses in capitals: they are the same addresses.
    address = pc.utf8_lower(points.value).dictionary_encode()
    said_of = pc.index_in(pc.utf8_lower(consents["value"].combine_chunks()), address.dictionary).to_numpy()
    address = address.indices.to_numpy()
    email = pc.equal(consents["kind"], KINDS[0])
    granted = pc.equal(consents["action"], pc.if_else(email, "confirmed_opt_in", "opt_in")).to_numpy()
    from_day = _first_day(said_of[granted], day[granted], len(address))[address]
    withdrawn = pc.equal(consents["action"], "opt_out").to_numpy()
    out_day = _first_day(said_of[withdrawn], day[withdrawn], len(address))[address]
    of_person = person * len(KINDS) + points.kind
    out_of_person = _first_day(of_person, out_day, block.people * len(KINDS))
    return Permissions(points.record, person, points.kind, from_day, out_of_person[of_person])


def _first_day(of: np.ndarray, day: np.ndarray, count: int) -> np.ndarray:
    """The earliest ``day`` of each of ``count`` things, ``NEVER`` where there is none."""
    first = np.full(count, NEVER)
    np.minimum.at(first, of, day)
    return first
