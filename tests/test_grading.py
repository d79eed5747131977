"""Grading a class from end to end: readers, roster, policy, resuming, judging, regrading, and the same bytes again."""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import joblib
import nbformat
import pytest
from small_exercise import ANSWERS, COMPUTED, KEY, NAME, WORDS, answered, make_home, save
from typer.testing import CliRunner

from crmlab.course.answer_key import load_key
from crmlab.course.grading import grade_class as grading
from crmlab.course.grading.commands import app
from crmlab.course.grading.folder import GradingFolder, GradingFolderError
from crmlab.course.grading.grade_class import grade_class
from crmlab.course.grading.judging import JudgingError, merge_judgements
from crmlab.course.grading.policy import PolicyError, read_policy
from crmlab.course.grading.publish import publish
from crmlab.course.grading.regrade import regrade
from crmlab.course.grading.roster import Enrolled, RosterError, read_roster
from crmlab.course.grading.sandbox import NoSandboxError, find_isolation
from crmlab.course.grading.seed_file import SeedFileError, open_seed_file
from crmlab.course.grading.selfcheck import selfcheck

try:
    find_isolation()
    NO_SANDBOX = ""
except NoSandboxError as missing:
    NO_SANDBOX = str(missing)

needs_sandbox = pytest.mark.skipif(bool(NO_SANDBOX), reason=f"needs the sandbox: {NO_SANDBOX}")
AT = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("lab") / "home")


@pytest.fixture(scope="module")
def seed_file(tmp_path_factory):
    return open_seed_file(tmp_path_factory.mktemp("settings") / "seed.json")


@pytest.fixture(scope="module")
def submitted(home, tmp_path_factory):
    """A class of four: right, a known mistake, a slip that another answer follows, and hardly anything."""
    folder = tmp_path_factory.mktemp("class") / "submitted"
    save(folder, "ada", answered(home, words=WORDS))
    save(folder, "ben", answered(home, {"q1": "loyal = len(lab.company.orders)"}, words="  " + WORDS + "\n"))
    save(folder, "cleo", answered(home, {"q1": ANSWERS["q1"] + "\nloyal = loyal + 1"}, words="It shows all."))
    save(folder, "dan", answered(home, {"q1": "loyal = ...", "q2": "who = {1, 2", "q3": "share = None"}))
    return folder


def rows_of(out: Path) -> dict[str, dict[str, str]]:
    with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def results(out: Path) -> dict[str, bytes]:
    """What must be the same bytes whenever the input is the same."""
    paths = [*out.glob("gradebook*"), *(out / "feedback").iterdir(), out / "marks.json", out / "grading.json"]
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def graded(home, seed_file, submitted, tmp_path_factory):
    if NO_SANDBOX:
        pytest.skip(f"needs the sandbox: {NO_SANDBOX}")
    out = tmp_path_factory.mktemp("graded") / "out"
    roster = [Enrolled("ada"), Enrolled("ben"), Enrolled("cleo"), Enrolled("dan"), Enrolled("eve", "17", "Eve E.")]
    done = grade_class(home, NAME, submitted, out, seed_file=seed_file, roster=roster)
    return out, done


@needs_sandbox
def test_points_and_statuses(graded):
    out, done = graded
    rows = rows_of(out)
    assert {name: (float(row["points"]), row["status"]) for name, row in rows.items()} == {
        "ada": (5, "needs_review"),
        "ben": (3, "needs_review"),
        "cleo": (3, "needs_review"),
        "dan": (0, "graded"),
        "eve": (0, "missing"),
    }
    assert {row["max_points"] for row in rows.values()} == {"7"}
    assert done.run == 4
    assert "bubblewrap" in done.isolation


@needs_sandbox
def test_a_slip_costs_once(graded):
    out, _ = graded
    row = rows_of(out)["cleo"]
    assert (float(row["q1"]), float(row["q3"])) == (0, 1)
    assert "Right for your earlier answer" in (out / "feedback" / "cleo.html").read_text(encoding="utf-8")


@needs_sandbox
def test_feedback_has_the_hint_and_never_the_expected_value(graded):
    out, _ = graded
    page = (out / "feedback" / "ben.html").read_text(encoding="utf-8")
    assert "You counted orders." in page
    assert "It did not hold on another company." in page
    answers = json.loads((out / "answers" / "ada--1.json").read_text(encoding="utf-8"))["answers"]
    assert answers["q1"] not in page.split("Question")[0]
    assert f">{answers['q1']}<" not in page


