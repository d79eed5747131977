"""Report: why customers really leave, what subscribers say, and how retention rises with the age of a contract."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes

from crmlab.company.report_section import (
    COLOURS,
    NOT_SEEN,
    Picture,
    Row,
    Section,
    draw,
    interval,
    label_ends,
    number,
    percent,
    percent_axis,
    plain,
    share,
)
from crmlab.company.report_source import Source

_SILENT = "says nothing"
_QUARTER_DAYS, _YEAR_DAYS = 91, 365
_FEWEST_AT_RISK = 30
_PUBLISHED_RETENTION = ("63 %", "74 %", "82 %", "85 %")


def leaving_section(source: Source) -> Section:
    """Why people stop buying, and what those who end a subscription say about it."""
    people = source.rows(
        "SELECT exit_cause, count(*) FROM person WHERE exit_cause IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    stated = source.rows(
        f"""SELECT cause, coalesce(exit_reason, '{_SILENT}'), count(*) FROM company.subscriptions
            JOIN truth.subscriptions USING (subscription_id) WHERE end_date IS NOT NULL
            GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2"""
    )
    left, ended = sum(count for _, count in people), sum(count for *_, count in stated)
    causes = {cause: sum(row[2] for row in rows) for cause, rows in itertools.groupby(stated, key=lambda row: row[0])}
    said: dict[str, int] = {}
    for _, reason, count in stated:
        said[reason] = said.get(reason, 0) + count
    rows = [Row("left", "People who stopped buying for good", NOT_SEEN, f"{left:,}")]
    rows += [
        Row(f"cause_{cause}", f"Their cause: {plain(cause)}", NOT_SEEN, percent(share(count, left)))
        for cause, count in people
    ]
    rows += [Row("ended", "Subscriptions that ended", f"{ended:,}")]
    rows += [
        Row(f"subscription_{cause}", f"Subscriptions that ended, true cause: {plain(cause)}", NOT_SEEN,
            percent(share(count, ended)))
        for cause, count in causes.items()
    ]  # fmt: skip
    rows += [
        Row(f"reason_{reason.replace(' ', '_')}", f"Subscriptions that ended, stated: {plain(reason)}",
            percent(share(count, ended)))
        for reason, count in sorted(said.items(), key=lambda each: (-each[1], each[0]))
    ]  # fmt: skip
    notes = []
    if source.absent == "leak":
        notes.append("This company has no leak: service, price and competitors drive nobody away; needs end.")
    pictures = []
    if people:
        pictures.append(_causes_picture(people, left))
    else:
        notes.append("Nobody has left this company.")
    if stated:
        pictures.append(_stated_picture(stated, causes, said))
    else:
        notes.append("No subscription has ended in this company.")
    return Section("leaving", "Leaving", rows, pictures, notes)


def _causes_picture(people: list[tuple], left: int) -> Picture:
    names, shares = [plain(cause) for cause, _ in people], [count / left for _, count in people]

    def paint(axes: Axes) -> None:
        axes.barh(names, shares, color=COLOURS[0])
        label_ends(axes, shares, [percent(each) for each in shares])
        axes.set_xlabel(f"share of {left:,} people who left")
        percent_axis(axes.xaxis)

    driven = sum(count for cause, count in people if cause != "need_ended") / left
    return draw(
        f"Service, price and competitors drove away {percent(driven, 0)} of the people who left",
        "Bars: true causes of leaving, "
        + ", ".join(f"{name} {percent(each)}" for name, each in zip(names, shares, strict=True)) + ".",
        paint,
        height=2.6,
    )  # fmt: skip


def _stated_picture(stated: list[tuple], causes: dict[str, int], said: dict[str, int]) -> Picture:
    found = {(cause, reason): count for cause, reason, count in stated}
    reasons = sorted(said, key=lambda reason: (reason == _SILENT, reason))
    names = [f"{plain(cause)} ({count:,})" for cause, count in causes.items()]
    hatches = ("", "//", "..", "xx", "")

    def paint(axes: Axes) -> None:
        before = np.zeros(len(causes))
        for reason, colour, hatch in zip(reasons, [*COLOURS[:4], COLOURS[7]], hatches, strict=False):
            part = np.array([found.get((cause, reason), 0) / count for cause, count in causes.items()])
            axes.barh(names, part, left=before, color=colour, hatch=hatch, edgecolor="white", label=plain(reason))
            before += part
        axes.set(xlabel="share of the subscriptions that ended for this cause", xlim=(0, 1), ylabel="true cause")
        axes.grid(visible=False, axis="y")
        percent_axis(axes.xaxis)
        axes.figure.legend(loc="outside lower center", ncols=3, title="stated reason")

    silent = share(said.get(_SILENT, 0), sum(said.values()))
    return draw(
        f"{percent(silent, 0)} of those who end a subscription give no reason",
        f"Bars: stated reasons by true cause of the end of a subscription; {percent(silent)} say nothing.",
        paint,
        height=3.4,
    )


_RETENTION = """
SELECT age, count(*) AS at_risk, count(*) FILTER (end_date IS NULL OR end_date > start_date + age * $period)
FROM company.subscriptions CROSS JOIN (SELECT unnest(range(1, $most + 1))::INTEGER AS age)
WHERE start_date + age * $period <= $as_of AND (end_date IS NULL OR end_date > start_date + (age - 1) * $period)
GROUP BY age ORDER BY age
"""
# A subscriber who may leave at each delivery with probability p is still there after t days with probability
# (1 - p) ** (t / interval).
_EXPECTED = """
SELECT age, sum(pow(1 - ending_probability, age * $period / interval_days))
          / sum(pow(1 - ending_probability, (age - 1) * $period / interval_days))
