"""What a company does to its customers, as a list that the market can react to: checked, and in an order of its own."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Collection

import numpy as np
import pandas as pd

from crmlab.company.market import Market

DAY_SECONDS = 86_400
#: What the market looks at; any other column is the sender's own business.
_KEPT = ("action_id", "customer_id", "at", "kind", "channel", "message", "discount_percent", "offer_cents")
#: More seconds than any list spans: person times this plus seconds is one number that sorts by person and moment.
_SPAN = 1 << 36


@dataclasses.dataclass(frozen=True)
class Actions:
    """One value an action, sorted by person and moment, so that the order of the sender's list does not matter.

    ``person``: position in the market; ``second``: from the end of the company's last day (on that day: below 0);
    ``content``: a number for what is done, whoever does it to whom; ``repeat``: 0, or how often the same was done to
    the same person at the same moment before. ``frame``: the rows themselves.
    """

    person: np.ndarray
    second: np.ndarray
    content: np.ndarray
    repeat: np.ndarray
    frame: pd.DataFrame

    @property
    def place(self) -> np.ndarray:
        """One ascending number for person and moment."""
        return places(self.person, self.second)


def places(person: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One number for person and moment, int64: sorted by person, then by moment."""
    return person * _SPAN + (_SPAN >> 1) + second


def _column(frame: pd.DataFrame, name: str, where: str) -> pd.Series:
    if name not in frame.columns:
        raise ValueError(f"{where} has no column {name!r} (found: {', '.join(map(str, frame.columns))})")
    column = frame[name]
    if column.isna().any():
        raise ValueError(f"{where}: {name} is missing in {int(column.isna().sum())} rows (expected: in none)")
    return column


def _first(values: pd.Series) -> str:
    """The first value, as one would write it."""
    return repr(values.astype(object).iloc[0])


def _moments(frame: pd.DataFrame, where: str) -> pd.Series:
    moments = _column(frame, "at", where)
    if not pd.api.types.is_datetime64_dtype(moments):
        raise ValueError(f"{where}: at must hold dates, without a time zone (found: {moments.dtype})")
    return moments


def _persons(frame: pd.DataFrame, market: Market, where: str) -> np.ndarray:
    customers = _column(frame, "customer_id", where)
    unknown = customers[~customers.isin(market.person_of.index)]
    if len(unknown):
        raise ValueError(f"{where}: customer_id {_first(unknown)} is not in customers ({len(unknown)} such rows)")
    return market.person_of.loc[customers.to_numpy()].to_numpy()


def read_actions(actions: pd.DataFrame, market: Market, kinds: Collection[str], until: pd.Timestamp) -> Actions:
    """The actions, checked and sorted.

    Raises ``ValueError`` that names the column, what was found and what was expected.
    """
    if not isinstance(actions, pd.DataFrame):
        raise ValueError(f"actions must be a pandas frame (found: {type(actions).__name__})")
    ids = _column(actions, "action_id", "actions")
    if ids.duplicated().any():
        raise ValueError(f"actions: action_id {_first(ids[ids.duplicated()])} stands there more than once")
    kind = _column(actions, "kind", "actions")
    if (~kind.isin(list(kinds))).any():
        found = _first(kind[~kind.isin(list(kinds))])
        raise ValueError(f"actions: kind {found} is not known (known: {', '.join(kinds)})")
    at, person = _moments(actions, "actions"), _persons(actions, market, "actions")
    as_of = pd.Timestamp(market.assumptions.as_of)
    for name, outside in (("before", at < as_of), ("after", at >= until + pd.Timedelta(days=1))):
        if outside.any():
            raise ValueError(
                f"actions: at {at[outside].iloc[0]} lies {name} the days that are looked at "
                f"(expected: from {as_of:%Y-%m-%d} to {until:%Y-%m-%d})"
            )
    words = [kind]
    for name in ("channel", "message"):
        words.append(actions[name].fillna("") if name in actions.columns else pd.Series("", index=actions.index))
    kept = [name for name in _KEPT if name in actions.columns]
    frame = actions[kept].assign(
        person=person, second=_seconds(at, market), content=_content(words, list(kinds)), action_key=ids.astype(str)
    )
    by = ["person", "second", "content", "customer_id", "action_key"]
    frame = frame.sort_values(by, kind="stable").reset_index(drop=True)
    return Actions(
        person=frame["person"].to_numpy(),
        second=frame["second"].to_numpy(),
        content=frame["content"].to_numpy(),
        repeat=frame.groupby(["person", "second", "content"]).cumcount().to_numpy(),
        frame=frame.drop(columns=["person", "second", "content", "action_key"]),
    )


def _content(words: list[pd.Series], kinds: list[str]) -> np.ndarray:
    """A number for each combination of words; those of a later kind are larger."""
    text = words[0].astype(str).str.cat([each.astype(str) for each in words[1:]], sep="|")
    place = {kind: position for position, kind in enumerate(kinds)}
    code = {each: (place[each.split("|")[0]] << 32) + zlib.crc32(each.encode()) for each in text.unique()}
    return text.map(code).to_numpy(dtype=np.int64)


def _seconds(at: pd.Series, market: Market) -> np.ndarray:
    end = pd.Timestamp(market.assumptions.as_of) + pd.Timedelta(days=1)
    # A started second counts as a whole one: nobody reacts before the action.
    return -((end - at) // pd.Timedelta(seconds=1)).to_numpy(dtype=np.int64)


def read_history(history: pd.DataFrame | None, market: Market) -> np.ndarray:
    """The ``places`` of messages that were sent earlier, in any order."""
    if history is None:
        return np.zeros(0, dtype=np.int64)
    sent = history[_column(history, "kind", "history") == "message"]
    return places(_persons(sent, market, "history"), _seconds(_moments(sent, "history"), market))
