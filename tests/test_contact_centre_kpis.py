"""KPIs of the contact centre: SQL and pandas agree, denominators are what they say, and ratings fall with waits."""

import functools

import numpy as np
import pandas as pd
import pytest

from crmlab.analytical import contact_centre as cc
from tests.companies import hidden, observed

FIRST, LAST = "2025-03-03", "2025-05-25"


@functools.cache
def facts():
    return cc.contact_facts(observed().interactions)


@functools.cache
def table():
    with cc.load_contact_mart(observed()) as mart:
        return cc.kpi_table(mart, FIRST, LAST)


def in_period():
    shifts = cc.between(observed().agent_shifts, "starts_at", FIRST, LAST)
    return cc.between(facts(), "arrived_at", FIRST, LAST), cc.paid_time(shifts, observed().agents)


@pytest.mark.parametrize(
    ("kpi", "by_hand"),
    [
        ("abandon_share", lambda contacts, paid: cc.abandon_share(contacts)),
        ("service_level_of_offered", lambda contacts, paid: cc.answered_in_time_share(contacts)),
        ("service_level_of_answered", lambda contacts, paid: cc.answered_in_time_share(contacts, of="answered")),
        ("mean_wait", lambda contacts, paid: cc.mean_wait_seconds(contacts)),
        ("speed_of_answer", lambda contacts, paid: cc.mean_wait_seconds(contacts, of="answered")),
        ("handle_time", lambda contacts, paid: cc.mean_handle_seconds(contacts)),
        ("cost_per_contact", cc.cost_per_contact),
        ("contacts_per_paid_hour", cc.contacts_per_paid_hour),
        ("occupancy", cc.occupancy),
    ],
)
def test_sql_and_pandas_agree(kpi, by_hand):
    assert table().loc[kpi, "value"] == pytest.approx(by_hand(*in_period()), rel=1e-9)
    assert table().loc[kpi, "denominator"] > 0


def test_first_contact_resolution_of_the_query_is_that_of_the_course():
    company = observed()
    inbound = company.interactions[company.interactions["direction"] == "inbound"]
    days = cc.days_to_next_contact(inbound)
    # No contact on the topic in the week before: found by looking at time reversed.
    turned = inbound.assign(
        arrived_at=pd.Timestamp("2030-01-01") - (inbound["arrived_at"] - pd.Timestamp("2000-01-01"))
    )
    before = cc.days_to_next_contact(turned[::-1]).reindex(inbound.index)
    mine = inbound["answered_at"].notna() & inbound["customer_id"].notna() & ~(before <= 7)
    mine &= inbound.index.isin(cc.between(inbound, "arrived_at", FIRST, LAST).index)
    expected = (~(days[mine] <= 7)).mean()
    assert table().loc["first_contact_resolution", "value"] == pytest.approx(expected, rel=1e-12)
    assert table().loc["first_contact_resolution", "denominator"] == mine.sum()


def test_tickets_ratings_cost_and_revenue_by_hand():
    company = observed()
    resolved = cc.between(company.tickets, "resolved_at", FIRST, LAST)
    hours = (resolved["resolved_at"] - resolved["opened_at"]).dt.total_seconds().mean() / 3600
    assert table().loc["resolution_hours", "value"] == pytest.approx(hours)
    rated = cc.between(company.contact_ratings, "rated_at", FIRST, LAST)
    assert table().loc["satisfaction", "value"] == pytest.approx(rated["rating"].mean())
    revenue = cc.between(company.orders, "order_date", FIRST, LAST)["amount_cents"].sum()
    assert table().loc["cost_share_of_revenue", "denominator"] == revenue
    contacts, _ = in_period()
    alone = (contacts["outcome"] == "self_service").sum()
    agents = (contacts["is_answered"] & (contacts["direction"] == "inbound")).sum()
    assert table().loc["self_service_share", "value"] == pytest.approx(alone / (alone + agents))


def test_revenue_after_outbound_calls_counts_each_order_once():
    company = observed()
    outbound = company.interactions[company.interactions["direction"] == "outbound"]
    first, last = outbound["arrived_at"].min().normalize(), outbound["arrived_at"].max().normalize()
    with cc.load_contact_mart(company) as mart:
        row = cc.kpi_table(mart, first, last).loc["revenue_per_outbound_call"]
    both = company.orders.merge(outbound[outbound["outcome"] == "interested"], on="customer_id")
    passed = (both["order_date"] - both["arrived_at"].dt.normalize()).dt.days
    expected = both[(passed >= 0) & (passed < 14)].drop_duplicates("order_id")["amount_cents"].sum()
    assert row["numerator"] == expected > 0
    assert row["denominator"] == len(outbound)


def test_every_kpi_says_its_denominator_and_time_base():
    assert set(table()["side"]) == {"efficiency", "effectiveness", "both"}
    for kpi in cc.KPIS.values():
        assert kpi.denominator and kpi.time_base and kpi.better in ("low", "high")
    assert (table()["denominator"].drop("revenue_per_outbound_call") > 0).all()


