"""Baskets as a table of zeros and ones: a row an order, a column a product (lesson 08).

Everything that chapter 08 counts is a sum over this table. The denominator is always the number of baskets, never the
number of lines, and a product that stands in a basket twice counts once.
"""

import dataclasses
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from crmlab.analytical.table_check import ID, checked, collected


@dataclasses.dataclass(frozen=True)
class BasketMatrix:
    """Which basket holds which product.

    ``incidence``: (baskets, products) of 0 and 1, int32, compressed rows with sorted columns. ``products``: the label
    of each column, sorted. ``orders``: the order_id of each row, or None for baskets without names.
    """

    incidence: sparse.csr_array
    products: list[Hashable]
    orders: np.ndarray | None = None

    @property
    def baskets(self) -> int:
        """Number of baskets, the empty ones included."""
        return self.incidence.shape[0]

    @property
    def product_counts(self) -> np.ndarray:
        """Baskets that hold each product, int64 (products,)."""
        return np.bincount(self.incidence.indices, minlength=len(self.products)).astype(np.int64)

    @property
    def sizes(self) -> np.ndarray:
        """Products in each basket, int64 (baskets,)."""
        return np.diff(self.incidence.indptr).astype(np.int64)

    def column_of(self) -> dict[Hashable, int]:
        """The column of each product."""
        return {product: column for column, product in enumerate(self.products)}


def basket_matrix(baskets: Any) -> BasketMatrix:
    """Lay baskets out as a table of zeros and ones.

    baskets
        a list of baskets, each a list, tuple or set of products (text, numbers, or anything that can be hashed); or a
        pandas, Polars or DuckDB table with the columns order_id and product_id (integers or text), one row a line.
        Empty baskets of a list count as baskets; a table has no row for them.

    Returns a BasketMatrix. Raises ValueError for missing columns, missing values, or no baskets at all; TypeError
    when `baskets` is neither a table nor a list of baskets.

    >>> matrix = basket_matrix([["beans", "filter"], ["beans", "beans"], []])
    >>> matrix.products, matrix.product_counts.tolist(), matrix.baskets
    (['beans', 'filter'], [2, 1], 3)
    """
    if isinstance(baskets, BasketMatrix):
        return baskets
    if isinstance(baskets, str | bytes | dict):
        raise TypeError(f"baskets is {type(baskets).__name__}, expected a list of baskets or a table")
    if isinstance(baskets, Iterable) and not hasattr(baskets, "columns"):
        return _from_lists(list(baskets))
    return _from_table(baskets)


def first_products(baskets: Any, matrix: BasketMatrix) -> np.ndarray:
    """The column of the product that opens each basket, int64 (baskets,), -1 for an empty one.

    Baskets are as for `basket_matrix`, in the order in which the products came: of a list its first product, of a table
    the first row of each order_id.

    >>> baskets = [["filter", "beans"], []]
    >>> first_products(baskets, basket_matrix(baskets)).tolist()
    [1, -1]
    """
    column_of = matrix.column_of()
    if isinstance(baskets, BasketMatrix):
        raise TypeError("baskets is a BasketMatrix, which does not say what came first: give the lists or the table")
    if matrix.orders is None:
        for row, basket in enumerate(baskets):
            if isinstance(basket, set | frozenset):
                raise TypeError(f"baskets[{row}] is a {type(basket).__name__}, which has no first product: give a list")
        return np.array([column_of[next(iter(basket))] if len(basket) else -1 for basket in baskets], dtype=np.int64)
    lines = collected(checked(baskets, "baskets", {"order_id": ID, "product_id": ID}))
    opened = lines.unique("order_id", keep="first", maintain_order=True).sort("order_id")
    return np.array([column_of[product] for product in opened["product_id"].to_list()], dtype=np.int64)


def _from_lists(baskets: Sequence[Iterable[Hashable]]) -> BasketMatrix:
    if not baskets:
        raise ValueError("baskets is empty, expected at least one basket")
    column: dict[Hashable, int] = {}
    sizes = np.zeros(len(baskets), dtype=np.int64)
    flat: list[int] = []
    for row, basket in enumerate(baskets):
        if isinstance(basket, str | bytes) or not isinstance(basket, Iterable):
            raise TypeError(f"baskets[{row}] is {basket!r}, expected a list of products")
        before = len(flat)
        flat.extend([column.setdefault(product, len(column)) for product in basket])
        sizes[row] = len(flat) - before
    for product in column:
        if product is None or product != product:
            raise ValueError(f"baskets holds the product {product!r}, expected none to be missing")
    products = _sorted_labels(column)
    rank = np.empty(len(products), dtype=np.int32)
    rank[[column[product] for product in products]] = np.arange(len(products), dtype=np.int32)
    columns = rank[np.array(flat, dtype=np.int64)]
    rows = np.repeat(np.arange(len(baskets), dtype=np.int32), sizes)
    return BasketMatrix(_incidence(rows, columns, len(baskets), len(products)), products)


def _from_table(table: Any) -> BasketMatrix:
    lines = collected(checked(table, "baskets", {"order_id": ID, "product_id": ID}))
    if not len(lines):
        raise ValueError("baskets is empty, expected at least one line")
    rows, orders = _codes(lines["order_id"])
    columns, products = _codes(lines["product_id"])
    return BasketMatrix(_incidence(rows, columns, len(orders), len(products)), products.tolist(), orders)


def _codes(ids: nw.Series) -> tuple[np.ndarray, np.ndarray]:
    """The place of each id among the different ones, int32, and the different ones in order."""
    if not ids.dtype.is_integer():
        codes, labels = pd.factorize(np.asarray(ids.cast(nw.String).to_list(), dtype=object), sort=True)
        return codes.astype(np.int32), np.asarray(labels, dtype=object)
    values = ids.to_numpy()
    smallest, largest = int(values.min()), int(values.max())
    if largest - smallest >= 8 * len(values):
        labels, codes = np.unique(values, return_inverse=True)
        return codes.astype(np.int32), labels
    # Ids that lie close together need no sorting: mark those that occur, and count up.
    offset = values - smallest
    occurs = np.zeros(largest - smallest + 1, dtype=bool)
    occurs[offset] = True
    rank = np.cumsum(occurs, dtype=np.int32) - 1
    return rank[offset], np.flatnonzero(occurs) + smallest


def _sorted_labels(labels: Iterable[Hashable]) -> list[Hashable]:
    # Labels of several types have an order too: first by type, then by value.
    labels = list(labels)
    try:
        return sorted(labels)
    except TypeError:
        return sorted(labels, key=lambda label: (type(label).__name__, str(label)))


def _incidence(rows: np.ndarray, columns: np.ndarray, baskets: int, products: int) -> sparse.csr_array:
    ones = np.ones(len(rows), dtype=np.int32)
    incidence = sparse.coo_array((ones, (rows, columns)), shape=(baskets, products)).tocsr()
    incidence.sum_duplicates()
    incidence.data[:] = 1
    return incidence
