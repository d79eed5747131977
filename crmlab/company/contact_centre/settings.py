"""What is true of one company's contact centre by construction (hidden table ``contact_settings``)."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pyarrow as pa

from crmlab.company.block import random_generator


@dataclasses.dataclass(frozen=True)
class ContactSettings:
    """The settings behind one contact centre. Shares are of what happens in the customers' lives."""

    # Who gets in touch at all.
    late_contact_share: float = 0.6
    waiting_contact_share: float = 0.16
    failure_contact_share: float = 0.8
    defect_share: float = 0.2
    question_share: float = 0.2
    billing_share: float = 0.08
    return_contact_share: float = 0.5
    contract_contacts_a_year: float = 0.7
    # Contacts of people who are no customers, for each contact of a customer; and customers who are not recognised.
    stranger_share: float = 0.12
    unknown_share: float = 0.1
    # Self-service: who finds the answer alone; the others call, mostly.
    self_service_solved_share: float = 0.55
    # After an answer that solved nothing; after giving up in the queue.
    repeat_share: float = 0.6
    redial_share: float = 0.6
    # What a wait does. Added to the log-odds of leaving for service, for each unit of ln(1 + wait / 60 seconds) of the
    # first call about a matter; 0 in a company without a leak.
    wait_log_odds: float = 0.7
    # Taken off a satisfaction rating (1 to 5) for each unit of ln(1 + wait / patience scale of the channel); and off
    # that of a matter which is not solved.
    rating_wait_slope: float = 0.45
    rating_unsolved_drop: float = 1.3
    rating_answer_share: float = 0.16
    rating_answer_share_annoyed: float = 0.28
    # Staffing: the service level that the roster is planned for (in 20 seconds), for the mean day of a month.
    planned_service_level: float = 0.8
    sick_share: float = 0.06
    training_share: float = 0.3


_VARYING = (
    "late_contact_share", "waiting_contact_share", "defect_share", "question_share", "billing_share",
    "return_contact_share", "contract_contacts_a_year", "stranger_share", "self_service_solved_share", "repeat_share",
    "redial_share", "wait_log_odds", "rating_wait_slope", "rating_unsolved_drop", "rating_answer_share", "sick_share",
)  # fmt: skip


@functools.lru_cache(maxsize=8)
def draw_settings(seed: int, absent: str) -> ContactSettings:
    """The settings of the company with this seed.

    >>> draw_settings(7, "") == draw_settings(7, ""), draw_settings(7, "leak").wait_log_odds
    (True, 0.0)
    """
    factors = np.exp(random_generator(seed, "assumptions/contact_centre").normal(0, 0.1, len(_VARYING)))
    standard = ContactSettings()
    # Four digits that count, also of small shares.
    varied = {
        name: float(f"{getattr(standard, name) * factor:.4g}") for name, factor in zip(_VARYING, factors, strict=True)
    }
    if absent == "leak":
        varied["wait_log_odds"] = 0.0
    return dataclasses.replace(standard, **varied)


def settings_table(settings: ContactSettings) -> pa.Table:
    """The settings, a row each: ``setting``, ``value``."""
    values = dataclasses.asdict(settings)
    return pa.table({"setting": list(values), "value": pa.array(list(values.values()), pa.float64())})
