"""When are two answers of many values the same? Rules for sets, lists, dicts and tables."""

import math
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlab.course.comparison import Date, Diagnosis, Number, Rule, Text, YesNo, as_number, described, scalar

ANY_NUMBER = Number()
LISTS = (list, tuple, set, frozenset, pd.Series, pd.Index, np.ndarray, pd.api.extensions.ExtensionArray)


@dataclass(frozen=True)
class Members(Rule):
    """What belongs to it, in any order and however often: a set, list, array, Series or Index.

    >>> Members().problem({"54", "55"}, ["55", "54", "54"]) is None
    True
    >>> Members().problem({"54", "55"}, ["54", "11"])
    '1 of your 2 does not belong to it, and 1 is missing'
    """

    def problem(self, right: Any, found: Any) -> str | None:
        given = members(found)
        if isinstance(given, str):
            return given
        expected = members(right)
        wrong, missing = len(given - expected), len(expected - given)
        if not wrong and not missing:
            return None
        said = []
        if wrong:
            said.append(f"{wrong} of your {len(given)} {'does' if wrong == 1 else 'do'} not belong to it")
        if missing:
            said.append(f"{missing} {'is' if missing == 1 else 'are'} missing")
        return _kinds_differ(expected, given) or ", and ".join(said)


@dataclass(frozen=True)
class Overlap(Rule):
    """A list that must nearly be the right one: F1, the balance of what is found and what is right, at least `least`.

    For what a good rule finds and no rule finds exactly. Two empty lists are the same.

    >>> Overlap(least=0.8).problem({1, 2, 3, 4}, {1, 2, 3, 4, 5}) is None
    True
    """

    least: float = 0.8

    def problem(self, right: Any, found: Any) -> str | None:
        given = members(found)
        if isinstance(given, str):
            return given
        expected = members(right)
        agreement = f1(given, expected)
        if agreement >= self.least:
            return None
        if not given or not expected:
            return "the list is empty, and should not be" if expected else "the list is not empty, and should be"
        if len(given) == len(expected):
            length = "it is as long"
        else:
            length = f"it is rather too {'long' if len(given) > len(expected) else 'short'}"
        return _kinds_differ(expected, given) or f"the list is too far from ours; {length}"

    @property
    def exact(self) -> Rule:
        return Members()


@dataclass(frozen=True)
class Sequence(Rule):
    """Values in order: a list, tuple, array or Series; a set has no order. Each is compared by the rule `of`.

    >>> Sequence(Text()).problem(["b", "a"], ["a", "b"])
    'the values are right, their order is not'
    """

    of: Rule = ANY_NUMBER

    def problem(self, right: Any, found: Any) -> str | None:
        if not isinstance(found, LISTS) or isinstance(found, set | frozenset):
            return Diagnosis(f"expected a list in order (found: {described(found)})")
        values, expected = list(found), list(right)
        if len(values) != len(expected):
            return f"the list has {len(values)} values, which is too {'many' if len(values) > len(expected) else 'few'}"
        wrong = _first_problems(self.of, expected, values)
        if not wrong:
            return None
        if members(values) == members(expected):
            return "the values are right, their order is not"
        place = _most_telling(wrong, expected)
        said = f"{len(wrong)} of {len(values)} values are wrong; the one in place {place + 1}: {wrong[place]}"
        return type(wrong[place])(said)


