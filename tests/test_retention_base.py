"""Growth of the base and last events before silence: counted by hand, kept balances, and planted causes found."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.retention import active_spells, base_by_month, churn_rate, order_events, silence_after

START, AS_OF = pd.Timestamp("2024-01-01"), dt.date(2025, 6, 30)
people_and_days = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 500)), min_size=1, max_size=40)


def _orders(pairs) -> pd.DataFrame:
    customer, day = zip(*pairs, strict=True)
    return pd.DataFrame({"customer_id": customer, "order_date": START + pd.to_timedelta(day, unit="D")})


# --- growth of the base -----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(people_and_days, st.integers(1, 200))
def test_a_spell_covers_each_order_and_nothing_longer_without_one(pairs, silent_days):
    orders = _orders(pairs)
    spells = active_spells(orders, silent_days, AS_OF)
    end = spells["end_date"].fillna(pd.Timestamp("2100-01-01"))
    for customer, day in pairs:
        on = START + pd.Timedelta(days=day)
        mine = (spells["customer_id"] == customer) & (spells["start_date"] <= on) & (end >= on)
        assert mine.sum() == 1
    assert set(zip(spells["customer_id"], spells["start_date"], strict=True)) <= set(
        zip(orders["customer_id"], orders["order_date"], strict=True)
    )
    last = orders.groupby("customer_id")["order_date"].max() + pd.Timedelta(days=silent_days)
    running = spells.loc[spells["end_date"].isna(), "customer_id"]
    assert set(running) == set(last.index[last >= pd.Timestamp(AS_OF)])
    assert (spells["end_date"].dropna() < pd.Timestamp(AS_OF)).all()


@settings(deadline=None, max_examples=25)
@given(people_and_days, st.integers(1, 200))
def test_the_base_balances_and_agrees_with_the_churn_rate(pairs, silent_days):
    spells = active_spells(_orders(pairs), silent_days, AS_OF)
    base = base_by_month(spells, AS_OF)
    assert (base["customers_at_start"] + base["net"] == base["customers_at_end"]).all()
    assert (base["net"] == base["new"] + base["won_back"] - base["lost"]).all()
    assert base["new"].sum() == spells["customer_id"].nunique() and (base["customers_at_end"] >= 0).all()
    # The same for a spell that begins and ends within a month is in `lost` here, and in neither number there.
    for month, row in base.iterrows():
        if row["customers_at_start"]:
            churn = churn_rate(spells, month.start_time.date(), month.end_time.date())
            assert churn["customers_at_start"] == row["customers_at_start"]
            assert churn["lost"] <= row["lost"] and churn["arrived"] == row["new"] + row["won_back"]


def test_the_base_of_any_kind_of_table():
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    orders = _orders([(1, 0), (1, 30), (2, 5), (1, 300)])
    expected = active_spells(orders, 60, AS_OF)
    for other in (polars.from_pandas(orders), duckdb.from_df(orders)):
        found = active_spells(other, 60, AS_OF)
        assert found.astype(str).equals(expected.astype(str))


def test_a_month_that_is_cut_short_is_left_out():
    spells = active_spells(_orders([(1, 0)]), 30, dt.date(2024, 3, 15))
    assert list(base_by_month(spells, dt.date(2024, 3, 15)).index.astype(str)) == ["2024-01", "2024-02"]


@pytest.mark.parametrize("days", [0, -3, 1.5, True, None])
def test_a_rule_that_is_no_number_of_days_is_refused(days):
    with pytest.raises(ValueError, match=r"silent_days is .*expected a whole number of at least 1"):
        active_spells(_orders([(1, 0)]), days, AS_OF)


def test_a_base_without_a_column_a_start_or_an_order_of_days_is_named():
    spells = active_spells(_orders([(1, 0)]), 30, AS_OF)
    with pytest.raises(ValueError, match="spells has no column 'end_date'"):
        base_by_month(spells.drop(columns="end_date"), AS_OF)
    with pytest.raises(ValueError, match="no start in a whole month"):
        base_by_month(spells, dt.date(2023, 12, 31))
    with pytest.raises(ValueError, match="end_date before its start_date in 1 rows"):
        base_by_month(spells.assign(end_date=START - pd.Timedelta(days=1)), AS_OF)
    with pytest.raises(ValueError, match="orders has no column 'order_date'"):
        active_spells(spells, 30, AS_OF)


# --- last events ------------------------------------------------------------------------------------------------------


def _tables():
    """One order of each kind: late; on time; with a fault; with a rise; of a subscription; the first at a new price."""
    day = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-06-01", "2024-06-02", "2024-06-01"])
    orders = pd.DataFrame({"order_id": [1, 2, 3, 4, 5, 6], "customer_id": [7, 7, 7, 7, 7, 8], "order_date": day})
    orders["subscription_id"] = pd.array([None, None, None, None, 1, None], dtype="Int64")
    orders["promised_date"] = day + pd.Timedelta(days=3)
    orders["delivered_date"] = orders["promised_date"] + pd.to_timedelta([1, 0, -1, 0, 5, 0], unit="D")
    lines = pd.DataFrame({"order_id": orders["order_id"], "product_id": [1, 1, 1, 2, 2, 2]})
    returns = pd.DataFrame({"order_id": [3, 2], "reason": ["defective", "changed_mind"]})
    changes = pd.DataFrame(
        {
            "product_id": [2, 1],
            "change_date": pd.to_datetime(["2024-05-01", "2024-01-20"]),
            "old_list_price_cents": [1000, 1000],
            "new_list_price_cents": [1050, 1010],
        }
    )
    return orders, lines, returns, changes


def test_what_happened_at_each_order():
    events = order_events(*_tables()).set_index("order_id")
    assert list(events.index) == [1, 2, 3, 4, 6]
    assert list(events.index[events["late"]]) == [1]
    assert list(events.index[events["faulty"]]) == [3]
    # Order 6 is a customer's first, orders 2 and 3 saw a rise of one percent only.
    assert list(events.index[events["dearer"]]) == [4]
    assert order_events(*_tables(), least_rise=0.01).set_index("order_id")["dearer"][[2, 3, 4]].all()
    assert not order_events(*_tables(), memory_days=20).set_index("order_id")["dearer"].any()


def test_a_table_without_a_column_is_named():
    orders, lines, returns, changes = _tables()
    with pytest.raises(ValueError, match="returns has no column 'reason'"):
        order_events(orders, lines, returns.drop(columns="reason"), changes)
    with pytest.raises(ValueError, match="events has no order 180 days before 2024-02-01"):
        silence_after(order_events(orders, lines, returns, changes), dt.date(2024, 2, 1))


def test_no_order_with_an_event_gives_nothing_to_compare():
    events = order_events(*_tables()).assign(late=False)
    row = silence_after(events, dt.date(2025, 12, 31)).loc["late"]
    assert row["orders"] == 0 and row.drop("orders").isna().all()


def test_the_planted_causes_are_found():
    company, planted = observed(people=30_000), hidden(people=30_000)["relationships"]["exit_cause"].value_counts()
    found = silence_after(
        order_events(company.orders, company.order_lines, company.returns, company.price_changes), company.as_of
    )
    assert (found["difference"] > 4 * found["standard_error"]).all()
    # Orders of the last half year do not count yet, and faults that nobody sent back are not known.
    assert found.loc["dearer", "more_silent"] == pytest.approx(planted["price"] * 0.85, rel=0.3)
    assert 0.35 < found.loc[["late", "faulty"], "more_silent"].sum() / planted["service"] < 0.95


def test_without_leak_nothing_is_found():
    company = observed(absent="leak", people=30_000)
    found = silence_after(
        order_events(company.orders, company.order_lines, company.returns, company.price_changes), company.as_of
    )
    assert (np.abs(found["difference"]) < 0.02).all()
