"""Products that are bought by the same baskets or customers: item-to-item similarity (lesson 08)."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from crmlab.analytical.baskets_matrix import basket_matrix


def similar_products(baskets: Any, k: int = 5) -> pd.DataFrame:
    """The k products most like each product, by the cosine of their columns in the table of baskets.

    baskets
        as for `association_rules`; give customers as order_id to compare what people own rather than what they put
        together

    Returns a pandas table, up to k rows a product, best first (ties by product); products with nothing in common are
    not listed.

        product_id, similar_product_id    as in baskets
        count       int64, baskets with both
        cosine      float64, count / sqrt(baskets of the one x baskets of the other), above 0 and up to 1

    Source: Linden, Smith and York (2003), Amazon.com Recommendations: Item-to-Item Collaborative Filtering.

    >>> similar_products([["a", "b"], ["a", "b"], ["a", "c"]], k=1)
      product_id similar_product_id  count    cosine
    0          a                  b      2  0.816497
    1          b                  a      2  0.816497
    2          c                  a      1  0.577350
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k is {k!r}, expected a whole number from 1 up")
    matrix = basket_matrix(baskets)
    counts = matrix.product_counts
    together = (sparse.csr_array(matrix.incidence.T) @ matrix.incidence).tocoo()
    apart = together.row != together.col
    one, other, count = (part[apart].astype(np.int64) for part in (together.row, together.col, together.data))
    cosine = count / np.sqrt(counts[one] * counts[other])
    order = np.lexsort((other, -cosine, one))
    one, other, count, cosine = one[order], other[order], count[order], cosine[order]
    begins = np.searchsorted(one, one)
    best = np.arange(len(one)) - begins < k
    labels = pd.Series(matrix.products)
    return pd.DataFrame(
        {
            "product_id": labels.iloc[one[best]].to_numpy(),
            "similar_product_id": labels.iloc[other[best]].to_numpy(),
            "count": count[best],
            "cosine": cosine[best],
        }
    )
