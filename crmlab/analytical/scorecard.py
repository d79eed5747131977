"""The CRM scorecard: do customers stay, do they come again, and what is a customer worth in a year? (lesson 01)

CRM is meant to keep good customers and to earn from them. So it is judged by customers, not by sales alone: sales can
grow while customers leave, as long as new ones come in faster.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmlab.analytical.table_check import CENTS, DATE, ID, checked


def line_margins(orders: pd.DataFrame, order_lines: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """What each order line sold and left, with its buyer and day; refunds are taken off the line they were paid for.

    orders, one row an order
        order_id, customer_id   integer or text
        order_date              date or datetime
    order_lines, one row a line
        order_line_id, order_id, product_id         integer or text
        quantity, unit_price_cents, unit_cost_cents integer
    returns, one row a refund
        order_line_id           as in order_lines; several refunds of a line add up
        refund_cents            integer, cents

    Returns one row a line, in the order of `order_lines`

        order_line_id, order_id, customer_id, product_id, order_date    as given
        revenue_cents    int64, cents: quantity x unit price, less refunds
        margin_cents     int64, cents: revenue less quantity x unit cost. Goods that come back are not sold again

    Raises ValueError for a missing column, a wrong type, a missing value, or a line without its order;
    `pandas.errors.MergeError` where two orders share an order_id.

    >>> orders = pd.DataFrame({"order_id": [1], "customer_id": [7], "order_date": pd.to_datetime(["2025-03-01"])})
    >>> lines = pd.DataFrame({"order_line_id": [1, 2], "order_id": [1, 1], "product_id": [5, 6], "quantity": [2, 1],
    ...                       "unit_price_cents": [1000, 500], "unit_cost_cents": [400, 300]})
    >>> returns = pd.DataFrame({"order_line_id": [1], "refund_cents": [1000]})
    >>> line_margins(orders, lines, returns)[["customer_id", "product_id", "revenue_cents", "margin_cents"]]
       customer_id  product_id  revenue_cents  margin_cents
    0            7           5           1000           200
    1            7           6            500           200
    """
    orders = checked(orders, "orders", {"order_id": ID, "customer_id": ID, "order_date": DATE}).to_native()
    columns = {"order_line_id": ID, "order_id": ID, "product_id": ID}
    amounts = dict.fromkeys(["quantity", "unit_price_cents", "unit_cost_cents"], CENTS)
    lines = checked(order_lines, "order_lines", columns | amounts).to_native()
    returns = checked(returns, "returns", {"order_line_id": ID, "refund_cents": CENTS}).to_native()
    refunds = returns.groupby("order_line_id")["refund_cents"].sum()
    joined = lines.merge(orders, on="order_id", how="left", validate="many_to_one")
    orphans = joined["customer_id"].isna()
    if orphans.any():
        found = joined.loc[orphans, "order_id"].iloc[0]
        raise ValueError(f"order_lines has {orphans.sum():,} rows without their order (one: order_id {found})")
    refunded = joined["order_line_id"].map(refunds).fillna(0).astype("int64")
    joined["revenue_cents"] = joined["quantity"] * joined["unit_price_cents"] - refunded
    joined["margin_cents"] = joined["revenue_cents"] - joined["quantity"] * joined["unit_cost_cents"]
    kept = ["order_line_id", "order_id", "customer_id", "product_id", "order_date", "revenue_cents", "margin_cents"]
    return joined[kept]


def scorecard(
    orders: pd.DataFrame, order_lines: pd.DataFrame, returns: pd.DataFrame, years: Sequence[int]
) -> pd.DataFrame:
    """How a company did by its customers, one row a year.

    Tables as for `line_margins`. Returns a frame with the years as its index and

        customers                  int64, who bought in the year
        retention_rate             float64, share of the customers of the year before who bought in the year; NaN where
                                   no order of the year before is known. New customers are in neither of the two counts
        repeat_rate                float64, share of the year's customers with two orders or more in it
        revenue_cents              int64, cents, refunds taken off
        margin_cents               int64, cents, refunds and the cost of the goods taken off
        margin_per_customer_cents  float64, cents: margin / customers

    A refund counts in the year of its order. Raises ValueError as `line_margins`, and for a year without an order.

    >>> orders = pd.DataFrame({"order_id": [1, 2, 3], "customer_id": [7, 7, 8],
    ...                        "order_date": pd.to_datetime(["2024-03-01", "2025-03-01", "2025-05-01"])})
    >>> lines = pd.DataFrame({"order_line_id": [1, 2, 3], "order_id": [1, 2, 3], "product_id": [5, 5, 5],
    ...                       "quantity": [1, 1, 1], "unit_price_cents": [1000] * 3, "unit_cost_cents": [400] * 3})
    >>> returns = pd.DataFrame({"order_line_id": [2], "refund_cents": [500]})
    >>> card = scorecard(orders, lines, returns, [2025])
    >>> card[["customers", "retention_rate", "margin_per_customer_cents"]]
          customers  retention_rate  margin_per_customer_cents
    2025          2             1.0                      350.0
    """
    lines = line_margins(orders, order_lines, returns)
    year_of = orders["order_date"].dt.year
    of_year = {year: orders.loc[year_of == year, "customer_id"] for year in {*years, *(year - 1 for year in years)}}
    rows = []
    for year in years:
        buyers = of_year[year]
        if buyers.empty:
            found = f"{year_of.min()} to {year_of.max()}" if len(orders) else "no orders"
            raise ValueError(f"orders has none in {year} (found: {found})")
        before, sold = set(of_year[year - 1]), lines[lines["order_date"].dt.year == year]
        margin = int(sold["margin_cents"].sum())
        rows.append(
            {
                "customers": buyers.nunique(),
                "retention_rate": len(before & set(buyers)) / len(before) if before else np.nan,
                "repeat_rate": float((buyers.value_counts() >= 2).mean()),
                "revenue_cents": int(sold["revenue_cents"].sum()),
                "margin_cents": margin,
                "margin_per_customer_cents": margin / buyers.nunique(),
            }
        )
    return pd.DataFrame(rows, index=list(years))


def compound_growth_rate(values: Sequence[float]) -> float:
    """The constant rate by which the first value would grow into the last, a step at a time: (last / first)^(1/n) - 1.

    Raises ValueError for fewer than two values, and for a first or last value that is not above 0.

    >>> round(compound_growth_rate([100, 150, 121]), 6)
    0.1
    """
    values = [float(value) for value in values]
    if len(values) < 2:
        raise ValueError(f"growth needs two values or more (found: {len(values)})")
    if values[0] <= 0 or values[-1] <= 0:
        raise ValueError(f"growth is between amounts above 0 (found: {values[0]:g} and {values[-1]:g})")
    return (values[-1] / values[0]) ** (1 / (len(values) - 1)) - 1
