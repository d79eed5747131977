"""Questions answered in words: lists to mark by hand, and the marks merged back.

A list is anonymous and holds each different answer once, however many gave it; its order says nothing about who wrote
what. Every mark that is given or changed is logged with who gave it and when.
"""

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from crmlab.course.answer_key import AnswerKey, Judgement
from crmlab.course.exercise_notebook import grade_id
from crmlab.course.grading.folder import GradingFolder, read_json, write_csv, write_json
from crmlab.whole_files import write_text_whole

_COLUMNS = ["question", "answer", "students", "max_points", "points", "note", "text"]
_LOG = ["at", "marked_by", "question", "answer", "points_before", "points", "note"]


class JudgingError(ValueError):
    """A list of marks that cannot be merged; the message names the row."""


def answer_code(text: str) -> str:
    """The name of an answer in words: equal answers, whatever their spaces, have the same.

    >>> answer_code("It shows  nothing.") == answer_code(" It shows nothing. ")
    True
    """
    return hashlib.sha256(" ".join(text.split()).encode("utf-8", "replace")).hexdigest()[:12]


def judged_words(name: str, text: str, judgements: Mapping[str, Any]) -> dict[str, Any]:
    """How a question in words stands: not attempted, waiting, or marked."""
    if not text.strip():
        return {"points": 0.0, "state": "not_attempted", "problem": "", "mistake": None}
    given = judgements.get(name, {}).get(answer_code(text))
    if given is None:
        return {"points": 0.0, "state": "by_hand", "problem": "", "mistake": None}
    return {"points": given["points"], "state": "judged", "problem": given["note"], "mistake": None}


def write_judge_lists(
    folder: GradingFolder, key: AnswerKey, solution: nbformat.NotebookNode, state: Mapping[str, Any]
) -> list[Path]:
    """Write, for each question in words, a CSV to fill in and its mark scheme; gives the paths of the CSVs.

    Marks given before stand in it already.
    """
    folder.judge.mkdir(exist_ok=True)
    judgements = read_json(folder.judgements) or {}
    schemes = {grade_id(cell): cell.source for cell in solution.cells}
    answers: dict[str, dict[str, tuple[int, str]]] = {name: {} for name in _in_words(key)}
    for submission in state["submissions"]:
        record = read_json(folder.record(submission["stem"])) or {}
        for name, text in record.get("words", {}).items():
            if name in answers and text.strip():
                code = answer_code(text)
                answers[name][code] = answers[name].get(code, (0, text))[0] + 1, text
    paths = []
    for name, found in answers.items():
        given, most = judgements.get(name, {}), key.questions[name].points
        rows = [
            [name, code, count, most, given.get(code, {}).get("points", ""), given.get(code, {}).get("note", ""), text]
            for code, (count, text) in sorted(found.items())
        ]
        path = folder.judge / f"{name}.csv"
        write_csv(path, _COLUMNS, rows)
        write_text_whole(folder.judge / f"{name}_mark_scheme.md", schemes[name].rstrip() + "\n")
        paths.append(path)
    return paths


def merge_judgements(folder: GradingFolder, key: AnswerKey, path: Path, marked_by: str, at: dt.datetime) -> int:
    """Take over the marks in a filled-in CSV; gives how many were given or changed. All rows are taken, or none.

    Raises JudgingError for a row with an unknown question or answer, or points that cannot be.
    """
    judgements = read_json(folder.judgements) or {}
    known = _codes(folder, key)
    log = []
    for number, row in enumerate(_read_rows(path), start=2):
        points = (row["points"] or "").strip()
        if not points:
            continue
        name, code = row["question"], row["answer"]
        if code not in known.get(name, ()):
            raise JudgingError(f"{path}, row {number}: there is no answer {code!r} to {name!r} in this grading")
        most = key.questions[name].points
        try:
            value = float(points.replace(",", "."))
        except ValueError:
            value = -1.0
        if not 0 <= value <= most:
            raise JudgingError(f"{path}, row {number}: points are {points!r}, expected a number from 0 to {most}")
        given = {"points": value, "note": (row.get("note") or "").strip()}
        before = judgements.get(name, {}).get(code)
        if before != given:
            judgements.setdefault(name, {})[code] = given
            old = "" if before is None else before["points"]
            log.append([at.isoformat(timespec="seconds"), marked_by, name, code, old, value, given["note"]])
    if log:
        _append_log(folder, log)
        write_json(folder.judgements, judgements)
    return len(log)


def _in_words(key: AnswerKey) -> list[str]:
    return [name for name, question in key.questions.items() if isinstance(question, Judgement)]


def _codes(folder: GradingFolder, key: AnswerKey) -> dict[str, set[str]]:
    state = folder.read_state(key.exercise)
    codes: dict[str, set[str]] = {name: set() for name in _in_words(key)}
    for submission in state["submissions"]:
        for name, text in (read_json(folder.record(submission["stem"])) or {}).get("words", {}).items():
            codes.setdefault(name, set()).add(answer_code(text))
    return codes


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise JudgingError(f"{path} cannot be read: {error}") from error
    # Where the comma is the decimal sign, spreadsheets part columns by semicolons.
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    lacking = {"question", "answer", "points"} - set(reader.fieldnames or ())
    if lacking:
        raise JudgingError(f"{path} has no column {min(lacking)!r} (found: {', '.join(reader.fieldnames or ())})")
    return list(reader)


def _append_log(folder: GradingFolder, rows: list[list[Any]]) -> None:
    path = folder.judge / "log.csv"
    before = []
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            before = list(csv.reader(file))[1:]
    folder.judge.mkdir(exist_ok=True)
    write_csv(path, _LOG, [*before, *rows])
