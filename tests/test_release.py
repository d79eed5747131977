"""Release refuses a key that is not sound, and says why; what it writes has no solution in it."""

import shutil
import textwrap
from pathlib import Path

import joblib
import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from crmlab.company import generate, open_company
from crmlab.course.answer_key import AnswerKey, KeyFaultError, load_key
from crmlab.course.commands import app
from crmlab.course.comparison import Number
from crmlab.course.comparison_many import Members
from crmlab.course.exercise_notebook import exercise_from, nbgrader_metadata, notebook_text
from crmlab.course.marking import Marker
from crmlab.course.proof import prove
from crmlab.course.release import NotReleasedError, made_exercise, release_exercise

ROOT = Path(__file__).resolve().parent.parent

KEY = """
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number

key = AnswerKey("90_small", practice={"least": 2}, draw=lambda rng: {"least": int(rng.integers(2, 5))})

@key.question("q1", points=2, minutes=3, compare=Number(), hints=["Count customers."])
def loyal(company, parameters):
    return int((company.orders.groupby("customer_id").size() >= parameters.least).sum())

@loyal.mistake("You counted orders.")
def orders(company, parameters):
    return len(company.orders)

@key.question("q2", points=1, minutes=2, compare=Number(), follows=["q1"])
def share(company, parameters, loyal):
    return loyal / company.orders.customer_id.nunique()

@share.mistake("You divided by all rows of customers.")
def of_all(company, parameters, loyal):
    return loyal / len(company.customers)

key.judgement("q3", points=2, minutes=2)
"""


def answer_cell(name, starter, solution):
    source = f"{starter}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
    return new_code_cell(source, id=name, metadata={"nbgrader": nbgrader_metadata(name, solution=True, locked=False)})


def check_cell(name, variable, points):
    metadata = {
        "nbgrader": nbgrader_metadata(f"{name}_check", points=points, solution=False, locked=True),
        "tags": ["raises-exception"],
    }
    return new_code_cell(f'lab.check("{name}", {variable})', id=f"{name}-check", metadata=metadata)


def solution_notebook():
    words = "### BEGIN SOLUTION\nBecause.\n\n**Mark scheme**\n\n- 2 points\n### END SOLUTION"
    loyal = (
        "counts = lab.company.orders.groupby('customer_id').size()\nloyal = int((counts >= lab.parameters.least).sum())"
    )
    cells = [
        new_markdown_cell("# Small", id="title"),
        new_code_cell("from crmlab.course import Lab\nlab = Lab('90_small')\nprint(lab.parameters)", id="imports"),
        answer_cell("q1", "# count\nloyal = ...", loyal),
        check_cell("q1", "loyal", 2),
        new_markdown_cell("The secret reading.", id="reading", metadata={"tags": ["solution-only"]}),
        answer_cell("q2", "share = ...", "share = loyal / counts.size"),
        check_cell("q2", "share", 1),
        new_markdown_cell(words, id="q3"),
    ]
    cells[-1].metadata["nbgrader"] = nbgrader_metadata("q3", points=2, solution=True, locked=False)
    return new_notebook(cells=cells)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    return generate(500, 3, tmp_path_factory.mktemp("course") / "datasets")


@pytest.fixture
def home(tmp_path, datasets, monkeypatch):
    (tmp_path / "solutions").mkdir()
    shutil.copytree(datasets, tmp_path / "datasets")
    write(tmp_path, KEY, solution_notebook())
    monkeypatch.setenv("CRMLAB_HOME", str(tmp_path))
    monkeypatch.setattr("crmlab.course.release.prove", lambda *paths, n_jobs: small_proof(tmp_path))
    return tmp_path


def write(home, key=None, notebook=None):
    if key is not None:
        (home / "solutions" / "90_small.py").write_text(textwrap.dedent(key), encoding="utf-8")
    if notebook is not None:
        (home / "solutions" / "90_small.ipynb").write_text(notebook_text(notebook), encoding="utf-8")


