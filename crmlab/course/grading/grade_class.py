"""Grading a class: run what is new, keep what is done, mark everything, write the results.

Every submission's answers are written as soon as they are there, whole, under a fingerprint of what was run: the same
command again, after an interruption or not, runs only what is missing.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import joblib
import nbformat

from crmlab.course.exercise_notebook import exercise_from
from crmlab.course.grading.folder import GradingFolder, GradingFolderError, file_names, read_json, write_json
from crmlab.course.grading.hidden_company import HiddenCompany, hidden_company
from crmlab.course.grading.listener import Place
from crmlab.course.grading.marks import mark_record
from crmlab.course.grading.notebook_reader import UnreadableError
from crmlab.course.grading.policy import read_policy
from crmlab.course.grading.publish import publish
from crmlab.course.grading.roster import Enrolled, as_fields
from crmlab.course.grading.run_submission import close_sandboxes, run_submission
from crmlab.course.grading.sandbox import UNSAFE, Isolation, Limits, find_isolation
from crmlab.course.grading.seed_file import SeedFile
from crmlab.course.grading.submissions import Source, Submission, open_submissions
from crmlab.course.grading.warm_modules import warm_modules
from crmlab.course.release import source_paths
from crmlab.whole_files import whole_file

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Graded:
    """What a grading did: rows by status, how many were run now and kept from before."""

    statuses: Mapping[str, int]
    run: int
    kept: int
    isolation: str


def grade_class(
    home: Path,
    exercise: str,
    source_path: Path,
    out: Path,
    *,
    seed_file: SeedFile,
    jobs: int = 1,
    roster: Sequence[Enrolled] | None = None,
    policy: str | None = None,
    limits: Limits | None = None,
    safe: bool = True,
    progress: Progress = lambda done, total: None,
) -> Graded:
    """Grade the submissions in `source_path` into the folder `out`.

    A roster or policy that is not given is that of the folder's last run.

    Raises NoSandboxError where there is no sandbox (unless `safe` is False), FileNotFoundError, and ValueErrors for a
    key, policy, roster or folder that cannot be used.
    """
    isolation = find_isolation() if safe else Isolation(False, UNSAFE)
    folder = GradingFolder(out)
    folder.prepare()
    last = folder.read_state(exercise) if folder.state.exists() else {"roster": [], "policy": ""}
    roster = [Enrolled(**each) for each in last["roster"]] if roster is None else roster
    policy = last["policy"] if policy is None else policy
    with hidden_company(home, exercise, seed_file) as hidden:
        if last.get("hidden", hidden.mark) != hidden.mark:
            raise GradingFolderError(
                f"{out} holds grades from another hidden company (another seed file, or parameters drawn otherwise): "
                "give the --seed-file of that run, or name another --out to grade everybody anew"
            )
        read_policy(policy, list(hidden.key.questions))
        template = exercise_template(home, exercise, hidden)
        with open_submissions(source_path, exercise) as source:
            place = place_for(hidden, template, limits or Limits(), safe)
            done, kept = _run_all(folder, source, roster, place, template, hidden.mark, jobs, progress)
            stems = stems_of(source.submissions, roster)
            _write_state(folder, exercise, source.submissions, stems, roster, policy, isolation, hidden.mark)
        mark_all(folder, hidden, stems.values())
    statuses = publish(home, exercise, folder)
    return Graded(statuses, done, kept, isolation.words)


def exercise_template(home: Path, exercise: str, hidden: HiddenCompany) -> nbformat.NotebookNode:
    """The exercise as its solution notebook makes it, so that no file lying about can change what is asked."""
    return exercise_from(nbformat.read(source_paths(home, exercise)[1], as_version=4), hidden.key)


def stems_of(submissions: Sequence[Submission], roster: Sequence[Enrolled]) -> dict[tuple[str, int], str]:
    """The file name, without its end, for each submission: by student and attempt."""
    names = file_names([each.student for each in submissions] + [each.student for each in roster])
    return {(each.student, each.attempt): f"{names[each.student]}--{each.attempt}" for each in submissions}


def mark_all(folder: GradingFolder, hidden: HiddenCompany, stems: Any) -> dict[str, Any]:
    """Mark every record by the key, and write the marks; gives them by the record's name."""
    marks = {stem: mark_record(hidden.marker, read_json(folder.record(stem)) or {}) for stem in sorted(stems)}
    write_json(folder.marks, marks)
    return marks


