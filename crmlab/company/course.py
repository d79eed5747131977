"""The course company: one seed, and the only company that students see."""

from __future__ import annotations

import shutil
from pathlib import Path

from crmlab.company.generate import DESCRIPTION, generate

COURSE_CUSTOMERS = 20_000
COURSE_SEED = 1


def ensure_course_company(home: Path) -> Path:
    """The folder of the course company, ``home/datasets``; the company is generated first where it is not there.

    Its description moves in last: a company without one was cut short, and is made again.
    """
    datasets = home / "datasets"
    if not (datasets / DESCRIPTION).is_file():
        datasets.mkdir(parents=True, exist_ok=True)
        new = datasets / ".new"
        shutil.rmtree(new, ignore_errors=True)
        generate(COURSE_CUSTOMERS, COURSE_SEED, new)
        for name in ("truth", "company"):
            shutil.rmtree(datasets / name, ignore_errors=True)
            (new / name).rename(datasets / name)
        (new / DESCRIPTION).replace(datasets / DESCRIPTION)
        new.rmdir()
    return datasets
