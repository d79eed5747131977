"""`read_orders`: what is read, what is put aside and why, and what is refused."""

import copy
import datetime as dt
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.order_log import read_orders

NAMES = {"customer": "who", "date": "day", "amount": "total"}


def written(folder, text, encoding="utf-8", name="log.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def frame(who=("A", "B"), day=("2025-01-31", "2025-02-28"), total=("1.00", "2.50"), **more):
    return pd.DataFrame({"who": list(who), "day": list(day), "total": list(total), **more})


def one_amount(total, decimal="."):
    """The cents of one amount, or the reason why it has none."""
    orders = read_orders(frame(["A"], ["2025-01-31"], [total]), **NAMES, decimal=decimal, bad_rows="report")
    rejected = orders.attrs["rejected"]
    return rejected[0]["reason"] if rejected else int(orders["amount_cents"].iloc[0])


def one_date(day, date_format=None):
    orders = read_orders(frame(["A"], [day], ["1"]), **NAMES, date_format=date_format, bad_rows="report")
    rejected = orders.attrs["rejected"]
    return rejected[0]["reason"] if rejected else orders["order_date"].iloc[0].strftime("%Y-%m-%d %H:%M")


def rejected_rows(orders):
    return {report["row"]: report["reason"] for report in orders.attrs["rejected"]}


def test_columns_and_types():
    orders = read_orders(frame(), **NAMES)
    expected = pd.DataFrame(
        {
            "customer_id": ["A", "B"],
            "order_id": np.array([0, 1]),
            "order_date": np.array(["2025-01-31", "2025-02-28"], "datetime64[us]"),
            "amount_cents": np.array([100, 250]),
        }
    )
    pd.testing.assert_frame_equal(orders, expected)
    assert orders.attrs == {"rejected": [], "duplicates": []}


def test_source_is_not_changed():
    source = frame([" A ", None], total=["1.00", "x"])
    before = source.copy(deep=True)
    read_orders(source, **NAMES, bad_rows="report")
    pd.testing.assert_frame_equal(source, before)


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas], ids=["Polars", "PyArrow"])
def test_other_frames_read_the_same(convert):
    source = frame(total=["1.00", "2.505"], order=[7, 8])
    expected = read_orders(source, **NAMES, order="order", bad_rows="report")
    found = read_orders(convert(source), **NAMES, order="order", bad_rows="report")
    pd.testing.assert_frame_equal(found, expected)
    assert found.attrs == expected.attrs
    assert rejected_rows(found) == {1: "amount '2.505' has more than two decimals"}


def test_frame_positions_are_not_its_index():
    source = frame(total=["1.00", "x"]).set_index(pd.Index(["p", "p"]))
    assert list(rejected_rows(read_orders(source, **NAMES, bad_rows="report"))) == [1]


# --- amounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "decimal", "cents"),
    [
        ("29.33", ".", 2933),
        ("0.29", ".", 29),
        ("5", ".", 500),
        ("5.", ".", 500),
        (".5", ".", 50),
        ("5.1", ".", 510),
        ("5.100", ".", 510),
        (" 5.10 ", ".", 510),
        ("0", ".", 0),
        ("-0.00", ".", 0),
        ("1,234.56", ".", 123456),
        ("1,234,567", ".", 123456700),
        ("1.234,56", ",", 123456),
        ("1.234", ",", 123400),
        ("12,5", ",", 1250),
        ("9999999999999.99", ".", 999999999999999),
    ],
)
def test_amount_text(total, decimal, cents):
    assert one_amount(total, decimal) == cents


@pytest.mark.parametrize(
    ("total", "decimal", "reason"),
    [
        ("", ".", "amount is missing"),
        ("  ", ".", "amount is missing"),
        (None, ".", "amount is missing"),
        ("abc", ".", "is not a number with the decimal sign '.'"),
        ("€5.00", ".", "no currency sign"),
        ("5.00 EUR", ".", "no currency sign"),
        ("12,50", ".", "is not a number with the decimal sign '.'"),
        ("12.50", ",", "is not a number with the decimal sign ','"),
        ("1,2345", ".", "is not a number"),
        ("1234,567.00", ".", "is not a number"),
        ("1 234.00", ".", "is not a number"),
        ("1.2.3", ".", "is not a number"),
        ("1e3", ".", "is not a number"),
        ("+5", ".", "is not a number"),
        ("(5.00)", ".", "is not a number"),
        ("5.00-", ".", "is not a number"),
        ("-", ".", "is not a number"),
        (".", ".", "is not a number"),
        ("nan", ".", "is not a number"),
        ("٣", ".", "is not a number"),
        ("29.335", ".", "amount '29.335' has more than two decimals"),
        ("0.001", ".", "has more than two decimals"),
        ("99999999999999999999", ".", "is too large"),
        ("-3.00", ".", "amount '-3.00' is negative: a return or correction, no order"),
    ],
)
def test_amount_text_that_is_refused(total, decimal, reason):
    assert reason in str(one_amount(total, decimal))


