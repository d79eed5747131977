"""Which lessons there are, how long each takes, and which it needs: read from the second cell of each (lesson 00)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from crmlab.home import find_home

_TIME = re.compile(r"\*Time: (\d+) minutes(?:, then the exercise `\w+`, (\d+) minutes)?")
_NEEDS = re.compile(r"\*\*You need\*\* (.+)")
#: A lesson's number, alone or before its topic: `00`, `06a`, `04_rfm`.
_NUMBER = re.compile(r"(?<!\w)\d\d[a-z]?(?![0-9a-z])")


def _number(stem: str) -> str:
    return stem.partition("_")[0]


def _second_cell(path: Path) -> str:
    return "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][1]["source"])


def lesson_table(folder: Path | None = None) -> pd.DataFrame:
    """The lessons in the order of teaching, as their second cells state time and needs.

    folder   where the notebooks are; without it `notebooks/` of the lab

    Returns an index `lesson` (the number, text such as "06a") and the columns

        topic             text: the name of the file without the number
        minutes           int64: of the lesson
        exercise_minutes  int64: of its exercise; 0 where the lesson has none
        needs             text: numbers of the lessons that the cell names, joined by commas. A chapter in parts stands
                          for all of them; a lesson that is not there yet is left out.

    Raises ValueError for a lesson that states no time or no needs, and FileNotFoundError for a folder without lessons.

    >>> lesson_table().loc["08b", ["topic", "needs"]].to_list()
    ['up_selling_bundles', '06b, 08a']
    """
    folder = find_home() / "notebooks" if folder is None else Path(folder)
    paths = sorted(folder.glob("[0-9][0-9]*_*.ipynb"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no lesson (expected: notebooks such as 04_rfm.ipynb)")
    numbers = [_number(path.stem) for path in paths]
    rows = []
    for path in paths:
        cell = _second_cell(path)
        time, needs = _TIME.search(cell), _NEEDS.search(cell)
        if time is None or needs is None:
            raise ValueError(f"{path}: the second cell must state *Time: N minutes* and **You need**")
        named = _NUMBER.findall(needs[1])
        needed = [number for number in numbers if number in named or number[:2] in named]
        minutes, exercise_minutes = (int(found or 0) for found in time.groups())
        rows.append((path.stem.partition("_")[2], minutes, exercise_minutes, ", ".join(needed)))
    columns = ["topic", "minutes", "exercise_minutes", "needs"]
    return pd.DataFrame(rows, index=pd.Index(numbers, name="lesson"), columns=columns)


def lessons_before(table: pd.DataFrame, lesson: str) -> list[str]:
    """The numbers of a lesson and of all that it needs, and these need, in the order of teaching.

    table    as `lesson_table` returns it
    lesson   a number in its index; KeyError for another

    >>> lessons_before(lesson_table(), "04")
    ['00', '04']
    """
    if lesson not in table.index:
        raise KeyError(f"lesson {lesson!r} is not there (found: {', '.join(table.index)})")
    found, waiting = set(), [lesson]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += [each for each in table.loc[number, "needs"].split(", ") if each]
    return [number for number in table.index if number in found]
