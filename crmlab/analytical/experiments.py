"""Experiments: what a campaign changed, and how sure we can be (lesson 06).

The customers who were mailed and bought are not the effect: some would have bought anyway. The effect is the difference
to a control group that was picked by lot and left alone, and it is never known without an interval. Where the interval
holds zero, the honest word is "not shown".
"""

import dataclasses
from typing import Any

import narwhals as nw
import numpy as np
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from crmlab.analytical.table_check import CENTS, ID, checked, collected

ROLL_OUT, NOT_SHOWN, STOP = "roll out", "not shown", "stop"


@dataclasses.dataclass(frozen=True)
class Lift:
    """A difference of treated and control, with its interval and what it says.

    `treated`, `control`: shares or means of the two groups; `difference`: treated - control, in the same unit; `low`,
    `high`: the interval of the difference.
    """

    treated: float
    control: float
    difference: float
    low: float
    high: float
    confidence: float

    @property
    def decision(self) -> str:
        """ "roll out" when the whole interval is above zero, "stop" when it is below, else "not shown"."""
        if self.low > 0:
            return ROLL_OUT
        return STOP if self.high < 0 else NOT_SHOWN


@dataclasses.dataclass(frozen=True)
class CampaignResult:
    """What a campaign changed, as `measure_campaign` found it.

    `conversion`, `spend_cents`: the Lift of buyers and of mean spend a contact. The second is None where nobody's spend
    differs within an arm, or an arm has one contact: no interval can be taken then. `treated`, `control`: contacts;
    `incremental_buyers`, `incremental_revenue_cents`: the differences times the treated contacts; `cost_cents`: of the
    campaign; `cost_per_incremental_buyer_cents`: None unless the conversion's interval is above zero.
    """

    conversion: Lift
    spend_cents: Lift | None
    treated: int
    control: int
    incremental_buyers: float
    incremental_revenue_cents: float
    cost_cents: float
    cost_per_incremental_buyer_cents: float | None


def lift(buyers_treated: int, treated: int, buyers_control: int, control: int, confidence: float = 0.95) -> Lift:
    """Difference of two conversion rates, treated less control, with Newcombe's interval.

    buyers_treated, treated, buyers_control, control
        whole numbers: those who bought, and all who were picked for the group, whether or not the message reached them
    confidence
        of the interval, between 0 and 1

    Newcombe's interval puts together the Wilson score intervals of the two rates. It holds up where the usual one
    fails: few buyers, none, or all. It stays between -1 and 1.

    Returns a Lift. Raises ValueError for a group without contacts, or more buyers than contacts.

    Source: Newcombe (1998), Interval Estimation for the Difference between Independent Proportions, method 10.

    >>> result = lift(56, 70, 48, 80)
    >>> round(result.difference, 4), round(result.low, 4), round(result.high, 4), result.decision
    (0.2, 0.0524, 0.3339, 'roll out')
    """
    _check_confidence(confidence)
    counts = []
    for group, buyers, size in (("treated", buyers_treated, treated), ("control", buyers_control, control)):
        for name, value in ((f"buyers_{group}", buyers), (group, size)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
                raise ValueError(f"{name} is {value!r}, expected a whole number, 0 or more")
        if size == 0:
            raise ValueError(f"{group} is 0, expected at least one contact in each group")
        if buyers > size:
            raise ValueError(f"buyers_{group} is {buyers}, expected no more than the {size} contacts of {group}")
        counts += [int(buyers), int(size)]
    # statsmodels calls the method by the name without its last letter.
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - confidence)
    rates = counts[0] / counts[1], counts[2] / counts[3]
    return Lift(*rates, rates[0] - rates[1], float(low), float(high), confidence)


