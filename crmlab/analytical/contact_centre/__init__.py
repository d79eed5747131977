"""The contact centre as a queue: how long callers wait, how many hang up, how many agents it takes (lesson 13).

Load is the work that arrives, in erlangs: calls a second times seconds of handling (talk and wrap-up). Times are in
seconds throughout. Every function takes numbers or arrays and computes all intervals of a plan at once.

    erlang_b    nobody waits: a call that finds no agent is lost
    erlang_c    everybody waits until an agent is free
    erlang_a    callers wait, and hang up when their patience ends

Whether a contact settled anything shows later: ``first_contact_resolution`` and ``deflection`` look for another one.
``contact_facts`` measures the contacts, and ``kpi_table`` computes every KPI on ``load_contact_mart``.
``weekday_forecast``, ``agents_required`` and ``cover_shifts`` make a day's staffing; ``held_against_theory`` and
``replay`` simulate the queue; ``lever_sets`` compares what may be changed.
"""

import lazy_loader

# Loaded when first asked for: the company's roster takes `agents_required` from here, while the KPIs read a company.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "arrivals": ["agents_present", "calls_by_half_hour", "forecast_error", "open_half_hours", "weekday_forecast"],
        "benchmarks": ["industry_benchmarks", "industry_ranking"],
        "callers_patience": ["draw_patience", "mean_patience_seconds", "patience_curve"],
        "contact_mart": ["load_contact_mart"],
        "contacts": ["between", "contact_facts"],
        "erlang": ["erlang_b", "erlang_c", "service_level", "speed_of_answer"],
        "kpis": ["KPIS", "kpi_table"],
        "lever_trial": ["TelephoneLine", "draw_matters", "run_line"],
        "levers": ["FOUR_LEVERS", "Lever", "Stakes", "lever_sets", "with_levers"],
        "measures": [
            "abandon_share",
            "answered_in_time_share",
            "contacts_per_paid_hour",
            "cost_per_contact",
            "mean_handle_seconds",
            "mean_wait_seconds",
            "occupancy",
            "paid_time",
            "shrinkage",
        ],
        "patience": ["erlang_a"],
        "queue_trial": ["draw_calls", "held_against_theory", "pooled_and_separate", "simulate_calls"],
        "repeat_contacts": ["days_to_next_contact", "deflection", "first_contact_resolution", "settled"],
        "replay_days": ["extra_agents", "replay"],
        "shift_cover": ["cover_shifts", "shift_patterns", "shift_plan"],
        "staffing": ["agents_required", "staff_required"],
        "wait_and_rating": ["rating_on_log_wait"],
        "waits_and_margin": ["after_calls", "slope_on_log_wait"],
    },
)