@needs_sandbox
def test_the_report_names_isolation_misconceptions_and_questions(graded):
    out, _ = graded
    report = (out / "report.html").read_text(encoding="utf-8")
    for words in ("bubblewrap", "You counted orders.", "discrimination", "q3", "cleo"):
        assert words in report
    timings = (out / "timings.csv").read_text(encoding="utf-8").splitlines()
    assert len(timings) == 5


@needs_sandbox
def test_the_same_input_gives_the_same_bytes_and_a_second_run_does_nothing(
    graded, home, seed_file, submitted, tmp_path
):
    out, _ = graded
    roster = [Enrolled("ada"), Enrolled("ben"), Enrolled("cleo"), Enrolled("dan"), Enrolled("eve", "17", "Eve E.")]
    before = results(out)
    again = grade_class(home, NAME, submitted, out, seed_file=seed_file, roster=roster)
    assert (again.run, again.kept) == (0, 4)
    assert results(out) == before
    fresh = grade_class(home, NAME, submitted, tmp_path / "fresh", seed_file=seed_file, roster=roster, jobs=2)
    assert fresh.run == 4
    assert results(tmp_path / "fresh") == before


@needs_sandbox
def test_a_changed_submission_alone_is_run_again(home, seed_file, submitted, tmp_path):
    folder = tmp_path / "submitted"
    for name in ("ada", "ben"):
        save(folder, name, answered(home))
    grade_class(home, NAME, folder, tmp_path / "out", seed_file=seed_file)
    path = folder / "ben" / f"{NAME}.ipynb"
    nbformat.write(answered(home, {"q2": "who = set()"}), path)
    again = grade_class(home, NAME, folder, tmp_path / "out", seed_file=seed_file)
    assert (again.run, again.kept) == (1, 1)
    assert float(rows_of(tmp_path / "out")["ben"]["points"]) == COMPUTED - 2


@needs_sandbox
def test_roster_and_policy_stay_until_others_are_given(home, seed_file, submitted, tmp_path):
    out, one = tmp_path / "out", tmp_path / "one"
    save(one, "ada", answered(home))
    policy = '[questions]\ndropped = ["q1"]\n'
    grade_class(home, NAME, one, out, seed_file=seed_file, roster=[Enrolled("ada"), Enrolled("eve")], policy=policy)
    before = results(out)
    grade_class(home, NAME, one, out, seed_file=seed_file)
    assert results(out) == before
    assert rows_of(out)["eve"]["status"] == "missing"
    grade_class(home, NAME, one, out, seed_file=seed_file, roster=[Enrolled("ada")], policy="")
    assert set(rows_of(out)) == {"ada"}
    assert results(out) != before


@needs_sandbox
def test_another_seed_file_does_not_grade_over_a_finished_class(graded, home, submitted, tmp_path):
    out, _ = graded
    before = results(out)
    other = open_seed_file(tmp_path / "other.json")
    with pytest.raises(GradingFolderError, match=r"another hidden company .* --seed-file of that run"):
        grade_class(home, NAME, submitted, out, seed_file=other)
    assert results(out) == before


