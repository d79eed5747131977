"""The store and the warehouse: how long filling, copying, working and loading take.

    python benchmarks/store.py                       # the size of the course company
    python benchmarks/store.py --customers 100_000 --repeats 3

Median of the repeats, wall clock and CPU seconds (all threads). Each load is held against the store before it counts.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from crmlab.analytical.warehouse import load_warehouse
from crmlab.company import generate, open_company
from crmlab.operational import open_store, place_order
from crmlab.operational.fill import fill_store


def timed(name: str, repeats: int, work: Callable[[], object]) -> None:
    """Print the median time of some work."""
    wall, cpu = [], []
    for _ in range(repeats):
        before = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - before[0])
        cpu.append(time.process_time() - before[1])
    print(f"{name:<44}{statistics.median(wall):>9.3f} s{statistics.median(cpu):>9.3f} s CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--orders", type=int, default=200, help="orders placed one by one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ["CRMLAB_CACHE"] = str(folder / "cache")
        company = generate(arguments.customers, 1, folder / "company")

        def fill() -> None:
            (folder / "filled.sqlite").unlink(missing_ok=True)
            fill_store(open_company(company), folder / "filled.sqlite", "benchmark")

        timed("fill a store from the company", arguments.repeats, fill)
        open_store(company=company).close()
        timed("open_store(): a private copy", arguments.repeats, lambda: open_store(company=company).close())
        with open_store(company=company) as store:
            revenue = store.sql("SELECT sum(amount_cents) AS n FROM v_order")["n"].item()
            assert load_warehouse(store).sql("SELECT sum(revenue_cents) AS n FROM fact_sales")["n"].item() == revenue
            timed("load_warehouse(): first load", arguments.repeats, lambda: load_warehouse(store).close())
            path = folder / "warehouse.duckdb"
            load_warehouse(store, path)
            timed("load_warehouse(path): second load", arguments.repeats, lambda: load_warehouse(store, path))
            timed("timeline of one customer", arguments.repeats,
                  lambda: store.sql("SELECT * FROM v_timeline WHERE customer_id = 17"))  # fmt: skip
            timed(
                "all orders with their amounts, as a frame",
                arguments.repeats,
                lambda: store.sql("SELECT * FROM v_order"),
            )

            def work() -> None:
                for _ in range(arguments.orders):
                    place_order(store, 1, [(1, 1), (2, 1)], "web", at="2026-01-05")

            timed(f"{arguments.orders} orders placed one by one", arguments.repeats, work)


if __name__ == "__main__":
    main()