@pytest.mark.parametrize(
    ("totals", "cents"),
    [
        (np.array([29.33, 0.29]), [2933, 29]),
        (np.array([1.1, 4.35]), [110, 435]),
        (np.array([5, 6]), [500, 600]),
        (np.array([5, 6], "uint8"), [500, 600]),
        (pd.array([5, 6], "Int64"), [500, 600]),
        ([Decimal("29.33"), Decimal("0.290")], [2933, 29]),
    ],
)
@pytest.mark.parametrize("decimal", [".", ","])
def test_amount_numbers_need_no_decimal_sign(totals, cents, decimal):
    assert read_orders(frame(total=totals), **NAMES, decimal=decimal)["amount_cents"].tolist() == cents


@pytest.mark.parametrize(
    ("total", "reason"),
    [
        (np.nan, "amount is missing"),
        (29.335, "has more than two decimals"),
        (0.1 + 0.2, "has more than two decimals"),
        (np.inf, "is too large"),
        (1e18, "is too large"),
        (-1.5, "is negative"),
    ],
)
def test_amount_floats_that_are_refused(total, reason):
    assert reason in rejected_rows(read_orders(frame(total=[1.0, total]), **NAMES, bad_rows="report"))[1]


def test_nan_of_polars_is_missing():
    source = pl.DataFrame({"who": [1, 2], "day": [dt.date(2025, 1, 1)] * 2, "total": [1.0, float("nan")]})
    assert rejected_rows(read_orders(source, **NAMES, bad_rows="report")) == {1: "amount is missing"}


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**15 - 1), min_size=1, max_size=30), st.sampled_from(".,"), st.booleans())
def test_every_amount_survives_being_written(cents, decimal, grouped):
    group = ({".": ",", ",": "."}[decimal]) if grouped else ""
    texts = [f"{c // 100:,}".replace(",", group) + f"{decimal}{c % 100:02d}" for c in cents]
    count = len(cents)
    orders = read_orders(frame(range(count), ["2025-01-31"] * count, texts), **NAMES, decimal=decimal)
    assert orders["amount_cents"].tolist() == cents


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=30))
def test_every_amount_survives_as_a_float(cents):
    totals = [float(f"{c // 100}.{c % 100:02d}") for c in cents]
    orders = read_orders(frame(range(len(cents)), ["2025-01-31"] * len(cents), totals), **NAMES)
    assert orders["amount_cents"].tolist() == cents


# --- dates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "date_format", "expected"),
    [
        ("1997-01-31", None, "1997-01-31"),
        ("2024-02-29", None, "2024-02-29"),
        ("1997-01-31T23:59", None, "1997-01-31"),
        ("1997-01-31 23:59:59.999", None, "1997-01-31"),
        ("1997-01-31 00:30:00 +0200", None, "1997-01-31"),
        ("1997-01-31T23:30:00Z", None, "1997-01-31"),
        ("19970131", "%Y%m%d", "1997-01-31"),
        ("31/01/1997", "%d/%m/%Y", "1997-01-31"),
        ("1/2/2020", "%d/%m/%Y", "2020-02-01"),
        ("1/2/2020", "%m/%d/%Y", "2020-01-02"),
        ("31.01.97 08:15", "%d.%m.%y %H:%M", "1997-01-31"),
        ("31 January 1997", "%d %B %Y", "1997-01-31"),
    ],
)
def test_date_text(day, date_format, expected):
    assert one_date(day, date_format) == f"{expected} 00:00"


