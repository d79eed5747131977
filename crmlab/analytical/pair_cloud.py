"""Support and lift of all pairs, as bought and as chance puts them together: the picture of lesson 08a."""

from typing import Any

import pandas as pd

from crmlab.analytical.basket_shuffle import shuffled_baskets
from crmlab.analytical.baskets_matrix import BasketMatrix, basket_matrix, first_products
from crmlab.analytical.cross_selling import association_rules


def pair_cloud(baskets: Any, min_count: int, *, seed: int) -> pd.DataFrame:
    """Support and lift of each pair of products, in the baskets and in one shuffling of them.

    baskets
        as for `association_rules`, in the order in which products came: what opens a basket stays in it
    min_count
        the fewest baskets that hold a pair
    seed
        of the swaps

    Returns a pandas table, one row a pair: `made` ("as bought" or "shuffled"), `support` (share of baskets), `lift`.

    >>> cloud = pair_cloud([["machine", "filter"], ["tea", "cup"]] * 40, min_count=5, seed=1)
    >>> cloud[cloud["made"] == "as bought"].round(2).to_dict("records")[0]
    {'made': 'as bought', 'support': 0.5, 'lift': 2.0}
    """
    matrix = basket_matrix(baskets)
    (mixed,) = shuffled_baskets(matrix, 1, seed, first_products(baskets, matrix))
    parts = []
    for made, table in (("as bought", matrix), ("shuffled", BasketMatrix(mixed, matrix.products))):
        least = min(max(min_count, 1) / matrix.baskets, 1.0)
        rules = association_rules(table, least, 0, max_length=2)
        # A rule and its reverse are one pair.
        once = [min(left) < min(right) for left, right in zip(rules["antecedents"], rules["consequents"], strict=True)]
        parts.append(rules.loc[once, ["support", "lift"]].assign(made=made))
    return pd.concat(parts, ignore_index=True)[["made", "support", "lift"]]
