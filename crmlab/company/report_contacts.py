"""Report: the contact centre: who waits how long, who gives up, and whether the planted effects of a wait come back."""

from __future__ import annotations

import warnings

import numpy as np
import statsmodels.api as sm
from matplotlib.axes import Axes
from statsmodels.discrete.conditional_models import ConditionalLogit

from crmlab.company.report_section import (
    COLOURS,
    NOT_SEEN,
    NOTHING,
    Picture,
    Row,
    Section,
    draw,
    number,
    percent,
    percent_axis,
    plain,
    share,
)
from crmlab.company.report_source import Source

_TARGET_SECONDS = 20
_FEWEST_CALLS, _FEWEST_LEAVERS, _FEWEST_RATINGS = 20, 20, 50
_CALLS = """
CREATE OR REPLACE TEMP VIEW inbound_call AS
SELECT *, date_diff('second', arrived_at, coalesce(answered_at, ended_at)) AS wait_seconds,
  answered_at IS NOT NULL AND date_diff('second', arrived_at, answered_at) <= 20 AS in_time
FROM company.interactions WHERE channel = 'call' AND direction = 'inbound' AND outcome <> 'closed'
"""


def contacts_section(source: Source) -> Section:
    """The contact centre's service level, waits and abandonment, and the recovery of what was planted."""
    source.connection.execute(_CALLS)
    calls, in_time, gave_up, wait = source.row(
        """SELECT count(*), count(*) FILTER (in_time), count(*) FILTER (is_abandoned), avg(wait_seconds)
           FROM inbound_call"""
    )
    channels = source.rows("SELECT channel, count(*) FROM company.interactions GROUP BY 1 ORDER BY 2 DESC, 1")
    contacts = sum(count for _, count in channels)
    paid, worked = source.row(
        """SELECT sum(seconds), sum(seconds) FILTER (activity = 'contacts') FROM (
             SELECT activity, date_diff('second', starts_at, ends_at) AS seconds FROM company.agent_shifts)"""
    )
    (handled,) = source.row(
        """SELECT sum((date_diff('second', answered_at, ended_at) + wrap_up_seconds)
             / CASE channel WHEN 'chat' THEN 3.0 ELSE 1.0 END)
           FROM company.interactions WHERE answered_at IS NOT NULL"""
    )
    answered, solved, said = source.row(
        """SELECT count(*), count(*) FILTER (is_solved), count(*) FILTER (outcome = 'resolved')
           FROM inbound_call JOIN truth.interactions USING (interaction_id) WHERE answered_at IS NOT NULL"""
    )
    rows = [
        *(Row(f"contacts_{channel}", f"Contacts by {plain(channel)}", f"{count:,} ({percent(share(count, contacts))})")
          for channel, count in channels),
        Row("service_level", f"Calls answered within {_TARGET_SECONDS} seconds", percent(share(in_time, calls))),
        Row("abandonment", "Calls that gave up", percent(share(gave_up, calls)),
            published="3 to 8 % (industry)"),
        Row("mean_wait", "Wait of a call, mean, seconds", number(wait, 1)),
        Row("occupancy", "Time at work spent on contacts, three chats for one", percent(share(handled, worked))),
        Row("shrinkage", "Paid time that is not at work", percent(1 - share(worked, paid)),
            published="about 30 %, holidays included (industry)"),
        Row("first_answer_solves", "Answered calls that agents call resolved", percent(share(said, answered)),
            f"{percent(share(solved, answered))} solved", "about 70 % (industry)"),
        *_recovery_rows(source),
    ]  # fmt: skip
    notes = ["Calls outside opening hours do not count here: nobody could have answered them."]
    if source.absent == "leak":
        notes.append("This company has no leak: waits annoy, and drive nobody away.")
    if calls < _FEWEST_CALLS:
        return Section("contacts", "The contact centre", rows, [], ["Hardly anybody has called.", *notes])
    return Section("contacts", "The contact centre", rows, [_half_hours_picture(source)], notes)


