"""Was the question really settled? Only if the customer does not come back with it (lesson 13a).

**First-contact resolution** and **deflection** both hang on that. A visit to the help page that is followed by a call
on the same topic saved nobody a call; it cost the customer a visit.
"""

from __future__ import annotations

import pandas as pd

_KEYS = ("customer_id", "topic", "arrived_at")


def _checked(contacts: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in contacts.columns]
    if missing:
        raise ValueError(f"contacts has no column {missing[0]!r} (found: {', '.join(map(str, contacts.columns))})")


def days_to_next_contact(contacts: pd.DataFrame) -> pd.Series:
    """Days from each contact to the next one of the same customer on the same topic, through whatever channel.

    Parameters
    ----------
    contacts: one row a contact, with ``customer_id`` (missing for callers whom nobody knows), ``topic`` (text) and
        ``arrived_at`` (datetime64). Any order; of two at the same second the one that stands later comes later.

    Returns float64 by the index of ``contacts``: missing where there is no later contact, and where the customer or the
    topic is not known. Raises ``ValueError`` for a missing column.

    >>> calls = pd.DataFrame({"customer_id": [7, 8, 7], "topic": "delivery",
    ...                       "arrived_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-01-08"])})
    >>> days_to_next_contact(calls).tolist()
    [3.0, nan, nan]
    """
    _checked(contacts, _KEYS)
    rows = contacts.reset_index(drop=True)
    rows = rows.dropna(subset=["customer_id", "topic"]).sort_values("arrived_at", kind="stable")
    following = rows.groupby(["customer_id", "topic"], observed=True)["arrived_at"].shift(-1)
    days = (following - rows["arrived_at"]) / pd.Timedelta(days=1)
    return pd.Series(days.reindex(range(len(contacts))).to_numpy(float), index=contacts.index, dtype="float64",
                     name="days_to_next_contact")  # fmt: skip


def settled(contacts: pd.DataFrame, as_of: pd.Timestamp, *, within_days: float = 7) -> pd.Series:
    """Whether each contact settled its matter: no other one of the customer on the topic within so many days.

    ``as_of``: up to when contacts are known. A contact whose days are not over by then tells nothing yet.

    Returns boolean (with missing values) by the index of ``contacts``: missing where the days are not over and nobody
    has come back so far, and where the customer or topic is not known. Columns and errors as ``days_to_next_contact``.

    >>> calls = pd.DataFrame({"customer_id": [7, 8, 7], "topic": "delivery",
    ...                       "arrived_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-01-08"])})
    >>> settled(calls, pd.Timestamp("2026-01-14")).tolist()
    [False, True, <NA>]
    """
    days = days_to_next_contact(contacts)
    came_back = days.notna() & (days <= within_days)
    is_over = contacts["arrived_at"] + pd.Timedelta(days=within_days) <= pd.Timestamp(as_of)
    is_known = contacts["customer_id"].notna() & contacts["topic"].notna() & (is_over | came_back)
    return (~came_back).astype("boolean").where(is_known).rename("is_settled")


def first_contact_resolution(
    contacts: pd.DataFrame, as_of: pd.Timestamp, *, within_days: float = 7
) -> dict[str, float | int]:
    """The share of matters that the first contact settled.

    Parameters
    ----------
    contacts: contacts that were served (columns as ``days_to_next_contact``). A contact that comes within so many days
        of one before it, by the same customer on the same topic, belongs to the matter of that one: it is no first one.

    Returns ``matters`` (those that can be judged) and ``first_contact_resolution``, NaN where there are none.

    >>> calls = pd.DataFrame({"customer_id": [7, 8, 7], "topic": "delivery",
    ...                       "arrived_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-01-08"])})
    >>> first_contact_resolution(calls, pd.Timestamp("2026-01-31"))
    {'matters': 2, 'first_contact_resolution': 0.5}
    """
    days = days_to_next_contact(contacts)
    follows = pd.Series(False, index=contacts.index)
    rows = contacts.assign(_goes_on=days <= within_days, _row=range(len(contacts))).sort_values(
        ["arrived_at", "_row"], kind="stable"
    )
    rows = rows.dropna(subset=["customer_id", "topic"])
    before = rows.groupby(["customer_id", "topic"], observed=True)["_goes_on"].shift(1, fill_value=False)
    follows.loc[before.index] = before.astype(bool)
    judged = settled(contacts, as_of, within_days=within_days)[~follows].dropna()
    return {"matters": len(judged), "first_contact_resolution": float(judged.mean()) if len(judged) else float("nan")}


def deflection(contacts: pd.DataFrame, as_of: pd.Timestamp, *, within_days: float = 7) -> dict[str, float | int]:
    """How much self-service took off the agents: as it is often reported, and as it is.

    Parameters
    ----------
    contacts: columns as ``days_to_next_contact``, and ``is_self_service`` (bool): the customer acted alone.

    Returns ``self_service`` (contacts that can be judged), ``naive``: the share of all contacts that no agent had to
    take; ``true``: the share that were self-service and settled; ``came_back``: the share of the self-service contacts
    after which the customer turned up again within the days. All shares are of the contacts that can be judged
    (``settled``), so that both are of the same ones; NaN where there are none.

    >>> visits = pd.DataFrame({"customer_id": [7, 8, 7], "topic": "delivery", "is_self_service": [True, True, False],
    ...                        "arrived_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-01-08"])})
    >>> shares = deflection(visits, pd.Timestamp("2026-01-31"))
    >>> round(shares["naive"], 3), round(shares["true"], 3)
    (0.667, 0.333)
    """
    _checked(contacts, (*_KEYS, "is_self_service"))
    is_settled = settled(contacts, as_of, within_days=within_days)
    judged = contacts["is_self_service"].astype(bool)[is_settled.notna()]
    alone = int(judged.sum())
    good = int((judged & is_settled[judged.index].astype(bool)).sum())
    return {
        "self_service": alone,
        "naive": alone / len(judged) if len(judged) else float("nan"),
        "true": good / len(judged) if len(judged) else float("nan"),
        "came_back": 1 - good / alone if alone else float("nan"),
    }
