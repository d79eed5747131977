"""`score_rfm`: by hand on small tables, the same on every engine, and on the real CDNOW log."""

import datetime as dt
import os
import shutil
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlab.analytical.civil_day import civil_day
from crmlab.analytical.rfm import score_rfm
from crmlab.order_log import read_orders

AS_OF = dt.date(2025, 3, 31)
FACTS = ["days_since_last_purchase", "frequency", "monetary_total_cents", "monetary_mean_cents"]


def order_table(rows, columns=("customer_id", "order_id", "order_date", "amount_cents")):
    """Rows of (customer, order, day, cents); a day is counted from 1 January 2025."""
    table = pd.DataFrame(rows, columns=list(columns))
    (date,) = (column for column in columns if column.endswith("_date"))
    table[date] = pd.Timestamp(2025, 1, 1) + pd.to_timedelta(table[date], unit="D")
    return table


# Five customers; days to 31 March (day 89): 0, 9, 29, 29, 89.
FIVE = order_table(
    [
        ("Ada", 1, 0, 1000),
        ("Ada", 2, 89, 3001),
        ("Bob", 3, 80, 500),
        ("Cem", 4, 60, 2000),
        ("Cem", 5, 10, 0),
        ("Cem", 6, 20, 100),
        ("Dee", 7, 60, 500),
        ("Eve", 8, 0, 9000),
        ("Eve", 9, 90, 100000),  # a day too late
    ]
)


def scored(orders, **arguments):
    return score_rfm(orders, AS_OF, **arguments).set_index("customer_id")


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_five_customers_by_hand():
    expected = pd.DataFrame(
        {
            "customer_id": ["Ada", "Bob", "Cem", "Dee", "Eve"],
            "days_since_last_purchase": [0, 9, 29, 29, 89],
            "frequency": [2, 1, 3, 1, 1],
            "monetary_total_cents": [4001, 500, 2100, 500, 9000],
            "monetary_mean_cents": [2000.5, 500.0, 700.0, 500.0, 9000.0],
            "R": [5, 4, 2, 2, 1],
            "F": [4, 1, 5, 1, 1],
            "M": [4, 1, 3, 1, 5],
        }
    )
    pd.testing.assert_frame_equal(score_rfm(FIVE, AS_OF), expected, check_exact=True)


def test_scores_fall_into_the_fifths_of_a_longer_list():
    # Twelve customers without ties: ranks 1 to 12 in five groups, by (rank - 1) * 5 // 12 + 1.
    orders = order_table([(i, i, i, 100 * i) for i in range(12)])
    scores = score_rfm(orders, AS_OF)
    assert scores["R"].tolist() == [1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5]
    assert scores["M"].tolist() == scores["R"].tolist()
    assert scores["F"].tolist() == [1] * 12


def test_m_scores_the_mean_or_the_total():
    orders = order_table([(1, 1, 0, 100), (1, 2, 0, 100), (1, 3, 0, 100), (2, 4, 0, 200)])
    assert score_rfm(orders, AS_OF, bins=2)["M"].tolist() == [1, 2]
    assert score_rfm(orders, AS_OF, bins=2, monetary="total")["M"].tolist() == [2, 1]


def test_orders_after_the_day_are_unknown_and_those_on_it_count():
    orders = FIVE.assign(order_date=FIVE["order_date"] + pd.Timedelta(hours=23, minutes=59))
    pd.testing.assert_frame_equal(score_rfm(orders, AS_OF), score_rfm(FIVE, AS_OF))
    a_day_later = score_rfm(FIVE, AS_OF + dt.timedelta(days=1)).set_index("customer_id")
    assert a_day_later.loc["Eve", ["days_since_last_purchase", "frequency"]].tolist() == [0, 2]
    assert a_day_later.loc["Ada", "days_since_last_purchase"] == 1


def test_the_last_date_in_the_data_is_not_the_day():
    later = score_rfm(FIVE, dt.date(2025, 12, 31))["days_since_last_purchase"]
    assert later.min() == 274  # since 1 April, the last order


def test_lines_are_not_orders():
    lines = pd.concat([FIVE, FIVE.assign(amount_cents=0)])
    pd.testing.assert_frame_equal(score_rfm(lines, AS_OF), score_rfm(FIVE, AS_OF))
    text_ids = lines.assign(order_id=lines["order_id"].map("o{}".format))
    pd.testing.assert_frame_equal(score_rfm(text_ids, AS_OF), score_rfm(FIVE, AS_OF))


