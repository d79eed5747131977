"""The lessons' times and needs are those that their second cells state, and a way holds all that it needs."""

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from crmlab.course.lesson_table import lesson_table, lessons_before


def write_lesson(folder, name, second_cell):
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Why?"), new_markdown_cell(second_cell)]), folder / name)


@pytest.fixture
def folder(tmp_path):
    write_lesson(tmp_path, "00_begin.ipynb", "**You need** a little pandas.\n\n*Time: 40 minutes.*")
    time = "*Time: 60 minutes, then the exercise `02a_one`, 45 minutes. Part b goes on.*"
    write_lesson(tmp_path, "02a_one.ipynb", f"**You need** lesson 00, and from lesson 17 an idea.\n\n{time}")
    write_lesson(tmp_path, "02b_two.ipynb", f"**You need** lesson `02a_one`.\n\n{time}")
    write_lesson(tmp_path, "03_three.ipynb", f"**You need** lesson 02 (for 15 euro).\n\n{time}")
    return tmp_path


def test_each_row_is_what_the_cell_states(folder):
    table = lesson_table(folder)
    assert table.index.to_list() == ["00", "02a", "02b", "03"]
    assert table["topic"].to_list() == ["begin", "one", "two", "three"]
    assert table["minutes"].to_list() == [40, 60, 60, 60]
    assert table["exercise_minutes"].to_list() == [0, 45, 45, 45]
    # A chapter in parts stands for all of them; lesson 17 is not there yet, and 15 is no lesson.
    assert table["needs"].to_list() == ["", "00", "02a", "02a, 02b"]


def test_a_way_holds_what_each_of_its_lessons_needs(folder):
    table = lesson_table(folder)
    assert lessons_before(table, "00") == ["00"]
    assert lessons_before(table, "03") == ["00", "02a", "02b", "03"]
    course = lesson_table()
    for lesson in course.index:
        way = lessons_before(course, lesson)
        assert way[-1] == lesson, "a lesson needs only what stands before it"
        assert all(set(lessons_before(course, each)) <= set(way) for each in way)


def test_what_is_missing_is_named(folder, tmp_path):
    with pytest.raises(KeyError, match="lesson '06' is not there"):
        lessons_before(lesson_table(folder), "06")
    with pytest.raises(FileNotFoundError, match="holds no lesson"):
        lesson_table(tmp_path / "nowhere")
    write_lesson(folder, "04_four.ipynb", "**You need** nothing.")
    with pytest.raises(ValueError, match=r"04_four.ipynb: the second cell must state"):
        lesson_table(folder)
