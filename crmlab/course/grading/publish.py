"""From marks to what people read: gradebook, feedback, report and times. Needs no secret and runs nothing.

Judging and regrading change the marks and publish again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from crmlab.course.answer_key import AnswerKey, load_key
from crmlab.course.exercise_notebook import exercise_from
from crmlab.course.grading.assembly import assemble
from crmlab.course.grading.class_report import report_page
from crmlab.course.grading.feedback import feedback_page
from crmlab.course.grading.folder import GradingFolder, file_names, read_json, write_csv
from crmlab.course.grading.gradebook import count_statuses, make_rows, write_gradebook
from crmlab.course.grading.notebook_reader import StudentCell
from crmlab.course.grading.policy import read_policy
from crmlab.course.release import source_paths
from crmlab.whole_files import write_text_whole


def publish(home: Path, exercise: str, folder: GradingFolder) -> dict[str, int]:
    """Write everything that follows from the records and marks in a folder; gives how many rows have which status."""
    key_path, notebook_path = source_paths(home, exercise)
    key = load_key(key_path)
    template = exercise_from(nbformat.read(notebook_path, as_version=4), key)
    state = folder.read_state(exercise)
    records = {each["stem"]: _without_answers(folder.record(each["stem"])) for each in state["submissions"]}
    policy = read_policy(state["policy"], list(key.questions))
    rows = make_rows(key, state, records, read_json(folder.marks) or {}, read_json(folder.judgements) or {}, policy)
    write_gradebook(folder, key, rows)
    _write_feedback(folder, key, template, rows, records)
    _write_times(folder, state, records)
    known = {
        each[name] for each in [*rows, *state["submissions"]] for name in ("student", "name", "lms_id") if name in each
    }
    nobody = sorted(policy.extensions.keys() - known)
    report = report_page(key, rows, records, _template_code(template), state["isolation"], state["safe"], nobody)
    write_text_whole(folder.root / "report.html", report)
    return count_statuses(rows)


def _without_answers(path: Path) -> dict[str, Any]:
    """A record; its answers are marked already, and would take most of the memory."""
    return {name: value for name, value in read_json(path).items() if name != "answers"}


def _write_feedback(
    folder: GradingFolder,
    key: AnswerKey,
    template: nbformat.NotebookNode,
    rows: list[dict[str, Any]],
    records: Mapping[str, Any],
) -> None:
    names = file_names(row["student"] for row in rows)
    for row in rows:
        stem = row["stem"]
        submitted = None if stem is None else folder.submitted(stem)
        readable = submitted is not None and "unreadable" not in records[stem] and submitted.is_file()
        content = submitted.read_bytes() if readable else b""
        text = feedback_page(key, template, row, {} if stem is None else records[stem], content)
        write_text_whole(folder.feedback / f"{names[row['student']]}.html", text)
    wanted = {f"{name}.html" for name in names.values()}
    for path in folder.feedback.glob("*.html"):
        if path.name not in wanted:
            path.unlink()


def _write_times(folder: GradingFolder, state: Mapping[str, Any], records: Mapping[str, Any]) -> None:
    header = ["student", "attempt", "seconds", "cpu_seconds", "peak_mb", "runs", "ended", "slowest_cell_seconds"]
    rows = []
    for each in state["submissions"]:
        record = records[each["stem"]]
        if "unreadable" in record:
            rows.append([each["student"], each["attempt"], 0, 0, 0, 0, "unreadable", 0])
            continue
        slowest = max(record["cell_seconds"].values(), default=0)
        times = [round(record["seconds"], 3), round(record["cpu_seconds"], 3), round(record["peak_bytes"] / 1e6, 1)]
        rows.append([each["student"], each["attempt"], *times, record["runs"], record["ended"], round(slowest, 3)])
    write_csv(folder.root / "timings.csv", header, rows)


def _template_code(template: nbformat.NotebookNode) -> str:
    """The code of an untouched notebook, as the report sees code."""
    cells = [
        StudentCell(cell.cell_type, cell.source, cell.get("id"), cell.metadata.get("nbgrader", {}).get("grade_id"))
        for cell in template.cells
    ]
    return "\n".join(assemble(template, cells).answers.values())
