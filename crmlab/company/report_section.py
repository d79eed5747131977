"""What a section of the company report is made of: pictures, and a table that holds the company against the truth."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
from collections.abc import Callable

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from statsmodels.stats.proportion import proportion_confint

#: Shown where there is nothing to count.
NOTHING = "none"
#: Shown where only the truth knows.
NOT_SEEN = "not seen"
_NO_BREAK = "\u00a0"
COLOURS = [matplotlib.colors.to_hex(colour) for colour in sns.color_palette("colorblind")]
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", ":", "-.")

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "legend.frameon": True,
    # Names of SVG elements come from this text instead of from chance.
    "svg.hashsalt": "crmlab",
    "svg.fonttype": "path",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure: what it is, its value here, the hidden truth, and the published fact with its source."""

    key: str
    what: str
    here: str
    truth: str = ""
    published: str = ""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A plot: SVG in base64, the finding that is its title, and the sentence that describes it."""

    svg: str
    title: str
    description: str


@dataclasses.dataclass(frozen=True)
class Section:
    """One theme of the report. ``notes``: what a reader must know to read it, plain sentences."""

    key: str
    title: str
    rows: list[Row]
    pictures: list[Picture] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)


def draw(
    title: str, description: str, paint: Callable[..., None], *, panels: tuple[int, int] = (1, 1), height: float = 3.6
) -> Picture:
    """A picture 8 inches wide that ``paint`` fills: it gets the axes of each panel (rows, columns) in turn.

    The page writes the title above it as text, so that it can be read aloud, searched and wrapped.
    It does not depend on the user's matplotlib settings, and the same data give the same bytes.
    """
    with matplotlib.style.context("default"), sns.axes_style("whitegrid"), matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(8, height), layout=ConstrainedLayoutEngine(w_pad=0.1))
        paint(*figure.subplots(*panels, squeeze=False).ravel())
        for axes in figure.axes:
            sns.despine(ax=axes)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return Picture(base64.b64encode(file.getvalue()).decode("ascii"), title, description)


def percent_axis(axis: matplotlib.axis.Axis) -> None:
    """Shares from 0 to 1 on this axis read as percentages."""
    axis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, decimals=0, symbol=" %"))


def label_ends(axes: Axes, values: list[float], texts: list[str]) -> None:
    """Each horizontal bar's value beside its end, with room for it on the axis."""
    for position, (value, text) in enumerate(zip(values, texts, strict=True)):
        axes.annotate(text, (value, position), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.margins(x=0.25)
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def share(part: float | None, whole: float | None) -> float:
    """``part / whole``; not a number where there is nothing."""
    return float(part) / float(whole) if part is not None and whole else math.nan


def percent(value: float | None, digits: int = 1) -> str:
    """A share as text, its sign kept on the same line.

    >>> percent(0.6667), percent(None), percent(float("nan"), 0)
    ('66.7\\xa0%', 'none', 'none')
    """
    return NOTHING if value is None or math.isnan(value) else f"{100 * value:.{digits}f}{_NO_BREAK}%"


def number(value: float | None, digits: int = 2) -> str:
    """A number as text, thousands apart.

    >>> number(1234.5, 1), number(None)
    ('1,234.5', 'none')
    """
    return NOTHING if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def interval(part: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of shares (Wilson 1927), ends of the same shape; ``whole`` above 0."""
    low, high = proportion_confint(np.asarray(part), np.asarray(whole), method="wilson")
    return np.asarray(low), np.asarray(high)


def plain(name: str) -> str:
    """A name from a table as words: ``gift_buyer`` reads "gift buyer"."""
    return name.replace("_", " ")
