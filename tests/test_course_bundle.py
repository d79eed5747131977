"""What students get holds no solution, no key and no truth."""

import re
import zipfile
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from crmlab.course.bundle import TOP, write_bundle
from crmlab.course.commands import app

ROOT = Path(__file__).resolve().parent.parent
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.S)
# A shorter line may stand in a lesson too, and gives nothing away.
LEAST_CHARACTERS = 30


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "course.zip"
    write_bundle(ROOT, path)
    return path


def contents(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name.removeprefix(f"{TOP}/"): archive.read(name) for name in archive.namelist()}


def secret_lines():
    """Lines of keys, of solutions and of mark schemes that stand nowhere else."""
    lines, given = set(), []
    for path in (ROOT / "solutions").glob("*.py"):
        lines |= set(path.read_text(encoding="utf-8").splitlines())
    for path in (ROOT / "solutions").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            for secret in SOLUTION.findall(cell.source):
                lines |= set(secret.splitlines())
            if "solution-only" in cell.metadata.get("tags", []):
                lines |= set(cell.source.splitlines())
            else:
                # A table that a task gives stands in the key too.
                given += SOLUTION.sub("", cell.source).splitlines()
    lessons = "\n".join(
        cell.source for path in (ROOT / "notebooks").glob("*.ipynb") for cell in nbformat.read(path, as_version=4).cells
    )
    package = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "crmlab").rglob("*.py"))
    lessons = "\n".join([lessons, package, *given])
    stripped = {line.strip() for line in lines if len(line.strip()) >= LEAST_CHARACTERS}
    # What the package, a lesson or a task shows is no secret; a mistake's hint is in the practice file on purpose.
    return {line for line in stripped if line not in lessons and not line.startswith(('"', "from ", "import "))}


def test_the_bundle_holds_what_a_student_needs(packed):
    names = set(contents(packed))
    needed = {"start.py", "pyproject.toml", "constraints.txt", "crmlab/course/lab.py", "datasets/company.json"}
    assert needed <= names
    assert {"exercises/04_rfm.ipynb", "exercises/practice/04_rfm.json", "notebooks/00_start_here.ipynb"} <= names
    assert any(name.startswith("datasets/company/orders/") for name in names)


def test_the_bundle_holds_no_solution_no_key_and_no_truth(packed):
    files = contents(packed)
    for name in files:
        parts = name.split("/")
        assert parts[0] not in ("solutions", "tests", "benchmarks", "my_work"), name
        assert "truth" not in parts, name
        assert "__pycache__" not in parts, name
        assert not any(part.startswith(".") for part in parts), name
    secrets = secret_lines()
    assert len(secrets) > 100
    texts = {name: data.decode("utf-8") for name, data in files.items() if not name.endswith(".parquet")}
    for name, text in texts.items():
        found = [line for line in secrets if line in text or line.replace('"', '\\"') in text]
        assert not found, f"{name} holds {found[:3]}"


def test_the_same_course_gives_the_same_bytes(packed, tmp_path):
    write_bundle(ROOT, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_a_lab_without_exercises_or_company_is_not_packed(tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLAB_HOME", str(tmp_path))
    run = CliRunner().invoke(app, ["bundle", "--out", str(tmp_path / "course.zip")])
    assert run.exit_code == 2
    assert "has no folder crmlab/" in run.output
    assert not (tmp_path / "course.zip").exists()