@needs_sandbox
def test_a_killed_grading_goes_on_where_it_was(home, seed_file, tmp_path):
    folder = tmp_path / "submitted"
    for number in range(6):
        save(folder, f"s{number}", answered(home, {"q3": "import time\ntime.sleep(0.4)\n" + ANSWERS["q3"]}))
    arguments = ["grade", NAME, str(folder), "--out", str(tmp_path / "out"), "--seed-file", str(seed_file.path)]
    environment = os.environ | {"CRMLAB_HOME": str(home), "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    killed = subprocess.Popen(
        [sys.executable, "-m", "crmlab", *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    answers = tmp_path / "out" / "answers"
    for _ in range(1200):
        if killed.poll() is not None or (answers.is_dir() and len(list(answers.glob("*.json"))) >= 2):
            break
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    _, words = killed.communicate()
    assert killed.returncode == -signal.SIGKILL, words
    done = {path.name: path.read_bytes() for path in answers.glob("*.json")}
    assert 2 <= len(done) < 6
    assert all(json.loads(content)["ended"] == "done" for content in done.values())
    again = grade_class(home, NAME, folder, tmp_path / "out", seed_file=seed_file)
    assert (again.run, again.kept) == (6 - len(done), len(done))
    assert all((answers / name).read_bytes() == content for name, content in done.items())
    assert {float(row["points"]) for row in rows_of(tmp_path / "out").values()} == {COMPUTED}
    assert not list((tmp_path / "out").rglob("*.partial"))


@needs_sandbox
def test_edits_that_change_nothing(home, seed_file, tmp_path):
    folder = tmp_path / "submitted"
    reordered = answered(home)
    reordered.cells = [reordered.cells[0], *reversed(reordered.cells[1:])]
    save(folder, "reordered", reordered)
    stripped = answered(home)
    for cell in stripped.cells:
        cell.metadata.clear()
    save(folder, "without metadata", stripped)
    doubled = answered(home)
    doubled.cells = [copy for cell in doubled.cells for copy in (cell, nbformat.from_dict(dict(cell)))]
    folder.joinpath("doubled").mkdir()
    text = json.dumps(
        {"cells": [dict(cell) for cell in doubled.cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    )
    folder.joinpath("doubled", f"{NAME}.ipynb").write_text(text, encoding="utf-8")
    without_imports = answered(home)
    without_imports.cells = [cell for cell in without_imports.cells if cell.id != "imports"]
    save(folder, "without imports", without_imports)
    own_imports = answered(home, {"q2": "who = set(numpy.array(sorted(loyal_ones())))"})
    own_imports.cells[1].source += (
        "\nimport numpy\ndef loyal_ones():\n    counts = lab.company.orders.groupby('customer_id').size()\n"
        "    return counts.index[counts >= lab.parameters.least]"
    )
    save(folder, "own imports", own_imports)
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "code", "input": cell.source.splitlines(True), "metadata": dict(cell.metadata)}
                    for cell in answered(home).cells
                    if cell.cell_type == "code"
                ]
            }
        ],
    }
    folder.joinpath("old format").mkdir()
    folder.joinpath("old format", f"{NAME}.ipynb").write_text(json.dumps(old), encoding="utf-8")
    grade_class(home, NAME, folder, tmp_path / "out", seed_file=seed_file)
    assert {name: float(row["points"]) for name, row in rows_of(tmp_path / "out").items()} == dict.fromkeys(
        ("reordered", "without metadata", "doubled", "without imports", "own imports", "old format"), COMPUTED
    )


@needs_sandbox
@pytest.mark.parametrize(
    "name_in_zip",
    ["lovelaceada_{id}_999_90_small.ipynb", "Ada Lovelace_{id}_assignsubmission_file_/90_small.ipynb"],
    ids=["canvas", "moodle"],
)
def test_a_zip_as_an_lms_exports_it(home, seed_file, tmp_path, name_in_zip):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name_in_zip.format(id=41), nbformat.writes(answered(home)))
        archive.writestr(name_in_zip.format(id=42).replace("90_small.ipynb", "essay.pdf"), b"%PDF")
        archive.writestr("../../outside_7_8_90_small.ipynb", nbformat.writes(answered(home)))
        archive.writestr(name_in_zip.format(id=43), b"0" * 400_000_000)
    grade_class(home, NAME, path, tmp_path / "out", seed_file=seed_file)
    rows = rows_of(tmp_path / "out")
    by_status = {name: (row["status"], float(row["points"])) for name, row in rows.items()}
    assert len(rows) == 4
    assert sorted(by_status.values()) == [("graded", 5), ("unreadable", 0), ("unreadable", 0), ("unreadable", 0)]
    canvas = (tmp_path / "out" / "gradebook_canvas.csv").read_text(encoding="utf-8")
    moodle = (tmp_path / "out" / "gradebook_moodle.csv").read_text(encoding="utf-8")
    assert ",41," in canvas
    assert "Participant 41" in moodle
    assert {path.name for path in tmp_path.iterdir()} == {"export.zip", "out"}


