"""`crmlab doctor`: every check passes on a sound lab and fails, with advice, on each fault."""

import shutil
import socket
from importlib import metadata
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from crmlab import doctor
from crmlab.cli import app
from crmlab.lab_server import first_free_port, is_port_free


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A lab's folder with a small course company."""
    for table in doctor.CORE_TABLES:
        folder = tmp_path / "datasets" / "company" / table
        folder.mkdir(parents=True)
        parquet.write_table(pa.table({"customer_id": [1, 2]}), folder / "part-00000.parquet")
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def pins(tmp_path: Path, **versions: str) -> Path:
    """A constraints file with the installed versions, some of them replaced."""
    found = {name: metadata.version(name) for name in doctor.needed_packages("crmlab")} | versions
    path = tmp_path / "constraints.txt"
    path.write_text("".join(f"{name}=={version}\n" for name, version in found.items()), encoding="utf-8")
    return path


def test_this_python_is_new_enough_and_an_old_one_is_not():
    assert doctor.check_python().ok
    old = doctor.check_python((3, 10, 14))
    assert not old.ok
    assert "3.10.14" in old.found
    assert "3.11" in old.advice


def test_versions_as_in_the_constraints_are_ok(tmp_path):
    assert doctor.check_versions(pins(tmp_path)).ok


def test_another_version_is_named_with_the_wanted_one(tmp_path):
    finding = doctor.check_versions(pins(tmp_path, pandas="1.0.0"))
    assert not finding.ok
    assert finding.found == f"pandas is {metadata.version('pandas')}, not 1.0.0"
    assert "start.py" in finding.advice


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    constraints = pins(tmp_path)
    installed = doctor.installed_version
    monkeypatch.setattr(doctor, "installed_version", lambda name: None if name == "duckdb" else installed(name))
    assert doctor.check_versions(constraints).found == "duckdb is missing"


def test_a_pin_for_another_system_is_not_asked_for(tmp_path):
    constraints = pins(tmp_path)
    with constraints.open("a", encoding="utf-8") as file:
        file.write("pandas==0.1 ; sys_platform == 'of another world'\n")
    assert doctor.check_versions(constraints).ok


def test_a_missing_constraints_file_is_a_failure(tmp_path):
    finding = doctor.check_versions(tmp_path / "constraints.txt")
    assert not finding.ok
    assert str(tmp_path / "constraints.txt") in finding.found


def test_jupyterlab_is_imported_or_the_reason_is_given(tmp_path, monkeypatch):
    assert doctor.check_jupyterlab().ok
    (tmp_path / "broken_lab.py").write_text("raise OSError('half installed')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert doctor.check_jupyterlab("broken_lab").found == "OSError: half installed"


def test_course_data_that_opens_is_ok(home):
    assert doctor.check_course_data(home).ok


def test_missing_tables_are_named(home):
    shutil.rmtree(home / "datasets" / "company" / "orders")
    finding = doctor.check_course_data(home)
    assert not finding.ok
    assert finding.found.endswith("has no table orders")
    assert "crmlab lab" in finding.advice


def test_a_damaged_file_is_named(home):
    damaged = home / "datasets" / "company" / "orders" / "part-00000.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-10])
    finding = doctor.check_course_data(home)
    assert not finding.ok
    assert str(damaged) in finding.found


def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path, monkeypatch):
    assert doctor.check_write_access("home", tmp_path).ok
    assert not doctor.check_write_access("home", tmp_path / "not there").ok

    # The superuser may write in every folder, so the system's refusal is made up.
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    finding = doctor.check_write_access("home", tmp_path)
    assert finding.found == f"cannot write in {tmp_path}: Permission denied"
    assert str(tmp_path) in finding.advice


def test_a_taken_port_is_not_free_and_the_lab_takes_another():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert not is_port_free(taken.getsockname()[1])
    with socket.socket() as server:
        port = first_free_port()
        server.bind(("127.0.0.1", port))
        server.listen()
        assert first_free_port() != port


def test_no_free_port_is_a_failure():
    finding = doctor.check_port(lambda: None)
    assert not finding.ok
    assert "--port" in finding.advice


def test_the_command_prints_a_line_a_check_and_its_exit_code_tells(home, monkeypatch):
    monkeypatch.setenv("CRMLAB_HOME", str(home))
    monkeypatch.setattr(doctor, "check_versions", lambda path: doctor.Finding("versions", True, "as pinned"))
    sound = CliRunner().invoke(app, ["doctor"])
    assert sound.exit_code == 0, sound.output
    checks = [line for line in sound.output.splitlines() if line.startswith(("ok", "FAIL"))]
    assert len(checks) == 7
    shutil.rmtree(home / "datasets")
    faulty = CliRunner().invoke(app, ["doctor"])
    assert faulty.exit_code == 1
    assert "FAIL  course data" in faulty.output
    assert "What to do:" in faulty.output


def test_a_home_that_is_not_there_is_a_failure_and_the_other_checks_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLAB_HOME", str(tmp_path / "gone"))
    findings = {finding.check: finding for finding in doctor.examine()}
    assert not findings["home"].ok
    assert "CRMLAB_HOME" in findings["home"].found
    assert "port" in findings
