"""The market as the truth knows it: who is behind a customer number, and what each person would do."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from crmlab.company.assumptions import Assumptions
from crmlab.company.future_purchases import FuturePurchases, draw_future
from crmlab.company.observed import read_table

_NEEDED = ("assumptions", "effects", "records", "relationships", "tendencies")


def planted_assumptions(settings: pd.DataFrame) -> Assumptions:
    """The settings of a company, from its hidden table ``assumptions``."""
    value = settings.set_index("setting")["value"]
    kinds = {"date": datetime.date.fromisoformat, "float": float, "str": str}
    return Assumptions(**{each.name: kinds[type(each.default).__name__](value[each.name]) for each in _FIELDS})


_FIELDS = dataclasses.fields(Assumptions)


@dataclasses.dataclass(frozen=True)
class Market:
    """``people``: a row a person with all that the truth says of it, by position; ``person_of``: that position, by
    ``customer_id``."""

    assumptions: Assumptions
    people: pd.DataFrame
    person_of: pd.Series

    def values(self, column: str, person: np.ndarray) -> np.ndarray:
        """A column of ``people`` for these positions."""
        return self.people[column].to_numpy()[person]

    def future(self, seed: int, days: int, person: np.ndarray) -> FuturePurchases:
        """What these people (positions) will buy in ``days`` days when left alone."""
        columns = ("person_id", "rate_per_week", "dropout_probability", "clock_level", "is_active")
        return draw_future(seed, self.assumptions, *(self.values(column, person) for column in columns), days)


def open_market(folder: Path) -> Market:
    """The market of the company in ``folder``.

    Raises ``FileNotFoundError`` where the hidden truth is not there, as in a graded run.
    """
    missing = [name for name in _NEEDED if not (folder / "truth" / name).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{folder / 'truth'}: reactions come from the hidden truth, which is not here "
            f"(missing: {', '.join(missing)})"
        )
    truth = {name: read_table(folder / "truth" / name) for name in _NEEDED}
    people = truth["tendencies"].merge(truth["relationships"], on="person_id", validate="1:1")
    people = people.merge(truth["effects"], on="person_id", validate="1:1")
    position = pd.Series(np.arange(len(people)), index=people["person_id"])
    records = truth["records"]
    person_of = pd.Series(position.loc[records["person_id"]].to_numpy(), index=records["customer_id"])
    return Market(planted_assumptions(truth["assumptions"]), people, person_of)