def test_tied_customers_share_a_score():
    # Nine of ten bought once: no quintile of frequency between 1 and the best.
    orders = order_table([(i, i, 0, 100) for i in range(10)] + [(9, 99, 0, 100)])
    assert score_rfm(orders, AS_OF)["F"].tolist() == [1] * 9 + [5]


def test_days_across_leap_days_and_centuries():
    days = [dt.date(1, 1, 1), dt.date(1600, 2, 29), dt.date(1900, 2, 28), dt.date(2000, 2, 29), dt.date(2024, 12, 31)]
    orders = pd.DataFrame({"customer_id": range(5), "order_id": range(5), "order_date": days, "amount_cents": 1})
    as_of = dt.date(2025, 3, 1)
    found = score_rfm(pl.from_pandas(orders), as_of)["days_since_last_purchase"].to_list()
    assert found == [(as_of - day).days for day in days]


@settings(deadline=None)
@given(st.dates(), st.dates())
def test_civil_days_differ_as_dates_do(one, other):
    assert civil_day(one) - civil_day(other) == (one - other).days


@pytest.mark.parametrize("as_of", [dt.datetime(2025, 3, 31, 8, 30), pd.Timestamp("2025-03-31 08:30")])
def test_a_moment_means_its_whole_day(as_of):
    pd.testing.assert_frame_equal(score_rfm(FIVE, as_of), score_rfm(FIVE, AS_OF))


def test_input_is_not_changed_and_its_index_does_not_matter():
    orders = FIVE.set_index(pd.Index([7] * len(FIVE)))
    before = orders.copy(deep=True)
    pd.testing.assert_frame_equal(score_rfm(orders, AS_OF), score_rfm(FIVE, AS_OF))
    pd.testing.assert_frame_equal(orders, before)


def test_sums_beyond_32_bits():
    orders = FIVE.assign(amount_cents=np.full(len(FIVE), 2_000_000_000, "int32"))
    for table in (orders, pl.from_pandas(orders)):
        total = score_rfm(table, AS_OF)["monetary_total_cents"]
        assert max(total) == 6_000_000_000


# --- returns ----------------------------------------------------------------------------------------------------------


def returned(*rows):
    return order_table(rows, ("order_id", "return_date", "refund_cents"))


RETURNS = returned(
    (2, 89, 1), (4, 70, 1500), (4, 71, 300), (8, 90, 9000), (9, 89, 50), (7, 89, 700)
)  # on the day; two of one order; after the day; of an order after the day; more than was paid


def test_refunds_come_off_the_money_and_nothing_else():
    before, after = scored(FIVE), scored(FIVE, returns=RETURNS)
    unchanged = ["days_since_last_purchase", "frequency", "R", "F"]
    pd.testing.assert_frame_equal(after[unchanged], before[unchanged])
    refunded = {"Ada": 1, "Bob": 0, "Cem": 1800, "Dee": 700, "Eve": 0}
    assert (before["monetary_total_cents"] - after["monetary_total_cents"]).to_dict() == refunded
    assert after["monetary_mean_cents"].to_dict() == {"Ada": 2000, "Bob": 500, "Cem": 100, "Dee": -200, "Eve": 9000}
    assert after["M"].to_dict() == {"Ada": 4, "Bob": 3, "Cem": 2, "Dee": 1, "Eve": 5}
    assert after.dtypes.astype(str).tolist() == before.dtypes.astype(str).tolist()


def test_a_refund_is_taken_off_once_when_the_order_has_lines():
    lines = pd.concat([FIVE, FIVE.assign(amount_cents=0)])
    pd.testing.assert_frame_equal(scored(lines, returns=RETURNS), scored(FIVE, returns=RETURNS))


def test_no_refund_at_all():
    pd.testing.assert_frame_equal(scored(FIVE, returns=RETURNS.head(0)), scored(FIVE))


# --- engines ----------------------------------------------------------------------------------------------------------


ENGINES = {
    "pandas": (lambda table: table, lambda result: result),
    "pandas nullable": (lambda table: table.astype(dict.fromkeys(table.select_dtypes("int64"), "Int64")), lambda r: r),
    "pandas on Arrow": (lambda table: table.convert_dtypes(dtype_backend="pyarrow"), lambda result: result),
    "Polars": (pl.from_pandas, lambda result: result.to_pandas()),
    "Polars lazy": (lambda table: pl.from_pandas(table).lazy(), lambda result: result.collect().to_pandas()),
    "DuckDB": (lambda table: duckdb.from_arrow(pl.from_pandas(table).to_arrow()), lambda result: result.df()),
}
KINDS = {"Polars": pl.DataFrame, "Polars lazy": pl.LazyFrame, "DuckDB": duckdb.DuckDBPyRelation}


