"""The campaigns of three years as marketing planned them: most with a hold-out, some without, as in any firm."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn, Made
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.responding import CHANNELS, CONTACT_COST_CENTS, EFFECT_DAYS, MESSAGES, VOUCHER_PERCENT

OBJECTIVES = ("sell_more", "reactivate", "keep")

# Name, objective, channel, message, month and day in the company's first, second and third year (0, 1, 2); the list:
# last purchase at least and at most so many days ago; share held out; and the season, whose campaigns move together.
_PLAN = (
    ("Spring roast", "sell_more", "email", "new_roast", 0, (4, 18), (0, 500), 0.2, "a"),
    ("Summer voucher", "sell_more", "email", "voucher", 0, (7, 10), (0, 500), 0.0, "b"),
    ("Gift guide", "sell_more", "email", "gift_guide", 0, (11, 13), (0, 500), 0.1, "c"),
    ("Advent voucher", "sell_more", "email", "voucher", 0, (11, 28), (0, 500), 0.0, "c"),
    ("Last gifts", "sell_more", "email", "gift_guide", 0, (12, 12), (0, 500), 0.1, "c"),
    ("Your plan", "keep", "email", "plan_advice", 1, (2, 20), (0, 365), 0.3, "d"),
    ("Voucher by letter", "sell_more", "post", "voucher", 1, (5, 14), (0, 365), 0.2, "e"),
    ("A call about your plan", "keep", "phone", "plan_advice", 1, (9, 10), (0, 60), 0.3, "f"),
    ("Gift guide", "sell_more", "email", "gift_guide", 1, (11, 12), (0, 365), 0.2, "g"),
    ("Advent voucher", "sell_more", "email", "voucher", 1, (11, 27), (0, 365), 0.0, "g"),
    ("Spring roast", "sell_more", "email", "new_roast", 2, (3, 11), (0, 365), 0.5, "h"),
    ("We miss you", "reactivate", "post", "voucher", 2, (6, 3), (120, 700), 0.2, "i"),
    ("Gift guide", "sell_more", "email", "gift_guide", 2, (11, 4), (0, 365), 0.2, "j"),
    ("Advent voucher", "sell_more", "email", "voucher", 2, (11, 19), (0, 365), 0.1, "j"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class CampaignPlan:
    """One value a campaign, in the order of time: ``day`` (of sending, from 0), ``channel`` and ``message``
    (positions), ``least_days`` and ``most_days`` since the last purchase, ``holdout_share``."""

    day: np.ndarray
    channel: np.ndarray
    message: np.ndarray
    least_days: np.ndarray
    most_days: np.ndarray
    holdout_share: np.ndarray


def draw_campaign_plan(block: Block, made: Made) -> Drawn:
    """Table ``campaigns``, a row a campaign."""
    rng = block.rng("campaign_plan")
    start = block.assumptions.start
    names, objective, channel, message, year, month_day, listed, holdout, season = zip(*_PLAN, strict=True)
    planned = [datetime.date(start.year + y, *each) for y, each in zip(year, month_day, strict=True)]
    moved = dict(zip(sorted(set(season)), rng.integers(-6, 7, len(set(season))), strict=True))
    day = np.array([(date - start).days + moved[each] for date, each in zip(planned, season, strict=True)])
    facts = CampaignPlan(
        day=day,
        channel=np.array([CHANNELS.index(each) for each in channel]),
        message=np.array([MESSAGES.index(each) for each in message]),
        least_days=np.array([least for least, _ in listed]),
        most_days=np.array([most for _, most in listed]),
        holdout_share=np.array(holdout),
    )
    count = len(_PLAN)
    cost = np.array([CONTACT_COST_CENTS[each] for each in channel])
    table = pa.table(
        {
            "campaign_id": np.arange(1, count + 1, dtype=np.int32),
            "name": [f"{name} {date.year}" for name, date in zip(names, planned, strict=True)],
            "objective": repeating_text(np.array([OBJECTIVES.index(each) for each in objective]), OBJECTIVES),
            "channel": repeating_text(facts.channel, CHANNELS),
            "message": repeating_text(facts.message, MESSAGES),
            "purpose": repeating_text(np.zeros(count), ["marketing"]),
            "start_date": calendar_dates(day, start),
            "end_date": calendar_dates(day + EFFECT_DAYS - 1, start),
            "min_days_since_purchase": facts.least_days.astype(np.int32),
            "max_days_since_purchase": facts.most_days.astype(np.int32),
            "holdout_share": facts.holdout_share,
            "discount_percent": np.where(facts.message == 0, VOUCHER_PERCENT, 0).astype(np.int32),
            "contact_cost_cents": cost.astype(np.int32),
            "budget_cents": (np.round((2_000 * cost + 50_000) * rng.uniform(0.8, 1.3, count) / 1e4) * 10_000).astype(
                np.int64
            ),
        }
    )
    return Drawn(tables={"campaigns": table}, facts=facts)
