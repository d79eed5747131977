"""Companies that several tests look at: made once a run, small enough to be quick."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from pathlib import Path

import pandas as pd

from crmlab.company import Assumptions, Company, generate, open_company, truth

PEOPLE = 6_000


@functools.cache
def company_folder(seed: int = 11, absent: str = "", people: int = PEOPLE) -> Path:
    """A company with the standard assumptions, lacking ``absent``."""
    out = Path(tempfile.mkdtemp(prefix="crmlab-test-")) / "company"
    return generate(people, seed, out, assumptions=dataclasses.replace(Assumptions(), absent=absent))


def observed(seed: int = 11, absent: str = "", people: int = PEOPLE) -> Company:
    return open_company(company_folder(seed, absent, people))


def hidden(seed: int = 11, absent: str = "", people: int = PEOPLE) -> dict[str, pd.DataFrame]:
    return truth(company_folder(seed, absent, people))
