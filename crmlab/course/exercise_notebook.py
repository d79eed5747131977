"""From a solution notebook to the exercise that students get, and what the two must look like.

    question_churn = ...            the starter: kept
    ### BEGIN SOLUTION
    question_churn = 0.27           removed, with the markers
    ### END SOLUTION

The metadata are nbgrader's own, so that stock nbgrader can grade the same notebook. A markdown cell that answers in
words has the same markers; the mark scheme stands between them too, since nbgrader allows its own marker for mark
schemes in task cells only. Cells tagged `solution-only` are for those who read the solution.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

import nbformat

from crmlab.course.answer_key import AnswerKey, Judgement, KeyFaultError, Question
from crmlab.normalise import KERNELSPEC

_SOLUTION = re.compile(r"^[ \t]*### BEGIN SOLUTION[ \t]*\n.*?^[ \t]*### END SOLUTION[ \t]*(?:\n|\Z)", re.M | re.S)
_MARKER = re.compile(r"(BEGIN|END) SOLUTION")
_CHECK = re.compile(r'^lab\.check\("(q\d+)", ([A-Za-z_]\w*)\)\s*$')
_WRITE_HERE = "*Write your answer here, in place of this line.*"

ONLY_SOLUTION = "solution-only"


def nbgrader_metadata(name: str, *, points: int | None = None, solution: bool, locked: bool) -> dict[str, Any]:
    """What nbgrader wants to know of a cell: answers are not graded, checks are locked, words are both.

    >>> nbgrader_metadata("q1_check", points=2, solution=False, locked=True)["grade"]
    True
    """
    known = {"schema_version": 3, "grade": points is not None, "solution": solution, "locked": locked, "task": False}
    return known | ({"points": points} if points is not None else {}) | {"grade_id": name}


def exercise_from(solution: Mapping[str, Any], key: AnswerKey) -> nbformat.NotebookNode:
    """The exercise of a solution notebook: solutions removed, outputs cleared, everything else as it is.

    Raises KeyFaultError where notebook and key disagree, or a cell is not as it should be.
    """
    exercise = nbformat.from_dict(copy.deepcopy(dict(solution)))
    check_against_key(exercise, key)
    exercise.cells = [cell for cell in exercise.cells if ONLY_SOLUTION not in cell.metadata.get("tags", [])]
    for cell in exercise.cells:
        cell.source = _without_solution(cell, key.exercise)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    exercise.metadata = nbformat.from_dict({"kernelspec": dict(KERNELSPEC), "language_info": {"name": "python"}})
    nbformat.validate(exercise)
    return exercise


def notebook_text(notebook: nbformat.NotebookNode) -> str:
    """The text of a notebook file."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def grade_id(cell: Mapping[str, Any]) -> str | None:
    """The name by which nbgrader, and the grader, know a cell."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def answered_as(exercise: Mapping[str, Any], solution: Mapping[str, Any]) -> nbformat.NotebookNode:
    """An exercise as a student hands it in who answers everything as its solution notebook does."""
    answers = {grade_id(cell): cell.source for cell in solution["cells"] if grade_id(cell)}
    handed_in = copy.deepcopy(exercise)
    for cell in handed_in["cells"]:
        name = grade_id(cell)
        if name and cell.metadata.nbgrader.solution:
            cell["source"] = answers[name].replace("### BEGIN SOLUTION\n", "").replace("### END SOLUTION", "")
    return handed_in


def check_against_key(notebook: nbformat.NotebookNode, key: AnswerKey) -> None:
    """Every question has its answer cell and its check cell, with nbgrader's metadata and the key's points; no more.

    Raises KeyFaultError.
    """
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    names = [grade_id(cell) for cell in cells]
    expected = [name for question in key.questions.values() for name in _cell_names(question)]
    if names != expected:
        raise KeyFaultError(f"{key.exercise}: the notebook has the cells {names}, the key expects {expected}")
    by_name = dict(zip(names, cells, strict=True))
    for question in key.questions.values():
        _check_cells(key.exercise, question, [by_name[name] for name in _cell_names(question)])


def _cell_names(question: Question | Judgement) -> list[str]:
    return [question.name] if isinstance(question, Judgement) else [question.name, f"{question.name}_check"]


def _check_cells(exercise: str, question: Question | Judgement, cells: list[Any]) -> None:
    name = question.name
    if isinstance(question, Judgement):
        wanted = [nbgrader_metadata(name, points=question.points, solution=True, locked=False)]
        kinds = ["markdown"]
    else:
        wanted = [
            nbgrader_metadata(name, solution=True, locked=False),
            nbgrader_metadata(f"{name}_check", points=question.points, solution=False, locked=True),
        ]
        kinds = ["code", "code"]
        match = _CHECK.match(cells[1].source)
        if not match or match[1] != name:
            raise KeyFaultError(
                f'{exercise} {name}: the check cell is {cells[1].source!r}, expected lab.check("{name}", ...)'
            )
        if not re.search(rf"^{match[2]} = \.\.\.", cells[0].source, re.M):
            raise KeyFaultError(f"{exercise} {name}: the answer cell has no starter '{match[2]} = ...'")
        if "raises-exception" not in cells[1].metadata.get("tags", []):
            raise KeyFaultError(f"{exercise} {name}: the check cell lacks the tag raises-exception")
    for cell, metadata, kind in zip(cells, wanted, kinds, strict=True):
        if cell.cell_type != kind:
            raise KeyFaultError(f"{exercise} {name}: a {cell.cell_type} cell, expected a {kind} cell")
        if dict(cell.metadata["nbgrader"]) != metadata:
            raise KeyFaultError(
                f"{exercise} {name}: the metadata are {dict(cell.metadata['nbgrader'])}, expected {metadata}"
            )
    if not _SOLUTION.search(cells[0].source):
        raise KeyFaultError(f"{exercise} {name}: the answer cell has no ### BEGIN SOLUTION ... ### END SOLUTION")


def _without_solution(cell: Any, exercise: str) -> str:
    text = _SOLUTION.sub("", cell.source).rstrip()
    if _MARKER.search(text):
        raise KeyFaultError(f"{exercise}: a marker without its other half in the cell {grade_id(cell) or cell.id!r}")
    if cell.cell_type == "markdown" and text != cell.source.rstrip():
        return f"{text}\n\n{_WRITE_HERE}".lstrip()
    return text
