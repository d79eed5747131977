"""The gradebook: one row a student, from marks, judgements and policy. Nothing here depends on the clock."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any

from crmlab.course.answer_key import AnswerKey, Judgement
from crmlab.course.grading.folder import GradingFolder, write_csv, write_json
from crmlab.course.grading.judging import judged_words
from crmlab.course.grading.policy import Policy

STATUSES = ("graded", "partial", "needs_review", "unreadable", "timed_out", "missing")


def make_rows(
    key: AnswerKey,
    state: Mapping[str, Any],
    records: Mapping[str, Mapping[str, Any]],
    marks: Mapping[str, Mapping[str, Any]],
    judgements: Mapping[str, Any],
    policy: Policy,
) -> list[dict[str, Any]]:
    """The rows of the gradebook, by student: of each the attempt that counts, after penalties."""
    enrolled = {each["student"]: each for each in state["roster"]}
    by_id = {each["lms_id"]: each for each in state["roster"] if each["lms_id"]}
    attempts: dict[str, list[dict[str, Any]]] = {}
    for submission in state["submissions"]:
        stem = submission["stem"]
        listed = enrolled.get(submission["student"]) or by_id.get(submission["lms_id"]) or {}
        names = {submission["student"], submission["lms_id"], *listed.values()} - {""}
        row = _attempt_row(key, submission, names, records[stem], marks.get(stem, {}), judgements, policy)
        attempts.setdefault(submission["student"], []).append(row)
    rows = []
    for student, tries in attempts.items():
        counted = tries[: policy.most]
        if policy.count == "best":
            # Of equally good ones the first, which is the least late.
            chosen = max(counted, key=lambda row: row["points"])
        else:
            chosen = counted[0] if policy.count == "first" else counted[-1]
        listed = enrolled.get(student) or by_id.get(chosen["lms_id"]) or {}
        rows.append(
            chosen
            | {
                "student": listed.get("student", student),
                "name": listed.get("name") or student,
                "lms_id": chosen["lms_id"] or listed.get("lms_id", ""),
                "attempts": len(tries),
                "enrolled": bool(listed) or not enrolled,
            }
        )
    there = {row["student"] for row in rows}
    rows += [_missing_row(key, each, policy) for each in state["roster"] if each["student"] not in there]
    return sorted(rows, key=lambda row: row["student"])


def max_points(key: AnswerKey, policy: Policy) -> int:
    """The points that can be won, with the questions marked by hand and without those dropped."""
    return sum(question.points for name, question in key.questions.items() if name not in policy.dropped)


def write_gradebook(folder: GradingFolder, key: AnswerKey, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the gradebook as CSV and JSON, and as Canvas and Moodle import it."""
    names = list(key.questions)
    header = ["student", "exercise", "points", "max_points", "status", *names, "attempt", "late_percent", "note"]
    write_csv(
        folder.root / "gradebook.csv",
        header,
        (
            [
                *(row[column] for column in ("student", "exercise", "points", "max_points", "status")),
                *(_cell(row["questions"][name]) for name in names),
                *(row[column] for column in ("attempt", "late_percent", "note")),
            ]
            for row in rows
        ),
    )
    write_json(folder.root / "gradebook.json", list(rows))
    most = rows[0]["max_points"] if rows else max_points(key, Policy())
    canvas = [["    Points Possible", "", "", "", "", most]]
    canvas += [[row["name"], row["lms_id"], "", row["student"], "", _for_lms(row)] for row in rows]
    title = f"{key.exercise} ({most})"
    write_csv(
        folder.root / "gradebook_canvas.csv", ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title], canvas
    )
    write_csv(
        folder.root / "gradebook_moodle.csv",
        ["Identifier", "Full name", "Status", "Grade", "Maximum Grade", "Feedback comments"],
        (
            [
                f"Participant {row['lms_id']}" if row["lms_id"] else row["student"],
                row["name"],
                row["status"],
                _for_lms(row),
                row["max_points"],
                row["note"],
            ]
            for row in rows
        ),
    )