def place_for(hidden: HiddenCompany, template: nbformat.NotebookNode, limits: Limits, safe: bool) -> Place:
    """Where submissions run: beside this company, within these limits."""
    return Place(
        company=str(hidden.observable),
        parameters=hidden.parameters,
        modules=warm_modules(template),
        limits=limits,
        safe=safe,
        cache=None if hidden.cache is None else str(hidden.cache),
    )


def _run_all(
    folder: GradingFolder,
    source: Source,
    roster: Sequence[Enrolled],
    place: Place,
    template: nbformat.NotebookNode,
    mark: str,
    jobs: int,
    progress: Progress,
) -> tuple[int, int]:
    """Run what has no record yet; gives how many were run and how many kept."""
    stems = stems_of(source.submissions, roster)
    total, counted = len(source.submissions), {"run": 0, "kept": 0}
    plain_template = json.loads(json.dumps(template))
    basis = json.dumps([mark, plain_template, asdict(place.limits), place.safe], sort_keys=True).encode()

    def todo() -> Iterator[Any]:
        for submission in source.submissions:
            stem = stems[submission.student, submission.attempt]
            try:
                content, problem = source.read(submission), None
            except UnreadableError as error:
                content, problem = b"", str(error)
            print_of = hashlib.sha256(basis + (problem or "").encode() + b"\0" + content).hexdigest()
            before = read_json(folder.record(stem))
            if isinstance(before, dict) and before.get("fingerprint") == print_of:
                counted["kept"] += 1
                progress(counted["run"] + counted["kept"], total)
            else:
                yield joblib.delayed(_run_one)(stem, print_of, place, plain_template, content, problem)

    try:
        results = joblib.Parallel(n_jobs=jobs, prefer="threads", return_as="generator_unordered")(todo())
        for stem, print_of, record, content in results:
            if content is not None:
                with whole_file(folder.submitted(stem)) as partial:
                    partial.write_bytes(content)
            # The record comes last: where it is, the submission is done.
            write_json(folder.record(stem), {"fingerprint": print_of, **record})
            counted["run"] += 1
            progress(counted["run"] + counted["kept"], total)
    finally:
        close_sandboxes(place)
    return counted["run"], counted["kept"]


def _run_one(
    stem: str, print_of: str, place: Place, template: Mapping[str, Any], content: bytes, problem: str | None
) -> tuple[str, str, dict[str, Any], bytes | None]:
    if problem is not None:
        return stem, print_of, {"unreadable": problem}, None
    record = run_submission(place, template, content)
    return stem, print_of, record, None if "unreadable" in record else content


def _write_state(
    folder: GradingFolder,
    exercise: str,
    submissions: Sequence[Submission],
    stems: Mapping[tuple[str, int], str],
    roster: Sequence[Enrolled],
    policy: str,
    isolation: Isolation,
    mark: str,
) -> None:
    write_json(
        folder.state,
        {
            "exercise": exercise,
            "hidden": mark,
            "isolation": isolation.words,
            "safe": isolation.safe,
            "policy": policy,
            "roster": as_fields(list(roster)),
            "submissions": [
                {
                    "student": each.student,
                    "attempt": each.attempt,
                    "stem": stems[each.student, each.attempt],
                    "where": each.where,
                    "lms_id": each.lms_id,
                    "late": each.late,
                    "submitted_at": None if each.submitted_at is None else each.submitted_at.isoformat(),
                }
                for each in submissions
            ],
        },
    )
