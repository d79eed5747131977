"""What nbval does not see: outputs that were stripped, plots, prose that no longer agrees with its cells."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from prose_numbers import joined, unshown_numbers

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])
MOST_BYTES = 500_000
MOST_CODE_LINES = 15
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def code_cells(notebook: dict) -> list[tuple[str, dict]]:
    """The code cells that have code, each with its name for a message."""
    cells = enumerate(notebook["cells"], start=1)
    return [(f"cell {n}", c) for n, c in cells if c["cell_type"] == "code" and joined(c["source"]).strip()]


def execution_faults(notebook: dict) -> list[str]:
    """Cells that were not executed, or in another order than they stand."""
    faults = []
    for count, (name, cell) in enumerate(code_cells(notebook), start=1):
        if cell["execution_count"] is None:
            faults.append(f"{name} was not executed")
        elif cell["execution_count"] != count:
            faults.append(f"{name} was executed as number {cell['execution_count']}, not {count}")
    return faults


def output_faults(notebook: dict) -> list[str]:
    """No outputs at all, errors, widget state, and outputs that nbval is told to overlook."""
    faults = [] if "widgets" not in notebook["metadata"] else ["the metadata hold widget state"]
    if code_cells(notebook) and not any(cell["outputs"] for _, cell in code_cells(notebook)):
        faults.append("no cell has an output: they were stripped")
    for name, cell in code_cells(notebook):
        kinds = {output["output_type"] for output in cell["outputs"]}
        if "error" in kinds and "raises-exception" not in tags(cell):
            faults.append(f"{name} holds an error")
        if "widget" in tags(cell) and cell["outputs"]:
            faults.append(f"{name} is a widget and holds outputs")
        if any(WIDGET_VIEW in output.get("data", {}) for output in cell["outputs"]):
            faults.append(f"{name} holds a widget's view: tag it widget")
        if ("nbval-ignore-output" in tags(cell)) != ("widget" in tags(cell)):
            faults.append(f"{name} must have both tags, widget and nbval-ignore-output, or none")
        if "nbval-skip" in tags(cell) or "NBVAL_" in joined(cell["source"]):
            faults.append(f"{name} hides from nbval")
    return faults


def code_faults(notebook: dict) -> list[str]:
    """Cells that are too long; plots that do not end in plt.show(), in their cell or in a function of the lesson."""
    faults = []
    sources = {name: joined(cell["source"]).strip() for name, cell in code_cells(notebook)}
    plotting = {name for text in sources.values() if "plt.show()" in text for name in re.findall(r"def (\w+)\(", text)}
    for name, cell in code_cells(notebook):
        lines = sources[name].splitlines()
        if len(lines) > MOST_CODE_LINES:
            faults.append(f"{name} has {len(lines)} lines, more than {MOST_CODE_LINES}")
        if "widget" in tags(cell):
            continue
        last = lines[-1].partition("#")[0].strip()
        has_image = any("image/png" in output.get("data", {}) for output in cell["outputs"])
        ends_in_show = last == "plt.show()" or re.split(r"\W", last)[0] in plotting
        if last.endswith(";"):
            faults.append(f"{name} ends in ;")
        if has_image and not ends_in_show:
            faults.append(f"{name} shows a plot and does not end with plt.show()")
        if not has_image and last == "plt.show()" == lines[-1]:
            faults.append(f"{name} ends with plt.show() and holds no plot")
    return faults


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def notebook_path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.mark.parametrize("faults_of", [execution_faults, output_faults, code_faults, unshown_numbers])
def test_a_stored_notebook_has_no_faults(notebook_path, faults_of):
    notebook = json.loads(notebook_path.read_text(encoding="utf-8"))
    assert faults_of(notebook) == []


def test_a_stored_notebook_is_small(notebook_path):
    assert notebook_path.stat().st_size < MOST_BYTES


def printed(text):
    return [new_output("stream", name="stdout", text=text)]


def image():
    return [new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})]


def lesson(*cells):
    """A made-up notebook; each code cell is (source, outputs) or (source, outputs, tags), each text a markdown cell."""
    made, count = [], 0
    for cell in cells:
        if isinstance(cell, str):
            made.append(new_markdown_cell(cell))
        else:
            count += 1
            source, outputs, *more = cell
            made.append(new_code_cell(source, outputs=outputs, execution_count=count))
            made[-1].metadata["tags"] = more[0] if more else []
    return new_notebook(cells=made)


def test_a_sound_notebook_passes_every_check():
    widget = ("interact(draw, depth=(0, 9))", [], ["widget", "nbval-ignore-output"])
    draws = ("def draw(depth):\n    plt.plot([depth])\n    plt.show()", [])
    sound = lesson("# A lesson", ("print(3)", printed("3\n")), draws, ("draw(3)", image()), widget)
    assert execution_faults(sound) + output_faults(sound) + code_faults(sound) + unshown_numbers(sound) == []


def test_a_cell_that_was_not_executed_or_out_of_order_is_named():
    notebook = lesson(("a = 1", []), ("print(a)", printed("1\n")))
    notebook.cells[0].execution_count = None
    notebook.cells[1].execution_count = 7
    assert execution_faults(notebook) == ["cell 1 was not executed", "cell 2 was executed as number 7, not 2"]


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (("print(1)", []), "no cell has an output"),
        (("1/0", [new_output("error", ename="E", evalue="v", traceback=[])]), "cell 1 holds an error"),
        (("f()", printed("1"), ["widget", "nbval-ignore-output"]), "cell 1 is a widget and holds outputs"),
        (("f()", printed("1"), ["nbval-ignore-output"]), "must have both tags"),
        (("# NBVAL_SKIP\nf()", printed("1")), "cell 1 hides from nbval"),
        (("f()", [new_output("display_data", data={WIDGET_VIEW: {}})]), "cell 1 holds a widget's view"),
    ],
)
def test_a_fault_of_the_outputs_is_named(cell, fault):
    assert any(fault in found for found in output_faults(lesson(cell)))


def test_widget_state_is_found():
    notebook = lesson(("print(1)", printed("1")))
    notebook.metadata["widgets"] = {}
    assert output_faults(notebook) == ["the metadata hold widget state"]


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (("\n".join(["a = 1"] * 16), []), "cell 1 has 16 lines, more than 15"),
        (("plt.plot([1]);", image()), "cell 1 ends in ;"),
        (("plt.plot([1])", image()), "cell 1 shows a plot and does not end with plt.show()"),
        (("plt.plot([1])\nplt.show()", []), "cell 1 ends with plt.show() and holds no plot"),
    ],
)
def test_a_fault_of_the_code_is_named(cell, fault):
    assert fault in code_faults(lesson(cell))


@pytest.mark.parametrize(
    ("prose", "shown"),
    [
        ("Of 1,218 customers", "1218"),
        ("Of 1218 customers", "1,218"),
        ("It is 12.50 euro.", "12.5"),
        ("It is 27.3 % of them", "0.273"),
        ("It is 27.3% of them", "27.3 %"),
        ("Some 1.2 million lines", "1200000"),
        ("It fell by 3.2 points", "-3.2"),
        ("between 2\u20136 orders", "2 and 6"),
        ("On 31 December 2025", "as of 2025-12-31 00:00:00"),
        ("On December 31, 2025, or in December 2025, or in 2025", "2025-12-31"),
        ("The shop opens at 09:30.", "09:30"),
        ("The 90th percentile", "0.9"),
    ],
)
def test_a_number_that_a_cell_shows_is_found(prose, shown):
    assert unshown_numbers(lesson(prose, ("print(x)", printed(shown)))) == []
    assert unshown_numbers(lesson(prose, ("print(x)", printed("nothing")))) != []


@pytest.mark.parametrize(
    ("prose", "missing"),
    [
        ("Of 1,218 customers", "1,218"),
        ("A share of 0.27", "0.27"),
        ("A share of 27 %", "27 %"),
        ("On 30 December 2025", "30 December 2025"),
        ("It took 12 minutes to answer.", "12"),
        ("Then 17 more (in lesson 04) came", "17"),
        ("> **Note** 64,000 customers (Hillstrom 2008)", "64,000"),
        ("The shop opens at 08:30.", "08:30"),
    ],
)
def test_a_number_that_no_cell_shows_is_missed(prose, missing):
    shown = ("share = 0.2734  # not 0.27", printed("12181 2025-12-31 09:30:17"))
    assert unshown_numbers(lesson("# Title", prose, shown)) == [f"cell 2: {missing}"]


@pytest.mark.parametrize(
    "prose",
    [
        "## 3. What the letter costs",
        "2. the second step\n3. the third",
        "`qcut(x, 77)` and\n\n```\n1 + 76\n```\n",
        "the formula $(r - 1) \\cdot 55$",
        "[the lesson](04_rfm.ipynb#part-99) and <img width='640'> and https://example.org/77",
        "See lesson 04, chapters 06, 07 and 11, section 3.",
        "As in the CDNOW log (Fader & Hardie 2007), in Hughes (1996) and (McCarthy & Winer 2018; Ascarza 2018).",
        "### Section two, 25 minutes",
        "*Minutes 10 to 25*",
        "**Question** (2 points, 5 minutes): score the customers",
        "**Question** (3 points, 6 minutes, marked by hand). Say what it means",
        "## References\n\n- Hughes, A. (1996). *Strategic Database Marketing*, pp. 101-120.",
        "UTF-8 and the column R5",
    ],
)
def test_what_is_not_a_result_is_not_looked_at(prose):
    assert unshown_numbers(lesson("# Title\n\n60 minutes", prose, ("print('none')", printed("none")))) == []


def test_nbval_fails_on_an_output_that_drifted(tmp_path):
    path = tmp_path / "drifted.ipynb"
    options = ["-c", str(ROOT / "pyproject.toml"), "-n", "0", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, str(path)]
    codes = []
    for stored in ("3\n", "4\n"):
        nbformat.write(lesson(("print(3)", printed(stored))), path)
        codes.append(subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode)
    assert codes == [0, 1]
