"""A small exercise with its key, for tests of grading: three questions that are computed, one in words."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from crmlab.course.answer_key import load_key
from crmlab.course.exercise_notebook import exercise_from, nbgrader_metadata

NAME = "90_small"
POINTS = {"q1": 2, "q2": 2, "q3": 1, "q4": 2}
COMPUTED = 5

KEY = """
from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number
from crmlab.course.comparison_many import Members

key = AnswerKey("90_small", practice={"least": 2}, draw=lambda rng: {"least": int(rng.integers(3, 6))})

@key.question("q1", points=2, minutes=3, compare=Number(), hints=["Count customers."])
def loyal(company, parameters):
    return int((company.orders.groupby("customer_id").size() >= parameters.least).sum())

@loyal.mistake("You counted orders.")
def orders(company, parameters):
    return len(company.orders)

@key.question("q2", points=2, minutes=3, compare=Members())
def who(company, parameters):
    counts = company.orders.groupby("customer_id").size()
    return set(counts.index[counts >= parameters.least])

@key.question("q3", points=1, minutes=2, compare=Number(), follows=["q1"])
def share(company, parameters, loyal):
    return loyal / company.orders.customer_id.nunique()

@share.mistake("You divided by all rows of customers.")
def of_all(company, parameters, loyal):
    return loyal / len(company.customers)

key.judgement("q4", points=2, minutes=2)
"""

_COUNTS = "counts = lab.company.orders.groupby('customer_id').size()\n"
ANSWERS = {
    "q1": f"{_COUNTS}loyal = int((counts >= lab.parameters.least).sum())",
    "q2": f"{_COUNTS}who = set(counts.index[counts >= lab.parameters.least])",
    "q3": "share = loyal / lab.company.orders.customer_id.nunique()",
}
VARIABLES = {"q1": "loyal", "q2": "who", "q3": "share"}
WORDS = "Loyal customers buy again; why they do, it does not show."


def make_home(folder: Path) -> Path:
    """A lab's folder with the small exercise in it."""
    (folder / "solutions").mkdir(parents=True)
    (folder / "solutions" / f"{NAME}.py").write_text(KEY, encoding="utf-8")
    nbformat.write(_solution(), folder / "solutions" / f"{NAME}.ipynb")
    return folder


def template(home: Path) -> nbformat.NotebookNode:
    """The exercise as students get it."""
    solution = nbformat.read(home / "solutions" / f"{NAME}.ipynb", as_version=4)
    return exercise_from(solution, load_key(home / "solutions" / f"{NAME}.py"))


def answered(
    home: Path,
    answers: Mapping[str, str] | None = None,
    *,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    words: str = "",
) -> nbformat.NotebookNode:
    """A student's notebook: right answers but for `answers`, with cells added behind the imports and at the end."""
    given = ANSWERS | dict(answers or {})
    notebook = copy.deepcopy(template(home))
    cells = []
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in given:
            cell.source = textwrap.dedent(given[name]).strip()
        if name == "q4" and words:
            cell.source = words
        cells.append(cell)
        if cell.id == "imports":
            cells += [new_code_cell(textwrap.dedent(source).strip()) for source in before]
    notebook.cells = cells + [new_code_cell(textwrap.dedent(source).strip()) for source in after]
    return notebook


def save(folder: Path, student: str, notebook: nbformat.NotebookNode) -> Path:
    """Put a notebook where a student's submission lies."""
    (folder / student).mkdir(parents=True)
    path = folder / student / f"{NAME}.ipynb"
    nbformat.write(notebook, path)
    return path


def _solution() -> nbformat.NotebookNode:
    cells = [
        new_markdown_cell("# Small", id="title"),
        new_code_cell(f"from crmlab.course import Lab\nlab = Lab('{NAME}')\nlab.parameters", id="imports"),
    ]
    for name, answer in ANSWERS.items():
        solution = nbgrader_metadata(name, solution=True, locked=False)
        check = nbgrader_metadata(f"{name}_check", points=POINTS[name], solution=False, locked=True)
        starter = f"{VARIABLES[name]} = ..."
        cells += [
            new_code_cell(
                f"{starter}\n### BEGIN SOLUTION\n{answer}\n### END SOLUTION", id=name, metadata={"nbgrader": solution}
            ),
            new_code_cell(
                f'lab.check("{name}", {VARIABLES[name]})',
                id=f"{name}-check",
                metadata={"nbgrader": check, "tags": ["raises-exception"]},
            ),
        ]
    scheme = (
        "### BEGIN SOLUTION\nNot shown.\n\n**Mark scheme**\n\n- 2 points: says what it does not show\n### END SOLUTION"
    )
    words = new_markdown_cell(scheme, id="q4")
    words.metadata["nbgrader"] = nbgrader_metadata("q4", points=POINTS["q4"], solution=True, locked=False)
    return new_notebook(cells=[*cells, words])
