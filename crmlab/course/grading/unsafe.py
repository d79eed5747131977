"""Running a submission without walls, for `--unsafe`: on systems without a sandbox, for notebooks that one trusts."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crmlab.course.grading.listener import Place, Run, finished, prepared

#: Importing what exercises use, on a slow machine.
START_SECONDS = 60.0


def run_unsafe(place: Place, steps: Sequence[Mapping[str, Any]]) -> Run:
    """Run the steps in a plain process without walls; for `--unsafe` only."""
    listener, request = prepared(place, steps)
    settings = json.dumps({"modules": place.modules, "company": place.company}).encode() + b"\n"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crmlab-run-") as folder:
        answers, sent = Path(folder, "answers"), Path(folder, "request")
        sent.write_bytes(settings + request)
        with sent.open("rb") as stdin, answers.open("wb") as stdout:
            process = subprocess.Popen(
                [sys.executable, "-m", "crmlab.course.grading.inside.alone"],
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
            )
            ended = None
            with answers.open("rb") as reader:
                listener.cell_began += START_SECONDS
                while True:
                    over = process.poll() is not None
                    listener.feed(reader.read())
                    if over:
                        break
                    now = time.monotonic()
                    if listener.bytes > place.limits.output_mb * 1_000_000:
                        ended = "output"
                    elif (
                        now - listener.cell_began > place.limits.cell_seconds or now - began > place.limits.run_seconds
                    ):
                        ended = "time"
                    if ended is not None:
                        process.kill()
                        process.wait()
                        break
                    time.sleep(0.02)
    return finished(listener, ended, {}, time.monotonic() - began)
