"""Is a rule more than chance? (lesson 08)

Popular products lie together often, and so do all products in large baskets. So a rule is held against baskets in which
products lie together by chance alone, and against the best that chance offers: who looks at a thousand pairs finds
some that look like rules.
"""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from crmlab.analytical.basket_shuffle import shuffled_baskets
from crmlab.analytical.baskets_matrix import BasketMatrix, basket_matrix, first_products
from crmlab.analytical.pair_counts import pair_square


def check_rules(
    baskets: Any,
    rules: pd.DataFrame,
    *,
    permutations: int = 199,
    seed: int,
    first_stays: bool = False,
    min_expected: float = 5.0,
) -> pd.DataFrame:
    """Add to each rule how likely chance alone makes one as strong.

    baskets
        as for `association_rules`
    rules
        a table with the columns antecedents and consequents, as `association_rules` returns it from the same baskets
    permutations
        number of times that the baskets are filled by chance; the smallest p value is 1 / (permutations + 1)
    seed
        of the swaps
    first_stays
        True: what opens a basket stays in it, and chance fills only the rest. The baskets then have to be in the order
        in which products came: of a list the first product, of a table the first row of an order. Where some products
        open baskets and hardly ever join one (a machine, a subscription), they avoid one another, and so lie with the
        rest more often than popularity explains: shuffling everything takes that for a rule.
    min_expected
        the correction for many rules covers the rules given and every pair of products that chance would bring
        together in so many baskets, whether or not a rule was made of it: each of them had the opportunity

    Returns the rules with these columns added, in the same order.

        count_by_chance     float64, mean number of baskets with antecedents and consequents when chance fills them
        lift_over_chance    float64, count / count_by_chance; infinite when chance never brings them together
        p_value             float64, (1 + times that chance does as well) / (permutations + 1), for this rule alone
        p_adjusted          float64, the same against the best of all rules: the chance that any rule seems so strong
                            where there is none

    "As well" is measured by the correlation of antecedents and consequents over baskets, in standard deviations from
    what chance gives that rule. Only products that lie together too often count; pairs that avoid one another do not.

    Raises ValueError for columns that are missing, products that are in no basket, or fewer than 19 permutations.

    Source: the maxT procedure of Westfall and Young (1993), Resampling-Based Multiple Testing, with swap randomisation
    (see `basket_shuffle`); the 1 that is added: Phipson and Smyth (2010), Permutation P-values Should Never Be Zero.

    >>> from crmlab.analytical.cross_selling import association_rules
    >>> baskets = [["machine", "filter"], ["tea", "cup"]] * 40 + [["machine", "cup"], ["tea", "filter"]] * 10
    >>> rules = association_rules(baskets, min_support=0.05, min_confidence=0)
    >>> checked = check_rules(baskets, rules, permutations=99, seed=1)
    >>> rules = checked[["count", "p_adjusted"]].groupby("count").max()
    >>> rules["p_adjusted"].round(2).to_dict()
    {10: 1.0, 40: 0.01}
    """
    if isinstance(permutations, bool) or not isinstance(permutations, int | np.integer) or permutations < 19:
        reason = "with fewer, no p value is below 0.05"
        raise ValueError(f"permutations is {permutations!r}, expected a whole number from 19 up: {reason}")
    matrix = basket_matrix(baskets)
    left, right = (_side(rules, side, matrix) for side in ("antecedents", "consequents"))
    family = _likely_pairs(matrix, min_expected)
    count, strength = [], []
    first = first_products(baskets, matrix) if first_stays else None
    for table in itertools.chain([matrix.incidence], shuffled_baskets(matrix, permutations, seed, first)):
        together, of_rules, of_pairs = _strengths(table, left, right, family)
        count.append(together)
        strength.append(np.concatenate([of_rules, of_pairs]))
    return _with_p_values(rules, np.array(count), np.array(strength))


