"""The market as the truth knows it: who is behind a customer number, and what each person would do."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from crmlab.company.assumptions import Assumptions
from crmlab.company.future_purchases import FuturePurchases, draw_future, draw_resumed
from crmlab.company.observed import read_table
from crmlab.company.running_contracts import CONTRACTS, running_contracts

_NEEDED = (
    "assumptions", "effects", "offer_effects", "records", "relationships", "service_contracts", "subscriptions",
    "tendencies",
)  # fmt: skip


_PROCESS = ("person_id", "rate_per_week", "dropout_probability", "clock_level")


def planted_assumptions(settings: pd.DataFrame) -> Assumptions:
    """The settings of a company, from its hidden table ``assumptions``."""
    value = settings.set_index("setting")["value"]
    kinds = {"date": datetime.date.fromisoformat, "float": float, "str": str}
    return Assumptions(**{each.name: kinds[type(each.default).__name__](value[each.name]) for each in _FIELDS})


_FIELDS = dataclasses.fields(Assumptions)


@dataclasses.dataclass(frozen=True)
class Market:
    """``people``: a row a person with all that the truth says of it, by position; ``person_of``: that position, by
    ``customer_id``; ``contracts``: those that run on the last day (see ``running_contracts``)."""

    assumptions: Assumptions
    people: pd.DataFrame
    person_of: pd.Series
    contracts: pd.DataFrame

    def values(self, column: str, person: np.ndarray) -> np.ndarray:
        """A column of ``people`` for these positions."""
        return self.people[column].to_numpy()[person]

    def future(self, seed: int, days: int, person: np.ndarray) -> FuturePurchases:
        """What these people (positions) will buy in ``days`` days when left alone."""
        values = (self.values(column, person) for column in (*_PROCESS, "is_active"))
        return draw_future(seed, self.assumptions, *values, days)

    def resumed(
        self, seed: int, days: int, person: np.ndarray, from_day: np.ndarray, moment: np.ndarray
    ) -> FuturePurchases:
        """What these people (positions) buy after ``from_day`` when their need goes on; see ``draw_resumed``."""
        values = (self.values(column, person) for column in _PROCESS)
        return draw_resumed(seed, self.assumptions, *values, from_day, moment, days)


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
    for effects in ("effects", "offer_effects"):
        people = people.merge(truth[effects], on="person_id", validate="1:1")
    position = pd.Series(np.arange(len(people)), index=people["person_id"])
    records = truth["records"]
    person_of = pd.Series(position.loc[records["person_id"]].to_numpy(), index=records["customer_id"])
    given = planted_assumptions(truth["assumptions"])
    seen = {name: read_table(folder / "company" / name) for name in CONTRACTS}
    return Market(given, people, person_of, running_contracts(seen, truth, person_of, given.as_of))
