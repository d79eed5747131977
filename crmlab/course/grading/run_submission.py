"""One submission through the sandbox: run, and run again without whatever ended the run.

`run_submission` takes and gives plain values only, so that any joblib backend can do it anywhere. Each worker keeps its
warm sandboxes in a pool of its own.
"""

import atexit
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from crmlab.course.grading.assembly import assemble
from crmlab.course.grading.channel import WarmSandbox
from crmlab.course.grading.listener import Place, Run
from crmlab.course.grading.notebook_reader import UnreadableError, read_cells
from crmlab.course.grading.sandbox import NoSandboxError
from crmlab.course.grading.unsafe import run_unsafe

MOST_RUNS = 4
_MOST_TEXT = 50_000


class _Pool:
    """Warm sandboxes of one process, by place; a run takes one and gives it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Place, list[WarmSandbox]] = {}
        self._started = 0

    def run(self, place: Place, steps: list[dict[str, Any]]) -> Run:
        if not place.safe:
            return run_unsafe(place, steps)
        with self._lock:
            idle = self._idle.setdefault(place, [])
            sandbox = idle.pop() if idle else None
            self._started += sandbox is None
            number = self._started
        sandbox = sandbox or WarmSandbox(place, number)
        try:
            run = sandbox.run(steps)
        except BaseException:
            sandbox.close()
            raise
        with self._lock:
            self._idle.setdefault(place, []).append(sandbox)
        return run

    def close(self, place: Place | None = None) -> None:
        with self._lock:
            places = list(self._idle) if place is None else [place]
            closing = [sandbox for each in places for sandbox in self._idle.pop(each, [])]
        for sandbox in closing:
            sandbox.close()


_pool = _Pool()
atexit.register(_pool.close)


def close_sandboxes(place: Place) -> None:
    """End this process's warm sandboxes of a place."""
    _pool.close(place)


def run_submission(place: Place, template: Mapping[str, Any], content: bytes) -> dict[str, Any]:
    """What came of a submission, as plain values: answers as text, how the run ended, what was left out, times.

    A submission that is no notebook gives `{"unreadable": reason}`. Raises NoSandboxError.
    """
    try:
        cells = read_cells(content)
    except UnreadableError as error:
        return {"unreadable": str(error)}
    assembled = assemble(template, cells)
    steps = assembled.steps
    whole, left_out = Run(), []
    for count in range(1, MOST_RUNS + 1):
        run = _run_once(place, [step for step in steps if _name(step) not in left_out])
        _take_over(whole, run)
        if run.ended == "done" or run.at is None:
            break
        left_out.append(run.at)
        if count * place.limits.run_seconds <= whole.seconds * 2:
            break
    record = asdict(whole)
    for name in ("errors", "cell_seconds"):
        record[name] = {str(key): value for key, value in record[name].items()}
    code = {name: source[:_MOST_TEXT] for name, source in assembled.answers.items()}
    words = {name: text[:_MOST_TEXT] for name, text in assembled.words.items()}
    return record | {"left_out": left_out, "runs": count, "code": code, "words": words}


def _run_once(place: Place, steps: list[dict[str, Any]]) -> Run:
    try:
        return _pool.run(place, steps)
    except NoSandboxError:
        # A warm process can be lost, for example to a machine short of memory; a new one is tried once.
        return _pool.run(place, steps)


def _name(step: Mapping[str, Any]) -> str | int:
    return step["question"] if "question" in step else step["place"]


def _take_over(whole: Run, run: Run) -> None:
    """Join a run to those before it: the latest word counts; how the first one ended, is how the submission did."""
    whole.answers |= run.answers
    whole.unable = {name: why for name, why in (whole.unable | run.unable).items() if name not in whole.answers}
    whole.errors |= run.errors
    whole.cell_seconds |= run.cell_seconds
    if whole.seconds == 0:
        whole.ended = run.ended
    whole.seconds += run.seconds
    whole.cpu_seconds += run.cpu_seconds
    whole.peak_bytes = max(whole.peak_bytes, run.peak_bytes)
