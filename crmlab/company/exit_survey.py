"""The exit survey: who has ordered nothing for half a year is asked why. Few answer, and not all say what it was.

Some of those asked have not left at all: they order again later. The annoyed answer more often than those who just
need no coffee any more, so the shares among the answers are not the shares among those who left.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crmlab.company.block import Block, Drawn, Made
from crmlab.company.columns import calendar_dates, day_numbers, repeating_text
from crmlab.company.contact_points import KINDS
from crmlab.company.leaving import EXIT_CAUSES
from crmlab.company.orders import Orders
from crmlab.company.permissions import NEVER, permissions
from crmlab.company.subscriptions import EXIT_REASONS

#: Asked after so many days without an order or a delivery.
SILENT_DAYS = 180
#: What is true when somebody is asked, and what is answered.
CAUSES = (*EXIT_CAUSES, "not_left")
REASONS = (*EXIT_REASONS, "still_a_customer")
_ANSWER_SHARE = np.array([0.12, 0.30, 0.22, 0.18, 0.25])
#: Of those who answer, by what is true: the share of each reason.
_SAID = np.array(
    [
        [0.74, 0.12, 0.05, 0.04, 0.05],
        [0.10, 0.18, 0.10, 0.60, 0.02],
        [0.10, 0.72, 0.10, 0.06, 0.02],
        [0.10, 0.25, 0.55, 0.08, 0.02],
        [0.12, 0.08, 0.03, 0.04, 0.73],
    ]
)
_EMAIL = KINDS.index("email")


@dataclasses.dataclass(frozen=True)
class ExitSurvey:
    """``answer_share``: (causes,); ``said``: (causes, reasons), the share of each reason among the answers."""

    answer_share: np.ndarray
    said: np.ndarray


def draw_exit_survey(block: Block, made: Made) -> Drawn:
    """How people answer in this company. Hidden table ``exit_survey``, a row a cause."""
    rng = block.rng("exit_survey")
    share = np.round(_ANSWER_SHARE * np.exp(rng.normal(0, 0.1, len(CAUSES))), 4)
    said = _SAID * np.exp(rng.normal(0, 0.1, _SAID.shape))
    said = np.round(said / said.sum(axis=1, keepdims=True), 4)
    columns = {f"said_{reason}": said[:, i] for i, reason in enumerate(REASONS)}
    truth = pa.table({"cause": list(CAUSES), "answer_share": share, **columns})
    return Drawn(truth={"exit_survey": truth}, facts=ExitSurvey(share, said))


def _first_silence(orders: Orders, people: int, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Who was silent for ``SILENT_DAYS`` (positions, ascending), and the day on which that was first so."""
    by_person = np.argsort(orders.person, kind="stable")
    person, day = orders.person[by_person], orders.day[by_person].astype(np.int64)
    following = np.append(day[1:], days)
    following[np.append(person[1:] != person[:-1], True)] = days
    silent = np.flatnonzero((following - day > SILENT_DAYS) & (day + SILENT_DAYS < days))
    who, first = np.unique(person[silent], return_index=True)
    return who, day[silent[first]] + SILENT_DAYS


def _campaign_opt_out_day(block: Block, made: Made) -> np.ndarray:
    """The day of each person's first opt-out that answered a campaign, ``NEVER`` where there is none."""
    responses = made.tables["campaign_responses"]
    left = responses.filter(pc.equal(responses["reaction"], "opted_out"))
    contact = left["campaign_contact_id"].to_numpy() - block.first_id
    record = made.tables["campaign_contacts"]["customer_id"].to_numpy()[contact] - block.first_id
    first = np.full(block.people, NEVER)
    np.minimum.at(first, made["people"].person[record], day_numbers(left["response_date"], block.assumptions.start))
    return first


def draw_exit_reasons(block: Block, made: Made) -> Drawn:
    """Table ``exit_reasons``, a row a customer who was asked, in the order of time."""
    rng = block.rng("exit_reasons")
    survey: ExitSurvey = made["exit_survey"]
    who, asked_day = _first_silence(made["orders"], block.people, block.assumptions.days)
    asked_on = np.full(block.people, NEVER)
    asked_on[who] = asked_day
    asked_on[_campaign_opt_out_day(block, made) <= asked_on] = NEVER
    permitted = permissions(block, made)
    day = asked_on[permitted.person]
    point = np.flatnonzero(
        (permitted.kind == _EMAIL) & (day != NEVER) & (permitted.from_day <= day) & (permitted.until_day > day)
    )
    person, first = np.unique(permitted.person[point], return_index=True)
    record, day = permitted.record[point[first]], asked_on[person]

    cause = _cause(block, made)[person]
    last_own_day = day_numbers(made.truth["relationships"]["exit_date"], block.assumptions.start)[person]
    cause = np.where(last_own_day < day, cause, CAUSES.index("not_left"))
    answered_day = day + rng.geometric(0.35, len(person))
    answers = (rng.random(len(person)) < survey.answer_share[cause]) & (answered_day < block.assumptions.days)
    chance = np.cumsum(survey.said, axis=1)[cause]
    reason = np.minimum((rng.random(len(person))[:, None] >= chance).sum(axis=1), len(REASONS) - 1)
    order = np.lexsort([record, day])
    day, answered_day, answers, reason = day[order], answered_day[order], answers[order], reason[order]
    table = pa.table(
        {
            "exit_survey_id": block.ids(len(order)),
            "customer_id": record[order] + block.first_id,
            "asked_date": calendar_dates(day, block.assumptions.start),
            "answered_date": calendar_dates(np.where(answers, answered_day, 0), block.assumptions.start, ~answers),
            "reason": repeating_text(np.where(answers, reason, 0), REASONS, ~answers),
        }
    )
    return Drawn(tables={"exit_reasons": table})


def _cause(block: Block, made: Made) -> np.ndarray:
    """Why each person left, position in ``CAUSES``; who did not leave has the last one."""
    stated = pc.index_in(made.truth["relationships"]["exit_cause"].cast(pa.string()), pa.array(EXIT_CAUSES))
    return stated.fill_null(CAUSES.index("not_left")).to_numpy().astype(np.int64)
