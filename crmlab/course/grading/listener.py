"""What is heard of a run: lines that are believed no further than their form.

Lines without this run's nonce are thrown away, and so is whatever is not of a known form; what is left can only claim
answers, which are then marked. A forged line gains nothing: the first answer to a question counts, and to be worth
anything it would have to be right.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crmlab.course.grading.sandbox import Limits, NoSandboxError


@dataclass(frozen=True)
class Place:
    """Where submissions run, for every worker the same: the hidden company's observable tables, and the limits.

    `safe` is False for `--unsafe`. All fields can be sent to another process.
    """

    company: str
    parameters: str
    modules: tuple[str, ...]
    limits: Limits
    safe: bool = True
    cache: str | None = None


@dataclass
class Run:
    """What one run told: answers as text, what could not be read, how cells ended, and how the run did."""

    answers: dict[str, str] = field(default_factory=dict)
    unable: dict[str, str] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    cell_seconds: dict[int, float] = field(default_factory=dict)
    ended: str = "died"
    at: str | int | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


class Listener:
    """Reads the lines of one run into a `Run`."""

    def __init__(self, nonce: str, questions: Sequence[str], places: Sequence[int]):
        self.run = Run()
        self.cell_began = time.monotonic()
        self._nonce, self._questions, self._places = nonce, frozenset(questions), frozenset(places)
        self._buffer: list[bytes] = []
        self.bytes = 0

    def feed(self, data: bytes) -> None:
        """Take what came through the pipe; whole lines are read, the rest waits."""
        self.bytes += len(data)
        *lines, rest = data.split(b"\n")
        if lines:
            self._line(b"".join([*self._buffer, lines[0]]))
            for line in lines[1:]:
                self._line(line)
            self._buffer = []
        self._buffer.append(rest)

    def _line(self, line: bytes) -> None:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(told, dict) or told.get("nonce") != self._nonce:
            return
        kind, question, place = told.get("kind"), told.get("question"), told.get("place")
        known_question = isinstance(question, str) and question in self._questions
        known_place = type(place) is int and place in self._places
        if kind == "done":
            self.run.ended, self.run.at = "done", None
        elif kind == "cell" and known_place:
            self.run.at, self.cell_began = place, time.monotonic()
        elif kind == "ended" and known_place:
            self.run.at = None
            if isinstance(told.get("error"), str):
                self.run.errors[place] = told["error"][:80]
            if isinstance(told.get("seconds"), float) and 0 <= told["seconds"] < 1e6:
                self.run.cell_seconds[place] = told["seconds"]
        elif kind == "probe" and known_question:
            self.run.at, self.cell_began = question, time.monotonic()
        elif kind == "unable" and known_question and told.get("why") in ("missing", "kind", "raises"):
            self.run.at = None
            self.run.unable.setdefault(question, told["why"])
        elif kind == "answer" and known_question and isinstance(told.get("text"), str):
            self.run.at = None
            self.run.answers.setdefault(question, told["text"])


def prepared(place: Place, steps: Sequence[Mapping[str, Any]]) -> tuple[Listener, bytes]:
    """A listener for a run of the steps, and the request that starts it."""
    nonce = secrets.token_hex(16)
    request = {"nonce": nonce, "parameters": place.parameters, "steps": list(steps)}
    questions = [step["question"] for step in steps if "question" in step]
    places = [step["place"] for step in steps if "place" in step]
    return Listener(nonce, questions, places), json.dumps(request).encode("ascii")


def finished(listener: Listener, ended: str | None, status: Mapping[str, Any], seconds: float) -> Run:
    """The run that was heard, with why it was stopped (None: it was not) and what the sandbox says of its end."""
    run = listener.run
    if status.get("ended") == "broken":
        raise NoSandboxError(f"the sandbox does not run: {status.get('why')}")
    if ended is not None:
        run.ended = ended
    elif status.get("ended") == "memory":
        run.ended = "memory"
    run.seconds = seconds
    run.cpu_seconds, run.peak_bytes = status.get("cpu_seconds", 0.0), status.get("peak_bytes", 0)
    return run
