"""The codec gives back exactly what went in, refuses what it does not know, and runs nothing."""

import contextlib
import json
import math
from collections import Counter, namedtuple
from types import SimpleNamespace

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from crmlab.course import codec
from crmlab.course.codec import CodecError, dumps, loads


def same(first, second):
    """Equal in value and in every type, with NaN equal to NaN and 0.0 not equal to -0.0."""
    if type(first) is not type(second):
        return False
    if isinstance(first, float):
        return (math.isnan(first) and math.isnan(second)) or (first == second and str(first) == str(second))
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return same(list(first.items()), list(second.items()))
    return first == second


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
)
keys = st.integers() | st.text(max_size=5) | st.dates() | st.tuples(st.integers(), st.text(max_size=3))
answers = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(answers)
def test_an_answer_comes_back_as_it_went(value):
    assert same(loads(dumps(value)), value)


@settings(deadline=None)
@given(answers)
def test_the_text_is_plain_json_and_the_same_each_time(value):
    text = dumps(value)
    assert dumps(loads(text)) == text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


dtypes = (
    hnp.integer_dtypes(endianness="=")
    | hnp.unsigned_integer_dtypes(endianness="=")
    | hnp.floating_dtypes(endianness="=", sizes=(16, 32, 64))
    | hnp.boolean_dtypes()
    | hnp.datetime64_dtypes(endianness="=", max_period="D", min_period="ns")
    | hnp.timedelta64_dtypes(endianness="=", max_period="D", min_period="ns")
    | hnp.unicode_string_dtypes(endianness="=", max_len=5)
)


@settings(deadline=None)
@given(
    dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
)
def test_an_array_keeps_shape_type_and_bits(array):
    back = loads(dumps(array))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)
    for value in array.reshape(-1)[:2]:
        assert type(loads(dumps(value))) is type(value)


moments = pd.to_datetime(["2025-01-01", None, "2025-06-30 12:30"], format="ISO8601")
COLUMNS = {
    "int32": pd.array(np.array([1, 2, 3], dtype="int32")),
    "float": np.array([0.1 + 0.2, np.inf, np.nan]),
    "nullable": pd.array([1, None, 2**62 + 1], dtype="Int64"),
    "nullable_float": pd.arrays.FloatingArray(np.array([np.nan, 1.5, 0.0]), np.array([False, False, True])),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "text": pd.array(["a", None, "ü"], dtype="str"),
    "string": pd.array(["a", None, "b"], dtype="string"),
    "category": pd.Categorical(["low", "high", None], categories=["low", "high"], ordered=True),
    "day_ms": moments.astype("datetime64[ms]"),
    "day_ns": moments.astype("datetime64[ns]"),
    "zoned": moments.tz_localize("Europe/Berlin"),
    "wait": pd.to_timedelta(["1 day", None, "3 s"]),
    "objects": pd.Series([frozenset({"a", "b"}), (1, 2), [3]], dtype=object),
    "text_objects": pd.Series(["a", "b", None], dtype=object),
}


def test_a_frame_keeps_the_type_of_every_column():
    frame = pd.DataFrame(COLUMNS)
    back = loads(dumps(frame))
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    assert back["nullable_float"].array[0] is not pd.NA
    assert math.isnan(back["nullable_float"].array[0])
    assert back["nullable_float"].array[2] is pd.NA


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(3, name="row"),
        pd.Index(["a", "b", "c"], dtype=object, name="code"),
        pd.Index([3, 1, 2], dtype="int32"),
        pd.DatetimeIndex(["2025-01-01", "2025-01-02", "2025-01-04"], name="day"),
        pd.MultiIndex.from_tuples([("R5", 1), ("R5", 2), ("R4", 1)], names=["R", None]),
    ],
)
def test_an_index_comes_back(index):
    series = pd.Series([1.5, 2.5, 3.5], index=index, name="margin")
    pd.testing.assert_series_equal(loads(dumps(series)), series, check_index_type=True)
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}, index=index)
    pd.testing.assert_frame_equal(loads(dumps(frame)), frame)
    pd.testing.assert_index_equal(loads(dumps(index)), index, exact=True)


def test_frames_with_odd_columns_come_back():
    twice = pd.DataFrame([[1, "a"], [2, "b"]], columns=["same", "same"])
    pd.testing.assert_frame_equal(loads(dumps(twice)), twice)
    for empty in (pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame(index=[1, 2])):
        pd.testing.assert_frame_equal(loads(dumps(empty)), empty)


@pytest.mark.parametrize(
    "value",
    [
        pd.Timestamp("2025-09-30 10:00"),
        pd.Timestamp("2025-09-30").as_unit("ms"),
        pd.Timestamp("2025-09-30", tz="Europe/Berlin"),
        pd.Timedelta("3 days 2 s"),
    ],
)
def test_a_pandas_moment_keeps_unit_and_zone(value):
    back = loads(dumps(value))
    assert type(back) is type(value)
    assert back == value
    assert back.unit == value.unit
    assert str(getattr(back, "tz", None)) == str(getattr(value, "tz", None))


