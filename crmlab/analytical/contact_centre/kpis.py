"""The KPIs of efficiency and effectiveness: each one query, with its denominator and its time base (lesson 13b).

**Efficiency** asks what service costs, **effectiveness** what it brings about. Each KPI is a quotient: a sum over the
days asked for, divided by another sum over the same days. Percentages are never averaged.
"""

from __future__ import annotations

import dataclasses
import datetime

import pandas as pd

from crmlab.analytical.warehouse import Warehouse

_CALLS = "FROM fact_contact WHERE is_offered AND arrived_at >= $first AND arrived_at < $after"
_CONTACTS = "FROM fact_contact WHERE arrived_at >= $first AND arrived_at < $after"
_PAID = "FROM fact_agent_time WHERE starts_at >= $first AND starts_at < $after"
_HANDLED = f"(SELECT count(*) {_CONTACTS} AND is_answered)"
_COST = f"(SELECT sum(cost_cents) {_PAID})"


@dataclasses.dataclass(frozen=True)
class Kpi:
    """``sql`` gives one row: ``numerator``, ``denominator``. ``better``: "low" or "high", which way is good."""

    name: str
    side: str
    numerator: str
    denominator: str
    time_base: str
    unit: str
    better: str
    sql: str


def _kpi(side: str, name: str, numerator: str, denominator: str, unit: str, better: str, sql: str, at: str) -> Kpi:
    return Kpi(name, side, numerator, denominator, at, unit, better, sql)


_BY_ARRIVAL = "contacts by their arrival"
_BY_ARRIVAL_AND_SHIFT = "contacts by their arrival, paid time by the start of the stretch"

KPIS: dict[str, Kpi] = {
    each.name: each
    for each in (
        _kpi("efficiency", "cost_per_contact", "cost of paid agent time", "contacts handled by agents", "cents", "low",
             f"SELECT {_COST} AS numerator, {_HANDLED} AS denominator", _BY_ARRIVAL_AND_SHIFT),
        _kpi("efficiency", "speed_of_answer", "waits of answered calls", "calls answered", "seconds", "low",
             f"SELECT sum(wait_seconds) AS numerator, count(*) AS denominator {_CALLS} AND is_answered", _BY_ARRIVAL),
        _kpi("efficiency", "mean_wait", "waits of all calls, until answered or gone", "calls offered", "seconds", "low",
             f"SELECT sum(wait_seconds) AS numerator, count(wait_seconds) AS denominator {_CALLS}", _BY_ARRIVAL),
        _kpi("efficiency", "abandon_share", "calls abandoned", "calls offered", "share", "low",
             f"SELECT count(*) FILTER (is_abandoned) AS numerator, count(*) AS denominator {_CALLS}", _BY_ARRIVAL),
        _kpi("efficiency", "service_level_of_offered", "calls answered in time", "calls offered", "share", "high",
             f"""SELECT count(*) FILTER (is_answered AND wait_seconds <= $target) AS numerator,
             count(*) AS denominator {_CALLS}""", _BY_ARRIVAL),
        _kpi("efficiency", "service_level_of_answered", "calls answered in time", "calls answered", "share", "high",
             f"""SELECT count(*) FILTER (wait_seconds <= $target) AS numerator, count(*) AS denominator
             {_CALLS} AND is_answered""", _BY_ARRIVAL),
        _kpi("efficiency", "handle_time", "talk and wrap-up of answered calls", "calls answered", "seconds", "low",
             f"SELECT sum(handle_seconds) AS numerator, count(handle_seconds) AS denominator {_CALLS}", _BY_ARRIVAL),
        _kpi("efficiency", "contacts_per_paid_hour", "contacts handled by agents", "paid hours", "contacts an hour",
             "high", f"SELECT {_HANDLED} AS numerator, (SELECT sum(paid_seconds) / 3600.0 {_PAID}) AS denominator",
             _BY_ARRIVAL_AND_SHIFT),
        _kpi("efficiency", "occupancy", "agents' time taken by contacts", "agents' time on duty for contacts", "share",
             "high", f"""SELECT (SELECT sum(agent_seconds) {_CONTACTS}) AS numerator,
             (SELECT sum(paid_seconds) {_PAID} AND activity = 'contacts') AS denominator""", _BY_ARRIVAL_AND_SHIFT),
        _kpi("efficiency", "self_service_share", "matters that customers settled alone",
             "these, and inbound contacts handled by agents", "share", "high",
             f"""SELECT count(*) FILTER (is_self_service AND outcome = 'self_service') AS numerator,
             numerator + count(*) FILTER (is_answered AND direction = 'inbound') AS denominator {_CONTACTS}""",
             _BY_ARRIVAL),
        _kpi("both", "resolution_hours", "hours from opening to resolution, nights too", "tickets resolved", "hours",
             "low", """SELECT sum(date_diff('second', opened_at, resolved_at)) / 3600.0 AS numerator,
             count(*) AS denominator FROM fact_ticket WHERE resolved_at >= $first AND resolved_at < $after""",
             "tickets by their resolution"),
        _kpi("effectiveness", "first_contact_resolution", "matters after which nobody came back within 7 days",
             "first inbound contacts of known customers that an agent took, 7 days over", "share", "high",
             f"""SELECT count(*) FILTER (next_at IS NULL OR next_at > arrived_at + INTERVAL 7 DAY) AS numerator,
             count(*) AS denominator {_CONTACTS} AND is_answered AND direction = 'inbound' AND customer_id IS NOT NULL
             AND (previous_at IS NULL OR previous_at < arrived_at - INTERVAL 7 DAY)
             AND arrived_at + INTERVAL 7 DAY <= (SELECT max(as_of) + INTERVAL 1 DAY FROM warehouse_load)""",
             _BY_ARRIVAL),
        _kpi("effectiveness", "resolved_at_once", "tickets resolved on the day they were opened, not opened again",
             "tickets opened", "share", "high",
             """SELECT count(*) FILTER (first_resolved_at::DATE = opened_at::DATE AND reopened_at IS NULL) AS numerator,
             count(*) AS denominator FROM fact_ticket WHERE opened_at >= $first AND opened_at < $after""",
             "tickets by their opening"),
        _kpi("effectiveness", "satisfaction", "ratings from 1 to 5", "contacts rated", "points", "high",
             """SELECT sum(rating) AS numerator, count(*) AS denominator FROM fact_rating
             WHERE rated_at >= $first AND rated_at < $after""", "ratings by when they were given"),
        _kpi("effectiveness", "cost_share_of_revenue", "cost of paid agent time", "revenue", "share", "low",
             f"""SELECT {_COST} AS numerator, (SELECT sum(amount_cents) FROM fact_order
             WHERE order_date >= $first AND order_date < $after) AS denominator""",
             "paid time and orders of the same days"),
        _kpi("effectiveness", "revenue_per_outbound_call",
             "orders within 14 days after a call in which the customer was interested", "outbound calls", "cents",
             "high", f"""SELECT coalesce((SELECT sum(amount_cents) FROM fact_order AS o WHERE EXISTS (
               SELECT 1 {_CONTACTS} AND outcome = 'interested' AND customer_id = o.customer_id
               AND o.order_date >= arrived_at::DATE AND o.order_date < arrived_at::DATE + INTERVAL 14 DAY)), 0)
               AS numerator,
             (SELECT count(*) {_CONTACTS} AND direction = 'outbound') AS denominator""",
             "calls by when they were made; each order counts once"),
    )
}  # fmt: skip


