"""How many agents it takes, and how many people on the payroll to have them there."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from crmlab.analytical.contact_centre.arguments import numbers, plain, whole_numbers
from crmlab.analytical.contact_centre.erlang import answered_in_time, mean_wait, waits


def agents_required(
    calls: Any,
    aht: Any,
    interval: Any,
    target_time: Any,
    service_level: Any,
    max_occupancy: Any = 1.0,
    shrinkage: Any = 0.0,
) -> dict[str, Any]:
    """The fewest agents with whom the service level is reached and nobody is busier than `max_occupancy` (Erlang C).

    calls            calls offered in the interval, 0 or more (a forecast need not be whole)
    aht              average handling time, seconds, wrap-up included, more than 0
    interval         length of the interval, seconds (1800 for half an hour), more than 0
    target_time      seconds within which a call should be answered, 0 or more
    service_level    the share of calls to answer in that time, from 0 to below 1 (0.8)
    max_occupancy    the largest share of the time that agents may be busy, above 0, at most 1
    shrinkage        the share of paid time away from the phones (breaks, training, illness), from 0 to below 1

    All take a number or an array. Returns a mapping, each entry in the common shape of the arguments:

        agents                 int64, on the phones; more than the load, so that the queue does not grow for ever
        staff                  int64, on the payroll: agents / (1 - shrinkage), rounded up exactly
        service_level          float64, reached with these agents
        occupancy              float64, load / agents
        asa                    float64, seconds, mean wait over all calls
        waiting_probability    float64, share of calls that wait

    An interval without calls takes no agents; its service level is 1 and the rest 0. Whether at least one agent should
    sit there all the same is for you to say: `np.maximum(agents, 1)`.

    Where the load divides exactly, so does the answer: 8 erlangs at 80 % are 10 agents, not 11. Numbers are taken for
    what they look like (0.8 is eight tenths).

    Raises TypeError or ValueError for arguments that are no such numbers.

    >>> plan = agents_required(100, aht=180, interval=1800, target_time=20, service_level=0.8, shrinkage=0.3)
    >>> plan["agents"], plan["staff"], round(plan["service_level"], 3), round(plan["asa"], 1)
    (14, 20, 0.888, 7.8)
    """
    shares = {"service_level": service_level, "max_occupancy": max_occupancy, "shrinkage": shrinkage}
    for name, share in shares.items():
        shares[name] = numbers(name, share, above_zero=name == "max_occupancy")
        if (shares[name] > 1).any() or (name != "max_occupancy" and (shares[name] == 1).any()):
            limit = "at most 1" if name == "max_occupancy" else "below 1"
            raise ValueError(f"{name} has {shares[name].max():g}, expected {limit}: a share, such as 0.8 for 80 %")
    given = [
        numbers("calls", calls),
        numbers("aht", aht, above_zero=True),
        numbers("interval", interval, above_zero=True),
        numbers("target_time", target_time),
        shares["service_level"],
        shares["max_occupancy"],
    ]
    shape = np.broadcast_shapes(*(each.shape for each in given), shares["shrinkage"].shape)
    columns = [np.broadcast_to(each, shape).ravel() for each in given]
    first, which = _different(columns)
    plan = {name: entry[which].reshape(shape) for name, entry in _plan(*(each[first] for each in columns)).items()}
    staff = staff_required(plan["agents"], np.broadcast_to(shares["shrinkage"], shape))
    return {
        "agents": plain(plan.pop("agents")),
        "staff": staff,
        **{name: plain(entry) for name, entry in plan.items()},
    }


def staff_required(agents: Any, shrinkage: Any) -> Any:
    """People on the payroll for `agents` on the phones: agents / (1 - shrinkage), rounded up.

    Not agents * (1 + shrinkage): of 20 people with 30 % shrinkage 14 are there, while 14 * 1.3 rounds up to 19.
    Computed in fractions, so that 7 / (1 - 0.3) is 10 and not 11. Returns int64 in the common shape.

    >>> staff_required([7, 14, 15], 0.3).tolist()
    [10, 20, 22]
    """
    shrinkage = numbers("shrinkage", shrinkage)
    if (shrinkage >= 1).any():
        raise ValueError(f"shrinkage has {shrinkage.max():g}, expected below 1: a share, such as 0.3 for 30 %")
    agents, shrinkage = np.broadcast_arrays(whole_numbers("agents", agents), shrinkage)
    staff = np.empty(agents.shape, dtype=np.int64)
    for share in np.unique(shrinkage):
        there = 1 - _as_it_looks(share)
        of = shrinkage == share
        number, which = np.unique(agents[of], return_inverse=True)
        rounded_up = [-(-int(each) * there.denominator // there.numerator) for each in number]
        staff[of] = np.array(rounded_up, dtype=np.int64)[which]
    return plain(staff)


def _different(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Where each different row stands first, and which of them each row is. A year of half-hours has few."""
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        if len(column) and (column != column[0]).any():
            values, codes = np.unique(column, return_inverse=True)
            # Renumbered each time, so that the product of the counts cannot overflow.
            key = np.unique(key * len(values) + codes, return_inverse=True)[1]
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return first, which


