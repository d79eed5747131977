"""Concentration of margin and target marketing: by hand, by their definitions, and against the hidden response."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.segmentation import (
    break_even_rate,
    contact_margin,
    customer_margin,
    decile_table,
    gain_by_segment,
    gini,
    lorenz_curve,
    mailing_gain,
    random_half,
    share_of_best,
)

AMOUNTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=40).filter(sum)
PEOPLE = 4_000


# --- concentration ----------------------------------------------------------------------------------------------------


@given(AMOUNTS)
@settings(max_examples=80, deadline=None)
def test_gini_is_the_mean_difference_of_two_customers_and_the_area_under_the_lorenz_curve(values):
    numbers = np.array(values, dtype="float64")
    difference = np.abs(numbers[:, None] - numbers[None, :]).mean()
    assert gini(values) == pytest.approx(difference / (2 * numbers.mean()), abs=1e-12)
    curve = lorenz_curve(values)
    area = np.trapezoid(curve["share_of_total"], curve["share_of_customers"])
    assert gini(values) == pytest.approx(1 - 2 * area, abs=1e-9)
    assert (curve["share_of_total"] <= curve["share_of_customers"] + 1e-9).all()


@given(AMOUNTS, st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_groups_hold_everybody_and_everything_the_best_first(values, groups):
    if groups > len(values):
        with pytest.raises(ValueError, match="groups is"):
            decile_table(values, groups)
        return
    table = decile_table(values, groups)
    assert table["customers"].sum() == len(values)
    assert table["customers"].max() - table["customers"].min() <= 1
    assert table["total"].sum() == sum(values)
    assert (table["lowest"].iloc[:-1].to_numpy() >= table["highest"].iloc[1:].to_numpy()).all()
    best = share_of_best(values, table["customers"].iloc[0] / len(values))
    assert best == pytest.approx(table["share"].iloc[0], abs=1e-9)


def test_a_customer_who_costs_money_pulls_the_curve_below_zero():
    curve = lorenz_curve([-1, 1, 4])
    assert curve["share_of_total"].tolist() == [0, -0.25, 0, 1]
    assert share_of_best([-1, 1, 4], 1 / 3) == pytest.approx(1)


@pytest.mark.parametrize(("values", "said"), [([], "empty"), ([1, np.nan], "1 missing"), ([-1, 1], "add up to 0")])
def test_values_that_have_no_share_are_refused(values, said):
    with pytest.raises(ValueError, match=said):
        gini(values)


def test_margin_is_what_goods_and_refunds_leave_as_known_that_evening():
    orders = pd.DataFrame(
        {
            "order_id": [1, 2, 3],
            "customer_id": [7, 7, 8],
            "order_date": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-01-31"]),
        }
    )
    lines = pd.DataFrame(
        {
            "order_id": [1, 1, 2, 3],
            "quantity": [1, 2, 9, 1],
            "unit_price_cents": [500, 300, 900, 1000],
            "unit_cost_cents": [200, 100, 100, 400],
        }
    )
    returns = pd.DataFrame(
        {"order_id": [3, 1], "return_date": pd.to_datetime(["2025-01-31", "2025-02-01"]), "refund_cents": [1000, 500]}
    )
    day = dt.date(2025, 1, 31)
    assert customer_margin(orders, lines, day).to_dict() == {7: 700, 8: 600}
    assert customer_margin(orders, lines, day, returns=returns).to_dict() == {7: 700, 8: -400}
    with pytest.raises(ValueError, match="order_lines has no column 'unit_cost_cents'"):
        customer_margin(orders, lines.drop(columns="unit_cost_cents"), day)


# --- targeting --------------------------------------------------------------------------------------------------------


def experiment():
    rows = [("a", "voucher", 900, 4), ("a", "control", 900, 1), ("b", "voucher", 900, 2), ("b", "control", 900, 2)]
    made = [(segment, arm, cents if i < buyers else 0) for segment, arm, cents, buyers in rows for i in range(10)]
    contacts = pd.DataFrame(made, columns=["segment", "arm", "margin_cents"])
    return contacts


def test_a_gain_is_the_difference_of_the_arms_less_the_cost():
    contacts = experiment()
    table = gain_by_segment(contacts, contacts["segment"], 20, treatment="voucher")
    assert table["gain_cents"].to_dict() == {"a": 250, "b": -20}
    assert table["contacts"].to_dict() == {"a": 20, "b": 20}
    variance = 900**2 * (0.4 * 0.6 + 0.1 * 0.9) / 9
    assert table.loc["a", "standard_error_cents"] == pytest.approx(np.sqrt(variance))
    assert mailing_gain(table, ["a", "b"]) == 20 * 250 - 20 * 20
    assert mailing_gain(table, []) == 0
    with pytest.raises(ValueError, match="no segment 'c'"):
        mailing_gain(table, ["c"])
    with pytest.raises(ValueError, match="0 contacts in arm 'new_roast'"):
        gain_by_segment(contacts, contacts["segment"], 20, treatment="new_roast")


def test_the_break_even_counts_margin():
    assert break_even_rate(90, 1800) == 0.05
    with pytest.raises(ValueError, match="margin_cents is 0"):
        break_even_rate(90, 0)
    with pytest.raises(ValueError, match="contact_cost_cents is -1"):
        break_even_rate(-1, 10)


def test_a_voucher_comes_off_the_margin_whole():
    contacts = pd.DataFrame({"spent_cents": [9000, 10000]})
    assert contact_margin(contacts, 0.4, pd.Series([10, 0])).round(6).tolist() == [3000, 4000]
    with pytest.raises(ValueError, match="margin_share is 40"):
        contact_margin(contacts, 40)


def test_halves_are_drawn_by_lot_within_each_arm():
    contacts = observed(people=PEOPLE).campaign_file
    half = random_half(contacts, seed=2)
    assert half.groupby(contacts["arm"]).mean().tolist() == [0.5, 0.5, 0.5]
    assert half.equals(random_half(contacts, seed=2))
    assert not half.equals(random_half(contacts, seed=3))
    assert contacts.groupby(half)["orders_2_years"].mean().diff().abs().iloc[-1] < 0.1


def campaign(seed, absent=""):
    """The campaign file with its margin, the segment by use of vouchers, and the true gain of a voucher in it."""
    contacts = observed(seed, absent, PEOPLE).campaign_file
    discount = (contacts["arm"] == "voucher") * 10
    contacts = contacts.assign(margin_cents=contact_margin(contacts, 0.5, discount))
    uses = contacts["vouchers_used"] * 3 > contacts["orders_2_years"]
    segment = uses.map({True: "often", False: "seldom"}).rename("vouchers")
    effects = hidden(seed, absent, PEOPLE)["campaign_file_effects"].set_index("contact_id").loc[contacts["contact_id"]]
    true = effects["order_cents"] * (effects["voucher_60_days"] * 0.4 - effects["control_60_days"] * 0.5)
    return contacts, segment, pd.Series(true.to_numpy()).groupby(segment.to_numpy()).mean()


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_gain_of_a_segment_agrees_with_the_hidden_response(seed):
    contacts, segment, true = campaign(seed)
    table = gain_by_segment(contacts, segment, 0, treatment="voucher")
    # What the truth calls the middle of an order is its median, about the mean here.
    assert (np.abs(table["gain_cents"] - true) < 3.5 * table["standard_error_cents"]).all()
    assert true["often"] > 5 > true["seldom"]


def test_segments_chosen_and_scored_on_the_same_contacts_look_better_than_they_are():
    contacts, _, _ = campaign(11, "lift")
    rng = np.random.default_rng(4)
    same, other = [], []
    for seed in range(20):
        lots = pd.Series(rng.integers(0, 20, len(contacts)), index=contacts.index, name="lot")
        half = random_half(contacts, seed)
        chosen_on = gain_by_segment(contacts[half], lots, 0, treatment="new_roast")
        scored_on = gain_by_segment(contacts[~half], lots, 0, treatment="new_roast")
        chosen = chosen_on.index[chosen_on["gain_cents"] > 0]
        same.append(mailing_gain(chosen_on, chosen))
        other.append(mailing_gain(scored_on, chosen))
    assert min(same) > 0
    assert np.mean(other) < np.mean(same) / 2
