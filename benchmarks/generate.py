"""How fast a company is made, against what a user would pick instead, in one run.

    python benchmarks/generate.py [--customers 100000 1000000] [--jobs 1 2]

Each contender runs as a process of its own and writes Parquet to a temporary folder. A row of the table is one run:
rows of the line table a second of wall time and of CPU time, and the peak memory of the largest process. ``crmlab,
orders and lines`` draws all that orders need and writes only the tables ``orders`` and ``order_lines``; ``crmlab,
whole company`` writes every table and the truth. tpchgen (the extra ``bench``) writes the orders and lines of TPC-H;
DuckDB's generator is an extension that it fetches from the network, and is measured where it is there. Faker is
called once for each value, as its manual shows.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FAKER_ROWS = 20_000


def orders_and_lines(customers: int, jobs: int, out: Path) -> int:
    """Write orders and lines only; the number of lines."""
    import joblib

    from crmlab.company import Assumptions
    from crmlab.company.domains import blocks

    todo = blocks(customers, 1, Assumptions())
    return sum(joblib.Parallel(n_jobs=jobs)(joblib.delayed(_orders_of_block)(block, out) for block in todo))


def _orders_of_block(block, out: Path) -> int:
    from crmlab.company.domains import DOMAINS, draw_company_wide
    from crmlab.company.tables import write_parts

    needed = {"tendencies", "accounts", "people", "subscriptions", "purchases", "orders"}
    made = {name: drawn.facts for name, drawn in draw_company_wide(block.seed, block.assumptions).items()}
    for domain in DOMAINS:
        if domain.name in needed:
            drawn = domain.draw(block, made)
            made[domain.name] = drawn.facts
    write_parts(drawn.tables, out, block.number)
    return drawn.tables["order_lines"].num_rows


def whole_company(customers: int, jobs: int, out: Path) -> int:
    """Write the whole company; the number of order lines."""
    from crmlab.company import Assumptions, generate

    return _rows(generate(customers, 1, out / "company", jobs, assumptions=Assumptions()) / "company" / "order_lines")


def tpchgen(customers: int, jobs: int, out: Path) -> int:
    """Orders and lines of TPC-H at the scale with about as many lines."""
    scale = max(customers * 8 / 6_000_000, 0.01)
    # Beside the interpreter, whether or not the environment is activated.
    program = shutil.which("tpchgen-cli", path=Path(sys.executable).parent) or "tpchgen-cli"
    command = [program, "parquet", "-s", f"{scale:.3f}", "--tables=orders,lineitem"]
    command += [f"--num-threads={jobs}", f"--output-dir={out}"]
    subprocess.run(command, check=True, capture_output=True)
    return _rows(out)


def duckdb_dbgen(customers: int, jobs: int, out: Path) -> int:
    """The same by DuckDB."""
    import duckdb

    with duckdb.connect() as connection:
        connection.sql(f"SET threads = {jobs}")
        connection.sql("LOAD tpch")
        connection.sql(f"CALL dbgen(sf = {max(customers * 8 / 6_000_000, 0.01):.3f})")
        for table in ("orders", "lineitem"):
            connection.sql(f"COPY {table} TO '{(out / table).as_posix()}.parquet' (FORMAT parquet)")
    return _rows(out, "lineitem*.parquet")


def faker_rows(customers: int, jobs: int, out: Path) -> int:
    """Lines with as many columns, a Faker call a value."""
    import pandas as pd
    from faker import Faker

    fake = Faker()
    Faker.seed(1)
    names = ("order_line_id", "order_id", "product_id", "quantity", "unit_price_cents", "unit_cost_cents")
    rows = [{name: fake.random_int(1, 100_000) for name in names} for _ in range(FAKER_ROWS)]
    pd.DataFrame(rows).to_parquet(out / "lines.parquet")
    return FAKER_ROWS


def _rows(folder: Path, pattern: str = "*line*.parquet") -> int:
    import pyarrow.parquet as pq

    files = list(folder.rglob(pattern)) or list(folder.rglob("part-*.parquet"))
    return sum(pq.read_metadata(path).num_rows for path in files)


CONTENDERS = {
    "crmlab, orders and lines": orders_and_lines,
    "crmlab, whole company": whole_company,
    "tpchgen-cli": tpchgen,
    "DuckDB dbgen": duckdb_dbgen,
    "Faker, a call a value": faker_rows,
}


def run_one(name: str, customers: int, jobs: int) -> None:
    """In a process of its own: run, and print the figures as one line of JSON."""
    # What is imported is not counted: about two seconds, whatever the size.
    for module in ("crmlab.company.generate", "pyarrow.parquet", "faker", "pandas", "duckdb", "joblib.externals.loky"):
        importlib.import_module(module)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter(), _cpu_seconds()
        lines = CONTENDERS[name](customers, jobs, Path(folder))
        wall, cpu = time.perf_counter() - began[0], _cpu_seconds() - began[1]
    if jobs > 1:
        from joblib.externals.loky import get_reusable_executor

        # A worker's use is only known when it has ended.
        get_reusable_executor().shutdown(wait=True)
        cpu = max(cpu, _cpu_seconds() - began[1])
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(json.dumps({"lines": lines, "wall_seconds": wall, "cpu_seconds": cpu, "peak_mb": peak}))


def _cpu_seconds() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("NAME", "CUSTOMERS", "JOBS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return run_one(given.one[0], int(given.one[1]), int(given.one[2]))
    print(f"{'':26}{'people':>10}{'jobs':>5}{'lines':>11}{'lines/s':>12}{'lines/CPU s':>13}{'peak MB':>9}")
    for customers in given.customers:
        for jobs in given.jobs:
            for name in CONTENDERS:
                if name.startswith("Faker") and (jobs > 1 or customers > given.customers[0]):
                    continue
                _print_best(name, customers, jobs, given.repeats)
    return None


def _print_best(name: str, customers: int, jobs: int, repeats: int) -> None:
    command = [sys.executable, __file__, "--one", name, str(customers), str(jobs)]
    results = []
    for _ in range(repeats):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{name:26}{customers:>10,}{jobs:>5}  not measured: {done.stderr.strip().splitlines()[-1][:90]}")
            return
        results.append(json.loads(done.stdout.splitlines()[-1]))
    result = sorted(results, key=lambda each: each["wall_seconds"])[len(results) // 2]
    rates = [result["lines"] / max(result[each], 1e-9) for each in ("wall_seconds", "cpu_seconds")]
    figures = f"{result['lines']:>11,}{rates[0]:>12,.0f}{rates[1]:>13,.0f}{result['peak_mb']:>9.0f}"
    print(f"{name:26}{customers:>10,}{jobs:>5}{figures}", flush=True)


if __name__ == "__main__":
    main()
