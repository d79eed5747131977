"""The CDNOW sample: 2,357 customers whose first order was in early 1997, in two forms. Neither is part of the project.

The published summary comes with the `lifetimes` package (extra `bench`); its module is not imported, since that takes a
setuptools below 81. The order log is read from the folder that CRMLAB_REAL_DATA names.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pandas as pd
import pytest

from crmlab.order_log import read_orders


def published_summary() -> pd.DataFrame:
    """Frequency, recency, T (weeks, two decimals) and mean spend up to 30 September 1997."""
    package = importlib.util.find_spec("lifetimes")
    if package is None:
        pytest.skip("the lifetimes package, which carries the published summary of CDNOW, is not installed")
    (folder,) = package.submodule_search_locations
    table = pd.read_csv(Path(folder) / "datasets" / "cdnow_customers_summary_with_transactions.csv")
    return table.set_axis(["customer_id", "frequency", "recency", "T", "monetary_value"], axis=1)


def order_log() -> pd.DataFrame:
    """All orders of the sample."""
    path = Path(os.environ.get("CRMLAB_REAL_DATA") or "") / "cdnowElog.csv"
    if not os.environ.get("CRMLAB_REAL_DATA") or not path.exists():
        pytest.skip("CRMLAB_REAL_DATA names no folder with cdnowElog.csv")
    return read_orders(path, customer="sampleid", date="date", amount="sales", date_format="%Y%m%d")
