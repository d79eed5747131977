"""Lookalikes: prospects who are like the best customers (lesson 11b).

What is known of both: where they live, what they earn, whether they are an office, and what they are interested in,
which for customers is what they bought and for prospects what they looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

#: The groups of pages that a prospect may look at, and the categories of products in each.
INTERESTS = {
    "beans": ("beans", "subscription"),
    "machines": ("machine", "grinder", "service_plan", "bundle", "option"),
    "accessories": ("accessory",),
    "gifts": ("gift",),
}
#: Looks at pages, or lines bought, that the common taste counts for: two looks are not yet a taste.
_WEIGHT_OF_TYPICAL = 1.0


def _shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Shares of interest, drawn to the common taste where there is little to go by."""
    typical = counts.sum() / counts.to_numpy().sum()
    total = counts.sum(axis=1) + _WEIGHT_OF_TYPICAL
    return counts.add(_WEIGHT_OF_TYPICAL * typical).div(total, axis=0).add_prefix("likes_")


def _profile(counts: pd.DataFrame, is_office: Any, income_cents: Any) -> pd.DataFrame:
    income = pd.Series(income_cents, index=counts.index).astype("float64")
    profile = _shares(counts.astype("float64"))
    profile["is_office"] = pd.Series(is_office, index=counts.index).astype("float64")
    # Where nobody said, the middle income: it speaks neither for a likeness nor against it.
    profile["log_income"] = np.log(income.fillna(income.median()))
    return profile


def customer_profiles(customers: Any, orders: Any, order_lines: Any, products: Any) -> pd.DataFrame:
    """What customers with an order are like, in the columns that prospects have too: one row a customer.

    customers      customer_id, account_id (missing for households), yearly_income_cents (may be missing)
    orders         order_id, customer_id
    order_lines    order_id, product_id
    products       product_id, category

    Returns, float64, by `customer_id`: `likes_beans`, `likes_machines`, `likes_accessories`, `likes_gifts` (shares of
    lines, drawn to the common taste as if by one line), `is_office` (0 or 1), `log_income` (of cents a year).
    """
    group = {category: name for name, categories in INTERESTS.items() for category in categories}
    buyer = order_lines["order_id"].map(orders.set_index("order_id")["customer_id"])
    liked = order_lines["product_id"].map(products.set_index("product_id")["category"]).map(group)
    counts = pd.crosstab(buyer.rename("customer_id"), liked).reindex(columns=list(INTERESTS), fill_value=0)
    who = customers.set_index("customer_id").reindex(counts.index)
    return _profile(counts, who["account_id"].notna(), who["yearly_income_cents"])


def prospect_profiles(prospects: Any) -> pd.DataFrame:
    """What prospects are like: the columns of `customer_profiles`, by `prospect_id`.

    prospects    prospect_id, is_office, yearly_income_cents (may be missing), viewed_beans, viewed_machines,
                 viewed_accessories, viewed_gifts (pages looked at)
    """
    rows = prospects.set_index("prospect_id")
    counts = rows[[f"viewed_{name}" for name in INTERESTS]].set_axis(list(INTERESTS), axis=1)
    return _profile(counts, rows["is_office"], rows["yearly_income_cents"])


def nearest_prospects(seeds: pd.DataFrame, prospects: pd.DataFrame, neighbours: int = 3) -> pd.Series:
    """How far each prospect is from the customers on the seed list, the nearest first: float64 `distance`.

    seeds, prospects    profiles with the same columns, numbers without gaps
    neighbours          the distance is the mean to so many of the nearest seeds: one alone may be an oddity

    Columns are standardised by the prospects' own spread; a column in which no prospect differs does not count.
    Equally near ones stand in the order of their numbers. Raises ValueError for other columns and too few seeds.

    >>> seeds = pd.DataFrame({"income": [8.0, 9.0]})
    >>> prospects = pd.DataFrame({"income": [1.0, 9.0, 5.0]}, index=[7, 8, 9])
    >>> nearest_prospects(seeds, prospects, neighbours=1).index.tolist()
    [8, 9, 7]
    """
    if list(seeds.columns) != list(prospects.columns):
        raise ValueError(f"seeds has the columns {list(seeds.columns)}, prospects {list(prospects.columns)}")
    if not 1 <= neighbours <= len(seeds):
        raise ValueError(f"neighbours is {neighbours!r}, expected 1 to {len(seeds)}, the number of seeds")
    spread = prospects.std(ddof=0).replace(0, np.inf)
    tree = NearestNeighbors(n_neighbors=neighbours).fit((seeds / spread).to_numpy())
    distance = tree.kneighbors((prospects / spread).to_numpy())[0].mean(axis=1)
    return pd.Series(distance, index=prospects.index, name="distance").sort_index().sort_values(kind="stable")