def _recovery_rows(source: Source) -> list[Row]:
    """The planted effects of a wait, and what comes back when they are estimated."""
    planted = dict(source.rows("SELECT setting, value FROM truth.contact_settings"))
    waits = source.rows(
        """SELECT strftime(arrived_at, '%Y-%m') || topic, ln(1 + date_diff('second', arrived_at,
             coalesce(answered_at, ended_at)) / 60.0), left_for_service
           FROM truth.contact_waits JOIN company.interactions USING (interaction_id)
           WHERE is_problem AND NOT never_solved ORDER BY interaction_id"""
    )
    found = NOTHING
    if sum(left for *_, left in waits) >= _FEWEST_LEAVERS:
        group, felt, left = (np.array(column) for column in zip(*waits, strict=True))
        with warnings.catch_warnings():
            # Months in which nobody left say nothing.
            warnings.simplefilter("ignore")
            fitted = ConditionalLogit(left.astype(int), felt[:, None], groups=group).fit(disp=False)
        found = f"{number(fitted.params[0])} ± {number(1.96 * fitted.bse[0])}"
    ratings = source.rows(
        """SELECT felt, ln(1 + date_diff('second', arrived_at, answered_at)
             / CASE WHEN channel IN ('email', 'social') THEN 14400.0 ELSE 60.0 END), NOT is_solved, rating_effect
           FROM truth.contact_ratings JOIN company.interactions USING (interaction_id)
           JOIN truth.interactions USING (interaction_id) JOIN truth.agents USING (agent_id) ORDER BY interaction_id"""
    )
    slope = drop = NOTHING
    if len(ratings) >= _FEWEST_RATINGS:
        felt, *effects = (np.array(column, dtype=float) for column in zip(*ratings, strict=True))
        fitted = sm.OLS(felt, sm.add_constant(np.column_stack(effects))).fit()
        slope, drop = (f"{number(-fitted.params[i])} ± {number(1.96 * fitted.bse[i])}" for i in (1, 2))
    return [
        Row("wait_log_odds", "Log-odds of leaving for service, for each unit of ln(1 + wait / minute)", NOT_SEEN,
            f"{found} ({number(planted['wait_log_odds'])} planted)"),
        Row("rating_wait_slope", "Rating lost for each unit of ln(1 + wait / scale)", NOT_SEEN,
            f"{slope} ({number(planted['rating_wait_slope'])} planted)"),
        Row("rating_unsolved_drop", "Rating lost where nothing was solved", NOT_SEEN,
            f"{drop} ({number(planted['rating_unsolved_drop'])} planted)"),
    ]  # fmt: skip


def _half_hours_picture(source: Source) -> Picture:
    found = source.rows(
        """SELECT hour(arrived_at) + (minute(arrived_at) // 30) / 2.0 AS half_hour, count(*),
             avg(in_time::INTEGER), avg(is_abandoned::INTEGER)
           FROM inbound_call WHERE isodow(arrived_at) < 6 AND hour(arrived_at) BETWEEN 9 AND 16
           GROUP BY 1 ORDER BY 1"""
    )
    half_hour, count, in_time, gave_up = (np.array(column, dtype=float) for column in zip(*found, strict=True))
    days = source.rows(
        "SELECT isodow(arrived_at), count(*), avg(in_time::INTEGER) FROM inbound_call GROUP BY 1 ORDER BY 1"
    )
    names = [("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day - 1] for day, *_ in days]

    def paint(calls: Axes, level: Axes, by_day: Axes) -> None:
        calls.bar(half_hour + 0.25, count, 0.45, color=COLOURS[0])
        calls.set(xlabel="hour of the day", ylabel="calls")
        level.plot(half_hour + 0.25, in_time, color=COLOURS[2], marker="o", label=f"within {_TARGET_SECONDS} s")
        level.plot(half_hour + 0.25, gave_up, color=COLOURS[3], marker="s", linestyle="--", label="gave up")
        level.set(xlabel="hour of the day", ylabel="share of calls", ylim=(0, 1))
        level.legend()
        percent_axis(level.yaxis)
        by_day.bar(names, [each for *_, each in days], color=COLOURS[2])
        by_day.set(ylabel=f"within {_TARGET_SECONDS} s", ylim=(0, 1))
        percent_axis(by_day.yaxis)

    worst = min(days, key=lambda each: each[2])
    worst_name = names[days.index(worst)]
    best = max(each for *_, each in days)
    return draw(
        f"{percent(worst[2], 0)} of calls are answered within {_TARGET_SECONDS} seconds on {worst_name}, "
        f"{percent(best, 0)} on the best day",
        f"Left: calls by half-hour on weekdays, most at {half_hour[count.argmax()]:g} o'clock. Middle: share of calls "
        f"answered within {_TARGET_SECONDS} seconds, from {percent(in_time.min())} to {percent(in_time.max())}, and "
        f"share that gave up, at most {percent(gave_up.max())}. Right: share answered in time by day of the week.",
        paint,
        panels=(1, 3),
    )
