"""How sure an estimate is: fit again on customers drawn anew from those that were seen."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from crmlab.analytical.lifetime_value.customer_rows import CustomerRows
from crmlab.analytical.lifetime_value.likelihood import BoundaryWarning, MaximumLikelihoodModel


def _parameters(model: MaximumLikelihoodModel) -> list[float]:
    return list(model.parameters_.values())


def bootstrap(
    model: MaximumLikelihoodModel,
    summary: Any,
    statistic: Callable[[Any], Any] = _parameters,
    *,
    draws: int = 200,
    seed: int,
    n_jobs: int | None = None,
) -> np.ndarray:
    """Fit the model to `draws` samples of as many customers as there are, drawn with replacement.

    model        a model of this package; it is not changed
    summary      a row a customer, as for `fit`
    statistic    what to keep of a fitted model: a number or an array, the parameters in their order unless told
    seed         the same seed gives the same draws, for any `n_jobs` and any joblib backend

    Returns float64, (draws, ...). An interval of 95 % is `np.quantile(result, [0.025, 0.975], axis=0)`. Draws that end
    at a boundary are kept and do not warn.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    >>> import pandas as pd
    >>> summary = pd.DataFrame({"frequency": [1, 2, 4, 3], "monetary_value": [10.0, 14.0, 9.0, 30.0]})
    >>> from crmlab.analytical.lifetime_value import GammaGammaModel
    >>> bootstrap(GammaGammaModel(), summary, draws=3, seed=1).shape
    (3, 3)
    """
    if draws < 1:
        raise ValueError(f"draws is {draws!r}, expected a whole number from 1 up")
    rows = model._rows(summary)
    seeds = np.random.SeedSequence(seed).spawn(draws)
    tasks = (delayed(_one_draw)(model, rows, each, statistic) for each in seeds)
    return np.array(Parallel(n_jobs=n_jobs)(tasks), dtype=np.float64)


def _one_draw(model: MaximumLikelihoodModel, rows: CustomerRows, seed: np.random.SeedSequence, statistic) -> Any:
    customers = rows.weight.sum()
    weight = np.random.default_rng(seed).multinomial(int(customers), rows.weight / customers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        return statistic(copy.deepcopy(model)._fit_rows(rows.reweighted(weight)))
