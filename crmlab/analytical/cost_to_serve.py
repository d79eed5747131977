"""Cost to serve: what each customer costs beside the goods (lesson 10a).

Every cost is one small table with a row a customer: `customer_id` and `amount_cents` (int64, cents, a cost is
positive). A new kind of cost is one more table, and nothing else changes. `customer_profit` takes them off the margin.

Each function counts what had happened by the end of the day `as_of`. Where the books have no price for a thing (a
parcel, the work on a return), the price is an argument: an assumption, to be said with the result.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.segmentation.columns import require

SECONDS_PER_HOUR = 3_600


def refund_cost(orders: Any, returns: Any, as_of: dt.date) -> pd.DataFrame:
    """Money given back for returns.

    orders: order_id, customer_id; returns: order_id, return_date (datetime), refund_cents (integer, cents).

    >>> orders = pd.DataFrame({"order_id": [1, 2], "customer_id": [7, 8]})
    >>> returns = pd.DataFrame({"order_id": [2], "return_date": pd.to_datetime(["2025-02-01"]), "refund_cents": [500]})
    >>> refund_cost(orders, returns, dt.date(2025, 3, 1)).to_dict("list")
    {'customer_id': [8], 'amount_cents': [500]}
    """
    known = _known_returns(orders, returns, as_of)
    return cost_table(known["customer_id"], known["refund_cents"])


def return_handling_cost(orders: Any, returns: Any, as_of: dt.date, *, cents_per_return: int) -> pd.DataFrame:
    """The work on each return: unpacking, checking, booking, at an assumed price."""
    _price(cents_per_return, "cents_per_return")
    known = _known_returns(orders, returns, as_of)
    return cost_table(known["customer_id"], np.full(len(known), cents_per_return))


def delivery_cost(orders: Any, as_of: dt.date, *, cents_per_parcel: int) -> pd.DataFrame:
    """A parcel for each order of the web shop, at an assumed price; the stores and resellers send none.

    orders: customer_id, order_date (datetime), channel.
    """
    _price(cents_per_parcel, "cents_per_parcel")
    require(orders, "orders", ["customer_id", "order_date", "channel"])
    parcels = orders[(orders["channel"] == "web") & (orders["order_date"] < _day_after(as_of))]
    return cost_table(parcels["customer_id"], np.full(len(parcels), cents_per_parcel))


def marketing_cost(campaigns: Any, campaign_contacts: Any, as_of: dt.date, *, responses: Any = None) -> pd.DataFrame:
    """What was spent on contacts with each customer, and the voucher credit that they used.

    campaigns            campaign_id, contact_cost_cents
    campaign_contacts    campaign_contact_id, campaign_id, customer_id, sent_date (missing for those held out: no cost)
    responses            campaign_contact_id, response_date, credit_cents; optional
    """
    require(campaigns, "campaigns", ["campaign_id", "contact_cost_cents"])
    require(campaign_contacts, "campaign_contacts", ["campaign_contact_id", "campaign_id", "customer_id", "sent_date"])
    price = campaigns.set_index("campaign_id")["contact_cost_cents"]
    sent = campaign_contacts[campaign_contacts["sent_date"] < _day_after(as_of)]
    tables = [cost_table(sent["customer_id"], sent["campaign_id"].map(price))]
    if responses is not None:
        require(responses, "responses", ["campaign_contact_id", "response_date", "credit_cents"])
        known = responses[(responses["response_date"] < _day_after(as_of)) & (responses["credit_cents"].fillna(0) > 0)]
        customer = campaign_contacts.set_index("campaign_contact_id")["customer_id"]
        tables.append(cost_table(known["campaign_contact_id"].map(customer), known["credit_cents"]))
    both = pd.concat(tables)
    return cost_table(both["customer_id"], both["amount_cents"])


def acquisition_cost(customers: Any, as_of: dt.date) -> pd.DataFrame:
    """What winning each customer cost. customers: customer_id, created_date (datetime), acquisition_cost_cents."""
    require(customers, "customers", ["customer_id", "created_date", "acquisition_cost_cents"])
    won = customers[customers["created_date"] < _day_after(as_of)]
    return cost_table(won["customer_id"], won["acquisition_cost_cents"])


def contact_cost(interactions: Any, agents: Any, as_of: dt.date) -> pd.DataFrame:
    """The time that agents spent on each customer's calls, chats and letters, at each agent's own wage.

    interactions    customer_id (missing for strangers), direction, agent_id (missing where nobody answered),
                    answered_at, ended_at (datetimes), wrap_up_seconds
    agents          agent_id, hourly_wage_cents

    Counted is what had ended by the end of `as_of`: from the answer to the end, and the wrap-up. Outbound calls belong
    to a campaign, whose `contact_cost_cents` has paid for them. Time in which agents wait for contacts is nobody's, and
    stays in the overheads; a chat counts with all its time, though an agent may hold several at once.

    >>> interactions = pd.DataFrame({
    ...     "customer_id": [7, 7], "direction": ["inbound", "outbound"], "agent_id": [1, 1], "wrap_up_seconds": [60, 0],
    ...     "answered_at": pd.to_datetime(["2025-02-03 10:00", "2025-02-04 10:00"]),
    ...     "ended_at": pd.to_datetime(["2025-02-03 10:05", "2025-02-04 10:05"]),
    ... })
    >>> agents = pd.DataFrame({"agent_id": [1], "hourly_wage_cents": [3000]})
    >>> contact_cost(interactions, agents, dt.date(2025, 2, 28)).to_dict("list")
    {'customer_id': [7], 'amount_cents': [300]}
    """
    needed = ["customer_id", "direction", "agent_id", "answered_at", "ended_at", "wrap_up_seconds"]
    require(interactions, "interactions", needed)
    require(agents, "agents", ["agent_id", "hourly_wage_cents"])
    handled = interactions[
        (interactions["direction"] == "inbound")
        & interactions["answered_at"].notna()
        & (interactions["ended_at"] < _day_after(as_of))
    ]
    seconds = (handled["ended_at"] - handled["answered_at"]).dt.total_seconds() + handled["wrap_up_seconds"]
    wage = handled["agent_id"].map(agents.set_index("agent_id")["hourly_wage_cents"])
    return work_cost(handled["customer_id"], seconds, cents_per_hour=wage)


def work_cost(customer_id: Any, seconds: Any, *, cents_per_hour: Any) -> pd.DataFrame:
    """Time of staff for each customer at what an hour costs (one price, or one a row). Rounded to a cent a customer.

    Rows without a customer (an unknown caller) are left out: their cost is nobody's, and stays in the overheads.

    >>> work_cost([7, 7, None], [600, 600, 900], cents_per_hour=2700).to_dict("list")
    {'customer_id': [7], 'amount_cents': [900]}
    """
    work = pd.DataFrame({"customer_id": pd.array(customer_id, dtype="Int64")})
    for name, values in (("seconds", seconds), ("cents_per_hour", cents_per_hour)):
        work[name] = np.asarray(values, dtype="float64")
        if not (work[name] >= 0).all():
            raise ValueError(f"{name} has values that are missing or below 0, expected 0 or more")
    known = work.dropna(subset="customer_id").astype({"customer_id": "int64"})
    cents = known["seconds"] * known["cents_per_hour"] / SECONDS_PER_HOUR
    by_customer = cents.groupby(known["customer_id"]).sum()
    return cost_table(by_customer.index, by_customer.round())


def cost_table(customer_id: Any, amount_cents: Any) -> pd.DataFrame:
    """Amounts of any number of rows a customer, added up: `customer_id`, `amount_cents` (int64), by customer.

    >>> cost_table([2, 1, 2], [10, 20, 30]).to_dict("list")
    {'customer_id': [1, 2], 'amount_cents': [20, 40]}
    """
    rows = pd.DataFrame({"customer_id": np.asarray(customer_id), "amount_cents": np.asarray(amount_cents)})
    if rows.isna().to_numpy().any():
        raise ValueError("a cost has rows without a customer_id or without an amount_cents, expected both in each row")
    summed = rows.astype({"amount_cents": "int64"}).groupby("customer_id", as_index=False)["amount_cents"].sum()
    return summed if len(summed) else summed.astype({"customer_id": "int64"})


def _known_returns(orders: Any, returns: Any, as_of: dt.date) -> pd.DataFrame:
    require(orders, "orders", ["order_id", "customer_id"])
    require(returns, "returns", ["order_id", "return_date", "refund_cents"])
    known = returns.loc[returns["return_date"] < _day_after(as_of), ["order_id", "refund_cents"]]
    return known.merge(orders[["order_id", "customer_id"]], on="order_id", how="left")


def _day_after(as_of: dt.date) -> pd.Timestamp:
    return pd.Timestamp(as_of).normalize() + pd.Timedelta(days=1)


def _price(cents: float, name: str) -> None:
    if isinstance(cents, bool) or not cents >= 0:
        raise ValueError(f"{name} is {cents!r}, expected 0 or more cents")