@needs_sandbox
def test_judging(graded, home, seed_file, submitted, tmp_path):
    out = tmp_path / "out"
    grade_class(home, NAME, submitted, out, seed_file=seed_file)
    run = CliRunner(env={"CRMLAB_HOME": str(home)})
    listed = run.invoke(app, ["judge", NAME, "--out", str(out)])
    assert listed.exit_code == 0, listed.output
    path = out / "judge" / "q4.csv"
    text = path.read_text(encoding="utf-8")
    with path.open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    assert sorted(int(row["students"]) for row in answers) == [1, 2]
    assert not any(name in text for name in ("ada", "ben", "cleo"))
    assert "Mark scheme" in (out / "judge" / "q4_mark_scheme.md").read_text(encoding="utf-8")
    for row in answers:
        row["points"] = "1.5" if row["students"] == "2" else "0"
    filled = tmp_path / "filled.csv"
    with filled.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(answers[0]))
        writer.writeheader()
        writer.writerows(answers)
    merged = run.invoke(app, ["judge", NAME, "--out", str(out), "--merge", str(filled), "--marked-by", "tutor"])
    assert merged.exit_code == 0, merged.output
    assert {name: (float(row["points"]), row["status"]) for name, row in rows_of(out).items()} == {
        "ada": (6.5, "graded"),
        "ben": (4.5, "graded"),
        "cleo": (3, "graded"),
        "dan": (0, "graded"),
    }
    log = (out / "judge" / "log.csv").read_text(encoding="utf-8").splitlines()
    assert len(log) == 3
    assert ",tutor,q4," in log[1]
    key = load_key(home / "solutions" / f"{NAME}.py")
    assert merge_judgements(GradingFolder(out), key, filled, "tutor", AT) == 0
    filled.write_text(filled.read_text(encoding="utf-8").replace(",1.5,", ",3,"), encoding="utf-8")
    with pytest.raises(JudgingError, match="points are '3', expected a number from 0 to 2"):
        merge_judgements(GradingFolder(out), key, filled, "tutor", AT)


@needs_sandbox
def test_regrading_changes_the_question_concerned_alone(seed_file, submitted, tmp_path):
    home, out = make_home(tmp_path / "home"), tmp_path / "out"
    grade_class(home, NAME, submitted, out, seed_file=seed_file)
    before = rows_of(out)
    wrong_key = home / "solutions" / f"{NAME}.py"
    # A tolerance for q1, with which cleo's count passes.
    changed = KEY.replace("compare=Number(), hints", "compare=Number(tolerance=1), hints")
    wrong_key.write_text(changed, encoding="utf-8")
    another = regrade(home, NAME, GradingFolder(out), ["q2"], seed_file=seed_file)
    assert (another.changes, another.left_alone) == ([], ["q1"])
    assert rows_of(out) == before
    done = regrade(home, NAME, GradingFolder(out), ["q1"], seed_file=seed_file)
    assert [(each.student, each.before, each.after) for each in done.changes] == [("cleo", 3, 5)]
    assert done.left_alone == []
    after = rows_of(out)
    assert {name: row for name, row in after.items() if name != "cleo"} == {
        name: row for name, row in before.items() if name != "cleo"
    }
    assert "cleo,q1,3,5,2" in (out / "regraded.csv").read_text(encoding="utf-8")
    other = open_seed_file(tmp_path / "other.json")
    with pytest.raises(GradingFolderError, match="another hidden company"):
        regrade(home, NAME, GradingFolder(out), ["q1"], seed_file=other)


@needs_sandbox
def test_attempts_lateness_and_dropped_questions(home, seed_file, tmp_path):
    folder = tmp_path / "submitted"
    save(folder, "ada", answered(home))
    nbformat.write(answered(home, {"q1": "loyal = 0"}), folder / "ada" / f"{NAME}_2.ipynb")
    save(folder, "ben", answered(home))
    save(folder, "cleo", answered(home))
    due = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    for path in folder.rglob("*.ipynb"):
        moment = due + dt.timedelta(hours=30 if path.parent.name != "ada" else -1)
        os.utime(path, (moment.timestamp(), moment.timestamp()))
    rules = (
        'due = 2026-10-01T00:00:00Z\n[late]\npercent_per_day = 10\n[attempts]\ncount = "{count}"\n'
        '[extensions]\ncleo = 2026-10-05T00:00:00Z\n[questions]\ndropped = ["q4"]\n'
    )
    for count, points in (("last", 3), ("best", 5), ("first", 5)):
        policy = rules.format(count=count)
        grade_class(home, NAME, folder, tmp_path / "out", seed_file=seed_file, policy=policy)
        rows = rows_of(tmp_path / "out")
        assert float(rows["ada"]["points"]) == points
        assert (float(rows["ben"]["points"]), rows["ben"]["late_percent"]) == (4, "20")
        assert (float(rows["cleo"]["points"]), rows["cleo"]["late_percent"]) == (5, "0")
        assert {row["max_points"] for row in rows.values()} == {"5"}
        assert {row["q4"] for row in rows.values()} == {""}