def on_engine(name, orders, as_of, returns=None, **arguments):
    convert, back = ENGINES[name]
    if returns is not None:
        arguments["returns"] = convert(returns)
    result = score_rfm(convert(orders), as_of, **arguments)
    assert isinstance(result, KINDS.get(name, pd.DataFrame))
    frame = back(result)
    types = {column: "float64" if column == "monetary_mean_cents" else "int64" for column in frame.columns[1:]}
    if name.startswith("pandas"):
        # A column that pandas keeps in another library gives a result that is kept there; its values are compared.
        assert all(pd.api.types.is_numeric_dtype(frame[column]) for column in types)
        frame = frame.astype(types | {"customer_id": orders["customer_id"].dtype})
    return frame.sort_values("customer_id", ignore_index=True)


@st.composite
def order_tables(draw):
    days, cents = st.integers(0, 100), st.sampled_from([0, 1, 5, 33, 100]) | st.integers(0, 10**9)
    rows = draw(st.lists(st.tuples(st.integers(0, 12), days, cents), min_size=1, max_size=40))
    known = {customer for customer, day, _ in rows if day <= 89}
    rows += [(100 + i, 50, 5) for i in range(5 - len(known))]
    order_of = draw(st.permutations(range(len(rows))))
    return order_table([(who, order, *rest) for order, (who, *rest) in zip(order_of, rows, strict=True)])


@st.composite
def return_tables(draw):
    refund = st.tuples(st.integers(0, 45), st.integers(0, 100), st.integers(0, 500))
    return returned(*draw(st.lists(refund, min_size=1)))


@pytest.mark.parametrize("name", list(ENGINES)[1:])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(orders=order_tables(), returns=st.none() | return_tables(), monetary=st.sampled_from(["mean", "total"]))
def test_engines_agree_to_the_last_digit(name, orders, returns, monetary):
    expected = score_rfm(orders, AS_OF, returns=returns, monetary=monetary)
    found = on_engine(name, orders, AS_OF, returns=returns, monetary=monetary)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("name", ENGINES)
def test_engines_read_dates_times_zones_and_text_ids(name):
    expected = score_rfm(FIVE, AS_OF, returns=RETURNS)
    times = FIVE.assign(order_date=FIVE["order_date"] + pd.Timedelta(hours=23))
    pd.testing.assert_frame_equal(on_engine(name, times, AS_OF, RETURNS), expected, check_exact=True)
    dates = FIVE.astype({"order_date": "date32[pyarrow]"})
    pd.testing.assert_frame_equal(on_engine(name, dates, AS_OF, RETURNS), expected, check_exact=True)
    lines = pd.concat([FIVE, FIVE.assign(amount_cents=0)], ignore_index=True)
    pd.testing.assert_frame_equal(on_engine(name, lines, AS_OF, RETURNS), expected, check_exact=True)


@pytest.mark.parametrize("name", ["pandas", "Polars", "Polars lazy"])
def test_a_zone_keeps_its_own_calendar_day(name):
    # Half past midnight in Berlin is still the day before in UTC.
    local = FIVE.assign(order_date=(FIVE["order_date"] + pd.Timedelta(minutes=30)).dt.tz_localize("Europe/Berlin"))
    pd.testing.assert_frame_equal(on_engine(name, local, AS_OF), score_rfm(FIVE, AS_OF), check_exact=True)


@pytest.fixture(scope="module")
def spark():
    pytest.importorskip("pyspark", reason="pyspark is not installed (extra: spark)")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("pyspark needs Java, and there is neither JAVA_HOME nor java on the path")
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings_of_session = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
    }
    builder = SparkSession.builder.master("local[1]").appName("test_rfm")
    for key, value in settings_of_session.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")