def _as_it_looks(value: float) -> Fraction:
    return Fraction(repr(float(value)))


def _plan(calls, aht, interval, target_time, target, max_occupancy) -> dict[str, np.ndarray]:
    load = calls * aht / interval
    least = _least_agents(load, calls, aht, interval, max_occupancy)
    agents = np.zeros(len(load), dtype=np.int64)
    waiting = np.zeros(len(load))
    # Go up one agent at a time, for all intervals at once; those that have enough drop out.
    open_ = np.flatnonzero(load > 0)
    load_, least_ = load[open_], least[open_]
    per_agent, target_, target_over_aht = 1 / load_, target[open_], target_time[open_] / aht[open_]
    inverse = np.ones(len(open_))
    n = 0
    while len(open_):
        n += 1
        with np.errstate(over="ignore"):
            inverse *= n * per_agent
        inverse += 1
        enough = np.flatnonzero(least_ <= n)
        if not len(enough):
            continue
        waiting_now = waits(load_[enough], np.float64(n), 1 / inverse[enough])
        reached = answered_in_time(load_[enough], n, waiting_now, target_over_aht[enough]) >= target_[enough]
        done = enough[reached]
        agents[open_[done]] = n
        waiting[open_[done]] = waiting_now[reached]
        stays = np.ones(len(open_), dtype=bool)
        stays[done] = False
        open_, load_, least_, per_agent, target_, target_over_aht, inverse = (
            each[stays] for each in (open_, load_, least_, per_agent, target_, target_over_aht, inverse)
        )
    return {
        "agents": agents,
        "service_level": answered_in_time(load, agents, waiting, target_time / aht),
        "occupancy": load / np.maximum(agents, 1),
        "asa": mean_wait(load, agents, waiting, aht),
        "waiting_probability": waiting,
    }


def _least_agents(load, calls, aht, interval, max_occupancy) -> np.ndarray:
    """The fewest agents that are more than the load and no busier than `max_occupancy`, exactly."""
    by_occupancy = load / max_occupancy
    least = np.maximum(np.floor(load) + 1, np.ceil(by_occupancy))
    # Floats cannot say on which side of a whole number a quotient lies that is that number but for rounding.
    near = [abs(each - np.round(each)) < 1e-9 * np.maximum(each, 1) for each in (load, by_occupancy)]
    for i in np.flatnonzero((near[0] | near[1]) & (load > 0)):
        exact = _as_it_looks(calls[i]) * _as_it_looks(aht[i]) / _as_it_looks(interval[i])
        quotient = exact / _as_it_looks(max_occupancy[i])
        least[i] = max(exact.numerator // exact.denominator + 1, -(-quotient.numerator // quotient.denominator))
    return least.astype(np.int64)
