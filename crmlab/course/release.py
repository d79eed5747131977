"""Release: from a solution notebook and its key to the exercise, once the key is proved.

    crmlab release 04_rfm

writes `exercises/04_rfm.ipynb` and `exercises/practice/04_rfm.json`, the same bytes whenever nothing changed.
"""

from dataclasses import dataclass
from pathlib import Path

import nbformat

from crmlab.company import open_company
from crmlab.course.answer_key import KeyFaultError, load_key
from crmlab.course.exercise_notebook import exercise_from, notebook_text
from crmlab.course.marking import Marker
from crmlab.course.practice import practice_text
from crmlab.course.proof import prove, prove_on
from crmlab.whole_files import write_text_whole


@dataclass(frozen=True)
class Released:
    """The texts of an exercise's two files."""

    notebook: str
    practice: str


class NotReleasedError(Exception):
    """A key that is not proved; `faults` say which question, on which seed, with which mistake."""

    def __init__(self, exercise: str, faults: list[str]):
        self.faults = faults
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        super().__init__("\n".join([f"{exercise} is not released; its key has {count}:", *faults]))


def find_exercises(home: Path) -> list[str]:
    """The exercises that have a key, by name."""
    return sorted(path.stem for path in (home / "solutions").glob("*.py") if path.stem[:2].isdigit())


def source_paths(home: Path, exercise: str) -> tuple[Path, Path]:
    """The key and the solution notebook of an exercise. Raises KeyFaultError when one is missing."""
    key, notebook = (home / "solutions" / f"{exercise}{ending}" for ending in (".py", ".ipynb"))
    for path in (key, notebook):
        if not path.is_file():
            known = ", ".join(find_exercises(home)) or "none"
            raise KeyFaultError(f"there is no {path.name} in solutions/ (exercises there: {known})")
    return key, notebook


def made_exercise(home: Path, exercise: str) -> Released:
    """What release would write, proved on the course company alone.

    Raises KeyFaultError, NotReleasedError.
    """
    key_path, notebook_path = source_paths(home, exercise)
    key = load_key(key_path)
    solution = nbformat.read(notebook_path, as_version=4)
    made = exercise_from(solution, key)
    company = open_company(home / "datasets")
    # Students' practice never looks at the truth, so neither does the proof on their company.
    proof = prove_on(key, solution, Marker(key, company, key.practice, truth=None), "the course company")
    if proof.faults:
        raise NotReleasedError(exercise, list(proof.faults))
    return Released(notebook_text(made), practice_text(key, company))


def release_exercise(home: Path, exercise: str, *, n_jobs: int = -1) -> list[Path]:
    """Prove an exercise's key and write its two files, each whole; gives their paths.

    Raises KeyFaultError for a key or notebook that is not as it should be, NotReleasedError for one that is not proved.
    """
    made = made_exercise(home, exercise)
    faults = prove(*source_paths(home, exercise), n_jobs=n_jobs)
    if faults:
        raise NotReleasedError(exercise, faults)
    folder = home / "exercises"
    (folder / "practice").mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{exercise}.ipynb", folder / "practice" / f"{exercise}.json"]
    for path, text in zip(paths, (made.notebook, made.practice), strict=True):
        write_text_whole(path, text)
    return paths
