"""One file that was handed in: whose it is, where it stands, and how an LMS names it."""

import datetime as dt
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = ("__MACOSX", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "desktop.ini")
#: Canvas: name, LATE or not, its number of the student, its number of the file, the file's name.
CANVAS = re.compile(r"(?P<name>[^_/]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_(?P<file>[^/]+)")
#: Moodle: name, its number of the participant, then the file in a folder or behind an underscore.
MOODLE = re.compile(r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_file_?/?(?P<file>[^/]*)")
_MOST_NAME = 100


@dataclass(frozen=True)
class Submission:
    """One file that was handed in. `where` says which, for people; `lms_id` is the LMS's number of the student.

    `problem` is why it cannot be read, known before it is opened; `late` what the LMS itself says.
    """

    student: str
    where: str
    path: Path
    entry: int | None = None
    lms_id: str = ""
    attempt: int = 1
    submitted_at: dt.datetime | None = None
    late: bool = False
    problem: str | None = None


def clean_name(name: str) -> str:
    """A student's name without what could confuse a file system, a terminal or a spreadsheet.

    A name that had to be changed gets a mark made from the whole of it, so that nobody can take another's name.

    >>> clean_name("Ada Lovelace"), clean_name("../../etc/passwd")
    ('Ada Lovelace', 'etc passwd~3754')
    """
    plain = "".join(" " if each in "/\\" or unicodedata.category(each)[0] == "C" else each for each in name)
    plain = " ".join(plain.split()).strip(". ")[:_MOST_NAME].strip() or "no name"
    if plain == name:
        return name
    return f"{plain}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:4]}"
