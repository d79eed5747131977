"""The files in a zip of submissions, as an LMS exports it. Nothing is unpacked, and no path in it is followed."""

import datetime as dt
import zipfile
from pathlib import Path

from crmlab.course.grading.handed_in import CANVAS, LEFT_OUT, MOODLE, Submission, clean_name
from crmlab.course.grading.notebook_reader import MOST_BYTES

_MOST_FILES = 100_000


def files_in_zip(path: Path, archive: zipfile.ZipFile) -> list[Submission]:
    """All files of the zip at `path`, opened as `archive`. Raises ValueError when it holds too many."""
    found: list[Submission] = []
    infos = archive.infolist()
    if len(infos) > _MOST_FILES:
        raise ValueError(f"{path} holds more than {_MOST_FILES:,} files")
    for number, info in enumerate(infos):
        name = info.filename.replace("\\", "/")
        parts = [part for part in name.split("/") if part not in ("", ".", "..")]
        if info.is_dir() or not parts or any(part in LEFT_OUT for part in parts) or parts[-1].startswith("."):
            continue
        found.append(_entry(path, number, info, parts))
    return found


def _entry(path: Path, number: int, info: zipfile.ZipInfo, parts: list[str]) -> Submission:
    try:
        # A zip's times have no zone: the policy says which.
        moment = dt.datetime(*info.date_time)
    except ValueError:
        moment = None
    problem = "it is locked with a password" if info.flag_bits & 1 else None
    if info.filename.startswith(("/", "\\")) or ".." in info.filename.replace("\\", "/").split("/"):
        return Submission(
            clean_name(info.filename), info.filename, path, number, problem="its path leads out of the zip"
        )
    if info.file_size > MOST_BYTES:
        problem = f"the file is larger than {MOST_BYTES // 1_000_000} MB: clear the outputs and save again"
    moodle, canvas = (
        MOODLE.fullmatch("/".join(parts[-2:])) or MOODLE.fullmatch(parts[-1]),
        CANVAS.fullmatch(parts[-1]),
    )
    if moodle:
        name, lms_id, late = moodle["name"], moodle["id"], False
    elif canvas:
        name, lms_id, late = canvas["name"], canvas["id"], canvas["late"] is not None
    else:
        # A zip of folders or flat files, as `SUBMISSIONS_DIR` would hold them.
        name, lms_id, late = parts[-2] if len(parts) > 1 else Path(parts[0]).stem, "", False
    return Submission(
        clean_name(name), "/".join(parts), path, number, lms_id, submitted_at=moment, late=late, problem=problem
    )
