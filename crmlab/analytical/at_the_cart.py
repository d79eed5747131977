"""At the cart: what to offer to somebody with these products in the basket (lesson 08).

An offer is judged by baskets that it was not learnt from. One product of each is hidden, and a hit is an offer that
names it. The bar is low and hard to pass: always offer what sells best.
"""

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from scipy import sparse

from crmlab.analytical.baskets_matrix import BasketMatrix, basket_matrix

SCORES = ("popularity", "confidence", "lift")
_BASKETS_AT_A_TIME = 4096


class CartRecommender:
    """Recommend products that go with a cart, after scikit-learn's pattern.

    by
        "popularity": the products in most baskets, whatever the cart holds; "confidence": the sum over the cart's
        products of the share of their baskets that hold the offer too; "lift": the same sum of lifts
    min_count
        baskets that must hold a pair before it counts: the lift of a pair seen three times is mostly chance

    Fitted: `products_` (labels), `counts_` (baskets of each), `scores_` (products, products): what a product in the
    cart (row) speaks for an offer (column).

    >>> baskets = [["machine", "filter"]] * 3 + [["beans"]] * 6 + [["beans", "machine"]]
    >>> CartRecommender("confidence", min_count=1).fit(baskets).recommend(["machine"], k=1)
    ['filter']
    >>> CartRecommender("popularity").fit(baskets).recommend(["machine"], k=1)
    ['beans']
    """

    def __init__(self, by: str = "confidence", min_count: int = 5):
        self.by = by
        self.min_count = min_count

    def fit(self, baskets: Any) -> "CartRecommender":
        """Count pairs in baskets (as for `association_rules`)."""
        if self.by not in SCORES:
            raise ValueError(f"by is {self.by!r}, expected one of {', '.join(SCORES)}")
        matrix = basket_matrix(baskets)
        self.products_ = matrix.products
        self.counts_ = matrix.product_counts
        self._column_of = matrix.column_of()
        self.scores_ = self._scores(matrix)
        return self

    def _scores(self, matrix: BasketMatrix) -> sparse.csr_array:
        size = len(matrix.products)
        if self.by == "popularity" or not size:
            return sparse.csr_array((size, size), dtype=np.float64)
        together = (matrix.incidence.T @ matrix.incidence).tocoo()
        kept = (together.row != together.col) & (together.data >= self.min_count)
        row, column, count = together.row[kept], together.col[kept], together.data[kept].astype(np.float64)
        score = count / self.counts_[row]
        if self.by == "lift":
            score = score * matrix.baskets / self.counts_[column]
        return sparse.coo_array((score, (row, column)), shape=(size, size)).tocsr()

    def recommend(self, cart: Iterable[Hashable], k: int) -> list[Hashable]:
        """The k best offers for a cart, best first; never what is in it.

        Products that were never seen are passed over. Offers that the cart says nothing about follow in the order of
        their popularity, so an empty cart gets the best sellers.
        """
        columns = [self._column_of[product] for product in cart if product in self._column_of]
        carts = sparse.csr_array((1, len(self.products_)), dtype=np.float64).tolil()
        carts[0, columns] = 1.0
        best = self._best(carts.tocsr(), _checked_k(k))[0]
        return [self.products_[column] for column in best[: max(len(self.products_) - len(set(columns)), 0)]]

    def _best(self, carts: sparse.csr_array, k: int) -> np.ndarray:
        score = (carts @ self.scores_).toarray()
        score[carts.toarray() > 0] = -1.0
        # Most popular first, then a stable sort by score: ties go to the best seller.
        popular = np.argsort(-self.counts_, kind="stable")
        return popular[np.argsort(-score[:, popular], axis=1, kind="stable")[:, :k]]


def hit_rate(recommender: CartRecommender, baskets: Any, k: int, *, seed: int) -> float:
    """Share of baskets whose hidden product is among the k offers for the rest.

    recommender
        fitted on other baskets
    baskets
        held out; in each with two products or more, one product is hidden by lot. One the recommender has never seen
        can be hidden too, and is a miss.

    Raises ValueError when no basket holds two products.

    >>> recommender = CartRecommender(min_count=1).fit([["a", "b"], ["a", "b"], ["c"]])
    >>> hit_rate(recommender, [["a", "b"], ["a", "z"]], k=1, seed=2) in (0.5, 1.0)
    True
    """
    matrix = basket_matrix(baskets)
    k = _checked_k(k)
    several = np.flatnonzero(matrix.sizes >= 2)
    if not len(several):
        raise ValueError("baskets has no basket of two products or more, expected some to hide a product of")
    rng = np.random.default_rng(seed)
    hidden = matrix.incidence.indptr[several] + rng.integers(0, matrix.sizes[several])
    column_of = {product: column for column, product in enumerate(recommender.products_)}
    known = np.array([column_of.get(product, -1) for product in matrix.products], dtype=np.int64)
    answer = known[matrix.incidence.indices[hidden]]
    shown = matrix.incidence.astype(np.float64)
    shown.data[hidden] = 0.0
    place = sparse.coo_array(
        (np.ones((known >= 0).sum()), (np.flatnonzero(known >= 0), known[known >= 0])),
        shape=(len(known), len(recommender.products_)),
    ).tocsr()
    carts = (shown @ place)[several]
    hits = 0
    for first in range(0, len(several), _BASKETS_AT_A_TIME):
        part = slice(first, first + _BASKETS_AT_A_TIME)
        best = recommender._best(carts[part], k)
        hits += int((best == answer[part, None]).any(axis=1).sum())
    return hits / len(several)


def _checked_k(k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k is {k!r}, expected a whole number from 1 up")
    return int(k)
