"""The outer walls: bubblewrap's command line, and what to do where there is no bubblewrap.

In the sandbox stand the interpreter, its environment, the package, and the hidden company's observable tables, all
read-only. There is no network, not even the host's own, no other process, no home. The inner walls of each submission
are in `inside/confine.py`.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import crmlab
from crmlab.course.grading.inside.confinement import SCRATCH

LAB = "/lab"
INSTALL = (
    "install bubblewrap: 'sudo apt install bubblewrap' (Debian, Ubuntu; on Windows inside WSL2), "
    "'sudo dnf install bubblewrap' (Fedora), 'sudo pacman -S bubblewrap' (Arch)"
)
UNSAFE = (
    "none (--unsafe): students' code runs as you, with your files, your network and the keys in reach; "
    "only time and the size of answers are limited"
)


class NoSandboxError(OSError):
    """There is no sandbox on this machine, or it does not work; the message says what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Seconds are of the wall clock; `output_mb` bounds all answers together."""

    cell_seconds: float = 30.0
    run_seconds: float = 120.0
    memory_mb: int = 2048
    scratch_mb: int = 256
    file_mb: int = 128
    processes: int = 64
    output_mb: int = 48


@dataclass(frozen=True)
class Isolation:
    """How submissions are kept from everything else: `safe`, and in words."""

    safe: bool
    words: str


@functools.cache
def find_isolation() -> Isolation:
    """The isolation that this machine can give, tried out.

    Raises NoSandboxError, which says how to get it.
    """
    if sys.platform != "linux":
        raise NoSandboxError(
            f"no sandbox on {sys.platform}: grade on Linux (on Windows in WSL2), or say --unsafe, which runs "
            "students' code unprotected"
        )
    program = shutil.which("bwrap")
    if program is None:
        raise NoSandboxError(f"bubblewrap is missing, so students' code cannot be run safely: {INSTALL}; or --unsafe")
    command = [program, *_namespaces(), "--ro-bind", "/", "/", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode != 0:
        raise NoSandboxError(
            f"bubblewrap does not work here ({tried.stderr.strip()}): the system forbids user namespaces (in a "
            "container: allow them; on Ubuntu: an AppArmor profile for bwrap), or say --unsafe"
        )
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    user = "another user" if os.geteuid() == 0 else "a user namespace"
    return Isolation(
        True,
        f"bubblewrap {version}: no network, read-only system, {user}, own process tree and temporary folder for each "
        "submission, limits on time, memory, processes and files",
    )


def sandbox_command(company: Path, arguments: Iterable[str], cache: Path | None = None) -> list[str]:
    """The command that runs Python with `arguments` behind the outer walls, beside a company.

    `cache`: a folder with filled stores, for exercises that open one.
    """
    package = Path(crmlab.__file__).resolve().parent
    binds = {path: path for path in _interpreter_paths()}
    binds[str(package)] = f"{LAB}/crmlab"
    binds[str(company)] = f"{LAB}/datasets"
    if cache is not None:
        binds[str(cache)] = f"{LAB}/cache"
    command = [shutil.which("bwrap") or "bwrap", *_namespaces()]
    for folder in _parents(binds.values()):
        command += ["--perms", "0755", "--dir", folder]
    for source, target in binds.items():
        command += ["--ro-bind", source, target]
    for name in ("lib", "lib64", "lib32"):
        if Path("/", name).is_symlink():
            command += ["--symlink", str(Path("/", name).readlink()), f"/{name}"]
        elif Path("/", name).is_dir():
            command += ["--ro-bind", f"/{name}", f"/{name}"]
    for path in ("/etc/ld.so.cache", "/usr/share/zoneinfo"):
        command += ["--ro-bind-try", path, path]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", SCRATCH]
    # The warm process writes here while it starts; each submission gets an empty folder of its own over it.
    command += [word for name in ("tmp", "home") for word in ("--dir", f"{SCRATCH}/{name}")]
    if not any(target == "/tmp" or target.startswith("/tmp/") for target in binds.values()):
        command += ["--symlink", f"{SCRATCH[1:]}/tmp", "/tmp"]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--clearenv"]
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    return [*command, sys.executable, "-s", "-B", *arguments]


def _namespaces() -> list[str]:
    flags = [
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-net",
        "--unshare-cgroup-try",
        "--new-session",
    ]
    # What the walls of each submission are built with; given up before a line of a student runs.
    needed = ["CAP_SYS_ADMIN"]
    if os.geteuid() == 0:
        needed += ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"]
    else:
        flags += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    flags += ["--cap-drop", "ALL"]
    for capability in needed:
        flags += ["--cap-add", capability]
    return flags


def _environment() -> dict[str, str]:
    one_thread = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": LAB,
        "PYTHONHASHSEED": "0",
        "CRMLAB_HOME": LAB,
        "CRMLAB_CACHE": f"{LAB}/cache",
        "HOME": f"{SCRATCH}/home",
        "TMPDIR": f"{SCRATCH}/tmp",
        "IPYTHONDIR": f"{SCRATCH}/home/.ipython",
        "MPLCONFIGDIR": f"{SCRATCH}/home/.matplotlib",
        "MPLBACKEND": "agg",
        **dict.fromkeys(one_thread, "1"),
    }


def _interpreter_paths() -> list[str]:
    """The folders and files that this Python needs, without one inside another."""
    real = Path(sys.executable).resolve()
    base = Path(sys.base_prefix).resolve()
    shared_with_system = base in (Path("/usr"), Path("/usr/local"))
    found = [base / "lib", real] if shared_with_system else [base]
    found += [Path(sys.prefix), Path(sys.prefix).resolve(), Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/lib32")]
    if shared_with_system and not Path(sys.executable).is_relative_to(sys.prefix):
        found.append(Path(sys.executable))
    found = sorted({path for path in found if path.exists() and path != Path("/usr")})
    return [str(path) for path in found if not any(path != other and path.is_relative_to(other) for other in found)]


def _parents(targets: Iterable[str]) -> list[str]:
    """The folders above the targets, from the top down: bubblewrap would make them readable by root only."""
    above = {str(parent) for target in targets for parent in Path(target).parents}
    return sorted(above - {"/"})
