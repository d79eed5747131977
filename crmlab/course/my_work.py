"""A student's own copies in `my_work/`: made on first opening, kept through updates of the course.

`exercises/` is the clean original. A student's answers, and the cells that he or she added, stand in `my_work/`, beside

- `.originals/`: the original that each copy was made from, to tell the course's cells from the student's;
- `.progress/`: what was tried;
- `kept/`: numbered copies of whatever was replaced. Nothing a student wrote is ever thrown away.
"""

import copy
from dataclasses import dataclass
from pathlib import Path

import nbformat

from crmlab.course.attempts import Attempts
from crmlab.course.exercise_notebook import grade_id, notebook_text
from crmlab.course.lab import MY_WORK, attempts_path
from crmlab.whole_files import whole_file, write_text_whole


class MyWorkError(ValueError):
    """An exercise or question that there is not, or a copy that cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Updated:
    """What an update did: `kept` is the numbered copy of the old notebook, None when nothing was replaced.

    `made` says that the copy was made now, the first of its exercise; `put_back` names the cells of questions that were
    gone from it; `problem` says why a copy could not be updated, which is then as it was.
    """

    exercise: str
    kept: Path | None = None
    problem: str | None = None
    made: bool = False
    put_back: tuple[str, ...] = ()


def exercise_names(home: Path) -> list[str]:
    """The exercises of the course, in order."""
    return sorted(path.stem for path in (home / "exercises").glob("*.ipynb"))


def open_exercise(home: Path, exercise: str) -> Path:
    """The student's own copy of an exercise: made on first opening, brought up to date on later ones.

    Raises MyWorkError.
    """
    own = home / MY_WORK / f"{exercise}.ipynb"
    if own.is_file():
        update_exercise(home, exercise)
    else:
        text = _original_path(home, exercise).read_text(encoding="utf-8")
        _write(home, exercise, text, text)
    return own


def open_all(home: Path) -> list[Updated]:
    """Make the copies that are missing and bring the others up to date: what `crmlab lab` does before it opens.

    A copy that cannot be read is left as it is, and its `problem` said; the others are done all the same.
    """
    return [_opened(home, exercise) for exercise in exercise_names(home)]


def _opened(home: Path, exercise: str) -> Updated:
    try:
        if (home / MY_WORK / f"{exercise}.ipynb").is_file():
            return update_exercise(home, exercise)
        open_exercise(home, exercise)
        return Updated(exercise, made=True)
    except MyWorkError as error:
        return Updated(exercise, problem=str(error))


def update_exercise(home: Path, exercise: str) -> Updated:
    """Carry a student's answers and added cells into the course's present original, when that has changed.

    Otherwise only put back the cells of questions that are gone. Raises MyWorkError.
    """
    text = _original_path(home, exercise).read_text(encoding="utf-8")
    before = home / MY_WORK / ".originals" / f"{exercise}.ipynb"
    own_path = home / MY_WORK / f"{exercise}.ipynb"
    own, new = _read(own_path), nbformat.reads(text, as_version=4)
    if before.is_file() and before.read_text(encoding="utf-8") == text:
        gone = put_back(own, new)
        if not gone:
            return Updated(exercise)
        kept = keep_copy(home, exercise)
        write_text_whole(own_path, notebook_text(own))
        return Updated(exercise, kept, put_back=gone)
    old = _read(before) if before.is_file() else new
    kept = keep_copy(home, exercise)
    _write(home, exercise, notebook_text(carried(own, old, new)), text)
    return Updated(exercise, kept)


def reset_exercise(home: Path, exercise: str, question: str | None = None) -> Path | None:
    """Put the original back in the place of a copy, or of one answer in it; gives the copy of what was replaced.

    None when nothing was to be replaced. What the check said of an answer goes with it. Raises MyWorkError.
    """
    text = _original_path(home, exercise).read_text(encoding="utf-8")
    own_path = home / MY_WORK / f"{exercise}.ipynb"
    if not own_path.is_file():
        raise MyWorkError(f"there is no {own_path.name} in {MY_WORK}/ to reset")
    if question is None:
        kept = keep_copy(home, exercise) if own_path.read_bytes() != text.encode("utf-8") else None
        _write(home, exercise, text, text)
    else:
        original = nbformat.reads(text, as_version=4)
        starters = {grade_id(cell): cell.source for cell in original.cells if _is_answer(cell)}
        if question not in starters:
            raise MyWorkError(f"{exercise} has no question {question!r} (found: {', '.join(starters)})")
        own = _read(own_path)
        before = notebook_text(own)
        put_back(own, original)
        for cell in own.cells:
            if _is_answer(cell) and grade_id(cell) == question:
                cell.source = starters[question]
            if grade_id(cell) in (question, f"{question}_check") and cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        kept = keep_copy(home, exercise) if notebook_text(own) != before else None
        if kept is not None:
            write_text_whole(own_path, notebook_text(own))
    Attempts(attempts_path(home, exercise)).forget(question)
    return kept


def keep_copy(home: Path, exercise: str) -> Path:
    """A copy of a student's notebook under the next free number: `kept/04_rfm-1.ipynb`, `-2`, ..."""
    folder = home / MY_WORK / "kept"
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (folder / f"{exercise}-{number}.ipynb").exists():
        number += 1
    kept = folder / f"{exercise}-{number}.ipynb"
    # As bytes: a broken notebook is kept as it is.
    with whole_file(kept) as partial:
        partial.write_bytes((home / MY_WORK / f"{exercise}.ipynb").read_bytes())
    return kept


