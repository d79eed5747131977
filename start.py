"""The two commands of CRM Lab.

    python start.py [options]      open the lab (options of `crmlab lab`: --no-browser, --port, --ip)
    python start.py test [options] pass the tests (options of pytest)

It makes the environment `.venv` beside this file and installs the packages at the versions of `constraints.txt`. When
nothing has changed since the last time it installs nothing. Nothing but Python is needed; older versions of Python can
read this file, so that they can say what is missing.
"""

import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 11)
STAMP_NAME = "crmlab-installed.txt"
INTERRUPTED = "an install has begun and has not ended"


class StartError(Exception):
    """A reason why the lab cannot start, in words for the person at the keyboard."""


def environment_python(environment):
    """Where the environment's own Python is: Windows has another place for it than Linux and macOS."""
    if os.name == "nt":
        return environment / "Scripts" / "python.exe"
    return environment / "bin" / "python"


def wanted_stamp(root):
    """What the environment must agree with: the two files that say what to install, Python, and where the folder is."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes() + b"\0")
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"packages {digest.hexdigest()}\npython {python}\nfolder {root}\n"


def read_stamp(environment):
    stamp = environment / STAMP_NAME
    return stamp.read_text(encoding="utf-8") if stamp.exists() else ""


def write_stamp(environment, text):
    """Write the stamp whole: a stamp cut short would vouch for an install that nobody finished."""
    partial = environment / (STAMP_NAME + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(environment / STAMP_NAME)


def is_usable(environment, root):
    """Can packages be installed into this environment as it is, or must it be made again?

    Not when an install was cut short in it, when its folder was moved (its scripts hold the old path), when it is of
    another version of Python, or when its Python or pip does not run.
    """
    stamp = read_stamp(environment)
    same_place_and_python = wanted_stamp(root).splitlines()[1:] == stamp.splitlines()[1:]
    if stamp and not same_place_and_python:
        return False
    question = f"import pip, sys; print(sys.version_info[:2] == {sys.version_info[:2]}, sys.prefix)"
    try:
        answer = subprocess.run(
            [str(environment_python(environment)), "-c", question],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    same_python, _, prefix = answer.stdout.decode(errors="replace").strip().partition(" ")
    return same_python == "True" and Path(prefix).resolve() == environment.resolve()


def make_environment(environment):
    """Make an empty environment with pip; what was in the folder goes."""
    if Path(sys.prefix).resolve() == environment.resolve():
        raise StartError(
            "The environment in .venv must be made again, and this Python runs from it.\n"
            "Leave it first (deactivate), then run the same command with the Python of your system."
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise StartError(
            f"This Python ({sys.executable}) cannot make environments: its module ensurepip is missing.\n"
            "On Debian and Ubuntu: sudo apt install python3-venv\n"
            "Elsewhere: install Python from https://www.python.org/downloads/"
        )
    print(f"Making the environment in {environment}", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", str(environment)]) != 0:
        raise StartError(f"The environment could not be made in {environment} (the reason stands above).")


def ensure_environment(root):
    """Make and fill the environment, unless it is already as the project's files ask; return its Python."""
    environment = root / ".venv"
    python = environment_python(environment)
    stamp = wanted_stamp(root)
    if read_stamp(environment) == stamp and python.exists():
        return python
    if not is_usable(environment, root):
        make_environment(environment)
    print("Installing the packages; the first time this takes some minutes.", flush=True)
    write_stamp(environment, INTERRUPTED)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install"]
    if subprocess.call([*pip, "-c", "constraints.txt", "-e", ".[test]"], cwd=str(root)) != 0:
        raise StartError(
            "The packages could not all be installed (pip's reason stands above).\n"
            "A connection to the package index is needed the first time. Run the same command again when it is there."
        )
    write_stamp(environment, stamp)
    return python


def run(command, root):
    """Run a command to its end and return its exit code; a request to stop goes on to it."""
    child = subprocess.Popen(command, cwd=str(root))
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            code = child.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            # Ctrl-C reaches the child as well, and it may ask whether it is meant: the child decides.
            continue


def main(arguments, root=ROOT):
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(str(part) for part in sys.version_info[:3])
        print(
            f"CRM Lab needs Python 3.11 or later; this is Python {found} ({sys.executable}).\n"
            "Install a newer one from https://www.python.org/downloads/ and run: python3 start.py",
            file=sys.stderr,
        )
        return 2
    try:
        python = ensure_environment(root)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next start does the install again.", file=sys.stderr)
        return 130
    if arguments[:1] == ["test"]:
        return run([str(python), "-m", "pytest", *arguments[1:]], root)
    return run([str(python), "-m", "crmlab", "lab", *arguments], root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
