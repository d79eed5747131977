"""A warm process: it has imported what exercises use, and forks one confined process for each submission.

Importing takes most of a short run's time. This process runs no line of a student and reads none: it gets the ends of
pipes over a socket, hands them to a forked child and closes its own. Between them stands a keeper, also forked, which
holds the child's limits from outside of its process tree and ends the whole tree at once.

    warm -> keeper (memory, end of life) -> first process of a new tree -> the submission
"""

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from crmlab.course.grading.inside import confine
from crmlab.course.grading.inside.confinement import MEGABYTE, ON_DEMAND, RUN, SCRATCH, Confinement

REQUEST, ANSWERS = 3, 4
_LOOK_EVERY_MILLISECONDS = 50


def main(settings_text: str) -> None:
    """Warm up, say so, then import or fork for every message that comes, until the socket's other end is closed."""
    settings = json.loads(settings_text)
    control = socket.socket(fileno=settings["socket"])
    confinement = Confinement(**settings["confinement"])
    try:
        shell, company = _warm_up(settings["modules"], settings["company"])
    except Exception as error:
        control.sendall(f"failed: {type(error).__name__}: {error}".encode())
        raise
    control.sendall(b"ready")
    while True:
        message, pipes, _, _ = socket.recv_fds(control, 1, 4)
        if not message:
            return
        if message[0] != RUN:
            with contextlib.suppress(ImportError):
                importlib.import_module(ON_DEMAND[message[0]])
            control.sendall(b"free")
            continue
        child = os.fork()
        if child == 0:
            control.close()
            _keep(confinement, shell, company, *pipes)
        for pipe in pipes:
            os.close(pipe)
        os.waitpid(child, 0)
        control.sendall(b"free")


def _warm_up(modules: list[str], company_path: str) -> tuple[Any, Any]:
    from crmlab.company import open_company
    from crmlab.course.grading.inside.runner import make_shell

    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    company = open_company(company_path)
    for table in company.tables:
        getattr(company, table)
    return make_shell(), company


def _keep(
    confinement: Confinement, shell: Any, company: Any, request: int, answers: int, life: int, status: int
) -> NoReturn:
    """Start the submission in a tree of its own, watch it, and say how it ended."""
    told: dict[str, Any] = {"ended": "broken"}
    try:
        held = _memory_bytes([os.getpid()])
        confine.leave_process_tree()
        child = os.fork()
        if child == 0:
            _first_of_tree(confinement, shell, company, request, answers)
        os.close(request)
        os.close(answers)
        told = _watch(child, life, held, confinement)
    except BaseException as error:
        told["why"] = f"{type(error).__name__}: {error}"
    with contextlib.suppress(OSError):
        os.write(status, json.dumps(told).encode("ascii"))
    os._exit(0)


def _watch(child: int, life: int, held: int, confinement: Confinement) -> dict[str, Any]:
    """Wait for the tree's first process; end it when the other end of `life` closes or memory runs over."""
    handle = os.pidfd_open(child)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(life, select.POLLIN | select.POLLHUP)
    ended, peak = "itself", 0
    own = {1, os.getpid(), os.getppid()}
    while True:
        ready = {number for number, _ in poll.poll(_LOOK_EVERY_MILLISECONDS)}
        if handle in ready:
            break
        others = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
        others = [each for each in others if each not in own]
        used = sum(max(0, _memory_bytes([each]) - held) for each in others)
        peak = max(peak, used)
        if life in ready:
            ended = "stopped"
        elif used > confinement.memory_mb * MEGABYTE:
            ended = "memory"
        if ended != "itself":
            os.kill(child, signal.SIGKILL)
            poll.unregister(life)
            break
    _, code, usage = os.wait4(child, 0)
    return {
        "ended": ended,
        "code": os.waitstatus_to_exitcode(code),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": max(peak, max(0, usage.ru_maxrss * 1024 - held)),
    }


def _memory_bytes(processes: list[int]) -> int:
    """The memory of their own that processes hold; one that has just ended holds none."""
    pages = 0
    for process in processes:
        with contextlib.suppress(OSError, IndexError):
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _first_of_tree(confinement: Confinement, shell: Any, company: Any, request: int, answers: int) -> NoReturn:
    """The first process of a tree: when it ends, the kernel ends every other in it. It waits for the submission."""
    os.dup2(request, 60)
    os.dup2(answers, 61)
    os.dup2(60, REQUEST)
    os.dup2(61, ANSWERS)
    os.closerange(ANSWERS + 1, 256)
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(quiet, standard)
    os.close(quiet)
    # /proc goes with the mounts, and the limits look there, so they come first.
    confine.set_limits(confinement)
    confine.own_mounts(confinement)
    confine.give_up_privileges(confinement)
    for name in ("tmp", "home", "work"):
        Path(SCRATCH, name).mkdir()
    child = os.fork()
    if child == 0:
        _submission(shell, company)
    os.closerange(3, 64)
    while True:
        ended, code = os.wait()
        if ended == child:
            os._exit(0 if code == 0 else 1)


def _submission(shell: Any, company: Any) -> NoReturn:
    from crmlab.course.grading.inside.runner import run_request

    code = 1
    try:
        # It looks at its import whether there is a /proc to find the loaded libraries in. Here there is none any more.
        if "threadpoolctl" in sys.modules:
            importlib.reload(sys.modules["threadpoolctl"])
        os.chdir(os.path.join(SCRATCH, "work"))  # noqa: PTH118 - as the student's own code would see it
        with open(REQUEST, encoding="utf-8") as request:
            text = request.read()
        run_request(shell, company, text, ANSWERS)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
