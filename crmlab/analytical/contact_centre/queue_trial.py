"""The queue simulated, and held against Erlang's formulas; one pooled queue against separate ones (lesson 13b)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd

from crmlab.analytical.contact_centre.erlang import erlang_c, service_level, speed_of_answer
from crmlab.analytical.contact_centre.patience import erlang_a
from crmlab.contact_queue import AgentSchedule, run_queue

_BATCHES = 20
#: Of a lognormal handling time: standard deviation over mean. 1 would be as spread as an exponential one.
_LOGNORMAL_SPREAD = 0.6
#: Before this share of the time the queue, which starts empty, has not settled; it is not measured.
_WARM_UP = 0.1


def draw_calls(
    calls_per_hour: float, aht: float, hours: float, seed: int, *, law: str = "exponential"
) -> tuple[np.ndarray, np.ndarray]:
    """Arrival seconds of Poisson calls, and their handling times.

    aht: mean handling time, seconds. law: of the handling times, "exponential" or "lognormal" (standard deviation 0.6
    of the mean). Returns two float64 arrays (calls,); the same seed, the same calls.
    """
    if law not in ("exponential", "lognormal"):
        raise ValueError(f"law is {law!r}, expected 'exponential' or 'lognormal'")
    rng = np.random.default_rng(seed)
    count = rng.poisson(calls_per_hour * hours)
    arrival = np.sort(rng.random(count)) * hours * 3600
    if law == "exponential":
        return arrival, rng.exponential(aht, count)
    sigma = np.sqrt(np.log1p(_LOGNORMAL_SPREAD**2))
    return arrival, rng.lognormal(np.log(aht) - sigma**2 / 2, sigma, count)


def simulate_calls(
    calls_per_hour: float,
    aht: float,
    agents: int,
    *,
    hours: float,
    seed: int,
    mean_patience: float = np.inf,
    law: str = "exponential",
    target_seconds: float = 20,
) -> pd.DataFrame:
    """Figures of a simulated queue with their simulation error.

    agents: always there. mean_patience: of exponential patience, seconds; ``inf`` for callers who wait for ever.
    hours: simulated; the first tenth is not measured. law: see ``draw_calls``.

    Returns a row a figure: ``service_level`` (answered in time over all calls), ``mean_wait`` (seconds, all calls),
    ``mean_log_wait`` (of ln(1 + minutes)), ``abandon_share``, ``occupancy``, with ``simulated`` and ``standard_error``
    (float64), the latter from 20 stretches of time of equal length (batch means): calls that wait together are not
    independent, so the spread over single calls would be too small.
    """
    arrival, handle = draw_calls(calls_per_hour, aht, hours, seed, law=law)
    patience = np.inf
    if np.isfinite(mean_patience):
        patience = np.random.default_rng([seed, 1]).exponential(mean_patience, len(arrival))
    everyone = AgentSchedule(
        np.arange(1, agents + 1), np.zeros(agents), np.full(agents, np.inf), np.ones((agents, 1), dtype=bool)
    )
    result = run_queue(arrival, handle, everyone, patience_seconds=patience)
    begins, ends = hours * 3600 * _WARM_UP, hours * 3600
    edges = np.linspace(begins, ends, _BATCHES + 1)
    batch = np.digitize(arrival, edges) - 1
    measured = (batch >= 0) & (batch < _BATCHES)
    in_time = result.answered & (result.wait_seconds <= target_seconds)
    per_call = pd.DataFrame(
        {
            "service_level": in_time,
            "mean_wait": result.wait_seconds,
            "mean_log_wait": np.log1p(result.wait_seconds / 60),
            "abandon_share": result.abandoned,
        },
        dtype=float,
    )
    figures = per_call[measured].groupby(batch[measured]).mean()
    figures["occupancy"] = _busy_seconds(result.answered_at, result.ended_at, edges) / (np.diff(edges) * agents)
    return pd.DataFrame({"simulated": figures.mean(), "standard_error": figures.std() / np.sqrt(_BATCHES)})


def _busy_seconds(answered_at: np.ndarray, ended_at: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Seconds of agents' work within each stretch of time."""
    from_, to = answered_at[~np.isnan(answered_at)], ended_at[~np.isnan(answered_at)]
    overlap = [np.clip(np.minimum(to, b) - np.maximum(from_, a), 0, None).sum() for a, b in itertools.pairwise(edges)]
    return np.array(overlap)


def held_against_theory(
    calls_per_hour: float,
    aht: float,
    agents: int,
    *,
    hours: float,
    seed: int,
    mean_patience: float = np.inf,
    law: str = "exponential",
) -> pd.DataFrame:
    """The simulated queue beside Erlang C (callers who wait for ever) or Erlang A (callers with patience).

    Returns the rows of ``simulate_calls`` with ``theory`` and ``standard_errors_apart``: how many standard errors lie
    between the two. Beyond about 3 the formula does not describe the queue. Where callers have patience the service
    level is left out: Erlang A gives it only by another integral.
    """
    simulated = simulate_calls(
        calls_per_hour, aht, agents, hours=hours, seed=seed, mean_patience=mean_patience, law=law
    )
    load = calls_per_hour * aht / 3600
    if np.isfinite(mean_patience):
        formula = erlang_a(calls_per_hour / 3600, aht, agents, mean_patience)
        theory = {
            "mean_wait": formula["mean_wait"],
            "abandon_share": formula["abandonment_probability"],
            "occupancy": formula["occupancy"],
        }
    else:
        theory = {
            "service_level": service_level(load, agents, aht, 20),
            "mean_wait": speed_of_answer(load, agents, aht),
            "occupancy": load / agents,
        }
    table = simulated.loc[list(theory)].copy()
    table.insert(0, "theory", pd.Series(theory))
    table["standard_errors_apart"] = (table["simulated"] - table["theory"]).abs() / table["standard_error"]
    return table


def pooled_and_separate(
    calls_per_hour: float, aht: float, agents: int, queues: int, *, target_seconds: float = 20
) -> pd.DataFrame:
    """One queue for all agents, against equal queues with agents of their own (Erlang C).

    agents: in all, so many that they divide evenly. Returns two rows, ``pooled`` and ``separate``:
    ``waiting_probability``, ``mean_wait`` (seconds), ``service_level``. Raises ValueError where the agents do not
    divide.

    >>> table = pooled_and_separate(60, 300, 8, 4)
    >>> bool(table.loc["pooled", "mean_wait"] < table.loc["separate", "mean_wait"])
    True
    """
    if queues < 1 or agents % queues:
        raise ValueError(f"queues is {queues}, expected a number that divides {agents} agents")
    rows: dict[str, tuple[float, int]] = {
        "pooled": (calls_per_hour * aht / 3600, agents),
        "separate": (calls_per_hour * aht / 3600 / queues, agents // queues),
    }
    figures: dict[str, Callable[[float, int], float]] = {
        "waiting_probability": erlang_c,
        "mean_wait": lambda load, there: speed_of_answer(load, there, aht),
        "service_level": lambda load, there: service_level(load, there, aht, target_seconds),
    }
    return pd.DataFrame({name: {row: of(*given) for row, given in rows.items()} for name, of in figures.items()})
