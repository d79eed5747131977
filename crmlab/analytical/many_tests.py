"""Many tests, and tests looked at too early (lesson 06).

Of twelve tests of nothing at 5 %, one comes out in almost half of all cases (1 - 0.95 ** 12 = 46 %). And a test that is
looked at every day until it looks good will look good.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

METHODS = {"holm": "holm", "benjamini-hochberg": "fdr_bh"}


def correct_p_values(p_values: Any, method: str = "holm", alpha: float = 0.05) -> pd.DataFrame:
    """Correct the p values of tests that were made together.

    p_values
        (tests,) numbers from 0 to 1, of all tests that were made and not only of those that came out
    method
        "holm": the chance of even one false find is at most alpha; "benjamini-hochberg": of all finds, a share of at
        most alpha is false in expectation

    Returns a pandas table in the order given (a Series keeps its index): p_value, p_adjusted (float64), shown (bool,
    p_adjusted <= alpha).

    Source: Holm (1979), Scandinavian Journal of Statistics 6; Benjamini and Hochberg (1995), JRSS B 57.

    >>> correct_p_values([0.01, 0.04, 0.03, 0.50])["p_adjusted"].round(3).tolist()
    [0.04, 0.09, 0.09, 0.5]
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha!r}, expected a number between 0 and 1")
    index = p_values.index if isinstance(p_values, pd.Series) else None
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"p_values has shape {values.shape}, expected a column of at least one test")
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        raise ValueError(f"p_values has {values[wrong][0]}, expected numbers from 0 to 1")
    shown, adjusted, *_ = multipletests(values, alpha=alpha, method=METHODS[method])
    return pd.DataFrame({"p_value": values, "p_adjusted": adjusted, "shown": shown}, index=index)


def simulate_peeking(
    control_rate: float,
    treated_rate: float,
    contacts_a_look: int,
    looks: int,
    *,
    campaigns: int = 2000,
    alpha: float = 0.05,
    seed: int,
) -> pd.DataFrame:
    """How often a test says "shown" when it is stopped at the first look at which it looks so.

    control_rate, treated_rate
        true conversion rates; equal ones show how often stopping early is wrong
    contacts_a_look
        contacts that each group has gained at each look
    campaigns
        number of simulated campaigns

    Returns a pandas table, one row a look: look (from 1), contacts (in each group by then), and shares of campaigns:
    shown_at_this_look, for somebody who looks only once, then; shown_by_this_look, for somebody who looks every time.
    The test is the two-sided z test of two rates with the pooled variance.

    Source: Armitage, McPherson and Rowe (1969), Repeated Significance Tests on Accumulating Data.

    >>> looks = simulate_peeking(0.05, 0.05, 1000, 10, seed=1)
    >>> bool(looks["shown_by_this_look"].iloc[-1] > 2 * looks["shown_at_this_look"].iloc[-1])
    True
    """
    for name, rate in (("control_rate", control_rate), ("treated_rate", treated_rate)):
        if not 0 <= rate <= 1:
            raise ValueError(f"{name} is {rate!r}, expected a number from 0 to 1")
    for name, value in (("contacts_a_look", contacts_a_look), ("looks", looks), ("campaigns", campaigns)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} is {value!r}, expected a whole number from 1 up")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha!r}, expected a number between 0 and 1")
    rng = np.random.default_rng(seed)
    control, treated = (
        rng.binomial(contacts_a_look, rate, (campaigns, looks)).cumsum(axis=1) for rate in (control_rate, treated_rate)
    )
    contacts = contacts_a_look * np.arange(1, looks + 1)
    pooled = (control + treated) / (2 * contacts)
    error = np.sqrt(pooled * (1 - pooled) * 2 / contacts)
    # Nobody or everybody bought so far: nothing is shown yet.
    z = np.divide(np.abs(treated - control) / contacts, error, out=np.zeros_like(error), where=error > 0)
    shown = z > stats.norm.ppf(1 - alpha / 2)
    return pd.DataFrame(
        {
            "look": np.arange(1, looks + 1),
            "contacts": contacts,
            "shown_at_this_look": shown.mean(axis=0),
            "shown_by_this_look": np.logical_or.accumulate(shown, axis=1).mean(axis=0),
        }
    )