@pytest.mark.parametrize(
    ("day", "date_format", "reason"),
    [
        ("01/02/2020", None, "'01/02/2020' is not an ISO 8601 date such as 1997-01-31; say how to read it, as date_"),
        ("19970131", None, "date_format="),
        ("1997-1-31", None, "is not an ISO 8601 date"),
        ("2025-02-29", None, "date '2025-02-29' is not in the calendar"),
        ("2025-01-01T25:00", None, "is not an ISO 8601 date"),
        ("2025-01-01x", None, "is not an ISO 8601 date"),
        ("", None, "date is missing"),
        (None, "%Y%m%d", "date is missing"),
        ("1997113", "%Y%m%d", "date '1997113' is not a date of the form '%Y%m%d'"),
        ("19971301", "%Y%m%d", "is not a date of the form"),
        ("1997-01-31", "%Y%m%d", "is not a date of the form"),
        ("31/02/2020", "%d/%m/%Y", "is not a date of the form"),
        ("01/02/2020 10:00", "%d/%m/%Y", "is not a date of the form"),
        ("12/31/2020", "%d/%m/%Y", "is not a date of the form"),
    ],
)
def test_date_text_that_is_refused(day, date_format, reason):
    assert reason in one_date(day, date_format)


@pytest.mark.parametrize(
    "days",
    [
        pd.to_datetime(["2025-01-31 23:59", "2025-02-28 00:00"]),
        pd.to_datetime(["2025-01-31 23:59", "2025-02-28 00:00"]).tz_localize("America/New_York"),
        [dt.date(2025, 1, 31), dt.date(2025, 2, 28)],
        pd.array([dt.date(2025, 1, 31), dt.date(2025, 2, 28)], pd.ArrowDtype(pa.date32())),
    ],
    ids=["datetime", "with a zone", "Python dates", "Arrow dates"],
)
def test_date_columns_keep_their_own_calendar_day(days):
    orders = read_orders(frame(day=days), **NAMES)
    assert orders["order_date"].dt.strftime("%Y-%m-%d %H:%M").tolist() == ["2025-01-31 00:00", "2025-02-28 00:00"]
    assert orders["order_date"].dtype == "datetime64[us]"


def test_missing_date_in_a_date_column():
    orders = read_orders(frame(day=pd.to_datetime(["2025-01-31", None])), **NAMES, bad_rows="report")
    assert rejected_rows(orders) == {1: "date is missing"}


def test_whole_numbers_as_dates_need_a_format():
    source = frame(day=[19970131, 19970201])
    with pytest.raises(ValueError, match=r"date column holds int64 \(19970131\).*date_format='%Y%m%d'"):
        read_orders(source, **NAMES)
    days = read_orders(source, **NAMES, date_format="%Y%m%d")["order_date"]
    assert days.tolist() == [pd.Timestamp(1997, 1, 31), pd.Timestamp(1997, 2, 1)]


# --- ids --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "expected", "kind"),
    [
        (["7", "10"], [7, 10], "int64"),
        (["0", "-5"], [0, -5], "int64"),
        (["07", "10"], ["07", "10"], None),
        (["7", "B"], ["7", "B"], None),
        ([" A ", "B\t"], ["A", "B"], None),
        (["12345678901234567890", "1"], ["12345678901234567890", "1"], None),
        (np.array([7, 10], "int32"), [7, 10], "int64"),
        (pd.Categorical(["B", "A"]), ["B", "A"], None),
        (pd.array([7, 10], "Int64"), [7, 10], "int64"),
    ],
)
def test_customer_ids(ids, expected, kind):
    customers = read_orders(frame(who=ids), **NAMES)["customer_id"]
    assert customers.tolist() == expected
    assert customers.dtype == kind if kind else pd.api.types.is_string_dtype(customers)


@pytest.mark.parametrize("missing", ["", "  ", None, "NULL", "nan", "N/A"])
def test_missing_customer(missing):
    orders = read_orders(frame(who=["5", missing]), **NAMES, bad_rows="report")
    assert rejected_rows(orders)[1].startswith("customer is missing")
    assert orders["customer_id"].tolist() == [5]


def test_whole_floats_are_ids_with_gaps():
    orders = read_orders(frame(who=[5.0, np.nan]), **NAMES, bad_rows="report")
    assert orders["customer_id"].tolist() == [5]
    assert orders["customer_id"].dtype == "int64"
    assert rejected_rows(orders) == {1: "customer is missing"}


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("who", [5.5, 6.0], "customer column holds fractions"),
        ("who", [True, False], "customer column holds bool"),
        ("who", ["A", 5], "'who' holds values of several types"),
        ("total", ["1.00", 2.5], "'total' holds values of several types"),
        ("total", [True, False], "amount column holds bool"),
        ("day", [1.5, 2.5], r"date column holds double \(1.5\)"),
    ],
)
def test_columns_of_a_wrong_type(column, values, message):
    with pytest.raises(ValueError, match=message):
        read_orders(frame(**{column: values}), **NAMES, bad_rows="report")


