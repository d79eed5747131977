"""Target marketing against mass marketing: which segments are worth a message? (lesson 07, section 5)

Decided by an experiment: what a message adds is the difference between those who got it by lot and those who did not,
in margin, not in revenue, and less what the contact costs. The segments that look best in a sample look better than
they are: choose on one half of the contacts, count on the other.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from crmlab.analytical.segmentation.columns import require


def break_even_rate(contact_cost_cents: float, margin_cents: float) -> float:
    """How many more purchases a contact must bring to pay for itself: cost / margin of a purchase.

    Margin, not revenue: the goods have to be paid too. `margin_cents` is what an order leaves after goods and voucher.

    >>> break_even_rate(contact_cost_cents=8, margin_cents=1600)
    0.005
    """
    if margin_cents <= 0:
        raise ValueError(
            f"margin_cents is {margin_cents!r}, expected more than 0: such an order never pays for a contact"
        )
    if contact_cost_cents < 0:
        raise ValueError(f"contact_cost_cents is {contact_cost_cents!r}, expected 0 or more")
    return contact_cost_cents / margin_cents


def contact_margin(contacts: Any, margin_share: float, discount_percent: Any = 0) -> pd.Series:
    """The margin that each contact left, in cents, 0 without a purchase; before the cost of the contact.

    contacts            `spent_cents` (integer, cents, after a voucher)
    margin_share        of the list price, 0 to 1: what is left once the goods are paid
    discount_percent    percent off the list price: one number, or a Series with the index of `contacts`

    The goods cost as much as ever: 90 euro paid with a voucher of 10 percent are 100 euro at list price; with a margin
    of one half the goods cost 50, so 40 are left.

    >>> contact_margin(pd.DataFrame({"spent_cents": [9000, 0]}), 0.5, 10).tolist()
    [4000.0, 0.0]
    """
    require(contacts, "contacts", ["spent_cents"])
    if not 0 < margin_share <= 1:
        raise ValueError(f"margin_share is {margin_share!r}, expected more than 0 and at most 1")
    list_price = contacts["spent_cents"] / (1 - discount_percent / 100)
    return (contacts["spent_cents"] - list_price * (1 - margin_share)).rename("margin_cents")


def gain_by_segment(
    contacts: Any, segment: pd.Series, contact_cost_cents: float, *, treatment: str, control: str = "control"
) -> pd.DataFrame:
    """What a message to one contact of each segment gains, by a randomised experiment: one row a segment, best first.

    contacts    one row a contact: `arm` (text), `margin_cents` (number, cents)
    segment     the segment of each contact, with the index of `contacts`
    contact_cost_cents    cost of one contact, in cents

    Returns, by segment:

        contacts                int64, of all arms: whom a message could go to
        margin_cents            mean margin of the treated, cents a contact
        margin_without_cents    mean margin of the control arm
        gain_cents              margin_cents - margin_without_cents - contact_cost_cents
        standard_error_cents    of the gain; the 95 % interval is gain -+ 1.96 of them

    Raises ValueError when a segment has fewer than two contacts in one of the two arms.
    """
    require(contacts, "contacts", ["arm", "margin_cents"])
    segment = segment.loc[contacts.index]
    rows = {}
    for name, group in contacts.groupby(segment):
        treated, untreated = (group.loc[group["arm"] == arm, "margin_cents"] for arm in (treatment, control))
        for arm, part in ((treatment, treated), (control, untreated)):
            if len(part) < 2:
                raise ValueError(f"segment {name!r} has {len(part)} contacts in arm {arm!r}, expected two or more")
        rows[name] = {
            "contacts": len(group),
            "margin_cents": treated.mean(),
            "margin_without_cents": untreated.mean(),
            "gain_cents": treated.mean() - untreated.mean() - contact_cost_cents,
            "standard_error_cents": float(np.sqrt(treated.var() / len(treated) + untreated.var() / len(untreated))),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(segment.name or "segment")
    return table.astype({"contacts": "int64"}).sort_values("gain_cents", ascending=False, kind="stable")


def mailing_gain(gains: pd.DataFrame, chosen: Collection[Any]) -> float:
    """What messages to all contacts of the chosen segments gain, in cents: contacts x gain of one, added up.

    gains: as `gain_by_segment` gives it, of contacts on whom the segments were *not* chosen.

    >>> mailing_gain(pd.DataFrame({"contacts": [10, 5], "gain_cents": [2.0, -4.0]}, index=["a", "b"]), ["a"])
    20.0
    """
    require(gains, "gains", ["contacts", "gain_cents"])
    unknown = [name for name in chosen if name not in gains.index]
    if unknown:
        raise ValueError(f"gains has no segment {unknown[0]!r} (found: {', '.join(map(str, gains.index))})")
    picked = gains.loc[list(chosen)]
    return float((picked["contacts"] * picked["gain_cents"]).sum())


def random_half(contacts: Any, seed: int) -> pd.Series:
    """True for one half of the contacts, by lot within each arm: a Series with the index of `contacts`.

    >>> random_half(pd.DataFrame({"arm": ["a", "b"] * 4}), seed=1).groupby(["a", "b"] * 4).sum().to_dict()
    {'a': 2, 'b': 2}
    """
    require(contacts, "contacts", ["arm"])
    draw = pd.Series(np.random.default_rng(seed).random(len(contacts)), index=contacts.index)
    place = draw.groupby(contacts["arm"]).rank(method="first")
    size = contacts.groupby("arm")["arm"].transform("size")
    return place <= size // 2