def test_missing_values_stay_what_they_are():
    assert loads(dumps(pd.NA)) is pd.NA
    assert loads(dumps(pd.NaT)) is pd.NaT
    assert loads(dumps(None)) is None


def test_a_counter_is_a_dict():
    assert loads(dumps(Counter("aab"))) == {"a": 2, "b": 1}


def test_what_to_json_loses_is_kept():
    # DataFrame.to_json(orient="table") loses int32, infinity and units of time, and turns 0.30000000000000004 into 0.3.
    assert loads(dumps(0.1 + 0.2)) == 0.30000000000000004 != 0.3
    frame = pd.DataFrame({"wait": pd.to_timedelta(["1 s"]), "sets": [frozenset({1})]})
    pd.testing.assert_frame_equal(loads(dumps(frame)), frame)


class CheatingNumber(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class CheatingFrame(pd.DataFrame):
    pass


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (CheatingNumber(1), "CheatingNumber"),
        (CheatingFrame({"a": [1]}), "CheatingFrame"),
        (namedtuple("Point", "x")(1), "Point"),
        ([object()], "object of type object"),
        (SimpleNamespace(a=1), "SimpleNamespace"),
        (lambda: 1, "call it"),
        (len, "builtin_function_or_method"),
        (1j, "complex"),
        (b"bytes", "bytes"),
        (pd.DataFrame({"a": [1]}).groupby("a"), "groupby"),
        (np.array([1j]), "complex128"),
        (pd.Series(pd.period_range("2025-01", periods=2, freq="M")), "period"),
        (pd.cut(pd.Series([1, 2, 3]), 2), "interval"),
    ],
)
def test_what_is_not_known_is_refused_by_name(value, said):
    with pytest.raises(CodecError, match=said):
        dumps(value)


def test_depth_and_size_have_bounds(monkeypatch):
    endless = []
    endless.append(endless)
    with pytest.raises(CodecError, match="levels deep"):
        dumps(endless)
    with pytest.raises(CodecError):
        loads("[" * 100_000)
    with pytest.raises(CodecError, match="levels deep"):
        loads("[" * 30 + "]" * 30)
    with pytest.raises(CodecError, match="digits"):
        dumps(10**5000)
    with pytest.raises(CodecError, match="digits"):
        loads("1" * 5000)
    monkeypatch.setattr(codec, "MOST_VALUES", 100)
    with pytest.raises(CodecError, match="100 values"):
        dumps(list(range(101)))
    with pytest.raises(CodecError, match="100 values"):
        dumps(pd.DataFrame({"a": range(101)}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "NaN",
        "[Infinity]",
        '{"a": 1}',
        '{"$": "dict"}',
        '{"$": ["dict"], "v": []}',
        '{"$": "dict", "v": [[1, 2], [1, 3]]}',
        '{"$": "dict", "v": [[[], 2]]}',
        '{"$": "dict", "v": 3}',
        '{"$": "set", "v": [[1]]}',
        '{"$": "set", "v": "ab"}',
        '{"$": "float", "v": "1e5"}',
        '{"$": "date", "v": "yesterday"}',
        '{"$": "__import__", "v": "os"}',
        '{"$": "timedelta", "v": [1e30]}',
        '{"$": "array", "v": [[2], {"dtype": "int64", "values": [1]}]}',
        '{"$": "array", "v": [[1], {"dtype": "int64", "values": ["1"]}]}',
        '{"$": "array", "v": [[1], {"dtype": "int8", "values": [1000]}]}',
        '{"$": "array", "v": [[1], {"dtype": "V8", "values": [1]}]}',
        '{"$": "array", "v": [[1], {"dtype": "<U99999", "values": 7}]}',
        '{"$": "Series", "v": [null, {"range": [0, 2, 1], "names": [null]}, {"dtype": "int64", "values": [1]}]}',
        '{"$": "DataFrame", "v": [1, 2]}',
        '{"$": "Index", "v": {"range": [0, 1000000000000, 1], "names": [null]}}',
        '{"$": "Timestamp", "v": ["D", 1, null]}',
        '{"$": "Timestamp", "v": ["ns", 1, "Nowhere/City"]}',
        '{"$": "Timestamp", "v": ["ns", 1, "dateutil//etc/localtime"]}',
        '{"$": "Timestamp", "v": ["ns", 1, "../../etc/localtime"]}',
        '{"$": "column", "v": {"dtype": "string", "values": [1], "na": "nan", "storage": "python"}}',
    ],
)
def test_a_text_that_is_no_answer_is_an_error_of_the_codec(text):
    with pytest.raises(CodecError):
        loads(text)


@settings(deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=6), lambda x: st.lists(x) | st.fixed_dictionaries({
    "$": st.sampled_from(["dict", "set", "Series", "DataFrame", "Index", "array", "scalar", "Timestamp", "column"]),
    "v": x,
}), max_leaves=8))  # fmt: skip
def test_any_tree_is_read_or_refused(tree):
    with contextlib.suppress(CodecError):
        loads(json.dumps(tree))