@dataclass(frozen=True)
class Mapping(Rule):
    """A value for each key: a dict, or a Series with the keys as its index. Values are compared by the rule `of`.

    `key` is the name of the column that the keys come from; messages about a wrong index say it.

    >>> Mapping(Text()).problem({1: "a", 2: "b"}, pd.Series(["a", "b"], index=[1, 2])) is None
    True
    >>> Mapping(Text(), key="customer_id").problem({100: "a", 200: "b"}, pd.Series(["a", "b"]))
    'the index should be customer_id; yours looks like row numbers: use set_index("customer_id")'
    """

    of: Rule = ANY_NUMBER
    key: str = ""

    def problem(self, right: Any, found: Any) -> str | None:
        if isinstance(found, pd.DataFrame):
            return Diagnosis(
                "expected a dict or a Series (found: a DataFrame): take one column, "
                f'frame.set_index("{self.key or "..."}")["..."]'
            )
        if not isinstance(found, dict | pd.Series):
            return Diagnosis(f"expected a dict or a Series (found: {described(found)})")
        keys = [_key(key) for key, _ in found.items()]
        if len(set(keys)) < len(keys):
            return "a key stands in it twice"
        values = dict(zip(keys, (value for _, value in found.items()), strict=True))
        expected = {_key(key): value for key, value in right.items()}
        keys_problem = self._index_problem(set(expected), found) or Members().problem(set(expected), set(values))
        if keys_problem:
            return keys_problem if isinstance(keys_problem, Diagnosis) else f"the keys are not right: {keys_problem}"
        wrong = _first_problems(self.of, list(expected.values()), [values[key] for key in expected])
        if not wrong:
            return None
        place = _most_telling(wrong, list(expected.values()))
        said = f"{len(wrong)} of {len(values)} values are wrong; at {list(expected)[place]!r}: {wrong[place]}"
        return type(wrong[place])(said)

    def _index_problem(self, expected: set, found: Any) -> str | None:
        """The words for keys of another kind than expected, and for row numbers in the place of keys."""
        keys = {_key(key) for key, _ in found.items()}
        kinds, wanted = ({described(key) for key in side} for side in (keys, expected))
        part = "index" if isinstance(found, pd.Series) else "dict's keys"
        if len(kinds) == 1 and len(wanted) == 1 and kinds != wanted and keys.isdisjoint(expected):
            return Diagnosis(f"the {part} should hold {_plural(*wanted)} (found: {_plural(*kinds)})")
        is_named = isinstance(found, pd.Series) and found.index.name == self.key
        if not self.key or is_named or part != "index" or kinds != {"a whole number"}:
            return None
        if len(keys - expected) * 2 <= len(keys):
            return None
        return Diagnosis(f'the index should be {self.key}; yours looks like row numbers: use set_index("{self.key}")')


@dataclass(frozen=True)
class Table(Rule):
    """A DataFrame, column by column; its index is ignored, unless it bears the name of a column that is missing.

    `key` names the columns that tell rows apart: rows are put side by side by them, in any order unless `row_order`
    says that the order counts. `columns` gives the rule of a column; others are compared by value. More columns than
    the right ones are allowed, and the order of columns is free, unless `only` and `column_order` say otherwise;
    `dtypes` asks for the types of the right frame too.
    """

    key: tuple[str, ...] = ()
    columns: AnyMapping[str, Rule] | None = None
    row_order: bool = False
    column_order: bool = False
    only: bool = False
    dtypes: bool = False

    def problem(self, right: Any, found: Any) -> str | None:
        if not isinstance(found, pd.DataFrame):
            return Diagnosis(f"expected a DataFrame (found: {described(found)})")
        frame = _with_named_index(found, right)
        said = self._frame_problem(right, frame)
        if said:
            return said
        if self.key and not self.row_order:
            places = {row: place for place, row in enumerate(self._row_keys(frame))}
            rows = self._row_keys(right)
            missing = sum(row not in places for row in rows)
            if missing:
                return f"{missing:,} of {len(rows):,} rows are other rows than asked for (by {', '.join(self.key)})"
            frame = frame.iloc[[places[row] for row in rows]]
        for name in [*self.key, *(column for column in right.columns if column not in self.key)]:
            said = self._column_problem(name, right, frame)
            if said:
                return said
        return None

    def _frame_problem(self, right: pd.DataFrame, frame: pd.DataFrame) -> str | None:
        if frame.columns.has_duplicates:
            return "a column stands in the table twice"
        names = ", ".join(map(str, frame.columns))
        missing = [str(name) for name in right.columns if name not in frame.columns]
        if missing:
            return Diagnosis(f"column {missing[0]!r} is missing (found: {names})")
        if self.only and len(frame.columns) > len(right.columns):
            return Diagnosis(f"the table has more columns than asked for (found: {names})")
        if self.column_order and [name for name in frame.columns if name in right.columns] != list(right.columns):
            return Diagnosis(f"the columns stand in another order than asked for (found: {names})")
        if len(frame) != len(right):
            return f"the table has {len(frame):,} rows, which is too {'many' if len(frame) > len(right) else 'few'}"
        for name in right.columns if self.dtypes else ():
            if frame[name].dtype != right[name].dtype:
                return Diagnosis(f"column {name!r} has the type {frame[name].dtype}, which is not the one asked for")
        if self.key and len(set(self._row_keys(frame))) < len(frame):
            return f"two rows have the same {', '.join(self.key)}"
        return None

    def _row_keys(self, frame: pd.DataFrame) -> list:
        return [_key(row) for row in zip(*(frame[name] for name in self.key), strict=True)]

    def _column_problem(self, name: str, right: pd.DataFrame, frame: pd.DataFrame) -> str | None:
        expected, values = list(right[name]), list(frame[name])
        rule = (self.columns or {}).get(name) or _rule_like(expected)
        wrong = _first_problems(rule, expected, values)
        if not wrong:
            return None
        if name in self.key:
            ordered = Members().problem(expected, values) is None
            return f"the order of the rows is not right (by {name!r})" if ordered else f"column {name!r}: other rows"
        place = _most_telling(wrong, expected)
        said = f"column {name!r}: {len(wrong):,} of {len(values):,} values are wrong; one: {wrong[place]}"
        return type(wrong[place])(said)


