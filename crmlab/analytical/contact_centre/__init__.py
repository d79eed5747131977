"""The contact centre as a queue: how long callers wait, how many hang up, how many agents it takes (lesson 13).

Load is the work that arrives, in erlangs: calls a second times seconds of handling (talk and wrap-up). Times are in
seconds throughout. Every function takes numbers or arrays and computes all intervals of a plan at once.

    erlang_b    nobody waits: a call that finds no agent is lost
    erlang_c    everybody waits until an agent is free
    erlang_a    callers wait, and hang up when their patience ends

Whether a contact settled anything shows later: ``first_contact_resolution`` and ``deflection`` look for another one.
"""

from crmlab.analytical.contact_centre.erlang import erlang_b, erlang_c, service_level, speed_of_answer
from crmlab.analytical.contact_centre.patience import erlang_a
from crmlab.analytical.contact_centre.repeat_contacts import (
    days_to_next_contact,
    deflection,
    first_contact_resolution,
    settled,
)
from crmlab.analytical.contact_centre.staffing import agents_required, staff_required

__all__ = [
    "agents_required",
    "days_to_next_contact",
    "deflection",
    "erlang_a",
    "erlang_b",
    "erlang_c",
    "first_contact_resolution",
    "service_level",
    "settled",
    "speed_of_answer",
    "staff_required",
]
