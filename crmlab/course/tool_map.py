"""The nine tools of CRM on one map: what each decides, which data it reads, which lessons build it (lesson 01)."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Tool:
    """A tool of CRM: the decision that it serves, the tables that it reads, the lessons that build it."""

    name: str
    decision: str
    data: tuple[str, ...]
    lessons: tuple[str, ...]


TOOLS = (
    Tool(
        "predicting behaviour",
        "who will buy next, and how much must be in stock?",
        ("orders", "order_lines"),
        ("11a", "11b"),
    ),
    Tool("segmenting", "into which groups do we sort our customers?", ("customers", "orders"), ("07",)),
    Tool(
        "target marketing",
        "on which group do we spend the budget?",
        ("orders", "order_lines", "campaign_file"),
        ("06a", "07"),
    ),
    Tool(
        "event-based marketing",
        "what happens in a customer's life today?",
        ("customers", "orders", "service_contracts"),
        ("06a",),
    ),
    Tool(
        "cross-selling and up-selling",
        "what else, or what better, to offer?",
        ("order_lines", "products"),
        ("08a", "08b"),
    ),
    Tool(
        "personalising",
        "what does the message to this one customer say?",
        ("customers", "order_lines", "web_visits"),
        ("06a", "08b"),
    ),
    Tool("permission marketing", "whom may we write to, about what?", ("consents", "contact_points"), ("05",)),
    Tool("defection analysis", "why did those who left leave?", ("orders", "subscriptions", "exit_reasons"), ("09",)),
    Tool("lifetime value", "how much may a customer cost us?", ("orders", "order_lines", "returns"), ("10a", "10b")),
)


def tool_map() -> pd.DataFrame:
    """The map as a table: index tool; columns decision, data (tables of the company) and lesson
    (numbers of lessons), both joined by commas.

    >>> tool_map().loc["permission marketing", "lesson"]
    '05'
    """
    rows = [
        {"decision": tool.decision, "data": ", ".join(tool.data), "lesson": ", ".join(tool.lessons)} for tool in TOOLS
    ]
    return pd.DataFrame(rows, index=pd.Index([tool.name for tool in TOOLS], name="tool"))
