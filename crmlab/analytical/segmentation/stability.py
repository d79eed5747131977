"""Are the segments there? Made again from another seed, another sample, other orders, do they come back?

k-means returns k segments for any table, also where there are none (lesson 07, section 4). Three questions, each harder
than the one before: does another random start give the same segments; does another sample of customers; do the *other
half* of each customer's orders put the customer into the same segment? The last cannot be answered by a lucky shape of
the table: only by habits that people really have. What chance alone reaches is seen by dealing all orders out to
customers at random.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, silhouette_score

from crmlab.analytical.segmentation.behaviour import behaviour_features
from crmlab.analytical.segmentation.clusters import KMeansSegments
from crmlab.analytical.segmentation.columns import require, require_numbers

#: A silhouette looks at all pairs of customers: of more than so many, a sample is taken.
_MOST_FOR_SILHOUETTE = 3_000


def agreement(one: pd.Series, other: pd.Series) -> float:
    """The adjusted Rand index of two segmentations of the same customers: 1 the same, about 0 as by chance.

    It looks at pairs of customers: are two who share a segment in the one together in the other? So it does not matter
    what the segments are called, and what chance alone would reach is taken off.

    one, other: a segment for each customer, with the same customers as index, in any order.

    Source: Hubert and Arabie (1985), Comparing partitions, Journal of Classification 2, as scikit-learn computes it.

    >>> agreement(pd.Series([1, 1, 2, 2]), pd.Series(["b", "b", "a", "a"]))
    1.0
    """
    if set(one.index) != set(other.index) or not one.index.is_unique or not other.index.is_unique:
        raise ValueError(f"the customers differ ({len(one)} and {len(other)}), expected the same, each once, as index")
    return float(adjusted_rand_score(one, other.loc[one.index]))


def reseed_agreement(features: Any, k: int, seeds: Iterable[int] = range(5), starts: int = 10) -> float:
    """The mean agreement of the segments of each two seeds: does k-means find the same from another start?"""
    labels = [KMeansSegments(k, seed=seed, starts=starts).fit(features).labels_ for seed in seeds]
    if len(labels) < 2:
        raise ValueError(f"seeds has {len(labels)}, expected at least two to compare")
    pairs = [(i, j) for i in range(len(labels)) for j in range(i)]
    return float(np.mean([agreement(labels[i], labels[j]) for i, j in pairs]))


def bootstrap_agreement(features: Any, k: int, draws: int = 10, seed: int = 0) -> float:
    """The mean agreement of segments from two bootstrap samples, both asked about all customers.

    Each of `draws` times two samples of customers are drawn with replacement, as many as there are; each gives k
    centres, and each customer belongs to the nearest.

    Source: Dolnicar and Leisch (2010), Evaluation of structure and reproducibility of cluster solutions using the
    bootstrap, Marketing Letters 21.
    """
    features = require_numbers(features)
    if draws < 1:
        raise ValueError(f"draws is {draws}, expected 1 or more")
    rng = np.random.default_rng(seed)

    def from_sample() -> pd.Series:
        sample = features.iloc[rng.integers(0, len(features), len(features))].reset_index(drop=True)
        return KMeansSegments(k, seed=seed, starts=5).fit(sample).predict(features)

    return float(np.mean([agreement(from_sample(), from_sample()) for _ in range(draws)]))


def compare_k(features: Any, ks: Iterable[int] = range(2, 7), seed: int = 0, draws: int = 5) -> pd.DataFrame:
    """For each number of segments what speaks for it: one row a k.

        inertia       sum of squared distances to the own centre, in standard deviations: falls with every k, so the
                      lowest says nothing
        silhouette    mean over customers (a sample of them where there are many) of how much nearer the own segment is
                      than the next: 1 far apart, 0 on the edge
        reseeding     `reseed_agreement` of three seeds
        bootstrap     `bootstrap_agreement` of `draws` pairs of samples
        smallest      int64, customers in the smallest segment

    Source of the silhouette: Rousseeuw (1987), Journal of Computational and Applied Mathematics 20.
    """
    features = require_numbers(features)
    rows = []
    for k in ks:
        fitted = KMeansSegments(k, seed=seed).fit(features)
        standard = (features - fitted.mean_) / fitted.deviation_
        most = min(len(features), _MOST_FOR_SILHOUETTE)
        rows.append(
            {
                "k": k,
                "inertia": fitted.inertia_,
                "silhouette": float(silhouette_score(standard, fitted.labels_, sample_size=most, random_state=seed)),
                "reseeding": reseed_agreement(features, k, seeds=range(seed, seed + 3)),
                "bootstrap": bootstrap_agreement(features, k, draws=draws, seed=seed),
                "smallest": int(fitted.labels_.value_counts().min()),
            }
        )
    return pd.DataFrame(rows).set_index("k")


def halves_agreement(
    facts: Any, columns: list[str], k: int, as_of: dt.date, *, least_orders: int = 6, seed: int = 0
) -> float:
    """Do the two halves of each customer's orders put the customer into the same segment?

    Of each customer with `least_orders` orders or more, the first, third, ... make one half, the second, fourth, ...
    the other. Each half is brought to mean 0 and standard deviation 1. Segments are made from the first half; then each
    customer is put into the nearest of them by the second half too. The agreement (adjusted Rand index) of the two is
    near 0 where the differences between customers are chance, however neat the segments look.

    facts: as `order_facts` gives them; columns: the features to use, of `behaviour_features`.
    """
    require(facts, "facts", ["customer_id", "order_date"])
    if least_orders < 2:
        raise ValueError(f"least_orders is {least_orders}, expected 2 or more: each half needs an order")
    by_customer = facts.groupby("customer_id")["order_date"]
    often = facts[by_customer.transform("size") >= least_orders]
    if often.empty:
        raise ValueError(f"no customer has {least_orders} orders or more, expected some")
    place = often.groupby("customer_id").cumcount()
    halves = [behaviour_features(often[place % 2 == half], as_of)[columns] for half in (0, 1)]
    # What few people do can be missing from a half: then there is nothing to compare by, and it has no say.
    varied = [name for name in columns if all(half[name].std(ddof=0) > 0 for half in halves)]
    first, second = ((half[varied] - half[varied].mean()) / half[varied].std(ddof=0) for half in halves)
    fitted = KMeansSegments(k, seed=seed).fit(first)
    return agreement(fitted.labels_, fitted.predict(second))


def deal_at_random(facts: Any, seed: int) -> pd.DataFrame:
    """The same orders, dealt out to the customers at random: a company without habits.

    Orders are exchanged within a calendar month, so that every customer keeps the number and the months of the orders
    (and the season stays what it is), while what is in them comes from anybody.
    """
    require(facts, "facts", ["customer_id", "order_date"])
    rng = np.random.default_rng(seed)
    month = facts["order_date"].dt.year * 12 + facts["order_date"].dt.month
    # Each month's rows in their own order, and in a random one: customers of the first get the orders of the second.
    own = np.argsort(month.to_numpy(), kind="stable")
    mixed = np.lexsort([rng.random(len(facts)), month.to_numpy()])
    customers = np.empty(len(facts), dtype=facts["customer_id"].dtype)
    customers[mixed] = facts["customer_id"].to_numpy()[own]
    dealt = facts.assign(customer_id=customers)
    return dealt.sort_values(["customer_id", "order_date"], kind="stable").reset_index(drop=True)


@dataclass(frozen=True)
class AgainstChance:
    """`agreement` of the two halves; `by_chance`, the same with orders dealt at random; `segments_are_there`."""

    agreement: float
    by_chance: tuple[float, ...]
    least: float

    @property
    def segments_are_there(self) -> bool:
        """More than chance ever reached, and at least `least`: a difference that is sure can still be too small."""
        return self.agreement >= self.least and self.agreement > max(self.by_chance)


def check_against_chance(
    facts: Any,
    columns: list[str],
    k: int,
    as_of: dt.date,
    *,
    least_orders: int = 6,
    least: float = 0.1,
    draws: int = 19,
    seed: int = 0,
) -> AgainstChance:
    """Are there segments at all? The agreement of the halves, held against orders dealt out at random `draws` times.

    With 19 draws chance alone is above all of them once in 20 times; `least` asks besides that the agreement is worth
    the name. Arguments as in `halves_agreement`.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}, expected 1 or more")
    found = halves_agreement(facts, columns, k, as_of, least_orders=least_orders, seed=seed)
    dealt = (deal_at_random(facts, seed * 1_000 + draw) for draw in range(draws))
    chance = [halves_agreement(each, columns, k, as_of, least_orders=least_orders, seed=seed) for each in dealt]
    return AgainstChance(found, tuple(chance), least)
