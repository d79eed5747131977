"""When calls come: counted by half-hour, and forecast by weekday and half-hour (lesson 13b)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln

from crmlab.analytical.contact_centre.contacts import checked_columns


def open_half_hours(agent_shifts: pd.DataFrame) -> pd.DatetimeIndex:
    """The half-hours in which the lines were open: from the first to the last paid minute of each day.

    agent_shifts: the company's table (``starts_at``, ``ends_at``); shifts do not run past midnight.
    """
    checked_columns(agent_shifts, "agent_shifts", ("starts_at", "ends_at"))
    day = agent_shifts["starts_at"].dt.normalize()
    hours = agent_shifts.groupby(day).agg(opens=("starts_at", "min"), closes=("ends_at", "max"))
    each = [
        pd.date_range(row.opens.floor("30min"), row.closes - pd.Timedelta(seconds=1), freq="30min")
        for row in hours.itertuples()
    ]
    return pd.DatetimeIndex(np.concatenate([part.to_numpy() for part in each]) if each else [], name="half_hour")


def agents_present(agent_shifts: pd.DataFrame, open_at: pd.DatetimeIndex) -> pd.Series:
    """How many agents were on duty for contacts in each half-hour, the mean over its minutes; float64.

    agent_shifts: the company's table; stretches with activity ``contacts`` count.

    >>> shift = pd.DataFrame({"starts_at": pd.to_datetime(["2025-03-03 09:00"]), "activity": "contacts",
    ...                       "ends_at": pd.to_datetime(["2025-03-03 09:45"])})
    >>> agents_present(shift, pd.date_range("2025-03-03 09:00", periods=3, freq="30min")).tolist()
    [1.0, 0.5, 0.0]
    """
    checked_columns(agent_shifts, "agent_shifts", ("starts_at", "ends_at", "activity"))
    on_duty = agent_shifts[agent_shifts["activity"] == "contacts"]
    # Half-hours of agents since the first one: at a time, the sum over stretches of what of them is over.
    epoch = open_at.min()
    edges = np.concatenate([open_at.to_numpy(), open_at.to_numpy() + np.timedelta64(30, "m")])
    edges = (edges - epoch.to_numpy()) / np.timedelta64(30, "m")
    over = np.zeros(len(edges))
    for column, sign in (("starts_at", 1), ("ends_at", -1)):
        at = np.sort(((on_duty[column] - epoch) / pd.Timedelta(minutes=30)).to_numpy())
        before = np.searchsorted(at, edges)
        sums = np.concatenate([[0.0], np.cumsum(at)])
        over += sign * (before * edges - sums[before])
    count = len(open_at)
    return pd.Series((over[count:] - over[:count]).round(9), index=open_at.rename("half_hour"), name="agents")


def calls_by_half_hour(facts: pd.DataFrame, open_at: pd.DatetimeIndex) -> pd.DataFrame:
    """A row for each open half-hour, also for those without a call.

    facts: of ``contact_facts``. Returns, by ``half_hour``: ``offered``, ``answered``, ``abandoned`` (int64),
    ``handle_seconds`` (float64, sum of talk and wrap-up), ``answered_in_20`` (int64).

    >>> calls = pd.DataFrame({"half_hour": pd.to_datetime(["2025-03-03 09:00"]), "is_offered": True,
    ...     "is_answered": True, "is_abandoned": False, "handle_seconds": 300.0, "wait_seconds": 0.0})
    >>> calls_by_half_hour(calls, pd.date_range("2025-03-03 09:00", periods=2, freq="30min"))["offered"].tolist()
    [1, 0]
    """
    needed = ("half_hour", "is_offered", "is_answered", "is_abandoned", "handle_seconds", "wait_seconds")
    checked_columns(facts, "facts", needed)
    offered = facts[facts["is_offered"]]
    in_time = offered["is_answered"] & (offered["wait_seconds"] <= 20)
    counted = offered.assign(_in_time=in_time).groupby("half_hour").agg(
        offered=("is_offered", "sum"), answered=("is_answered", "sum"), abandoned=("is_abandoned", "sum"),
        handle_seconds=("handle_seconds", "sum"), answered_in_20=("_in_time", "sum"),
    )  # fmt: skip
    whole = counted.reindex(open_at, fill_value=0)
    kinds = dict.fromkeys(["offered", "answered", "abandoned", "answered_in_20"], "int64")
    return whole.astype({**kinds, "handle_seconds": "float64"}).rename_axis("half_hour")


def weekday_forecast(counts: pd.DataFrame) -> pd.DataFrame:
    """The calls to expect in each half-hour of a week: the mean of the same half-hours of past weeks.

    counts: of ``calls_by_half_hour``, over days like those to come. Returns a row for each ``weekday`` (0 is Monday)
    and ``start`` (text, "09:30") that was open: ``calls`` (float64, the mean), ``standard_error`` of this mean (from
    the days, not from Poisson's law), ``days`` (int64) it is made of, ``variance_over_mean`` (1 for Poisson calls).
    """
    checked_columns(counts, "counts", ("offered",))
    at = pd.DatetimeIndex(counts.index)
    grouped = counts["offered"].groupby([at.day_of_week, at.strftime("%H:%M")])
    table = grouped.agg(calls="mean", variance="var", days="size").rename_axis(["weekday", "start"])
    table["standard_error"] = np.sqrt(table["variance"] / table["days"])
    with np.errstate(divide="ignore", invalid="ignore"):
        table["variance_over_mean"] = table["variance"] / table["calls"].where(table["calls"] > 0)
    return table[["calls", "standard_error", "days", "variance_over_mean"]].reset_index()


def forecast_error(forecast: pd.DataFrame, counts: pd.DataFrame) -> dict[str, Any]:
    """How a forecast did on later days.

    Returns ``forecast`` and ``came`` (calls in all), ``absolute_percentage_error`` (sum of absolute differences over
    sum of what came) and ``at_best``: the same figure if the forecast were the true mean and calls came by Poisson's
    law. Below that nobody gets. Half-hours that the forecast does not know raise ValueError.
    """
    at = pd.DatetimeIndex(counts.index)
    keys = pd.MultiIndex.from_arrays([at.day_of_week, at.strftime("%H:%M")])
    expected = forecast.set_index(["weekday", "start"])["calls"].reindex(keys)
    if expected.isna().any():
        weekday, start = keys[expected.isna().to_numpy()][0]
        raise ValueError(f"forecast has no row for weekday {weekday}, start {start}")
    came = counts["offered"].to_numpy()
    mean = expected.to_numpy()
    # The mean absolute deviation of a Poisson count: 2 m^(k+1) exp(-m) / k!, with k the whole part of m.
    whole = np.floor(mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_term = (whole + 1) * np.log(mean) - mean - gammaln(whole + 1)
    deviation = np.where(mean > 0, 2 * np.exp(log_term), 0.0)
    return {
        "forecast": float(mean.sum()),
        "came": int(came.sum()),
        "absolute_percentage_error": float(np.abs(came - mean).sum() / came.sum()),
        "at_best": float(deviation.sum() / mean.sum()),
    }
