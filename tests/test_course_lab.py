"""What a student sees of a check, in a kernel and in a plain call."""

import json
import re
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from crmlab.course import Lab
from crmlab.course.attempts import Attempts
from crmlab.course.comparison import Number
from crmlab.course.lab import NotAttemptedError, NotCorrectError
from crmlab.course.parameters import Parameters
from crmlab.course.practice import PracticeFileError, read_practice
from crmlab.course.session import lab_session
from crmlab.course.verdict import Known, judge

ROOT = Path(__file__).resolve().parent.parent
PRACTICE = ROOT / "exercises" / "practice" / "04_rfm.json"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A lab with the course's exercise and company, whose my_work is the working folder."""
    (tmp_path / "exercises" / "practice").mkdir(parents=True)
    (tmp_path / "exercises" / "practice" / PRACTICE.name).write_bytes(PRACTICE.read_bytes())
    (tmp_path / "my_work").mkdir()
    monkeypatch.setenv("CRMLAB_HOME", str(tmp_path))
    monkeypatch.setattr("crmlab.company.open_company", lambda: course_company())
    monkeypatch.chdir(tmp_path / "my_work")
    return tmp_path


def course_company():
    from crmlab.company.observed import open_company

    return open_company(ROOT / "datasets")


def right(name):
    return read_practice(PRACTICE).questions[name].right


def known(name):
    return read_practice(PRACTICE).questions[name].known


def test_a_correct_answer_is_said_and_nothing_is_returned(home, capsys):
    lab = Lab("04_rfm")
    assert lab.check("q1", right("q1")) is None
    printed = capsys.readouterr()
    assert printed.out == "q1: correct on the practice company (2 points).\n"
    assert printed.err == ""


def test_every_known_mistake_brings_its_hint(home, capsys):
    for name, question in read_practice(PRACTICE).questions.items():
        for mistake in question.known:
            if judge(mistake.answer, question.right, question.rule).correct:
                continue  # a mistake that changes nothing on this company
            with pytest.raises(NotCorrectError) as caught:
                Lab("04_rfm").check(name, mistake.answer)
            assert mistake.hint in " ".join(str(caught.value).split())
    assert capsys.readouterr() == ("", "")


def test_the_untouched_cell_is_not_attempted(home):
    lab = Lab("04_rfm")
    with pytest.raises(NotAttemptedError, match="q1 is not attempted"):
        lab.check("q1", ...)
    assert lab.progress().state["q1"] == "not attempted"


def said_of(lab, question, answer):
    with pytest.raises(NotCorrectError) as caught:
        lab.check(question, answer)
    return " ".join(str(caught.value).split())


def test_hints_come_in_steps_and_the_solution_after_two_tries_with_hints(home):
    lab = Lab("04_rfm")
    hints = read_practice(PRACTICE).questions["q1"].hints
    said = [said_of(lab, "q1", answer) for answer in (1, 1, 2, 3)]
    assert hints[0] in said[0]
    assert hints[1] not in said[0]
    assert said[1] == said[0], "the same answer again is the same try"
    assert hints[1] in said[2]
    assert "solution" not in said[2]
    assert "Your instructor has the solution" in said[3]
    (home / "solutions").mkdir()
    (home / "solutions" / "04_rfm.ipynb").touch()
    with pytest.raises(NotCorrectError, match=r"solutions/04_rfm\.ipynb, at q1"):
        lab.check("q1", 4)
    assert lab.progress().wrong_tries["q1"] == 4