FROM company.subscriptions JOIN truth.subscriptions USING (subscription_id)
CROSS JOIN (SELECT unnest(range(1, $most + 1))::INTEGER AS age)
WHERE start_date + age * $period <= $as_of GROUP BY age ORDER BY age
"""


def retention_section(source: Source) -> Section:
    """Cohort retention of subscriptions: of those who reach an age, how many reach the next."""
    days = (source.as_of - source.start).days
    asked = {"as_of": source.as_of, "period": _YEAR_DAYS, "most": days // _YEAR_DAYS}
    years = source.rows(_RETENTION, **asked)
    expected = dict(source.rows(_EXPECTED, **asked))
    quarters = source.rows(_RETENTION, as_of=source.as_of, period=_QUARTER_DAYS, most=days // _QUARTER_DAYS)
    quarters = [each for each in quarters if each[1] >= _FEWEST_AT_RISK]
    total, mean_all, mean_running = source.row(
        """SELECT count(*), avg(ending_probability), avg(ending_probability) FILTER (end_date IS NULL)
           FROM company.subscriptions JOIN truth.subscriptions USING (subscription_id)"""
    )
    published = dict(enumerate(_PUBLISHED_RETENTION, start=1))
    rows = [Row("subscriptions", "Subscriptions ever begun", f"{total:,}")]
    rows += [
        Row(f"retention_year_{age}", f"Retention in year {age} ({at_risk:,} at risk)", percent(share(kept, at_risk)),
            f"{percent(expected[age])} if only the need ended", f"{published[age]} (Fader & Hardie 2007)")
        for age, at_risk, kept in years
    ]  # fmt: skip
    rows += [
        Row("ending_mean", "Probability of ending at a delivery, mean of all", NOT_SEEN, number(mean_all, 3)),
        Row("ending_running", "The same, mean of subscriptions that still run", NOT_SEEN, number(mean_running, 3)),
    ]
    notes = [
        "Each subscriber has one probability of ending that never changes. Retention rises because those who leave "
        "easily are gone first: the mix changes, not the people.",
        f"Ages with at least {_FEWEST_AT_RISK} subscriptions at risk are drawn.",
    ]
    if not quarters:
        notes.insert(0, f"Fewer than {_FEWEST_AT_RISK} subscriptions reach any age: no curve.")
        return Section("retention", "Retention of subscriptions", rows, [], notes)
    return Section("retention", "Retention of subscriptions", rows, [_retention_picture(quarters)], notes)


def _retention_picture(quarters: list[tuple]) -> Picture:
    age, at_risk, kept = (np.array(column) for column in zip(*quarters, strict=True))
    rate = kept / at_risk
    low, high = interval(kept, at_risk)

    def paint(left: Axes, right: Axes) -> None:
        left.errorbar(age, rate, np.abs([rate - low, high - rate]), color=COLOURS[0], marker="o", capsize=3)
        left.set(xlabel="age of the contract in quarters", ylabel="retained in the quarter (95 % interval)",
                 ylim=(None, 1), xticks=age)  # fmt: skip
        percent_axis(left.yaxis)
        right.bar(age, at_risk, color=COLOURS[2])
        right.set(xlabel="age of the contract in quarters", ylabel="subscriptions at risk", xticks=age)

    return draw(
        f"Retention a quarter: {percent(rate[0], 0)} in quarter {age[0]}, {percent(rate[-1], 0)} in quarter {age[-1]}",
        f"Left: share of subscriptions that reach the end of each quarter of their age, {percent(rate[0])} first and "
        f"{percent(rate[-1])} last. Right: how many subscriptions each share is based on.",
        paint,
        panels=(1, 2),
    )
