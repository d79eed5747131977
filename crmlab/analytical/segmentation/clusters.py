"""Segments by k-means on standardised behaviour: made, described and named (lesson 07, section 3).

k-means looks for k centres such that customers lie close to their own. "Close" is measured in the units of the
features, so a feature in cents would drown one that is a share: each is brought to mean 0 and standard deviation 1.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from crmlab.analytical.segmentation.columns import require, require_numbers


class KMeansSegments:
    """k segments by k-means, after standardising; a scikit-learn model with names on what goes in and comes out.

    k         the number of segments, from 1 up
    seed      of the random starts; the same seed gives the same segments
    starts    how often k-means starts anew; the best of them (smallest inertia) is kept
    scale     False leaves the features in their own units: to see what goes wrong

    After `fit`:

        labels_     Series, int64, 1 to k: the segment of each customer; 1 is the largest. The numbers are names, not an
                    order, and mean nothing beside those of another fit
        centres_    DataFrame, one row a segment: the mean of each feature, in its own units
        inertia_    float, the sum of squared distances to the own centre, in standard deviations

    Source: Lloyd (1982), IEEE Transactions on Information Theory 28(2); starts by k-means++ of Arthur and Vassilvitskii
    (2007); both as scikit-learn computes them.

    >>> features = pd.DataFrame({"gift_share": [0.0, 0.1, 0.9], "pieces": [2.0, 2.2, 1.0]}, index=[7, 8, 9])
    >>> KMeansSegments(2).fit(features).labels_.to_dict()
    {7: 1, 8: 1, 9: 2}
    """

    def __init__(self, k: int, seed: int = 0, starts: int = 10, scale: bool = True):
        self.k, self.seed, self.starts, self.scale = k, seed, starts, scale

    def fit(self, features: Any) -> "KMeansSegments":
        """Find the segments of `features`: one row a customer, numbers only, none missing.

        Raises ValueError when there are fewer different customers than segments, or a feature is the same for all.
        """
        for name, least in (("k", 1), ("starts", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} is {value!r}, expected a whole number from {least} up")
        features = require_numbers(features)
        different = len(features.drop_duplicates())
        if different < self.k:
            raise ValueError(f"features has {different} different customers, expected at least k ({self.k})")
        self.mean_ = features.mean()
        self.deviation_ = features.std(ddof=0)
        for column in features.columns[self.deviation_ == 0]:
            raise ValueError(f"features column {column!r} is the same for all customers, expected a difference")
        if not self.scale:
            self.mean_, self.deviation_ = self.mean_ * 0, self.deviation_ * 0 + 1
        model = KMeans(int(self.k), n_init=int(self.starts), random_state=self.seed)
        # On tables of this size threads cost more than they give, and one thread adds up in one order.
        with threadpool_limits(limits=1):
            found = model.fit_predict(self._standardised(features))
        by_size = np.argsort(-np.bincount(found, minlength=self.k), kind="stable")
        self._centres = model.cluster_centers_[by_size]
        self.inertia_ = float(model.inertia_)
        number = np.empty(self.k, dtype="int64")
        number[by_size] = np.arange(1, self.k + 1)
        self.labels_ = pd.Series(number[found], index=features.index, name="segment")
        self.centres_ = features.groupby(self.labels_).mean()
        return self

    def predict(self, features: Any) -> pd.Series:
        """The segment, 1 to k, whose centre each customer is nearest to, measured as in `fit`."""
        features = require(require_numbers(features), "features", self.mean_.index)[self.mean_.index]
        gaps = self._standardised(features)[:, None, :] - self._centres[None, :, :]
        nearest = np.square(gaps).sum(axis=2).argmin(axis=1)
        return pd.Series(nearest + 1, index=features.index, name="segment").astype("int64")

    def _standardised(self, features: pd.DataFrame) -> np.ndarray:
        return ((features - self.mean_) / self.deviation_).to_numpy(dtype="float64")


def profile_segments(features: Any, labels: pd.Series) -> pd.DataFrame:
    """How large each segment is, and the mean of each feature in it; the last row, "all", is everybody.

    Columns: `customers` (int64), `share_of_customers` (0 to 1), then the features in their own units.

    >>> features = pd.DataFrame({"pieces": [1.0, 2.0, 6.0]})
    >>> profile_segments(features, pd.Series([1, 1, 2]))
         customers  share_of_customers  pieces
    1            2            0.666667     1.5
    2            1            0.333333     6.0
    all          3            1.000000     3.0
    """
    features = require_numbers(features)
    labels = _on_index(labels, features)
    made = features.groupby(labels).mean()
    made.loc["all"] = features.mean()
    counts = labels.value_counts()
    customers = [int(counts.get(segment, len(features))) for segment in made.index]
    made.insert(0, "customers", customers)
    made.insert(1, "share_of_customers", np.array(customers) / len(features))
    return made.rename_axis(None)


def name_segments(features: Any, labels: pd.Series, least: float = 0.5) -> pd.Series:
    """A name for each segment from what stands out: the features whose mean is far from that of all customers.

    A feature stands out at `least` standard deviations (of customers) or more, the furthest first; a segment where
    nothing does is "like everybody". The name says what the segment is like, not why: a person should read it over.

    >>> features = pd.DataFrame({"gift_share": [0.0, 0.0, 0.0, 0.9], "pieces": [2.0, 3.0, 2.0, 2.4]})
    >>> name_segments(features, pd.Series([1, 1, 1, 2])).to_dict()
    {1: 'low gift_share', 2: 'high gift_share'}
    """
    features = require_numbers(features)
    labels = _on_index(labels, features)
    distance = (features.groupby(labels).mean() - features.mean()) / features.std(ddof=0).replace(0, np.nan)
    names = {}
    for segment, row in distance.iterrows():
        out = row[row.abs() >= least].sort_values(key=np.abs, ascending=False, kind="stable")
        words = [f"{'high' if value > 0 else 'low'} {name}" for name, value in out.items()]
        names[segment] = ", ".join(words) or "like everybody"
    return pd.Series(names, name="name")


def _on_index(labels: pd.Series, features: pd.DataFrame) -> pd.Series:
    if not isinstance(labels, pd.Series):
        raise TypeError(f"labels is {type(labels).__name__}, expected a Series: a segment for each customer")
    if not labels.index.is_unique or not features.index.isin(labels.index).all():
        raise ValueError("labels lacks some customers of features, or has one twice: expected one segment for each")
    return labels.loc[features.index]
