"""Report: orders a week beside the pace of the seasonal clocks, and the season of gift buyers."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from crmlab.company.report_section import COLOURS, Picture, Row, Section, draw, number, percent, percent_axis, share
from crmlab.company.report_source import Source

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_GIFT_MONTHS = (10, 11)


def seasonality_section(source: Source) -> Section:
    """Orders over the weeks and over the year, beside the clock that customers really live by."""
    weeks = ((source.as_of - source.start).days + 1) // 7
    found = dict(
        source.rows(
            """SELECT date_diff('day', $start::DATE, order_date) // 7, count(*) FROM company.orders
               WHERE subscription_id IS NULL GROUP BY 1""",
            start=source.start,
        )
    )
    purchases = np.array([found.get(week, 0) for week in range(weeks)])
    pace = _pace(source)
    people = _people_by_clock(source)
    gift_share, other_share = _month_shares(source)
    gift_pace, other_pace = (
        _gift_months_of_clock(source, pace, people[gift]) if people[gift].any() else math.nan for gift in (True, False)
    )
    gift, other = (sum(shares[month] for month in _GIFT_MONTHS) for shares in (gift_share, other_share))
    mixed = (people[True] + people[False]) @ pace / (people[True] + people[False]).sum()
    weekly_pace = mixed[: weeks * 7].reshape(weeks, 7).mean(axis=1)
    correlation = np.corrcoef(purchases, weekly_pace)[0, 1] if np.ptp(purchases) else math.nan
    rows = [
        Row("busiest_week", "Busiest week against the mean week",
            f"{number(share(purchases.max(), purchases.mean()))} times",
            f"{number(weekly_pace.max() / weekly_pace.mean())} times (pace of the clocks, mean over people)"),
        Row("weekly_correlation", "Correlation of weekly purchases with the clocks' pace",
            number(correlation), "1 but for chance and the growth of the company"),
        Row("gift_months_gift_buyers", "Purchases in November and December, gift buyers", percent(gift),
            f"{percent(gift_pace)} of clock time"),
        Row("gift_months_others", "Purchases in November and December, all others", percent(other),
            f"{percent(other_pace)} of clock time"),
    ]  # fmt: skip
    notes = [
        "The seasonal clock runs fast where a week brings many purchases. A customer buys at a constant rate on the "
        "clock. Deliveries of subscriptions are left out: they have no season."
    ]
    pictures = [_weeks_picture(purchases, pace[:, : weeks * 7].reshape(len(pace), weeks, 7).mean(axis=2))]
    if math.isnan(gift):
        notes.insert(0, "Nobody in this company leans mostly towards gifts, so there is no split by gift buyer.")
    else:
        pictures.append(_months_picture(gift_share, other_share, gift, other))
    if source.absent == "segments":
        notes.insert(0, "This company has no segments: everybody lives by the same seasonal clock.")
    return Section("seasonality", "Seasonality", rows, pictures, notes)


def _pace(source: Source) -> np.ndarray:
    """Clock weeks that pass in a calendar week, float64 (levels, days); the last day repeats the one before."""
    table = source.rows("SELECT clock_level, clock_weeks FROM truth.seasonal_clock ORDER BY clock_level, date")
    levels = 1 + max(level for level, _ in table)
    weeks = np.array([each for _, each in table]).reshape(levels, -1)
    pace = np.diff(weeks, axis=1) * 7
    return np.concatenate([pace, pace[:, -1:]], axis=1)


def _people_by_clock(source: Source) -> dict[bool, np.ndarray]:
    """How many gift buyers (``True``) and others live by each clock."""
    counted = {gift: np.zeros(len(_levels(source))) for gift in (True, False)}
    for gift, level, count in source.rows(
        "SELECT tendency = 'gift_buyer', clock_level, count(*) FROM truth.tendencies GROUP BY 1, 2"
    ):
        # Where no segments are, the strongest of equal tendencies means nothing.
        counted[gift and source.absent != "segments"][level] += count
    return counted


def _levels(source: Source) -> list[tuple]:
    return source.rows("SELECT DISTINCT clock_level FROM truth.seasonal_clock ORDER BY 1")


def _gift_months_of_clock(source: Source, pace: np.ndarray, people: np.ndarray) -> float:
    """The share of clock time that falls in November and December, for people who live by these clocks."""
    days = np.datetime64(source.start) + np.arange(pace.shape[1])
    month = days.astype("datetime64[M]").astype(int) % 12
    mixed = people @ pace
    return mixed[np.isin(month, _GIFT_MONTHS)].sum() / mixed.sum()


def _month_shares(source: Source) -> tuple[list[float], list[float]]:
    """Share of the purchases of gift buyers, and of all others, by month of the year."""
    found: dict[bool, dict[int, int]] = {True: {}, False: {}}
    for gift, month, count in source.rows(
        """SELECT tendency = 'gift_buyer' AND $split, month(order_date), count(*) FROM company.orders
           JOIN truth.records USING (customer_id) JOIN truth.tendencies USING (person_id)
           WHERE subscription_id IS NULL GROUP BY 1, 2""",
        split=source.absent != "segments",
    ):
        found[gift][month] = count
    total = {gift: sum(by_month.values()) for gift, by_month in found.items()}
    gift, other = ([share(found[each].get(month, 0), total[each]) for month in range(1, 13)] for each in (True, False))
    return gift, other


def _weeks_picture(purchases: np.ndarray, pace: np.ndarray) -> Picture:
    peak = number(share(purchases.max(), purchases.mean()), 1)

    def paint(top: Axes, bottom: Axes) -> None:
        week = np.arange(1, len(purchases) + 1)
        top.plot(week, purchases, color=COLOURS[0])
        top.set(ylabel="purchases a week", ylim=(0, None))
        bottom.plot(week, pace[0], color=COLOURS[0], label="everyday clock")
        bottom.plot(week, pace[-1], color=COLOURS[1], linestyle="--", label="gift clock")
        bottom.set(xlabel="week of trading", ylabel="clock weeks\na calendar week", ylim=(0, None))
        bottom.legend(loc="upper left")

    return draw(
        f"The busiest week has {peak} times the purchases of the mean week",
        f"Top: purchases a week, {purchases.min():,} to {purchases.max():,}. Bottom: how fast the everyday clock and "
        "the gift clock run; both are fastest before Christmas.",
        paint,
        panels=(2, 1),
        height=4.6,
    )


def _months_picture(gift_share: list[float], other_share: list[float], gift: float, other: float) -> Picture:
    def paint(axes: Axes) -> None:
        axes.plot(_MONTHS, gift_share, color=COLOURS[1], marker="s", linestyle="--", label="gift buyers")
        axes.plot(_MONTHS, other_share, color=COLOURS[0], marker="o", label="all others")
        axes.axhline(1 / 12, color="grey", linewidth=1, label="no season")
        axes.set(xlabel="month", ylabel="share of the year's purchases", ylim=(0, None))
        percent_axis(axes.yaxis)
        axes.legend(loc="upper center")

    return draw(
        f"Gift buyers place {percent(gift, 0)} of their purchases in November and December, others {percent(other, 0)}",
        f"Lines: share of purchases by month; gift buyers {percent(gift)} in November and December, all others "
        f"{percent(other)}.",
        paint,
    )
