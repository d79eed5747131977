"""The reader of notebooks, fuzzed: whatever the bytes, cells or a reason, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.course.answer_key import AnswerKey
from crmlab.course.comparison import Number
from crmlab.course.grading.assembly import assemble
from crmlab.course.grading.folder import file_names, safe_cell
from crmlab.course.grading.handed_in import clean_name
from crmlab.course.grading.item_statistics import item_statistics
from crmlab.course.grading.notebook_reader import MOST_BYTES, UnreadableError, read_cells
from crmlab.course.grading.similar_code import identical_groups, similar_pairs
from crmlab.course.grading.stored_outputs import plain_text, shown_outputs
from crmlab.course.grading.submissions import open_submissions

TEMPLATE = {
    "cells": [
        {"cell_type": "code", "id": "imports", "source": "x = 1", "metadata": {}},
        {"cell_type": "code", "id": "q1", "source": "a = ...", "metadata": {"nbgrader": {"grade_id": "q1"}}},
        {
            "cell_type": "code",
            "id": "q1-check",
            "source": 'lab.check("q1", a)',
            "metadata": {"nbgrader": {"grade_id": "q1_check"}},
        },
    ]
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
fields = st.sampled_from(
    ["cell_type", "source", "input", "metadata", "outputs", "id", "nbgrader", "grade_id", "output_type", "data", "text"]
)
words = st.sampled_from(["code", "markdown", "q1", "q1_check", "imports", 'lab.check("q1", a)', "image/png", "stream"])
cells = st.dictionaries(
    fields,
    values | words | st.dictionaries(fields, values | words | st.dictionaries(fields, words, max_size=2), max_size=3),
    max_size=6,
)
notebooks = st.fixed_dictionaries(
    {}, optional={"cells": st.lists(cells | values, max_size=5) | values, "worksheets": values, "metadata": values}
)


def read_and_use(content: bytes) -> None:
    try:
        found = read_cells(content)
    except UnreadableError as reason:
        assert str(reason)
        return
    made = assemble(TEMPLATE, found)
    assert [step for step in made.steps if "question" in step] == [{"question": "q1", "name": "a"}]
    json.dumps(made.steps).encode("ascii")
    for cell in found:
        cell.source.encode("utf-8")
        for shown in shown_outputs(cell.outputs):
            (shown.text + shown.picture).encode("utf-8")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(content):
    read_and_use(content)


@settings(max_examples=150, deadline=None)
@given(values | notebooks)
def test_any_json(tree):
    read_and_use(json.dumps(tree).encode())


@settings(max_examples=100, deadline=None)
@given(notebooks, st.integers(0, 400))
def test_any_json_cut_short(tree, length):
    read_and_use(json.dumps(tree).encode()[:length])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe",
        b"9" * 5_000,
        b'{"cells": []}',
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_notebook(content):
    with pytest.raises(UnreadableError):
        read_cells(content)


def test_more_than_can_be_graded_is_refused_unread():
    with pytest.raises(UnreadableError, match="larger than"):
        read_cells(b" " * (MOST_BYTES + 1))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=6))
def test_names_of_students_are_safe_and_stay_apart(names):
    made = [clean_name(name) for name in names]
    files = file_names(made)
    assert len({name.casefold() for name in files.values()}) == len(set(made))
    for name in files.values():
        assert name
        assert not set(name) & set('/\\<>:"|?*\x00')
        assert not name.startswith(".")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40))
def test_no_text_is_a_formula_or_a_control(text):
    assert not str(safe_cell(text)).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert "\x1b" not in plain_text(text)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_a_damaged_zip_is_an_error_or_rows(tmp_path_factory, content):
    import io
    import zipfile

    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada_1_2_90_small.ipynb", b'{"cells": []}')
    damaged = bytearray(whole.getvalue())
    for place, byte in enumerate(content[:40]):
        damaged[(place * 31 + byte) % len(damaged)] ^= byte
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    path.write_bytes(bytes(damaged))
    try:
        with open_submissions(path, "90_small") as source:
            for submission in source.submissions:
                try:
                    read_and_use(source.read(submission))
                except UnreadableError as reason:
                    assert str(reason)
    except ValueError as error:
        assert "not a zip" in str(error) or "zip that can be read" in str(error)


def test_code_that_only_two_share_is_found_and_the_tasks_own_code_is_not():
    task = "counts = lab.company.orders.groupby('customer_id').size()\nloyal = int((counts >= 3).sum())\n"
    own = (
        "for odd_name in range(17, 99):\n    strange = [odd_name * each for each in (3, 1, 4, 1, 5, 9, 2, 6) if each]\n"
    )
    code = {f"s{number}": task + f"note_{number} = {number}\n" for number in range(30)}
    code |= {"ada": task + own, "ben": task + "# mine\n" + own.replace("    ", "  ")}
    assert [(pair.first, pair.second) for pair in similar_pairs(code)] == [("ada", "ben")]
    assert identical_groups(code | {"eve": code["s1"] + "  \n"}, task) == [["eve", "s1"]]
    assert identical_groups({"ada": task, "ben": task}, task) == []


def test_questions_that_nobody_passes_or_that_do_not_discriminate():
    key = AnswerKey("90_small", practice={}, draw=lambda rng: {})
    for name in ("q1", "q2", "q3"):
        key.question(name, points=2, minutes=1, compare=Number())(lambda company, parameters: 1)
    states = {0: "wrong", 2: "right"}
    won = [(2, 2, 0), (2, 2, 0), (0, 0, 0), (0, 2, 0)]
    rows = [
        {
            "status": "graded",
            "questions": {
                name: {"points": points, "state": states[points], "mistake": None}
                for name, points in zip(("q1", "q2", "q3"), row, strict=True)
            },
        }
        for row in won
    ]
    found = {item.name: item for item in item_statistics(key, rows)}
    assert [found[name].nobody_passes for name in ("q1", "q2", "q3")] == [False, False, True]
    assert (found["q1"].difficulty, found["q2"].difficulty) == (0.5, 0.75)
    # By hand: q1 is (1, 1, 0, 0), the rest is (2, 2, 0, 2); their correlation is 1 / sqrt(3).
    assert found["q1"].discrimination == pytest.approx(3**-0.5)
    assert found["q3"].discrimination is None
