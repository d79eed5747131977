"""Defection analysis: what happened at the order after which a customer fell silent (lesson 09).

A survey asks those who are gone, and few answer. The tables know more: whether the parcel was late, whether something
was faulty, whether the price had risen. What a competitor offered they do not know.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from crmlab.analytical.table_check import DATE, ID, checked

EVENTS = ("late", "faulty", "dearer")
#: Reasons of a return that mean a fault of ours.
FAULTS = ("defective", "wrong_item")
#: From this on the numbers of a customer's orders count as one.
_NUMBERS = 5
_SHARES = ("silent_share", "share_without", "difference", "standard_error", "more_silent")
_NEEDED = {
    "orders": ("order_id", "customer_id", "order_date", "subscription_id", "delivered_date", "promised_date"),
    "order_lines": ("order_id", "product_id"),
    "returns": ("order_id", "reason"),
    "price_changes": ("product_id", "change_date", "old_list_price_cents", "new_list_price_cents"),
}


def order_events(
    orders: pd.DataFrame,
    order_lines: pd.DataFrame,
    returns: pd.DataFrame,
    price_changes: pd.DataFrame,
    *,
    memory_days: int = 182,
    least_rise: float = 0.02,
) -> pd.DataFrame:
    """What happened at each order that could drive a customer away.

    orders, order_lines, returns, price_changes: the tables of a company, as in its data dictionary. Deliveries of
    subscriptions (those with a `subscription_id`) are left out: nobody decides on each.
    memory_days, least_rise
        a price counts as risen when the list price of a product in the order is at least this share above that of so
        many days before

    Returns a row an order, by customer and time: `order_id`, `customer_id`, `order_date`, and, each bool, `late` (it
    came after the promised day), `faulty` (a line came back as defective or wrong; faults that nobody sent back are not
    known), `dearer` (a price had risen, and it is not the customer's first order). Raises ValueError for a missing
    column.
    """
    tables = {"orders": orders, "order_lines": order_lines, "returns": returns, "price_changes": price_changes}
    for name, columns in _NEEDED.items():
        missing = [column for column in columns if column not in tables[name].columns]
        if missing:
            raise ValueError(f"{name} has no column {missing[0]!r} (found: {', '.join(tables[name].columns)})")
    own = orders[orders["subscription_id"].isna()].sort_values(
        ["customer_id", "order_date", "order_id"], ignore_index=True
    )
    events = own[["order_id", "customer_id", "order_date"]].copy()
    events["late"] = (own["delivered_date"] > own["promised_date"]).fillna(False).to_numpy(bool)
    faults = returns.loc[returns["reason"].isin(FAULTS), "order_id"]
    events["faulty"] = events["order_id"].isin(faults)
    risen = _orders_at_risen_price(events, order_lines, price_changes, memory_days, least_rise)
    events["dearer"] = events["order_id"].isin(risen) & events["customer_id"].duplicated()
    return events


def _orders_at_risen_price(
    orders: pd.DataFrame, lines: pd.DataFrame, changes: pd.DataFrame, memory_days: int, least_rise: float
) -> np.ndarray:
    """The numbers of orders with a product whose list price rose by ``least_rise`` over ``memory_days``."""
    bought = lines[["order_id", "product_id"]].merge(orders[["order_id", "order_date"]], on="order_id")
    growth = np.log(changes["new_list_price_cents"] / changes["old_list_price_cents"])
    growth = changes[["product_id", "change_date"]].assign(growth=growth)
    pairs = bought.merge(growth, on="product_id")
    age = (pairs["order_date"] - pairs["change_date"]).dt.days
    known = pairs[(age >= 0) & (age < memory_days)]
    rise = np.expm1(known.groupby(["order_id", "product_id"])["growth"].sum())
    return rise[rise >= least_rise].index.get_level_values("order_id").unique().to_numpy()


def silence_after(events: pd.DataFrame, as_of: dt.date, silent_days: int = 180) -> pd.DataFrame:
    """How many more customers fall silent after each kind of event than after a like order without it.

    events: as `order_events` gives them
    silent_days: silent is who has no other order for so many days

    Only orders at least `silent_days` old count: of the others nobody knows yet. Like is compared with like: orders
    with and without the event are held against each other where they have the same number (the customer's 1st, 2nd,
    3rd, 4th, or a later one) and the other events in common. Without that, price rises, which new customers do not
    notice, would seem to make people loyal.

    Returns a row for each event (index `event`): `orders` (with it, where there are like orders without),
    `silent_share` of them, `share_without` (of the like orders, weighted as these), `difference`, `standard_error` and
    `more_silent` (difference times orders: the customers that it cost, if nothing else makes such orders differ).
    Missing where no order has the event. Raises ValueError where no order is old enough.

    >>> days = ["2024-01-01", "2024-02-01", "2024-01-05", "2024-01-09", "2024-01-10", "2024-03-01"]
    >>> events = pd.DataFrame({"order_id": range(6), "customer_id": [1, 1, 2, 3, 4, 4], "faulty": False,
    ...     "order_date": pd.to_datetime(days), "late": [False, False, True, False, False, False], "dearer": False})
    >>> silence_after(events, dt.date(2025, 12, 31)).loc["late", ["orders", "silent_share", "share_without"]].round(2)
    orders           1.00
    silent_share     1.00
    share_without    0.33
    Name: late, dtype: float64
    """
    checked(events, "events", {"order_id": ID, "customer_id": ID, "order_date": DATE})
    events = events.sort_values(["customer_id", "order_date", "order_id"], ignore_index=True)
    following = events["order_date"].shift(-1).where(events["customer_id"].eq(events["customer_id"].shift(-1)))
    limit = events["order_date"] + pd.Timedelta(days=silent_days)
    number = events.groupby("customer_id").cumcount().clip(upper=_NUMBERS - 1)
    orders = events[list(EVENTS)].assign(number=number, silent=~(following <= limit))
    orders = orders[limit <= pd.Timestamp(as_of)]
    if orders.empty:
        raise ValueError(f"events has no order {silent_days} days before {as_of}, expected one at least")
    return pd.DataFrame([_compared(orders, event) for event in EVENTS], index=pd.Index(EVENTS, name="event"))


def _compared(orders: pd.DataFrame, event: str) -> dict[str, float]:
    """One row of `silence_after`: the orders with an event against those without, stratum by stratum."""
    like = ["number", *(other for other in EVENTS if other != event)]
    table = orders.pivot_table(index=like, columns=event, values="silent", aggfunc=["sum", "size"])
    table = table.reindex(columns=pd.MultiIndex.from_product([["sum", "size"], [False, True]])).dropna()
    count = table["size"]
    share = table["sum"] / count
    weight = count[True] / count[True].sum()
    silent, without = (weight * share[True]).sum(), (weight * share[False]).sum()
    variance = (share * (1 - share) / count).sum(axis=1)
    total = int(count[True].sum())
    if not total:
        return {"orders": 0} | dict.fromkeys(_SHARES, np.nan)
    numbers = (silent, without, silent - without, np.sqrt((weight**2 * variance).sum()), (silent - without) * total)
    return {"orders": total} | dict(zip(_SHARES, map(float, numbers), strict=True))
