"""The part of the codec for numpy and pandas: scalars, arrays, indexes, series and frames with their exact types."""

import re
from typing import Any

import numpy as np
import pandas as pd

from crmlab.course.codec import MOST_VALUES, CodecError, Walk, decode, encode, items, tagged

_TIME = r"(datetime64|timedelta64)\[(D|h|m|s|ms|us|ns|W|M|Y)\]"
_NUMPY = re.compile(rf"bool|u?int(8|16|32|64)|float(16|32|64)|{_TIME}|object|<U\d{{1,5}}")
_MASKED = re.compile(r"boolean|U?Int(8|16|32|64)|Float(32|64)")
_MOST_TEXT_CELLS = 50_000_000
# pandas takes other names for zones too, some of which open a file that the name gives.
_ZONE = re.compile(r"UTC([+-]\d\d:\d\d)?|(?!dateutil)[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}")


def encode_table(value: Any, walk: Walk) -> dict | None:
    """The JSON tree of a numpy or pandas value; None for any other."""
    kind = type(value)
    if kind is pd.DataFrame:
        columns = [_column(value.iloc[:, place].array, walk) for place in range(value.shape[1])]
        return tagged("DataFrame", [_index(value.columns, walk), _index(value.index, walk), columns])
    if kind is pd.Series:
        return tagged("Series", [encode(value.name, walk), _index(value.index, walk), _column(value.array, walk)])
    if isinstance(value, pd.Index):
        return tagged("Index", _index(value, walk))
    if kind is pd.Categorical:
        return tagged("column", _column(value, walk))
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return tagged("column", _column(value, walk))
    if kind is np.ndarray:
        return tagged("array", [list(value.shape), _column(value.reshape(-1), walk)])
    if value is pd.NA or value is pd.NaT:
        return tagged("NA" if value is pd.NA else "NaT", None)
    if kind is pd.Timestamp:
        # A timestamp with a zone says its moment in UTC; the zone's name goes with it.
        zone = None if value.tz is None else _zone(str(value.tz))
        return tagged("Timestamp", [value.unit, int(value.to_datetime64().view("int64")), zone])
    if kind is pd.Timedelta:
        return tagged("Timedelta", [value.unit, int(value.to_timedelta64().view("int64"))])
    if isinstance(value, np.generic):
        return tagged("scalar", _column(np.asarray(value).reshape(1), walk))
    return None


def decode_table(tag: str, content: Any, walk: Walk) -> Any:
    """The numpy or pandas value of a tagged tree. Raises CodecError for a tag that there is not."""
    if tag == "DataFrame":
        columns, index, arrays = content
        index = _read_index(index, walk)
        values = [_read_column(array, walk) for array in arrays]
        # With the type said, pandas does not guess one: a column of objects that are all text stays one of objects.
        series = [pd.Series(each, index=index, dtype=each.dtype) for each in values]
        frame = pd.DataFrame(dict(enumerate(series)), index=index)
        frame.columns = _read_index(columns, walk)
        return frame
    if tag == "Series":
        name, index, array = content
        values = _read_column(array, walk)
        return pd.Series(values, index=_read_index(index, walk), name=decode(name, walk), dtype=values.dtype)
    if tag == "Index":
        return _read_index(content, walk)
    if tag == "column":
        return _read_column(content, walk)
    if tag == "array":
        shape, array = content
        return _numpy(_read_column(array, walk)).reshape([int(length) for length in shape])
    if tag == "scalar":
        return _numpy(_read_column(content, walk))[0]
    if tag in ("NA", "NaT"):
        return pd.NA if tag == "NA" else pd.NaT
    if tag == "Timestamp":
        unit, count, zone = content
        moment = pd.Timestamp(np.datetime64(int(count), _unit(unit)))
        return moment if zone is None else moment.tz_localize("UTC").tz_convert(_zone(zone))
    if tag == "Timedelta":
        unit, count = content
        return pd.Timedelta(np.timedelta64(int(count), _unit(unit)))
    raise CodecError(f"there is no type {tag!r} in an answer")


def _column(array: Any, walk: Walk) -> dict:
    """One-dimensional values of one type: `{"dtype": ..., "values": [...]}` and what else the type needs."""
    walk.step(len(array))
    if isinstance(array, pd.arrays.NumpyExtensionArray):
        array = array.to_numpy()
    dtype = array.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _column(dtype.categories.array, walk)
        codes = [int(code) for code in array.codes]
        return {"dtype": "category", "values": codes, "categories": categories, "ordered": bool(dtype.ordered)}
    if isinstance(dtype, pd.StringDtype):
        values = [None if missing else str(text) for text, missing in zip(array, pd.isna(array), strict=True)]
        na = "NA" if dtype.na_value is pd.NA else "nan"
        return {"dtype": "string", "values": values, "na": na, "storage": dtype.storage}
    if isinstance(dtype, pd.DatetimeTZDtype):
        moments = array.tz_convert("UTC").tz_localize(None).to_numpy()
        return {
            "dtype": f"datetime64[{dtype.unit}]",
            "values": moments.view("int64").tolist(),
            "tz": _zone(str(dtype.tz)),
        }
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        return {"dtype": _known(str(dtype.newbyteorder("="))), "values": np.asarray(array).view("int64").tolist()}
    if isinstance(dtype, np.dtype):
        values = np.asarray(array, dtype=dtype.newbyteorder("=")).tolist()
        name = dtype.newbyteorder("=").str.replace(">", "<") if dtype.kind == "U" else dtype.name
        plain = dtype.kind in "biuU"
        return {"dtype": _known(name), "values": values if plain else [walk.inner(encode, value) for value in values]}
    if _MASKED.fullmatch(str(dtype)):
        values = [None if value is pd.NA else encode(value.item(), walk) for value in array]
        return {"dtype": str(dtype), "values": values}
    raise CodecError(f"an answer cannot hold a column of type {dtype}: convert it first, for example with .astype(str)")


