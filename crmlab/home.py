"""Where the lab is: the folder that holds `notebooks/` and `datasets/`."""

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class HomeNotFoundError(FileNotFoundError):
    """The lab's folder is not where it was looked for."""


def find_home() -> Path:
    """The lab's root: what `CRMLAB_HOME` names, else the folder above the package when it has `notebooks/`.

    `datasets/` is not asked for: `crmlab lab` makes the course company when it is missing.

    Raises HomeNotFoundError, which says what was looked for and where.

    >>> (find_home() / "notebooks").is_dir()
    True
    """
    named = os.environ.get("CRMLAB_HOME")
    if named:
        home = Path(named).expanduser().resolve()
        if not home.is_dir():
            raise HomeNotFoundError(f"CRMLAB_HOME names {home}, which is not a folder: correct it or unset it")
        return home
    if (PROJECT_ROOT / "notebooks").is_dir():
        return PROJECT_ROOT
    raise HomeNotFoundError(
        f"the lab's folder was not found: {PROJECT_ROOT} (the folder above the package crmlab) has no notebooks/. "
        "Install crmlab from its repository (pip install -e .), or set CRMLAB_HOME to the folder with notebooks/ and "
        "datasets/"
    )
