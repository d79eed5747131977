"""Offers: what a retention offer and a win-back offer do to each person. Nobody sees it; the truth keeps it.

A **retention offer** goes to a customer who may leave. Whoever was about to leave is **kept** with a chance of their
own. But whoever would have stayed by habit may be **reminded** to leave (Ascarza, Iyengar and Schleicher 2016: a
well-meant call raised churn from 6 to 10 percent). A **win-back offer** goes to somebody who has left; some come
**back**. All three chances vary from person to person without steps, and most people are neither kept nor reminded.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from crmlab.company.block import Block, Drawn, Made
from crmlab.company.responding import KINDS_OF_RESPONSE, MOST

OFFERS = ("retention_offer", "win_back_offer")
#: A retention offer works on whoever would leave within so many days, and its credit can be used so long.
OFFER_DAYS = 90
#: What an offer gives off the next purchase unless it says otherwise, in cents.
OFFER_CENTS = 1_500
#: Whoever is won back buys after so many days in the mean, within ``BACK_DAYS``.
MEAN_BACK_DAYS, BACK_DAYS = 8.0, 30
#: What the mean person leans towards two of the kinds: weights around these make the planted means.
_MEAN_PERSUADABLE, _MEAN_SLEEPING_DOG = 0.24, 0.11
#: Whoever may leave after each purchase anyway is harder to hold: what is left for the mean person.
_MEAN_STAYING = 0.78
_SPREAD = 0.4


def draw_offer_effects(block: Block, made: Made) -> Drawn:
    """Hidden table ``offer_effects``, a row a person: ``kept``, ``reminded``, ``won_back``, of an offer by e-mail."""
    rng = block.rng("offer_effects")
    given, leaning = block.assumptions, made.truth["effects"]
    weight = {kind: leaning[f"weight_{kind}"].to_numpy() for kind in KINDS_OF_RESPONSE}
    persuadable = weight["persuadable"] / _MEAN_PERSUADABLE * (1 - made["tendencies"].dropout) / _MEAN_STAYING
    annoyed = weight["sleeping_dog"] / _MEAN_SLEEPING_DOG
    lift = 0.0 if given.absent == "lift" else 1.0

    def around(mean: float, leaning: np.ndarray) -> np.ndarray:
        luck = np.exp(rng.normal(-(_SPREAD**2) / 2, _SPREAD, block.people))
        return np.minimum(lift * mean * leaning * luck, MOST).round(4)

    return Drawn(
        truth={
            "offer_effects": pa.table(
                {
                    "person_id": block.ids(block.people),
                    "kept": around(given.offer_kept, persuadable),
                    "reminded": around(given.offer_reminded, annoyed),
                    "won_back": around(given.offer_won_back, persuadable),
                }
            )
        }
    )
