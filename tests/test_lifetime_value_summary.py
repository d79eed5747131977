"""`rfm_summary`: by hand, the same on every engine, and on the real CDNOW log."""

import datetime as dt

import cdnow
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.lifetime_value import rfm_summary

END = dt.date(2025, 3, 31)


def order_table(rows):
    """Rows of (customer, day, cents); a day is counted from 1 January 2025."""
    table = pd.DataFrame(rows, columns=["customer_id", "order_date", "amount_cents"])
    table["order_date"] = pd.Timestamp(2025, 1, 1) + pd.to_timedelta(table["order_date"], unit="D")
    return table.astype({"amount_cents": "int64", "order_date": "datetime64[us]"})


def test_three_customers_by_hand():
    orders = order_table(
        [
            ("Ada", 10, 1000),
            ("Ada", 11, 2000),
            ("Ada", 11, 500),  # the same day: one purchase
            ("Ada", 31, 4001),
            ("Ada", 90, 9999),  # a day too late
            ("Bob", 20, 700),
            ("Bob", 30, 0),  # a gift
            ("Bob", 40, -700),  # a refund
            ("Cem", 15, 0),
            ("Cem", 89, 300),
        ]
    )
    expected = pd.DataFrame(
        {
            "customer_id": ["Ada", "Bob", "Cem"],
            "frequency": [2, 0, 0],
            "recency": [3.0, 0.0, 0.0],
            "T": [79 / 7, 69 / 7, 0.0],
            "monetary_value": [(25.00 + 40.01) / 2, 0.0, 0.0],
        }
    )
    pd.testing.assert_frame_equal(rfm_summary(orders, END), expected, rtol=1e-15)
    days = rfm_summary(orders, END, time_unit="D")
    assert days["T"].tolist() == [79.0, 69.0, 0.0]
    free = rfm_summary(orders, END, count_free_orders=True).set_index("customer_id")
    assert free["frequency"].tolist() == [2, 1, 1]
    assert free.loc["Bob", ["recency", "monetary_value"]].tolist() == [10 / 7, 0.0]
    assert free.loc["Cem", ["recency", "T", "monetary_value"]].tolist() == [74 / 7, 74 / 7, 3.0]


def test_orders_on_the_last_day_count_at_any_time():
    orders = order_table([(1, 0, 100), (1, 89, 100)])
    orders["order_date"] += pd.Timedelta(hours=23, minutes=59)
    summary = rfm_summary(orders, END)
    assert summary.loc[0, ["frequency", "recency", "T"]].tolist() == [1, 89 / 7, 89 / 7]


def test_dates_and_local_times_are_calendar_days():
    orders = order_table([(1, 0, 100), (1, 40, 250), (2, 3, 100)])
    expected = rfm_summary(orders, END)
    local = pl.from_pandas(orders).with_columns(
        (pl.col("order_date") + pl.duration(hours=23)).dt.replace_time_zone("America/New_York")
    )
    only_dates = pl.from_pandas(orders).with_columns(pl.col("order_date").cast(pl.Date))
    for table in (local, only_dates):
        pd.testing.assert_frame_equal(rfm_summary(table, END).to_pandas(), expected, check_exact=True)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 95), st.integers(-200, 10_000)), min_size=1, max_size=40))
def test_the_same_on_every_engine_and_as_counted_one_by_one(rows):
    orders = order_table(rows)
    found = rfm_summary(orders, END)
    expected = []
    for customer in sorted({row[0] for row in rows}):
        days = {}
        for who, day, cents in rows:
            if who == customer and day < 90 and cents > 0:
                days[day] = days.get(day, 0) + cents
        if days:
            first, last, repeats = min(days), max(days), len(days) - 1
            mean = (sum(days.values()) - days[first]) / (100 * max(repeats, 1))
            expected.append((customer, repeats, (last - first) / 7, (89 - first) / 7, mean))
    names = ["customer_id", "frequency", "recency", "T", "monetary_value"]
    types = dict(zip(names, ["int64", "int64", *["float64"] * 3], strict=True))
    expected = pd.DataFrame(expected, columns=names).astype(types)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    polars = pl.from_pandas(orders)
    pd.testing.assert_frame_equal(rfm_summary(polars, END).to_pandas(), expected, check_exact=True)
    lazy = rfm_summary(polars.lazy(), END).collect().sort("customer_id").to_pandas()
    pd.testing.assert_frame_equal(lazy, expected, check_exact=True)
    with duckdb.connect() as connection:
        relation = rfm_summary(connection.from_df(orders), END)
        pd.testing.assert_frame_equal(relation.order("customer_id").df(), expected, check_exact=True)


def test_nothing_is_changed_and_the_index_does_not_matter():
    orders = order_table([(2, 3, 100), (1, 5, 200), (2, 9, 300)])
    before = orders.copy(deep=True)
    shuffled = rfm_summary(orders.set_axis([7, 7, 1]), END)
    pd.testing.assert_frame_equal(orders, before)
    pd.testing.assert_frame_equal(shuffled, rfm_summary(orders, END))


def test_messages_say_what_is_wrong():
    orders = order_table([(1, 0, 100)])
    with pytest.raises(ValueError, match=r"orders has no column 'amount_cents' \(found: customer_id, order_date\)"):
        rfm_summary(orders.drop(columns="amount_cents"), END)
    with pytest.raises(ValueError, match=r"'amount_cents' holds Float64, expected whole cents"):
        rfm_summary(orders.assign(amount_cents=1.5), END)
    with pytest.raises(ValueError, match="time_unit is 'M', expected 'W'"):
        rfm_summary(orders, END, time_unit="M")
    with pytest.raises(TypeError, match="observation_end is '2025-03-31'"):
        rfm_summary(orders, "2025-03-31")
    with pytest.raises(TypeError, match="observation_end is NaT"):
        rfm_summary(orders, pd.NaT)


def test_no_order_before_the_end_gives_no_rows():
    assert rfm_summary(order_table([(1, 95, 100)]), END).shape == (0, 5)


def test_the_cdnow_log_gives_the_published_summary():
    published = cdnow.published_summary()
    # The log spells out who is who; the summary counts its customers from 1.
    orders = cdnow.order_log()
    orders = orders.assign(customer_id=orders["customer_id"].astype("int64"))
    found = rfm_summary(orders, dt.date(1997, 9, 30), count_free_orders=True)
    assert len(found) == 2_357
    assert found["customer_id"].tolist() == published["customer_id"].tolist()
    assert found["frequency"].tolist() == published["frequency"].tolist()
    for column in ("recency", "T"):
        np.testing.assert_array_equal(found[column].round(2), published[column])
    assert abs(found["monetary_value"] - published["monetary_value"]).max() < 0.00501
    # Eight customers paid nothing for the only order they have; they are no customers unless asked for.
    paying = rfm_summary(orders, dt.date(1997, 9, 30))
    assert len(paying) == 2_349
    pd.testing.assert_frame_equal(
        paying, found[found["customer_id"].isin(paying["customer_id"])].reset_index(drop=True)
    )
