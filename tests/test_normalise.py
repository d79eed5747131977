"""`crmlab normalise`: a second run changes no byte, and a notebook that fails is named and left as it was."""

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from crmlab.cli import app
from crmlab.normalise import executed_text, find_notebooks, normalise_notebook

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.title('A finding')\nplt.show()"
WIDGET = "from ipywidgets import interact\ninteract(lambda depth: print(depth), depth=(0, 9))"
PRINTS = "import sys\nprint('one')\nprint('warned', file=sys.stderr)\nprint('two')"
FRAME = "import pandas as pd\npd.DataFrame({'R': [5, 1]}, index=['Ann', 'Bob'])"


def write(path: Path, *cells) -> Path:
    """A notebook as an editor leaves it: old counts, timings, widget state, versions, Windows line ends."""
    notebook = new_notebook(cells=list(cells))
    notebook.metadata = {"widgets": {"state": {}}, "language_info": {"name": "python", "version": "3.8"}}
    for cell in notebook.cells:
        cell.metadata |= {"execution": {"iopub.status.busy": "2026-01-01"}, "collapsed": True}
        if cell.cell_type == "code":
            cell.execution_count = 40
    path.parent.mkdir(exist_ok=True)
    path.write_text(nbformat.writes(notebook), encoding="utf-8", newline="\r\n")
    return path


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """A lesson with all kinds of outputs, and its bytes after the first and the second run."""
    home = tmp_path_factory.mktemp("home")
    tagged = new_code_cell(WIDGET, metadata={"tags": ["widget", "nbval-ignore-output"]})
    raising = new_code_cell("int('five')", metadata={"tags": ["raises-exception"]})
    where = new_code_cell("import os\nos.environ['CRMLAB_HOME'], os.path.basename(os.getcwd()), hash('R')")
    sources = [new_code_cell(source) for source in (PRINTS, FRAME, PLOT, "")]
    path = write(home / "notebooks" / "04_rfm.ipynb", new_markdown_cell("# RFM"), *sources, tagged, raising, where)
    outcomes, contents = [], []
    for _ in range(2):
        outcomes.append(normalise_notebook(path, home))
        contents.append(path.read_bytes())
    return home, path, outcomes, contents


def test_a_second_run_changes_no_byte(lesson):
    _, _, (first, second), (after_first, after_second) = lesson
    assert first.failure is None
    assert (first.changed, second.changed) == (True, False)
    assert after_first == after_second


def test_the_outputs_are_those_of_the_cells(lesson):
    home, _, _, (content, _) = lesson
    cells = json.loads(content)["cells"]
    prints, frame, plot, empty, widget, raising, where = cells[1:]
    assert [(o["name"], "".join(o["text"])) for o in prints["outputs"]] == [
        ("stdout", "one\ntwo\n"),
        ("stderr", "warned\n"),
    ]
    assert "Bob" in "".join(frame["outputs"][0]["data"]["text/html"])
    assert plot["outputs"][0]["data"]["image/png"].startswith("iVBOR")
    assert empty["outputs"] == widget["outputs"] == []
    assert raising["outputs"][0]["traceback"] == ["ValueError: invalid literal for int() with base 10: 'five'"]
    assert repr(str(home)) in "".join(where["outputs"][0]["data"]["text/plain"])
    assert "'notebooks'" in "".join(where["outputs"][0]["data"]["text/plain"])


def test_the_form_is_the_same_whoever_wrote_it(lesson):
    _, _, _, (content, _) = lesson
    notebook = json.loads(content)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert counts == [1, 2, 3, None, 4, 5, 6]
    assert {name for cell in notebook["cells"] for name in cell["metadata"]} == {"tags"}
    assert b"\r" not in content
    assert content.endswith(b"}\n")
    assert not content.endswith(b"\n\n")


def test_ids_that_are_valid_stay_and_others_come_from_kind_and_place(tmp_path):
    cells = [new_markdown_cell("a"), new_markdown_cell("b"), new_code_cell("1"), new_code_cell("2"), new_code_cell("3")]
    content = json.loads(nbformat.writes(new_notebook(cells=cells)))
    names = ["intro", None, "not valid!", "intro", "code-03"]
    for cell, name in zip(content["cells"], names, strict=True):
        cell["id"] = name
        if name is None:
            del cell["id"]
    ids = [cell["id"] for cell in json.loads(executed_text(json.dumps(content), tmp_path, tmp_path))["cells"]]
    assert ids == ["intro", "markdown-02", "code-03-b", "code-04", "code-03"]


def run(home: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str):
    monkeypatch.setenv("CRMLAB_HOME", str(home))
    return CliRunner().invoke(app, ["normalise", *arguments])


def test_a_notebook_that_fails_is_named_and_left_and_the_others_are_done(tmp_path, monkeypatch):
    bad = write(tmp_path / "notebooks" / "01_bad.ipynb", new_markdown_cell("# Bad"), new_code_cell("orders = {}['x']"))
    good = write(tmp_path / "notebooks" / "02_good.ipynb", new_code_cell("1 + 1"))
    torn = tmp_path / "notebooks" / "03_torn.ipynb"
    torn.write_text("{", encoding="utf-8")
    before = bad.read_bytes()
    result = run(tmp_path, monkeypatch)
    assert result.exit_code == 1
    assert "01_bad.ipynb: cell 2 (" in result.output
    assert "orders = {}['x']): KeyError: 'x'" in result.output
    assert "03_torn.ipynb: it is not a notebook" in result.output
    assert bad.read_bytes() == before
    assert json.loads(good.read_text(encoding="utf-8"))["cells"][0]["execution_count"] == 1
    assert not list(tmp_path.rglob("*.partial"))


def test_check_writes_nothing_and_its_exit_code_tells(tmp_path, monkeypatch):
    path = write(tmp_path / "solutions" / "04_rfm.ipynb", new_code_cell("print('two')"))
    before = path.read_bytes()
    would_change = run(tmp_path, monkeypatch, "--check")
    assert (would_change.exit_code, path.read_bytes()) == (1, before)
    assert "would change" in would_change.output
    assert run(tmp_path, monkeypatch).exit_code == 0
    unchanged = run(tmp_path, monkeypatch, "--check", str(path))
    assert unchanged.exit_code == 0
    # Only execution shows that the stored output is stale.
    path.write_text(path.read_text(encoding="utf-8").replace("two\\n", "three\\n"), encoding="utf-8", newline="\n")
    assert run(tmp_path, monkeypatch, "--check").exit_code == 1


def test_folders_and_files_are_taken_and_checkpoints_left_out(tmp_path):
    names = ["b.ipynb", "a.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb", "notes.md"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_notebooks([tmp_path, tmp_path / "b.ipynb"]) == [tmp_path / "a.ipynb", tmp_path / "b.ipynb"]
    with pytest.raises(FileNotFoundError, match=r"no notebook or folder at .*gone"):
        find_notebooks([tmp_path / "gone"])


def test_a_path_that_is_not_there_is_one_clear_line(tmp_path, monkeypatch):
    result = run(tmp_path, monkeypatch, str(tmp_path / "gone.ipynb"))
    assert result.exit_code == 2
    assert result.output == f"Error: no notebook or folder at {tmp_path / 'gone.ipynb'}\n"