def small_proof(home, seeds=(1, 2), n_jobs=1):
    paths = [home / "solutions" / f"90_small{ending}" for ending in (".py", ".ipynb")]
    return prove(*paths, seeds=seeds, customers=300, n_jobs=n_jobs)


def test_what_is_released_has_no_solution_and_the_same_bytes_each_time(home):
    paths = release_exercise(home, "90_small")
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in release_exercise(home, "90_small")] == first
    exercise = nbformat.reads(first[0].decode("utf-8"), as_version=4)
    by_id = {cell.id: cell for cell in exercise.cells}
    assert by_id["q1"].source == "# count\nloyal = ..."
    assert by_id["q3"].source == "*Write your answer here, in place of this line.*"
    assert "reading" not in by_id
    text = first[0].decode("utf-8")
    for secret in ("SOLUTION", "Mark scheme", "Because", "groupby", "secret"):
        assert secret not in text
    assert by_id["q1"].metadata["nbgrader"] == {
        "schema_version": 3,
        "grade": False,
        "solution": True,
        "locked": False,
        "task": False,
        "grade_id": "q1",
    }
    assert by_id["q1-check"].metadata["nbgrader"] == {
        "schema_version": 3,
        "grade": True,
        "solution": False,
        "locked": True,
        "task": False,
        "points": 2,
        "grade_id": "q1_check",
    }
    assert by_id["q1-check"].metadata["tags"] == ["raises-exception"]
    assert all(not cell.get("outputs") for cell in exercise.cells)


FAULTS = [
    # A mistake that is no mistake.
    ("return len(company.orders)", "return loyal(company, parameters)", "seed 1{}: q1: the mistake 'orders' is right"),
    # A mistake that its own rule does not know again, so that nobody would get its hint.
    (
        "return len(company.orders)",
        'return float("nan")',
        "q1: the mistake 'orders' does not earn its own hint",
    ),
    # A reference that the notebook does not agree with.
    (">= parameters.least", "> parameters.least", "q1: the solution's answer scores 0%"),
    # A rule that lets everything pass.
    ("minutes=3, compare=Number()", "minutes=3, compare=Number(tolerance=1e9)", "the mistake 'orders' is right"),
    # A decision on the edge.
    (
        '@key.question("q2"',
        '@loyal.near_tie\ndef distance(company, parameters):\n    return 1e-9\n\n@key.question("q2"',
        "q1: the decision hangs on a near tie (1e-09 from one",
    ),
    # A mistake that raises.
    ("return len(company.orders)", "return company.nothing", "q1: the mistake 'orders' raises AttributeError"),
    # A mistake that may be right sometimes, and is so always.
    (
        '@loyal.mistake("You counted orders.")\ndef orders(company, parameters):\n    return len(company.orders)',
        '@loyal.mistake("You counted orders.", sometimes=True)\ndef orders(company, parameters):\n'
        "    return loyal(company, parameters)",
        "q1: the mistake 'orders' is right on every company",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), FAULTS)
def test_an_unsound_key_is_refused_by_question_seed_and_mistake(home, old, new, said):
    assert old in KEY
    write(home, KEY.replace(old, new))
    said = said.replace("{}", ", a company without segments")
    faults = small_proof(home)
    assert any(said in fault for fault in faults), faults
    with pytest.raises(NotReleasedError):
        release_exercise(home, "90_small")
    assert not (home / "exercises").exists()


LINES = '@loyal.mistake("{}")\ndef lines(company, parameters):\n    return len(company.orders)\n\n@key.question("q2"'


def test_two_mistakes_of_one_answer_at_practice_must_share_a_hint(home):
    write(home, KEY.replace('@key.question("q2"', LINES.format("You counted lines.")))
    with pytest.raises(NotReleasedError, match="q1: the mistakes 'orders' and 'lines' share their answer and not"):
        made_exercise(home, "90_small")
    assert small_proof(home) == [], "on a hidden company nobody is told of a mistake"
    write(home, KEY.replace('@key.question("q2"', LINES.format("You counted orders.")))
    made_exercise(home, "90_small")


