"""Report: people recorded twice, and the planted purchase process beside its own moments."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from scipy import stats

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

_HIGHEST_RATE = 1.0
_BINS = 40


def duplicates_section(source: Source) -> Section:
    """How many people are recorded twice, and by which two systems."""
    people, twice, records = source.row("SELECT count(*), count(*) FILTER (records > 1), sum(records) FROM person")
    pairs = source.rows(
        """SELECT first.source_system, second.source_system, count(*)
           FROM truth.records AS one JOIN truth.records AS two USING (person_id)
           JOIN company.customers AS first ON first.customer_id = one.customer_id
           JOIN company.customers AS second ON second.customer_id = two.customer_id
           WHERE NOT one.is_second_record AND two.is_second_record GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"""
    )
    orders, under_second, second_with_orders = source.row(
        """SELECT sum(orders), sum(orders) FILTER (is_second_record), count(*) FILTER (is_second_record)
           FROM customer JOIN truth.records USING (customer_id)"""
    )
    rows = [
        Row("records", "Records of customers", f"{int(records):,}", f"{people:,} people"),
        Row("duplicate_share", "People recorded twice", NOT_SEEN,
            f"{percent(share(twice, people))} ({percent(source.setting('duplicate_share'))} planted)"),
        Row("orders_second", "Orders that stand under a second record", NOT_SEEN, percent(share(under_second, orders))),
        Row("second_with_orders", "Second records that have an order", NOT_SEEN,
            percent(share(second_with_orders, records - people))),
    ]  # fmt: skip
    note = "Somebody who came in the last days cannot be recorded twice yet, so the share is a little below the plan."
    if not twice:
        return Section("duplicates", "Duplicates", rows, [], ["Nobody in this company is recorded twice.", note])
    names = [f"{plain(first)}, then {plain(second)}" for first, second, _ in pairs]
    shares = [count / twice for *_, count in pairs]

    def paint(axes: Axes) -> None:
        axes.barh(names, shares, color=COLOURS[0])
        label_ends(axes, shares, [percent(each, 0) for each in shares])
        axes.set_xlabel(f"share of {twice:,} people who are recorded twice")
        percent_axis(axes.xaxis)

    picture = draw(
        f"{percent(share(twice, people))} of people are recorded twice, most often by {names[0]}",
        f"Bars: which two systems recorded the same person, {names[0]} first with {percent(shares[0])}.",
        paint,
        height=1.2 + 0.26 * len(names),
    )
    return Section("duplicates", "Duplicates", rows, [picture], [note])


def process_section(source: Source) -> Section:
    """The planted purchase process (MBG/NBD on the seasonal clock) beside the moments of the truth's own columns."""
    r, alpha, a, b = (source.setting(name) for name in ("purchase_r", "purchase_alpha", "dropout_a", "dropout_b"))
    law = stats.beta(a, b)
    rate, rate_variance, dropout, dropout_variance = source.row(
        """SELECT avg(rate_per_week), var_samp(rate_per_week), avg(dropout_probability), var_samp(dropout_probability)
           FROM truth.tendencies"""
    )
    # With possible purchases N ~ Poisson(rate * T), repeat purchase j happens when N >= j and the need outlives j
    # purchases: E[X] = (1 - p) / p * (1 - exp(-rate * p * T)). The need outlives all N + 1 purchases with probability
    # (1 - p) * exp(-rate * p * T).
    repeats, expected_repeats, alive, expected_alive, active = source.row(
        """WITH each AS (SELECT *, dropout_probability AS p, rate_per_week * process_observed_clock_weeks AS possible
                         FROM truth.tendencies JOIN truth.relationships USING (person_id))
           SELECT avg(process_repeat_purchases),
                  avg(CASE WHEN p * possible < 1e-9 THEN possible ELSE (1 - p) / p * (1 - exp(-p * possible)) END),
                  avg(process_alive::INTEGER), avg((1 - p) * exp(-p * possible)), avg(is_active::INTEGER)
           FROM each"""
    )
    rows = [
        Row("rate_mean", "Purchases a clock week, mean (variance)", f"{number(rate, 3)} ({number(rate_variance, 3)})",
            f"{number(r / alpha, 3)} ({number(r / alpha**2, 3)}): gamma, r = {r:g}, alpha = {alpha:g}"),
        Row("dropout_mean", "Probability that the need ends after a purchase, mean (variance)",
            f"{number(dropout, 3)} ({number(dropout_variance, 3)})",
            f"{number(law.mean(), 3)} ({number(law.var(), 3)}): beta, a = {a:g}, b = {b:g}"),
        Row("repeats_mean", "Repeat purchases a person before service and price, mean", number(repeats),
            f"{number(expected_repeats)} expected from each person's rate and drop-out"),
        Row("alive_share", "Need not ended by the last day", percent(alive), f"{percent(expected_alive)} expected"),
        Row("active_truth", "Still active, after service, price and competitors", percent(active)),
    ]  # fmt: skip
    notes = [
        "The first column holds the moments of the people drawn, which stand in the hidden truth; the second holds "
        "what was planted. Fitting the process from orders is a later chapter."
    ]
    picture = _process_picture(source, (r, alpha, a, b), rate, dropout)
    return Section("process", "The planted purchase process", rows, [picture], notes)


def _histogram(source: Source, column: str, top: float) -> tuple[np.ndarray, np.ndarray]:
    """Middles of bins from 0 to ``top`` and the density of people in them."""
    found = dict(
        source.rows(
            f"SELECT floor({column} / $top * {_BINS})::INTEGER, count(*) FROM truth.tendencies GROUP BY 1", top=top
        )
    )
    width = top / _BINS
    people = sum(found.values())
    return (np.arange(_BINS) + 0.5) * width, np.array([found.get(i, 0) for i in range(_BINS)]) / people / width


def _process_picture(source: Source, planted: tuple[float, ...], rate: float, dropout: float) -> Picture:
    r, alpha, a, b = planted
    curves = (
        ("rate_per_week", _HIGHEST_RATE, stats.gamma(r, scale=1 / alpha), "purchases a clock week"),
        ("dropout_probability", 1.0, stats.beta(a, b), "probability that the need ends\nafter a purchase"),
    )

    def paint(*panels: Axes) -> None:
        for axes, (column, top, law, label) in zip(panels, curves, strict=True):
            middle, density = _histogram(source, column, top)
            axes.bar(middle, density, top / _BINS, color=COLOURS[0], edgecolor="white", label="people drawn")
            axes.plot(middle, np.diff(law.cdf(np.linspace(0, top, _BINS + 1))) / (top / _BINS), color=COLOURS[1],
                      marker="o", markersize=3, label="planted")  # fmt: skip
            axes.set(xlabel=label, ylabel="density of people", xlim=(0, top))
            axes.legend()

    return draw(
        f"Mean over people: {number(rate, 3)} purchases a clock week; a need ends with chance {percent(dropout)}",
        f"Left: purchase rates, mean {number(rate, 3)} a clock week. Right: probabilities that the need ends after a "
        f"purchase, mean {number(dropout, 3)}. Bars are people, lines the planted distributions.",
        paint,
        panels=(1, 2),
    )
