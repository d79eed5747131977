"""The contracts that run on the last day: subscriptions, which may end at each delivery, and service contracts, which
may end at each anniversary."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import pandas as pd

from crmlab.company.service_contracts import TERM_DAYS

#: The tables of contracts; the word for one of each is the name without its last letter.
CONTRACTS = ("subscriptions", "service_contracts")


def running_contracts(
    seen: Mapping[str, pd.DataFrame], truth: Mapping[str, pd.DataFrame], person_of: pd.Series, as_of: datetime.date
) -> pd.DataFrame:
    """A row a contract that runs on ``as_of``: ``contract``, ``contract_id``, ``person`` (position), ``kind``
    (position in ``CONTRACTS``), ``term_days``, ``next_day`` (the first on which it could end, in days after
    the last day's end)
    and ``ending_probability`` (each time)."""
    frames = []
    for kind, name in enumerate(CONTRACTS):
        contract = name[:-1]
        both = seen[name].merge(truth[name][[f"{contract}_id", "ending_probability"]], on=f"{contract}_id")
        both = both[both["end_date"].isna()]
        term = both["interval_days"] if "interval_days" in both.columns else pd.Series(TERM_DAYS, index=both.index)
        run = (pd.Timestamp(as_of) - both["start_date"]).dt.days
        frames.append(
            pd.DataFrame(
                {
                    "contract": contract,
                    "contract_id": both[f"{contract}_id"],
                    "person": person_of.loc[both["customer_id"]].to_numpy(),
                    "kind": kind,
                    "term_days": term.astype("int64"),
                    "next_day": (term - run % term - 1).astype("int64"),
                    "ending_probability": both["ending_probability"],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