def _cell(question: Mapping[str, Any]) -> float | int | str:
    """The points of a question; empty where it does not count, and until an answer in words is marked."""
    return "" if question["points"] is None or question["state"] == "by_hand" else _plain(question["points"])


def _for_lms(row: Mapping[str, Any]) -> float | int | str:
    """The points for an LMS; empty, which changes nothing there, until all of them are known."""
    return "" if _waits(row["questions"]) else row["points"]


def _waits(questions: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(each["state"] == "by_hand" for each in questions.values())


def count_statuses(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many rows have which status, in a fixed order."""
    counts = Counter(row["status"] for row in rows)
    return {status: counts[status] for status in STATUSES if counts[status]}


def _attempt_row(
    key: AnswerKey,
    submission: Mapping[str, Any],
    names: Set[str],
    record: Mapping[str, Any],
    marks: Mapping[str, Any],
    judgements: Mapping[str, Any],
    policy: Policy,
) -> dict[str, Any]:
    unreadable = record.get("unreadable")
    questions = {}
    for name, question in key.questions.items():
        if unreadable is not None:
            questions[name] = {"points": 0.0, "state": "not_run", "problem": "", "mistake": None}
        elif isinstance(question, Judgement):
            questions[name] = judged_words(name, record.get("words", {}).get(name, ""), judgements)
        else:
            questions[name] = dict(marks[name])
        if name in policy.dropped:
            questions[name] = questions[name] | {"points": None, "state": "dropped"}
    won = sum(each["points"] or 0 for each in questions.values())
    moment = submission["submitted_at"]
    when = None if moment is None else dt.datetime.fromisoformat(moment)
    late = policy.penalty_percent(names, when, submission["late"])
    return {
        "student": submission["student"],
        "lms_id": submission["lms_id"],
        "stem": submission["stem"],
        "exercise": key.exercise,
        "points": _plain(won * (1 - late / 100)),
        "max_points": max_points(key, policy),
        "status": _status(record, questions),
        "questions": questions,
        "attempt": submission["attempt"],
        "late_percent": _plain(late),
        "note": unreadable or _note(record, questions),
    }


def _missing_row(key: AnswerKey, enrolled: Mapping[str, str], policy: Policy) -> dict[str, Any]:
    nothing = {"points": 0.0, "state": "not_run", "problem": "", "mistake": None}
    dropped = nothing | {"points": None, "state": "dropped"}
    return {
        "student": enrolled["student"],
        "name": enrolled["name"] or enrolled["student"],
        "lms_id": enrolled["lms_id"],
        "stem": None,
        "exercise": key.exercise,
        "points": 0,
        "max_points": max_points(key, policy),
        "status": "missing",
        "questions": {name: dropped if name in policy.dropped else nothing for name in key.questions},
        "attempt": 0,
        "attempts": 0,
        "enrolled": True,
        "late_percent": 0,
        "note": "nothing was handed in",
    }


def _status(record: Mapping[str, Any], questions: Mapping[str, Any]) -> str:
    if "unreadable" in record:
        return "unreadable"
    if record["ended"] == "time":
        return "timed_out"
    if record["ended"] != "done":
        return "partial"
    return "needs_review" if _waits(questions) else "graded"


_ENDINGS = {
    "time": "a cell took too long",
    "memory": "the run took too much memory",
    "output": "the answers were too large",
    "died": "the run ended itself",
}


def _note(record: Mapping[str, Any], questions: Mapping[str, Any]) -> str:
    if record["ended"] == "done":
        return ""
    left = f"; run again without what ended it ({record['runs']} runs)" if record["runs"] > 1 else ""
    waits = "; an answer in words waits to be marked" if _waits(questions) else ""
    return f"{_ENDINGS[record['ended']]}{left}{waits}"


def _plain(number: float) -> float | int:
    """A number to two decimals, whole where it is whole."""
    rounded = round(number, 2)
    return int(rounded) if rounded == int(rounded) else rounded