@needs_sandbox
def test_a_name_without_a_value_is_told_only_where_the_student_wrote_it(home, seed_file, tmp_path):
    folder = tmp_path / "submitted"
    save(folder, "ada", answered(home, {"q1": "loyal = lonely + 1"}))
    save(folder, "ben", answered(home, {"q1": "raise NameError(name='secret' + str(len(lab.company.orders)))"}))
    grade_class(home, NAME, folder, tmp_path / "out", seed_file=seed_file)
    pages = {
        name: (tmp_path / "out" / "feedback" / f"{name}.html").read_text(encoding="utf-8") for name in ("ada", "ben")
    }
    assert "the name lonely is not defined" in pages["ada"]
    assert "your code raised NameError." in pages["ben"]
    assert "name secret" not in pages["ben"]


@needs_sandbox
def test_until_words_are_marked_an_lms_gets_no_number(home, seed_file, submitted, tmp_path):
    out = tmp_path / "out"
    grade_class(home, NAME, submitted, out, seed_file=seed_file)
    rows = rows_of(out)
    assert (rows["ada"]["q1"], rows["ada"]["q4"], rows["dan"]["q4"]) == ("2", "", "0")
    with (out / "gradebook_canvas.csv").open(encoding="utf-8", newline="") as file:
        sent = {row["SIS Login ID"]: row[f"{NAME} (7)"] for row in csv.DictReader(file)}
    assert (sent["ada"], sent["dan"]) == ("", "0")
    with (out / "gradebook_moodle.csv").open(encoding="utf-8", newline="") as file:
        assert {row["Full name"]: row["Grade"] for row in csv.DictReader(file)}["ben"] == ""
    assert "None found among 4 notebooks" in (out / "report.html").read_text(encoding="utf-8")


