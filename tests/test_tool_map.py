"""The map of the nine tools names tables that exist and lessons that the course has or will have."""

from companies import observed

from crmlab.course.lesson_table import lesson_table
from crmlab.course.tool_map import TOOLS, tool_map


def test_nine_tools_each_with_tables_of_the_company():
    assert len({tool.name for tool in TOOLS}) == 9
    tables = set(observed().tables)
    for tool in TOOLS:
        assert set(tool.data) <= tables, tool.name
        assert tool.decision.endswith("?"), tool.name


def test_each_tool_is_built_in_a_lesson_or_in_a_chapter_that_is_to_come():
    there = set(lesson_table().index)
    chapters = {lesson[:2] for lesson in there}
    for tool in TOOLS:
        assert tool.lessons, tool.name
        for lesson in tool.lessons:
            assert lesson in there or ("02" <= lesson <= "20" and lesson not in chapters), (tool.name, lesson)


def test_the_table_says_what_the_tools_say():
    table = tool_map()
    assert list(table.index) == [tool.name for tool in TOOLS]
    assert table.loc["defection analysis", "data"] == "orders, subscriptions, exit_reasons"
