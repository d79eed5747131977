"""The retention file: a randomised experiment with members of a coffee club, whose contract they may end any day.

Whether an offer keeps people takes thousands an arm to see, more than the course company has subscriptions. So a file
of ``MEMBERS`` members stands beside the company: what was known of each when the offers went out, which of three arms
the lottery gave (nothing, a letter with a credit, a letter that advises another plan), and who left within 90 days.
Its people are not those of ``customers``.

With ``left_alone``, ``kept`` and ``reminded`` a member of an arm leaves with probability
``left_alone * (1 - kept) + (1 - left_alone) * reminded``. All three vary from member to member without steps. That
advice on another plan can drive people away is what Ascarza, Iyengar and Schleicher (2016) found in the field.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
from scipy.special import expit

from crmlab.company.assumptions import Assumptions
from crmlab.company.block import Block, Drawn, Made
from crmlab.company.columns import calendar_dates, repeating_text
from crmlab.company.responding import CONTACT_COST_CENTS, MOST

MEMBERS = 30_000
RETENTION_ARMS = ("control", "credit", "advice")
#: Who left within so many days counts as lost.
LEAVING_DAYS = 90
#: Put on the account of every member of the arm who is still there after ``LEAVING_DAYS``.
CREDIT_CENTS = 500
_FEES_CENTS = np.array([1_490, 1_990, 2_990])
#: What is left of the fee when coffee and parcel are paid.
_MARGIN_SHARE = 0.45


@dataclasses.dataclass(frozen=True)
class _Members:
    """What was known of each member when the offers went out."""

    tenure_months: np.ndarray
    fee_cents: np.ndarray
    price_rise_percent: np.ndarray
    late: np.ndarray
    complaints: np.ndarray
    skipped: np.ndarray
    visits: np.ndarray


def _draw_members(rng: np.random.Generator) -> _Members:
    ease = rng.normal(size=MEMBERS)
    return _Members(
        tenure_months=1 + np.minimum(rng.gamma(1.3, 14, MEMBERS), 83).astype(np.int64),
        fee_cents=_FEES_CENTS[rng.choice(3, MEMBERS, p=(0.45, 0.4, 0.15))],
        price_rise_percent=np.array([0, 4, 8])[rng.choice(3, MEMBERS, p=(0.4, 0.4, 0.2))],
        late=rng.poisson(0.9, MEMBERS),
        complaints=rng.poisson(0.25 * np.exp(0.5 * ease)),
        skipped=rng.binomial(3, expit(-1.7 - 0.8 * ease)),
        visits=rng.poisson(1.2 * np.exp(0.7 * ease)),
    )


def _scaled(shape: np.ndarray, mean: float) -> np.ndarray:
    """Chances of this shape with this mean."""
    return np.minimum(shape * (mean / shape.mean()), MOST)


def _left_alone(rng: np.random.Generator, given: Assumptions, members: _Members) -> np.ndarray:
    annoyed = 0.28 * members.late + 0.75 * members.complaints + 0.07 * members.price_rise_percent
    shape = np.exp(
        (0 if given.absent == "leak" else annoyed)
        + 0.35 * members.skipped
        - 0.25 * np.log(members.tenure_months)
        + rng.normal(0, 0.5, MEMBERS)
    )
    # Odds of this shape, so that nobody leaves for certain.
    low, high = 1e-6, 1e3
    while high / low > 1 + 1e-9:
        middle = np.sqrt(low * high)
        low, high = (middle, high) if (middle * shape / (1 + middle * shape)).mean() < given.file_leaving else (
            low, middle
        )  # fmt: skip
    return low * shape / (1 + low * shape)


def _plant(rng: np.random.Generator, given: Assumptions, members: _Members) -> tuple[np.ndarray, np.ndarray]:
    """Chances of being kept and of being reminded, (members, arms): nothing for the control arm."""
    kept, reminded = np.zeros((2, MEMBERS, len(RETENTION_ARMS)))
    if given.absent == "lift":
        return kept, reminded
    # Money persuades whom the price annoyed, not whom the service did; and it wakes those who use little.
    luck = np.exp(rng.normal(0, 0.4, (MEMBERS, 2)))
    tempted = np.exp(0.12 * members.price_rise_percent - 0.6 * members.complaints - 0.2 * members.late)
    asleep = np.exp(0.9 * members.skipped - 0.35 * members.visits + 0.012 * members.tenure_months)
    for arm, fit in ((1, tempted), (2, np.ones(MEMBERS))):
        name = RETENTION_ARMS[arm]
        kept[:, arm] = _scaled(fit * luck[:, 0], getattr(given, f"file_{name}_kept"))
        reminded[:, arm] = _scaled(asleep * luck[:, 1], getattr(given, f"file_{name}_reminded"))
    return kept, reminded


def draw_retention_file(block: Block, made: Made) -> Drawn:
    """Table ``retention_file``, a row a member; hidden table ``retention_file_effects``, what each would have done."""
    rng, given = block.rng("retention_file"), block.assumptions
    members = _draw_members(rng)
    alone = _left_alone(rng, given, members)
    kept, reminded = _plant(rng, given, members)
    leaves = alone[:, None] * (1 - kept) + (1 - alone[:, None]) * reminded
    arm = rng.permutation(MEMBERS) % len(RETENTION_ARMS)
    left = rng.random(MEMBERS) < leaves[np.arange(MEMBERS), arm]
    left_day = (LEAVING_DAYS * rng.beta(1.0, 1.3, MEMBERS)).astype(np.int64)
    sent_day = given.days - 1 - 150 + int(rng.integers(0, 28))
    member_id = np.arange(1, MEMBERS + 1, dtype=np.int64)
    table = pa.table(
        {
            "member_id": member_id,
            "tenure_months": members.tenure_months.astype(np.int32),
            "monthly_fee_cents": members.fee_cents.astype(np.int32),
            "monthly_margin_cents": np.round(members.fee_cents * _MARGIN_SHARE).astype(np.int32),
            "price_rise_percent": members.price_rise_percent.astype(np.int32),
            "late_deliveries_12_months": members.late.astype(np.int32),
            "complaints_12_months": members.complaints.astype(np.int32),
            "deliveries_skipped_90_days": members.skipped.astype(np.int32),
            "account_visits_90_days": members.visits.astype(np.int32),
            "arm": repeating_text(arm, RETENTION_ARMS),
            "sent_date": calendar_dates(np.full(MEMBERS, sent_day), given.start),
            "contact_cost_cents": np.where(arm > 0, CONTACT_COST_CENTS["post"], 0).astype(np.int32),
            "left_date": calendar_dates(sent_day + np.where(left, left_day, 0), given.start, ~left),
            "left_90_days": left,
            "credit_cents": np.where((arm == 1) & ~left, CREDIT_CENTS, 0).astype(np.int32),
        }
    )
    truth = {"member_id": member_id}
    for i, name in enumerate(RETENTION_ARMS):
        truth[f"leaves_{name}"] = leaves[:, i].round(5)
    return Drawn(tables={"retention_file": table}, truth={"retention_file_effects": pa.table(truth)})
