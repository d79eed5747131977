"""A self-learner's own notebook, through the same sandbox and comparison, on fresh companies.

What holds on one company may be luck or copied numbers; what holds on five was computed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crmlab.course.grading.grade_class import exercise_template, place_for
from crmlab.course.grading.hidden_company import hidden_company
from crmlab.course.grading.marks import mark_record
from crmlab.course.grading.notebook_reader import UnreadableError
from crmlab.course.grading.run_submission import close_sandboxes, run_submission
from crmlab.course.grading.sandbox import Limits, find_isolation
from crmlab.course.grading.seed_file import SeedFile


@dataclass(frozen=True)
class QuestionChecked:
    """A question over the companies: in how many it was right, and the hints for where it was not."""

    name: str
    right: int
    companies: int
    points: float
    max_points: int
    hints: tuple[str, ...]


def selfcheck(
    home: Path,
    exercise: str,
    notebook: Path,
    *,
    companies: int,
    seed_file: SeedFile,
    safe: bool = True,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[QuestionChecked]:
    """Check a notebook on some fresh companies; gives a line for each question that is computed.

    Raises NoSandboxError, UnreadableError for a file that is no notebook, FileNotFoundError.
    """
    if safe:
        find_isolation()
    content = notebook.read_bytes()
    marks, key = [], None
    for number in range(1, companies + 1):
        with hidden_company(home, exercise, seed_file, number) as hidden:
            key = hidden.key
            template = exercise_template(home, exercise, hidden)
            place = place_for(hidden, template, limits or Limits(), safe)
            try:
                record = run_submission(place, json.loads(json.dumps(template)), content)
            finally:
                close_sandboxes(place)
            if "unreadable" in record:
                raise UnreadableError(f"{notebook}: {record['unreadable']}")
            marks.append(mark_record(hidden.marker, record))
        progress(number, companies)
    checked = []
    for question in key.checked:
        of_question = [each[question.name] for each in marks]
        known = {mistake.name: mistake.hint for mistake in question.mistakes}
        hints = dict.fromkeys(known[each["mistake"]] for each in of_question if each["mistake"] in known)
        if not hints and any(each["state"] == "not_attempted" for each in of_question):
            hints = {"Not attempted.": None}
        checked.append(
            QuestionChecked(
                question.name,
                sum(each["state"] in ("right", "followed") for each in of_question),
                companies,
                round(sum(each["points"] for each in of_question) / companies, 2),
                question.points,
                tuple(hints),
            )
        )
    return checked