def test_spark_agrees_to_the_last_digit(spark):
    from pyspark.sql import DataFrame

    rng = np.random.default_rng(3)
    many = order_table(
        zip(rng.integers(0, 60, 400), range(400), rng.integers(0, 100, 400), rng.integers(0, 9, 400) * 50, strict=True)
    )
    for orders, returns in [(FIVE, None), (FIVE, RETURNS), (many, None)]:
        refunds = None if returns is None else spark.createDataFrame(returns)
        result = score_rfm(spark.createDataFrame(orders), AS_OF, returns=refunds)
        assert isinstance(result, DataFrame)
        found = result.toPandas().sort_values("customer_id", ignore_index=True)
        pd.testing.assert_frame_equal(found, score_rfm(orders, AS_OF, returns=returns), check_exact=True)
    with pytest.raises(ValueError, match="orders has 5 customers up to 2025-03-31, expected at least as many as bins"):
        score_rfm(spark.createDataFrame(FIVE), AS_OF, bins=6)


# --- properties -------------------------------------------------------------------------------------------------------


def by_counting(values, bins):
    """The score from its meaning: what share of the customers is strictly worse."""
    return [sum(other < value for other in values) * bins // len(values) + 1 for value in values]


@settings(deadline=None)
@given(orders=order_tables(), bins=st.integers(2, 5))
def test_scores_are_the_share_of_customers_that_is_worse(orders, bins):
    scores = score_rfm(orders, AS_OF, bins=bins)
    assert scores["R"].tolist() == by_counting([-days for days in scores["days_since_last_purchase"]], bins)
    assert scores["F"].tolist() == by_counting(scores["frequency"].tolist(), bins)
    assert scores["M"].tolist() == by_counting(scores["monetary_mean_cents"].tolist(), bins)


@settings(deadline=None)
@given(orders=order_tables(), bins=st.integers(2, 5))
def test_scores_are_monotone_shared_by_equals_and_within_the_bins(orders, bins):
    scores = score_rfm(orders, AS_OF, bins=bins)
    for score, fact, better in [("R", "days_since_last_purchase", -1), ("F", "frequency", 1), ("M", FACTS[3], 1)]:
        assert scores[score].between(1, bins).all()
        assert scores.groupby(fact)[score].agg(np.ptp).eq(0).all()
        assert (better * scores.sort_values(fact)[score]).is_monotonic_increasing
        assert scores[score].min() == 1


@settings(deadline=None)
@given(orders=order_tables(), seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_matter(orders, seed):
    shuffled = orders.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(score_rfm(shuffled, AS_OF), score_rfm(orders, AS_OF), check_exact=True)


@settings(deadline=None)
@given(orders=order_tables())
def test_facts_are_those_of_plain_python(orders):
    scores = score_rfm(orders, AS_OF)
    known = [row for row in orders.itertuples() if row.order_date.date() <= AS_OF]
    assert scores["customer_id"].tolist() == sorted({row.customer_id for row in known})
    for found in scores.itertuples():
        own = [row for row in known if row.customer_id == found.customer_id]
        assert found.days_since_last_purchase == min((AS_OF - row.order_date.date()).days for row in own)
        assert found.frequency == len(own)
        assert found.monetary_total_cents == sum(row.amount_cents for row in own)
        assert found.monetary_mean_cents == found.monetary_total_cents / len(own)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_fewer_customers_than_bins(name):
    with pytest.raises(ValueError, match=r"orders has 5 customers up to 2025-03-31, .* as bins \(6\)"):
        on_engine(name, FIVE, AS_OF, bins=6)
    with pytest.raises(ValueError, match="orders has 0 customers up to 2024-12-31"):
        on_engine(name, FIVE, dt.date(2024, 12, 31))


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("column", ["customer_id", "order_id", "order_date", "amount_cents"])
def test_missing_columns_and_values(name, column):
    with pytest.raises(ValueError, match=f"orders has no column '{column}' .found: "):
        on_engine(name, FIVE.rename(columns={column: "other"}), AS_OF)
    if name == "pandas" and column in ("order_id", "amount_cents"):
        return  # whole numbers with gaps are floats there: test_wrong_types
    gap = FIVE.astype({"order_id": "Int64", "amount_cents": "Int64"})
    gap.loc[3, column] = pd.NaT if column == "order_date" else None
    with pytest.raises(ValueError, match=f"orders column '{column}' has 1 missing values, expected none"):
        on_engine(name, gap, AS_OF)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount_cents": 1.5}, "'amount_cents' holds Float64, expected whole cents"),
        ({"amount_cents": "5"}, "'amount_cents' holds String, expected whole cents"),
        ({"order_id": 1.0}, "'order_id' holds Float64, expected whole numbers or text"),
        ({"customer_id": 1.0}, "'customer_id' holds Float64, expected whole numbers or text.*gaps"),
        ({"customer_id": True}, "'customer_id' holds Boolean"),
        ({"order_date": "2025-01-01"}, "'order_date' holds String, expected dates.*to_datetime"),
        ({"order_date": 20250101}, "'order_date' holds Int64, expected dates"),
        ({"order_date": dt.date(2025, 1, 1)}, "'order_date' holds Object, expected dates"),
    ],
)
def test_wrong_types(change, message):
    with pytest.raises(ValueError, match=rf"orders column {message}"):
        score_rfm(FIVE.assign(**change), AS_OF)