def put_back(own: nbformat.NotebookNode, original: nbformat.NotebookNode) -> tuple[str, ...]:
    """Put the answer and check cells that are gone from `own` back into it, and give the names of their questions.

    An answer goes above its check, a check below its answer; where both are gone, they follow the course's cell that
    they follow in the original.
    """
    gone = []
    for place, cell in enumerate(original.cells):
        name = grade_id(cell)
        if name is None or name in {grade_id(each) for each in own.cells}:
            continue
        names = [grade_id(each) for each in own.cells]
        if f"{name}_check" in names:
            where = names.index(f"{name}_check")
        else:
            earlier = {each.id for each in original.cells[:place]}
            where = max((found + 1 for found, each in enumerate(own.cells) if each.get("id") in earlier), default=0)
        own.cells.insert(where, copy.deepcopy(cell))
        gone.append(name.removesuffix("_check"))
    if gone:
        own.cells = _with_ids_of_their_own(own.cells)
    return tuple(dict.fromkeys(gone))


def carried(
    own: nbformat.NotebookNode, old: nbformat.NotebookNode, new: nbformat.NotebookNode
) -> nbformat.NotebookNode:
    """A new original with a student's answers and added cells; nothing it is given changes.

    An answer goes into the cell of the same `grade_id`, unless it was still the old starter. An added cell stands after
    the cell it stood after; so does an answer whose question is no more, as a cell of the student's own.
    """
    made = copy.deepcopy(new)
    starters = {grade_id(cell): cell.source for cell in old.cells if _is_answer(cell)}
    course_ids = {cell.id for notebook in (old, new) for cell in notebook.cells}
    places = {cell.id: cell for cell in made.cells}
    targets = {grade_id(cell): cell for cell in made.cells if _is_answer(cell)}
    added: dict[str | None, list] = {}
    after, answered = None, set()
    for cell in own.cells:
        name = grade_id(cell)
        if _is_answer(cell) and name not in answered:
            answered.add(name)
            if name in targets and targets[name].cell_type == cell.cell_type:
                if cell.source != starters.get(name):
                    targets[name].source = cell.source
                after = targets[name].id
                continue
            if cell.source == starters.get(name):
                continue
        elif not _is_answer(cell) and (name is not None or cell.id in course_ids):
            after = cell.id if cell.id in places else after
            continue
        added.setdefault(after, []).append(_own_cell(cell))
    cells = list(added.get(None, []))
    for cell in made.cells:
        cells += [cell, *added.get(cell.id, [])]
    made.cells = _with_ids_of_their_own(cells)
    return made


def _own_cell(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    own = copy.deepcopy(cell)
    own.metadata.pop("nbgrader", None)
    return own


def _with_ids_of_their_own(cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    course = {cell.id for cell in cells if "nbgrader" in cell.metadata}
    used: set[str] = set()
    for cell in cells:
        own_name = cell.id
        while cell.id in used or (cell.id in course and "nbgrader" not in cell.metadata):
            cell.id = f"{own_name}-own{len(used)}"
        used.add(cell.id)
    return cells


def _is_answer(cell: nbformat.NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _original_path(home: Path, exercise: str) -> Path:
    path = home / "exercises" / f"{exercise}.ipynb"
    if not path.is_file():
        raise MyWorkError(f"there is no exercise {exercise!r} (found: {', '.join(exercise_names(home)) or 'none'})")
    return path


def _read(path: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:
        # nbformat raises whatever its readers stumble over.
        raise MyWorkError(
            f"{path} cannot be read as a notebook ({type(error).__name__}); "
            f"`crmlab reset {path.stem}` keeps a copy of it and puts the original in its place"
        ) from error


def _write(home: Path, exercise: str, own: str, original: str) -> None:
    folder = home / MY_WORK
    (folder / ".originals").mkdir(parents=True, exist_ok=True)
    write_text_whole(folder / f"{exercise}.ipynb", own)
    write_text_whole(folder / ".originals" / f"{exercise}.ipynb", original)
