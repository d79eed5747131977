"""Leakage: a feature that knows the answer (lesson 11a).

Two tests. A feature is computed twice, once from the tables as they were on the day and once from all of them: if the
two differ, it looks into the future. And a single feature that tells leavers from stayers nearly without fault is too
good to be true, also when nothing shows where it comes from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from crmlab.analytical.prediction.known_at import known_at


def check_no_leak(
    build: Callable[[Any, dt.date], pd.DataFrame],
    company: Any,
    as_of: dt.date,
    *,
    label: pd.Series | None = None,
    implausible_auc: float = 0.95,
) -> pd.DataFrame:
    """Which features of a feature table know what happened after its day.

    build              a function of (company, as_of) that gives a feature table, one row a customer
    label              bool, by customer: adds the second test
    implausible_auc    a single feature that reaches so much is under suspicion, 0.5 to 1

    Returns one row a feature: `changed` (int64, customers whose value, or whose being in the table, differs when
    `build` sees all tables), `auc` (float64, of the feature alone, whichever way it points; missing without a label),
    `leaks` (bool, either test failed). Raises ValueError when the two tables have different columns.

    >>> from types import SimpleNamespace
    >>> orders = pd.DataFrame({"customer_id": [1, 1], "order_date": pd.to_datetime(["2025-01-01", "2025-03-01"])})
    >>> shop = SimpleNamespace(as_of=pd.Timestamp("2025-12-31"), orders=orders)
    >>> def careless(company, as_of):
    ...     return company.orders.groupby("customer_id").size().to_frame("orders")
    >>> check_no_leak(careless, shop, dt.date(2025, 1, 31))["leaks"].to_dict()
    {'orders': True}
    """
    if not 0.5 < implausible_auc <= 1:
        raise ValueError(f"implausible_auc is {implausible_auc!r}, expected more than 0.5 and at most 1")
    then, now = build(known_at(company, as_of), as_of), build(company, as_of)
    if list(then.columns) != list(now.columns):
        raise ValueError(f"build gives the columns {list(then.columns)} on the cut tables, {list(now.columns)} on all")
    either = then.index.union(now.index)
    came_or_went = len(either) - len(then.index.intersection(now.index))
    rows = {}
    for name in now.columns:
        both = then.index.intersection(now.index)
        old, new = then.loc[both, name], now.loc[both, name]
        same = (old == new).fillna(False).astype(bool) | (old.isna() & new.isna())
        auc = np.nan if label is None else single_auc(now[name], label)
        changed = int((~same).sum()) + came_or_went
        rows[name] = {"changed": changed, "auc": auc, "leaks": changed > 0 or bool(auc >= implausible_auc)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("feature").astype({"changed": "int64"})


def single_auc(feature: pd.Series, label: pd.Series) -> float:
    """How well one feature alone tells the two apart, whichever way it points: 0.5 (not at all) to 1.

    Customers without a value are left out. 0.5 when only one kind is left.

    >>> single_auc(pd.Series([3, 2, 1]), pd.Series([False, True, True]))
    1.0
    """
    values = pd.to_numeric(feature, errors="coerce").astype("float64").dropna()
    kinds = label.reindex(values.index).dropna().astype(bool)
    if kinds.nunique() < 2:
        return 0.5
    auc = float(roc_auc_score(kinds, values.loc[kinds.index]))
    return max(auc, 1 - auc)
