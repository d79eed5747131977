"""Erlang B and Erlang C: a queue with Poisson calls, exponential handling times and patient callers (or none)."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmlab.analytical.contact_centre.arguments import numbers, plain, whole_numbers


def erlang_b(load: Any, agents: Any) -> Any:
    """The share of calls that find all agents busy when nobody can wait (blocked calls are lost).

    load      erlangs, 0 or more: calls a second * seconds of handling
    agents    whole number, 0 or more

    Returns float64 between 0 and 1 in the common shape of the arguments (a float for two numbers). Without load it is
    0: nobody calls, so nobody is turned away, even by nobody.

    1 / B(n) = 1 + (n / load) / B(n - 1), from B(0) = 1: no factorial overflows, however many agents there are.

    Raises TypeError or ValueError for arguments that are no such numbers.

    Source: A. K. Erlang (1917), Solution of some Problems in the Theory of Probabilities; the recursion as in Cooper
    (1981), Introduction to Queueing Theory, chapter 3.

    >>> round(erlang_b(10, 18), 5), erlang_b(5, 0)
    (0.00714, 1.0)
    """
    load, agents = np.broadcast_arrays(numbers("load", load), whole_numbers("agents", agents))
    return plain(_blocked(load, agents))


def erlang_c(load: Any, agents: Any) -> Any:
    """The share of calls that have to wait when every caller waits for as long as it takes.

    load      erlangs, 0 or more
    agents    whole number, 0 or more

    Returns float64 between 0 and 1 in the common shape of the arguments. It is 1 where the load is as large as the
    agents or larger: the queue then grows for ever. Without load it is 0.

    Source: A. K. Erlang (1917), as in Gans, Koole and Mandelbaum (2003), Telephone Call Centers: Tutorial, Review, and
    Research Prospects, Manufacturing & Service Operations Management 5(2), section 4.1.

    >>> round(erlang_c(10, 14), 4), erlang_c([8, 10, 12], 10).round(4).tolist()
    (0.1741, [0.4092, 1.0, 1.0])
    """
    load, agents = np.broadcast_arrays(numbers("load", load), whole_numbers("agents", agents))
    return plain(waits(load, agents, _blocked(load, agents)))


def service_level(load: Any, agents: Any, aht: Any, target_time: Any) -> Any:
    """The share of calls answered within `target_time` seconds, when every caller waits (Erlang C).

    load           erlangs, 0 or more
    agents         whole number, 0 or more
    aht            average handling time, seconds, wrap-up included, more than 0
    target_time    seconds, 0 or more

    Returns float64 between 0 and 1: 1 - C exp(-(agents - load) target_time / aht). It is 0 where the queue grows for
    ever, and 1 without load.

    >>> round(service_level(10, 14, aht=180, target_time=20), 4)
    0.8884
    """
    load, agents = numbers("load", load), whole_numbers("agents", agents)
    aht, target_time = numbers("aht", aht, above_zero=True), numbers("target_time", target_time)
    load, agents, aht, target_time = np.broadcast_arrays(load, agents, aht, target_time)
    return plain(answered_in_time(load, agents, waits(load, agents, _blocked(load, agents)), target_time / aht))


def speed_of_answer(load: Any, agents: Any, aht: Any) -> Any:
    """The average speed of answer in seconds: the mean wait over all calls, those answered at once included (Erlang C).

    Arguments as in `service_level`. Infinite where the queue grows for ever, 0 without load.

    >>> round(speed_of_answer(10, 14, aht=180), 1)
    7.8
    """
    load, agents = numbers("load", load), whole_numbers("agents", agents)
    load, agents, aht = np.broadcast_arrays(load, agents, numbers("aht", aht, above_zero=True))
    return plain(mean_wait(load, agents, waits(load, agents, _blocked(load, agents)), aht))


def waits(load: np.ndarray, agents: np.ndarray, blocked: np.ndarray) -> np.ndarray:
    """Erlang C from Erlang B: n B / (n - load (1 - B))."""
    free = agents - load * (1 - blocked)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(load >= agents, np.where(load > 0, 1.0, 0.0), agents * blocked / free)


def answered_in_time(load, agents, waiting, target_over_aht) -> np.ndarray:
    """The service level from the share of calls that wait."""
    spare = np.maximum(agents - load, 0.0)
    return np.where(load > 0, np.where(spare > 0, 1 - waiting * np.exp(-spare * target_over_aht), 0.0), 1.0)


def mean_wait(load, agents, waiting, aht) -> np.ndarray:
    """The mean wait over all calls, seconds, from the share of calls that wait."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(load > 0, np.where(agents > load, waiting * aht / (agents - load), np.inf), 0.0)


def _blocked(load: np.ndarray, agents: np.ndarray) -> np.ndarray:
    """Erlang B for arrays of one shape."""
    order = np.argsort(-agents, axis=None, kind="stable")
    of = agents.ravel()[order]
    with np.errstate(divide="ignore", over="ignore"):
        per_agent = 1 / load.ravel()[order]
    # 1 / B may grow beyond all numbers; B is then 0, as it should be.
    inverse = np.ones(len(of))
    with np.errstate(over="ignore"):
        for n in range(1, int(of[0]) + 1 if len(of) else 1):
            still = inverse[: np.searchsorted(-of, -n, side="right")]
            still *= n * per_agent[: len(still)]
            still += 1
    blocked = np.empty(len(of))
    blocked[order] = np.where(load.ravel()[order] > 0, 1 / inverse, 0.0)
    return blocked.reshape(load.shape)
