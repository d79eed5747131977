"""The seed file: the secret from which the hidden companies of a course come.

Made on first use, readable by its owner only. Whoever has it can make the hidden companies, so it never lies beside
grades. Whoever loses it cannot regrade with the same companies, so there are two of it: a lost one is restored from
its backup.
"""

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from crmlab.whole_files import whole_file

_FORMAT = 1


class SeedFileError(ValueError):
    """A seed file that cannot be read, or that others can read; the message says what to do."""


@dataclass(frozen=True)
class SeedFile:
    """A secret and where it is kept; `news` says what was done that the instructor should know."""

    secret: str
    path: Path
    backup: Path
    news: str

    def seed(self, exercise: str, number: int = 0) -> int:
        """The seed of an exercise's hidden company; `number` counts on where one will not do."""
        text = f"{self.secret}/{exercise}/{number}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


def default_seed_file() -> Path:
    """Where the seed file is unless it is named: in the user's own settings folder."""
    return platformdirs.user_config_path("crmlab", appauthor=False) / "grading_seed.json"


def open_seed_file(path: Path | None = None) -> SeedFile:
    """The seed file at `path` (or the usual one), made when it is not there, with its backup.

    Raises SeedFileError, OSError.
    """
    if path is None:
        path = default_seed_file()
        backup = platformdirs.user_data_path("crmlab", appauthor=False) / "grading_seed_backup.json"
        if backup == path:
            backup = path.with_name("grading_seed_backup.json")
    else:
        path = path.expanduser().absolute()
        backup = path.with_name(f"{path.name}.backup")
    news = ""
    if not path.exists():
        restored = backup.exists()
        secret = _read(backup) if restored else secrets.token_hex(32)
        _write(path, secret)
        news = (
            f"The seed file {path} was missing; it is restored from its backup {backup}."
            if restored
            else f"A new seed file was made: {path} (backup: {backup}). Keep a copy in a safe place; without it these "
            "submissions cannot be graded again on the same hidden company."
        )
    secret = _read(path)
    if not backup.exists():
        _write(backup, secret)
    elif _read(backup) != secret:
        raise SeedFileError(f"{path} and its backup {backup} hold different secrets: remove the one that is not wanted")
    return SeedFile(secret, path, backup, news)


def _read(path: Path) -> str:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise SeedFileError(f"{path} can be read by others: make it yours alone with 'chmod 600 {path}'")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        secret = content["secret"]
        if content["format"] != _FORMAT or not isinstance(secret, str) or len(secret) < 32:
            raise ValueError("another format")
    except (ValueError, KeyError, TypeError) as error:
        raise SeedFileError(f"{path} is no seed file ({error}): restore it from a copy, or remove it") from error
    return secret


def _write(path: Path, secret: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.chmod(0o600)
        partial.write_text(json.dumps({"format": _FORMAT, "secret": secret}) + "\n", encoding="utf-8", newline="\n")
