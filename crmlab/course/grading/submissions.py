"""What was handed in: one entry for each notebook of each student, found in folders, flat files or a zip of an LMS.

Nothing is unpacked to disk, no link is followed, and a file that is no notebook is an entry too, with the reason.
"""

import datetime as dt
import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from crmlab.course.grading.handed_in import CANVAS, LEFT_OUT, MOODLE, Submission, clean_name
from crmlab.course.grading.notebook_reader import MOST_BYTES, UnreadableError
from crmlab.course.grading.submissions_zip import files_in_zip

#: What Python's zip reader raises for damaged, locked or odd files.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    RuntimeError,
    EOFError,
    ValueError,
    OverflowError,
)
_ATTEMPT = re.compile(r"[-_ ]\(?(\d{1,3})\)?$")


class Source:
    """The submissions of a class, and their bytes."""

    def __init__(self, submissions: Sequence[Submission], archive: zipfile.ZipFile | None = None):
        self.submissions = list(submissions)
        self._archive = archive

    def read(self, submission: Submission) -> bytes:
        """The bytes of a submission, of which no more than can be graded. Raises UnreadableError."""
        if submission.problem is not None:
            raise UnreadableError(submission.problem)
        try:
            if submission.entry is None:
                with submission.path.open("rb") as file:
                    return file.read(MOST_BYTES + 1)
            info = self._archive.infolist()[submission.entry]
            with self._archive.open(info) as file:
                return file.read(MOST_BYTES + 1)
        except (*_DAMAGED, OSError) as error:
            raise UnreadableError(f"the file cannot be read ({type(error).__name__})") from None


@contextmanager
def open_submissions(path: Path, exercise: str) -> Iterator[Source]:
    """The submissions of an exercise in a folder or zip.

    Raises FileNotFoundError when there is none such, ValueError for a file that is no zip.
    """
    if path.is_dir():
        inside = [each for each in path.iterdir() if each.name not in LEFT_OUT]
        if len(inside) != 1 or inside[0].suffix.lower() != ".zip" or inside[0].is_symlink():
            yield Source(_numbered(_in_folder(path, exercise)))
            return
        path = inside[0]
    if not path.is_file():
        raise FileNotFoundError(f"there is no folder or zip of submissions at {path}")
    try:
        archive = zipfile.ZipFile(path)
    except (*_DAMAGED, OSError) as error:
        raise ValueError(f"{path} is not a folder, and not a zip that can be read ({error})") from error
    with archive:
        yield Source(_numbered(_wanted(files_in_zip(path, archive), exercise)), archive)


def _in_folder(folder: Path, exercise: str) -> list[Submission]:
    found: list[Submission] = []
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT or path.name.startswith("."):
            continue
        if path.is_symlink():
            found.append(_file(path, path.stem, "it is a link, not a file"))
        elif path.is_dir():
            found += _of_student(path, exercise)
        else:
            canvas = CANVAS.fullmatch(path.name)
            if canvas:
                one = _file(path, canvas["name"])
                found.append(replace(one, lms_id=canvas["id"], late=canvas["late"] is not None))
            else:
                found.append(_file(path, path.stem))
    return found


def _of_student(folder: Path, exercise: str) -> list[Submission]:
    """The notebooks of one student's folder: those called after the exercise, else the only one."""
    moodle = MOODLE.fullmatch(folder.name)
    name, lms_id = (moodle["name"], moodle["id"]) if moodle else (folder.name, "")
    inside = [path for path in sorted(folder.iterdir()) if path.name not in LEFT_OUT and not path.name.startswith(".")]
    notebooks = [path for path in inside if path.suffix.lower() == ".ipynb"]
    named = [path for path in notebooks if _is_of(path.stem, exercise)] or notebooks
    if not named and inside:
        named = inside[:1]
    if not named:
        return [replace(_file(folder, name, "the folder has no file in it"), lms_id=lms_id)]
    if len(named) > 1 and not all(_is_of(path.stem, exercise) for path in named):
        names = ", ".join(path.name for path in named[:5])
        problem = f"several notebooks, none called {exercise}.ipynb ({names})"
        return [replace(_file(named[0], name, problem), lms_id=lms_id)]
    return [
        replace(_file(path, name, "it is a link, not a file" if path.is_symlink() else None), lms_id=lms_id)
        for path in named
    ]


def _file(path: Path, name: str, problem: str | None = None) -> Submission:
    details = path.lstat()
    if problem is None and not stat.S_ISREG(details.st_mode):
        problem = "it is not a plain file"
    if problem is None and details.st_size > MOST_BYTES:
        problem = f"the file is larger than {MOST_BYTES // 1_000_000} MB: clear the outputs and save again"
    # To the second, in universal time: the same on every machine.
    moment = dt.datetime.fromtimestamp(int(details.st_mtime), dt.UTC)
    return Submission(clean_name(name), f"{path.parent.name}/{path.name}", path, submitted_at=moment, problem=problem)


def _wanted(found: list[Submission], exercise: str) -> list[Submission]:
    """Of a student's files the notebooks called after the exercise, else the notebooks, else the first file."""
    by_student: dict[tuple[str, str], list[Submission]] = {}
    for each in found:
        by_student.setdefault((each.student, each.lms_id), []).append(each)
    wanted: list[Submission] = []
    for files in by_student.values():
        notebooks = [each for each in files if each.where.lower().endswith(".ipynb")]
        named = [each for each in notebooks if _is_of(_file_stem(each), exercise)]
        wanted += named or notebooks or files[:1]
    return wanted


def _file_stem(submission: Submission) -> str:
    name = submission.where.rsplit("/", 1)[-1]
    match = CANVAS.fullmatch(name) or MOODLE.fullmatch(name)
    return Path(match["file"] if match else name).stem


def _is_of(stem: str, exercise: str) -> bool:
    return stem == exercise or (stem.startswith(exercise) and _ATTEMPT.fullmatch(stem[len(exercise) :]) is not None)


def _numbered(found: list[Submission]) -> list[Submission]:
    """Attempts numbered for each student, in the order of the numbers in their names and then of time."""
    names: dict[str, set[str]] = {}
    for each in found:
        names.setdefault(each.student, set()).add(each.lms_id)
    groups: dict[str, list[Submission]] = {}
    for each in found:
        student = each.student if len(names[each.student]) == 1 else f"{each.student} {each.lms_id}"
        groups.setdefault(student, []).append(replace(each, student=student))
    numbered: list[Submission] = []
    for student in sorted(groups):
        ordered = sorted(groups[student], key=lambda each: (_attempt_number(each), str(each.submitted_at), each.where))
        numbered += [replace(each, attempt=place) for place, each in enumerate(ordered, start=1)]
    return numbered


def _attempt_number(submission: Submission) -> int:
    match = _ATTEMPT.search(_file_stem(submission))
    return int(match[1]) if match else 0
