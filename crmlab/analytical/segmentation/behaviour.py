"""Behaviour: what each customer does, as of a day, counted from orders, lines and returns (lesson 07, section 3).

First one row an order (`order_facts`), then one row a customer (`behaviour_features`). Between the two, orders can be
dealt into halves or at random: see `stability`.
"""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.segmentation.columns import require


def order_facts(orders: Any, order_lines: Any, products: Any, as_of: dt.date, *, returns: Any = None) -> pd.DataFrame:
    """What each order was like, as known at the end of the day `as_of`.

    Deliveries of subscriptions are left out, where `orders` has `subscription_id`: nobody decided on them one by one.

    orders         order_id, customer_id, order_date (datetime), channel (text), voucher_percent (integer, percent),
                   amount_cents (integer, cents); subscription_id if there are subscriptions
    order_lines    order_id, product_id, quantity (integer, pieces)
    products       product_id, category (text)
    returns        order_id, return_date (datetime); optional

    Returns one row an order, in the order of customers and their orders:

        customer_id, order_id    as in orders
        order_date               as in orders
        amount_cents             int64, cents, before any return
        pieces                   int64, pieces of all products
        has_gift                 0 or 1: a product of the category `gift` is in it
        beans_only               0 or 1: nothing but coffee is in it
        with_voucher             0 or 1
        on_web                   0 or 1: by the web shop
        sent_back                0 or 1: something came back up to `as_of`; 0 everywhere without `returns`

    Raises ValueError for missing columns and for an order that has no lines.
    """
    columns = ["order_id", "customer_id", "order_date", "channel", "voucher_percent", "amount_cents"]
    require(orders, "orders", columns)
    require(order_lines, "order_lines", ["order_id", "product_id", "quantity"])
    require(products, "products", ["product_id", "category"])
    last = pd.Timestamp(as_of).normalize() + pd.Timedelta(days=1)
    known = orders[orders["order_date"] < last]
    if "subscription_id" in orders.columns:
        known = known[known["subscription_id"].isna()]
    known = known[columns].sort_values(["customer_id", "order_date", "order_id"], kind="stable")
    lines = order_lines[order_lines["order_id"].isin(known["order_id"])]
    category = lines["product_id"].map(products.set_index("product_id")["category"])
    lines = lines.assign(gift=category == "gift", not_beans=category != "beans")
    lines = lines.groupby("order_id").agg(pieces=("quantity", "sum"), gift=("gift", "any"), more=("not_beans", "any"))
    empty = ~known["order_id"].isin(lines.index)
    if empty.any():
        raise ValueError(f"order_lines has no line of order {known['order_id'][empty].iloc[0]}, expected one or more")
    lines = lines.loc[known["order_id"]].set_axis(known.index)
    back = pd.Series(False, index=known.index)
    if returns is not None:
        require(returns, "returns", ["order_id", "return_date"])
        back = known["order_id"].isin(returns.loc[returns["return_date"] < last, "order_id"])
    return (
        known.assign(
            pieces=lines["pieces"].astype("int64"),
            has_gift=lines["gift"].astype("int64"),
            beans_only=(~lines["more"]).astype("int64"),
            with_voucher=(known["voucher_percent"] > 0).astype("int64"),
            on_web=(known["channel"] == "web").astype("int64"),
            sent_back=back.astype("int64"),
        )
        .drop(columns=["channel", "voucher_percent"])
        .reset_index(drop=True)
    )


def behaviour_features(facts: Any, as_of: dt.date, least_orders: int = 1) -> pd.DataFrame:
    """What each customer does: one row a customer with at least `least_orders` orders, by `customer_id`.

    facts: as `order_facts` gives them. Returns, all float64 except the first two:

        orders                      int64, orders
        days_since_last_purchase    int64, days from the last order to `as_of`
        order_cents                 mean amount of an order, cents
        pieces                      typical (geometric mean) number of pieces in an order: one large order counts little
        gift_share                  share of orders with a gift, 0 to 1
        beans_share                 share of orders with nothing but coffee
        voucher_share               share of orders with a voucher
        web_share                   share of orders by the web shop
        return_share                share of orders of which something came back

    A share of one order is 0 or 1: ask for several orders before you read it as a habit.

    Raises ValueError for missing columns and when no customer has so many orders.

    >>> day = pd.Timestamp("2025-03-31")
    >>> facts = pd.DataFrame({"customer_id": [1, 1], "order_id": [1, 2], "order_date": [day, day], "amount_cents": [900,
    ...     1100], "pieces": [1, 4], "has_gift": [1, 0], "beans_only": [0, 1], "with_voucher": [0, 0], "on_web": [1, 1],
    ...     "sent_back": [0, 0]})
    >>> behaviour_features(facts, day)[["orders", "order_cents", "pieces", "gift_share"]].round(3).values.tolist()
    [[2.0, 1000.0, 2.0, 0.5]]
    """
    shares = {
        "gift_share": "has_gift",
        "beans_share": "beans_only",
        "voucher_share": "with_voucher",
        "web_share": "on_web",
        "return_share": "sent_back",
    }
    require(facts, "facts", ["customer_id", "order_date", "amount_cents", "pieces", *shares.values()])
    facts = facts.assign(log_pieces=np.log(facts["pieces"]))
    made = facts.groupby("customer_id").agg(
        orders=("amount_cents", "size"),
        last_date=("order_date", "max"),
        order_cents=("amount_cents", "mean"),
        pieces=("log_pieces", "mean"),
        **{name: (column, "mean") for name, column in shares.items()},
    )
    made = made[made["orders"] >= least_orders]
    if made.empty:
        raise ValueError(f"no customer has {least_orders} orders or more, expected at least one")
    days = (pd.Timestamp(as_of).normalize() - made["last_date"].dt.normalize()).dt.days
    made.insert(1, "days_since_last_purchase", days)
    return made.assign(pieces=np.exp(made["pieces"])).drop(columns="last_date")
