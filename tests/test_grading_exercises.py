"""Every exercise of the course through the grader: whoever answers as its solution does gets all computed points."""

import csv
from pathlib import Path

import nbformat
import pytest

from crmlab.course.answer_key import load_key
from crmlab.course.exercise_notebook import answered_as
from crmlab.course.grading.grade_class import grade_class
from crmlab.course.grading.sandbox import NoSandboxError, find_isolation
from crmlab.course.grading.seed_file import SeedFile
from crmlab.course.release import find_exercises

ROOT = Path(__file__).resolve().parent.parent

try:
    find_isolation()
    NO_SANDBOX = ""
except NoSandboxError as missing:
    NO_SANDBOX = str(missing)


#: Not a secret here: the same hidden companies in every run.
SEEDS = SeedFile("5eed" * 16, Path("seed.json"), Path("seed.backup.json"), "")


@pytest.mark.skipif(bool(NO_SANDBOX), reason=f"needs the sandbox: {NO_SANDBOX}")
@pytest.mark.parametrize("exercise", find_exercises(ROOT))
def test_the_solutions_answers_get_all_computed_points(tmp_path, exercise):
    """Twice: the second runs in a fork of a process that has imported what the first one needed."""
    released = nbformat.read(ROOT / "exercises" / f"{exercise}.ipynb", as_version=4)
    solution = nbformat.read(ROOT / "solutions" / f"{exercise}.ipynb", as_version=4)
    for student in ("ada", "ben"):
        path = tmp_path / "submitted" / student / f"{exercise}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(answered_as(released, solution), path)
    grade_class(ROOT, exercise, tmp_path / "submitted", tmp_path / "out", seed_file=SEEDS)
    with (tmp_path / "out" / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    checked = load_key(ROOT / "solutions" / f"{exercise}.py").checked
    assert [{each.name: row[each.name] for each in checked} for row in rows] == [
        {each.name: str(each.points) for each in checked}
    ] * 2
