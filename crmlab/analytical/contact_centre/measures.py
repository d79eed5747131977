"""The KPIs of a contact centre by hand, in pandas: each a quotient of two sums over the same time (lesson 13b).

A share of the day is not the mean of the shares of its half-hours: a half-hour with two calls would count as much as
one with forty. So numerators and denominators are added up first, and divided once.
"""

from __future__ import annotations

import pandas as pd

from crmlab.analytical.contact_centre.contacts import checked_columns


def _quotient(numerator: float, denominator: float) -> float:
    return float(numerator) / float(denominator) if denominator else float("nan")


def abandon_share(facts: pd.DataFrame) -> float:
    """Calls abandoned over calls offered (not over calls answered); NaN where nobody called.

    ``facts``: of ``contact_facts``; rows that were not offered are left out.
    """
    checked_columns(facts, "facts", ("is_offered", "is_abandoned"))
    offered = facts[facts["is_offered"]]
    return _quotient(offered["is_abandoned"].sum(), len(offered))


def answered_in_time_share(facts: pd.DataFrame, target_seconds: float = 20, *, of: str = "offered") -> float:
    """The service level that was reached: calls answered within ``target_seconds`` over calls ``of``.

    ``of``: "offered", so that who hangs up counts as not served; or "answered", which forgets them and so looks better
    the more callers give up. Say which with every figure. NaN where there are none.

    >>> facts = pd.DataFrame({"is_offered": True, "is_answered": [True, True, False, False],
    ...                       "wait_seconds": [5.0, 60.0, 30.0, 90.0]})
    >>> answered_in_time_share(facts), answered_in_time_share(facts, of="answered")
    (0.25, 0.5)
    """
    checked_columns(facts, "facts", ("is_offered", "is_answered", "wait_seconds"))
    if of not in ("offered", "answered"):
        raise ValueError(f"of is {of!r}, expected 'offered' or 'answered'")
    offered = facts[facts["is_offered"]]
    in_time = offered["is_answered"] & (offered["wait_seconds"] <= target_seconds)
    return _quotient(in_time.sum(), len(offered) if of == "offered" else offered["is_answered"].sum())


def mean_wait_seconds(facts: pd.DataFrame, *, of: str = "offered") -> float:
    """The mean wait of calls ``of``: "offered" (until the answer or until giving up) or "answered" (average speed of
    answer)."""
    checked_columns(facts, "facts", ("is_offered", "is_answered", "wait_seconds"))
    if of not in ("offered", "answered"):
        raise ValueError(f"of is {of!r}, expected 'offered' or 'answered'")
    rows = facts[facts["is_offered"] & (facts["is_answered"] | (of == "offered"))]
    return _quotient(rows["wait_seconds"].sum(), rows["wait_seconds"].notna().sum())


def mean_handle_seconds(facts: pd.DataFrame) -> float:
    """Average handling time of inbound calls that were answered: talk and wrap-up."""
    checked_columns(facts, "facts", ("is_offered", "handle_seconds"))
    handled = facts.loc[facts["is_offered"], "handle_seconds"].dropna()
    return _quotient(handled.sum(), len(handled))


def paid_time(agent_shifts: pd.DataFrame, agents: pd.DataFrame) -> pd.DataFrame:
    """Paid stretches of agents with ``hours`` (float64) and ``cost_cents`` (float64: hours by the agent's wage).

    agent_shifts: the company's table: ``agent_id``, ``starts_at``, ``ends_at``, ``activity``; breaks, training and
        illness are paid too. agents: ``agent_id``, ``hourly_wage_cents``. Raises ValueError for a missing column, and
        for an agent without a wage.
    """
    checked_columns(agent_shifts, "agent_shifts", ("agent_id", "starts_at", "ends_at", "activity"))
    checked_columns(agents, "agents", ("agent_id", "hourly_wage_cents"))
    wage = agent_shifts["agent_id"].map(agents.set_index("agent_id")["hourly_wage_cents"])
    if wage.isna().any():
        stranger = agent_shifts.loc[wage.isna(), "agent_id"].iloc[0]
        raise ValueError(f"agent_shifts has agent_id {stranger}, who is not in agents")
    hours = (agent_shifts["ends_at"] - agent_shifts["starts_at"]).dt.total_seconds() / 3600
    return agent_shifts.assign(hours=hours, cost_cents=hours * wage)


def shrinkage(paid: pd.DataFrame) -> float:
    """Paid hours away from the contacts (breaks, training, illness) over all paid hours.

    ``paid``: of ``paid_time``.
    """
    checked_columns(paid, "paid", ("hours", "activity"))
    return _quotient(paid.loc[paid["activity"] != "contacts", "hours"].sum(), paid["hours"].sum())


def cost_per_contact(facts: pd.DataFrame, paid: pd.DataFrame) -> float:
    """Paid agent time, in cents, over contacts that an agent handled, of the same days."""
    checked_columns(facts, "facts", ("is_answered",))
    checked_columns(paid, "paid", ("cost_cents",))
    return _quotient(paid["cost_cents"].sum(), facts["is_answered"].sum())


def contacts_per_paid_hour(facts: pd.DataFrame, paid: pd.DataFrame) -> float:
    """Contacts that an agent handled over paid hours, of the same days."""
    checked_columns(facts, "facts", ("is_answered",))
    checked_columns(paid, "paid", ("hours",))
    return _quotient(facts["is_answered"].sum(), paid["hours"].sum())


def occupancy(facts: pd.DataFrame, paid: pd.DataFrame) -> float:
    """Agents' time taken by contacts over their time on duty for contacts (breaks, training, illness not in it)."""
    checked_columns(facts, "facts", ("agent_seconds",))
    checked_columns(paid, "paid", ("hours", "activity"))
    on_duty = paid.loc[paid["activity"] == "contacts", "hours"].sum()
    return _quotient(facts["agent_seconds"].sum() / 3600, on_duty)
