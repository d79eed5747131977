"""What a wait does to the rating: impatience grows with the logarithm of the wait (lessons 13b)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.analytical.contact_centre.contacts import checked_columns
from crmlab.analytical.robust_slope import robust_slope


def rating_on_log_wait(facts: pd.DataFrame, ratings: pd.DataFrame, *, level: float = 0.95) -> dict[str, float]:
    """The slope of the rating on ln(1 + wait in minutes), with its interval.

    facts: of ``contact_facts``; its rated rows with a wait are taken, so give those of one channel: a minute is long on
        the telephone and nothing for a letter. ratings: the table ``contact_ratings``.

    Least squares with standard errors that hold for ratings of unequal spread (HC1): ratings are whole numbers from 1
    to 5. Who answers is not chance, so the slope is that of those who answered. Returns ``slope`` (points for each unit
    of the logarithm), ``lower``, ``upper``, ``at_no_wait`` (mean rating without a wait) and ``ratings`` (number).
    Raises ValueError for fewer than three ratings, or where all waited equally long.

    Source: MacKinnon and White (1985), Journal of Econometrics 29.
    """
    checked_columns(facts, "facts", ("interaction_id", "wait_seconds"))
    checked_columns(ratings, "ratings", ("interaction_id", "rating"))
    both = ratings.merge(facts[["interaction_id", "wait_seconds"]], on="interaction_id").dropna(subset=["wait_seconds"])
    log_wait = np.log1p(both["wait_seconds"].to_numpy(dtype=float) / 60)
    if len(both) < 3 or np.ptp(log_wait) == 0:
        raise ValueError(f"{len(both)} rated contacts with a wait were found, expected three or more of unequal waits")
    found = robust_slope(log_wait, both["rating"], level)
    return {
        "slope": found.slope,
        "lower": found.low,
        "upper": found.high,
        "at_no_wait": found.intercept,
        "ratings": len(both),
    }
