"""The contact centre as a queue: how long callers wait, how many hang up, how many agents it takes (lesson 13).

Load is the work that arrives, in erlangs: calls a second times seconds of handling (talk and wrap-up). Times are in
seconds throughout. Every function takes numbers or arrays and computes all intervals of a plan at once.

    erlang_b    nobody waits: a call that finds no agent is lost
    erlang_c    everybody waits until an agent is free
    erlang_a    callers wait, and hang up when their patience ends

Whether a contact settled anything shows later: ``first_contact_resolution`` and ``deflection`` look for another one.

``contact_facts`` measures the contacts, ``kpi_table`` computes every KPI on ``load_contact_mart``; ``weekday_forecast``,
``agents_required`` and ``cover_shifts`` make a day's staffing; ``held_against_theory`` and ``replay`` simulate the queue;
``lever_sets`` compares what may be changed.
"""

from crmlab.analytical.contact_centre.arrivals import (calls_by_half_hour, forecast_error, open_half_hours, weekday_forecast,)
from crmlab.analytical.contact_centre.benchmarks import (industry_benchmarks, industry_ranking,)
from crmlab.analytical.contact_centre.callers_patience import (draw_patience, mean_patience_seconds, patience_curve,)
from crmlab.analytical.contact_centre.contact_mart import (load_contact_mart,)
from crmlab.analytical.contact_centre.contacts import (between, contact_facts,)
from crmlab.analytical.contact_centre.erlang import (erlang_b, erlang_c, service_level, speed_of_answer,)
from crmlab.analytical.contact_centre.kpis import (KPIS, kpi_table,)
from crmlab.analytical.contact_centre.lever_trial import (TelephoneLine, draw_matters, run_line,)
from crmlab.analytical.contact_centre.levers import (FOUR_LEVERS, Lever, Stakes, lever_sets, with_levers,)
from crmlab.analytical.contact_centre.measures import (abandon_share, answered_in_time_share, contacts_per_paid_hour, cost_per_contact, mean_handle_seconds, mean_wait_seconds, occupancy, paid_time, shrinkage,)
from crmlab.analytical.contact_centre.patience import (erlang_a,)
from crmlab.analytical.contact_centre.queue_trial import (draw_calls, held_against_theory, pooled_and_separate, simulate_calls,)
from crmlab.analytical.contact_centre.repeat_contacts import (days_to_next_contact, deflection, first_contact_resolution, settled,)
from crmlab.analytical.contact_centre.replay import (extra_agents, replay,)
from crmlab.analytical.contact_centre.shift_cover import (cover_shifts, shift_patterns, shift_plan,)
from crmlab.analytical.contact_centre.staffing import (agents_required, staff_required,)
from crmlab.analytical.contact_centre.wait_and_rating import (rating_on_log_wait,)
from crmlab.analytical.contact_centre.waits_and_margin import (margin_after_calls, margin_on_log_wait,)

__all__ = [
    "FOUR_LEVERS",
    "KPIS",
    "Lever",
    "Stakes",
    "TelephoneLine",
    "abandon_share",
    "agents_required",
    "answered_in_time_share",
    "between",
    "calls_by_half_hour",
    "contact_facts",
    "contacts_per_paid_hour",
    "cost_per_contact",
    "cover_shifts",
    "days_to_next_contact",
    "deflection",
    "draw_calls",
    "draw_matters",
    "draw_patience",
    "erlang_a",
    "erlang_b",
    "erlang_c",
    "extra_agents",
    "first_contact_resolution",
    "forecast_error",
    "held_against_theory",
    "industry_benchmarks",
    "industry_ranking",
    "kpi_table",
    "lever_sets",
    "load_contact_mart",
    "margin_after_calls",
    "margin_on_log_wait",
    "mean_handle_seconds",
    "mean_patience_seconds",
    "mean_wait_seconds",
    "occupancy",
    "open_half_hours",
    "paid_time",
    "patience_curve",
    "pooled_and_separate",
    "rating_on_log_wait",
    "replay",
    "run_line",
    "service_level",
    "settled",
    "shift_patterns",
    "shift_plan",
    "shrinkage",
    "simulate_calls",
    "speed_of_answer",
    "staff_required",
    "weekday_forecast",
    "with_levers",
]
