"""The budget of a campaign: how many contacts for each segment, channel and message, so that the margin is largest.

What a contact brings is taken from campaigns of the past that held somebody out: the margin over the control arm, not
the margin of those who were written to. The plan is an integer linear program: each person is contacted at most once.
After the fact it is scored: what the campaigns that carried it out brought, against what was planned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pandas as pd

from crmlab.operational.store import Store

_OPTION = ("segment", "channel", "message", "people", "contact_cost_cents", "margin_cents")


def past_response(
    store: Store, segments: pd.DataFrame, *, margin_share: float, campaign_ids: Iterable[int] | None = None
) -> pd.DataFrame:
    """What campaigns that held somebody out brought a contact, by segment, channel and message.

    Parameters
    ----------
    segments: ``customer_id, segment``.
    margin_share: how much of revenue is margin, from 0 to 1.
    campaign_ids: these campaigns only; all unless given.

    Returns ``segment, channel, message, treated_count, control_count, contact_cost_cents, margin_cents``: the margin a
    contact brought over none, before the contact's cost, and ``standard_error_cents`` of it. Combinations without both
    arms are left out: nothing is known of them. Small arms give margins that are mostly chance.
    """
    if not 0 <= margin_share <= 1:
        raise ValueError(f"margin_share must be a share from 0 to 1 (found: {margin_share!r})")
    _check_columns(segments, ("customer_id", "segment"), "segments")
    members = store.sql(
        """SELECT m.customer_id, c.channel, c.message, m.arm, c.contact_cost_cents,
          ifnull((SELECT sum(r.amount_cents) FROM campaign_response AS r
            WHERE r.campaign_member_id = m.campaign_member_id AND substr(r.responded_at, 1, 10) <= c.end_date), 0)
            AS amount_cents
        FROM campaign_member AS m JOIN campaign AS c USING (campaign_id)
        WHERE m.arm IS NOT NULL AND c.campaign_id IN (SELECT campaign_id FROM campaign_member WHERE arm = 'control')
          AND (:ids IS NULL OR c.campaign_id IN (SELECT value FROM json_each(:ids)))""",
        {"ids": None if campaign_ids is None else json.dumps([int(each) for each in campaign_ids])},
    )
    members = members.merge(segments[["customer_id", "segment"]], on="customer_id", validate="m:1")
    by = ["segment", "channel", "message"]
    arms = pd.concat(
        {
            arm: members[members["arm"] == arm].groupby(by)["amount_cents"].agg(["size", "mean", "var"])
            for arm in ("control", "treatment")
        },
        axis=1,
    )
    arms = arms[arms["control", "size"].notna() & arms["treatment", "size"].notna()]
    cost = members[members["arm"] == "treatment"].groupby(by)["contact_cost_cents"].mean()
    return pd.DataFrame(
        {
            "treated_count": arms["treatment", "size"].astype("int64"),
            "control_count": arms["control", "size"].astype("int64"),
            "contact_cost_cents": cost.loc[arms.index],
            "margin_cents": (arms["treatment", "mean"] - arms["control", "mean"]) * margin_share,
            "standard_error_cents": margin_share
            * np.sqrt(sum(arms[arm, "var"] / arms[arm, "size"] for arm in ("control", "treatment"))),
        }
    ).reset_index()


def plan_budget(options: pd.DataFrame, budget_cents: int) -> pd.DataFrame:
    """How many contacts to buy of each option, so that margin less cost is largest.

    Parameters
    ----------
    options: a row for each segment, channel and message: ``people`` (whom it can reach in the segment),
        ``contact_cost_cents``, ``margin_cents`` (a contact, over no contact). ``segment_people``, where it is there:
        how many the segment has altogether; else that is the largest ``people`` of its options.

    Returns the options with ``contacts`` (int64), ``cost_cents`` and ``profit_cents``. The budget need not be spent:
    contacts that cost more than they bring are not bought. Nobody is contacted twice. Raises ``ValueError``.

    >>> options = pd.DataFrame({"segment": ["a", "a", "b"], "channel": ["email", "post", "email"],
    ...                         "message": "voucher", "people": [100, 100, 50], "contact_cost_cents": [3, 90, 3],
    ...                         "margin_cents": [20.0, 150.0, -5.0]})
    >>> plan_budget(options, 2_000)["contacts"].to_list()
    [81, 19, 0]
    """
    _check_columns(options, _OPTION, "options")
    if isinstance(budget_cents, bool) or not hasattr(budget_cents, "__index__") or budget_cents < 0:
        raise ValueError(f"budget_cents must be a whole number of at least 0 (found: {budget_cents!r})")
    if options.duplicated(["segment", "channel", "message"]).any():
        raise ValueError("options: a segment, channel and message stand there more than once (expected: once each)")
    values = options[["people", "contact_cost_cents", "margin_cents"]].astype("float64").to_numpy()
    if not np.isfinite(values).all() or (values[:, :2] < 0).any():
        raise ValueError("options: people and contact_cost_cents must be numbers of at least 0, margin_cents a number")
    contacts = _most_profitable(options, values, int(budget_cents)) if len(options) else np.zeros(0, dtype=np.int64)
    cost = contacts * values[:, 1]
    return options.assign(contacts=contacts, cost_cents=cost, profit_cents=contacts * values[:, 2] - cost)


def score_budget(plan: pd.DataFrame, outcome: pd.DataFrame) -> pd.DataFrame:
    """A budget after the fact: what its contacts brought, against what was planned.

    Parameters
    ----------
    plan: as ``plan_budget`` gives it.
    outcome: as ``past_response`` gives it, of the campaigns that carried the plan out.

    Returns the rows of the plan that buy contacts: ``segment, channel, message, contacts, cost_cents,
    planned_profit_cents, actual_profit_cents, error_cents`` (planned less actual) and ``standard_error_cents`` of the
    actual profit; what was not measured is missing. Raises ``ValueError`` for missing columns.

    >>> options = pd.DataFrame({"segment": ["a"], "channel": ["email"], "message": ["voucher"], "people": [100],
    ...                         "contact_cost_cents": [3], "margin_cents": [20.0]})
    >>> outcome = options.assign(margin_cents=12.0, standard_error_cents=4.0)
    >>> score_budget(plan_budget(options, 300), outcome)["error_cents"].item()
    800.0
    """
    by = ["segment", "channel", "message"]
    _check_columns(plan, (*by, "contacts", "cost_cents", "profit_cents"), "plan")
    _check_columns(outcome, (*by, "margin_cents", "standard_error_cents"), "outcome")
    actual = outcome.rename(columns={"margin_cents": "actual_margin_cents"})
    bought = plan[plan["contacts"] > 0].drop(columns="standard_error_cents", errors="ignore")
    bought = bought.merge(actual[[*by, "actual_margin_cents", "standard_error_cents"]], on=by, how="left")
    profit = bought["contacts"] * bought["actual_margin_cents"] - bought["cost_cents"]
    return bought[[*by, "contacts", "cost_cents"]].assign(
        planned_profit_cents=bought["profit_cents"],
        actual_profit_cents=profit,
        error_cents=bought["profit_cents"] - profit,
        standard_error_cents=bought["contacts"] * bought["standard_error_cents"],
    )


def _most_profitable(options: pd.DataFrame, values: np.ndarray, budget_cents: int) -> np.ndarray:
    # Loaded here: it takes a while, and most who use marketing plan no budget.
    from scipy.optimize import Bounds, LinearConstraint, milp

    people, cost, margin = values.T
    codes, names = pd.factorize(options["segment"])
    largest = options.groupby("segment", sort=False)["people"].max()
    if "segment_people" in options.columns:
        largest = options.groupby("segment", sort=False)["segment_people"].max()
    of_segment = (codes == np.arange(len(names))[:, None]).astype(float)
    found = milp(
        cost - margin,
        integrality=np.ones(len(options)),
        bounds=Bounds(0, np.floor(people)),
        constraints=[
            LinearConstraint(cost[None, :], ub=budget_cents),
            LinearConstraint(of_segment, ub=largest.loc[names].to_numpy(dtype=float)),
        ],
        options={"mip_rel_gap": 0},
    )
    if not found.success:
        raise ValueError(f"no plan was found for this budget ({found.message})")
    return np.round(found.x).astype(np.int64)


def _check_columns(frame: pd.DataFrame, names: tuple[str, ...], where: str) -> None:
    for name in names:
        if name not in frame.columns:
            raise ValueError(f"{where} has no column {name!r} (found: {', '.join(map(str, frame.columns))})")
