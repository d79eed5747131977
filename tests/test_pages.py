"""The pages around the lessons: links lead somewhere, the glossary and the lesson table hold what the lessons say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from crmlab.course.lesson_table import lesson_table, lessons_before

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.md"), *ROOT.glob("datasets/*.md")])
LESSONS = sorted(ROOT.glob("notebooks/[0-9][0-9]*.ipynb"))


def lesson_text(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_readme_lists_every_lesson_with_its_minutes_and_needs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| \[[^]]+\]\(notebooks/([\w.]+)\) \| (\d+)[\d +]* \| ([\w, ]*?) ?\| ", flags=re.MULTILINE)
    rows = row.findall(readme)
    assert [name for name, _, _ in rows] == [path.name for path in LESSONS]
    table = lesson_table()
    assert [int(minutes) for _, minutes, _ in rows] == table["minutes"].to_list()
    assert [needs for _, _, needs in rows] == table["needs"].to_list()


def test_the_syllabi_have_room_for_their_lessons_in_an_order_that_works():
    guide = (ROOT / "docs" / "instructor_guide.md").read_text(encoding="utf-8")
    weeks = [line.strip("|").split("|")[1:] for line in guide.splitlines() if re.match(r"\| \d+ \| ", line)]
    plans = [[plan.strip() for plan in column if plan.strip()] for column in zip(*weeks, strict=True)]
    assert [len(plan) for plan in plans] == [6, 10, 14]
    table = lesson_table()
    for plan, session_minutes in zip(plans, (180, 120, 90), strict=True):
        done = {"00"}
        for week in plan:
            lessons, minutes, exercises = re.fullmatch(r"([\w, ]+): (\d+) \+ (\d+)", week).groups()
            held = lessons.split(", ")
            assert table.loc[held, ["minutes", "exercise_minutes"]].sum().to_list() == [int(minutes), int(exercises)]
            assert int(minutes) <= session_minutes
            done |= set(held)
            for lesson in held:
                assert set(lessons_before(table, lesson)) <= done, week


def test_the_glossary_is_sorted_and_each_word_stands_in_bold_in_its_lesson():
    glossary = (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8")
    entries = re.findall(r"^- \*\*(.+?)\*\*: .+ \((\d\d\w?)\)$", glossary, flags=re.MULTILINE)
    assert len(entries) == len(re.findall(r"^- ", glossary, flags=re.MULTILINE))
    words = [word.lower() for word, _ in entries]
    assert words == sorted(words)
    for word, number in entries:
        (lesson,) = [path for path in LESSONS if path.name.startswith(f"{number}_")]
        bold = {found.lower().rstrip(":.") for found in re.findall(r"\*\*(.+?)\*\*", lesson_text(lesson))}
        assert word.lower() in bold, f"{word} is not in bold in lesson {number} ({sorted(bold)})"


def test_every_lesson_begins_with_a_question_objectives_and_minutes():
    for path in LESSONS:
        text = lesson_text(path)
        assert text.startswith("# ")
        objectives = re.search(r"you can\n\n((?:- .+\n)+)", text).group(1)
        assert 2 <= objectives.count("\n- ") + 1 <= 4, path.name
        assert "understand" not in objectives.lower()
        assert "**You need**" in text
        assert "## Recap" in text
