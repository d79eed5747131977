"""Answers as text: a typed JSON that gives back exactly what went in, and never runs anything.

One form carries answers everywhere: in the practice files, and through the pipe of the sandbox that grades. Plain JSON
would turn a tuple into a list, lose the type of a column and refuse NaN; `DataFrame.to_json` turns
0.30000000000000004 into 0.3. So whatever JSON cannot say by itself stands in an object with its type under `"$"`:

    {"$": "set", "v": [1, 2]}        {"$": "float", "v": "nan"}        {"$": "date", "v": "2025-09-30"}

Only the exact types listed here pass: an object of a student's own class, which could call itself equal to everything,
is refused. Reading builds values from text by these rules alone.
"""

import datetime as dt
import json
import math
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_DEPTH = 20
MOST_VALUES = 2_000_000
MOST_CHARACTERS = 64_000_000
MOST_DIGITS = 1_000

TAG, VALUE = "$", "v"
DICT_TYPES = (dict, Counter, OrderedDict, defaultdict)


class CodecError(ValueError):
    """A value that an answer cannot hold, or a text that is no answer; the message says which."""


@dataclass
class Walk:
    """How far one reading or writing has come; `step` stops it where an answer would be too deep or too large."""

    depth: int = 0
    values: int = 0

    def step(self, count: int = 1) -> None:
        self.values += count
        if self.values > MOST_VALUES:
            raise CodecError(f"the answer holds more than {MOST_VALUES:,} values")

    def inner(self, convert: Callable[[Any, "Walk"], Any], value: Any) -> Any:
        """`convert(value)` one level further in."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise CodecError(f"the answer is nested more than {MOST_DEPTH} levels deep")
        try:
            return convert(value, self)
        finally:
            self.depth -= 1


def dumps(value: Any) -> str:
    """The text of an answer; the same value always gives the same text.

    Raises CodecError for a type that an answer cannot have, and for an answer that is too deep or too large.

    >>> dumps({"churn": float("nan"), "cells": {"54", "55"}})
    '{"$":"dict","v":[["churn",{"$":"float","v":"nan"}],["cells",{"$":"set","v":["54","55"]}]]}'
    >>> loads(dumps((1, 2.0, None)))
    (1, 2.0, None)
    """
    text = _json_text(encode(value, Walk()))
    if len(text) > MOST_CHARACTERS:
        raise CodecError(f"the answer takes more than {MOST_CHARACTERS:,} characters")
    return text


def loads(text: str) -> Any:
    """The answer that a text of `dumps` stands for.

    Raises CodecError for any other text.

    >>> loads('{"$":"date","v":"2025-09-30"}')
    datetime.date(2025, 9, 30)
    >>> loads('{"$":"eval","v":"1"}')
    Traceback (most recent call last):
        ...
    crmlab.course.codec.CodecError: there is no type 'eval' in an answer
    """
    if not isinstance(text, str):
        raise CodecError(f"an answer is text (found: {type(text).__name__})")
    if len(text) > MOST_CHARACTERS:
        raise CodecError(f"the answer takes more than {MOST_CHARACTERS:,} characters")
    try:
        tree = json.loads(text, parse_constant=_no_constant, parse_int=_whole_number)
    except (json.JSONDecodeError, RecursionError) as error:
        raise CodecError(f"the answer is not JSON: {error}") from None
    return decode(tree, Walk())


def plain(value: Any) -> Any:
    """The value as it would arrive at the other end of the pipe: built anew, of the known types only.

    >>> plain([1, (2, 3)])
    [1, (2, 3)]
    """
    return loads(dumps(value))


def encode(value: Any, walk: Walk) -> Any:
    """The JSON tree of a value."""
    walk.step()
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if value is ...:
        return tagged("Ellipsis", None)
    if kind is int:
        if value.bit_length() > MOST_DIGITS * 3:
            raise CodecError(f"a whole number of more than {MOST_DIGITS} digits")
        return value
    if kind is float:
        return value if math.isfinite(value) else tagged("float", repr(value))
    if kind is list:
        return [walk.inner(encode, item) for item in value]
    if kind is tuple:
        return tagged("tuple", [walk.inner(encode, item) for item in value])
    if kind in DICT_TYPES:
        return tagged("dict", [[walk.inner(encode, key), walk.inner(encode, item)] for key, item in value.items()])
    if kind in (set, frozenset):
        return tagged(kind.__name__, sorted((walk.inner(encode, item) for item in value), key=_json_text))
    if kind is dt.date or kind is dt.datetime or kind is dt.time:
        return tagged(kind.__name__, value.isoformat())
    if kind is dt.timedelta:
        return tagged("timedelta", [value.days, value.seconds, value.microseconds])
    # numpy and pandas are imported for the answers that need them; theirs is most of the time of a check.
    from crmlab.course import codec_tables

    tree = codec_tables.encode_table(value, walk)
    if tree is None:
        raise CodecError(f"an answer cannot hold {_described(kind)}")
    return tree


def decode(tree: Any, walk: Walk) -> Any:
    """The value of a JSON tree."""
    walk.step()
    if tree is None or isinstance(tree, bool | str | int | float):
        return tree
    if isinstance(tree, list):
        return [walk.inner(decode, item) for item in tree]
    if not isinstance(tree.get(TAG), str) or set(tree) != {TAG, VALUE}:
        raise CodecError(f"expected an object with '$' and 'v' (found: {sorted(tree)[:5]})")
    tag, content = tree[TAG], tree[VALUE]
    try:
        if tag in _BUILDERS:
            return _BUILDERS[tag](content, walk)
        from crmlab.course import codec_tables

        return codec_tables.decode_table(tag, content, walk)
    except CodecError:
        raise
    except (TypeError, ValueError, KeyError, OverflowError, AttributeError, IndexError) as error:
        raise CodecError(f"what stands for a {tag} is none: {error}") from None


def tagged(tag: str, content: Any) -> dict[str, Any]:
    """What JSON cannot say by itself, with its type."""
    return {TAG: tag, VALUE: content}


def items(content: Any, walk: Walk) -> list[Any]:
    """The values of a list in a tree."""
    if not isinstance(content, list):
        raise CodecError(f"expected a list (found: {type(content).__name__})")
    return [walk.inner(decode, item) for item in content]


def _pairs(content: Any, walk: Walk) -> dict[Any, Any]:
    pairs = [items(pair, walk) for pair in content]
    made = {key: item for key, item in pairs}
    if len(made) != len(pairs):
        raise CodecError("a dict with the same key twice")
    return made


def _special_float(content: Any, walk: Walk) -> float:
    if content not in ("nan", "inf", "-inf"):
        raise CodecError(f"expected nan, inf or -inf (found: {content!r})")
    return float(content)


_BUILDERS: dict[str, Callable[[Any, Walk], Any]] = {
    "Ellipsis": lambda content, walk: ...,
    "float": _special_float,
    "tuple": lambda content, walk: tuple(items(content, walk)),
    "dict": _pairs,
    "set": lambda content, walk: set(items(content, walk)),
    "frozenset": lambda content, walk: frozenset(items(content, walk)),
    "date": lambda content, walk: dt.date.fromisoformat(content),
    "datetime": lambda content, walk: dt.datetime.fromisoformat(content),
    "time": lambda content, walk: dt.time.fromisoformat(content),
    "timedelta": lambda content, walk: dt.timedelta(*items(content, walk)),
}


def _json_text(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _no_constant(name: str) -> Any:
    raise CodecError(f"{name} stands in the answer without its type")


def _whole_number(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise CodecError(f"a whole number of more than {MOST_DIGITS} digits")
    return int(digits)


def _described(kind: type) -> str:
    """A type in words, with what to answer instead."""
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if issubclass(kind, type(lambda: 0)):
        return "a function: call it, and answer with its result"
    if kind.__module__.startswith("pandas.") and "GroupBy" in name:
        return "a groupby: answer with a value for each group, such as .sum() gives"
    if kind.__module__.startswith("polars"):
        return f"an object of type {name}: answer with .to_pandas()"
    return f"an object of type {name}: answer with a number, text, date, list, dict, set, Series or DataFrame"
