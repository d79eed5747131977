"""The nine tools of CRM on one map: what each decides, which data it reads, which lesson builds it (lesson 01)."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Tool:
    """A tool of CRM: the decision that it serves, the tables that it reads, the lesson that builds it."""

    name: str
    decision: str
    data: tuple[str, ...]
    lesson: str


TOOLS = (
    Tool("predicting behaviour", "who will buy next, and how much must be in stock?", ("orders",), "11"),
    Tool("segmenting", "into which groups do we sort our customers?", ("customers", "orders"), "07"),
    Tool("target marketing", "on which group do we spend the budget?", ("customers", "orders", "order_lines"), "07"),
    Tool("event-based marketing", "what happens in a customer's life today?", ("customers", "service_contracts"), "06"),
    Tool(
        "cross-selling and up-selling", "what else, or what better, to offer?", ("order_lines", "product_links"), "08"
    ),
    Tool("personalising", "what does the message to this one customer say?", ("customers", "order_lines"), "06"),
    Tool("permission marketing", "whom may we write to, about what?", ("consents", "contact_points"), "05"),
    Tool("defection analysis", "why did those who left leave?", ("orders", "delivery_ratings", "subscriptions"), "09"),
    Tool("lifetime value", "how much may a customer cost us?", ("orders", "order_lines", "returns"), "10"),
)


def tool_map() -> pd.DataFrame:
    """The map as a table: index tool; columns decision, data (tables of the company, joined by commas), lesson.

    >>> tool_map().loc["permission marketing", "lesson"]
    '05'
    """
    rows = [{"decision": tool.decision, "data": ", ".join(tool.data), "lesson": tool.lesson} for tool in TOOLS]
    return pd.DataFrame(rows, index=pd.Index([tool.name for tool in TOOLS], name="tool"))
