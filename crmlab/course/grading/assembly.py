"""From a student's notebook to the steps of a run: the student's cells, put in place in our own template.

The template decides what is asked and what is probed: edited, deleted, duplicated or moved check cells and metadata
change nothing. An answer cell is known by nbgrader's name of it, else by its id. Other cells of the template run as
they are in the template; where a student changed one, the changed one runs after it, like an added cell. Added code
cells run where they were added: after the cell of the template that they stand behind.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crmlab.course.exercise_notebook import grade_id
from crmlab.course.grading.notebook_reader import StudentCell

_CHECK = re.compile(r'^lab\.check\("(q\d+)", ([A-Za-z_]\w*)\)\s*$')


@dataclass
class Assembled:
    """The steps of a run, and which of the student's cells are where.

    `own` gives, by place, the cells that were run for a question (None: before or between questions). `words` are the
    texts of the questions that are marked by hand.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    own: dict[str | None, list[StudentCell]] = field(default_factory=dict)
    place_question: dict[int, str | None] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Slot:
    """A cell of the template with the student's cells that belong to it."""

    cell: Mapping[str, Any]
    question: str | None
    answers: list[StudentCell] = field(default_factory=list)
    added: list[StudentCell] = field(default_factory=list)
    added_after_check: list[StudentCell] = field(default_factory=list)


def assemble(template: Mapping[str, Any], cells: Sequence[StudentCell]) -> Assembled:
    """Put a student's cells in their places."""
    slots = [_Slot(cell, grade_id(cell)) for cell in template["cells"]]
    first = _Slot({"cell_type": "raw", "source": "", "metadata": {}}, None)
    _place_cells(first, slots, cells)
    made = Assembled()
    question: str | None = None
    _add_cells(made, first.added, None)
    for slot in slots:
        check = _CHECK.match(slot.cell["source"])
        if check is not None:
            made.steps.append({"question": check[1], "name": check[2]})
            behind = [other for other in slots if other.question == check[1]]
            _add_cells(made, [cell for other in behind for cell in other.added_after_check], None)
            question = None
            continue
        if slot.question is not None:
            question = slot.question
            own = [each for each in slot.answers if each.kind == slot.cell["cell_type"]]
            if slot.cell["cell_type"] == "code":
                made.answers[question] = "\n\n".join(each.source for each in own)
                _add_cells(made, own, question)
            else:
                said = "\n\n".join(each.source for each in own)
                untouched = said.strip() == slot.cell["source"].strip()
                made.words[question] = "" if untouched else said
                made.own.setdefault(question, []).extend(own)
        elif slot.cell["cell_type"] == "code":
            _add_step(made, slot.cell["source"], None)
        _add_cells(made, slot.added, question)
    return made


def _place_cells(first: _Slot, slots: Sequence[_Slot], cells: Sequence[StudentCell]) -> None:
    """Give each of the student's cells to the slot that it answers, or behind which it was added."""
    by_name = {slot.question: slot for slot in slots if slot.question is not None}
    by_id = {slot.cell.get("id"): slot for slot in slots}
    by_source = {slot.cell["source"].strip(): slot for slot in slots if slot.cell["source"].strip()}
    behind, checked = first, False
    for cell in cells:
        slot = by_name.get(cell.name) or by_id.get(cell.cell_id) or by_source.get(cell.source.strip())
        if slot is None:
            if cell.kind == "code" and cell.source.strip() and not _CHECK.match(cell.source):
                (behind.added_after_check if checked else behind.added).append(cell)
        elif _CHECK.match(slot.cell["source"]):
            checked = checked or slot.question == f"{behind.question}_check"
        else:
            behind, checked = slot, False
            if slot.question is not None:
                slot.answers.append(cell)
            elif cell.kind == "code" and cell.source.strip() != slot.cell["source"].strip():
                slot.added.append(cell)


def _add_cells(made: Assembled, cells: Sequence[StudentCell], question: str | None) -> None:
    for cell in cells:
        made.own.setdefault(question, []).append(cell)
        _add_step(made, cell.source, question)


def _add_step(made: Assembled, source: str, question: str | None) -> None:
    place = len(made.place_question)
    made.place_question[place] = question
    made.steps.append({"place": place, "source": source})
