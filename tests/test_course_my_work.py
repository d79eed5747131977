"""A student's copies: nothing that a student wrote is lost, whatever the course does with its originals."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from crmlab.course.exercise_notebook import nbgrader_metadata, notebook_text
from crmlab.course.my_work import MyWorkError, open_all, open_exercise, reset_exercise, update_exercise


def cell(kind, name, source, **metadata):
    made = (new_code_cell if kind == "code" else new_markdown_cell)(source)
    made.id = name
    made.metadata.update(metadata)
    return made


def answer(name, source="x = ..."):
    return cell("code", name, source, nbgrader=nbgrader_metadata(name, solution=True, locked=False))


def check(name):
    metadata = nbgrader_metadata(f"{name}_check", points=1, solution=False, locked=True)
    return cell("code", f"{name}-check", f'lab.check("{name}", x)', nbgrader=metadata)


def words(name, source="*Write here.*"):
    return cell("markdown", name, source, nbgrader=nbgrader_metadata(name, points=2, solution=True, locked=False))


def original(*cells):
    return new_notebook(cells=list(cells))


FIRST = original(
    cell("markdown", "title", "# Title"), answer("q1"), check("q1"), answer("q2"), check("q2"), words("q3")
)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "exercises").mkdir()
    put(tmp_path, FIRST)
    return tmp_path


def put(home, notebook, folder="exercises", name="04_rfm"):
    (home / folder / f"{name}.ipynb").write_text(notebook_text(notebook), encoding="utf-8")


def own(home):
    return nbformat.read(home / "my_work" / "04_rfm.ipynb", as_version=4)


def worked_on(home):
    """A copy in which a student answered q1 and q3, and added cells at the top, in the middle and at the end."""
    open_exercise(home, "04_rfm")
    notebook = own(home)
    notebook.cells[1].source = "x = 42"
    notebook.cells[5].source = "It says who was chosen."
    notebook.cells.insert(3, new_code_cell("x + 1  # mine"))
    notebook.cells.insert(0, new_markdown_cell("My notes"))
    notebook.cells.append(new_code_cell("print('end')"))
    put(home, notebook, "my_work")
    return notebook


def sources(notebook):
    return [each.source for each in notebook.cells]


def test_the_first_opening_copies_the_original_and_later_ones_leave_it(home):
    path = open_exercise(home, "04_rfm")
    assert path.read_bytes() == (home / "exercises" / "04_rfm.ipynb").read_bytes()
    worked_on(home)
    before = path.read_bytes()
    assert open_exercise(home, "04_rfm") == path
    assert path.read_bytes() == before
    assert not (home / "my_work" / "kept").exists()


def test_an_update_carries_answers_and_own_cells_into_the_new_original(home):
    worked = worked_on(home)
    new = original(
        cell("markdown", "title", "# Better title"),
        cell("markdown", "more", "A new hint."),
        answer("q1", "# outline\nx = ..."),
        check("q1"),
        answer("q2", "# outline\nx = ..."),
        check("q2"),
        words("q3", "*Write in three sentences.*"),
    )
    put(home, new)
    kept = update_exercise(home, "04_rfm").kept
    assert sources(own(home)) == [
        "My notes",
        "# Better title",
        "A new hint.",
        "x = 42",
        'lab.check("q1", x)',
        "x + 1  # mine",
        "# outline\nx = ...",
        'lab.check("q2", x)',
        "It says who was chosen.",
        "print('end')",
    ]
    assert kept.name == "04_rfm-1.ipynb"
    assert sources(nbformat.read(kept, as_version=4)) == sources(worked)
    assert update_exercise(home, "04_rfm").kept is None
    nbformat.validate(own(home))


def test_what_a_student_changed_in_the_courses_own_cells_does_not_stay(home):
    notebook = worked_on(home)
    for each in notebook.cells:
        if each.id == "q1-check":
            each.source = "print('correct')"
    put(home, notebook, "my_work")
    put(home, original(*FIRST.cells, cell("markdown", "end", "Done")))
    update_exercise(home, "04_rfm")
    assert 'lab.check("q1", x)' in sources(own(home))
    assert "print('correct')" not in sources(own(home))


def test_an_answer_whose_question_is_gone_stays_as_a_cell_of_the_student(home):
    worked_on(home)
    put(home, original(FIRST.cells[0], answer("q2"), check("q2")))
    update_exercise(home, "04_rfm")
    found = [each for each in own(home).cells if each.source in ("x = 42", "It says who was chosen.")]
    assert len(found) == 2
    assert not any("nbgrader" in each.metadata for each in found)


def test_a_copied_answer_cell_is_kept_and_only_the_first_is_the_answer(home):
    notebook = worked_on(home)
    double = answer("q1", "x = 43")
    double.id = "double"
    notebook.cells.append(double)
    put(home, notebook, "my_work")
    put(home, original(*FIRST.cells, cell("markdown", "end", "Done")))
    update_exercise(home, "04_rfm")
    answers = {each.source: "nbgrader" in each.metadata for each in own(home).cells}
    assert answers["x = 42"] is True
    assert answers["x = 43"] is False
    nbformat.validate(own(home))


def test_an_added_cell_that_took_an_id_of_the_course_gets_its_own(home):
    notebook = worked_on(home)
    notebook.cells[-1].id = "end"
    put(home, notebook, "my_work")
    put(home, original(*FIRST.cells, cell("markdown", "finish", "Done")))
    update_exercise(home, "04_rfm")
    ids = [each.id for each in own(home).cells]
    assert len(ids) == len(set(ids))
    assert "print('end')" in sources(own(home))


def test_reset_puts_back_one_answer_or_all_and_keeps_what_was_there(home):
    worked = worked_on(home)
    kept = reset_exercise(home, "04_rfm", "q1")
    assert sources(nbformat.read(kept, as_version=4)) == sources(worked)
    assert "x = 42" not in sources(own(home))
    assert "It says who was chosen." in sources(own(home))
    assert reset_exercise(home, "04_rfm").name == "04_rfm-2.ipynb"
    assert sources(own(home)) == sources(FIRST)


def test_reset_takes_what_the_check_said_with_it_and_keeps_no_copy_of_the_untouched(home):
    notebook = worked_on(home)
    for each in notebook.cells:
        if each.id in ("q1-check", "q2-check"):
            each.outputs, each.execution_count = [new_output("stream", text=f"{each.id}: correct")], 1
    put(home, notebook, "my_work")
    assert reset_exercise(home, "04_rfm", "q1") is not None
    checks = {each.id: each for each in own(home).cells if each.id.endswith("-check")}
    assert (checks["q1-check"].outputs, checks["q1-check"].execution_count) == ([], None)
    assert checks["q2-check"].outputs[0].text == "q2-check: correct"
    assert reset_exercise(home, "04_rfm", "q1") is None
    reset_exercise(home, "04_rfm")
    assert reset_exercise(home, "04_rfm") is None
    assert len(list((home / "my_work" / "kept").iterdir())) == 2


@pytest.mark.parametrize("gone", [{"q1"}, {"q1-check"}, {"q2", "q2-check"}, {"q3"}, {"q1", "q1-check", "q2"}])
@pytest.mark.parametrize("how", ["update", "reset"])
def test_a_deleted_cell_is_put_back_in_its_place(home, gone, how):
    notebook = worked_on(home)
    notebook.cells = [each for each in notebook.cells if each.id not in gone]
    put(home, notebook, "my_work")
    if how == "update":
        done = update_exercise(home, "04_rfm")
        assert set(done.put_back) == {name.removesuffix("-check") for name in gone}
        assert sources(nbformat.read(done.kept, as_version=4)) == sources(notebook)
        assert update_exercise(home, "04_rfm").kept is None
    else:
        reset_exercise(home, "04_rfm", sorted(gone)[0][:2])
    course = [each.id for each in own(home).cells if each.id in {each.id for each in FIRST.cells}]
    assert course == [each.id for each in FIRST.cells]
    assert {"My notes", "x + 1  # mine", "print('end')"} <= set(sources(own(home)))
    if how == "update" and "q1" not in gone:
        assert "x = 42" in sources(own(home))
    nbformat.validate(own(home))


def test_what_there_is_not_is_named(home):
    with pytest.raises(MyWorkError, match=r"no exercise '99' \(found: 04_rfm\)"):
        open_exercise(home, "99")
    with pytest.raises(MyWorkError, match=r"no 04_rfm.ipynb in my_work/"):
        reset_exercise(home, "04_rfm")
    open_exercise(home, "04_rfm")
    with pytest.raises(MyWorkError, match=r"no question 'q9' \(found: q1, q2, q3\)"):
        reset_exercise(home, "04_rfm", "q9")


def test_a_copy_that_is_no_notebook_is_named_and_left(home):
    open_exercise(home, "04_rfm")
    broken = home / "my_work" / "04_rfm.ipynb"
    broken.write_text("{", encoding="utf-8")
    put(home, original(answer("q1"), check("q1")), name="05_next")
    broken_one, next_one = open_all(home)
    assert "cannot be read as a notebook" in broken_one.problem
    assert "`crmlab reset 04_rfm` keeps a copy of it" in broken_one.problem
    put(home, original(*FIRST.cells[:3]))
    assert open_all(home)[0].problem == broken_one.problem
    with pytest.raises(MyWorkError, match="`crmlab reset 04_rfm` keeps a copy of it"):
        reset_exercise(home, "04_rfm", "q1")
    assert (next_one.exercise, next_one.problem) == ("05_next", None)
    assert (home / "my_work" / "05_next.ipynb").is_file()
    assert broken.read_text(encoding="utf-8") == "{"
    broken.write_bytes(b"\xff\xfe{")
    assert reset_exercise(home, "04_rfm").read_bytes() == b"\xff\xfe{"
    assert sources(own(home)) == sources(original(*FIRST.cells[:3]))


def test_a_copy_without_its_original_is_still_updated(home):
    worked_on(home)
    (home / "my_work" / ".originals" / "04_rfm.ipynb").unlink()
    put(home, original(*FIRST.cells, cell("markdown", "end", "Done")))
    update_exercise(home, "04_rfm")
    assert {"x = 42", "My notes", "x + 1  # mine", "Done"} <= set(sources(own(home)))
