"""Regrading after a key was wrong: only the questions concerned change, and the list says who gained and who lost.

Nothing is run again: the answers on the hidden company are kept, and only their comparison is new. That needs the same
hidden company, so the same seed file, and parameters drawn as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlab.course.grading.folder import GradingFolder, GradingFolderError, read_json, write_csv, write_json
from crmlab.course.grading.hidden_company import hidden_company
from crmlab.course.grading.marks import mark_record
from crmlab.course.grading.publish import publish
from crmlab.course.grading.seed_file import SeedFile


@dataclass(frozen=True)
class Change:
    """A student whose points changed, over the questions that were regraded."""

    student: str
    before: float
    after: float


@dataclass(frozen=True)
class Regraded:
    """Who gained or lost, and the other questions whose marks would change too, which were left as they are."""

    changes: list[Change]
    left_alone: list[str]


def regrade(
    home: Path, exercise: str, folder: GradingFolder, questions: Sequence[str], *, seed_file: SeedFile
) -> Regraded:
    """Mark some questions of a grading anew, and write the results; `regraded.csv` has who gained or lost.

    Raises GradingFolderError where there is no grading, the questions are unknown, or the hidden company is another.
    """
    state = folder.read_state(exercise)
    rows_before = {row["student"]: row for row in read_json(folder.root / "gradebook.json") or []}
    marks = read_json(folder.marks) or {}
    with hidden_company(home, exercise, seed_file) as hidden:
        known = [question.name for question in hidden.key.checked]
        unknown = [name for name in questions if name not in known]
        if unknown or not questions:
            raise GradingFolderError(f"name the questions to regrade (found: {unknown or 'none'}; {', '.join(known)})")
        if state["hidden"] != hidden.mark:
            raise GradingFolderError(
                f"the answers in {folder.root} are of another hidden company (another seed file, or parameters drawn "
                "otherwise): run crmlab grade again"
            )
        fresh = {
            each["stem"]: mark_record(hidden.marker, read_json(folder.record(each["stem"])) or {})
            for each in state["submissions"]
        }
    others = sorted(
        {
            name
            for stem, new in fresh.items()
            for name in new
            if name not in questions and _differ(marks, stem, name, new)
        },
        key=known.index,
    )
    for stem, new in fresh.items():
        marks.setdefault(stem, new).update({name: new[name] for name in questions})
    write_json(folder.marks, marks)
    publish(home, exercise, folder)
    rows = read_json(folder.root / "gradebook.json")
    changes = [
        Change(row["student"], rows_before[row["student"]]["points"], row["points"])
        for row in rows
        if row["student"] in rows_before and rows_before[row["student"]]["points"] != row["points"]
    ]
    write_csv(
        folder.root / "regraded.csv",
        ["student", "questions", "points_before", "points", "difference"],
        ([each.student, " ".join(questions), each.before, each.after, each.after - each.before] for each in changes),
    )
    return Regraded(changes, others)


def _differ(marks: dict[str, Any], stem: str, name: str, new: dict[str, Any]) -> bool:
    return stem in marks and marks[stem].get(name, {}).get("points") != new[name]["points"]