# --- rows -------------------------------------------------------------------------------------------------------------


def test_bad_rows_raise_with_the_first_of_them(tmp_path):
    rows = "".join(f"{i},2025-01-01,x\n" for i in range(8))
    path = written(tmp_path, f"who,day,total\n1,2025-01-01,3\n{rows}")
    with pytest.raises(ValueError) as error:
        read_orders(path, **NAMES)
    lines = str(error.value).splitlines()
    assert lines[0] == "log.csv: 8 of 9 rows cannot be read"
    assert [line.split(":")[0].strip() for line in lines[1:6]] == [f"line {n}" for n in range(3, 8)]
    assert lines[6].strip() == "... and 3 more"
    assert "bad_rows='report'" in lines[7]


def test_all_reasons_of_a_row_are_given():
    orders = read_orders(frame(["A", ""], ["2025-01-31", "soon"], ["1", "-2"]), **NAMES, bad_rows="report")
    (reason,) = rejected_rows(orders).values()
    assert [part.split(" ")[0] for part in reason.split("; ")][:2] == ["customer", "date"]
    assert reason.endswith("amount '-2' is negative: a return or correction, no order")


def test_every_row_bad_reports_an_empty_frame_of_the_right_types():
    orders = read_orders(frame(total=["x", "y"]), **NAMES, bad_rows="report")
    assert len(orders) == 0
    assert orders.dtypes.astype(str).to_dict()["amount_cents"] == "int64"
    assert len(orders.attrs["rejected"]) == 2


def test_exact_duplicates_are_kept_and_reported():
    source = frame(["A", "B", "A", "A", "A"], ["2025-01-31"] * 4 + ["2025-01-30"], ["5", "5", "5.00", "5", "5"])
    orders = read_orders(source, **NAMES)
    assert len(orders) == 5
    assert orders.attrs["duplicates"] == [{"row": 2, "first_row": 0}, {"row": 3, "first_row": 0}]


def test_two_orders_at_different_times_of_a_day_are_no_duplicates():
    source = frame(["A", "A"], ["2025-01-31 10:00", "2025-01-31 17:00"], ["5", "5"])
    assert read_orders(source, **NAMES).attrs["duplicates"] == []
    typed = source.assign(day=pd.to_datetime(source["day"]))
    assert read_orders(typed, **NAMES).attrs["duplicates"] == []


def lines(*rows):
    table = pd.DataFrame(rows, columns=["order", "who", "day", "total"])
    return read_orders(table, **NAMES, order="order", bad_rows="report")


def test_lines_of_an_order_are_summed():
    orders = lines(("o1", 1, "2025-01-31", "5.00"), ("o2", 2, "2025-01-31", "1"), ("o1", 1, "2025-01-31", "0.29"))
    assert orders["order_id"].tolist() == ["o1", "o2"]
    assert orders["amount_cents"].tolist() == [529, 100]
    assert orders["customer_id"].tolist() == [1, 2]
    assert orders.attrs == {"rejected": [], "duplicates": []}


def test_equal_lines_of_an_order_are_both_counted():
    orders = lines(("o1", 1, "2025-01-31", "5"), ("o1", 1, "2025-01-31", "5"))
    assert orders["amount_cents"].tolist() == [1000]


def test_a_discount_line_may_be_negative_but_not_the_order():
    orders = lines(
        (1, 1, "2025-01-31", "5"),
        (1, 1, "2025-01-31", "-2"),
        (2, 1, "2025-01-31", "5"),
        (2, 1, "2025-01-31", "-6"),
        (3, 1, "2025-01-31", "-1"),
    )
    assert orders["order_id"].tolist() == [1]
    assert orders["amount_cents"].tolist() == [300]
    assert {row: "negative" in reason for row, reason in rejected_rows(orders).items()} == {2: True, 3: True, 4: True}


