"""Published figures of contact centres, with their sources, and where a company stands among them (lesson 13b)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

import numpy as np
import pandas as pd


def industry_benchmarks() -> pd.DataFrame:
    """A row a figure: ``kpi`` (a name of ``KPIS``), ``low`` and ``high`` (equal for a single figure), ``better``
    ("low" or "high"), ``unit``, ``kind`` (of whom or what), ``source``, ``checked`` (bool: whether the figure was seen
    in the source; the others are handed down, and nobody should decide by them).

    >>> bool(industry_benchmarks().set_index("kpi").loc["cost_per_contact", "checked"])
    True
    """
    path = files("crmlab.analytical.contact_centre").joinpath("benchmarks.csv")
    with path.open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    return table.assign(checked=table["checked"] == "yes")


def industry_ranking(figures: Mapping[str, float], benchmarks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Where the company's figures stand: "better", "within" or "worse" than the benchmark's range.

    figures: values by KPI, in the benchmark's unit. benchmarks: of ``industry_benchmarks`` unless given. Returns the
    benchmarks of these KPIs with ``company`` and ``rank`` added, missing figures left out. Raises ValueError where no
    benchmark fits.

    >>> industry_ranking({"abandon_share": 0.05})[["low", "high", "rank"]].values.tolist()
    [[0.12, 0.12, 'better'], [0.03, 0.08, 'within']]
    """
    table = industry_benchmarks() if benchmarks is None else benchmarks
    table = table[table["kpi"].isin(list(figures))].copy()
    if table.empty:
        raise ValueError(f"figures has {', '.join(figures) or 'nothing'}, for none of which there is a benchmark")
    table["company"] = table["kpi"].map(dict(figures)).astype(float)
    table = table.dropna(subset=["company"])
    below, above = table["company"] < table["low"], table["company"] > table["high"]
    good = np.where(table["better"] == "low", below, above)
    table["rank"] = np.select([~below & ~above, good], ["within", "better"], "worse")
    return table.reset_index(drop=True)
