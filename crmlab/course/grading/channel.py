"""The trusted end of a warm sandbox: it is started once, and forks one confined process for each run."""

import contextlib
import json
import os
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crmlab.course.grading.inside.confinement import ON_DEMAND, RUN, Confinement
from crmlab.course.grading.listener import Listener, Place, Run, finished, prepared
from crmlab.course.grading.sandbox import LAB, NoSandboxError, sandbox_command

START_SECONDS = 180.0
_GRACE_SECONDS = 5.0
_FIRST_UID = 1_000_000_000


class WarmSandbox:
    """A warm process behind the walls; `run` runs one submission. Close it, or end this process, and it is gone.

    Raises NoSandboxError when it does not start.
    """

    def __init__(self, place: Place, number: int = 0):
        self.place = place
        limits = place.limits
        uid = _FIRST_UID + os.getpid() % 4_000_000 * 64 + number % 64 if os.geteuid() == 0 else None
        confinement = Confinement(
            memory_mb=limits.memory_mb,
            scratch_mb=limits.scratch_mb,
            file_mb=limits.file_mb,
            processes=limits.processes,
            cpu_seconds=int(limits.run_seconds) + 10,
            uid=uid,
        )
        self._imported = set(place.modules)
        self._control, theirs = socket.socketpair()
        settings = {
            "socket": theirs.fileno(),
            "modules": place.modules,
            "company": f"{LAB}/datasets",
            "confinement": asdict(confinement),
        }
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            sandbox_command(
                Path(place.company),
                ["-m", "crmlab.course.grading.inside.warm", json.dumps(settings)],
                None if place.cache is None else Path(place.cache),
            ),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
            # Ctrl-C is for this process, which then ends the sandbox in its own way.
            start_new_session=True,
        )
        theirs.close()
        self._control.settimeout(START_SECONDS)
        self._expect(b"ready")

    def run(self, steps: Sequence[Mapping[str, Any]]) -> Run:
        """Run the steps in a confined process of their own."""
        self._import(steps)
        listener, request = prepared(self.place, steps)
        with contextlib.ExitStack() as pipes:
            ends = {name: os.pipe() for name in ("request", "answers", "life", "status")}
            mine = {"request": 1, "answers": 0, "life": 1, "status": 0}
            open_ends = {
                name: pipes.enter_context(os.fdopen(ends[name][side], "wb" if side else "rb", 0))
                for name, side in mine.items()
            }
            theirs = [ends["request"][0], ends["answers"][1], ends["life"][0], ends["status"][1]]
            try:
                socket.send_fds(self._control, [bytes([RUN])], theirs)
            finally:
                for end in theirs:
                    os.close(end)
            began = time.monotonic()
            ended = self._listen(listener, request, open_ends, began)
            open_ends["life"].close()
            status = _status(open_ends["status"])
        self._expect(b"free")
        return finished(listener, ended, status, time.monotonic() - began)

    def _import(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Have the warm process import what these steps name and it has not yet, so that later runs find it there."""
        sources = "\n".join(step["source"] for step in steps if "source" in step)
        for number, module in enumerate(ON_DEMAND):
            if module not in self._imported and module in sources:
                self._imported.add(module)
                self._control.sendall(bytes([number]))
                self._expect(b"free")

    def _listen(self, listener: Listener, request: bytes, ends: Mapping[str, Any], began: float) -> str | None:
        """Write the request and read lines until the run is over; gives why it was stopped, or None."""
        limits = self.place.limits
        writing, reading, ending = (ends[name].fileno() for name in ("request", "answers", "status"))
        os.set_blocking(writing, False)
        poll = select.poll()
        poll.register(writing, select.POLLOUT)
        poll.register(reading, select.POLLIN)
        poll.register(ending, select.POLLIN)
        left = memoryview(request)
        while True:
            ready = {number for number, _ in poll.poll(50)}
            if reading in ready:
                data = os.read(reading, 1 << 20)
                listener.feed(data)
                if not data:
                    poll.unregister(reading)
            elif ending in ready:
                return None
            if writing in ready:
                left = _written(writing, left)
                if not left:
                    poll.unregister(writing)
                    ends["request"].close()
            now = time.monotonic()
            if listener.bytes > limits.output_mb * 1_000_000:
                return "output"
            if now - listener.cell_began > limits.cell_seconds or now - began > limits.run_seconds:
                return "time"

    def _expect(self, word: bytes) -> None:
        try:
            said = self._control.recv(4096)
        except OSError as error:
            said = str(error).encode()
        if said != word:
            self._words.seek(0)
            words = self._words.read()[-2000:].decode("utf-8", "replace").strip()
            self.close()
            raise NoSandboxError(f"the sandbox does not run ({said.decode('utf-8', 'replace') or 'it ended'}): {words}")

    def close(self) -> None:
        """End the warm process and all below it."""
        self._control.close()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._words.close()


def _status(pipe: Any) -> dict[str, Any]:
    """What the keeper says at the end; it is no student's, so a broken text is an error."""
    text = pipe.read()
    return json.loads(text) if text else {}


def _written(pipe: int, left: memoryview) -> memoryview:
    """What is left to write after as much as the pipe takes; nothing when nobody reads any more."""
    try:
        return left[os.write(pipe, left) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]
