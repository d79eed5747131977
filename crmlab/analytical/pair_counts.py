"""How many baskets hold both products of each pair (lesson 08)."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

# Up to so many products the counts of all pairs fit into a square table (34 MB).
_SQUARE = 2048
_CODES_AT_A_TIME = 500_000


def pair_counts(incidence: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the baskets that hold both products, for each pair that occurs.

    incidence
        (baskets, products) of 0 and 1, compressed rows with sorted columns

    Returns three int64 arrays (pairs,), sorted: the smaller column, the larger one, the baskets with both.

    >>> import numpy as np
    >>> from scipy import sparse
    >>> [part.tolist() for part in pair_counts(sparse.csr_array(np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]])))]
    [[0, 0, 1], [1, 2, 2], [2, 1, 1]]
    """
    products = incidence.shape[1]
    if products > _SQUARE:
        together = sparse.triu(incidence.T @ incidence, k=1).tocsr().tocoo()
        return tuple(part.astype(np.int64) for part in (together.row, together.col, together.data))
    square = pair_square(incidence).ravel()
    code = np.flatnonzero(square)
    return code // products, code % products, square[code]


def pair_square(incidence: sparse.csr_array) -> np.ndarray:
    """The same as a square table, int64 (products, products), filled above the diagonal.

    Baskets of one size are a plain table, in which two columns make pairs; a pair is one number, and equal numbers are
    counted. That takes half the time of the sparse product `X.T @ X`, which counts each pair twice.
    """
    cells = incidence.shape[1] ** 2
    square = np.zeros(cells, dtype=np.int64)
    pending: list[np.ndarray] = []
    waiting = 0
    for codes in _pair_codes(incidence):
        pending.append(codes)
        waiting += len(codes)
        if waiting > _CODES_AT_A_TIME:
            square += np.bincount(np.concatenate(pending), minlength=cells)
            pending, waiting = [], 0
    if pending:
        square += np.bincount(np.concatenate(pending), minlength=cells)
    return square.reshape(incidence.shape[1], -1)


def _pair_codes(incidence: sparse.csr_array) -> Iterator[np.ndarray]:
    sizes = np.diff(incidence.indptr)
    by_size = np.argsort(sizes, kind="stable")
    edges = np.flatnonzero(np.diff(sizes[by_size])) + 1
    for rows in np.split(by_size, edges):
        size = int(sizes[rows[0]]) if len(rows) else 0
        if size < 2:
            continue
        # As many baskets at a time as give no more pairs than are counted in one go.
        step = max(1, _CODES_AT_A_TIME // size)
        for first in range(0, len(rows), step):
            begin = incidence.indptr[rows[first : first + step]]
            columns = np.stack([incidence.indices[begin + place] for place in range(size)]).astype(np.int32)
            as_row = columns * np.int32(incidence.shape[1])
            for place in range(size - 1):
                yield (as_row[place] + columns[place + 1 :]).ravel()