def test_a_sound_key_has_no_faults(home):
    assert small_proof(home, seeds=range(5)) == []


def test_the_proof_is_the_same_on_any_backend(home):
    write(home, KEY.replace("return len(company.orders)", "return loyal(company, parameters)"))
    faults = small_proof(home)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert small_proof(home, n_jobs=None) == faults
    assert len(faults) == 2


def test_a_solution_notebook_that_raises_or_hard_codes_a_parameter_is_refused(home):
    notebook = solution_notebook()
    notebook.cells[1].source += "\n1 / 0"
    write(home, notebook=notebook)
    with pytest.raises(NotReleasedError, match=r"cell 2 \(from crmlab.course import Lab\): ZeroDivisionError"):
        made_exercise(home, "90_small")
    notebook = solution_notebook()
    notebook.cells[2].source = notebook.cells[2].source.replace("lab.parameters.least", "2")
    write(home, notebook=notebook)
    made_exercise(home, "90_small")
    assert any("q1: the solution's answer scores 0%" in fault for fault in small_proof(home, seeds=range(4)))


def spoiled(place, **changes):
    notebook = solution_notebook()
    for name, value in changes.items():
        notebook.cells[place][name] = value
    return notebook


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (spoiled(3, source='lab.check("q2", loyal)'), "q1: the check cell is"),
        (spoiled(2, source="loyal = 3\n### BEGIN SOLUTION\n### END SOLUTION"), "no starter 'loyal = ...'"),
        (spoiled(2, source="loyal = ..."), "has no ### BEGIN SOLUTION"),
        (
            spoiled(2, source="loyal = ...\n### BEGIN SOLUTION\nloyal = 3\n### END SOLUTION\n### END SOLUTION"),
            "other half",
        ),
        (spoiled(3, metadata={"nbgrader": solution_notebook().cells[3].metadata.nbgrader}), "lacks the tag"),
        (spoiled(3, metadata=check_cell("q1", "loyal", 5).metadata), "expected"),
        (spoiled(3, metadata={}), "the notebook has the cells"),
    ],
)
def test_a_notebook_that_disagrees_with_its_key_is_refused(home, notebook, said):
    with pytest.raises(KeyFaultError, match=said):
        exercise_from(notebook, load_key(home / "solutions" / "90_small.py"))


def test_a_key_that_is_not_written_right_is_refused(tmp_path):
    key = AnswerKey("90_small", practice={"least": 2}, draw=lambda rng: {"least": 2.0})
    with pytest.raises(KeyFaultError, match="expected as in practice"):
        key.parameters(1)
    for arguments, said in (
        ({"name": "one"}, "called q1, q2"),
        ({"points": 0}, "points is 0"),
        ({"minutes": True}, "minutes is True"),
        ({"follows": ["q9"]}, "follows 'q9'"),
    ):
        with pytest.raises(KeyFaultError, match=said):
            key.question(**{"name": "q1", "points": 1, "minutes": 1, "compare": Number(), **arguments})
    question = key.question("q1", points=1, minutes=1, compare=Members())(lambda company, parameters: {1})
    with pytest.raises(KeyFaultError, match="must be Overlap"):
        question.score(lambda *given: 1.0)
    with pytest.raises(KeyFaultError, match="twice"):
        key.judgement("q1", points=1, minutes=1)
    for text, said in (("x = 1", "called 'key'"), (KEY, "of exercise '90_small'")):
        (tmp_path / "91_other.py").write_text(text, encoding="utf-8")
        with pytest.raises(KeyFaultError, match=said):
            load_key(tmp_path / "91_other.py")
    with pytest.raises(KeyFaultError, match="no answer key"):
        load_key(tmp_path / "92_none.py")


