"""A page for each student: points and hints for each question, beside the student's own cells and stored outputs.

Nothing of the hidden run is shown: its outputs and messages would give the hidden company away. What a student wrote
is escaped text; the page has no script and loads nothing.
"""

import builtins
import re
from collections.abc import Mapping, Sequence
from typing import Any

import nbformat

from crmlab.course.answer_key import AnswerKey, Judgement
from crmlab.course.grading.assembly import Assembled, assemble
from crmlab.course.grading.notebook_reader import StudentCell, UnreadableError, read_cells
from crmlab.course.grading.pages import page
from crmlab.course.grading.stored_outputs import plain_text, shown_outputs

_SAID = {
    "right": "Right.",
    "followed": "Right for your earlier answer, on which it builds.",
    "partly": "Partly right.",
    "wrong": "It did not hold on another company.",
    "not_attempted": "Not attempted.",
    "no_answer": "No answer: your code stopped before it, or its name was never given a value.",
    "not_run": "Your notebook's run ended before this question could be read.",
    "by_hand": "Marked by hand; not marked yet.",
    "judged": "Marked by hand.",
    "dropped": "This question does not count.",
}
_TYPES = "expected "
_TASK = re.compile(r"\*\*Question (?P<number>\d+)\*\*(?: *\([^)]*\))?\.? *(?P<task>.*)", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*")
_PRACTICE_ONLY = (
    "If it was correct at practice, it fits the practice company only: look for a number, a date or a name that you "
    "wrote down instead of computing it or taking it from lab.parameters."
)
_ERRORS = {name for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, BaseException)}


def feedback_page(
    key: AnswerKey, template: nbformat.NotebookNode, row: Mapping[str, Any], record: Mapping[str, Any], content: bytes
) -> str:
    """The page of one row of the gradebook; `content` is the notebook as handed in, empty where there is none."""
    try:
        assembled = assemble(template, read_cells(content)) if content else Assembled()
    except UnreadableError:
        assembled = Assembled()
    tasks = _tasks(template)
    questions = [
        {
            "title": f"Question {name.removeprefix('q')}",
            "task": tasks.get(name, ""),
            "points": row["questions"][name]["points"],
            "max_points": question.points,
            "state": row["questions"][name]["state"],
            "said": _said(key, name, row["questions"][name]),
            "raised": _raised(assembled, record, name),
            "cells": _shown_cells(assembled.own.get(name, ())),
        }
        for name, question in key.questions.items()
    ]
    return page(
        "feedback.html.j2",
        row=row,
        questions=questions,
        other=_shown_cells(assembled.own.get(None, ())),
        endings=_endings(assembled, record),
    )


def _said(key: AnswerKey, name: str, mark: Mapping[str, Any]) -> list[str]:
    """The sentences about a question. A hint is the key's own text; what was expected never stands in it."""
    question, state = key.questions[name], mark["state"]
    said = [_SAID[state]]
    if isinstance(question, Judgement):
        return said + ([mark["problem"]] if state == "judged" and mark["problem"] else [])
    if state not in ("wrong", "partly"):
        return said
    if mark["problem"].startswith(_TYPES) or mark["problem"].startswith("the answer is of a kind"):
        said.append(f"{mark['problem'][0].upper()}{mark['problem'][1:]}.")
    known = {mistake.name: mistake.hint for mistake in question.mistakes}
    if mark["mistake"] in known:
        said.append(known[mark["mistake"]])
    else:
        said += question.hints
        if state == "wrong":
            said.append(_PRACTICE_ONLY)
    return said


def _raised(assembled: Assembled, record: Mapping[str, Any], name: str) -> str | None:
    """The kind of error that the cells of a question raised on the hidden company, when it is a usual one.

    A name that is not defined is told only where it stands in the cells: anything else could carry out a number.
    """
    for place, question in assembled.place_question.items():
        error = record.get("errors", {}).get(str(place))
        if question == name and error is not None:
            kind, _, missing = error.partition(" ")
            written = {word for cell in assembled.own.get(name, ()) for word in _NAME.findall(cell.source)}
            if missing and kind == "NameError" and missing in written:
                return f"NameError: the name {missing} is not defined when the notebook runs from top to bottom"
            return kind if kind in _ERRORS else "an error"
    return None


def _endings(assembled: Assembled, record: Mapping[str, Any]) -> list[str]:
    """What was left out of the run, in words."""
    said = []
    for left in record.get("left_out", ()):
        question = left if isinstance(left, str) else assembled.place_question.get(left)
        where = f"A cell of {question}" if question else "A cell between the questions"
        said.append(f"{where} ended the run. It was left out, and the rest was run again.")
    return said


def _tasks(template: nbformat.NotebookNode) -> dict[str, str]:
    """What was asked, by question, without what stands in brackets behind the number."""
    found = {}
    for cell in template.cells:
        match = _TASK.match(cell.source) if cell.cell_type == "markdown" else None
        if match:
            found[f"q{match['number']}"] = match["task"]
    return found


def _shown_cells(cells: Sequence[StudentCell]) -> list[dict[str, Any]]:
    return [
        {"kind": cell.kind, "source": plain_text(cell.source), "outputs": shown_outputs(cell.outputs)} for cell in cells
    ]
