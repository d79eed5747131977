"""The course as students get it, in one zip: no solutions, no answer keys, no hidden truth.

What goes in is listed, not what stays out, so that a new folder is not handed out by accident.
"""

import zipfile
from pathlib import Path

from crmlab.whole_files import whole_file

FOLDERS = ("crmlab", "notebooks", "exercises", "datasets/company")
FILES = (
    "LICENSE",
    "LICENSE-TEXT",
    "README.md",
    "constraints.txt",
    "datasets/README.md",
    "datasets/company.json",
    "environment.yml",
    "pyproject.toml",
    "start.py",
)
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints")
TOP = "crmlab-course"
# A zip cannot say "no date"; this is the first that it can say.
_DATE = (1980, 1, 1, 0, 0, 0)


def bundled_files(home: Path) -> list[Path]:
    """The files that students may have, in order, relative to the lab's folder.

    Raises FileNotFoundError when the course company, an exercise or the package is missing.
    """
    for folder in FOLDERS:
        if not (home / folder).is_dir():
            raise FileNotFoundError(f"{home} has no folder {folder}/, which belongs in the bundle")
    found = [home / name for name in FILES if (home / name).is_file()]
    for folder in FOLDERS:
        inside = (path for path in (home / folder).rglob("*") if path.is_file())
        found += [path for path in inside if not _is_left_out(path.relative_to(home))]
    return sorted(path.relative_to(home) for path in found)


def write_bundle(home: Path, out: Path) -> list[Path]:
    """Write the zip, whole or not at all; gives the files in it. The same files always give the same bytes.

    Raises FileNotFoundError as `bundled_files`.
    """
    names = bundled_files(home)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(out) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(f"{TOP}/{name.as_posix()}", _DATE)
            # Otherwise the entry says on which system the zip was made.
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, (home / name).read_bytes())
    return names


def _is_left_out(name: Path) -> bool:
    return any(part in LEFT_OUT or part.startswith(".") or part == "truth" for part in name.parts) or (
        name.suffix in (".pyc", ".partial")
    )