def lookalike_scores(profiles: pd.DataFrame, is_seed: Any, prospects: pd.DataFrame) -> pd.Series:
    """How much each prospect looks like the seeds rather than like other customers, the likest first: `resemblance`.

    profiles     of customers: seeds and the others
    is_seed      (customers,) bool, in the order of `profiles`
    prospects    profiles with the same columns

    Near a seed may also be near to everybody. So a logistic regression learns what sets the seeds apart, and gives each
    prospect a chance (float64, 0 to 1) that orders them; it is no forecast of anything. Raises ValueError for other
    columns, and when nobody or everybody is a seed.

    >>> profiles = pd.DataFrame({"income": [1.0, 2.0, 8.0, 9.0]})
    >>> prospects = pd.DataFrame({"income": [1.0, 9.0, 5.0]}, index=[7, 8, 9])
    >>> lookalike_scores(profiles, [False, False, True, True], prospects).index.tolist()
    [8, 9, 7]
    """
    if list(profiles.columns) != list(prospects.columns):
        raise ValueError(f"profiles has the columns {list(profiles.columns)}, prospects {list(prospects.columns)}")
    seeds = np.asarray(is_seed, dtype=bool)
    if not 0 < seeds.sum() < len(seeds):
        raise ValueError(f"is_seed is true of {seeds.sum()} of {len(seeds)} customers, expected some and not all")
    spread = prospects.std(ddof=0).replace(0, np.inf)
    model = LogisticRegression(max_iter=1000).fit((profiles / spread).to_numpy(), seeds)
    chance = model.predict_proba((prospects / spread).to_numpy())[:, 1]
    resemblance = pd.Series(chance, index=prospects.index, name="resemblance")
    return resemblance.sort_index().sort_values(ascending=False, kind="stable")


def exclusion_reasons(prospects: Any, contact_points: Any, consents: Any) -> pd.Series:
    """Why a prospect cannot be written to by e-mail, by `prospect_id`; missing where nothing stands against it.

    prospects         prospect_id, email, email_opt_in
    contact_points    kind, value: an address of a customer makes the prospect `already_customer`
    consents          kind, value, action: an opt-out of the address counts whoever gave it: `opted_out`

    The first that holds of `opted_out`, `no_permission` (not opted in) and `already_customer`.
    """
    rows = prospects.set_index("prospect_id")
    address = rows["email"].str.strip().str.lower()

    def addresses(table: Any) -> pd.Series:
        return table.loc[table["kind"] == "email", "value"].str.strip().str.lower()

    reason = pd.Series(None, index=rows.index, dtype="object", name="reason")
    reason[address.isin(addresses(contact_points))] = "already_customer"
    reason[~rows["email_opt_in"].astype(bool)] = "no_permission"
    reason[address.isin(addresses(consents[consents["action"] == "opt_out"]))] = "opted_out"
    return reason


def selection_rates(selected: Any, group: pd.Series, confidence: float = 0.95) -> pd.DataFrame:
    """How large a part of each group a list takes: the check that it does not leave a group out unseen.

    selected    who is on the list: ids from the index of `group`
    group       the group of everybody who could be on it

    Returns by group `could` and `selected` (int64), `rate`, its Wilson interval `low` and `high`, and `ratio`: the
    rate over the highest. A ratio below 0.8 is the usual reason to look closer (the four-fifths rule of the
    American Uniform Guidelines on Employee Selection Procedures, 1978).

    >>> group = pd.Series(["a", "a", "b", "b"], index=[1, 2, 3, 4])
    >>> selection_rates([1, 2, 3], group)["ratio"].to_dict()
    {'a': 1.0, 'b': 0.5}
    """
    chosen = pd.Series(group.index.isin(list(selected)), index=group.index)
    if not chosen.any():
        raise ValueError("selected has nobody who is in group, expected one at least")
    table = chosen.groupby(group).agg(["size", "sum"]).set_axis(["could", "selected"], axis=1).astype("int64")
    table["rate"] = table["selected"] / table["could"]
    intervals = [
        stats.binomtest(int(row.selected), int(row.could)).proportion_ci(confidence, method="wilson")
        for row in table.itertuples()
    ]
    table["low"], table["high"] = [each.low for each in intervals], [each.high for each in intervals]
    table["ratio"] = table["rate"] / table["rate"].max()
    return table
