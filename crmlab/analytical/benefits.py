"""The benefits that CRM promises, each as one figure before and after a day (lesson 06).

A year after is held against the year before, so that both have the same seasons. Twelve promises are many tests: their
p values are corrected together. And before against after is no experiment: what else changed in that year is in it too.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab.analytical.contact_centre.measures import paid_time
from crmlab.analytical.experiments import lift
from crmlab.analytical.many_tests import correct_p_values

YEAR_DAYS = 364
"""52 whole weeks: each day of the week as often before as after."""


@dataclasses.dataclass(frozen=True)
class _Change:
    before: float
    after: float
    before_count: int
    after_count: int
    low: float
    high: float
    p_value: float


def _of_shares(before: pd.Series, after: pd.Series) -> _Change:
    """Two shares: Newcombe's interval, and the z test with the pooled variance."""
    counts = [int(after.sum()), len(after), int(before.sum()), len(before)]
    found = lift(*counts)
    pooled = (counts[0] + counts[2]) / (counts[1] + counts[3])
    error = np.sqrt(pooled * (1 - pooled) * (1 / counts[1] + 1 / counts[3]))
    p_value = float(2 * stats.norm.sf(abs(found.difference) / error)) if error > 0 else 1.0
    return _Change(found.control, found.treated, len(before), len(after), found.low, found.high, p_value)


def _of_means(before: pd.Series, after: pd.Series) -> _Change:
    """Two means: Welch."""
    test = stats.ttest_ind(after.astype(float), before.astype(float), equal_var=False)
    interval = test.confidence_interval()
    return _Change(float(before.mean()), float(after.mean()), len(before), len(after), float(interval.low),
                   float(interval.high), float(test.pvalue))  # fmt: skip


def _of_weeks(before: np.ndarray, after: np.ndarray) -> _Change:
    """Totals of weeks, each held against the same week of the year before: the paired t test."""
    test = stats.ttest_rel(after, before)
    interval = test.confidence_interval()
    return _Change(float(before.mean()), float(after.mean()), len(before), len(after), float(interval.low),
                   float(interval.high), float(test.pvalue))  # fmt: skip


