"""The hidden truth of a company: who really left, what really goes together. A spoiler for every exercise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pyarrow as pa

from crmlab.company.assumptions import Assumptions


def assumptions_table(given: Assumptions) -> pa.Table:
    """The settings of a company, a row each: ``setting``, ``value`` (text)."""
    settings = dataclasses.asdict(given)
    return pa.table({"setting": list(settings), "value": [str(value) for value in settings.values()]})


def truth(path: Path | str | None = None) -> dict[str, pd.DataFrame]:
    """The hidden truth of the course company, or of the one at ``path``: frames by name.

    **Spoiler**: an exercise asks you to find what stands here. Look when you have answered.

    >>> sorted(truth())[1:4]
    ['assumptions', 'basket_affinities', 'campaign_effects']
    """
    from crmlab.company.observed import company_folder, read_tables

    return {name: table for name, table in read_tables(company_folder(path) / "truth").items()}
