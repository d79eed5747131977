"""Grading a class: `crmlab grade` against nbgrader's autograde, on the same notebooks, in one run.

    python benchmarks/grading.py                     # 60 copies of exercise 04 answered as its solution
    python benchmarks/grading.py --copies 10 --rows 1_000

`crmlab grade` runs in a sandbox on a hidden company and writes gradebook, feedback and report; nbgrader runs each
notebook once in a kernel on the practice company, without feedback. Seconds are of the wall clock, from the command's
start to its end. Memory is the most that the grading process itself held, for a third of the copies and for all.
Gradebook and report are then timed for a large class, simulated by rows.
"""

import argparse
import copy
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat

from crmlab.course.answer_key import load_key
from crmlab.course.exercise_notebook import answered_as
from crmlab.course.grading.folder import GradingFolder, write_json
from crmlab.course.grading.publish import publish
from crmlab.home import find_home

EXERCISE = "04_rfm"
MEASURED = "import resource, runpy, sys; sys.argv = sys.argv[1:]; code = 0\n" + (
    "try:\n    runpy.run_module('crmlab', run_name='__main__')\nexcept SystemExit as end:\n    code = end.code or 0\n"
    "print('peak_kb', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\nsys.exit(code)"
)


def answered(home: Path) -> nbformat.NotebookNode:
    """The exercise as a student hands it in who answered everything as the solution does."""
    exercise = nbformat.read(home / "exercises" / f"{EXERCISE}.ipynb", as_version=4)
    return answered_as(exercise, nbformat.read(home / "solutions" / f"{EXERCISE}.ipynb", as_version=4))


def hand_in(notebook: nbformat.NotebookNode, folder: Path, copies: int) -> Path:
    """Copies of a notebook, a folder for each student."""
    for number in range(copies):
        path = folder / f"student{number:04d}" / f"{EXERCISE}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    return folder


def grade(submitted: Path, out: Path, seed_file: Path, jobs: int) -> tuple[float, float]:
    """Seconds of `crmlab grade`, and the peak memory of its own process in MB."""
    command = [sys.executable, "-c", MEASURED, "crmlab", "grade", EXERCISE, str(submitted), "--out", str(out)]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--seed-file", str(seed_file), "--jobs", str(jobs)], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - began
    return seconds, int(done.stdout.rsplit("peak_kb", 1)[1]) / 1024


def autograde(home: Path, notebook: nbformat.NotebookNode, course: Path, copies: int) -> float:
    """Seconds of nbgrader's autograde on the same notebooks."""
    source = course / "source" / EXERCISE
    source.mkdir(parents=True)
    nbformat.write(nbformat.read(home / "solutions" / f"{EXERCISE}.ipynb", as_version=4), source / f"{EXERCISE}.ipynb")
    for number in range(copies):
        folder = course / "submitted" / f"student{number:04d}" / EXERCISE
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{EXERCISE}.ipynb")
    # nbgrader calls alembic by name, which stands beside the interpreter.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"CRMLAB_HOME": str(home), "PATH": path}
    nbgrader = [sys.executable, "-m", "nbgrader"]
    options = {"cwd": course, "env": environment, "check": True, "capture_output": True}
    subprocess.run([*nbgrader, "generate_assignment", EXERCISE, "--force"], **options)
    began = time.perf_counter()
    subprocess.run([*nbgrader, "autograde", EXERCISE], **options)
    seconds = time.perf_counter() - began
    graded = len(list((course / "autograded").glob(f"*/{EXERCISE}/{EXERCISE}.ipynb")))
    if graded != copies:
        raise RuntimeError(f"nbgrader graded {graded} of {copies}")
    return seconds


def where_time_goes(out: Path, seconds: float, copies: int) -> None:
    """What part of a grading runs students' code, and what is start and end."""
    times = [json.loads(path.read_text(encoding="utf-8")) for path in (out / "answers").glob("*.json")]
    running = sum(each["seconds"] for each in times)
    cells = sum(sum(each["cell_seconds"].values()) for each in times)
    print(
        f"  of {seconds:.1f} s: {cells:.1f} s in students' cells, {running - cells:.1f} s around them in the sandbox,"
    )
    print(f"  {seconds - running:.1f} s start, hidden company, warming up, marking and writing ({copies} copies)")


def simulate(home: Path, graded: Path, out: Path, rows: int) -> tuple[float, float, float]:
    """Publish a class of many rows made from one graded submission; gives seconds, MB of report, peak MB."""
    folder = GradingFolder(out)
    folder.prepare()
    state: dict[str, Any] = json.loads((graded / "grading.json").read_text(encoding="utf-8"))
    first = state["submissions"][0]
    record = json.loads((graded / "answers" / f"{first['stem']}.json").read_text(encoding="utf-8"))
    marks = json.loads((graded / "marks.json").read_text(encoding="utf-8"))[first["stem"]]
    key = load_key(home / "solutions" / f"{EXERCISE}.py")
    draw = random.Random(1)
    state["submissions"], all_marks = [], {}
    content = (graded / "submitted" / f"{first['stem']}.ipynb").read_bytes()
    for number in range(rows):
        stem = f"student{number:05d}--1"
        state["submissions"].append(first | {"student": stem.removesuffix("--1"), "stem": stem})
        all_marks[stem] = copy.deepcopy(marks)
        for question in key.checked:
            if draw.random() < 0.3:
                mistake = draw.choice([*(each.name for each in question.mistakes), None])
                all_marks[stem][question.name] |= {"points": 0, "state": "wrong", "mistake": mistake}
        code = {name: f"{text}\nown_{number} = {number}" for name, text in record["code"].items()}
        write_json(folder.record(stem), record | {"code": code})
        folder.submitted(stem).write_bytes(content)
    write_json(folder.state, state)
    write_json(folder.marks, all_marks)
    began = time.perf_counter()
    publish(home, EXERCISE, folder)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return seconds, (out / "report.html").stat().st_size / 1e6, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=60)
    parser.add_argument("--rows", type=int, default=10_000)
    arguments = parser.parse_args()
    home, copies = find_home(), arguments.copies
    notebook = answered(home)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        few, submitted = (hand_in(notebook, folder / f"class-{n}", n) for n in (max(1, copies // 3), copies))
        seed_file = folder / "seed.json"
        _, memory_few = grade(few, folder / "few", seed_file, 1)
        serial, memory = grade(submitted, folder / "serial", seed_file, 1)
        print(f"{'crmlab grade, serial':<28}{serial:>8.1f} s{serial / copies:>8.3f} s a submission{memory:>7.0f} MB")
        where_time_goes(folder / "serial", serial, copies)
        two, memory_two = grade(submitted, folder / "two", seed_file, 2)
        print(f"{'crmlab grade --jobs 2':<28}{two:>8.1f} s{two / copies:>8.3f} s a submission{memory_two:>7.0f} MB")
        print(f"memory with {max(1, copies // 3)} and with {copies} submissions: {memory_few:.0f} MB, {memory:.0f} MB")
        theirs = autograde(home, notebook, folder / "course", copies)
        print(f"{'nbgrader autograde, serial':<28}{theirs:>8.1f} s{theirs / copies:>8.3f} s a submission")
        print(f"crmlab grade is {theirs / serial:.1f} times as fast serially, {theirs / two:.1f} times with two jobs")
        seconds, size, peak = simulate(home, folder / "serial", folder / "large", arguments.rows)
        print(
            f"gradebook, {arguments.rows:,} pages of feedback and report of {size:.1f} MB from marks: {seconds:.1f} s "
            f"({peak:.0f} MB)"
        )


if __name__ == "__main__":
    main()
