"""Erlang A: callers who hang up when their patience ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from crmlab.analytical.contact_centre.arguments import numbers, plain, whole_numbers
from crmlab.analytical.contact_centre.erlang import erlang_b

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
# The integrand is cut where it has fallen by a factor of exp(80).
_FALL = 80.0
_INTERVALS_AT_A_TIME = 4_096


def erlang_a(calls_per_second: Any, aht: Any, agents: Any, patience: Any) -> dict[str, Any]:
    """What callers meet in a queue that they leave when their patience ends (Erlang A, also Palm or M/M/n+M).

    calls_per_second    0 or more
    aht                 average handling time, seconds, wrap-up included, more than 0
    agents              whole number, 0 or more
    patience            mean of the (exponential) time that a caller is ready to wait, seconds, 0 or more and finite

    Returns a mapping, float64 in the common shape of the arguments:

        abandonment_probability    share of all calls that hang up
        asa                        average speed of answer, seconds: mean wait of the calls that are answered, those
                                   answered at once included; infinite when no agent is there
        queue_length               mean number of callers waiting
        occupancy                  share of the time that agents are busy; 0 without agents
        waiting_probability        share of all calls that do not find a free agent
        mean_wait                  seconds, over all calls, those that hang up included

    There is no load too large: who waits too long leaves. With endless patience it comes to Erlang C, with none to
    Erlang B. Computed from the density of the time a caller would have to wait, by integrals of positive terms.

    Raises TypeError or ValueError for arguments that are no such numbers.

    Source: Garnett, Mandelbaum and Reiman (2002), Designing a Call Center with Impatient Customers, Manufacturing &
    Service Operations Management 4(3), 208-227; Mandelbaum and Zeltyn (2007), Service Engineering in Action.

    >>> result = erlang_a(48 / 60, aht=60, agents=50, patience=120)
    >>> round(result["abandonment_probability"], 3), round(result["asa"], 1), round(result["occupancy"], 2)
    (0.031, 3.6, 0.93)
    """
    calls_per_second = numbers("calls_per_second", calls_per_second)
    aht, patience = numbers("aht", aht, above_zero=True), numbers("patience", patience)
    given = np.broadcast_arrays(calls_per_second, aht, whole_numbers("agents", agents), patience)
    shape = given[0].shape
    flat = [each.ravel() for each in given]
    begins = range(0, max(len(flat[0]), 1), _INTERVALS_AT_A_TIME)
    found = [_queue(*(each[begin : begin + _INTERVALS_AT_A_TIME] for each in flat)) for begin in begins]
    return {name: plain(np.concatenate([each[name] for each in found]).reshape(shape)) for name in found[0]}


def _queue(calls_per_second, aht, agents, patience) -> dict[str, np.ndarray]:
    load = calls_per_second * aht
    # Per unit of mean patience: calls answered by busy agents, and calls offered.
    x, y = agents * patience / aht, calls_per_second * patience
    log_served, mean_time_served = _integrals(x + 1, y)
    # Palm's A(x, y) = 1F1(1; x + 1; y) = 1 + y * integral: time with all agents busy, over time with nobody waiting.
    with np.errstate(divide="ignore", invalid="ignore"):
        log_more = np.log(y) + log_served
        blocked = np.asarray(erlang_b(load, agents))
        waiting = np.where(blocked > 0, 1 / (1 + (1 / blocked - 1) * expit(-log_more)), 0.0)
        served_of_waiting = np.where(y > 0, x / y * expit(log_more), x / (x + 1))
    log_a = np.logaddexp(0.0, log_more)
    # Where few hang up, 1 - served would lose digits.
    abandoned_of_waiting = np.where((x >= 1) & (y < x), _abandoned(x, y, log_a), 1 - served_of_waiting)
    abandoned = waiting * abandoned_of_waiting
    served = 1 - waiting + waiting * served_of_waiting
    with np.errstate(divide="ignore", invalid="ignore"):
        asa = np.where(served > 0, waiting * served_of_waiting * mean_time_served * patience / served, np.inf)
        occupancy = np.where(agents > 0, load * (1 - abandoned) / agents, 0.0)
    return {
        "abandonment_probability": abandoned,
        "asa": asa,
        "queue_length": calls_per_second * abandoned * patience,
        "occupancy": occupancy,
        "waiting_probability": waiting,
        "mean_wait": abandoned * patience,
    }


def _times(x, y) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the density of the time to wait matters: times (n, 96) in units of mean patience, the logarithms of density
    times quadrature weight there, and the logarithm of the peak, which is taken out of them. x above 0.

    The logarithm of the density, y (1 - exp(-time)) - x time, is concave, so Newton's method from outside meets the
    cut without passing it. It is taken from the peak, as its own values may be too large to tell apart.
    """
    peak = np.log(np.maximum(y / x, 1.0))
    rise = np.minimum(y, x)
    high, low = (_FALL + rise) / x, -peak
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(100):
            down = (_fallen(x, rise, high) - _FALL) / (x - rise * np.exp(-high))
            up = np.where(low < 0, (_fallen(x, rise, low) - _FALL) / (rise * np.exp(-low) - x), 0.0)
            high, low = high - np.maximum(down, 0.0), np.minimum(low + np.maximum(up, 0.0), 0.0)
            if (down <= 1e-6 * high).all() and (up <= -1e-6 * low).all():
                break
    half = (high - low)[:, None] / 2
    from_peak = low[:, None] + half * (1 + _NODES)
    log_term = np.log(half * _WEIGHTS) - _fallen(x[:, None], rise[:, None], from_peak)
    return peak[:, None] + from_peak, log_term, -y * np.expm1(-peak) - x * peak


def _fallen(x, rise, from_peak):
    return x * from_peak + rise * np.expm1(-from_peak)


def _integrals(x, y) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of the integral of exp(exponent) over all times, and the mean time under it."""
    time, log_term, height = _times(x, y)
    term = np.exp(log_term)
    total = term.sum(axis=1)
    return height + np.log(total), (term * time).sum(axis=1) / total


def _abandoned(x, y, log_a) -> np.ndarray:
    """The share of waiting calls that hang up: the mean of 1 - exp(-time) under the density of the time to wait."""
    x = np.maximum(x, 1.0)
    time, log_term, height = _times(x, np.minimum(y, x))
    return x * np.exp(height - log_a) * (np.exp(log_term) * -np.expm1(-time)).sum(axis=1)
