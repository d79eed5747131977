"""First-contact resolution and deflection: settled only if the customer does not come back."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.contact_centre import days_to_next_contact, deflection, first_contact_resolution, settled

LATE = pd.Timestamp("2026-12-31")


def contacts(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "topic", "day", "is_self_service"])
    frame["arrived_at"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return frame.drop(columns="day")


def test_only_the_same_customer_on_the_same_topic_counts():
    frame = contacts((1, "a", 0, True), (2, "a", 1, True), (1, "b", 2, True), (1, "a", 3, False))
    assert days_to_next_contact(frame).fillna(-1).tolist() == [3, -1, -1, -1]


def test_the_seventh_day_counts_and_a_second_later_does_not():
    frame = contacts((1, "a", 0, True), (1, "a", 7, True), (1, "a", 14 + 1 / 86400, True))
    assert settled(frame, LATE).tolist() == [False, True, True]


def test_days_that_are_not_over_tell_nothing_unless_somebody_came_back():
    frame = contacts((1, "a", 0, True), (1, "a", 5, True), (2, "a", 5, True))
    assert settled(frame, pd.Timestamp("2026-01-10")).tolist() == [False, pd.NA, pd.NA]


def test_callers_whom_nobody_knows_are_not_judged_and_not_taken_for_one_person():
    frame = contacts((None, "a", 0, True), (None, "a", 1, False), (1, None, 2, True), (2, "a", 3, True))
    assert settled(frame, LATE).isna().tolist() == [True, True, True, False]
    assert deflection(frame, LATE) == {"self_service": 1, "naive": 1.0, "true": 1.0, "came_back": 0.0}


def test_a_second_contact_is_not_a_first_one():
    # One matter of three contacts, and one of a single contact.
    frame = contacts((1, "a", 0, False), (1, "a", 3, False), (1, "a", 6, False), (2, "a", 0, False))
    found = first_contact_resolution(frame, LATE)
    assert found == {"matters": 2, "first_contact_resolution": 0.5}


def test_a_matter_after_long_silence_is_a_new_one():
    frame = contacts((1, "a", 0, False), (1, "a", 30, False))
    assert first_contact_resolution(frame, LATE) == {"matters": 2, "first_contact_resolution": 1.0}


def test_nothing_gives_no_share():
    empty = contacts()
    assert math.isnan(deflection(empty, LATE)["naive"])
    assert first_contact_resolution(empty, LATE)["matters"] == 0
    assert math.isnan(first_contact_resolution(empty, LATE)["first_contact_resolution"])


def test_a_column_that_is_missing_is_named():
    with pytest.raises(ValueError, match="no column 'topic'"):
        settled(pd.DataFrame({"customer_id": [1]}), LATE)
    with pytest.raises(ValueError, match="no column 'is_self_service'"):
        deflection(contacts().drop(columns="is_self_service"), LATE)


rows = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from("ab"), st.integers(0, 40), st.booleans()), min_size=1, max_size=30
)


@settings(max_examples=100, deadline=None)
@given(rows, st.randoms(use_true_random=False), st.integers(1, 20))
def test_shares_agree_with_counting_by_hand_in_any_order(drawn, random, days):
    frame = contacts(*drawn).drop_duplicates(["customer_id", "topic", "arrived_at"]).reset_index(drop=True)
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order]
    before = shuffled.copy(deep=True)
    found = deflection(shuffled, LATE, within_days=days)
    pd.testing.assert_frame_equal(shuffled, before)
    alone = kept = 0
    for i, row in frame.iterrows():
        others = frame.drop(index=i)
        gap = (others["arrived_at"] - row["arrived_at"]).dt.days
        same = (others["customer_id"] == row["customer_id"]) & (others["topic"] == row["topic"])
        back = same & gap.between(1, days)
        alone += row["is_self_service"]
        kept += row["is_self_service"] and not back.any()
    assert found["naive"] == pytest.approx(alone / len(frame))
    assert found["true"] == pytest.approx(kept / len(frame))
    assert found["true"] <= found["naive"]
