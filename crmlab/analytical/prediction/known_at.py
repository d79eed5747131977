"""The tables as they were on a day: what had not happened yet is not in them (lesson 11a).

Whoever predicts from a table that goes on after the day of the prediction has the answer among the questions. So
features are computed from a cut of the tables, and a later row cannot enter them, however carelessly they are written.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

#: The day on which a row of a table came to be known.
EVENT_DATE = {
    "campaign_responses": "response_date",
    "campaigns": "start_date",
    "consents": "consent_date",
    "customers": "created_date",
    "delivery_ratings": "rating_date",
    "orders": "order_date",
    "price_changes": "change_date",
    "prospect_events": "event_date",
    "prospects": "created_date",
    "returns": "return_date",
    "service_contracts": "start_date",
    "subscriptions": "start_date",
    "web_visits": "visited_at",
}
#: Columns that are filled in later than the row, with the date that says when.
FILLED_LATER = {
    "orders": ("delivered_date", ["delivered_date"]),
    "service_contracts": ("end_date", ["end_date"]),
    "subscriptions": ("end_date", ["end_date", "exit_reason"]),
}
#: Rows that have no date of their own: they are known when the row of another table is.
KNOWN_WITH = {"order_lines": ("orders", "order_id"), "campaign_contacts": ("campaigns", "campaign_id")}
#: Tables without dates, and the columns in them that do not change.
UNCHANGING = {
    "products": ["product_id", "sku", "name", "category", "type"],
    "territories": ["territory_id", "name", "parent_id", "postal_code_prefix"],
}


class KnownAt:
    """The tables of a company as they were known at the end of a day, cut when they are asked for.

    `as_of` is the day. Tables are pandas frames, as in the company. A table that cannot be cut, since nothing says
    when its rows were known, is refused (AttributeError): `contact_points`, for instance, knows no dates.
    """

    def __init__(self, company: Any, as_of: dt.date):
        day = pd.Timestamp(as_of).normalize()
        if day > pd.Timestamp(company.as_of):
            raise ValueError(f"as_of is {day:%Y-%m-%d}, expected a day up to {company.as_of:%Y-%m-%d}, the last known")
        self.as_of = day
        self._company = company

    def __getattr__(self, table: str) -> pd.DataFrame:
        if table.startswith("_"):
            raise AttributeError(table)
        cut = self._cut(table)
        setattr(self, table, cut)
        return cut

    def _cut(self, table: str) -> pd.DataFrame:
        if table in UNCHANGING:
            return getattr(self._company, table)[UNCHANGING[table]]
        if table in KNOWN_WITH:
            other, key = KNOWN_WITH[table]
            rows = getattr(self._company, table)
            return rows[rows[key].isin(getattr(self, other)[key])]
        if table not in EVENT_DATE:
            known = ", ".join(sorted([*EVENT_DATE, *KNOWN_WITH, *UNCHANGING]))
            raise AttributeError(f"table {table!r} cannot be cut at a day, expected one of: {known}")
        rows = getattr(self._company, table)
        end_of_day = self.as_of + pd.Timedelta(days=1)
        rows = rows[rows[EVENT_DATE[table]] < end_of_day]
        date, columns = FILLED_LATER.get(table, (None, []))
        if date in rows:
            rows = rows.assign(**{column: rows[column].where(rows[date] < end_of_day) for column in columns})
        return rows


def known_at(company: Any, as_of: dt.date) -> KnownAt:
    """The tables of a company as they were known at the end of the day `as_of`.

    company    the course company, or anything with its tables as attributes and `as_of`
    as_of      the day; not after the company's own

    Rows of a later day are gone; a delivery, an end or an exit reason that came later is missing. Of tables without
    dates only the columns that do not change are given. Raises ValueError for a day that is not over.

    >>> from crmlab import open_company
    >>> then = known_at(open_company(), dt.date(2025, 6, 30))
    >>> then.orders["order_date"].max() <= pd.Timestamp("2025-06-30")
    True
    """
    return KnownAt(company, as_of)