def spend_lift(treated_cents: Any, control_cents: Any, confidence: float = 0.95) -> Lift:
    """Difference of mean spend a contact, treated less control, with Welch's interval.

    treated_cents, control_cents
        (contacts,) cents of each contact, 0 for those who did not buy: leaving them out compares buyers with buyers,
        whom the campaign itself picked

    Returns a Lift in cents a contact. Raises ValueError for fewer than two contacts in a group, values that are no
    numbers, or when nobody's spend differs in either group: then there is nothing to take an interval from.

    Source: Welch (1947), The Generalization of Student's Problem, Biometrika 34.

    >>> result = spend_lift([0, 0, 900, 1500], [0, 0, 0, 800])
    >>> result.difference, result.decision
    (400.0, 'not shown')
    """
    _check_confidence(confidence)
    groups = []
    for name, values in (("treated_cents", treated_cents), ("control_cents", control_cents)):
        group = np.asarray(values, dtype=np.float64)
        if group.ndim != 1 or len(group) < 2:
            raise ValueError(f"{name} has shape {group.shape}, expected a column of at least two contacts")
        if not np.isfinite(group).all():
            raise ValueError(f"{name} has values that are no numbers, expected 0 for contacts who did not buy")
        groups.append(group)
    treated, control = groups
    if not np.ptp(treated) and not np.ptp(control):
        raise ValueError("treated_cents and control_cents are constant, expected spend that differs between contacts")
    interval = stats.ttest_ind(treated, control, equal_var=False).confidence_interval(confidence)
    means = float(treated.mean()), float(control.mean())
    return Lift(*means, means[0] - means[1], float(interval.low), float(interval.high), confidence)


def measure_campaign(contacts: Any, cost_cents: float, *, confidence: float = 0.95) -> CampaignResult:
    """What a campaign with a control group changed: buyers, revenue, and what an additional buyer cost.

    contacts, one row a contact as the lot picked them, in a pandas, Polars or DuckDB table
        arm             "treatment" or "control"
        spend_cents     integer, cents spent in the time that counts; 0 for those who did not buy
    cost_cents
        of the whole campaign

    Contacts whose message was not sent stay in the group that the lot put them in. A buyer is a contact who spent more
    than 0.

    Returns a CampaignResult. Raises ValueError for missing columns, other arms, or an arm without contacts.

    >>> import pandas as pd
    >>> contacts = pd.DataFrame({"arm": ["treatment"] * 1000 + ["control"] * 1000,
    ...     "spend_cents": [2000] * 100 + [0] * 900 + [2000] * 60 + [0] * 940})
    >>> result = measure_campaign(contacts, cost_cents=50_000)
    >>> result.conversion.decision, result.incremental_buyers, result.incremental_revenue_cents
    ('roll out', 40.0, 80000.0)
    >>> result.cost_per_incremental_buyer_cents
    1250.0
    """
    rows = collected(checked(contacts, "contacts", {"arm": ID, "spend_cents": CENTS}))
    arms = set(rows["arm"].unique().to_list())
    if arms - {"treatment", "control"}:
        found = ", ".join(sorted(map(repr, arms - {"treatment", "control"})))
        raise ValueError(f"contacts column 'arm' holds {found}, expected 'treatment' or 'control'")
    treated, control = (
        rows.filter(nw.col("arm") == arm)["spend_cents"].to_numpy().astype(np.float64)
        for arm in ("treatment", "control")
    )
    buyers = lift(int((treated > 0).sum()), len(treated), int((control > 0).sum()), len(control), confidence)
    measurable = min(len(treated), len(control)) > 1 and (np.ptp(treated) > 0 or np.ptp(control) > 0)
    spend = spend_lift(treated, control, confidence) if measurable else None
    # Whole numbers first: 0.1 - 0.06 is not 0.04 in binary.
    more_buyers = ((treated > 0).sum() * len(control) - (control > 0).sum() * len(treated)) / len(control)
    more_revenue = (treated.sum() * len(control) - control.sum() * len(treated)) / len(control)
    return CampaignResult(
        conversion=buyers,
        spend_cents=spend,
        treated=len(treated),
        control=len(control),
        incremental_buyers=float(more_buyers),
        incremental_revenue_cents=float(more_revenue),
        cost_cents=cost_cents,
        cost_per_incremental_buyer_cents=float(cost_cents / more_buyers) if buyers.decision == ROLL_OUT else None,
    )


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence!r}, expected a number between 0 and 1, such as 0.95")
