"""Share of customer: not how many customers buy a product, but how many products a customer buys (lesson 08a).

Whoever sells one product to many customers counts the market's share; whoever sells many products to one customer
counts the customer's. What customers buy elsewhere no shop knows, so the shop counts different products and categories.
"""

import datetime as dt
from typing import Any

import narwhals as nw
import pandas as pd

from crmlab.analytical.civil_day import on_or_before
from crmlab.analytical.table_check import DATE, ID, checked, collected


def share_of_customer(orders: Any, lines: Any, products: Any, first: dt.date, last: dt.date) -> Any:
    """Count what each customer bought from day `first` to day `last`, both days included.

    A pandas, Polars (eager or lazy) or DuckDB table gives the same kind of table, with the same values; all three
    tables are of one kind.

    orders      customer_id, order_id (integers or text), order_date (a date); one row an order
    lines       order_id, product_id; one row a line
    products    product_id, category (text); one row a product

    Returns one row a customer with an order in that time; an eager table comes sorted by `customer_id`.

        customer_id     as in orders
        orders          int64
        products        int64, different products; a product bought twice counts once
        categories      int64, different categories

    Raises ValueError for missing columns or values, days in the wrong order, or lines of unknown products; TypeError
    for what is no date.

    Source: share of customer, Peppers and Rogers (1993), The One to One Future.

    >>> orders = pd.DataFrame({"customer_id": [1, 1], "order_id": [10, 11],
    ...     "order_date": pd.to_datetime(["2025-01-10", "2025-03-01"])})
    >>> lines = pd.DataFrame({"order_id": [10, 11, 11], "product_id": [5, 5, 6]})
    >>> products = pd.DataFrame({"product_id": [5, 6], "category": ["beans", "machine"]})
    >>> share_of_customer(orders, lines, products, dt.date(2025, 1, 1), dt.date(2025, 12, 31))
       customer_id  orders  products  categories
    0            1       2         2           2
    """
    for name, day in (("first", first), ("last", last)):
        if not isinstance(day, dt.date) or day != day:
            raise TypeError(f"{name} is {day!r}, expected a date such as datetime.date(2025, 3, 31)")
    first, last = (dt.date(day.year, day.month, day.day) for day in (first, last))
    if first > last:
        raise ValueError(f"first is {first}, expected {last} (last) or before")
    placed = checked(orders, "orders", {"customer_id": ID, "order_id": ID, "order_date": DATE})
    kind = placed.collect_schema()["order_date"]
    known = placed.filter(on_or_before("order_date", kind, last))
    known = known.filter(~on_or_before("order_date", kind, first - dt.timedelta(days=1)))
    bought = checked(lines, "lines", {"order_id": ID, "product_id": ID})
    sold = checked(products, "products", {"product_id": ID, "category": ID})
    unknown = collected(bought.join(sold, on="product_id", how="anti").head(1))
    if len(unknown):
        raise ValueError(f"lines name product_id {unknown['product_id'][0]!r}, which is not in products")
    joined = known.join(bought, on="order_id", how="inner").join(sold, on="product_id", how="inner")
    counted = joined.group_by("customer_id").agg(
        nw.col("order_id").n_unique().alias("orders"),
        nw.col("product_id").n_unique().alias("products"),
        nw.col("category").n_unique().alias("categories"),
    )
    # DuckDB and Polars count in other widths than pandas.
    counted = counted.with_columns(nw.col("orders", "products", "categories").cast(nw.Int64))
    if isinstance(counted, nw.DataFrame):
        counted = nw.maybe_reset_index(counted.sort("customer_id"))
    return counted.to_native()


def share_of_customer_by_year(orders: Any, lines: Any, products: Any, years: list[int]) -> pd.DataFrame:
    """The trend of the share of customer: means over the customers with an order in each calendar year.

    Tables as for `share_of_customer`. Returns a pandas table, index `year`:

        customers                                   int64, with an order in that year
        orders, products, categories                float64, means a customer
        categories_of_new, categories_of_old        float64, the mean for those whose first order ever in the table is
                                                    of that year, and for the others; missing where there are none

    The mean of all can rise or fall only because the mix of new and old customers changes: look at both groups.

    >>> orders = pd.DataFrame({"customer_id": [1, 1], "order_id": [10, 11],
    ...     "order_date": pd.to_datetime(["2024-01-10", "2025-03-01"])})
    >>> lines = pd.DataFrame({"order_id": [10, 11, 11], "product_id": [5, 5, 6]})
    >>> products = pd.DataFrame({"product_id": [5, 6], "category": ["beans", "machine"]})
    >>> share_of_customer_by_year(orders, lines, products, [2024, 2025])[["categories", "categories_of_old"]]
          categories  categories_of_old
    year
    2024         1.0                NaN
    2025         2.0                2.0
    """
    placed = checked(orders, "orders", {"customer_id": ID, "order_date": DATE})
    first = collected(placed.group_by("customer_id").agg(nw.col("order_date").min())).to_pandas()
    first_year = pd.to_datetime(first["order_date"]).dt.year.set_axis(first["customer_id"])
    rows = {}
    for year in years:
        counted = share_of_customer(orders, lines, products, dt.date(year, 1, 1), dt.date(year, 12, 31))
        counted = collected(nw.from_native(counted)).to_pandas()
        is_new = counted["customer_id"].map(first_year) == year
        rows[year] = {
            "customers": len(counted),
            **counted[["orders", "products", "categories"]].mean().to_dict(),
            "categories_of_new": counted.loc[is_new, "categories"].mean(),
            "categories_of_old": counted.loc[~is_new, "categories"].mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("year").astype({"customers": "int64"})
