"""Report: how few customers bring most of the revenue."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from crmlab.company.report_section import COLOURS, LINES, MARKERS, Row, Section, draw, percent, percent_axis
from crmlab.company.report_source import Source

_LORENZ = """
WITH ranked AS (
    SELECT {revenue} AS cents, row_number() OVER (ORDER BY {revenue} DESC, customer_id) AS place, count(*) OVER () AS n
    FROM customer WHERE {orders} > 0
)
SELECT ((place * 100 - 1) // n + 1)::INTEGER, sum(cents)::BIGINT FROM ranked GROUP BY 1 ORDER BY 1
"""


def _lorenz(source: Source, revenue: str, orders: str) -> np.ndarray:
    """Share of revenue of the top 0, 1, ... 100 % of customers, float64 (101,); not numbers where nobody bought."""
    cents = np.zeros(101)
    for hundredth, total in source.rows(_LORENZ.format(revenue=revenue, orders=orders)):
        cents[hundredth] = total
    return np.cumsum(cents) / cents.sum() if cents.any() else np.full(101, math.nan)


def concentration_section(source: Source) -> Section:
    """The Lorenz curve: how much of the revenue the best customers bring."""
    curves = {
        "all orders": _lorenz(source, "revenue_cents", "orders"),
        "without subscriptions": _lorenz(source, "purchase_revenue_cents", "purchases"),
        "subscriptions only": _lorenz(source, "(revenue_cents - purchase_revenue_cents)", "(orders - purchases)"),
    }
    everything, purchases, subscriptions = (curve[20] for curve in curves.values())

    def paint(axes: Axes) -> None:
        top = np.arange(101) / 100
        for position, (name, curve) in enumerate(curves.items()):
            axes.plot(top, curve, color=COLOURS[position], linestyle=LINES[position], marker=MARKERS[position],
                      markevery=10, label=name)  # fmt: skip
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1, label="all bring the same")
        axes.plot([0.2, 0.2], [0.67, 0.59], "kx", markersize=9, label="published: 67 %, subscription 59 %")
        axes.set(xlabel="share of customers, the best first", ylabel="share of revenue", xlim=(0, 1), ylim=(0, 1.02))
        percent_axis(axes.xaxis)
        percent_axis(axes.yaxis)
        axes.legend(loc="lower right")

    rows = [
        Row("top_20_share", "Revenue of the top 20 % of customers", percent(everything)),
        Row("top_20_share_purchases", "The same without subscription deliveries", percent(purchases), "",
            "67 % (McCarthy & Winer 2018); 67 % (CDNOW log)"),
        Row("top_20_share_subscriptions", "The same, subscription deliveries only", percent(subscriptions), "",
            "59 % (McCarthy & Winer 2018)"),
    ]  # fmt: skip
    picture = draw(
        f"The top 20 % of customers bring {percent(everything, 0)} of the revenue",
        f"Curves: share of revenue of the best customers; the top 20 % bring {percent(everything)} of all revenue and "
        f"{percent(purchases)} without subscriptions.",
        paint,
        height=4.2,
    )
    note = "Revenue is the orders' amount before refunds. Customers with at least one order of the kind named."
    return Section("concentration", "Concentration of revenue", rows, [picture], [note])
