"""When are two answers the same? Rules for one value: a number, a text, a date, yes or no.

A rule compares an answer with the right one and says in words what is wrong with it, never what is right. It gets
values that came through the codec, so that only plain numbers, texts, sets and frames meet here: no `==` of a
student's own class is ever asked. Rules for lists, sets and tables are in `crmlab.course.comparison_many`.
"""

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

RULES: dict[str, type["Rule"]] = {}


class Diagnosis(str):
    """What is wrong with an answer, where saying it is all the help needed: its kind, shape, unit, sign or rounding."""

    __slots__ = ()


#: Beyond this a whole number has no float beside it to be compared with.
_LARGEST = 10**300
_ROUGHLY = 2e-2
#: What rounding can take from a number; one with more decimals than these was not rounded by a person.
_MOST_LOST, _MOST_DECIMALS = 5e-2, 4


@dataclass(frozen=True)
class Rule:
    """How an answer is compared. `problem` is None for an answer that is right, else what is wrong with it.

    Where that alone helps, without a hint at how the answer is found, it is a `Diagnosis`.
    """

    def __init_subclass__(cls) -> None:
        RULES[cls.__name__] = cls

    def problem(self, right: Any, found: Any) -> str | None:
        raise NotImplementedError

    @property
    def exact(self) -> "Rule":
        """The rule by which an answer is known again as a certain mistake."""
        return self


@dataclass(frozen=True)
class Number(Rule):
    """A number, by its value: `np.int64(3)`, `3` and `3.0` are equal; True is not a number.

    Two whole numbers are equal when they are the same, or differ by at most `tolerance`. Otherwise the difference may
    be `tolerance` or `relative` times the right number, whichever is more. NaN is wrong unless `nan` says that it can
    be right.

    >>> Number(unit="euro").problem(12.5, 1250)
    'the number is 100 times too large: is it in euro?'
    >>> Number(tolerance=0.01).problem(3, 3.005) is None
    True
    """

    tolerance: float = 0.0
    relative: float = 1e-9
    unit: str = ""
    nan: bool = False

    def problem(self, right: Any, found: Any) -> str | None:
        number = as_number(found)
        if number is None:
            return Diagnosis(f"expected a number (found: {described(found)})")
        expected = as_number(right)
        if expected is None:
            raise TypeError(f"the right answer is {described(right)}, and its rule is for numbers")
        if max(abs(number), abs(expected)) > _LARGEST:
            return None if number == expected else "the number is not right"
        if math.isnan(number) or math.isnan(expected):
            if math.isnan(number) and math.isnan(expected) and self.nan:
                return None
            return Diagnosis("the number is NaN") if math.isnan(number) else "the number is not right"
        if self._close(expected, number):
            return None
        return self._what_is_wrong(expected, number)

    def _close(self, right: float, number: float) -> bool:
        if right == number:
            return True
        if isinstance(right, int) and isinstance(number, int):
            return abs(right - number) <= self.tolerance
        return math.isclose(right, number, rel_tol=self.relative, abs_tol=self.tolerance)

    def _what_is_wrong(self, right: float, number: float) -> str:
        unit = f": is it in {self.unit}?" if self.unit else ": check its unit"
        # A number in another unit is often rounded too: 42 for 0.4167.
        if math.isclose(right * 100, number, rel_tol=_ROUGHLY):
            return Diagnosis(f"the number is 100 times too large{unit}")
        if math.isclose(right, number * 100, rel_tol=_ROUGHLY):
            return Diagnosis(f"the number is 100 times too small{unit}")
        if right and self._close(-right, number):
            return Diagnosis("the number has the wrong sign")
        if _is_rounded(right, number):
            return Diagnosis("the number looks rounded: give it as it is computed")
        if math.isclose(right, number, rel_tol=2e-3):
            return "the number is close, but not right"
        return "the number is not right"


def _is_rounded(right: float, number: float) -> bool:
    """Whether a number is what rounding, or cutting off decimals, makes of the right one."""
    if not math.isclose(right, number, rel_tol=_MOST_LOST):
        return False
    decimals = next((count for count in range(_MOST_DECIMALS + 1) if round(number, count) == number), None)
    return decimals is not None and abs(right - number) < 10.0**-decimals


