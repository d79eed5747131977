"""The next best offer: by what it is expected to bring, not by how likely it is to be taken (lesson 08)."""

import narwhals as nw
import numpy as np
import pandas as pd

from crmlab.analytical.table_check import ID, checked


def next_best_offer(offers: pd.DataFrame, *, k: int = 1, cost_cents: int = 0) -> pd.DataFrame:
    """The k offers for each customer that bring most, leaving out those that bring nothing.

    offers
        customer_id, product_id (integers or text), probability (0 to 1, that the customer accepts because of the
        offer) and margin_cents (a number: the margin when the offer is accepted; of an up-sell the gain, of a reduced
        price what is left). One row a customer and product.
    cost_cents
        of making one offer

    Returns a pandas table, up to k rows a customer, best first: customer_id, product_id, probability, margin_cents and
    expected_margin_cents = probability x margin_cents - cost_cents (float64, above 0). Equal offers go by product_id.
    A customer for whom no offer brings anything is not listed.

    Raises ValueError for missing columns or values, probabilities outside 0 to 1, or a pair that stands twice.

    >>> offers = pd.DataFrame({"customer_id": [7, 7], "product_id": ["filter", "grinder"],
    ...     "probability": [0.30, 0.05], "margin_cents": [150, 6000]})
    >>> next_best_offer(offers)[["product_id", "expected_margin_cents"]]
      product_id  expected_margin_cents
    0    grinder                  300.0
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k is {k!r}, expected a whole number from 1 up")
    pairs = checked(offers, "offers", {"customer_id": ID, "product_id": ID}).to_pandas()
    if pairs.duplicated().any():
        customer, product = pairs[pairs.duplicated()].iloc[0]
        raise ValueError(f"offers has customer {customer!r} with product {product!r} more than once, expected once")
    table = nw.from_native(offers, eager_only=True)
    for column in ("probability", "margin_cents"):
        if column not in table.columns:
            raise ValueError(f"offers has no column {column!r} (found: {', '.join(table.columns)})")
        values = table[column].to_numpy().astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"offers column {column!r} has values that are no numbers, expected none")
        pairs[column] = values
    wrong = ~pairs["probability"].between(0, 1)
    if wrong.any():
        raise ValueError(f"offers column 'probability' has {pairs.loc[wrong, 'probability'].iloc[0]}, expected 0 to 1")
    pairs["expected_margin_cents"] = pairs["probability"] * pairs["margin_cents"] - cost_cents
    worth = pairs[pairs["expected_margin_cents"] > 0]
    best = worth.sort_values(["customer_id", "expected_margin_cents", "product_id"], ascending=[True, False, True])
    return best.groupby("customer_id").head(k).reset_index(drop=True)
