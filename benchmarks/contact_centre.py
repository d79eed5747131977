"""Erlang staffing of two years of half-hours against pyworkforce.

    python benchmarks/contact_centre.py                        # 35,040 intervals
    python benchmarks/contact_centre.py --intervals 2_000

Needs the extra `bench`: pyworkforce. CPU seconds of one process; each half-hour has its own forecast of calls, not a
whole number, so that none is planned twice. The plans are held against each other first: pyworkforce starts its
search at the rounded load plus one, so it may staff one agent more, and never fewer.
"""

import argparse
import statistics
import time

import numpy as np
from pyworkforce.queuing import ErlangC

from crmlab.analytical.contact_centre import agents_required, erlang_a

AHT_SECONDS, TARGET_SECONDS, SERVICE_LEVEL, SHRINKAGE = 240, 20, 0.8, 0.3


def forecast_calls(intervals: int, seed: int) -> np.ndarray:
    """Calls a half-hour with the shape of a day, from next to none to about 200."""
    rng = np.random.default_rng(seed)
    hour = np.arange(intervals) % 48 / 2
    return (1 + 120 * np.exp(-(((hour - 11.5) / 4) ** 2))) * rng.gamma(20, 1 / 20, intervals)


def with_pyworkforce(calls: np.ndarray) -> np.ndarray:
    """Agents of each interval, one after the other, as its documentation does."""
    agents = np.empty(len(calls), dtype=np.int64)
    for i, number in enumerate(calls):
        queue = ErlangC(
            transactions=number, aht=AHT_SECONDS / 60, asa=TARGET_SECONDS / 60, interval=30, shrinkage=SHRINKAGE
        )
        agents[i] = queue.required_positions(service_level=SERVICE_LEVEL, max_occupancy=1.0)["raw_positions"]
    return agents


def with_crmlab(calls: np.ndarray) -> np.ndarray:
    plan = agents_required(calls, AHT_SECONDS, 1800, TARGET_SECONDS, SERVICE_LEVEL, shrinkage=SHRINKAGE)
    return plan["agents"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--intervals", type=int, default=35_040)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    calls = forecast_calls(arguments.intervals, arguments.seed)
    ours, theirs = with_crmlab(calls), with_pyworkforce(calls)
    if ((theirs < ours) | (theirs > ours + 1)).any():
        raise AssertionError("plans differ by more than pyworkforce's extra agent")

    runs = {
        "agents_required": lambda: with_crmlab(calls),
        "pyworkforce": lambda: with_pyworkforce(calls),
        "erlang_a of the plan": lambda: erlang_a(calls / 1800, AHT_SECONDS, ours, 120),
    }
    seconds = {name: [] for name in runs}
    for _ in range(arguments.repeats):
        for name, run in runs.items():
            started = time.process_time()
            run()
            seconds[name].append(time.process_time() - started)
    print(f"{arguments.intervals:,} intervals, {(theirs > ours).sum():,} of them with an agent too many in pyworkforce")
    base = statistics.median(seconds["agents_required"])
    for name, times in seconds.items():
        print(f"{name:24}{statistics.median(times):9.3f} CPU s {statistics.median(times) / base:9.1f} times ours")


if __name__ == "__main__":
    main()