def test_a_wrong_kind_unit_sign_or_rounding_is_said_alone_and_spends_no_hint(home):
    lab = Lab("04_rfm")
    value = right("q1")
    hints = read_practice(PRACTICE).questions["q1"].hints
    for answer, said in (
        ("12", "q1 is not correct yet: expected a number (found: text)."),
        (None, "q1 is not correct yet: expected a number (found: None)."),
        (value * 100, "q1 is not correct yet: the number is 100 times too large: is it in days?"),
        (-value, "q1 is not correct yet: the number has the wrong sign."),
        (round(value), "q1 is not correct yet: the number looks rounded: give it as it is computed."),
    ):
        assert said_of(lab, "q1", answer) == said
    first = said_of(lab, "q1", 1)
    assert hints[0] in first
    assert hints[1] not in first
    assert lab.progress().wrong_tries["q1"] == 6


def test_a_known_mistake_spends_no_hint_and_is_not_called_rounded(home):
    lab = Lab("04_rfm")
    for mistake in known("q1"):
        said = said_of(lab, "q1", mistake.answer)
        assert mistake.hint in said
        assert "rounded" not in said
    assert "Another answer brings another hint" in said_of(lab, "q1", 1)
    question = read_practice(PRACTICE).questions["q1"]
    verdict = judge(question.right * 100, question.right, question.rule, [Known("cents", question.right * 100, "Why?")])
    assert lab._message("q1", verdict, 0) == "q1 is not correct yet.\nHint: Why?"


def test_an_answer_that_several_mistakes_lead_to_gets_a_hint_that_is_true_of_each():
    several = [Known("orders", 7, "You counted orders."), Known("lines", 7, "You counted lines.")]
    assert judge(7, 5, Number(), several).hint == "You counted orders. Or: You counted lines."


def test_a_list_that_is_graded_against_the_truth_is_called_close(home, capsys):
    Lab("04_rfm").check("q9", right("q9"))
    assert "does your code then give an empty set?" in capsys.readouterr().out


def test_a_message_never_holds_the_right_value(home):
    lab = Lab("04_rfm")
    for name in ("q1", "q2", "q3", "q7"):
        value = right(name)
        for wrong in (value * 100, value * 1.001, -value, value * 1.5, str(value), [value], None):
            with pytest.raises(NotCorrectError) as caught:
                lab.check(name, wrong)
            assert not {f"{value}", f"{value:.2f}", f"{value:.4g}", f"{value:,.0f}"} & set(
                re.split(r"[ :;()]+", str(caught.value))
            )


def test_an_answer_that_cannot_be_carried_says_what_to_answer_instead(home):
    with pytest.raises(NotCorrectError, match="q1 is not correct yet: an answer cannot hold a function: call it"):
        Lab("04_rfm").check("q1", lambda: 1)


def test_a_question_that_builds_on_another_says_so(home):
    lab = Lab("04_rfm")
    with pytest.raises(NotCorrectError, match="It builds on q6"):
        lab.check("q7", 1)
    lab.check("q6", right("q6"))
    with pytest.raises(NotCorrectError) as caught:
        lab.check("q7", 2)
    assert "builds on" not in str(caught.value)


def test_tries_are_remembered_in_my_work_only(home, monkeypatch, capsys):
    Lab("04_rfm").check("q1", right("q1"))
    stored = home / "my_work" / ".progress" / "04_rfm.json"
    assert json.loads(stored.read_text(encoding="utf-8"))["q1"]["right"] is True
    assert Lab("04_rfm").progress().state["q1"] == "correct"
    stored.unlink()
    assert "forgotten" not in capsys.readouterr().out
    monkeypatch.chdir(home / "exercises")
    lab = Lab("04_rfm")
    lab.check("q1", right("q1"))
    assert not stored.exists()
    capsys.readouterr()
    assert lab.progress().state["q1"] == "correct"
    said = " ".join(capsys.readouterr().out.split())
    assert said == "These tries are forgotten when the kernel stops: they are remembered in my_work/04_rfm.ipynb only."


