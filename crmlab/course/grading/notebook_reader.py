"""A student's notebook from bytes: its cells in plain form, or the reason why there is none. Never an exception."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 25_000_000
MOST_CELLS = 5_000
_MOST_DIGITS = 4_000


class UnreadableError(ValueError):
    """A submission that is no notebook; the message is the reason, for the student too."""


@dataclass(frozen=True)
class StudentCell:
    """A cell as it was handed in: `name` is nbgrader's name of it, `outputs` are those stored in the notebook."""

    kind: str
    source: str
    cell_id: str | None
    name: str | None
    outputs: tuple[Mapping[str, Any], ...] = ()


def read_cells(content: bytes) -> list[StudentCell]:
    """The cells of a notebook of format 3 or 4. Raises UnreadableError, and nothing else, for any other bytes.

    >>> read_cells(b"not a notebook")
    Traceback (most recent call last):
        ...
    crmlab.course.grading.notebook_reader.UnreadableError: the file is not JSON, so it is not a notebook
    """
    if not content:
        raise UnreadableError("the file is empty")
    if len(content) > MOST_BYTES:
        raise UnreadableError(f"the file is larger than {MOST_BYTES // 1_000_000} MB: clear the outputs and save again")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("the file is not text, so it is not a notebook") from None
    try:
        tree = json.loads(text, parse_int=_number)
    except RecursionError:
        raise UnreadableError("the file is nested too deep for a notebook") from None
    except ValueError:
        raise UnreadableError("the file is not JSON, so it is not a notebook") from None
    cells = [_cell(each) for each in _raw_cells(tree)]
    if len(cells) > MOST_CELLS:
        raise UnreadableError(f"the notebook has more than {MOST_CELLS:,} cells")
    if not any(cell.source.strip() for cell in cells):
        raise UnreadableError("the notebook has no cell with anything in it")
    return cells


def _number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number with too many digits")
    return int(digits)


def _raw_cells(tree: Any) -> list[Any]:
    """The cells of a notebook, whichever its format: 3 keeps them in worksheets, and calls things otherwise."""
    if not isinstance(tree, dict):
        raise UnreadableError("the file is JSON, but not a notebook")
    if isinstance(tree.get("worksheets"), list):
        sheets = [sheet for sheet in tree["worksheets"] if isinstance(sheet, dict)]
        found = [cell for sheet in sheets if isinstance(sheet.get("cells"), list) for cell in sheet["cells"]]
    elif isinstance(tree.get("cells"), list):
        found = tree["cells"]
    else:
        raise UnreadableError("the file is JSON, but not a notebook (it has no cells)")
    if not found:
        raise UnreadableError("the notebook has no cells")
    return found


def _cell(raw: Any) -> StudentCell:
    if not isinstance(raw, dict):
        return StudentCell("raw", "", None, None)
    kind = raw.get("cell_type")
    if kind not in ("code", "markdown"):
        kind = "raw"
    source = text_of(raw.get("source", raw.get("input")))
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), dict) else {}
    own = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    outputs = raw.get("outputs") if isinstance(raw.get("outputs"), list) else []
    return StudentCell(
        kind,
        source,
        _name(raw.get("id", metadata.get("id"))),
        _name(own.get("grade_id")),
        tuple(output for output in outputs if isinstance(output, dict)),
    )


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= 100 else None


def text_of(value: Any) -> str:
    """The text of a source or an output, which may be one text or a list of lines."""
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    if not isinstance(value, str):
        return ""
    # Half of a surrogate pair can stand in JSON, but in no file.
    return value.encode("utf-8", "replace").decode("utf-8")
