"""Pair rules on 200,000 baskets of 500 products: `association_rules` against mlxtend and efficient-apriori.

    pip install -e ".[bench]"
    python benchmarks/cross_selling.py                                  # 200,000 baskets, 500 products
    python benchmarks/cross_selling.py --baskets 20_000 --repeats 3

Each contestant has a fresh process, gets the baskets in the shape that suits it best, and is timed several times on
the same thing: from baskets to rules. CPU seconds count every thread; the ratio is to `association_rules` on a table,
of the medians. Peak memory is what Python and numpy allocate at most in a run of its own, the baskets given excluded.
A contestant whose rules differ is an error; the thresholds are such that no rule meets one exactly, where mlxtend can
lose it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

CONTESTANTS = {
    "association_rules, table": "ours_table",
    "association_rules, lists": "ours_lists",
    "mlxtend apriori, low memory": "mlxtend_apriori",
    "mlxtend fpgrowth": "mlxtend_fpgrowth",
    "efficient-apriori": "efficient_apriori",
}


def basket_lines(baskets: int, products: int, seed: int) -> pd.DataFrame:
    """Lines of baskets of about six products, some much more popular than others, and some that go together."""
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, products + 1) ** 0.8
    order = np.repeat(np.arange(baskets), 1 + rng.poisson(4.5, baskets))
    product = rng.choice(products, len(order), p=weight / weight.sum())
    joins = rng.random(len(order)) < 0.08
    order = np.concatenate([order, order[joins]])
    product = np.concatenate([product, (product[joins] * 7 + 3) % products])
    lines = pd.DataFrame({"order_id": order, "product_id": product}).drop_duplicates()
    return lines.sort_values(["order_id", "product_id"], ignore_index=True)


def ours_table(lines: pd.DataFrame, support: float, confidence: float) -> tuple[Callable, Callable]:
    from crmlab.analytical.cross_selling import association_rules

    return lambda: association_rules(lines, support, confidence, max_length=2), _of_table


def ours_lists(lines: pd.DataFrame, support: float, confidence: float) -> tuple[Callable, Callable]:
    from crmlab.analytical.cross_selling import association_rules

    baskets = _lists(lines)
    return lambda: association_rules(baskets, support, confidence, max_length=2), _of_table


def mlxtend_apriori(lines: pd.DataFrame, support: float, confidence: float) -> tuple[Callable, Callable]:
    from mlxtend.frequent_patterns import apriori

    return _mlxtend(lambda table: apriori(table, support, max_len=2, low_memory=True), lines, confidence)


def mlxtend_fpgrowth(lines: pd.DataFrame, support: float, confidence: float) -> tuple[Callable, Callable]:
    from mlxtend.frequent_patterns import fpgrowth

    return _mlxtend(lambda table: fpgrowth(table, support, max_len=2), lines, confidence)


def efficient_apriori(lines: pd.DataFrame, support: float, confidence: float) -> tuple[Callable, Callable]:
    from efficient_apriori import apriori

    baskets = [tuple(basket) for basket in _lists(lines)]

    def rules_of(result: tuple) -> list[tuple[int, int, float]]:
        return [(rule.lhs[0], rule.rhs[0], rule.confidence) for rule in result[1]]

    return lambda: apriori(baskets, min_support=support, min_confidence=confidence, max_length=2), rules_of


def _mlxtend(mine: Callable, lines: pd.DataFrame, confidence: float) -> tuple[Callable, Callable]:
    from mlxtend.frequent_patterns import association_rules

    # The table of True and False that mlxtend wants is made before the clock starts.
    columns, products = pd.factorize(lines["product_id"], sort=True)
    held = np.zeros((lines["order_id"].nunique(), len(products)), dtype=bool)
    held[pd.factorize(lines["order_id"])[0], columns] = True
    table = pd.DataFrame(held, columns=products)
    return lambda: association_rules(mine(table), metric="confidence", min_threshold=confidence), _of_table


def _of_table(rules: pd.DataFrame) -> list[tuple[int, int, float]]:
    sides = zip(rules["antecedents"], rules["consequents"], rules["confidence"], strict=True)
    return [(*left, *right, confidence) for left, right, confidence in sides]


def _lists(lines: pd.DataFrame) -> list[list[int]]:
    product = lines["product_id"].to_numpy()
    edges = np.flatnonzero(np.diff(lines["order_id"].to_numpy())) + 1
    return [part.tolist() for part in np.split(product, edges)]


def run_one(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Time one contestant in this process."""
    lines = basket_lines(arguments.baskets, arguments.products, arguments.seed)
    run, rules_of = globals()[CONTESTANTS[name]](lines, arguments.support, arguments.confidence)
    tracemalloc.start()
    result = run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    cpu = []
    for _ in range(arguments.repeats):
        started = time.process_time()
        run()
        cpu.append(time.process_time() - started)
    return {"cpu": cpu, "bytes": peak, "rules": sorted((int(a), int(b), round(c, 9)) for a, b, c in rules_of(result))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baskets", type=int, default=200_000)
    parser.add_argument("--products", type=int, default=500)
    parser.add_argument("--support", type=float, default=0.000_501_3)
    parser.add_argument("--confidence", type=float, default=0.100_003)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=CONTESTANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(run_one(arguments.only, arguments)))
        return

    settings = ("baskets", "products", "support", "confidence", "repeats", "seed")
    given = [part for name in settings for part in (f"--{name}", str(getattr(arguments, name)))]
    results = {}
    for name in CONTESTANTS:
        command = [sys.executable, __file__, *given, "--only", name]
        results[name] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    ours = results["association_rules, table"]
    for name, result in results.items():
        if result["rules"] != ours["rules"]:
            differ = set(map(tuple, result["rules"])) ^ set(map(tuple, ours["rules"]))
            raise SystemExit(f"{name} finds other rules, {len(differ)} differ: {sorted(differ)[:3]}")

    base = statistics.median(ours["cpu"])
    print(
        f"{arguments.baskets:,} baskets, {arguments.products} products, {len(ours['rules']):,} rules, the same from all"
    )
    print(f"{'':30}{'CPU s':>9}{'ratio':>8}{'peak MB':>10}")
    for name, result in results.items():
        median = statistics.median(result["cpu"])
        print(f"{name:30}{median:9.3f}{median / base:8.1f}{result['bytes'] / 1e6:10.0f}")


if __name__ == "__main__":
    main()
