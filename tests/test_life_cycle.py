"""The life-cycle log: the first time of each step, in the order in which a customer went through them."""

import pandas as pd
import pytest

from crmlab.analytical.life_cycle import STEP_OF_TOUCH, life_cycle, paths
from crmlab.operational import log_interaction, open_store, place_order


def timeline(*touches):
    rows = [{"customer_id": 1, "at": pd.Timestamp(at), "touch": touch} for at, touch in touches]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("touches", "path"),
    [
        ([("2025-01-01", "recorded")], "acquire"),
        ([("2025-01-01", "order"), ("2025-01-01", "recorded")], "acquire > sell"),
        ([("2025-01-01 09:00", "order"), ("2025-01-01 17:00", "order")], "sell"),
        ([("2025-01-01 17:00", "order"), ("2025-01-02 09:00", "order")], "sell > retain"),
        ([("2025-01-01", "order"), ("2025-01-05", "order"), ("2025-01-09", "return")], "sell > retain > serve"),
        ([("2025-01-01", "order"), ("2025-01-05", "delivery_rating"), ("2025-01-05", "order")],
         "sell > serve > retain"),
        ([("2025-01-01", "contact"), ("2025-01-05", "order"), ("2025-01-06", "opt_out")], "serve > sell"),
    ],
)  # fmt: skip
def test_the_path_of_one_customer(touches, path):
    assert paths(life_cycle(timeline(*touches))).to_dict() == {1: path}


def test_each_step_stands_once_and_names_its_first_time():
    log = life_cycle(timeline(("2025-03-01", "return"), ("2025-01-01", "order"), ("2025-02-01", "return")))
    assert log["step"].to_list() == ["sell", "serve"]
    assert log["at"].to_list() == [pd.Timestamp("2025-01-01"), pd.Timestamp("2025-02-01")]
    assert log["step_number"].to_list() == [1, 2]


def test_what_the_front_office_does_goes_into_the_log():
    query = "SELECT customer_id, at, touch FROM v_timeline WHERE customer_id = 2"
    with open_store() as store:
        known = set(store.sql("SELECT DISTINCT touch FROM v_timeline")["touch"])
        before = life_cycle(store.sql(query))
        log_interaction(store, "call", "inbound", at="2026-01-05 09:00", answered_at="2026-01-05 09:01",
                        ended_at="2026-01-05 09:04", customer_id=2, by=20)  # fmt: skip
        place_order(store, 2, [(1, 1)], channel="web", at="2026-01-06 10:00")
        after = life_cycle(store.sql(query))
    assert set(STEP_OF_TOUCH) - {"ticket", "contact"} <= known
    assert set(after["step"]) == {*before["step"], "serve"}


def test_a_timeline_without_touches_is_refused():
    with pytest.raises(ValueError, match="timeline has no column 'touch'"):
        life_cycle(timeline(("2025-01-01", "order"))[["customer_id", "at"]])
