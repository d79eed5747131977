"""Every answer key of the course: right answers are right, every mistake is wrong and earns its own hint."""

from pathlib import Path

import nbformat
import pytest

from crmlab.company import open_company
from crmlab.course.answer_key import load_key
from crmlab.course.codec import dumps
from crmlab.course.exercise_notebook import check_against_key
from crmlab.course.marking import Marker
from crmlab.course.proof import SEEDS, prove
from crmlab.course.release import find_exercises, made_exercise
from crmlab.course.verdict import judge

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = find_exercises(ROOT)
QUESTIONS = [
    (exercise, question.name)
    for exercise in EXERCISES
    for question in load_key(ROOT / "solutions" / f"{exercise}.py").checked
]


def key_of(exercise):
    return load_key(ROOT / "solutions" / f"{exercise}.py")


@pytest.fixture(scope="module")
def markers():
    """A marker for each exercise on the course company, as at practice."""
    company = open_company(ROOT / "datasets")
    return {name: Marker(key_of(name), company, key_of(name).practice, truth=None) for name in EXERCISES}


def test_there_are_exercises():
    assert "04_rfm" in EXERCISES


@pytest.mark.parametrize(("exercise", "name"), QUESTIONS)
def test_a_question_knows_right_from_each_mistake(markers, exercise, name):
    marker = markers[exercise]
    assert marker.mark(name, marker.right(name)).share == 1
    known = marker.known(name)
    assert known, "a question without a known mistake has not been thought through"
    assert all(each.hint for each in known)
    sometimes = {mistake.name for mistake in marker.key.questions[name].mistakes if mistake.sometimes}
    for each in known:
        mark = marker.mark(name, each.answer)
        if (
            each.name in sometimes
            and judge(each.answer, marker.right(name), marker.key.questions[name].compare).correct
        ):
            continue
        assert (mark.share, mark.verdict.hint) == (0, each.hint), each.name


@pytest.mark.parametrize(("exercise", "name"), QUESTIONS)
def test_the_untouched_cell_and_a_right_answer_of_the_wrong_type_get_nothing(markers, exercise, name):
    marker = markers[exercise]
    mark = marker.mark(name, ...)
    assert (mark.share, mark.verdict.attempted) == (0, False)
    right = marker.right(name)
    for wrong in (str(right), [right], {"answer": right}, None, True, 0):
        if type(wrong) is type(right):
            continue
        mark = marker.mark(name, wrong)
        assert (mark.share, mark.verdict.correct, mark.verdict.attempted) == (0, False, True), wrong


@pytest.mark.parametrize("exercise", EXERCISES)
def test_parameters_follow_the_seed_and_keep_their_types(exercise):
    key = key_of(exercise)
    drawn = [dumps(dict(key.parameters(seed))) for seed in range(40)]
    assert drawn == [dumps(dict(key_of(exercise).parameters(seed))) for seed in range(40)]
    assert len(set(drawn)) > 30


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_notebook_has_the_cells_of_its_key(exercise):
    notebook = nbformat.read(ROOT / "solutions" / f"{exercise}.ipynb", as_version=4)
    key = key_of(exercise)
    check_against_key(notebook, key)
    assert 6 <= len(key.questions) <= 10
    assert len(key.checked) < len(key.questions), "one question is judged by hand"
    texts = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for number, question in enumerate(key.questions.values(), start=1):
        assert f"**Question {number}** ({question.points} points, {question.minutes} minutes" in texts
    minutes = sum(question.minutes for question in key.questions.values())
    points = sum(question.points for question in key.questions.values())
    assert f"({points} points, {minutes} minutes)" in texts


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_exercise_is_what_release_makes_of_the_solution(exercise):
    made = made_exercise(ROOT, exercise)
    stored = (ROOT / "exercises" / f"{exercise}.ipynb").read_text(encoding="utf-8")
    practice = (ROOT / "exercises" / "practice" / f"{exercise}.json").read_text(encoding="utf-8")
    assert stored == made.notebook, f"run: crmlab release {exercise}"
    assert practice == made.practice, f"run: crmlab release {exercise}"


@pytest.fixture(scope="module")
def hidden_companies(tmp_path_factory):
    return tmp_path_factory.mktemp("hidden")


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_key_is_proved_on_hidden_companies(hidden_companies, exercise):
    paths = [ROOT / "solutions" / f"{exercise}{ending}" for ending in (".py", ".ipynb")]
    assert prove(*paths, seeds=SEEDS[:6], companies=hidden_companies) == []
