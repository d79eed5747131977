"""What a student has tried so far in one exercise: how often each question was wrong, and which are right."""

import hashlib
import json
from pathlib import Path
from typing import Any

from crmlab.course.codec import dumps
from crmlab.whole_files import write_text_whole


class Attempts:
    """The tries of one exercise, kept in a small file, or in memory alone where `path` is None.

    A wrong answer that is checked twice is one try. A file that is broken counts as none, and is written anew.

    >>> attempts = Attempts(None)
    >>> attempts.wrong("q1", 5), attempts.wrong("q1", 5), attempts.wrong("q1", 6)
    (1, 1, 2)
    >>> attempts.wrong("q1", "7", hinted=False)
    2
    >>> attempts.right("q1")
    >>> attempts.is_right("q1"), attempts.tries("q1"), attempts.remembered
    (True, 3, False)
    """

    def __init__(self, path: Path | None):
        self._path = path
        self._questions = _read(path) if path is not None else {}

    @property
    def remembered(self) -> bool:
        """Whether the tries outlive this kernel."""
        return self._path is not None

    def tries(self, name: str) -> int:
        """How many different wrong answers were checked."""
        return len(self._questions.get(name, {}).get("wrong", []))

    def is_right(self, name: str) -> bool:
        """Whether the answer last checked was right."""
        return self._questions.get(name, {}).get("right", False)

    def wrong(self, name: str, answer: Any, *, hinted: bool = True) -> int:
        """Remember a wrong answer. What it was is not kept, only its fingerprint.

        `hinted` says that it is one for the question's general hints: wrong in its value, and in no known way. Gives
        how many different answers were.
        """
        state = self._state(name)
        mark = hashlib.sha256(dumps(answer).encode("utf-8")).hexdigest()[:16]
        for marks in (state["wrong"], state["hinted"]) if hinted else (state["wrong"],):
            if mark not in marks:
                marks.append(mark)
        state["right"] = False
        self._write()
        return len(state["hinted"])

    def right(self, name: str) -> None:
        """Remember that the question is answered."""
        self._state(name)["right"] = True
        self._write()

    def forget(self, name: str | None = None) -> None:
        """Forget one question, or all."""
        self._questions = {} if name is None else {k: v for k, v in self._questions.items() if k != name}
        self._write()

    def _state(self, name: str) -> dict[str, Any]:
        state = self._questions.setdefault(name, {"right": False, "wrong": []})
        # Files from before the general hints were counted lack this.
        state.setdefault("hinted", [])
        return state

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text_whole(self._path, json.dumps(self._questions, indent=1) + "\n")
        except OSError:
            # A full or read-only disk must not stop a student who answers; the tries are then kept in memory.
            self._path = None


def _read(path: Path) -> dict[str, dict]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if _is_sound(content) else {}


def _is_sound(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(state, dict)
        and isinstance(state.get("right"), bool)
        and all(
            isinstance(marks, list) and all(isinstance(mark, str) for mark in marks)
            for marks in (state.get("wrong"), state.get("hinted", []))
        )
        for state in content.values()
    )
