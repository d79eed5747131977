"""When a customer buys, and when a customer leaves for good: the process that every model of the course tries to
recover.

A customer buys at a constant rate on the seasonal clock. After each purchase, the first included, the customer may
have no more need (probability ``dropout``): MBG/NBD of Batislam, Denizel and Filiztekin (2007). Service and price can
end the relation earlier: see ``leaving``.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from crmlab.company.assumptions import Assumptions
from crmlab.company.seasonal_clock import seasonal_clock
from crmlab.company.tendencies import Tendencies


@dataclasses.dataclass(frozen=True)
class PurchaseProcess:
    """Purchases before service and price had their say; the purchases of one person stand together, in the order of
    time.

    One value a person: ``count`` (with the first), ``recency_clock_weeks`` (first to last purchase), ``alive`` (bool,
    whether the need outlasts the last day).
    One value a purchase: ``day``, uint16 from 0.
    """

    count: np.ndarray
    recency_clock_weeks: np.ndarray
    alive: np.ndarray
    day: np.ndarray


def draw_purchase_process(rng: np.random.Generator, assumptions: Assumptions, traits: Tendencies) -> PurchaseProcess:
    """Purchase days of all people of a block.

    With ``N`` possible repeat purchases by the last day (Poisson) and the need ending after purchase ``K``
    (geometric), there are
    ``X = min(K - 1, N)`` repeats. Their times are the first X of N sorted uniform times: cumulative
    exponentials over their sum plus a gamma draw for the N - X + 1 gaps that were not seen.
    """
    clock = seasonal_clock(assumptions)
    possible = rng.poisson(traits.rate_per_week * traits.observed_clock_weeks)
    # A probability of 0 to the last bit would never end the need; the floor is far below one purchase in a lifetime.
    ended_after = rng.geometric(np.maximum(traits.dropout, 1e-9))
    repeats = np.minimum(ended_after - 1, possible)
    unseen = rng.standard_gamma(possible - repeats + 1.0)
    count = repeats + 1
    first = np.cumsum(count) - count
    gaps = rng.standard_exponential(int(count.sum()))
    gaps[first] = 0.0
    elapsed = np.cumsum(gaps)
    before = elapsed[first]
    last = elapsed[first + repeats] - before
    scale = traits.observed_clock_weeks / (last + unseen)
    elapsed *= np.repeat(scale, count)
    elapsed += np.repeat(traits.start_clock_weeks - before * scale, count)
    day = clock.days_at(np.repeat(clock.cell_offset(traits.clock_level), count), elapsed)
    # The table of the clock is a little coarse: the first purchase is on the acquisition day by definition.
    day[first] = traits.acquisition_day
    return PurchaseProcess(count=count, recency_clock_weeks=last * scale, alive=possible + 1 < ended_after, day=day)
