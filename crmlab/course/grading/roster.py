"""The class list: who should have handed in."""

import csv
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Enrolled:
    """A student of the class: the name that the gradebook uses, the LMS's number, and the name to show."""

    student: str
    lms_id: str = ""
    name: str = ""


class RosterError(ValueError):
    """A class list that cannot be used; the message says why."""


def read_roster(path: Path) -> list[Enrolled]:
    """The students in a CSV with a column `student`, and `id` and `name` where they are known.

    Raises RosterError.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RosterError(f"the roster {path} cannot be read: {error}") from error
    if not rows or "student" not in rows[0]:
        found = ", ".join(str(name) for name in rows[0]) if rows else "no rows"
        raise RosterError(f"the roster {path} has no column 'student' (found: {found})")
    enrolled = [
        Enrolled((row["student"] or "").strip(), (row.get("id") or "").strip(), (row.get("name") or "").strip())
        for row in rows
    ]
    names = [each.student for each in enrolled]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice or "" in names:
        raise RosterError(f"the roster {path} has {f'{twice[0]!r} twice' if twice else 'a row without a student'}")
    return enrolled


def as_fields(enrolled: list[Enrolled]) -> list[dict[str, str]]:
    """The list as plain values, for a file."""
    return [asdict(each) for each in enrolled]
