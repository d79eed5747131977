"""The filled store that every private copy is made from: made once for a company, and kept in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from crmlab.company.observed import Company, company_folder
from crmlab.operational.fill import fill_store
from crmlab.operational.schema import schema_version
from crmlab.whole_files import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A class may switch between a few companies; more filled stores than these would only take up the disk.
_KEPT_TEMPLATES = 4


def _folder_of(company: Company | Path | str | None) -> Path:
    return company_folder(company.folder if isinstance(company, Company) else company)


def _content(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(each for each in (folder / "company").rglob("*") if each.is_file()):
        yield file.relative_to(folder).as_posix(), file.read_bytes()
    yield "company.json", (folder / "company.json").read_bytes()


def content_key(parts: Iterable[tuple[str, bytes]]) -> str:
    """A short name for exactly this content.

    >>> content_key([("company.json", b"{}")]) == content_key([("company.json", b"{ }")])
    False
    """
    whole = hashlib.sha256()
    for name, content in parts:
        whole.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return whole.hexdigest()[:16]


def company_key(company: Company | Path | str | None) -> str:
    """A short name for exactly what a company's observable tables hold."""
    return content_key(_content(_folder_of(company)))


def _cache_folder() -> Path | None:
    """Where templates are kept: in ``CRMLAB_CACHE``, else in the user's cache folder; nowhere where that cannot be
    written to (in a grading sandbox)."""
    named = os.environ.get("CRMLAB_CACHE")
    folder = (Path(named) if named else platformdirs.user_cache_path("crmlab", appauthor=False)) / "stores"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def _forget_old_templates(folder: Path) -> None:
    oldest_last = sorted(folder.glob("store-*.sqlite"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in oldest_last[_KEPT_TEMPLATES:]:
        # On Windows a template that another notebook is copying right now cannot be removed; the next call will.
        with contextlib.suppress(OSError):
            file.unlink()


def copy_template(company: Company | Path | str | None, path: Path) -> None:
    """Write a freshly filled store to ``path``, whole or not at all."""
    source = _folder_of(company)
    key = company_key(source)
    folder = _cache_folder()
    how_filled = hashlib.sha256(files("crmlab.operational").joinpath("fill.py").read_bytes()).hexdigest()[:8]
    template = None if folder is None else folder / f"store-{key}-{schema_version()}-{how_filled}.sqlite"
    # A cache that can only be read still serves, where somebody else has put the template there.
    if template is None or not (template.exists() or os.access(folder, os.W_OK)):
        with whole_file(path) as partial:
            fill_store(Company(source), partial, key)
        return
    if not template.exists():
        try:
            with whole_file(template) as partial:
                fill_store(Company(source), partial, key)
        except PermissionError:
            # On Windows a file cannot be replaced while it is read. Then somebody else has just made the same one.
            if not template.exists():
                raise
        _forget_old_templates(folder)
    with whole_file(path) as partial:
        shutil.copyfile(template, partial)
