"""What is true of one company by construction: the rates, shares and effects that its seed stands for.

Every number here is a fact about a simulated company, not an estimate. The page on how the company is made and the
hidden table ``truth/assumptions`` say them again, so that a lesson can hold an estimate against them.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools

import numpy as np

from crmlab.company.block import random_generator

#: What a company can lack. In such a company the honest answer to a question is "nothing is there".
ABSENCES = ("segments", "rules", "lift", "leak")


@dataclasses.dataclass(frozen=True)
class Assumptions:
    """The settings behind one company.

    Rates are per week of the seasonal clock (see ``crmlab.company.seasonal_clock``). ``absent`` names what the company
    lacks, one of ``ABSENCES`` or the empty string: no ``segments`` (all customers have the same tastes), no ``rules``
    (products fall into baskets independently), no ``lift`` (campaigns change nothing), no ``leak`` (service and price
    drive nobody away).
    """

    start: datetime.date = datetime.date(2023, 1, 1)
    as_of: datetime.date = datetime.date(2025, 12, 31)
    absent: str = ""
    # Purchases: rate ~ Gamma(shape, rate), probability of leaving after a purchase ~ Beta(a, b).
    # MBG/NBD of Batislam, Denizel and Filiztekin (2007): a customer may leave after the first purchase too.
    purchase_r: float = 0.65
    purchase_alpha: float = 3.1
    dropout_a: float = 0.8
    dropout_b: float = 2.9
    # Hazard added to one purchase, for a customer of average sensitivity.
    late_hazard: float = 0.22
    failure_hazard: float = 0.18
    unresolved_hazard: float = 0.75
    price_rise_hazard: float = 0.055
    competitor_hazard: float = 0.05
    # Service as it happens.
    late_share: float = 0.09
    late_peak_factor: float = 2.2
    failure_share: float = 0.025
    unresolved_share: float = 0.35
    # What customers do about it: lines sent back, ratings given (the annoyed answer more often).
    return_share_after_failure: float = 0.55
    return_share_after_late: float = 0.04
    answer_share: float = 0.14
    answer_share_annoyed: float = 0.33
    # Who they are.
    office_share: float = 0.07
    duplicate_share: float = 0.055
    subscriber_share: float = 0.08
    # A subscription may end at each delivery: probability ~ Beta(a, b), Fader and Hardie (2007).
    subscription_a: float = 0.7
    subscription_b: float = 14.0
    # A service contract may end at each anniversary.
    contract_a: float = 1.4
    contract_b: float = 3.2
    # Campaigns (see ``crmlab.company.effects``). The chance that an e-mail persuades, in the mean of those who still
    # need coffee, by message; the chance that it puts off; a phone call does more of both.
    voucher_persuasion: float = 0.03
    new_roast_persuasion: float = 0.016
    gift_guide_persuasion: float = 0.018
    plan_advice_persuasion: float = 0.005
    put_off: float = 0.03
    # Whoever has left is persuaded by this factor less; each message more in 30 days persuades by this factor less.
    lapsed_factor: float = 0.2
    wear_out: float = 0.7
    # Hazard of an opt-out at the first message in 30 days; at the n-th it is n to this power times as large.
    opt_out_hazard: float = 0.006
    fatigue_power: float = 1.5
    # Retention and win-back offers of 15 euro by e-mail (see ``crmlab.company.offers``): in the mean, the chance that
    # somebody about to leave is kept, that somebody who would have stayed is reminded to leave, and that somebody who
    # has left comes back.
    offer_kept: float = 0.3
    offer_reminded: float = 0.02
    offer_won_back: float = 0.06
    # The retention file: members who leave in 90 days when left alone; of these, the share that each arm keeps; of
    # the others, the share that it reminds to leave.
    file_leaving: float = 0.10
    file_credit_kept: float = 0.36
    file_credit_reminded: float = 0.012
    file_advice_kept: float = 0.08
    file_advice_reminded: float = 0.036
    # The campaign file: conversion within 14 days without a message, and what each message adds to it in the mean.
    file_baseline: float = 0.0057
    file_voucher_uplift: float = 0.0068
    file_new_roast_uplift: float = 0.0031
    # The web: who accepts cookies, and what the personal page adds to the log-odds of a click on its offer.
    cookie_consent_share: float = 0.58
    personal_page_log_odds: float = 0.35
    # Prospects, for each person who has bought; how many of them are like one of the best customers.
    prospects_per_person: float = 0.12
    twin_share: float = 0.12

    @property
    def days(self) -> int:
        """Days of trading, the first and the last included."""
        return (self.as_of - self.start).days + 1


#: Settings that differ a little from company to company: a fact learned on one does not carry over to the next.
_VARYING = (
    "purchase_r", "purchase_alpha", "dropout_a", "dropout_b", "late_hazard", "failure_hazard", "unresolved_hazard",
    "price_rise_hazard", "competitor_hazard", "late_share", "failure_share", "unresolved_share", "office_share",
    "subscriber_share", "subscription_a", "subscription_b", "contract_a", "contract_b",
)  # fmt: skip

#: The same for settings that came later: their own stream leaves those above as they are.
_VARYING_CAMPAIGNS = (
    "voucher_persuasion", "new_roast_persuasion", "gift_guide_persuasion", "plan_advice_persuasion", "put_off",
    "opt_out_hazard", "file_baseline", "file_voucher_uplift", "file_new_roast_uplift", "cookie_consent_share",
    "personal_page_log_odds",
)  # fmt: skip

#: The same for settings that came later still.
_VARYING_OFFERS = (
    "offer_kept", "offer_reminded", "offer_won_back", "file_leaving", "file_credit_kept", "file_credit_reminded",
    "file_advice_kept", "file_advice_reminded",
)  # fmt: skip


def _varied(rng: np.random.Generator, names: tuple[str, ...]) -> dict[str, float]:
    factors = np.exp(rng.normal(0.0, 0.10, len(names)))
    standard = Assumptions()
    # Four digits that count, also of small shares.
    return {name: float(f"{getattr(standard, name) * factor:.4g}") for name, factor in zip(names, factors, strict=True)}


@functools.lru_cache(maxsize=8)
def draw_assumptions(seed: int) -> Assumptions:
    """The settings of the company with this seed: a quarter of all seeds lack something.

    >>> draw_assumptions(7) == draw_assumptions(7)
    True
    """
    rng = random_generator(seed, "assumptions")
    factors = np.exp(rng.normal(0.0, 0.10, len(_VARYING)))
    missing = rng.random() < 0.25
    absent = ABSENCES[rng.integers(len(ABSENCES))] if missing else ""
    standard = Assumptions()
    varied = {name: round(getattr(standard, name) * factor, 4) for name, factor in zip(_VARYING, factors, strict=True)}
    later = _varied(random_generator(seed, "assumptions/campaigns"), _VARYING_CAMPAIGNS)
    offers = _varied(random_generator(seed, "assumptions/offers"), _VARYING_OFFERS)
    return dataclasses.replace(standard, absent=absent, **varied, **later, **offers)
