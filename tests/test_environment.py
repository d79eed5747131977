"""environment.yml, pyproject.toml and constraints.txt say the same, so that every way to install gives the same lab."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONSTRAINT_LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = PROJECT["dependencies"] + [each for extra in EXTRAS.values() for each in extra]
PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[A-Za-z0-9.+!]+( ; .+)?")


def unpinned(dependencies: list[str], constraint_lines: list[str]) -> list[str]:
    """The dependencies that no constraint pins, or that one pins to a version that they do not admit."""
    pins: dict[str, list[str]] = {}
    for pin in map(Requirement, constraint_lines):
        pins.setdefault(canonicalize_name(pin.name), []).append(str(pin.specifier).removeprefix("=="))
    faults = []
    for dependency in map(Requirement, dependencies):
        versions = pins.get(canonicalize_name(dependency.name), [])
        if not versions:
            faults.append(f"{dependency.name} is not pinned")
        faults += [f"{dependency} does not admit {v}" for v in versions if not dependency.specifier.contains(v)]
    return faults


def test_every_dependency_is_pinned_at_a_version_that_it_admits():
    assert unpinned(DIRECT, CONSTRAINT_LINES) == []


def test_a_missing_or_a_wrong_pin_would_be_seen():
    assert unpinned(["pandas>=2.3", "scipy"], ["pandas==2.2.0"]) == [
        "pandas>=2.3 does not admit 2.2.0",
        "scipy is not pinned",
    ]


@pytest.mark.parametrize("line", CONSTRAINT_LINES)
def test_a_constraint_is_a_plain_pin(line):
    # No hashes (they refuse an editable install), no index addresses, no folders of one machine.
    assert PIN.fullmatch(line)
    assert Requirement(line).url is None


@pytest.mark.parametrize("line", ["numpy==2.4.6 --hash=sha256:00", "--index-url https://example.org", "numpy>=2", ""])
def test_what_is_not_a_plain_pin_would_be_seen(line):
    assert not PIN.fullmatch(line)


def test_no_package_is_pinned_twice():
    names = [canonicalize_name(Requirement(line).name) for line in CONSTRAINT_LINES]
    assert sorted(set(names)) == sorted(names)


def test_the_environment_is_python_pip_and_the_same_constraints():
    assert list(ENVIRONMENT) == ["name", "channels", "dependencies"]
    assert ENVIRONMENT["name"] == PROJECT["name"]
    assert ENVIRONMENT["channels"] == ["conda-forge"]
    python, pip, with_pip = ENVIRONMENT["dependencies"]
    assert (pip, with_pip) == ("pip", {"pip": ["-c constraints.txt", "-e .[test]"]})
    name, version = python.split("=")
    assert name == "python"
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert "test" in EXTRAS


def test_start_py_installs_the_same_and_asks_for_the_same_python():
    source = (ROOT / "start.py").read_text(encoding="utf-8")
    assert '"-c", "constraints.txt", "-e", ".[test]"' in source
    (oldest,) = re.findall(r"OLDEST_PYTHON = \((\d+), (\d+)\)", source)
    assert PROJECT["requires-python"] == ">=" + ".".join(oldest)
