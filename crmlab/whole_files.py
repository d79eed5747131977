"""Files written whole or not at all: written beside the old one, then renamed over it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to; at the end of the block it takes the place of `path` in one step.

    When the block raises, `path` stays as it was and what was written beside it goes.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "scores.csv") as partial:
    ...     count = partial.write_text("R,F,M", encoding="utf-8")
    >>> [file.name for file in folder.iterdir()]
    ['scores.csv']
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    os.close(handle)
    partial = Path(name)
    try:
        # A temporary file is private; the file that it becomes is as open as any other of the user's.
        partial.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text_whole(path: str | Path, text: str) -> None:
    """Write a text file (UTF-8, LF line ends on every system) whole or not at all.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> write_text_whole(path, "5 is best\\n")
    >>> path.read_bytes()
    b'5 is best\\n'
    """
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
