"""Lifetime value: BG/NBD and Pareto/NBD against lifetimes, and rfm_summary against pandas by hand.

    python benchmarks/lifetime_value.py                          # 10 thousand to 1 million customers, 10 million orders
    python benchmarks/lifetime_value.py --customers 10_000 --pareto 2_000 --orders 200_000

Needs the extra `bench`: lifetimes 0.11.3, with a setuptools below 81. All contestants run in one process, in turn; CPU
seconds count every thread; the memory is the peak of Python's and numpy's allocations in a run of its own (what Polars
and DuckDB allocate for themselves is not in it). The fits are
held against each other before anything is printed: the same likelihood, or a better one.
"""

import argparse
import datetime as dt
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import polars as pl

from crmlab.analytical.lifetime_value import BetaGeoModel, ParetoNBDModel, rfm_summary
from crmlab.analytical.lifetime_value.customer_rows import purchase_rows

FIRST_DAY = np.datetime64("2023-01-01")
DAYS = 1096
END = dt.date(2025, 11, 30)


def customer_summary(customers: int, seed: int) -> pd.DataFrame:
    """BG/NBD customers with r, alpha, a, b = 0.24, 4.4, 0.8, 2.4 who came within 12 weeks, seen for 27 to 39 by day."""
    rng = np.random.default_rng(seed)
    rate, leaving = rng.gamma(0.24, 1 / 4.4, customers), rng.beta(0.8, 2.4, customers)
    days = rng.integers(27 * 7, 39 * 7 + 1, customers)
    possible = rng.poisson(rate * days / 7)
    repeats = np.minimum(possible, rng.geometric(np.maximum(leaving, 1e-12)))
    last = np.ceil(rng.beta(np.maximum(repeats, 1), possible - repeats + 1) * days)
    recency = np.where(repeats > 0, last, 0) / 7
    return pd.DataFrame({"frequency": repeats, "recency": recency, "T": days / 7})


def order_log(orders: int, customers: int, seed: int) -> pd.DataFrame:
    """Orders in the order in which they came, of customers who differ in how often they buy."""
    rng = np.random.default_rng(seed)
    weights = rng.gamma(0.8, size=customers)
    per_customer = rng.multinomial(orders, weights / weights.sum())
    return pd.DataFrame(
        {
            "customer_id": rng.permutation(np.repeat(np.arange(customers), per_customer)),
            "order_date": (FIRST_DAY + np.sort(rng.integers(0, DAYS, orders))).astype("datetime64[us]"),
            "amount_cents": rng.integers(-100, 20_000, orders),
        }
    )


def summary_by_hand(orders: pd.DataFrame) -> pd.DataFrame:
    """What a user would write in pandas."""
    end = pd.Timestamp(END)
    known = orders[(orders["order_date"] <= end) & (orders["amount_cents"] > 0)]
    days = known.groupby(["customer_id", "order_date"], as_index=False)["amount_cents"].sum()
    summary = days.groupby("customer_id").agg(
        first=("order_date", "min"),
        last=("order_date", "max"),
        days=("order_date", "size"),
        cents=("amount_cents", "sum"),
    )
    first_cents = days.drop_duplicates("customer_id").set_index("customer_id")["amount_cents"]
    frequency = summary["days"] - 1
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": (summary["last"] - summary["first"]).dt.days / 7,
            "T": (end - summary["first"]).dt.days / 7,
            "monetary_value": (summary["cents"] - first_cents) / (frequency.clip(lower=1) * 100),
        }
    ).reset_index()


def with_lifetimes(fitter, grouped: bool) -> Callable[[pd.DataFrame], dict[str, float]]:
    """A fit by lifetimes, which returns its parameters; `grouped` when equal rows are put together by hand first."""

    def fit(summary: pd.DataFrame) -> dict[str, float]:
        weights = None
        if grouped:
            summary = summary.groupby(["frequency", "recency", "T"], as_index=False).size()
            weights = summary["size"].to_numpy()
        fitted = fitter(penalizer_coef=0.0)
        return dict(fitted.fit(summary["frequency"], summary["recency"], summary["T"], weights=weights).params_)

    return fit


