"""Two shops, the same demand, one difference: one of them knows what its customers bought before (lesson 01).

The case behind it is the shop on the web that recognises each visitor against the shop in the street that does not.
It is a thought experiment in code: it shows by which mechanism customer data *could* bring customers back, and on what
that depends. It is no evidence that they do.
"""

import numpy as np
import pandas as pd

SHOPS = ("without_data", "with_data")
PRODUCTS, SHOWN, DAYS = 12, 3, 365
#: How often somebody looks further when the shop window does not show what is wanted.
LOOKS_FURTHER = 0.3
#: How many different things somebody wants on a visit: one, two or three.
WANTED_SHARES = (0.5, 0.3, 0.2)


def two_shops(customers: int, own_taste: float, seed: int) -> pd.DataFrame:
    """The order lines of a year in two shops that the same people visit on the same days, wanting the same things.

    On a visit the shop shows three products of twelve. What is wanted and shown is bought; what is not shown is bought
    by three visitors in ten, who look further. The shop without customer data shows everybody its best sellers so far;
    the shop with data shows each customer what that customer bought most, and best sellers where it knows nothing yet.

    customers
        how many people visit, from 1 up
    own_taste
        from 0, where all have the same taste, to 1, where each wants only a favourite of their own
    seed
        of the random draws; both shops see the same ones

    Returns one row an order line: shop (text, "without_data" or "with_data"), order_id, order_line_id, customer_id,
    product_id, day (int64; 1 to 365). An order is what somebody bought on one visit.

    Raises ValueError for fewer than one customer and a taste that is not between 0 and 1.

    >>> lines = two_shops(customers=50, own_taste=0.8, seed=1)
    >>> lines.groupby("shop")["order_id"].nunique()["with_data"] > 0
    np.True_
    """
    if customers < 1:
        raise ValueError(f"customers is {customers!r}, expected a whole number from 1 up")
    if not 0 <= own_taste <= 1:
        raise ValueError(f"own_taste is {own_taste!r}, expected a number from 0 to 1")
    visits = _visits(np.random.default_rng(seed), customers, own_taste)
    frames = [_trade(visits, customers, shop) for shop in SHOPS]
    return pd.concat(frames, ignore_index=True)


def _visits(rng: np.random.Generator, customers: int, own_taste: float) -> pd.DataFrame:
    """The demand: who comes on which day, wants what, and is patient enough to look further; in the order of time."""
    popularity = 1 / np.arange(1, PRODUCTS + 1)
    popularity /= popularity.sum()
    favourite = rng.integers(0, PRODUCTS, customers)
    visitor = np.repeat(np.arange(customers), rng.poisson(rng.gamma(1.5, 2.0, customers)))
    wants = rng.choice([1, 2, 3], size=len(visitor), p=WANTED_SHARES)
    day = rng.integers(1, DAYS + 1, len(visitor))
    visit = np.repeat(np.arange(len(visitor)), wants)
    wanted = np.where(
        rng.random(len(visit)) < own_taste,
        favourite[visitor[visit]],
        rng.choice(PRODUCTS, size=len(visit), p=popularity),
    )
    table = pd.DataFrame({"day": day[visit], "visit": visit, "customer": visitor[visit], "wanted": wanted})
    table["looks_further"] = rng.random(len(table)) < LOOKS_FURTHER
    return table.drop_duplicates(["visit", "wanted"]).sort_values(["day", "visit"], kind="stable", ignore_index=True)


def _trade(visits: pd.DataFrame, customers: int, shop: str) -> pd.DataFrame:
    sold = np.zeros(PRODUCTS)
    own = np.zeros((customers, PRODUCTS))
    wanted, looks_further = visits["wanted"].to_numpy(), visits["looks_further"].to_numpy()
    visitor = visits["customer"].to_numpy()
    starts = np.flatnonzero(visits["visit"].diff().to_numpy() != 0)
    bought = np.zeros(len(visits), dtype=bool)
    for start, end in zip(starts, [*starts[1:], len(visits)], strict=True):
        customer = visitor[start]
        # A best seller breaks ties among what this customer bought equally often.
        rank = own[customer] + sold / (sold.sum() + 1) if shop == "with_data" else sold
        shown = np.argsort(-rank, kind="stable")[:SHOWN]
        for place in range(start, end):
            bought[place] = looks_further[place] or wanted[place] in shown
        basket = wanted[start:end][bought[start:end]]
        sold[basket] += 1
        own[customer, basket] += 1
    lines = visits[bought]
    return pd.DataFrame(
        {
            "shop": shop,
            "order_id": lines["visit"].to_numpy() + 1,
            "order_line_id": np.arange(1, len(lines) + 1),
            "customer_id": lines["customer"].to_numpy() + 1,
            "product_id": lines["wanted"].to_numpy() + 1,
            "day": lines["day"].to_numpy(),
        }
    )
