"""Report: the planted complements held against what stands in the baskets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab.company.report_section import COLOURS, Picture, Row, Section, draw, interval, number, percent, percent_axis
from crmlab.company.report_source import Source, parquet_scan

_FEWEST_ANCHORS = 30
_FEWEST_TOGETHER = 20
_TOP_PAIRS = 12


@dataclasses.dataclass(frozen=True)
class _Counts:
    """Baskets of purchases, by product position. ``attached[a, b]``: baskets that begin with a and hold b (on the
    diagonal: all that begin with a). ``together[a, b]``: baskets that hold both (on the diagonal: all that hold a).
    """

    attached: np.ndarray
    together: np.ndarray

    @property
    def baskets(self) -> int:
        return int(np.trace(self.attached))


def _count_pairs(source: Source, products: int) -> _Counts:
    """Counted part by part, which keeps memory flat: the lines of an order stand in one part."""
    attached = np.zeros((products, products), dtype=np.int64)
    together = np.zeros((products, products), dtype=np.int64)
    for part in source.parts("company", "order_lines"):
        # The anchor is the order's first line; a subscription's delivery is no basket that somebody filled.
        source.connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE line AS
                SELECT order_id, product_id, first_value(product_id) OVER (
                    PARTITION BY order_id ORDER BY order_line_id) AS anchor
                FROM {parquet_scan([part])}
                QUALIFY anchor NOT IN (SELECT product_id FROM company.products WHERE category = 'subscription')"""
        )
        for anchor, product, count in source.rows("SELECT anchor, product_id, count(*) FROM line GROUP BY 1, 2"):
            attached[anchor - 1, product - 1] += count
        for one, other, count in source.rows(
            """SELECT one.product_id, other.product_id, count(DISTINCT order_id)
               FROM line AS one JOIN line AS other USING (order_id) GROUP BY 1, 2"""
        ):
            together[one - 1, other - 1] += count
    return _Counts(attached, together)


def baskets_section(source: Source) -> Section:
    """Attach probabilities and lifts: what really goes with what."""
    names = [name for (name,) in source.rows("SELECT name FROM company.products ORDER BY product_id")]
    counts = _count_pairs(source, len(names))
    affinities = _against_truth(source, counts)
    seen = affinities[affinities["baskets"] >= _FEWEST_ANCHORS]
    pairs = _top_lifts(counts, names, affinities)
    notes = [
        "The anchor is the first line of an order. A product also falls into a basket by chance, so the rate to be "
        "expected is 1 - (1 - attach probability) * (1 - chance); chance is measured on anchors to which the product "
        "is not attached.",
        f"Pairs with at least {_FEWEST_ANCHORS} baskets of the anchor; lifts of pairs in at least {_FEWEST_TOGETHER} "
        "baskets.",
    ]
    inside = seen["expected"].between(seen["low"], seen["high"])
    rows = [
        Row("baskets", "Baskets (orders that no subscription made)", f"{counts.baskets:,}"),
        Row("attach_planted", "Pairs planted with an attach probability above 0", "",
            f"{int((affinities['planted'] > 0).sum())} of {len(affinities)}"),
        Row("attach_mean", "Attach rate over these pairs, mean", percent(seen["observed"].mean()),
            f"{percent(seen['planted'].mean())} planted, {percent(seen['expected'].mean())} with chance"),
        Row("attach_covered", "Pairs whose 95 % interval holds the expected rate",
            f"{int(inside.sum())} of {len(seen)}", "about 95 %"),
        Row("lift_top", "Highest lift", number(pairs["lift"].max() if len(pairs) else None),
            f"{int(pairs['planted'].sum())} of the top {len(pairs)} lifts are planted",
            "11.42 in 9,835 real baskets (groceries log)"),
    ]  # fmt: skip
    if source.absent == "rules":
        notes.insert(
            0, "This company has no rules: no complement is planted, and products fall into baskets independently."
        )
    if len(seen) == 0:
        notes.insert(0, "Too few baskets to estimate an attach rate.")
    pictures = [_attach_picture(seen)] if len(seen) else []
    pictures += [_lift_picture(pairs)] if len(pairs) else []
    return Section("baskets", "Basket affinities", rows, pictures, notes)