class _Years:
    """The company's tables, cut into the year before a day and the year from it on."""

    def __init__(self, company: Any, change_date: pd.Timestamp):
        self.company = company
        self.bounds = [change_date + pd.Timedelta(days=YEAR_DAYS * each) for each in (-1, 0, 1)]
        self.orders = company.orders

    def cut(self, frame: pd.DataFrame, dates: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
        first, change, end = self.bounds
        return frame[(dates >= first) & (dates < change)], frame[(dates >= change) & (dates < end)]

    def weeks(self, dates: pd.Series, amounts: pd.Series | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Count, or amount, of each week before and after."""
        week = (dates - self.bounds[0]).dt.days // 7
        inside = (week >= 0) & (week < 2 * YEAR_DAYS // 7)
        weights = None if amounts is None else amounts[inside].to_numpy(dtype=float)
        totals = np.bincount(week[inside], weights, minlength=2 * YEAR_DAYS // 7).astype(float)
        return totals[: YEAR_DAYS // 7], totals[YEAR_DAYS // 7 :]

    def people(self) -> pd.DataFrame:
        """Records of households and offices with the day of their making."""
        return self.company.customers


def _better_service(years: _Years) -> _Change:
    sent = years.orders.dropna(subset=["promised_date", "delivered_date"])
    halves = years.cut(sent, sent["order_date"])
    return _of_shares(*(each["delivered_date"] <= each["promised_date"] for each in halves))


def _faster_response(years: _Years) -> _Change:
    sent = years.orders.dropna(subset=["promised_date", "delivered_date"])
    halves = years.cut(sent, sent["order_date"])
    return _of_means(*((each["delivered_date"] - each["order_date"]).dt.days for each in halves))


def _satisfaction(years: _Years) -> _Change:
    rated = years.company.delivery_ratings
    return _of_means(*(each["delivery_rating"] for each in years.cut(rated, rated["rating_date"])))


def _cross_selling(years: _Years) -> _Change:
    lines = years.company.order_lines.merge(years.company.products[["product_id", "category"]], on="product_id")
    categories = lines.groupby("order_id")["category"].nunique()
    chosen = years.orders[years.orders["subscription_id"].isna()]
    chosen = chosen.assign(crosses=chosen["order_id"].map(categories) > 1)
    return _of_shares(*(each["crosses"] for each in years.cut(chosen, chosen["order_date"])))


def _simpler_marketing(years: _Years) -> _Change:
    """The lift of a campaign over its control arm, in the mean of the campaigns of a year."""
    responses = years.company.campaign_responses
    bought = responses.loc[responses["reaction"] == "bought", "campaign_contact_id"]
    contacts = years.company.campaign_contacts
    contacts = contacts.assign(bought=contacts["campaign_contact_id"].isin(bought))
    arms = contacts.pivot_table("bought", "campaign_id", "arm", aggfunc=["mean", "size"]).dropna()
    campaigns = years.company.campaigns.set_index("campaign_id").loc[arms.index]
    rate, size = arms["mean"], arms["size"]
    effect = pd.DataFrame(
        {
            "lift": rate["treatment"] - rate["control"],
            "variance": sum(rate[arm] * (1 - rate[arm]) / size[arm] for arm in ("treatment", "control")),
        }
    )
    halves = years.cut(effect, campaigns["start_date"])
    means = [half["lift"].mean() for half in halves]
    error = np.sqrt(sum(half["variance"].sum() / len(half) ** 2 for half in halves))
    difference, margin = means[1] - means[0], stats.norm.ppf(0.975) * error
    return _Change(float(means[0]), float(means[1]), *map(len, halves), float(difference - margin),
                   float(difference + margin), float(2 * stats.norm.sf(abs(difference) / error)))  # fmt: skip


def _new_customers(years: _Years) -> _Change:
    return _of_weeks(*years.weeks(years.people()["created_date"]))


def _revenue(years: _Years) -> _Change:
    before, after = years.weeks(years.orders["order_date"], years.orders["amount_cents"] / 100)
    return _of_weeks(before, after)


def _referral(years: _Years) -> _Change:
    people = years.people()
    return _of_shares(
        *(each["acquisition_channel"] == "referral" for each in years.cut(people, people["created_date"]))
    )


def _loyalty(years: _Years) -> _Change:
    """Of those who ordered in the first half of the year: who ordered in the second half too."""
    shares = []
    for begin in years.bounds[:2]:
        middle, end = begin + pd.Timedelta(days=YEAR_DAYS // 2), begin + pd.Timedelta(days=YEAR_DAYS)
        date, customer = years.orders["order_date"], years.orders["customer_id"]
        first = pd.Series(customer[(date >= begin) & (date < middle)].unique())
        shares.append(first.isin(customer[(date >= middle) & (date < end)]))
    return _of_shares(*shares)


def _up_to_date(years: _Years) -> _Change:
    people = years.people()
    homes = people[people["account_id"].isna()]
    return _of_shares(*(each["birth_date"].notna() for each in years.cut(homes, homes["created_date"])))


def _linearised_quotient(costs: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """A value a week whose mean is the quotient of the sums, and whose spread gives the quotient's standard error.

    A quiet week does not count as much as December, as in a mean of the weeks' own quotients it would (Cochran 1977,
    Sampling Techniques, chapter 6: the ratio estimate).
    """
    quotient = costs.sum() / counts.sum()
    return quotient + (costs - quotient * counts) / counts.mean()


def _call_centre(years: _Years) -> _Change:
    """Paid agent time, in euro, over contacts that an agent handled: ``cost_per_contact`` of lesson 13b."""
    paid = paid_time(years.company.agent_shifts, years.company.agents)
    handled = years.company.interactions.dropna(subset=["answered_at"])["arrived_at"]
    costs, counts = years.weeks(paid["starts_at"], paid["cost_cents"] / 100), years.weeks(handled)
    return _of_weeks(*(_linearised_quotient(cost, count) for cost, count in zip(costs, counts, strict=True)))


# Benefit, what is measured, its unit, which is better, and how; without a how: the chapter that brings the data.
_BENEFITS: tuple[tuple[str, str, str, str, Callable[[_Years], _Change] | str], ...] = (
    ("better service", "deliveries by the promised day", "share", "higher", _better_service),
    ("faster response", "from order to delivery", "days", "lower", _faster_response),
    ("satisfaction", "mean delivery rating", "points", "higher", _satisfaction),
    ("cross-selling", "orders with two categories or more", "share", "higher", _cross_selling),
    ("simpler marketing", "lift of a campaign over its control arm", "share", "higher", _simpler_marketing),
    ("new customers", "new records a week", "records", "higher", _new_customers),
    ("loyalty", "buyers of the first half-year who buy in the second", "share", "higher", _loyalty),
    ("revenue", "revenue a week", "euro", "higher", _revenue),
    ("growth by referral", "new records that came by referral", "share", "higher", _referral),
    ("up-to-date information", "new household records with a birth date", "share", "higher", _up_to_date),
    ("efficient call centre", "paid agent time a contact handled", "euro", "lower", _call_centre),
    ("faster closing of sales", "days from opportunity to order", "days", "lower", "chapter 14"),
)


def measure_benefits(company: Any, change_date: Any, *, method: str = "holm", alpha: float = 0.05) -> pd.DataFrame:
    """The twelve benefits, 52 weeks from a day on against the 52 weeks before it.

    company
        with its tables as attributes, as `crmlab.open_company()` gives it
    change_date
        the first day of "after"; 52 weeks must be known on either side
    method, alpha
        as in `correct_p_values`: of all benefits that are measured

    Returns a pandas table by benefit: measure, unit, better ("higher" or "lower"), before, after, difference, low,
    high (a 95 % interval), p_value, p_adjusted (float64), before_count, after_count (Int64), verdict: "better",
    "worse", "not shown", or "no data before chapter ...". Raises ValueError for a day without 52 weeks on both sides.

    >>> from crmlab.company import open_company
    >>> benefits = measure_benefits(open_company(), "2025-01-01")
    >>> len(benefits), int(benefits["verdict"].str.startswith("no data").sum())
    (12, 1)
    """
    day = pd.Timestamp(change_date)
    first, last = company.start + pd.Timedelta(days=YEAR_DAYS), company.as_of - pd.Timedelta(days=YEAR_DAYS - 1)
    if pd.isna(day) or not first <= day <= last:
        raise ValueError(f"change_date is {change_date!r}, expected a day from {first:%Y-%m-%d} to {last:%Y-%m-%d}: "
                         "52 weeks must be known before it and from it on")  # fmt: skip
    years = _Years(company, day)
    rows = {}
    for name, measure, unit, better, how in _BENEFITS:
        found = {} if isinstance(how, str) else dataclasses.asdict(how(years))
        verdict = f"no data before {how}" if isinstance(how, str) else ""
        rows[name] = {"measure": measure, "unit": unit, "better": better, **found, "verdict": verdict}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("benefit")
    table["difference"] = table["after"] - table["before"]
    measured = table["p_value"].notna()
    table.loc[measured, "p_adjusted"] = correct_p_values(table.loc[measured, "p_value"], method, alpha)["p_adjusted"]
    improves = (table["difference"] > 0) == (table["better"] == "higher")
    shown = table["p_adjusted"] <= alpha
    table["verdict"] = table["verdict"].mask(measured, "not shown")
    table["verdict"] = table["verdict"].mask(shown & improves, "better").mask(shown & ~improves, "worse")
    columns = ["measure", "unit", "better", "before", "after", "difference", "low", "high", "p_value", "p_adjusted",
               "before_count", "after_count", "verdict"]  # fmt: skip
    return table[columns].astype({"before_count": "Int64", "after_count": "Int64"})