def _side(rules: pd.DataFrame, side: str, matrix: BasketMatrix) -> list[list[int]]:
    if side not in rules.columns:
        raise ValueError(f"rules has no column {side!r} (found: {', '.join(map(str, rules.columns))})")
    column_of = matrix.column_of()
    unknown = {product for products in rules[side] for product in products} - set(column_of)
    if unknown:
        raise ValueError(f"rules column {side!r} names {min(map(repr, unknown))}, which is in none of the baskets")
    return [[column_of[product] for product in products] for products in rules[side]]


def _likely_pairs(matrix: BasketMatrix, min_expected: float) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that chance brings together often enough: known from what no swap changes, so this is no peeking."""
    counts, sizes = matrix.product_counts, matrix.sizes
    share = (sizes * (sizes - 1)).sum() / max(sizes.sum(), 1) ** 2
    return np.nonzero(np.triu(np.outer(counts, counts) * share >= min_expected, k=1))


def _strengths(
    table: sparse.csr_array, left: list[list[int]], right: list[list[int]], family: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Baskets with both sides of each rule, and the correlations of the sides of each rule and of each pair."""
    baskets = table.shape[0]
    counts = np.bincount(table.indices, minlength=table.shape[1])
    pairs = pair_square(table)
    pairs += pairs.T
    together, one, other = (np.zeros(len(left), dtype=np.int64) for _ in range(3))
    bits: dict[tuple[int, ...], np.ndarray] = {}
    by_product = table.tocsc()
    for rule, sides in enumerate(zip(left, right, strict=True)):
        if len(sides[0]) == len(sides[1]) == 1:
            (a,), (b,) = sides
            together[rule], one[rule], other[rule] = pairs[a, b], counts[a], counts[b]
            continue
        for side in map(tuple, sides):
            if side not in bits:
                bits[side] = _holds_all(by_product, side)
        a, b = (bits[tuple(side)] for side in sides)
        together[rule], one[rule], other[rule] = _ones(a & b), _ones(a), _ones(b)
    of_pairs = _correlation(pairs[family], counts[family[0]], counts[family[1]], baskets)
    return together, _correlation(together, one, other, baskets), of_pairs


def _holds_all(by_product: sparse.csc_array, side: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(by_product.shape[0], dtype=np.int16)
    for column in side:
        found[by_product.indices[by_product.indptr[column] : by_product.indptr[column + 1]]] += 1
    return np.packbits(found == len(side))


def _ones(bits: np.ndarray) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def _correlation(together: np.ndarray, one: np.ndarray, other: np.ndarray, baskets: int) -> np.ndarray:
    """Correlation of two columns of 0 and 1; 0 where one of them is constant."""
    spread = np.sqrt(one * (baskets - one) * 1.0) * np.sqrt(other * (baskets - other) * 1.0)
    excess = together * float(baskets) - one * other
    return np.divide(excess, spread, out=np.zeros(len(excess)), where=spread > 0)


def _with_p_values(rules: pd.DataFrame, count: np.ndarray, strength: np.ndarray) -> pd.DataFrame:
    # The observed table is one of the tables: under chance alone it is as likely as any other to be the extreme one.
    center, spread = strength.mean(axis=0), strength.std(axis=0)
    score = np.divide(strength - center, spread, out=np.zeros_like(strength), where=spread > 1e-12)
    of_rules = score[:, : len(rules)]
    by_chance = count[1:].mean(axis=0)
    lift = np.divide(count[0], by_chance, out=np.full(len(rules), np.inf), where=by_chance > 0)
    # Equal tables give equal scores but for rounding.
    close = 1e-9
    best = score.max(axis=1, initial=-np.inf)
    return rules.assign(
        count_by_chance=by_chance,
        lift_over_chance=lift,
        p_value=(of_rules >= of_rules[0] - close).mean(axis=0),
        p_adjusted=(best[:, None] >= of_rules[0] - close).mean(axis=0),
    )
