"""The proof of an answer key before students see its exercise: on the course company and on hidden ones.

On each company, with parameters drawn for it:
- the solution notebook's own answers get full marks;
- every known mistake is wrong, and earns its own hint;
- at practice no two known mistakes of a question share an answer, unless they share their hint, so that no student is
  told of a mistake that was not made;
- the untouched cell is not attempted, and a right answer of the wrong type is not right;
- no decision hangs on a near tie, which two right computations could round differently.

The hidden companies have `CUSTOMERS` customers. The first of them lack, one each, what a company can lack (segments,
rules, lift, a leak): there the right answer may be that nothing is found.
"""

import dataclasses
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import nbformat

from crmlab.company import draw_assumptions, generate, open_company, truth
from crmlab.company.assumptions import ABSENCES
from crmlab.course.answer_key import NEAR_TIE, AnswerKey, KeyFaultError, Question, load_key
from crmlab.course.codec import CodecError
from crmlab.course.marking import Marker
from crmlab.course.notebook_run import NotebookFailedError, run_answers
from crmlab.course.verdict import judge

CUSTOMERS = 4_000
SEEDS = tuple(range(1_000, 1_020))


@dataclasses.dataclass(frozen=True)
class Proof:
    """What one company showed: its faults, and which mistakes were wrong on it."""

    where: str
    faults: tuple[str, ...]
    caught: frozenset[tuple[str, str]]


def prove(
    key_path: Path,
    notebook_path: Path,
    *,
    seeds: Sequence[int] = SEEDS,
    customers: int = CUSTOMERS,
    n_jobs: int = -1,
    companies: Path | None = None,
) -> list[str]:
    """The faults of a key on hidden companies, one for each seed; an empty list when it is sound.

    Every fault names the question, the seed and, where it is about one, the mistake. ``companies``: a folder that keeps
    the companies for the next key to be proved; without it they are gone afterwards.
    """
    work = (
        joblib.delayed(_prove_seed)(key_path, notebook_path, seed, place, customers, companies)
        for place, seed in enumerate(seeds)
    )
    proofs = joblib.Parallel(n_jobs=n_jobs)(work)
    faults = [fault for proof in proofs for fault in proof.faults]
    for question in load_key(key_path).checked:
        faults += [
            f"{question.name}: the mistake {mistake.name!r} is right on every company: it is no mistake"
            for mistake in question.mistakes
            if mistake.sometimes and not any((question.name, mistake.name) in proof.caught for proof in proofs)
        ]
    return faults


def prove_on(key: AnswerKey, notebook: Mapping[str, Any], marker: Marker, where: str) -> Proof:
    """What one company shows about a key and its solution notebook."""
    faults: list[str] = []
    caught: set[tuple[str, str]] = set()
    try:
        answers = run_answers(notebook, marker.company, marker.parameters)
    except (NotebookFailedError, CodecError) as error:
        return Proof(where, (f"{where}: the solution notebook fails: {error}",), frozenset())
    for question in key.checked:
        try:
            faults += _solution_faults(question, answers, marker)
            faults += _wrong_type_faults(question, marker)
            faults += _tie_faults(question, marker)
            faults += _shared_faults(question, marker)
            for mistake, fault in _mistake_faults(question, marker).items():
                if fault is None:
                    caught.add((question.name, mistake))
                else:
                    faults.append(fault)
        except KeyFaultError as error:
            faults.append(f"{question.name}: {error}")
        except Exception as error:
            # Any error of the author's own functions is a fault of the key, to be named with its place.
            faults.append(f"{question.name}: the key raises {type(error).__name__}: {error}")
    return Proof(where, tuple(f"{where}: {fault}" for fault in faults), frozenset(caught))


def _prove_seed(
    key_path: Path, notebook_path: Path, seed: int, place: int, customers: int, companies: Path | None
) -> Proof:
    key = load_key(key_path)
    notebook = nbformat.read(notebook_path, as_version=4)
    assumptions = draw_assumptions(seed)
    if place < len(ABSENCES):
        assumptions = dataclasses.replace(assumptions, absent=ABSENCES[place])
    with tempfile.TemporaryDirectory(prefix="crmlab-proof-") as folder:
        home = (companies or Path(folder)) / f"seed-{seed}-{assumptions.absent}-{customers}"
        # `generate` names a folder only when everything is in it.
        if not home.exists():
            generate(customers, seed, home, assumptions=assumptions)
        marker = Marker(key, open_company(home), key.parameters(seed), truth(home))
        lacking = f", a company without {assumptions.absent}" if assumptions.absent else ""
        return prove_on(key, notebook, marker, f"seed {seed}{lacking}")


def _solution_faults(question: Question, answers: Mapping[str, Any], marker: Marker) -> list[str]:
    if question.name not in answers:
        return [f"{question.name}: the solution notebook does not check it"]
    mark = marker.mark(question.name, answers[question.name])
    if mark.share == 1 and mark.verdict.correct:
        return []
    return [f"{question.name}: the solution's answer scores {mark.share:.0%}: {mark.verdict.problem}"]


def _mistake_faults(question: Question, marker: Marker) -> dict[str, str | None]:
    """For each mistake its fault, or None when it is wrong and earns its own hint; right sometimes is left out."""
    found: dict[str, str | None] = {}
    for mistake, known in zip(question.mistakes, marker.known(question.name), strict=True):
        mark = marker.mark(question.name, known.answer)
        if mark.share == 1 or judge(known.answer, marker.right(question.name), question.compare.exact).correct:
            if not mistake.sometimes:
                found[known.name] = f"{question.name}: the mistake {known.name!r} is right"
        elif mark.verdict.correct:
            found[known.name] = f"{question.name}: the mistake {known.name!r} passes for right at practice"
        elif known.hint not in (mark.verdict.hint or ""):
            found[known.name] = f"{question.name}: the mistake {known.name!r} does not earn its own hint"
        else:
            found[known.name] = None
    return found


def _shared_faults(question: Question, marker: Marker) -> list[str]:
    """Two mistakes of one answer and two hints, at practice; elsewhere nobody is told of a mistake."""
    if marker.truth is not None:
        return []
    right, rule = marker.right(question.name), question.compare
    wrong = [known for known in marker.known(question.name) if not judge(known.answer, right, rule.exact).correct]
    return [
        f"{question.name}: the mistakes {one.name!r} and {other.name!r} share their answer and not their hint"
        for one, other in itertools.combinations(wrong, 2)
        if one.hint != other.hint and judge(one.answer, other.answer, rule.exact).correct
    ]


def _wrong_type_faults(question: Question, marker: Marker) -> list[str]:
    faults = []
    if marker.mark(question.name, ...).verdict.attempted:
        faults.append(f"{question.name}: the untouched cell counts as an attempt")
    right = marker.right(question.name)
    for wrong in (str(right), [right], {"answer": right}, None, True):
        if marker.mark(question.name, wrong).share and type(wrong) is not type(right):
            faults.append(f"{question.name}: a right answer of the wrong type ({type(wrong).__name__}) is right")
    return faults


def _tie_faults(question: Question, marker: Marker) -> list[str]:
    if question.distance_from_tie is None:
        return []
    distance = float(question.distance_from_tie(marker.company, marker.parameters))
    if distance >= NEAR_TIE:
        return []
    return [f"{question.name}: the decision hangs on a near tie ({distance:.2g} from one, at least {NEAR_TIE:g})"]
