"""start.py: it installs when something changed, does nothing when nothing did, and heals what was cut short or moved.

Most tests put a recorder in the place of `venv` and `pip`; one installs a small project for real, without a network.
"""

import ast
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A build backend in the project itself: pip needs no other package for it, so a real install needs no network.
BACKEND = """
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "crmlab-0-py3-none-any.whl"
    info = "crmlab-0.dist-info/"
    with zipfile.ZipFile(wheel_directory + "/" + name, "w") as wheel:
        wheel.writestr("crmlab.pth", {root!r})
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: crmlab\\nVersion: 0\\nProvides-Extra: test\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "crmlab"
version = "0"
"""
CHILD = "import sys; print('child', *sys.argv[1:]); sys.exit(7)"


@pytest.fixture
def start():
    spec = importlib.util.spec_from_file_location("start", ROOT / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler = signal.getsignal(signal.SIGTERM)
    yield module
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project in a folder with a space in its name; its crmlab and pytest print their arguments."""
    root = tmp_path / "my lab"
    (root / "crmlab").mkdir(parents=True)
    (root / "crmlab" / "__init__.py").touch()
    (root / "crmlab" / "__main__.py").write_text(CHILD, encoding="utf-8")
    (root / "pytest.py").write_text(CHILD, encoding="utf-8")
    (root / "backend.py").write_text(BACKEND.format(root=str(root)), encoding="utf-8")
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "constraints.txt").touch()
    shutil.copy(ROOT / "start.py", root)
    return root


class Recorder:
    """In the place of subprocess.call: notes which step was asked for, and makes what a real step would leave."""

    def __init__(self, start, root: Path) -> None:
        self.start, self.root = start, root
        self.steps: list[str] = []
        self.pip_code = 0
        self.pip_raises: type[BaseException] | None = None

    def __call__(self, command, cwd=None):
        if command[1:3] == ["-m", "venv"]:
            self.steps.append("venv")
            environment = Path(command[-1])
            if environment.exists():
                shutil.rmtree(environment)
            python = self.start.environment_python(environment)
            python.parent.mkdir(parents=True)
            python.touch()
            return 0
        assert command[1:3] == ["-m", "pip"]
        assert command[-5:] == ["install", "-c", "constraints.txt", "-e", ".[test]"]
        assert cwd == str(self.root)
        self.steps.append("pip")
        if self.pip_raises:
            raise self.pip_raises
        return self.pip_code

    def taken(self) -> list[str]:
        """The steps since the last question."""
        steps, self.steps = self.steps, []
        return steps


@pytest.fixture
def recorder(start, project, monkeypatch):
    recorder = Recorder(start, project)
    monkeypatch.setattr(start.subprocess, "call", recorder)

    # The recorder's environments hold no Python that could be asked; a sound one gives this answer.
    def answer(command, **options):
        environment = Path(command[0]).parent.parent
        if not Path(command[0]).exists():
            raise FileNotFoundError(command[0])
        return subprocess.CompletedProcess(command, 0, stdout=f"True {environment}\n".encode())

    monkeypatch.setattr(start.subprocess, "run", answer)
    return recorder


def test_the_first_start_makes_the_environment_and_the_second_does_nothing(start, project, recorder):
    python = start.ensure_environment(project)
    assert recorder.taken() == ["venv", "pip"]
    assert start.ensure_environment(project) == python
    assert recorder.taken() == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_file_installs_again_into_the_same_environment(start, project, recorder, name):
    start.ensure_environment(project)
    recorder.taken()
    with (project / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    start.ensure_environment(project)
    assert recorder.taken() == ["pip"]
    start.ensure_environment(project)
    assert recorder.taken() == []


def test_an_install_that_was_cut_short_is_done_again_from_the_start(start, project, recorder):
    recorder.pip_raises = KeyboardInterrupt
    assert start.main([], project) == 130
    assert recorder.taken() == ["venv", "pip"]
    recorder.pip_raises = None
    start.ensure_environment(project)
    assert recorder.taken() == ["venv", "pip"]


def test_an_install_that_fails_is_an_error_and_is_done_again(start, project, recorder, capsys):
    recorder.pip_code = 1
    assert start.main([], project) == 1
    assert "could not all be installed" in capsys.readouterr().err
    recorder.taken()
    recorder.pip_code = 0
    start.ensure_environment(project)
    assert recorder.taken() == ["venv", "pip"]


def test_an_environment_made_by_hand_is_used(start, project, recorder):
    recorder([sys.executable, "-m", "venv", str(project / ".venv")])
    recorder.taken()
    start.ensure_environment(project)
    assert recorder.taken() == ["pip"]


def test_an_environment_whose_python_is_gone_is_made_again(start, project, recorder):
    python = start.ensure_environment(project)
    recorder.taken()
    python.unlink()
    start.ensure_environment(project)
    assert recorder.taken() == ["venv", "pip"]


def test_a_half_made_environment_is_made_again(start, project, recorder):
    (project / ".venv" / "lib").mkdir(parents=True)
    start.ensure_environment(project)
    assert recorder.taken() == ["venv", "pip"]


def test_an_environment_that_moved_with_its_folder_is_made_again(start, project, recorder):
    start.ensure_environment(project)
    recorder.taken()
    moved = project.with_name("another lab")
    project.rename(moved)
    recorder.root = moved
    start.ensure_environment(moved)
    assert recorder.taken() == ["venv", "pip"]


def test_another_python_makes_the_environment_again(start, project, recorder):
    start.ensure_environment(project)
    recorder.taken()
    stamp = project / ".venv" / start.STAMP_NAME
    this_python = f"python {sys.version_info[0]}.{sys.version_info[1]}"
    stamp.write_text(stamp.read_text(encoding="utf-8").replace(this_python, "python 3.10"), encoding="utf-8")
    start.ensure_environment(project)
    assert recorder.taken() == ["venv", "pip"]


def test_a_python_without_ensurepip_is_told_what_to_install(start, project, recorder, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name))
    assert start.main([], project) == 1
    assert "python3-venv" in capsys.readouterr().err
    assert recorder.taken() == []


def test_the_environment_that_runs_start_py_is_not_taken_from_under_it(start, project, recorder, monkeypatch, capsys):
    monkeypatch.setattr(start.sys, "prefix", str(project / ".venv"))
    assert start.main([], project) == 1
    assert "deactivate" in capsys.readouterr().err


def test_an_old_python_is_told_so(start, project, recorder, monkeypatch, capsys):
    monkeypatch.setattr(start.sys, "version_info", (3, 10, 14))
    assert start.main([], project) == 2
    assert "needs Python 3.11 or later; this is Python 3.10.14" in capsys.readouterr().err
    assert recorder.taken() == []


def test_an_old_python_can_read_the_file():
    ast.parse((ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_nothing_but_the_standard_library_is_imported():
    tree = ast.parse((ROOT / "start.py").read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal that it could pass on")
def test_a_request_to_stop_goes_on_to_the_child(start, tmp_path):
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    began = time.monotonic()
    assert start.run([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 30


def test_a_real_install_once_and_the_commands_are_handed_over_from_any_folder(project, tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, str(project / "start.py"), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False)

    first = run("--no-browser", "--port", "9000")
    assert (first.returncode, first.stdout.splitlines()[-1]) == (7, "child lab --no-browser --port 9000"), first.stderr
    assert "Making the environment" in first.stdout
    second = run("test", "-k", "ties and not slow")
    assert (second.returncode, second.stdout, second.stderr) == (7, "child -k ties and not slow\n", "")
