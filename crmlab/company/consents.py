"""Consents: what people said about being written to, by address. No row means: no marketing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.contact_points import KINDS

ACTIONS = ("opt_in", "confirmed_opt_in", "opt_out")
_SOURCES = ("checkout", "newsletter_form", "confirmation_link", "unsubscribe_link", "contact_centre")
#: Share that opts in, of e-mail, phone and post; share of e-mail opt-ins that are confirmed; share that opts out later.
_OPT_IN = np.array([0.62, 0.18, 0.45])
_CONFIRMED = 0.8
_OPT_OUT = 0.14


def draw_consents(block: Block, made: Mapping[str, Any]) -> Drawn:
    """Table ``consents``, a row each time that somebody said something about an address, in the order of time."""
    rng = block.rng("consents")
    records, points = made["people"], made["contact_points"]
    count = len(points.kind)
    last_day = block.assumptions.days - 1
    said = records.created_day[points.record]
    opted_in = np.flatnonzero(rng.random(count) < _OPT_IN[points.kind])
    email = opted_in[(points.kind[opted_in] == 0)]
    confirmed = email[rng.random(len(email)) < _CONFIRMED]
    out = opted_in[rng.random(len(opted_in)) < _OPT_OUT]
    out_day = said[out] + 1 + (rng.random(len(out)) * (last_day - said[out])).astype(np.int64)
    out, out_day = out[out_day <= last_day], out_day[out_day <= last_day]

    point = np.concatenate([opted_in, confirmed, out])
    day = np.concatenate(
        [said[opted_in], np.minimum(said[confirmed] + rng.integers(0, 2, len(confirmed)), last_day), out_day]
    )
    action = np.repeat([0, 1, 2], [len(opted_in), len(confirmed), len(out)])
    source = np.concatenate(
        [rng.integers(0, 2, len(opted_in)), np.full(len(confirmed), 2), np.where(points.kind[out] == 0, 3, 4)]
    )
    order = np.lexsort([action, point, day])
    chosen = pa.array(point[order])
    table = pa.table(
        {
            "consent_id": block.ids(len(order)),
            "kind": repeating_text(points.kind[point[order]], KINDS),
            "value": points.value.take(chosen),
            "purpose": repeating_text(np.zeros(len(order)), ["marketing"]),
            "action": repeating_text(action[order], ACTIONS),
            "source": repeating_text(source[order], _SOURCES),
            "consent_date": calendar_dates(day[order], block.assumptions.start),
        }
    )
    return Drawn(tables={"consents": table})
