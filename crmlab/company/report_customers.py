"""Report: how differently customers buy, and how long they are silent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import poisson

from crmlab.company.report_section import (
    COLOURS,
    NOT_SEEN,
    Picture,
    Row,
    Section,
    draw,
    label_ends,
    number,
    percent,
    percent_axis,
    plain,
    share,
)
from crmlab.company.report_source import Source

_MOST_ORDERS = 20
_BIN_DAYS = 30
_LONG_SILENT_DAYS = 365


def orders_section(source: Source) -> Section:
    """Orders a customer: mean, variance and distribution, overall and by tendency."""
    count, mean, variance = source.row("SELECT count(*), avg(orders), var_samp(orders) FROM customer")
    people, mean_person, variance_person = source.row(
        "SELECT count(*), avg(purchases), var_samp(purchases) FROM person"
    )
    groups = source.rows(
        "SELECT tendency, count(*), avg(purchases), var_samp(purchases) FROM person GROUP BY 1 ORDER BY 3 DESC, 1"
    )
    (own_weight,) = source.row(
        """SELECT avg(greatest(weight_regular, weight_gift_buyer, weight_beans_only, weight_bargain_hunter,
                               weight_office, weight_one_off)) FROM truth.tendencies"""
    )
    between = sum(n * (group_mean - mean_person) ** 2 for _, n, group_mean, _ in groups)
    rows = [
        Row("orders_mean", "Orders a customer, mean", number(mean), "", "2.94 (CDNOW log, 18 months)"),
        Row("orders_variance", "Orders a customer, variance", number(variance), "", "17.42 (CDNOW log, 18 months)"),
        Row(
            "orders_dispersion",
            "Variance divided by mean (customers all alike: 1 or less)",
            number(share(variance, mean)),
            "",
            "5.94 (CDNOW log)",
        ),
        Row("purchases_mean", "Purchases a person (no subscription deliveries), mean", NOT_SEEN, number(mean_person)),
        Row("purchases_variance", "Purchases a person, variance", NOT_SEEN, number(variance_person)),
        Row("tendency_share", "Variance that lies between tendencies", NOT_SEEN,
            percent(share(between, variance_person * (people - 1) if variance_person else None))),
        Row("own_weight", "Weight of a person's strongest tendency, mean (1 / 6: no tendency)", NOT_SEEN,
            percent(own_weight)),
    ]  # fmt: skip
    rows += [
        Row(f"tendency_{name}", f"Strongest tendency “{plain(name)}”: purchases a person, mean (variance)", NOT_SEEN,
            f"{number(group_mean)} ({number(group_variance)}), {percent(share(n, people))} of people")
        for name, n, group_mean, group_variance in groups
    ]  # fmt: skip
    notes = ["Customers are those with at least one order, as they are recorded. A person may be recorded twice."]
    if source.absent == "segments":
        notes.insert(0, "This company has no segments: all people have the same weights, so no split by tendency.")
    pictures = [_distribution(source, count, mean, variance)]
    if source.absent != "segments":
        pictures.append(_by_tendency(groups))
    return Section("orders", "Orders a customer", rows, pictures, notes)


def _distribution(source: Source, count: int, mean: float, variance: float | None) -> Picture:
    found = dict(source.rows("SELECT least(orders, $most), count(*) FROM customer GROUP BY 1", most=_MOST_ORDERS))
    size = np.arange(1, _MOST_ORDERS + 1)
    observed = np.array([found.get(int(each), 0) / count for each in size])
    alike = poisson.pmf(size - 1, mean - 1)
    alike[-1] = poisson.sf(_MOST_ORDERS - 2, mean - 1)

    def paint(axes: Axes) -> None:
        axes.bar(size, observed, color=COLOURS[0], label="this company")
        axes.plot(size, alike, color=COLOURS[1], marker="o", label="customers all alike, same mean (Poisson)")
        axes.set(xlabel="orders a customer", ylabel="share of customers", xticks=size)
        axes.set_xticklabels([*map(str, size[:-1]), f"{_MOST_ORDERS}+"])
        percent_axis(axes.yaxis)
        axes.legend()

    single = percent(observed[0], 0)
    return draw(
        f"{single} of customers ordered once; the variance is {number(share(variance, mean), 1)} times the mean",
        f"Bars: share of customers by number of orders, from {single} with one order to {percent(observed[-1])} with "
        f"{_MOST_ORDERS} or more; the line shows the same for customers who are all alike.",
        paint,
    )


def _by_tendency(groups: Sequence[tuple]) -> Picture:
    names = [plain(name) for name, *_ in groups]
    means = [mean for _, _, mean, _ in groups]
    variances = [variance or 0.0 for *_, variance in groups]

    def paint(left: Axes, right: Axes) -> None:
        left.barh(names, means, color=COLOURS[0])
        label_ends(left, means, [number(each, 1) for each in means])
        left.set_xlabel("purchases a person, mean")
        right.barh(names, variances, color=COLOURS[1], hatch="//", edgecolor="white")
        label_ends(right, variances, [number(each, 1) for each in variances])
        right.set_xlabel("variance (purchases squared)")

    least, most = groups[-1], groups[0]
    return draw(
        f"People who lean towards “{plain(most[0])}” buy {number(most[2], 1)} times, “{plain(least[0])}” "
        f"{number(least[2], 1)} times",
        "Bars: mean and variance of purchases a person by strongest tendency, "
        + ", ".join(f"{name} {number(mean, 1)}" for name, mean in zip(names, means, strict=True))
        + "; the variance within each tendency is large.",
        paint,
        panels=(1, 2),
    )


def recency_section(source: Source) -> Section:
    """Days since the last purchase, of people who are still active and of people who have left."""
    days = "date_diff('day', last_purchase, $as_of)"
    bins = source.rows(
        f"""SELECT {days} // {_BIN_DAYS}, count(*) FILTER (is_active), count(*) FILTER (NOT is_active)
            FROM person WHERE last_purchase IS NOT NULL GROUP BY 1 ORDER BY 1""",
        as_of=source.as_of,
    )
    people, active, silent, silent_active, median, median_active, median_left = source.row(
        f"""SELECT count(*), count(*) FILTER (is_active),
                   count(*) FILTER ({days} > {_LONG_SILENT_DAYS}),
                   count(*) FILTER (is_active AND {days} > {_LONG_SILENT_DAYS}),
                   median({days}), median({days}) FILTER (is_active), median({days}) FILTER (NOT is_active)
            FROM person WHERE last_purchase IS NOT NULL""",
        as_of=source.as_of,
    )
    start = np.array([each[0] for each in bins]) * _BIN_DAYS
    here, gone = (np.array([each[column] for each in bins]) for column in (1, 2))

    def paint(left: Axes, right: Axes) -> None:
        middle = start + _BIN_DAYS / 2
        left.bar(middle, here, _BIN_DAYS, color=COLOURS[0], label="active", edgecolor="white")
        left.bar(middle, gone, _BIN_DAYS, bottom=here, color=COLOURS[1], hatch="//", label="left", edgecolor="white")
        left.set(xlabel="days since last purchase", ylabel=f"people (bins of {_BIN_DAYS} days)")
        left.legend()
        right.plot(middle, here / (here + gone), color=COLOURS[2], marker="o", markersize=4)
        right.set(xlabel="days since last purchase", ylabel="really active", ylim=(0, 1))
        percent_axis(right.yaxis)

    rows = [
        Row("median_days", "Days since last purchase, median", number(median, 0),
            f"active {number(median_active, 0)}, left {number(median_left, 0)}"),
        Row("silent_share", f"People silent for more than {_LONG_SILENT_DAYS} days", percent(share(silent, people)),
            f"{percent(share(silent_active, silent))} of them still active"),
        Row("active_share", "People still active on the last day", NOT_SEEN, percent(share(active, people))),
    ]  # fmt: skip
    picture = draw(
        f"Silent for over a year: {percent(share(silent_active, silent), 0)} of these people are still active",
        f"Left: people by days since last purchase, active below, left above. Right: the share that is really active, "
        f"{percent(share(here[0], here[0] + gone[0]), 0)} in the most recent {_BIN_DAYS} days.",
        paint,
        panels=(1, 2),
    )
    note = "A purchase is an order that no subscription made. Active means: would buy again."
    return Section("recency", "Days since last purchase", rows, [picture], [note])
