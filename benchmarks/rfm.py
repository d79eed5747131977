"""RFM on 10 million orders: `score_rfm` on pandas, Polars and DuckDB against the same thing by hand in pandas.

    python benchmarks/rfm.py                                 # 10 million orders, 1 million customers
    python benchmarks/rfm.py --orders 1_000_000 --repeats 5

All contestants run in one process, in turn, several times over. CPU seconds count every thread; the ratio is to pandas
by hand, of the medians. Each result is held against the one by hand before anything is timed.
"""

import argparse
import datetime as dt
import statistics
import time

import duckdb
import numpy as np
import pandas as pd
import polars as pl

from crmlab.analytical.rfm import score_rfm

FIRST_DAY = np.datetime64("2023-01-01")
DAYS = 1096
AS_OF = dt.date(2025, 11, 30)  # inside the data: the last month is not known yet


def order_log(orders: int, customers: int, seed: int) -> pd.DataFrame:
    """Orders in the order in which they came, of customers who differ in how often they buy."""
    rng = np.random.default_rng(seed)
    weights = rng.gamma(0.8, size=customers)
    per_customer = rng.multinomial(orders, weights / weights.sum())
    days = np.sort(rng.integers(0, DAYS, orders))
    return pd.DataFrame(
        {
            "customer_id": rng.permutation(np.repeat(np.arange(customers), per_customer)),
            "order_id": np.arange(orders),
            "order_date": (FIRST_DAY + days).astype("datetime64[us]"),
            "amount_cents": np.round(rng.lognormal(8, 0.7, orders)).astype("int64"),
        }
    )


def score_by_hand(orders: pd.DataFrame) -> pd.DataFrame:
    """What a good pandas user writes."""
    as_of = pd.Timestamp(AS_OF)
    known = orders[orders["order_date"] <= as_of]
    scores = known.groupby("customer_id", as_index=False).agg(
        last=("order_date", "max"),
        frequency=("order_id", "size"),
        monetary_total_cents=("amount_cents", "sum"),
    )
    scores.insert(1, "days_since_last_purchase", (as_of - scores.pop("last")).dt.days)
    scores["monetary_mean_cents"] = scores["monetary_total_cents"] / scores["frequency"]
    facts = {"R": -scores["days_since_last_purchase"], "F": scores["frequency"], "M": scores["monetary_mean_cents"]}
    for score, fact in facts.items():
        scores[score] = (fact.rank(method="min").astype("int64") - 1) * 5 // len(scores) + 1
    return scores


def contestants(orders: pd.DataFrame) -> dict:
    in_polars = pl.from_pandas(orders)
    connection = duckdb.connect()
    connection.register("arrow_orders", in_polars.to_arrow())
    connection.execute("CREATE TABLE orders AS FROM arrow_orders")
    return {
        "pandas by hand": lambda: score_by_hand(orders),
        "score_rfm, pandas": lambda: score_rfm(orders, AS_OF),
        "score_rfm, Polars": lambda: score_rfm(in_polars, AS_OF),
        "score_rfm, Polars lazy": lambda: score_rfm(in_polars.lazy(), AS_OF).collect(),
        "score_rfm, DuckDB": lambda: score_rfm(connection.table("orders"), AS_OF).to_arrow_table(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, help="a tenth of the orders unless given")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    customers = arguments.customers or arguments.orders // 10
    runs = contestants(order_log(arguments.orders, customers, arguments.seed))

    by_hand = runs["pandas by hand"]()
    for name, run in runs.items():
        result = run()
        frame = result if isinstance(result, pd.DataFrame) else pl.DataFrame(result).to_pandas()
        pd.testing.assert_frame_equal(
            frame.sort_values("customer_id", ignore_index=True)[by_hand.columns], by_hand, check_exact=True, obj=name
        )

    cpu, wall = ({name: [] for name in runs} for _ in range(2))
    for _ in range(arguments.repeats):
        for name, run in runs.items():
            started = time.process_time(), time.perf_counter()
            run()
            cpu[name].append(time.process_time() - started[0])
            wall[name].append(time.perf_counter() - started[1])

    print(f"{arguments.orders:,} orders, {len(by_hand):,} customers, median of {arguments.repeats}")
    print(f"{'':24}{'CPU s':>8}{'ratio':>8}{'wall s':>8}{'ratio':>8}")
    for name in runs:
        medians = [statistics.median(seconds[name]) for seconds in (cpu, wall)]
        base = [statistics.median(seconds["pandas by hand"]) for seconds in (cpu, wall)]
        print(f"{name:24}" + "".join(f"{m:8.2f}{m / b:8.2f}" for m, b in zip(medians, base, strict=True)))


if __name__ == "__main__":
    main()