@needs_sandbox
def test_times_in_a_zip_are_of_the_zone_that_the_policy_names(home, seed_file, tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("Ada Lovelace_41_assignsubmission_file_/90_small.ipynb", (2026, 10, 2, 1, 0, 0))
        archive.writestr(entry, nbformat.writes(answered(home)))
    late = "due = 2026-10-02T00:00:00Z\n{zone}[late]\npercent_per_day = 10\n{extension}"
    roster = [Enrolled("alovelace", "41", "Ada Lovelace")]
    for zone, extension, penalty in (
        ("", "", "10"),
        ('zip_zone = "Europe/Berlin"\n', "", "0"),
        ('zip_zone = "America/New_York"\n', "", "10"),
        ("", "[extensions]\nalovelace = 2026-10-03T00:00:00Z\n", "0"),
        ("", "[extensions]\n41 = 2026-10-03T00:00:00Z\n", "0"),
        ("", "[extensions]\nlovelace = 2026-10-03T00:00:00Z\n", "10"),
    ):
        policy = late.format(zone=zone, extension=extension)
        grade_class(home, NAME, path, tmp_path / "out", seed_file=seed_file, policy=policy, roster=roster)
        assert rows_of(tmp_path / "out")["alovelace"]["late_percent"] == penalty, policy
    assert "lovelace: neither handed in" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    with pytest.raises(PolicyError, match="zip_zone is 'Berlin', expected the name of a time zone"):
        read_policy('zip_zone = "Berlin"', [])


@needs_sandbox
def test_scikit_learn_works_for_the_first_submission_and_for_the_next(home, seed_file, tmp_path):
    """The second runs in a fork of a process that has imported it, and looks for its thread pools without /proc."""
    folder = tmp_path / "submitted"
    clusters = (
        "from sklearn.cluster import KMeans\n"
        "labels = KMeans(2, n_init=1, random_state=1).fit_predict([[0.0], [0.1], [5.0], [5.1]])\n"
        "assert len(set(labels)) == 2\n"
    )
    for student in ("ada", "ben", "cleo"):
        save(folder, student, answered(home, {"q1": clusters + ANSWERS["q1"]}))
    grade_class(home, NAME, folder, tmp_path / "out", seed_file=seed_file)
    assert [row["points"] for row in rows_of(tmp_path / "out").values()] == ["5", "5", "5"]


def _on_dask():
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    return Client(cluster), cluster


@needs_sandbox
@pytest.mark.parametrize("backend", ["threading", "dask"])
def test_any_joblib_backend_gives_the_same(graded, home, seed_file, submitted, tmp_path, backend):
    out, _ = graded
    roster = [Enrolled("ada"), Enrolled("ben"), Enrolled("cleo"), Enrolled("dan"), Enrolled("eve", "17", "Eve E.")]
    closing = ()
    if backend == "dask":
        if importlib.util.find_spec("distributed") is None:
            pytest.skip("dask is not installed: pip install 'crmlab[scale]'")
        closing = _on_dask()
    try:
        with joblib.parallel_config(backend=backend, n_jobs=2):
            grade_class(home, NAME, submitted, tmp_path / "out", seed_file=seed_file, roster=roster, jobs=2)
    finally:
        for each in closing:
            each.close()
    assert results(tmp_path / "out") == results(out)


@needs_sandbox
def test_selfcheck_on_fresh_companies(home, seed_file, submitted):
    checked = selfcheck(home, NAME, submitted / "ben" / f"{NAME}.ipynb", companies=2, seed_file=seed_file)
    assert [(each.name, each.right, each.hints) for each in checked] == [
        ("q1", 0, ("You counted orders.",)),
        ("q2", 2, ()),
        ("q3", 2, ()),
    ]


def test_without_a_sandbox_it_refuses_and_says_how_to_get_one(home, tmp_path, monkeypatch):
    def missing():
        raise NoSandboxError("bubblewrap is missing: sudo apt install bubblewrap; or --unsafe")

    monkeypatch.setattr(grading, "find_isolation", missing)
    save(tmp_path / "submitted", "ada", answered(home))
    arguments = [
        "grade",
        NAME,
        str(tmp_path / "submitted"),
        "--out",
        str(tmp_path / "out"),
        "--seed-file",
        str(tmp_path / "s.json"),
    ]
    run = CliRunner(env={"CRMLAB_HOME": str(home)})
    refused = run.invoke(app, arguments)
    assert refused.exit_code == 2
    assert "sudo apt install bubblewrap" in refused.output
    assert not (tmp_path / "out" / "gradebook.csv").exists()
    allowed = run.invoke(app, [*arguments, "--unsafe"])
    assert allowed.exit_code == 0, allowed.output
    assert "Isolation: none (--unsafe)" in allowed.output
    assert float(rows_of(tmp_path / "out")["ada"]["points"]) == COMPUTED
    assert "none (--unsafe)" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_seed_file_is_private_backed_up_and_restored(tmp_path):
    made = open_seed_file(tmp_path / "seed.json")
    assert "backup" in made.news
    assert open_seed_file(tmp_path / "seed.json").news == ""
    if os.name == "posix":
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    made.path.unlink()
    again = open_seed_file(tmp_path / "seed.json")
    assert (again.secret, "restored" in again.news) == (made.secret, True)
    assert made.seed("04_rfm") != made.seed("05_lists") != made.seed("05_lists", 1)
    if os.name == "posix":
        made.path.chmod(0o644)
        with pytest.raises(SeedFileError, match="chmod 600"):
            open_seed_file(tmp_path / "seed.json")


def test_a_roster_or_policy_that_is_wrong_says_where(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("name\nAda\n", encoding="utf-8")
    with pytest.raises(RosterError, match="has no column 'student'"):
        read_roster(path)
    path.write_text("student,id\nada,1\nada,2\n", encoding="utf-8")
    with pytest.raises(RosterError, match="'ada' twice"):
        read_roster(path)
    with pytest.raises(PolicyError, match="dropped names 'q9'"):
        read_policy('[questions]\ndropped = ["q9"]', ["q1"])
    with pytest.raises(PolicyError, match="expected a time with its zone"):
        read_policy("due = 2026-10-01T00:00:00", ["q1"])


@needs_sandbox
def test_publishing_again_needs_no_seed_and_changes_nothing(graded, home):
    out, _ = graded
    before = results(out)
    publish(home, NAME, GradingFolder(out))
    assert results(out) == before
