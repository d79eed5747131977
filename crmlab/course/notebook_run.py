"""Run a solution notebook's code on a company, and collect the answers that it would check.

Only for notebooks of the course's own authors: the code runs in this process. A student's notebook never does.
"""

import builtins
from collections.abc import Mapping
from typing import Any

from crmlab.course.codec import plain
from crmlab.course.parameters import Parameters
from crmlab.course.session import lab_session


class NotebookFailedError(Exception):
    """A solution notebook that raises on some company; the message names the cell."""


def run_answers(notebook: Mapping[str, Any], company: Any, parameters: Parameters) -> dict[str, Any]:
    """The answers of a notebook's check cells, by question, on a company with parameters.

    Raises NotebookFailedError.
    """
    answers: dict[str, Any] = {}
    # What the cells print is for students; threads share one standard output, so the cells get a silent print.
    silent = {"print": lambda *values, **options: None, "display": lambda *values, **options: None}
    names = {"__name__": "__main__", "__builtins__": {**vars(builtins), **silent}}
    with lab_session(company, parameters, lambda name, value: answers.__setitem__(name, plain(value))):
        for place, cell in enumerate(notebook["cells"], start=1):
            if cell["cell_type"] == "code":
                _run_cell(cell["source"], f"cell {place}", names)
    return answers


def _run_cell(source: str, where: str, names: dict[str, Any]) -> None:
    try:
        exec(compile(source, f"<{where}>", "exec"), names)
    except Exception as error:
        first_line = source.strip().splitlines()[0]
        raise NotebookFailedError(f"{where} ({first_line}): {type(error).__name__}: {error}") from error
