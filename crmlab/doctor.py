"""What `crmlab doctor` looks at: each check says what it found and, when that is wrong, what to do."""

import importlib
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from crmlab.home import PROJECT_ROOT, HomeNotFoundError, find_home
from crmlab.lab_server import FIRST_PORT, PORTS_TRIED, first_free_port

OLDEST_PYTHON = (3, 11)
CORE_TABLES = ("customers", "orders", "order_lines", "products")
INSTALL = "run `python start.py`, or `pip install -c constraints.txt -e .` in the project's folder"
MOST_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, whether it is as it should be, what was found, what to do."""

    check: str
    ok: bool
    found: str
    advice: str = ""


def check_python(version: tuple[int, ...] | None = None) -> Finding:
    """Is this Python new enough?

    >>> check_python((3, 10, 4)).ok
    False
    """
    version = tuple(sys.version_info[:3]) if version is None else version
    found = f"Python {'.'.join(map(str, version))} in {sys.prefix}"
    advice = "install Python 3.11 or later from https://www.python.org/downloads/ and run `python start.py` with it"
    return Finding("Python", version >= OLDEST_PYTHON, found, advice)


def check_versions(constraints: Path) -> Finding:
    """Are the packages that crmlab needs installed at the versions of constraints.txt?"""
    if not constraints.is_file():
        return Finding("versions", False, f"no file {constraints}", "get the project's folder whole, then " + INSTALL)
    pins = read_pins(constraints)
    wrong = []
    for name in sorted(needed_packages("crmlab")):
        found = installed_version(name)
        wanted = pins.get(name, found)
        if found is None:
            wrong.append(f"{name} is missing")
        elif found != wanted:
            wrong.append(f"{name} is {found}, not {wanted}")
    if not wrong:
        return Finding("versions", True, f"the packages are at the versions of {constraints.name}")
    more = f" and {len(wrong) - MOST_NAMES_SHOWN} more" if len(wrong) > MOST_NAMES_SHOWN else ""
    return Finding("versions", False, "; ".join(wrong[:MOST_NAMES_SHOWN]) + more, INSTALL)


def check_jupyterlab(module: str = "jupyterlab.labapp") -> Finding:
    """Can JupyterLab be imported?

    >>> check_jupyterlab("jupyterlab_of_another_world").ok
    False
    """
    try:
        importlib.import_module(module)
    except Exception as error:
        # Whatever a broken install raises is the finding.
        return Finding("JupyterLab", False, f"{type(error).__name__}: {error}", INSTALL)
    return Finding("JupyterLab", True, f"JupyterLab {metadata.version('jupyterlab')} can be imported")


def check_course_data(home: Path) -> Finding:
    """Is the course company there, with its main tables, and can each Parquet file be opened?"""
    import pyarrow
    from pyarrow import parquet

    company = home / "datasets" / "company"
    make_again = f"delete {company} if it is there, and run `crmlab lab`, which makes it again"
    missing = [table for table in CORE_TABLES if not any((company / table).glob("part-*.parquet"))]
    if missing:
        return Finding("course data", False, f"{company} has no table {', '.join(missing)}", make_again)
    files = sorted(company.glob("*/part-*.parquet"))
    for file in files:
        try:
            parquet.read_metadata(file)
        except (OSError, pyarrow.ArrowException) as error:
            return Finding("course data", False, f"{file} cannot be read: {error}", make_again)
    tables = len({file.parent for file in files})
    return Finding("course data", True, f"{tables} tables in {company}")


def check_write_access(check: str, folder: Path) -> Finding:
    """Can files be made in this folder?

    >>> check_write_access("temporary files", Path(tempfile.gettempdir())).ok
    True
    """
    advice = f"give your account the right to write in {folder}, or move the project to a folder of your own"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"crmlab")
    except OSError as error:
        return Finding(check, False, f"cannot write in {folder}: {error.strerror or error}", advice)
    return Finding(check, True, f"can write in {folder}")


def check_port(find_port: Callable[[], int | None] = first_free_port) -> Finding:
    """Is there a port for the lab?

    >>> check_port(lambda: None).ok
    False
    """
    port = find_port()
    if port is None:
        last_port = FIRST_PORT + PORTS_TRIED - 1
        advice = "close other programs that serve pages, or choose a port: `crmlab lab --port 9100`"
        return Finding("port", False, f"no port from {FIRST_PORT} to {last_port} is free", advice)
    return Finding("port", True, f"the lab would use port {port}")


def examine() -> list[Finding]:
    """Every check, in the order in which a newcomer meets them."""
    findings = [check_python(), check_versions(PROJECT_ROOT / "constraints.txt"), check_jupyterlab()]
    try:
        home = find_home()
    except HomeNotFoundError as error:
        findings.append(Finding("home", False, str(error), "see the reason"))
    else:
        findings += [check_course_data(home), check_write_access("project's folder", home)]
    findings.append(check_write_access("temporary files", Path(tempfile.gettempdir())))
    findings.append(check_port())
    return findings


def read_pins(constraints: Path) -> dict[str, str]:
    """Package name -> version, for the lines of constraints.txt that are meant for this system."""
    pins = {}
    for line in constraints.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            pin = Requirement(text)
            if pin.marker is None or pin.marker.evaluate():
                pins[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    return pins


def needed_packages(root: str) -> set[str]:
    """The packages that `root` needs on this system, and those that these need, as their metadata says.

    >>> "tzdata" in needed_packages("pandas") or "numpy" in needed_packages("pandas")
    True
    """
    seen: set[tuple[str, str]] = set()
    waiting = [(root, "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for requirement in map(Requirement, requirements_of(name)):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(requirement.name), each) for each in ("", *requirement.extras)]
    return {name for name, _ in seen} - {root}


def requirements_of(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def report_line(finding: Finding) -> str:
    """One finding as a line of text.

    >>> report_line(Finding("port", True, "the lab would use port 8888"))
    'ok    port: the lab would use port 8888'
    """
    if finding.ok:
        return f"ok    {finding.check}: {finding.found}"
    return f"FAIL  {finding.check}: {finding.found}. What to do: {finding.advice}"


def system_line() -> str:
    """The system, for a report of a fault.

    >>> system_line().startswith("crmlab ")
    True
    """
    return f"crmlab {metadata.version('crmlab')} on {platform.platform()}"