def _against_truth(source: Source, counts: _Counts) -> pd.DataFrame:
    """A row a planted pair: baskets of the anchor, observed rate with its interval, planted and expected rate."""
    planted = source.rows(
        """SELECT anchor_product_id, attached_product_id, attach_probability FROM truth.basket_affinities
           ORDER BY 1, 2"""
    )
    anchor, other = (np.array([pair[side] for pair in planted]) - 1 for side in (0, 1))
    probability = np.array([pair[2] for pair in planted])
    begin = np.diag(counts.attached)
    is_planted = np.zeros_like(counts.attached, dtype=bool)
    is_planted[anchor, other] = True
    by_chance = ~is_planted & ~np.eye(len(begin), dtype=bool)
    chance = (counts.attached * by_chance).sum(axis=0) / np.maximum((begin[:, None] * by_chance).sum(axis=0), 1)
    hits, whole = counts.attached[anchor, other], begin[anchor]
    low, high = interval(hits, np.maximum(whole, 1))
    return pd.DataFrame(
        {
            "anchor": anchor,
            "attached": other,
            "baskets": whole,
            "planted": probability,
            "expected": 1 - (1 - probability) * (1 - chance[other]),
            "observed": hits / np.maximum(whole, 1),
            "low": low,
            "high": high,
        }
    )


def _top_lifts(counts: _Counts, names: list[str], affinities: pd.DataFrame) -> pd.DataFrame:
    """The pairs with the highest lift: ``pair``, ``lift``, ``together`` (baskets), ``planted`` (bool)."""
    one, other = np.triu_indices(len(names), k=1)
    together, single = counts.together[one, other], np.diag(counts.together)
    enough = together >= _FEWEST_TOGETHER
    one, other, together = one[enough], other[enough], together[enough]
    lift = together * counts.baskets / (single[one] * single[other])
    real = affinities[affinities["planted"] > 0]
    planted = {frozenset(pair) for pair in zip(real["anchor"], real["attached"], strict=True)}
    table = pd.DataFrame(
        {
            "pair": [f"{names[a]} + {names[b]}" for a, b in zip(one, other, strict=True)],
            "lift": lift,
            "together": together,
            "planted": [frozenset((a, b)) in planted for a, b in zip(one, other, strict=True)],
        }
    )
    return table.sort_values(["lift", "pair"], ascending=[False, True]).head(_TOP_PAIRS)


def _attach_picture(seen: pd.DataFrame) -> Picture:
    """Observed over planted; in a company without rules over what chance gives, since nothing is planted."""
    planted_any = bool((seen["planted"] > 0).any())
    across = seen["planted"] if planted_any else seen["expected"]
    error = np.abs([seen["observed"] - seen["low"], seen["high"] - seen["observed"]])
    top = 1.1 * max(seen["high"].max(), across.max())

    def paint(axes: Axes) -> None:
        axes.errorbar(across, seen["observed"], error, fmt="o", markersize=4, color=COLOURS[0], elinewidth=1,
                      label="observed, 95 % interval")  # fmt: skip
        if planted_any:
            axes.scatter(across, seen["expected"], marker="_", s=60, color=COLOURS[1], zorder=3,
                         label="planted and chance together")  # fmt: skip
        axes.axline((0, 0), slope=1, color="grey", linewidth=1, label="equal")
        axes.set(xlabel="planted attach probability" if planted_any else "attach rate that chance gives",
                 ylabel="observed attach rate", xlim=(0, 1.1 * across.max()), ylim=(0, top))  # fmt: skip
        percent_axis(axes.xaxis)
        percent_axis(axes.yaxis)
        axes.legend(loc="upper left")

    observed, planted, chance = (percent(seen[column].mean()) for column in ("observed", "planted", "expected"))
    finding = f"{planted} were planted, the rest is chance" if planted_any else f"chance alone gives {chance}"
    return draw(
        f"Complements are attached in {observed} of baskets; {finding}",
        f"Points: {len(seen)} pairs, observed attach rate with 95 % interval, mean {observed}; {finding}.",
        paint,
        height=4.2,
    )


def _lift_picture(pairs: pd.DataFrame) -> Picture:
    labels = pairs["pair"] + [f" ({count:,})" for count in pairs["together"]]

    def paint(axes: Axes) -> None:
        for planted, colour, marker in ((True, COLOURS[0], "o"), (False, COLOURS[1], "X")):
            rows = np.flatnonzero(pairs["planted"] == planted)
            if len(rows):
                axes.plot(pairs["lift"].iloc[rows], rows, marker, color=colour, markersize=8, linestyle="none",
                          label="planted" if planted else "not planted")  # fmt: skip
        axes.axvline(1, color="grey", linewidth=1, label="independent")
        axes.set(xlabel="lift (times as often together as by chance)", xlim=(0, None))
        axes.set_yticks(range(len(pairs)), labels)
        axes.invert_yaxis()
        axes.legend()

    return draw(
        f"{int(pairs['planted'].sum())} of the {len(pairs)} highest lifts were planted",
        f"Points: the {len(pairs)} pairs of the highest lift, from {number(pairs['lift'].max())} down to "
        f"{number(pairs['lift'].min())}, with the number of baskets in brackets.",
        paint,
        height=4.4,
    )
