"""The life cycle of a customer as an event log: acquire, sell, serve, retain; one row a step (lesson 01).

The steps are those of the CRM process in the textbooks. Each is read from the first touch point of its kind, so that
the log says which step came when, and what row in the store proves it.
"""

import pandas as pd

from crmlab.analytical.table_check import DATE, ID, checked

#: Which step a touch point of the timeline belongs to. An order after the day of the first one is "retain".
STEP_OF_TOUCH = {
    "recorded": "acquire",
    "order": "sell",
    "subscription_start": "sell",
    "return": "serve",
    "delivery_rating": "serve",
    "contract_start": "serve",
    "ticket": "serve",
    "contact": "serve",
}
STEPS = ("acquire", "sell", "serve", "retain")


def life_cycle(timeline: pd.DataFrame) -> pd.DataFrame:
    """The first time that each customer reached each step.

    timeline, one row a touch point, such as `SELECT customer_id, at, touch FROM v_timeline`
        customer_id   integer or text
        at            date or datetime
        touch         text; touches that are no step (a consent, the end of a subscription) are left out

    Returns one row a customer and step, in the order in which the customer went through them

        customer_id   as given
        step_number   int64, from 1
        step          text: acquire (on record), sell (first order or subscription), serve (a return, a rating, a
                      service contract, a ticket or a contact), retain (an order on a later day than the first)
        at            as given: when the step was reached first

    Steps reached at the same time stand in the order acquire, sell, serve, retain. Raises ValueError for a missing
    column, a wrong type or a missing value.

    >>> timeline = pd.DataFrame({"customer_id": [7, 7, 7, 8], "touch": ["recorded", "order", "order", "recorded"],
    ...     "at": pd.to_datetime(["2025-01-02", "2025-01-02", "2025-03-01", "2025-02-01"])})
    >>> life_cycle(timeline)
       customer_id  step_number     step         at
    0            7            1  acquire 2025-01-02
    1            7            2     sell 2025-01-02
    2            7            3   retain 2025-03-01
    3            8            1  acquire 2025-02-01
    """
    timeline = checked(timeline, "timeline", {"customer_id": ID, "at": DATE, "touch": ID}).to_native()
    steps = timeline.assign(step=timeline["touch"].map(STEP_OF_TOUCH)).dropna(subset="step")
    orders = steps[steps["touch"] == "order"]
    day = orders["at"].dt.normalize()
    again = orders[day > day.groupby(orders["customer_id"]).transform("min")]
    steps = pd.concat([steps, again.assign(step="retain")])
    log = steps.groupby(["customer_id", "step"], as_index=False)["at"].min()
    place = log["step"].map(STEPS.index)
    log = log.assign(place=place).sort_values(["customer_id", "at", "place"], ignore_index=True)
    log["step_number"] = log.groupby("customer_id").cumcount() + 1
    return log[["customer_id", "step_number", "step", "at"]]


def paths(log: pd.DataFrame) -> pd.Series:
    """Each customer's steps as one text: a Series "acquire > sell > retain" with `customer_id` as its index.

    >>> log = pd.DataFrame({"customer_id": [7, 7, 8], "step_number": [1, 2, 1], "step": ["acquire", "sell", "acquire"]})
    >>> paths(log).to_dict()
    {7: 'acquire > sell', 8: 'acquire'}
    """
    log = log.sort_values(["customer_id", "step_number"])
    return log.groupby("customer_id")["step"].agg(" > ".join).rename("path")
