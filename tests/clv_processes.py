"""Customers drawn from the processes that the models of lifetime value assume, from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd


def beta_geo_customers(customers, seed, *, r, alpha, a, b, weeks, modified=False):
    """A summary of BG/NBD customers (MBG/NBD when `modified`), observed for 1 to `weeks` weeks, with the truth."""
    rng = np.random.default_rng(seed)
    rate, leaving = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
    age = rng.uniform(1, weeks, customers)
    possible = rng.poisson(rate * age)
    # Repeat purchases before the one that was the last: the first purchase counts among them when modified.
    allowed = rng.geometric(np.maximum(leaving, 1e-12)) - int(modified)
    repeats = np.minimum(possible, allowed)
    # The k-th of n uniform times is beta distributed.
    last = rng.beta(np.maximum(repeats, 1), possible - repeats + 1) * age
    return pd.DataFrame(
        {
            "frequency": repeats,
            "recency": np.where(repeats > 0, last, 0.0),
            "T": age,
            "alive": possible < allowed,
            "rate": rate,
            "leaving": leaving,
        }
    )


def pareto_customers(customers, seed, *, r, alpha, s, beta, weeks):
    """A summary of Pareto/NBD customers, with the truth."""
    rng = np.random.default_rng(seed)
    rate, leaving = rng.gamma(r, 1 / alpha, customers), rng.gamma(s, 1 / beta, customers)
    age = rng.uniform(1, weeks, customers)
    lifetime = rng.exponential(1 / leaving)
    until = np.minimum(age, lifetime)
    repeats = rng.poisson(rate * until)
    last = rng.beta(np.maximum(repeats, 1), 1) * until
    recency = np.where(repeats > 0, last, 0.0)
    return pd.DataFrame({"frequency": repeats, "recency": recency, "T": age, "alive": lifetime > age, "rate": rate})


def gamma_gamma_customers(customers, seed, *, p, q, v):
    """Mean spend of customers with 0 to 10 repeat purchases, with the true mean of each."""
    rng = np.random.default_rng(seed)
    frequency = rng.integers(0, 11, customers)
    scale = rng.gamma(q, 1 / v, customers)
    mean = rng.gamma(p * np.maximum(frequency, 1), 1 / scale) / np.maximum(frequency, 1)
    spend = np.where(frequency > 0, mean, 0.0)
    return pd.DataFrame({"frequency": frequency, "monetary_value": spend, "true_mean": p / scale})
