"""The folder of one grading, `--out DIR`: what lies where in it, and how it is written.

grading.json          which submissions, roster, policy, isolation
answers/              a file for each submission: its answers on the hidden company, and how the run went
submitted/            the notebooks as they were handed in
marks.json            the marks of every submission by the key
judgements.json       the marks given by hand; judge/ has the lists to fill in and the log
gradebook.csv .json   and gradebook_canvas.csv, gradebook_moodle.csv
feedback/             a page for each student
report.html           the class; timings.csv: seconds and memory
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlab.whole_files import write_text_whole

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)


class GradingFolderError(ValueError):
    """A folder that holds no grading, or one of something else; the message says what to do."""


@dataclass(frozen=True)
class GradingFolder:
    """The paths of one grading."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / "grading.json"

    @property
    def marks(self) -> Path:
        return self.root / "marks.json"

    @property
    def judgements(self) -> Path:
        return self.root / "judgements.json"

    @property
    def judge(self) -> Path:
        return self.root / "judge"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    def record(self, stem: str) -> Path:
        return self.root / "answers" / f"{stem}.json"

    def submitted(self, stem: str) -> Path:
        return self.root / "submitted" / f"{stem}.ipynb"

    def prepare(self) -> None:
        """Make the folders, and remove what a killed run left half-written."""
        for name in ("answers", "submitted", "feedback"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for folder in (self.root, *(each for each in self.root.iterdir() if each.is_dir())):
            for partial in folder.glob(".*.partial"):
                partial.unlink(missing_ok=True)

    def read_state(self, exercise: str) -> dict[str, Any]:
        """What `grading.json` says. Raises GradingFolderError when it is not of this exercise."""
        state = read_json(self.state)
        if not isinstance(state, dict) or state.get("exercise") != exercise:
            found = state.get("exercise") if isinstance(state, dict) else "nothing"
            raise GradingFolderError(
                f"{self.root} holds no grading of {exercise} (found: {found}); run crmlab grade first"
            )
        return state


def read_json(path: Path) -> Any:
    """The content of a JSON file; None where there is none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole; the same content gives the same bytes."""
    write_text_whole(path, json.dumps(content, indent=1, ensure_ascii=True, sort_keys=True) + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV whole. No text in it is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    # A student's text can hold halves of surrogate pairs, which no file can.
    write_text_whole(path, text.getvalue().encode("utf-8", "replace").decode("utf-8"))


def safe_cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for text, not for a formula.

    >>> safe_cell("=1+1"), safe_cell("Ada"), safe_cell(2.5)
    ("'=1+1", 'Ada', 2.5)
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value


def file_names(students: Iterable[str]) -> dict[str, str]:
    """A file name for each student, unlike all others also where capitals do not count.

    >>> file_names(["Ada", "a/b"])
    {'Ada': 'Ada', 'a/b': 'a_b~c14c'}
    """
    students = sorted(set(students))
    plain = {student: re.sub(r"[^\w.\- ]+", "_", student, flags=re.ASCII).strip(". ")[:80] for student in students}
    folded = [name.casefold() for name in plain.values()]
    shared = {name for name in set(folded) if folded.count(name) > 1} if len(set(folded)) < len(folded) else set()
    names = {}
    for student, name in plain.items():
        if name != student or name.casefold() in shared or _RESERVED.fullmatch(name):
            name = f"{name}~{hashlib.sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:4]}"
        names[student] = name
    return names
