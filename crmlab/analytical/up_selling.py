"""Up-selling: the next grade of the same thing (lesson 08).

What an accepted up-sell brings is the difference of two margins, not the price of the better product: the customer
would have bought the simpler one anyway.
"""

import pandas as pd

from crmlab.analytical.table_check import CENTS, ID, checked


def up_sell_offers(products: pd.DataFrame, product_links: pd.DataFrame) -> pd.DataFrame:
    """The next grade of each product that has one, with what it costs the customer and brings the company.

    products
        product_id, list_price_cents, unit_cost_cents (whole cents); one row a product
    product_links
        from_product_id, to_product_id, kind; the rows with the kind "up_sell" are used

    Returns a pandas table, one row a link, sorted by products.

        product_id, offer_product_id    the product in the cart, and its next grade
        price_gap_cents         int64, what the customer pays more
        margin_gain_cents       int64, list price less unit cost of the offer, less the same of the product

    Raises ValueError for missing columns or values, products that stand twice, or links to unknown products.

    >>> products = pd.DataFrame({"product_id": [1, 2], "list_price_cents": [9900, 14900],
    ...     "unit_cost_cents": [5000, 7000]})
    >>> links = pd.DataFrame({"from_product_id": [1], "to_product_id": [2], "kind": ["up_sell"]})
    >>> up_sell_offers(products, links)[["price_gap_cents", "margin_gain_cents"]]
       price_gap_cents  margin_gain_cents
    0             5000               3000
    """
    known = checked(products, "products", {"product_id": ID, "list_price_cents": CENTS, "unit_cost_cents": CENTS})
    known = known.to_pandas()
    if known["product_id"].duplicated().any():
        twice = known.loc[known["product_id"].duplicated(), "product_id"].tolist()[0]
        raise ValueError(f"products has product_id {twice!r} more than once, expected one row a product")
    known = known.set_index("product_id")
    links = checked(
        product_links, "product_links", {"from_product_id": ID, "to_product_id": ID, "kind": ID}
    ).to_pandas()
    links = links[links["kind"] == "up_sell"]
    for side in ("from_product_id", "to_product_id"):
        unknown = set(links[side]) - set(known.index)
        if unknown:
            raise ValueError(f"product_links column {side!r} names {min(unknown)!r}, which is not in products")
    price = known["list_price_cents"]
    margin = price - known["unit_cost_cents"]
    simple, better = links["from_product_id"], links["to_product_id"]
    offers = pd.DataFrame(
        {
            "product_id": simple,
            "offer_product_id": better,
            "price_gap_cents": better.map(price).astype("int64") - simple.map(price).astype("int64"),
            "margin_gain_cents": better.map(margin).astype("int64") - simple.map(margin).astype("int64"),
        }
    )
    return offers.sort_values(["product_id", "offer_product_id"], ignore_index=True)
