"""The map of the nine tools names tables that exist and lessons that the course has or will have."""

from companies import observed

from crmlab.course.tool_map import TOOLS, tool_map


def test_nine_tools_each_with_tables_of_the_company():
    assert len({tool.name for tool in TOOLS}) == 9
    tables = set(observed().tables)
    for tool in TOOLS:
        assert set(tool.data) <= tables, tool.name
        assert "02" <= tool.lesson <= "20", tool.name
        assert tool.decision.endswith("?"), tool.name


def test_the_table_says_what_the_tools_say():
    table = tool_map()
    assert list(table.index) == [tool.name for tool in TOOLS]
    assert table.loc["defection analysis", "data"] == "orders, delivery_ratings, subscriptions"
