"""One setting for all tests (unit tests, doctests and notebooks), wherever and by whomever they are run."""

import os
import sys
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parent

# The insides of the sandbox are Linux's own; Windows has no module to import for them.
collect_ignore = (
    [f"crmlab/course/grading/inside/{name}.py" for name in ("confine", "warm")] if sys.platform == "win32" else []
)


def pytest_configure(config: pytest.Config) -> None:
    # Lessons and doctests read the course company of this checkout, whatever the user's own settings are; the kernels
    # that execute the lessons inherit this.
    os.environ["CRMLAB_HOME"] = str(PROJECT_ROOT)
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ.pop("MPLBACKEND", None)
    # nbval looks for its settings from the current folder; pytest may be started in another one.
    sanitize_with = getattr(config.option, "nbval_sanitize_with", None)
    if sanitize_with:
        config.option.nbval_sanitize_with = str(PROJECT_ROOT / sanitize_with)