def with_crmlab(model) -> Callable[[pd.DataFrame], dict[str, float]]:
    return lambda summary: model().fit(summary).parameters_


def measured(runs: dict[str, Callable], argument, repeats: int) -> dict[str, tuple[float, float]]:
    """Median CPU seconds and peak mebibytes of each contestant."""
    seconds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            started = time.process_time()
            run(argument)
            seconds[name].append(time.process_time() - started)
    memory = {}
    for name, run in runs.items():
        tracemalloc.start()
        run(argument)
        memory[name] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    return {name: (statistics.median(seconds[name]), memory[name]) for name in runs}


def show(title: str, figures: dict[str, tuple[float, float]]) -> None:
    ours = next(iter(figures.values()))[0]
    print(f"{title}\n{'':28}{'CPU s':>9}{'to ours':>9}{'peak MiB':>10}")
    for name, (seconds, memory) in figures.items():
        print(f"{name:28}{seconds:9.3f}{seconds / ours:9.2f}{memory:10.1f}")


def fits(model, runs: dict[str, Callable], summary: pd.DataFrame, repeats: int) -> None:
    # lifetimes gives the likelihood of rescaled times: take both from one function.
    log_likelihood = model()._log_likelihood_of(purchase_rows(summary))
    names = model._names
    found = {name: log_likelihood(np.log([run(summary)[each] for each in names]))[0] for name, run in runs.items()}
    if found[model.__name__] < max(found.values()) - 1e-3:
        raise AssertionError(f"log-likelihoods {found}, expected that of {model.__name__} to be the highest")
    show(f"{model.__name__}, {len(summary):,} customers", measured(runs, summary, repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--pareto", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    # Here and not above: importing lifetimes takes a setuptools that other tools of the lab may not have.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter, ParetoNBDFitter

    warnings.filterwarnings("ignore", module="lifetimes")
    for model, fitter, sizes in (
        (BetaGeoModel, BetaGeoFitter, arguments.customers),
        (ParetoNBDModel, ParetoNBDFitter, [arguments.pareto] if arguments.pareto else []),
    ):
        runs = {
            model.__name__: with_crmlab(model),
            "lifetimes": with_lifetimes(fitter, grouped=False),
            "lifetimes, grouped by hand": with_lifetimes(fitter, grouped=True),
        }
        for size in sizes:
            fits(model, runs, customer_summary(size, arguments.seed), arguments.repeats)

    if arguments.orders:
        orders = order_log(arguments.orders, max(arguments.orders // 10, 1), arguments.seed)
        in_polars = pl.from_pandas(orders)
        connection = duckdb.connect()
        connection.register("arrow_orders", in_polars.to_arrow())
        connection.execute("CREATE TABLE orders AS FROM arrow_orders")
        runs = {
            "pandas by hand": lambda _: summary_by_hand(orders),
            "rfm_summary, pandas": lambda _: rfm_summary(orders, END),
            "rfm_summary, Polars": lambda _: rfm_summary(in_polars, END),
            "rfm_summary, DuckDB": lambda _: rfm_summary(connection.table("orders"), END).to_arrow_table(),
        }
        by_hand = summary_by_hand(orders)
        for name, run in runs.items():
            result = run(None)
            frame = result if isinstance(result, pd.DataFrame) else pl.DataFrame(result).to_pandas()
            pd.testing.assert_frame_equal(
                frame.sort_values("customer_id", ignore_index=True), by_hand, check_exact=True, obj=name
            )
        show(f"Summary, {arguments.orders:,} orders ('ours' is by hand here)", measured(runs, None, arguments.repeats))


if __name__ == "__main__":
    main()
