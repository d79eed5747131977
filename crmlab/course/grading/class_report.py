"""The report on the class: distribution, heat map, questions, misconceptions, runs, code that is nearly equal."""

from collections.abc import Mapping, Sequence
from typing import Any

from crmlab.course.answer_key import AnswerKey
from crmlab.course.grading.gradebook import count_statuses
from crmlab.course.grading.item_statistics import item_statistics, misconceptions
from crmlab.course.grading.pages import page
from crmlab.course.grading.similar_code import identical_groups, similar_pairs

BARS = 10
#: With more students than this, a line of the heat map is the mean of several.
MOST_HEAT_ROWS = 120
_MOST_LISTED = 50
_SLOWEST = 10


def report_page(
    key: AnswerKey,
    rows: Sequence[Mapping[str, Any]],
    records: Mapping[str, Mapping[str, Any]],
    template_code: str,
    isolation: str,
    safe: bool,
    extended_nobody: Sequence[str] = (),
) -> str:
    """The page for rows of the gradebook and the records of their runs.

    ``extended_nobody``: names in the policy's extensions that belong to no row.
    """
    ran = [row for row in rows if row["stem"] is not None and row["status"] != "unreadable"]
    code = {row["student"]: "\n".join(records[row["stem"]].get("code", {}).values()) for row in ran}
    failed = [row for row in rows if row["status"] in ("timed_out", "partial", "unreadable")]
    slowest = sorted(ran, key=lambda row: -records[row["stem"]].get("seconds", 0))[:_SLOWEST]
    most = rows[0]["max_points"] if rows else 0
    return page(
        "report.html.j2",
        exercise=key.exercise,
        isolation=isolation,
        safe=safe,
        count=len(rows),
        statuses=count_statuses(rows),
        max_points=most,
        bars=distribution([row["points"] for row in rows if row["status"] != "missing"], most),
        mean=_mean([row["points"] for row in rows if row["status"] != "missing"]),
        heat=heat_map(key, ran),
        questions=list(key.questions),
        items=item_statistics(key, rows),
        misconceptions=misconceptions(key, rows)[:_MOST_LISTED],
        failed=failed[:_MOST_LISTED],
        failed_count=len(failed),
        slowest=[(row["student"], records[row["stem"]]) for row in slowest],
        identical=identical_groups(code, template_code)[:_MOST_LISTED],
        similar=similar_pairs(code)[:_MOST_LISTED],
        compared=len(code),
        extended_nobody=extended_nobody[:_MOST_LISTED],
        not_enrolled=[row["student"] for row in rows if not row["enrolled"]][:_MOST_LISTED],
    )


def distribution(points: Sequence[float], most: float) -> list[dict[str, Any]]:
    """How many students stand in each tenth of the points; full marks belong to the last tenth.

    >>> [bar["count"] for bar in distribution([0, 5, 10], 10)]
    [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    """
    counts = [0] * BARS
    for each in points:
        counts[min(BARS - 1, int(each / most * BARS)) if most else 0] += 1
    tallest = max(counts) or 1
    return [
        {
            "from": round(most * place / BARS, 1),
            "to": round(most * (place + 1) / BARS, 1),
            "count": count,
            "height": round(100 * count / tallest, 1),
        }
        for place, count in enumerate(counts)
    ]


def heat_map(key: AnswerKey, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lines of shares by question, the best students first; of a large class, each line is the mean of several."""
    ordered = sorted(rows, key=lambda row: (-row["points"], row["student"]))
    size = -(-len(ordered) // MOST_HEAT_ROWS) or 1
    lines = []
    for at in range(0, len(ordered), size):
        group = ordered[at : at + size]
        shares = []
        for name, question in key.questions.items():
            won = [row["questions"][name]["points"] for row in group]
            shares.append(None if None in won else sum(won) / len(won) / question.points)
        label = group[0]["student"] if size == 1 else f"{at + 1} to {at + len(group)}"
        lines.append({"label": label, "shares": shares, "colours": [_colour(share) for share in shares]})
    return lines


def _colour(share: float | None) -> str:
    """From pale to dark blue, readable also without colours."""
    if share is None:
        return "#ffffff"
    low, high = (247, 251, 255), (8, 48, 107)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(low, high, strict=True))


def _mean(points: Sequence[float]) -> float | None:
    return sum(points) / len(points) if points else None