def contacts_of(*rows):
    columns = [
        "channel",
        "direction",
        "arrived_at",
        "answered_at",
        "ended_at",
        "wrap_up_seconds",
        "is_abandoned",
        "outcome",
    ]
    frame = pd.DataFrame(rows, columns=columns).assign(interaction_id=range(1, len(rows) + 1))
    for name in ("arrived_at", "answered_at", "ended_at"):
        frame[name] = pd.to_datetime("2025-03-03 " + frame[name].astype("object"), format="%Y-%m-%d %H:%M:%S")
    return frame


def test_who_is_offered():
    found = cc.contact_facts(
        contacts_of(
            ("call", "inbound", "09:00:00", "09:00:10", "09:02:10", 30, False, "resolved"),
            ("call", "inbound", "09:00:00", None, "09:00:05", 0, True, "abandoned"),
            ("call", "inbound", "09:00:00", None, "09:00:06", 0, True, "abandoned"),
            ("call", "inbound", "07:00:00", None, "07:00:20", 0, True, "closed"),
            ("call", "outbound", "09:00:00", "09:00:00", "09:01:00", 10, False, "refused"),
            ("chat", "inbound", "09:00:00", "09:00:20", "09:10:20", 60, False, "resolved"),
            ("web", "inbound", "09:00:00", None, "09:05:00", 0, False, "self_service"),
        )
    )
    assert found["is_offered"].tolist() == [True, False, True, False, False, False, False]
    assert found["agent_seconds"].fillna(0).tolist() == pytest.approx([150, 0, 0, 0, 70, 220, 0])
    assert found["wait_seconds"].isna().tolist() == [False] * 6 + [True]
    assert cc.abandon_share(found) == 0.5
    assert cc.contact_facts(found, short_abandon_seconds=6)["is_offered"].sum() == 1


def test_days_without_anything_give_no_number():
    empty = facts().iloc[:0]
    assert np.isnan([cc.abandon_share(empty), cc.answered_in_time_share(empty), cc.mean_handle_seconds(empty)]).all()
    with cc.load_contact_mart(observed()) as mart:
        none = cc.kpi_table(mart, "2030-01-01", "2030-01-02")
    assert none["value"].isna().all()
    with pytest.raises(ValueError, match="last_day is 2025-01-01, expected 2025-02-01"):
        cc.between(facts(), "arrived_at", "2025-02-01", "2025-01-01")
    with pytest.raises(ValueError, match="interactions has no column 'channel'"):
        cc.contact_facts(pd.DataFrame({"interaction_id": []}))
    with pytest.raises(ValueError, match="agent_id 9, who is not in agents"):
        shift = pd.DataFrame({"agent_id": [9], "starts_at": pd.NaT, "ends_at": pd.NaT, "activity": "break"})
        cc.paid_time(shift, observed().agents)


def test_ratings_fall_with_the_wait():
    company, slopes = observed(), []
    calls = facts()[facts()["channel"] == "call"]
    found = cc.rating_on_log_wait(calls, company.contact_ratings)
    planted = hidden()["contact_settings"].set_index("setting")["value"]["rating_wait_slope"]
    assert found["lower"] < found["slope"] < found["upper"] < 0
    # Ratings end at 5 and the annoyed answer more often: what is seen is flatter than what was planted.
    assert -planted < found["slope"]
    felt = hidden()["contact_ratings"].merge(
        facts()[["interaction_id", "wait_seconds", "channel"]], on="interaction_id"
    )
    felt = felt[felt["channel"] == "call"].rename(columns={"felt": "rating"})
    slopes = cc.rating_on_log_wait(calls, felt[["interaction_id", "rating"]])
    assert slopes["slope"] < found["slope"]


def test_buying_again_on_log_wait_recovers_a_planted_slope():
    rng = np.random.default_rng(4)
    wait = rng.exponential(200, 20_000)
    calls = pd.DataFrame({"customer_id": range(20_000), "wait_seconds": wait})
    bought = pd.Series(rng.random(20_000) < 0.7 - 0.05 * np.log1p(wait / 60))
    found = cc.slope_on_log_wait(calls, bought)
    assert found["lower"] < -0.05 < found["upper"]
    with pytest.raises(ValueError, match="several calls of one customer"):
        cc.slope_on_log_wait(calls.assign(customer_id=1), bought)
    with pytest.raises(ValueError, match="unequal waits"):
        cc.slope_on_log_wait(calls.assign(wait_seconds=1.0), bought)


def test_ranking_among_benchmarks():
    ranks = cc.industry_ranking({"cost_per_contact": 900, "first_contact_resolution": 0.8, "unknown": 1})
    assert dict(zip(ranks["kpi"], ranks["rank"], strict=True)) == {
        "cost_per_contact": "worse", "first_contact_resolution": "better"
    }  # fmt: skip
    assert set(ranks["checked"]) == {True, False}
    with pytest.raises(ValueError, match="for none of which there is a benchmark"):
        cc.industry_ranking({"unknown": 1})
