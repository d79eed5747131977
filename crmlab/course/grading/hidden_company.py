"""The hidden company of a release: the same kinds of dirt and tendencies, another seed, other parameters.

It has as many customers as the companies on which release proved the key. It is made anew for each grading, from the
seed file, in a private folder that goes at the end; the seed decides it wholly, so it is the same every time. Before
a submission is run on it, the exercise's own solution must score full there, else the next seed is taken.

What submissions may see is a folder of its own: the observable tables, and a description without the seed.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat

from crmlab.company import generate, open_company, truth
from crmlab.course.answer_key import AnswerKey, KeyFaultError, load_key
from crmlab.course.codec import dumps
from crmlab.course.grading.seed_file import SeedFile
from crmlab.course.marking import Marker
from crmlab.course.notebook_run import run_answers
from crmlab.course.proof import CUSTOMERS, prove_on
from crmlab.course.release import source_paths
from crmlab.operational.template import company_key, copy_template

_MOST_SEEDS = 10


@dataclass(frozen=True)
class HiddenCompany:
    """What a grading needs of the hidden company. Only `observable` and `parameters` may enter a sandbox.

    `mark` tells this company and its parameters from others: answers of another mark are old.
    `answers` are those of the exercise's own solution.
    """

    key: AnswerKey
    marker: Marker
    observable: Path
    parameters: str
    mark: str
    cache: Path | None
    answers: dict


@contextmanager
def hidden_company(home: Path, exercise: str, seed_file: SeedFile, number: int = 0) -> Iterator[HiddenCompany]:
    """Make the hidden company of an exercise for the length of a block; `number` asks for others than the first.

    Raises KeyFaultError when the key's own solution is not right on any of them.
    """
    key_path, notebook_path = source_paths(home, exercise)
    key = load_key(key_path)
    solution = nbformat.read(notebook_path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="crmlab-hidden-") as folder:
        for attempt in range(_MOST_SEEDS):
            seed = seed_file.seed(exercise, number * _MOST_SEEDS + attempt)
            made = generate(CUSTOMERS, seed, Path(folder) / f"hidden-{attempt}")
            observable = _observable_part(made, Path(folder) / f"observable-{attempt}")
            parameters = key.parameters(seed)
            company = open_company(observable)
            marker = Marker(key, company, parameters, truth(made))
            faults = prove_on(key, solution, marker, "the hidden company").faults
            if not faults:
                break
        else:
            raise KeyFaultError(f"{exercise}: the solution is not right on {_MOST_SEEDS} hidden companies: {faults[0]}")
        # Asked for once here: the marker is then only read, by whichever thread.
        for question in key.checked:
            marker.right(question.name)
            marker.known(question.name)
        yield HiddenCompany(
            key=key,
            marker=marker,
            observable=observable,
            parameters=dumps(dict(parameters)),
            mark=hashlib.sha256(f"{company_key(observable)}/{dumps(dict(parameters))}".encode()).hexdigest()[:16],
            cache=_filled_store(solution, observable, Path(folder) / "cache"),
            answers=run_answers(solution, company, parameters),
        )


def _observable_part(made: Path, observable: Path) -> Path:
    """A folder with the observable tables alone; the description in it does not name the seed."""
    shutil.copytree(made / "company", observable / "company")
    description = json.loads((made / "company.json").read_text(encoding="utf-8"))
    seen = {name: description[name] for name in ("as_of", "start")}
    (observable / "company.json").write_text(json.dumps(seen) + "\n", encoding="utf-8")
    # The sandbox's user is another one: it must be able to read, whatever the instructor's umask is.
    for path in [observable, *observable.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return observable


def _filled_store(solution: nbformat.NotebookNode, observable: Path, cache: Path) -> Path | None:
    """A folder with a filled store of the company for exercises that open one; None for the others."""
    if not any("open_store" in cell.source for cell in solution.cells):
        return None
    before = os.environ.get("CRMLAB_CACHE")
    os.environ["CRMLAB_CACHE"] = str(cache)
    try:
        cache.mkdir()
        copy_template(observable, cache / "first.sqlite")
        (cache / "first.sqlite").unlink()
    finally:
        if before is None:
            del os.environ["CRMLAB_CACHE"]
        else:
            os.environ["CRMLAB_CACHE"] = before
    for path in [cache, *cache.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return cache