def test_lines_that_contradict_each_other():
    orders = lines(
        (1, "A", "2025-01-31", "5"),
        (2, "A", "2025-01-31", "5"),
        (1, "B", "2025-01-31", "5"),
        (2, "A", "2025-02-01", "5"),
        (3, "A", "2025-02-01 08:00", "5"),
        (3, "A", "2025-02-01 09:00", "5"),
    )
    assert orders["order_id"].tolist() == [3]
    assert rejected_rows(orders) == {
        0: "order 1 has lines with different customers",
        1: "order 2 has lines with different days",
        2: "order 1 has lines with different customers",
        3: "order 2 has lines with different days",
    }


def test_a_bad_line_takes_its_order_with_it():
    orders = lines((1, "A", "2025-01-31", "5"), (2, "A", "2025-01-31", "5"), (1, "A", "2025-01-31", "x"))
    assert orders["order_id"].tolist() == [2]
    assert rejected_rows(orders)[0] == "order 1 is not whole: see position 2"
    assert "is not a number" in rejected_rows(orders)[2]


def test_missing_order_ids_are_not_one_order():
    orders = lines((None, "A", "2025-01-31", "5"), ("", "A", "2025-01-31", "5"), ("7", "A", "2025-01-31", "5"))
    assert orders["order_id"].tolist() == [7]
    assert rejected_rows(orders) == {0: "order id is missing", 1: "order id is missing"}


def test_attrs_survive_what_pandas_does_with_frames():
    orders = read_orders(frame(["A", "A", "B"], ["2025-01-31"] * 3, ["5", "5", "x"]), **NAMES, bad_rows="report")
    other = read_orders(frame(), **NAMES)
    assert len(pd.concat([orders, orders])) == 4
    assert len(pd.concat([orders, other])) == 4
    assert orders.groupby("customer_id")["amount_cents"].sum().tolist() == [1000]
    assert len(orders.merge(other, on="customer_id")) == 2
    assert orders.copy().attrs == orders.attrs
    assert copy.deepcopy(orders).attrs["rejected"] is orders.attrs["rejected"]
    assert orders[orders["amount_cents"] > 0].attrs == orders.attrs
    assert orders.equals(orders.copy())
    assert pd.DataFrame(orders.attrs["rejected"]).columns.tolist() == ["row", "reason"]


def test_attrs_survive_parquet(tmp_path):
    orders = read_orders(frame(total=["5", "x"]), **NAMES, bad_rows="report")
    orders.to_parquet(tmp_path / "orders.parquet")
    assert pd.read_parquet(tmp_path / "orders.parquet").attrs == orders.attrs


# --- files ------------------------------------------------------------------------------------------------------------

TWO_ORDERS = [["A", 2, 100, "2025-01-31"], ["B", 3, 250, "2025-02-28"]]


def summary(orders):
    return [
        [who, number, cents, f"{day:%Y-%m-%d}"] for who, number, day, cents in orders.itertuples(index=False, name=None)
    ]


@pytest.mark.parametrize(
    ("text", "encoding", "decimal"),
    [
        ("who,day,total\nA,2025-01-31,1.00\nB,2025-02-28,2.50\n", "utf-8", "."),
        ("who,day,total\r\nA,2025-01-31,1.00\r\nB,2025-02-28,2.50\r\n", "utf-8-sig", "."),
        ("who,day,total\nA,2025-01-31,1.00\nB,2025-02-28,2.50", "utf-8", "."),
        ("who;day;total\nA;2025-01-31;1,00\nB;2025-02-28;2,50\n", "utf-8-sig", ","),
        ("who\tday\ttotal\nA\t2025-01-31\t1,00\nB\t2025-02-28\t2,50\n", "utf-8", ","),
        ("who|day|total\nA|2025-01-31|1.00\nB|2025-02-28|2.50\n", "utf-8", "."),
        ('"who","day","total"\n"A","2025-01-31","1.00"\n"B","2025-02-28","2.50"\n', "utf-8", "."),
        (" who , day, total\nA , 2025-01-31, 1.00\nB , 2025-02-28, 2.50\n", "utf-8", "."),
        ("total,note,note,who,day\n1.00,,é,A,2025-01-31\n2.50,,x;y,B,2025-02-28\n", "utf-8", "."),
    ],
    ids=["plain", "BOM and CRLF", "no last line end", "semicolon", "tab", "bar", "quoted", "blanks", "other columns"],
)
def test_dialects(tmp_path, text, encoding, decimal):
    assert summary(read_orders(written(tmp_path, text, encoding), **NAMES, decimal=decimal)) == TWO_ORDERS


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_sep_line_of_excel(tmp_path, first):
    path = written(tmp_path, f"{first}\r\nwho;day;total\r\nA;2025-01-31;1.00\r\nB;2025-02-28;x\r\n", "utf-8-sig")
    orders = read_orders(path, **NAMES, bad_rows="report")
    assert summary(orders) == [["A", 3, 100, "2025-01-31"]]
    assert list(rejected_rows(orders)) == [4]


