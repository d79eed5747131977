"""The commands' own part: options handed on, errors as one line, exit codes."""

import subprocess
import sys
from types import ModuleType

import pytest
from typer.testing import CliRunner

from crmlab.cli import app
from crmlab.home import HomeNotFoundError, find_home
from crmlab.lab_server import LabServerError, serve

ARGUMENTS = ["generate", "--customers", "20", "--seed", "7", "--out", "town", "--jobs", "2"]


@pytest.fixture
def stand_in(monkeypatch):
    """In the place of the generator and its report: they note what they were called with."""
    calls = []
    company, report = ModuleType("crmlab.company"), ModuleType("crmlab.company.report")

    def generate(customers, seed, out, n_jobs=1, *, progress=None):
        progress(1, 2)
        progress(2, 2)
        calls.append((customers, seed, str(out), n_jobs))
        return out

    company.generate = generate
    report.write_report = lambda out: out / "report.html"
    monkeypatch.setitem(sys.modules, "crmlab.company", company)
    monkeypatch.setitem(sys.modules, "crmlab.company.report", report)
    return company, calls


def test_generate_hands_its_options_on_and_names_the_results(stand_in):
    _, calls = stand_in
    result = CliRunner().invoke(app, [*ARGUMENTS, "--report"])
    assert result.exit_code == 0, result.output
    assert calls == [(20, 7, "town", 2)]
    assert "2/2" in result.output
    assert "The company is in town" in result.output
    assert "report.html" in result.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("customers must be 1 or more, found 0"), 2),
        (FileExistsError("town is not empty"), 2),
        (PermissionError(13, "Permission denied"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_of_generate_is_one_line_and_an_exit_code(stand_in, error, code):
    company, _ = stand_in

    def fail(*arguments, **options):
        raise error

    company.generate = fail
    result = CliRunner().invoke(app, ARGUMENTS)
    assert result.exit_code == code
    (line,) = [line for line in result.stderr.splitlines() if line]
    assert line == f"Error: {str(error) or 'interrupted; nothing half-made is left'}"
    assert "Traceback" not in result.output


def test_home_is_what_the_variable_names_or_the_project(tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLAB_HOME", str(tmp_path))
    assert find_home() == tmp_path.resolve()
    monkeypatch.setenv("CRMLAB_HOME", str(tmp_path / "gone"))
    with pytest.raises(HomeNotFoundError, match=r"CRMLAB_HOME names .*gone"):
        find_home()
    monkeypatch.delenv("CRMLAB_HOME")
    monkeypatch.setattr("crmlab.home.PROJECT_ROOT", tmp_path)
    with pytest.raises(HomeNotFoundError, match="has no notebooks/"):
        find_home()
    (tmp_path / "notebooks").mkdir()
    assert find_home() == tmp_path


def test_the_lab_says_when_the_start_page_is_missing_or_the_port_is_taken(tmp_path):
    import socket

    with pytest.raises(LabServerError, match=r"no start page notebooks/00_start_here\.ipynb"):
        serve(tmp_path)
    page = tmp_path / "notebooks" / "00_start_here.ipynb"
    page.parent.mkdir()
    page.touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabServerError, match=f"port {port} of 127.0.0.1 is not free"):
            serve(tmp_path, port=port)


def test_help_does_not_import_what_is_heavy():
    code = "import sys, crmlab.cli; print(*{'numpy', 'pandas', 'jupyterlab', 'nbclient', 'pyarrow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