def test_tries_of_a_file_without_general_hints_are_read(tmp_path):
    stored = tmp_path / "progress.json"
    stored.write_text('{"q1": {"right": false, "wrong": ["0"]}}', encoding="utf-8")
    attempts = Attempts(stored)
    assert (attempts.tries("q1"), attempts.wrong("q1", 1), attempts.tries("q1")) == (1, 1, 2)


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"q1": 3}', '{"q1": {"right": 1, "wrong": []}}', "\x00\xff"])
def test_a_broken_progress_file_does_not_break_a_check(home, broken):
    stored = home / "my_work" / ".progress" / "04_rfm.json"
    stored.parent.mkdir()
    stored.write_text(broken, encoding="utf-16" if "\xff" in broken else "utf-8")
    lab = Lab("04_rfm")
    lab.check("q1", right("q1"))
    assert lab.progress().state["q1"] == "correct"
    assert json.loads(stored.read_text(encoding="utf-8"))["q1"]["right"] is True


def test_tries_that_cannot_be_written_are_kept_in_memory(tmp_path):
    (tmp_path / "file").touch()
    attempts = Attempts(tmp_path / "file" / "progress.json")
    assert [attempts.wrong("q1", 1), attempts.wrong("q1", 2)] == [1, 2]


def test_progress_lists_every_question(home):
    table = Lab("04_rfm").progress()
    assert list(table.index) == [f"q{number}" for number in range(1, 11)]
    assert table.state["q10"] == "marked by hand"
    assert table.points.sum() == 24


def test_an_exercise_or_question_that_there_is_not_is_named(home):
    with pytest.raises(PracticeFileError, match=r"no exercise '99_none' \(found: 04_rfm\)"):
        Lab("99_none")
    with pytest.raises(ValueError, match=r"no question 'q99' to check \(found: q1, q2"):
        Lab("04_rfm").check("q99", 1)


def test_another_company_than_the_course_company_is_refused(home, monkeypatch):
    company = course_company()
    fewer = pd.DataFrame({"customer_id": [1]})
    company._frames["customers"] = fewer
    monkeypatch.setattr("crmlab.company.open_company", lambda: company)
    with pytest.raises(ValueError, match="get the course's own datasets again"):
        Lab("04_rfm")


def test_in_a_session_answers_are_handed_over_and_the_practice_files_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLAB_HOME", str(tmp_path))
    handed = []
    with lab_session("company", Parameters(cost=3), lambda name, value: handed.append((name, value))):
        lab = Lab("04_rfm")
        assert (lab.company, lab.parameters.cost) == ("company", 3)
        assert lab.check("q1", ...) is None
    assert handed == [("q1", ...)]


def test_parameters_cannot_be_changed():
    parameters = Parameters(cost=3)
    with pytest.raises(AttributeError, match="cannot be changed"):
        parameters.cost = 4
    with pytest.raises(AttributeError, match=r"no parameter 'price' \(found: cost\)"):
        parameters.price  # noqa: B018


def test_in_a_kernel_a_wrong_answer_is_a_short_message_without_a_traceback():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("from crmlab.course import Lab\nlab = Lab('04_rfm')"),
            nbformat.v4.new_code_cell("lab.check('q1', True)"),
            nbformat.v4.new_code_cell("lab.check('q1', ...)"),
        ]
    )
    NotebookClient(notebook, allow_errors=True, timeout=120).execute()
    for cell, name in zip(notebook.cells[1:], ("NotCorrectError", "NotAttemptedError"), strict=True):
        (output,) = cell.outputs
        assert (output.output_type, output.ename) == ("error", name)
        shown = "\n".join(output.traceback)
        assert "Traceback" not in shown
        assert "lab.py" not in shown
        assert "q1 is not" in shown


def test_the_students_side_loads_no_key_and_no_truth(home):
    before = set(sys.modules)
    Lab("04_rfm").check("q1", right("q1"))
    assert not {name for name in set(sys.modules) - before if "solutions" in name or "answer_key_" in name}
    text = PRACTICE.read_text(encoding="utf-8")
    for question in ("q1", "q2", "q3", "q7"):
        assert f"{right(question)}" not in text