@pytest.mark.parametrize("as_of", ["2025-03-31", 20250331, None, pd.NaT, np.datetime64("2025-03-31")])
def test_a_day_that_is_no_date(as_of):
    with pytest.raises(TypeError, match=r"as_of is .*, expected a date such as datetime\.date"):
        score_rfm(FIVE, as_of)


@pytest.mark.parametrize("bins", [1, 0, -5, 2.0, True, "5", None])
def test_bins_that_are_no_number_of_groups(bins):
    with pytest.raises(ValueError, match=r"bins is .*, expected a whole number from 2 up"):
        score_rfm(FIVE, AS_OF, bins=bins)


def test_other_arguments():
    with pytest.raises(ValueError, match="monetary is 'median', expected 'mean' or 'total'"):
        score_rfm(FIVE, AS_OF, monetary="median")
    with pytest.raises(TypeError, match="orders is list, expected a pandas, Polars, DuckDB or Spark table"):
        score_rfm([1, 2], AS_OF)


@pytest.mark.parametrize("name", ENGINES)
def test_refunds_that_make_no_sense(name):
    with pytest.raises(ValueError, match="returns column 'refund_cents' has -5, expected 0 or more"):
        on_engine(name, FIVE, AS_OF, returned((1, 5, -5), (2, 5, 7)))
    with pytest.raises(ValueError, match="returns has no column 'refund_cents'"):
        on_engine(name, FIVE, AS_OF, RETURNS.drop(columns="refund_cents"))
    with pytest.raises(ValueError, match="returns column 'order_id' holds String, expected Int64 as in orders"):
        on_engine(name, FIVE, AS_OF, RETURNS.assign(order_id="1"))
    with pytest.raises(ValueError, match="orders has order_id 1 with several customers, expected one"):
        on_engine(name, FIVE.assign(order_id=1), AS_OF, RETURNS)


def test_orders_and_returns_of_two_kinds():
    with pytest.raises(TypeError, match="orders and returns are tables of two kinds"):
        score_rfm(FIVE, AS_OF, returns=pl.from_pandas(RETURNS))
    with pytest.raises(TypeError, match="orders and returns are tables of two kinds"):
        score_rfm(pl.from_pandas(FIVE), AS_OF, returns=pl.from_pandas(RETURNS).lazy())


# --- the real CDNOW log -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cdnow():
    folder = os.environ.get("CRMLAB_REAL_DATA")
    path = Path(folder or "") / "cdnowElog.csv"
    if not folder or not path.is_file():
        pytest.skip("CRMLAB_REAL_DATA names no folder with cdnowElog.csv")
    return read_orders(path, customer="masterid", date="date", amount="sales", date_format="%Y%m%d")


def test_cdnow(cdnow):
    scores = score_rfm(cdnow, dt.date(1998, 6, 30))
    assert len(scores) == 2357
    assert scores["frequency"].sum() == 6919
    assert scores["monetary_total_cents"].sum() == cdnow["amount_cents"].sum()
    # 1,218 customers bought on one day only; 13 of them have two rows on it, which are two orders.
    assert (scores["frequency"] == 1).sum() == 1205
    assert cdnow.groupby("customer_id")["order_date"].nunique().value_counts()[1] == 1218
    assert scores.loc[scores["frequency"] == 1, "F"].unique().tolist() == [1]
    assert (scores["F"] == 2).sum() == 0
    for score, fact in [("R", "days_since_last_purchase"), ("F", "frequency"), ("M", "monetary_mean_cents")]:
        assert scores.groupby(fact)[score].agg(np.ptp).eq(0).all()
        assert sorted(scores[score].unique())[::4] in ([1, 5], [1])


@pytest.mark.parametrize("name", list(ENGINES)[1:])
def test_cdnow_on_every_engine(cdnow, name):
    as_of = dt.date(1997, 12, 31)
    pd.testing.assert_frame_equal(on_engine(name, cdnow, as_of), score_rfm(cdnow, as_of), check_exact=True)
