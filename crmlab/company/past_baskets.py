"""What is in an order that somebody places after the last day: a basket of the past of about the same worth.

The market says what a person spends; goods are needed to place the order. So one of the company's own baskets is
taken, bought by somebody who leans the same way: what goes together in a basket stays together, and so do tastes. The
amount follows from the goods at the list prices of the last day.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from crmlab.company.keyed_random import keyed_uniform
from crmlab.company.market import Market

#: A basket is drawn from so many that are next in worth.
_NEAREST = 40


@dataclasses.dataclass(frozen=True)
class PastBaskets:
    """Baskets of the past, sorted by leaning and then by worth.

    ``leaning`` and ``worth_cents`` (at list prices of the last day): a value a basket. ``lines``: the product_id and
    quantity of each line; those of basket i stand from ``first[i]`` up to ``first[i + 1]``.
    ``list_price_cents``: by product_id.
    """

    leaning: np.ndarray
    worth_cents: np.ndarray
    first: np.ndarray
    lines: np.ndarray
    list_price_cents: pd.Series


def past_baskets(market: Market, orders: pd.DataFrame, lines: pd.DataFrame, products: pd.DataFrame) -> PastBaskets:
    """The baskets that people put together one by one: no deliveries of subscriptions, and no resellers."""
    price = products.set_index("product_id")["list_price_cents"]
    chosen = orders[orders["subscription_id"].isna() & orders["reseller_id"].isna()]
    person = market.person_of.loc[chosen["customer_id"]].to_numpy()
    leaning = pd.Series(market.people["tendency"].astype(str).to_numpy()[person], index=chosen["order_id"])
    own = lines[lines["order_id"].isin(chosen["order_id"])]
    line_worth = own["quantity"] * own["product_id"].map(price)
    worth = line_worth.groupby(own["order_id"]).sum()
    baskets = pd.DataFrame({"leaning": leaning.loc[worth.index], "worth": worth})
    baskets = baskets.rename_axis("order_id").reset_index().sort_values(["leaning", "worth", "order_id"])
    place = pd.Series(np.arange(len(baskets)), index=baskets["order_id"])
    own = own.assign(place=own["order_id"].map(place)).sort_values(["place", "order_line_id"])
    count = np.bincount(own["place"], minlength=len(baskets))
    return PastBaskets(
        leaning=baskets["leaning"].to_numpy(dtype=object),
        worth_cents=baskets["worth"].to_numpy(dtype=np.int64),
        first=np.concatenate([[0], np.cumsum(count)]),
        lines=own[["product_id", "quantity"]].to_numpy(dtype=np.int64),
        list_price_cents=price,
    )


def draw_baskets(
    seed: int, market: Market, baskets: PastBaskets, person: np.ndarray, second: np.ndarray, worth_cents: np.ndarray
) -> list[tuple[tuple[int, int], ...]]:
    """The lines (product_id, quantity) of purchases: by whom (position), when, and worth what at list prices."""
    share = keyed_uniform(seed, "basket", market.values("person_id", person), second)
    leaning = market.people["tendency"].astype(str).to_numpy()[person]
    drawn = []
    for each, wanted, worth in zip(leaning, share, worth_cents, strict=True):
        begin, end = np.searchsorted(baskets.leaning, each), np.searchsorted(baskets.leaning, each, side="right")
        middle = begin + np.searchsorted(baskets.worth_cents[begin:end], worth)
        low = int(np.clip(middle - _NEAREST // 2, begin, max(end - _NEAREST, begin)))
        high = min(low + _NEAREST, end)
        # In a company of a few people nobody who leans that way may have bought yet.
        nearest = int(np.argmin(np.abs(baskets.worth_cents - worth)))
        basket = low + int(wanted * (high - low)) if begin < end else nearest
        rows = baskets.lines[baskets.first[basket] : baskets.first[basket + 1]]
        drawn.append(tuple((int(product), int(quantity)) for product, quantity in rows))
    return drawn


def paid_cents(baskets: PastBaskets, lines: tuple[tuple[int, int], ...], voucher_percent: int) -> tuple[int, int]:
    """What is paid for these lines, and what the voucher takes off: each piece to the nearest cent, a half goes up."""
    price = baskets.list_price_cents
    at_list = sum(quantity * int(price[product]) for product, quantity in lines)
    paid = sum(quantity * ((int(price[product]) * (100 - voucher_percent) + 50) // 100) for product, quantity in lines)
    return paid, at_list - paid