def test_path_as_text(tmp_path):
    path = written(tmp_path, "who,day,total\nA,2025-01-31,1.00\nB,2025-02-28,2.50\n")
    assert summary(read_orders(str(path), **NAMES)) == TWO_ORDERS


def test_line_numbers_are_those_of_an_editor(tmp_path):
    text = (
        "note,who,day,total\n"  # 1
        "a,A,2025-01-31,x\n"  # 2
        "\n"  # 3
        '"two\nlines",B,2025-01-31,y\n'  # 4, 5
        "a,C,2025-01-31\n"  # 6
        '"three\n\nlines",D,2025-01-31,5\n'  # 7 to 9
        ",,,\n"  # 10
        "a,E,2025-01-31,1,2\n"  # 11
        "a,F,2025-01-31,z\n"  # 12
        "   \n"  # 13
        "a,G,2025-01-31,7\n\n"  # 14, 15
    )
    for line_end in ("\n", "\r\n"):
        path = written(tmp_path, text.replace("\n", line_end))
        orders = read_orders(path, **NAMES, bad_rows="report")
        reasons = rejected_rows(orders)
        assert list(reasons) == [2, 4, 6, 11, 12]
        assert reasons[6] == "3 fields, expected 4 as in the header"
        assert reasons[11] == "5 fields, expected 4 as in the header"
        assert orders["order_id"].tolist() == [7, 14]


def test_a_header_of_two_lines(tmp_path):
    path = written(tmp_path, 'who,day,"the\nnote",total\nA,2025-01-31,x,1.00\nB,2025-02-28,y,no\n')
    assert list(rejected_rows(read_orders(path, **NAMES, bad_rows="report"))) == [4]


def test_a_quotation_mark_that_is_never_closed(tmp_path):
    path = written(tmp_path, 'who,day,total,note\nA,2025-01-31,1,x\nB,2025-01-31,1,"x\nC,2025-01-31,1,x\n')
    with pytest.raises(ValueError, match="line 3: a quotation mark is opened here and never closed"):
        read_orders(path, **NAMES, bad_rows="report")


def test_inch_marks_are_no_quotation_marks(tmp_path):
    path = written(tmp_path, 'who,day,total,note\nA,2025-01-31,1.00,5" pipe\nB,2025-02-28,2.50,x\n')
    assert summary(read_orders(path, **NAMES)) == TWO_ORDERS


HEADER = "who,day,total\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "log.csv is empty"),
        (b"\xef\xbb\xbf", r"has no column 'who'"),
        (b"\n", "has no column 'who'"),
        (HEADER.encode(), "log.csv has column names and no rows"),
        (HEADER.strip().encode(), "log.csv has column names and no rows"),
        (HEADER.encode() + b"\n,,\n", "log.csv has column names and no rows"),
        (b"client,day,total\nA,2025-01-31,1\n", r"no column 'who', expected one for customer \(found: client, day, to"),
        (b"who,day,who,total\nA,2025-01-31,B,1\n", "2 columns 'who', expected one for customer"),
        (b"A,2025-01-31,1\n", r"no column 'who'.*\(found: A, 2025-01-31, 1\)"),
        (HEADER.encode() + b"A,2025-01-31,1\nJos\xe9,2025-01-31,1\n", "line 3 holds the byte 0xE9.*Windows-1252"),
        ((HEADER + "A,2025-01-31,1\n").encode("utf-16"), "is UTF-16 text .*expected CSV text in UTF-8"),
        ((HEADER + "A,2025-01-31,1\n").encode("utf-16-le"), "NUL bytes"),
        (b"PK\x03\x04rest of a workbook", "is an Excel workbook or a zip archive.*CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", "is an old Excel workbook"),
        (b"\x1f\x8brest", "is a gzip archive"),
        (b"PAR1rest", "is a Parquet file"),
        (b"who,day,total\rA,2025-01-31,1\r", "2 line ends that are a bare carriage return"),
    ],
)
def test_files_that_are_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_orders(written(tmp_path, content), **NAMES, bad_rows="report")


