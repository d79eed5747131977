"""Run the steps of one submission in an IPython shell without a kernel, and tell the answers as they come.

A request is one JSON text: a nonce, the parameters, and steps, in order: a cell to run, or a probe that reads the name
of an answer. Each step is announced before it begins, so that whoever listens knows which one did not end. Answers go
through the codec: only plain values leave.
"""

import io
import json
import os
import sys
import time
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from crmlab.course.codec import CodecError, dumps, loads
from crmlab.course.parameters import Parameters
from crmlab.course.session import lab_session


def make_shell() -> InteractiveShell:
    """An IPython shell that keeps no history and no outputs."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Minimal"
    return InteractiveShell(config=config)


class _Nowhere(io.TextIOBase):
    """Output of the hidden run: it would give the hidden company's numbers away, so nobody gets it."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)


class Teller:
    """Says what happens, a line of JSON each, to whoever listens at the other end of a pipe."""

    def __init__(self, pipe: int, nonce: str):
        self._pipe, self._nonce = pipe, nonce

    def tell(self, kind: str, **fields: Any) -> None:
        line = json.dumps({"nonce": self._nonce, "kind": kind, **fields}).encode("ascii") + b"\n"
        view = memoryview(line)
        while view:
            view = view[os.write(self._pipe, view) :]


def run_request(shell: InteractiveShell, company: Any, text: str, pipe: int) -> None:
    """Run a request's steps one after the other; whatever a cell raises, the next one is run."""
    request = json.loads(text)
    teller = Teller(pipe, request["nonce"])
    parameters = Parameters(**loads(request["parameters"]))
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), _Nowhere(), _Nowhere()
    shell.showtraceback = lambda *_, **__: None
    shell.display_pub.publish = lambda *_, **__: None
    shell.displayhook.__class__.__call__ = lambda self, result=None: None
    with lab_session(company, parameters, lambda question, value: None):
        for step in request["steps"]:
            if "question" in step:
                teller.tell("probe", question=step["question"])
                _probe(shell, step["question"], step["name"], teller)
            else:
                teller.tell("cell", place=step["place"])
                began = time.perf_counter()
                error = _run_cell(shell, step["source"])
                teller.tell("ended", place=step["place"], error=error, seconds=time.perf_counter() - began)
    teller.tell("done")


def _run_cell(shell: InteractiveShell, source: str) -> str | None:
    """The name of the exception's type, or None when the cell ran to its end; of a NameError also the name."""
    try:
        result = shell.run_cell(source, store_history=False, silent=True)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as raised:
        error = raised
    if type(error) is NameError and isinstance(error.name, str):
        return f"NameError {error.name}"
    return None if error is None else type(error).__name__


def _probe(shell: InteractiveShell, question: str, name: str, teller: Teller) -> None:
    try:
        if name not in shell.user_ns:
            teller.tell("unable", question=question, why="missing")
            return
        text = dumps(shell.user_ns[name])
    except CodecError:
        teller.tell("unable", question=question, why="kind")
    except BaseException:
        # A student's object may raise anything at all when it is looked at.
        teller.tell("unable", question=question, why="raises")
    else:
        teller.tell("answer", question=question, text=text)