def f1(found: set, right: set) -> float:
    """Twice what is in both, over what is in each: 1 for equal sets (also empty ones), 0 for nothing in common.

    >>> f1({1, 2}, {2, 3})
    0.5
    """
    return 2 * len(found & right) / (len(found) + len(right)) if found or right else 1.0


def _key(value: Any) -> Any:
    """A value that can stand in a set and tells True from 1, as Python's own sets do not."""
    if isinstance(value, tuple | list):
        return tuple(_key(inner) for inner in value)
    if isinstance(value, set | frozenset):
        return frozenset(_key(inner) for inner in value)
    value = scalar(value)
    return ("bool", value) if isinstance(value, bool) else value


def members(value: Any) -> set | str:
    """The members of a list of any kind, or what is wrong with it."""
    if not isinstance(value, LISTS):
        return Diagnosis(f"expected a list or a set (found: {described(value)})")
    if isinstance(value, np.ndarray) and value.ndim != 1:
        return Diagnosis(f"expected a list (found: an array of {value.ndim} dimensions)")
    try:
        return {_key(inner) for inner in value}
    except TypeError:
        return Diagnosis("expected a list of single values")


def _kinds_differ(right: set, found: set) -> str | None:
    """The words for numbers given where texts are expected, and the like."""
    expected, given = ({described(each) for each in side} for side in (right, found))
    if found and right and not expected & given and len(given) == 1:
        return Diagnosis(f"the values are of the wrong kind (found: {next(iter(given))})")
    return None


def _plural(kind: str) -> str:
    """A kind as `described` says it, for many: 'a whole number' is 'whole numbers'."""
    words = kind.removeprefix("a ")
    return words if words == kind else f"{words}s"


def _first_problems(rule: Rule, expected: list, values: list) -> dict[int, str]:
    """The places at which two lists of equal length differ, with what is wrong there."""
    pairs = enumerate(zip(expected, values, strict=True))
    problems = {place: _value_problem(rule, right, found) for place, (right, found) in pairs}
    return {place: problem for place, problem in problems.items() if problem}


def _most_telling(wrong: dict[int, str], expected: list) -> int:
    """The place to speak of: where the right number is largest, since a unit shows there best; else the first."""
    sizes = {place: abs(number) for place in wrong if (number := as_number(expected[place])) is not None}
    return max(sizes, key=lambda place: sizes[place]) if sizes else next(iter(wrong))


def _value_problem(rule: Rule, right: Any, found: Any) -> str | None:
    if scalar(right) is None:
        return None if _is_missing(found) else "a value stands where none should"
    if _is_missing(found) and not _is_missing(right):
        return Diagnosis("the value is missing")
    return rule.problem(right, found)


def _is_missing(value: Any) -> bool:
    value = scalar(value)
    return value is None or (isinstance(value, float) and math.isnan(value))


def _rule_like(expected: list) -> Rule:
    """The usual rule for a column of such values."""
    sample = next((scalar(value) for value in expected if scalar(value) is not None), 0)
    rules = {bool: YesNo(), str: Text(), int: Number(), float: Number(nan=True)}
    return rules.get(type(sample), Date())


def _with_named_index(found: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    named = [name for name in found.index.names if name in right.columns and name not in found.columns]
    return found.reset_index(level=named) if named else found