def test_a_real_workbook_is_refused_by_its_content_whatever_its_name(tmp_path):
    with pytest.raises(ValueError, match=r"orders\.xlsx is an Excel workbook"):
        read_orders(written(tmp_path, b"PK\x03\x04", name="orders.xlsx"), **NAMES)


def test_no_file_and_a_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_orders(tmp_path / "none.csv", **NAMES)
    with pytest.raises(IsADirectoryError, match="is a directory, expected a CSV file"):
        read_orders(tmp_path, **NAMES)


def test_a_broken_character_across_chunks_is_found_on_its_line(tmp_path):
    rows = b"A,2025-01-31,1\n" * 300_000
    with pytest.raises(ValueError, match="line 300003 holds the byte 0xC3"):
        read_orders(written(tmp_path, HEADER.encode() + rows + b"B,2025-01-31,1\n\xc3,2025-01-31,1\n"), **NAMES)


# --- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": "day"}, "two arguments name the same column"),
        ({"decimal": ";"}, r"decimal is ';', expected '.' or ','"),
        ({"bad_rows": "drop"}, "bad_rows is 'drop', expected 'raise' or 'report'"),
        ({"date_format": "%d/%m"}, "date_format is '%d/%m', expected a year and a day"),
        ({"date_format": "%d/%m/%Y %z"}, "no time zone"),
        ({"order": "basket"}, "the frame has no column 'basket', expected one for order"),
    ],
)
def test_arguments_that_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        read_orders(frame(), **NAMES | change)


@pytest.mark.parametrize("source", [None, 5, [["A", "2025-01-31", 1]], pl.LazyFrame({"who": [1]})])
def test_sources_that_are_refused(source):
    with pytest.raises(TypeError, match="expected a path or a frame in memory"):
        read_orders(source, **NAMES)


def test_frames_without_rows_or_with_a_column_twice():
    with pytest.raises(ValueError, match="the frame has column names and no rows"):
        read_orders(frame().head(0), **NAMES)
    twice = pd.DataFrame([["A", "2025-01-31", 1, 2]], columns=["who", "day", "total", "total"])
    with pytest.raises(ValueError, match="the frame has 2 columns 'total', expected one for amount"):
        read_orders(twice, **NAMES)
    notes = pd.DataFrame([["A", "2025-01-31", 1, "x", "y"]], columns=["who", "day", "total", "note", "note"])
    assert read_orders(notes, **NAMES)["amount_cents"].tolist() == [100]


# --- the real CDNOW log -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cdnow():
    folder = os.environ.get("CRMLAB_REAL_DATA")
    path = Path(folder or "") / "cdnowElog.csv"
    if not folder or not path.is_file():
        pytest.skip("CRMLAB_REAL_DATA names no folder with cdnowElog.csv")
    return path


def test_cdnow(cdnow):
    orders = read_orders(cdnow, customer="masterid", date="date", amount="sales", date_format="%Y%m%d")
    assert len(orders) == 6919
    assert orders["customer_id"].nunique() == 2357
    assert orders["customer_id"].dtype == "int64"
    assert len(orders.attrs["duplicates"]) == 21
    assert orders.attrs["rejected"] == []
    assert (orders["amount_cents"] == 0).sum() == 8
    assert orders["order_date"].agg(["min", "max"]).tolist() == [pd.Timestamp(1997, 1, 1), pd.Timestamp(1998, 6, 30)]
    # Held against Python's own decimal arithmetic on the text of the file.
    with cdnow.open(encoding="utf-8") as file:
        assert orders["amount_cents"].sum() == sum(int(Decimal(line.split(",")[4]) * 100) for line in list(file)[1:])


def test_cdnow_as_a_frame_is_the_same(cdnow):
    names = {"customer": "masterid", "date": "date", "amount": "sales", "date_format": "%Y%m%d"}
    from_file, from_frame = read_orders(cdnow, **names), read_orders(pd.read_csv(cdnow), **names)
    pd.testing.assert_frame_equal(from_file.drop(columns="order_id"), from_frame.drop(columns="order_id"))
    assert (from_file["order_id"] == from_frame["order_id"] + 2).all()


def test_cdnow_without_a_date_format_says_what_to_do(cdnow):
    with pytest.raises(ValueError, match=r"(?s)6,919 of 6,919 rows.*line 2: date '19970101'.*'%Y%m%d'") as error:
        read_orders(cdnow, customer="masterid", date="date", amount="sales")
    assert len(str(error.value).splitlines()) == 8