def test_one_slip_costs_once(home):
    key = load_key(home / "solutions" / "90_small.py")
    marker = Marker(key, open_company(home / "datasets"), key.practice, truth={})
    buyers = open_company(home / "datasets").orders.customer_id.nunique()
    assert marker.mark("q2", 7 / buyers).share == 0
    assert marker.mark("q2", 7 / buyers, own={"q1": 7}).share == 1
    assert marker.mark("q2", marker.right("q2"), own={"q1": 7}).share == 1
    for odd in (None, "seven", ..., [1], pd.DataFrame(), {"q1": 7}):
        assert marker.mark("q2", 7 / buyers, own={"q1": odd}).share == 0


def test_a_scored_list_gets_the_share_that_the_truth_gives_it():
    key = load_key(ROOT / "solutions" / "04_rfm.py")
    company = open_company(ROOT / "datasets")
    people = pd.DataFrame({"person_id": [1, 2], "tendency": ["gift_buyer", "regular"]})
    counts = company.orders[company.orders.order_date <= key.practice.as_of].groupby("customer_id").size()
    two = counts.index[counts >= 3][:2]
    truth = {"tendencies": people, "records": pd.DataFrame({"customer_id": two, "person_id": [1, 2]})}
    marker = Marker(key, company, key.practice, truth)
    assert marker.mark("q9", {int(two[0])}).share == 1
    assert marker.mark("q9", {int(two[1])}).share == 0
    assert marker.mark("q9", "all of them").share == 0
    assert marker.mark("q9", ...).share == 0
    nobody = Marker(key, company, key.practice, truth | {"tendencies": people.assign(tendency="regular")})
    assert nobody.mark("q9", set()).share == 1
    assert nobody.mark("q9", {int(two[0])}).share == 0


def test_the_command_releases_or_says_why_not(home):
    run = CliRunner().invoke(app, ["release", "90_small", "--jobs", "1"])
    assert (run.exit_code, run.output) == (
        0,
        "written: exercises/90_small.ipynb\nwritten: exercises/practice/90_small.json\n",
    )
    write(home, KEY.replace("return len(company.orders)", "return loyal(company, parameters)"))
    run = CliRunner().invoke(app, ["release", "90_small", "--jobs", "1"])
    assert run.exit_code == 1
    assert "90_small is not released" in run.output
    run = CliRunner().invoke(app, ["release", "91_none"])
    assert run.exit_code == 2
    assert "no 91_none.py in solutions/ (exercises there: 90_small)" in run.output


def test_the_commands_of_a_student(home):
    release_exercise(home, "90_small")
    run = CliRunner().invoke(app, ["progress"])
    assert (run.exit_code, "not opened yet" in run.output) == (0, True)
    assert "90_small" in CliRunner().invoke(app, ["update"]).output
    assert (home / "my_work" / "90_small.ipynb").is_file()
    assert "0 of 2" in CliRunner().invoke(app, ["progress"]).output
    run = CliRunner().invoke(app, ["reset", "90_small", "q1"])
    assert (run.exit_code, run.output) == (0, "q1 was untouched: nothing is replaced\n")
    own = home / "my_work" / "90_small.ipynb"
    own.write_text(own.read_text(encoding="utf-8").replace("loyal = ...", "loyal = 7"), encoding="utf-8")
    run = CliRunner().invoke(app, ["reset", "90_small", "q1"])
    assert (run.exit_code, "90_small-1.ipynb. Reload the notebook if it is open." in run.output) == (0, True)
    notebook = nbformat.read(own, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id != "q2"]
    nbformat.write(notebook, own)
    assert "90_small: the cells of q2 were gone and are put back" in CliRunner().invoke(app, ["update"]).output
    own.write_text("{", encoding="utf-8")
    run = CliRunner().invoke(app, ["update"])
    assert (run.exit_code, "`crmlab reset 90_small` keeps a copy of it" in run.output) == (1, True)
    assert CliRunner().invoke(app, ["reset", "90_small"]).exit_code == 0
    assert (home / "my_work" / "kept" / "90_small-3.ipynb").read_text(encoding="utf-8") == "{"
    assert "as it was" in CliRunner().invoke(app, ["update"]).output
    assert CliRunner().invoke(app, ["reset", "90_small", "q7"]).exit_code == 2
