"""Report: returns, late deliveries, and who answers when the company asks."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from crmlab.company.report_section import (
    COLOURS,
    NOT_SEEN,
    NOTHING,
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

_MOST_DAYS_LATE = 6
_FEWEST_ANSWERS = 5


def returns_section(source: Source) -> Section:
    """What comes back: how much, why, of which category, and how long after the order."""
    categories = source.rows(
        """SELECT category, count(*) AS lines, count(back.order_line_id) AS returned
           FROM company.order_lines JOIN company.products USING (product_id)
           LEFT JOIN (SELECT DISTINCT order_line_id FROM company.returns) AS back USING (order_line_id)
           GROUP BY category ORDER BY returned / lines DESC, category"""
    )
    lines, returned = (sum(each[column] for each in categories) for column in (1, 2))
    orders, failed, failed_returned = source.row(
        """SELECT (SELECT count(*) FROM company.orders), count(*),
                  count(*) FILTER (order_id IN (SELECT order_id FROM company.returns))
           FROM truth.order_failures"""
    )
    reasons = source.rows("SELECT reason, count(*) FROM company.returns GROUP BY 1 ORDER BY 2 DESC, 1")
    days = source.rows(
        """SELECT date_diff('day', order_date, return_date), count(*) FROM company.returns
           JOIN company.orders USING (order_id) GROUP BY 1 ORDER BY 1"""
    )
    rows = [
        Row("return_share", "Order lines that came back", percent(share(returned, lines), 2)),
        Row("failure_share", "Orders in which something went wrong", NOT_SEEN,
            f"{percent(share(failed, orders))} ({percent(source.setting('failure_share'))} planted)"),
        Row("failed_returned", "Of these, orders with a return", NOT_SEEN, percent(share(failed_returned, failed))),
        *(Row(f"return_reason_{reason}", f"Returns with the reason “{plain(reason)}”", percent(share(count, returned)))
          for reason, count in reasons),
    ]  # fmt: skip
    notes = ["Returns that come after the last day are not there yet."]
    if not returned:
        return Section("returns", "Returns", rows, [], ["Nothing came back in this company.", *notes])
    pictures = [_categories_picture(categories), _return_days_picture(days, reasons)]
    return Section("returns", "Returns", rows, pictures, notes)


def _categories_picture(categories: list[tuple]) -> Picture:
    names = [f"{plain(name)} ({lines:,} lines)" for name, lines, _ in categories]
    shares = [share(returned, lines) for _, lines, returned in categories]
    most, least = categories[0], categories[-1]

    def paint(axes: Axes) -> None:
        axes.barh(names, shares, color=COLOURS[0])
        label_ends(axes, shares, [percent(each) for each in shares])
        axes.set_xlabel("share of order lines that came back")
        percent_axis(axes.xaxis)

    return draw(
        f"{percent(shares[0])} of lines with a {plain(most[0])} came back, {percent(shares[-1])} with "
        f"{plain(least[0])}",
        "Bars: share of order lines that came back by category, from "
        f"{plain(most[0])} with {percent(shares[0])} to {plain(least[0])} with {percent(shares[-1])}.",
        paint,
    )


def _return_days_picture(days: list[tuple], reasons: list[tuple]) -> Picture:
    day, count = (np.array(column) for column in zip(*days, strict=True))
    median = int(day[np.searchsorted(np.cumsum(count), count.sum() / 2)])
    names = [plain(reason) for reason, _ in reasons]
    shares = [number_of / count.sum() for _, number_of in reasons]

    def paint(left: Axes, right: Axes) -> None:
        left.bar(day, count, 1.0, color=COLOURS[0])
        left.axvline(median, color=COLOURS[1], linestyle="--", label=f"median, {median} days")
        left.set(xlabel="days from order to return", ylabel="returns a day")
        left.legend()
        right.barh(names, shares, color=COLOURS[2], hatch="//", edgecolor="white")
        label_ends(right, shares, [percent(each, 0) for each in shares])
        right.set_xlabel("share of returns")
        percent_axis(right.xaxis)

    return draw(
        f"Half of the returns come within {median} days of the order; the first reason is “{names[0]}”",
        f"Left: returns by days after the order, {day.min()} to {day.max()} days, median {median}. Right: share of "
        f"returns by reason, {names[0]} first with {percent(shares[0])}.",
        paint,
        panels=(1, 2),
    )


def delivery_section(source: Source) -> Section:
    """Late deliveries, the rating by days late, and who answers."""
    found = source.rows(
        """SELECT least(greatest(date_diff('day', promised_date, delivered_date), 0), $most) AS days_late,
                  count(*), count(delivery_rating), avg(delivery_rating)
           FROM company.orders LEFT JOIN company.delivery_ratings USING (order_id)
           WHERE delivered_date IS NOT NULL GROUP BY 1 ORDER BY 1""",
        most=_MOST_DAYS_LATE,
    )
    ordinary, peak = (
        source.row(
            f"""SELECT count(*) FILTER (delivered_date > promised_date), count(*) FROM company.orders
                WHERE delivered_date IS NOT NULL
                  AND {negation} (month(order_date) * 100 + day(order_date) BETWEEN 1120 AND 1224)"""
        )
        for negation in ("NOT", "")
    )
    deliveries, answers = (sum(each[column] for each in found) for column in (1, 2))
    late = sum(each[1] for each in found if each[0] > 0)
    late_answers = sum(each[2] for each in found if each[0] > 0)
    answered = [each for each in found if each[2]]
    mean = sum(each[2] * each[3] for each in answered) / answers if answers else math.nan
    corrected = sum(each[1] * each[3] for each in answered) / sum(each[1] for each in answered) if answers else math.nan
    rows = [
        Row("late_share", "Deliveries after the promised day", percent(share(late, deliveries))),
        Row("late_share_ordinary", "The same, ordered outside 20 November to 24 December", percent(share(*ordinary)),
            f"{percent(source.setting('late_share'))} planted"),
        Row("late_share_peak", "The same, ordered from 20 November to 24 December", percent(share(*peak))),
        Row("answer_rate", "Deliveries that were rated", percent(share(answers, deliveries)),
            f"late {percent(share(late_answers, late))}, in time "
            f"{percent(share(answers - late_answers, deliveries - late))}"),
        Row("rating_mean", "Rating from 1 to 5, mean of the answers", number(mean),
            f"{number(corrected)} if all had answered alike (weighted by days late)"),
    ]  # fmt: skip
    if not answers:
        return Section("delivery", "Delivery", rows, [], ["Nobody rated a delivery in this company."])
    note = "Deliveries of web orders and subscriptions. The unhappy answer more often: the mean of the answers is low."
    return Section("delivery", "Delivery", rows, [_delivery_picture(found, mean, corrected)], [note])


def _delivery_picture(found: list[tuple], mean: float, corrected: float) -> Picture:
    rated = [each for each in found if each[2] >= _FEWEST_ANSWERS]
    days_late, deliveries, answers = (np.array([each[column] for each in found]) for column in range(3))
    low, high = interval(answers, deliveries)
    rate = answers / deliveries

    def paint(left: Axes, right: Axes) -> None:
        left.plot([each[0] for each in rated], [each[3] for each in rated], color=COLOURS[0], marker="o")
        left.axhline(mean, color=COLOURS[1], linestyle="--", label=f"mean of answers {number(mean)}")
        left.axhline(corrected, color=COLOURS[2], linestyle=":", label=f"if all had answered {number(corrected)}")
        left.set(xlabel="days late", ylabel="rating (1 to 5), mean", ylim=(1, 5))
        left.legend(loc="lower left")
        right.errorbar(days_late, rate, np.abs([rate - low, high - rate]), color=COLOURS[0], marker="s", capsize=3)
        right.set(xlabel="days late", ylabel="answered (95 % interval)", ylim=(0, None))
        percent_axis(right.yaxis)
        ticks = range(_MOST_DAYS_LATE + 1)
        for axes in (left, right):
            axes.set_xticks(ticks, [*map(str, ticks[:-1]), f"{_MOST_DAYS_LATE}+"])

    return draw(
        f"Answers give a mean rating of {number(mean)}; had all answered alike it would be {number(corrected)}",
        f"Left: mean rating by days late, {number(rated[0][3]) if rated else NOTHING} in time. Right: share of "
        f"deliveries that were rated, {percent(rate[0])} in time and {percent(rate[-1])} in the last group.",
        paint,
        panels=(1, 2),
    )
