"""Stock nbgrader grades a released exercise with the right points."""

import importlib.util
import os
import sys
from pathlib import Path

import nbformat
import pytest

from crmlab.course.answer_key import load_key
from crmlab.course.exercise_notebook import grade_id, notebook_text

ROOT = Path(__file__).resolve().parent.parent
EXERCISE = "04_rfm"

if importlib.util.find_spec("nbgrader") is None and not os.environ.get("CI"):
    pytest.skip("nbgrader is not installed: pip install -c constraints.txt -e '.[test]'", allow_module_level=True)


def submission(changes=None, untouched=()):
    """The released exercise with the solution's answers, some changed, some left as they were."""
    solution = nbformat.read(ROOT / "solutions" / f"{EXERCISE}.ipynb", as_version=4)
    answers = {grade_id(cell): cell.source for cell in solution.cells if cell.cell_type == "code"}
    exercise = nbformat.read(ROOT / "exercises" / f"{EXERCISE}.ipynb", as_version=4)
    for cell in exercise.cells:
        name = grade_id(cell)
        if cell.cell_type == "code" and name is not None and name not in untouched:
            cell.source = (changes or {}).get(name, answers[name])
    return notebook_text(exercise)


@pytest.fixture(scope="module")
def scores(tmp_path_factory, request):
    """The points of each question that nbgrader gives three students, by student."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    # nbgrader calls alembic by its bare name, which is on the path only where the environment is activated.
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    request.addfinalizer(monkeypatch.undo)
    course = tmp_path_factory.mktemp("course")
    students = {
        "all_right": submission(),
        "two_wrong": submission(
            {"q2": "known = orders[orders.order_date <= as_of]\nmean_purchases = len(known) / len(company.customers)"},
            untouched=("q8",),
        ),
        "untouched": (ROOT / "exercises" / f"{EXERCISE}.ipynb").read_text(encoding="utf-8"),
    }
    source = (ROOT / "solutions" / f"{EXERCISE}.ipynb").read_text(encoding="utf-8")
    put(course / "source" / EXERCISE, source)
    for student, text in students.items():
        put(course / "submitted" / student / EXERCISE, text)
    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.course_id = "crm"
    api = NbGraderAPI(config=config)
    for result in (api.generate_assignment(EXERCISE), *(api.autograde(EXERCISE, student) for student in students)):
        assert result["success"], result["log"]
    with api.gradebook as gradebook:
        return {
            student: {
                grade.name: (grade.auto_score, grade.max_score, grade.needs_manual_grade)
                for grade in gradebook.find_submission_notebook(EXERCISE, EXERCISE, student).grades
            }
            for student in students
        }


def put(folder, text):
    folder.mkdir(parents=True)
    (folder / f"{EXERCISE}.ipynb").write_text(text, encoding="utf-8", newline="\n")


def checked():
    return {
        f"{question.name}_check": question.points
        for question in load_key(ROOT / "solutions" / f"{EXERCISE}.py").checked
    }


def auto_points(grades):
    return {name: score for name, (score, _, _) in grades.items() if name in checked()}


def test_right_answers_get_all_points(scores):
    assert auto_points(scores["all_right"]) == checked()


def test_a_mistake_and_an_untouched_cell_get_none(scores):
    assert auto_points(scores["two_wrong"]) == checked() | {"q2_check": 0, "q8_check": 0}


def test_an_untouched_exercise_gets_none(scores):
    assert set(auto_points(scores["untouched"]).values()) == {0}


def test_the_points_of_words_wait_for_a_person(scores):
    score, most, by_hand = scores["all_right"]["q10"]
    assert (score, most, by_hand) == (None, 3, True)
    assert sum(most for _, most, _ in scores["all_right"].values()) == 24