def kpi_table(
    mart: Warehouse,
    first_day: str | datetime.date | pd.Timestamp,
    last_day: str | datetime.date | pd.Timestamp,
    *,
    target_seconds: int = 20,
) -> pd.DataFrame:
    """All KPIs for the days from ``first_day`` to ``last_day``, both included.

    mart: of ``load_contact_mart``. target_seconds: of the service level.

    Returns a row a KPI, by its name: ``value`` (float64, NaN where the denominator is 0), ``unit``, ``numerator`` and
    ``denominator`` (float64), ``of`` (what the denominator is), ``side`` (efficiency, effectiveness, both). The query
    of each stands in ``KPIS[name].sql``. Raises ValueError where the last day is before the first.
    """
    first, last = pd.Timestamp(first_day).normalize(), pd.Timestamp(last_day).normalize()
    if last < first:
        raise ValueError(f"last_day is {last:%Y-%m-%d}, expected {first:%Y-%m-%d} (first_day) or later")
    given = {"first": first.date(), "after": (last + pd.Timedelta(days=1)).date(), "target": target_seconds}
    rows = []
    with mart.connect() as connection:
        for kpi in KPIS.values():
            used = {name: value for name, value in given.items() if f"${name}" in kpi.sql}
            numerator, denominator = (float(each or 0) for each in connection.execute(kpi.sql, used).fetchone())
            value = numerator / denominator if denominator else float("nan")
            rows.append((kpi.name, value, kpi.unit, numerator, denominator, kpi.denominator, kpi.side))
    columns = ["kpi", "value", "unit", "numerator", "denominator", "of", "side"]
    return pd.DataFrame(rows, columns=columns).set_index("kpi")
