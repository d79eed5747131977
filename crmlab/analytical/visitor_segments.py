"""Kinds of visitors of the web shop, from the pages that they looked at (lesson 08b)."""

from typing import Any

import pandas as pd

STRANGER = "stranger"


def visitor_segments(web_visits: Any, products: Any, before: Any) -> pd.Series:
    """Put each visitor into the category of products that the visitor looked at most, before a moment.

    web_visits
        visited_at (datetime), visitor_id (missing without cookie consent), product_id (missing on other pages)
    products
        product_id, category
    before
        the moment; views at it or later are not known yet

    Returns a Series of text named `segment`, index visitor_id, one row a visitor with a view before the moment: a
    category (of two looked at equally often the first in the alphabet), or "stranger" for one who looked at no product.
    Views without cookie consent have no visitor and are left out: nobody may be followed who refused.

    Raises ValueError for missing columns.

    >>> visits = pd.DataFrame({"visited_at": pd.to_datetime(["2025-01-01 10:00"] * 3), "visitor_id": [7, 7, None],
    ...     "product_id": [5, None, 6]})
    >>> products = pd.DataFrame({"product_id": [5, 6], "category": ["beans", "machine"]})
    >>> visitor_segments(visits, products, "2025-02-01").to_dict()
    {7: 'beans'}
    """
    for name, table, columns in (
        ("web_visits", web_visits, ("visited_at", "visitor_id", "product_id")),
        ("products", products, ("product_id", "category")),
    ):
        for column in columns:
            if column not in table.columns:
                raise ValueError(f"{name} has no column {column!r} (found: {', '.join(map(str, table.columns))})")
    known = web_visits[(web_visits["visited_at"] < pd.Timestamp(before)) & web_visits["visitor_id"].notna()]
    known = known.astype({"visitor_id": "int64"})
    category = known["product_id"].map(products.set_index("product_id")["category"].astype(str))
    looked = category.groupby([known["visitor_id"], category]).size().rename("looked").reset_index(level=0)
    looked = looked.rename_axis("segment").reset_index()
    most = looked.sort_values(["visitor_id", "looked", "segment"], ascending=[True, False, True])
    most = most.drop_duplicates("visitor_id").set_index("visitor_id")["segment"]
    everybody = pd.Index(sorted(known["visitor_id"].unique()), name="visitor_id")
    return most.reindex(everybody, fill_value=STRANGER).rename("segment")
