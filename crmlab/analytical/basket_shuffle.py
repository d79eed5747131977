"""Baskets as chance alone would fill them: as large as they are, products as popular as they are (lesson 08).

Two baskets swap one product each, unless one of them holds it already. After many swaps nothing is left of what went
together, and all that was not about going together is still there: the size of each basket and the baskets of each
product. Gionis, Mannila, Mielikäinen and Tsaparas (2007), Assessing Data Mining Results via Swap Randomization.
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from crmlab.analytical.baskets_matrix import BasketMatrix

# In a round each basket takes part in one swap. After three rounds a line in the basket, one line in twenty has not
# been part of any: enough between two tables, and four times as many before the first.
_ROUNDS_A_LINE = 3
_FIRST = 4


def shuffled_baskets(
    matrix: BasketMatrix, tables: int, seed: int, first: np.ndarray | None = None
) -> Iterator[sparse.csr_array]:
    """Tables of baskets by chance, each as `matrix.incidence` and with the same sums of rows and of columns.

    A swap and its reverse are equally likely, so in the long run all such tables are. With `first`, the column of the
    product that opened each basket (baskets,), that one stays where it is, and only what joined it is swapped. Takes
    baskets x products bytes.

    >>> from crmlab.analytical.baskets_matrix import basket_matrix
    >>> matrix = basket_matrix([["a", "b"], ["a", "b"], ["c", "d"], ["c"]])
    >>> (table,) = shuffled_baskets(matrix, 1, seed=1)
    >>> table.sum(axis=0).tolist(), table.sum(axis=1).tolist()
    ([2, 2, 2, 1], [2, 2, 2, 1])
    """
    rng = np.random.default_rng(seed)
    begins, sizes = matrix.incidence.indptr[:-1].astype(np.int64), matrix.sizes
    row = np.repeat(np.arange(matrix.baskets), sizes)
    columns = matrix.incidence.indices.copy()
    holds = np.zeros(matrix.incidence.shape, dtype=bool)
    holds[row, columns] = True
    if first is not None:
        # The opening product moves to the front of its basket, and the front is out of reach.
        columns = columns[np.lexsort((columns != first[row], row))]
        begins, sizes = begins + 1, sizes - 1
    movable = np.flatnonzero(sizes > 0)
    half = len(movable) // 2
    rounds = int(np.ceil(_ROUNDS_A_LINE * sizes[movable].mean())) if half else 0
    for table in range(tables):
        for _ in range(rounds * (1 if table else _FIRST)):
            mixed = rng.permutation(movable)
            one, other = mixed[:half], mixed[half : 2 * half]
            line_of_one = begins[one] + rng.integers(0, sizes[one])
            line_of_other = begins[other] + rng.integers(0, sizes[other])
            gives, takes = columns[line_of_one], columns[line_of_other]
            swap = ~(holds[one, takes] | holds[other, gives])
            one, other, gives, takes = one[swap], other[swap], gives[swap], takes[swap]
            holds[one, gives] = holds[other, takes] = False
            holds[one, takes] = holds[other, gives] = True
            columns[line_of_one[swap]] = takes
            columns[line_of_other[swap]] = gives
        made = sparse.csr_array(
            (np.ones(len(columns), dtype=np.int32), columns.copy(), matrix.incidence.indptr), shape=holds.shape
        )
        made.sort_indices()
        yield made
