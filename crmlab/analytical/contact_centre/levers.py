"""Four levers on a contact centre's calls, with what they cost and what they bring (lesson 13b).

**Multi-level training** lets every agent take every call and settles more; a **standard script** shortens the call; an
**incentive on speed** shortens it more and settles less, so that callers come back; a **charge for support** makes
fewer people call, and the others less content. Their sizes are assumptions: arguments, not facts.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import pandas as pd

from crmlab.analytical.contact_centre.lever_trial import Matters, TelephoneLine, draw_matters, run_line


@dataclasses.dataclass(frozen=True)
class Lever:
    """A change to a line: what it costs a month, and what it does.

    talk_factor, wrap_up_factor      on the seconds of a call
    settled_change                   added to the share of calls that settle their matter
    kept_factor                      on the number of matters that customers call about
    rating_change                    added to the mean rating, apart from what waits and solutions do
    fee_cents                        what a caller pays for each answered call
    all_skilled                      whether every agent can then take every call
    """

    name: str
    monthly_cost_cents: int
    talk_factor: float = 1.0
    wrap_up_factor: float = 1.0
    settled_change: float = 0.0
    kept_factor: float = 1.0
    rating_change: float = 0.0
    fee_cents: int = 0
    all_skilled: bool = False


#: The four levers of the course, with sizes that lesson 13b assumes.
FOUR_LEVERS = (
    Lever("training", 20_000, settled_change=0.06, all_skilled=True),
    Lever("scripts", 6_000, talk_factor=0.88, wrap_up_factor=0.75),
    Lever("speed incentive", 10_000, talk_factor=0.78, wrap_up_factor=0.85, settled_change=-0.10),
    Lever("charge", 3_000, kept_factor=0.85, rating_change=-0.35, fee_cents=90),
)


@dataclasses.dataclass(frozen=True)
class Stakes:
    """What is at stake in euro cents: ``per_unsettled`` matter, ``per_log_wait`` (for each unit of ln(1 + minutes of
    wait) of a call), ``per_rating_point`` (for each caller and point of the mean rating); ``per_free_hour``: what an
    agent's hour is worth that calls no longer take: 0 where agents then wait for calls, the wage where they do other
    work."""

    per_unsettled: float
    per_log_wait: float
    per_rating_point: float = 0.0
    per_free_hour: float = 0.0


def with_levers(line: TelephoneLine, levers: Sequence[Lever]) -> tuple[TelephoneLine, float]:
    """The line with these levers pulled, and the share of matters that customers still call about."""
    settled, talk, wrap_up, kept = line.settled_share, line.talk_seconds, line.wrap_up_seconds, 1.0
    for lever in levers:
        settled, talk = settled + lever.settled_change, talk * lever.talk_factor
        wrap_up, kept = wrap_up * lever.wrap_up_factor, kept * lever.kept_factor
    skilled = 1.0 if any(lever.all_skilled for lever in levers) else line.skilled_share
    changed = dataclasses.replace(
        line,
        settled_share=min(max(settled, 0.0), 1.0),
        talk_seconds=talk,
        wrap_up_seconds=wrap_up,
        skilled_share=skilled,
    )
    return changed, kept


def lever_sets(
    line: TelephoneLine,
    levers: Sequence[Lever],
    stakes: Stakes,
    *,
    budget_cents: int,
    days: int = 63,
    days_a_month: int = 21,
    seed: int = 1,
) -> pd.DataFrame:
    """Every set of levers run through the queue on the same matters, with its result a month against no lever.

    line: as it is today. budget_cents: of a month, for all levers together. days: open days that are run.

    Returns a row a set, the best affordable first, then those that cost too much: ``levers`` (names joined by " + ",
    "none"), ``cost_cents`` a month (int64), ``within_budget`` (bool), ``calls`` a month, ``repeat_share`` (calls that
    are not the first about their matter), ``seconds_per_call``, ``seconds_per_settled`` (handling time over matters
    settled), ``abandon_share``, ``settled_share`` (of all matters), ``rating_change`` (points; levers only) and
    ``gain_cents`` a month (float64): margin kept, fees and free hours less the levers' cost, against the line without
    a lever.

    All 2^n sets are run: levers work on one queue, so the gain of two is not the sum of their gains.
    """
    if budget_cents < 0:
        raise ValueError(f"budget_cents is {budget_cents}, expected 0 or more")
    matters = draw_matters(line, days, seed)
    sets = [chosen for size in range(len(levers) + 1) for chosen in itertools.combinations(levers, size)]
    rows = [_figures(line, chosen, stakes, matters, days_a_month / days) for chosen in sets]
    table = pd.DataFrame(rows)
    table["gain_cents"] = table.pop("worth_cents") - rows[0]["worth_cents"]
    table.insert(2, "within_budget", table["cost_cents"] <= budget_cents)
    return table.sort_values(["within_budget", "gain_cents"], ascending=False, kind="stable", ignore_index=True)


def _figures(
    line: TelephoneLine, chosen: Sequence[Lever], stakes: Stakes, matters: Matters, months: float
) -> dict[str, float | int | str]:
    changed, kept = with_levers(line, chosen)
    sums = run_line(changed, matters, kept_share=kept)
    cost = sum(lever.monthly_cost_cents for lever in chosen)
    rating = sum(lever.rating_change for lever in chosen)
    # Whom the charge keeps from calling has an unsettled matter too.
    unsettled = sums["matters"] - sums["settled"]
    margin = -stakes.per_unsettled * unsettled - stakes.per_log_wait * sums["log_wait"]
    margin += stakes.per_rating_point * rating * sums["first_calls"]
    margin -= stakes.per_free_hour * sums["handle_seconds"] / 3600
    fees = sum(lever.fee_cents for lever in chosen) * sums["answered"]
    return {
        "levers": " + ".join(lever.name for lever in chosen) or "none",
        "cost_cents": cost,
        "calls": sums["calls"] * months,
        "repeat_share": 1 - sums["first_calls"] / sums["calls"],
        "seconds_per_call": sums["handle_seconds"] / sums["answered"],
        "seconds_per_settled": sums["handle_seconds"] / sums["settled"],
        "abandon_share": sums["abandoned"] / sums["calls"],
        "settled_share": sums["settled"] / sums["matters"],
        "rating_change": rating,
        "worth_cents": (margin + fees) * months - cost,
    }