def _read_column(content: dict, walk: Walk) -> Any:
    name, values = content["dtype"], content["values"]
    if not isinstance(values, list):
        raise CodecError(f"expected a list of values (found: {type(values).__name__})")
    walk.step(len(values))
    if name == "category":
        categories = pd.Index(_read_column(content["categories"], walk))
        return pd.Categorical.from_codes(values, categories=categories, ordered=content["ordered"] is True)
    if name == "string":
        if content["na"] not in ("NA", "nan") or content["storage"] not in ("python", "pyarrow"):
            raise CodecError("a column of text of an unknown kind")
        if not all(value is None or isinstance(value, str) for value in values):
            raise CodecError("a column of text holds something else")
        dtype = pd.StringDtype(content["storage"], na_value=pd.NA if content["na"] == "NA" else np.nan)
        return pd.array(values, dtype=dtype)
    if _MASKED.fullmatch(name):
        return _read_masked(name, [decode(value, walk) for value in values])
    _known(name)
    if name == "object":
        array = np.empty(len(values), dtype=object)
        # One at a time: numpy would take a column of lists for a table.
        for place, value in enumerate(items(values, walk)):
            array[place] = value
        return array
    if name.startswith("<U"):
        if int(name[2:]) * len(values) > _MOST_TEXT_CELLS:
            raise CodecError("an array of text that is too large")
        return np.array(values, dtype=name)
    if name.startswith("float"):
        return np.array([decode(value, walk) for value in values], dtype=name)
    if not all(type(value) is (bool if name == "bool" else int) for value in values):
        raise CodecError(f"a column of {name} holds something else")
    if not name.startswith(("datetime64", "timedelta64")):
        return np.array(values, dtype=name)
    moments = np.array(values, dtype="int64").view(name)
    if "tz" not in content:
        return moments
    return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(_zone(content["tz"])).array


def _read_masked(name: str, values: list) -> Any:
    """Nullable numbers from values and None: NaN and a missing value are two things in them."""
    missing = np.array([value is None for value in values], dtype=bool)
    kind = "bool" if name == "boolean" else name.lower()
    data = np.array([0 if value is None else value for value in values], dtype=kind)
    build = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}.get(data.dtype.kind, pd.arrays.IntegerArray)
    return build(data, missing)


def _index(index: pd.Index, walk: Walk) -> dict:
    if type(index) is pd.RangeIndex:
        return {"range": [index.start, index.stop, index.step], "names": [encode(index.name, walk)]}
    names = [encode(name, walk) for name in index.names]
    if isinstance(index, pd.MultiIndex):
        levels = [_column(index.get_level_values(place).array, walk) for place in range(index.nlevels)]
        return {"levels": levels, "names": names}
    return {"column": _column(index.array, walk), "names": names}


def _read_index(content: dict, walk: Walk) -> pd.Index:
    names = [decode(name, walk) for name in content["names"]]
    if "range" in content:
        made = pd.RangeIndex(*(int(edge) for edge in content["range"]), name=names[0])
        if len(made) > MOST_VALUES:
            raise CodecError(f"the answer holds more than {MOST_VALUES:,} values")
        return made
    if "levels" in content:
        return pd.MultiIndex.from_arrays([_read_column(level, walk) for level in content["levels"]], names=names)
    values = _read_column(content["column"], walk)
    return pd.Index(values, dtype=values.dtype, name=names[0])


def _numpy(array: Any) -> np.ndarray:
    if not isinstance(array, np.ndarray):
        raise CodecError(f"expected an array (found: a column of {array.dtype})")
    return array


def _known(name: str) -> str:
    if not _NUMPY.fullmatch(name):
        raise CodecError(f"an answer cannot hold values of type {name}")
    return name


def _unit(unit: str) -> str:
    if unit not in ("s", "ms", "us", "ns"):
        raise CodecError(f"there is no unit {unit!r} of time in an answer")
    return unit


def _zone(name: str) -> str:
    if not _ZONE.fullmatch(name):
        raise CodecError(f"an answer cannot hold the time zone {name!r}: use UTC, or a name such as Europe/Berlin")
    return name