@dataclass(frozen=True)
class Text(Rule):
    """A text; capitals and extra spaces do not matter unless `case` and `spaces` say so.

    >>> Text().problem("Early access", " early  ACCESS ") is None
    True
    """

    case: bool = False
    spaces: bool = False

    def problem(self, right: Any, found: Any) -> str | None:
        text = scalar(found)
        if not isinstance(text, str):
            return Diagnosis(f"expected text (found: {described(found)})")
        return None if self._form(scalar(right)) == self._form(text) else "the text is not right"

    def _form(self, text: str) -> str:
        text = text if self.spaces else " ".join(text.split())
        return text if self.case else text.casefold()


@dataclass(frozen=True)
class Date(Rule):
    """A day, as a date, datetime or Timestamp; the time of day counts only when `time` says so.

    >>> Date().problem(dt.date(2025, 9, 30), pd.Timestamp("2025-09-30")) is None
    True
    """

    time: bool = False

    def problem(self, right: Any, found: Any) -> str | None:
        moment = scalar(found)
        if not isinstance(moment, dt.datetime):
            return Diagnosis(f"expected a date (found: {described(found)})")
        expected = scalar(right)
        same = moment == expected if self.time else moment.date() == expected.date()
        return None if same else "the date is not right"


@dataclass(frozen=True)
class YesNo(Rule):
    """True or False; 1 and 0 are numbers and no answer to it.

    >>> YesNo().problem(True, 1)
    'expected True or False (found: a whole number)'
    """

    def problem(self, right: Any, found: Any) -> str | None:
        answer = scalar(found)
        if not isinstance(answer, bool):
            return Diagnosis(f"expected True or False (found: {described(found)})")
        return None if answer == scalar(right) else "it is the other way round"


def as_number(value: Any) -> int | float | None:
    """A plain int or float, or None for what is not a number.

    >>> as_number(np.float32(0.5)), as_number(True), as_number("5")
    (0.5, None, None)
    """
    value = scalar(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def scalar(value: Any) -> Any:
    """One value in Python's own type: numpy's numbers and texts unwrapped, every date a datetime, NA and NaT None.

    >>> scalar(np.int64(3)), scalar(dt.date(2025, 1, 2))
    (3, datetime.datetime(2025, 1, 2, 0, 0))
    """
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.datetime64):
        return scalar(pd.Timestamp(value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    return value


_WORDS = {
    "bool": "True or False",
    "int": "a whole number",
    "float": "a number with decimals",
    "str": "text",
    "NoneType": "None",
    "ndarray": "an array",
    "Series": "a Series",
    "DataFrame": "a DataFrame",
    "datetime": "a date",
}


def described(value: Any) -> str:
    """The kind of a value in words, without the value.

    >>> described(pd.Series([1])), described({1})
    ('a Series', 'a set')
    """
    name = type(scalar(value)).__name__
    return _WORDS.get(name, f"a {name}")


def rule_fields(rule: Rule) -> dict[str, Any]:
    """A rule as plain values, for the practice file: its name, and the settings that are not the usual ones.

    >>> rule_fields(Number(unit="days"))
    {'rule': 'Number', 'unit': 'days'}
    """
    fields: dict[str, Any] = {"rule": type(rule).__name__}
    for field in dataclasses.fields(rule):
        value = getattr(rule, field.name)
        if value != field.default:
            fields[field.name] = _setting(value)
    return fields


def _setting(value: Any) -> Any:
    if isinstance(value, Rule):
        return rule_fields(value)
    if isinstance(value, dict):
        return {name: _setting(inner) for name, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value


def rule_from_fields(fields: dict[str, Any]) -> Rule:
    """The rule that `rule_fields` wrote.

    >>> rule_from_fields({"rule": "Number", "unit": "days"})
    Number(tolerance=0.0, relative=1e-09, unit='days', nan=False)
    """
    settings = {name: _read_setting(value) for name, value in fields.items() if name != "rule"}
    if fields.get("rule") not in RULES:
        raise ValueError(f"there is no rule {fields.get('rule')!r} (known: {', '.join(sorted(RULES))})")
    return RULES[fields["rule"]](**settings)


def _read_setting(value: Any) -> Any:
    if isinstance(value, dict):
        inner = {name: _read_setting(each) for name, each in value.items() if name != "rule"}
        return rule_from_fields(value) if "rule" in value else inner
    return tuple(value) if isinstance(value, list) else value
