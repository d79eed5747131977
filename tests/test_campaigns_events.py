"""Events: whose occasion it is on a day, acted on once."""

import datetime

import pandas as pd
import pytest
from campaign_steps import campaign, confirm, opt_out
from stores import store_fixture

from crmlab.operational import (
    RefusedOperation,
    add_customer,
    due_events,
    merge_customers,
    place_order,
    queue_events,
    send_due,
)
from crmlab.operational.marketing.events import holiday_dates, in_year

store = store_fixture(people=800)


def born(store, date, address="b@example.org"):
    new = add_customer(store, "Born", [("email", address)], "2023-06-01", birth_date=date)
    confirm(store, address)
    return new["customer"]["customer_id"].item()


def has_birthday(store, customer_id, on):
    return customer_id in set(due_events(store, on, ("birthday",))["customer_id"])


def test_29_february_is_kept_on_1_march_in_common_years(store):
    leap, next_day = born(store, "1992-02-29"), born(store, "1990-03-01", "n@example.org")
    days = pd.date_range("2024-01-01", "2028-12-31")
    for customer_id, expected in (
        (leap, ["2024-02-29", "2025-03-01", "2026-03-01", "2027-03-01", "2028-02-29"]),
        (next_day, [f"{year}-03-01" for year in range(2024, 2029)]),
    ):
        around = [day for day in days if (day.month, day.day) in {(2, 28), (2, 29), (3, 1), (3, 2)}]
        assert [str(day.date()) for day in around if has_birthday(store, customer_id, day)] == expected


def test_every_customer_has_one_birthday_a_year(store):
    for year in (2024, 2026):
        days = pd.date_range(f"{year}-02-20", f"{year}-03-10")
        seen = pd.concat([due_events(store, day, ("birthday",)) for day in days])
        assert not seen["customer_id"].duplicated().any()
        known = "SELECT birth_date FROM customer WHERE birth_date IS NOT NULL AND created_at < ?"
        dates = store.sql(known, [f"{year}-02-20"])["birth_date"]
        moved = [in_year(each.date(), year) for each in dates]
        expected = sum(datetime.date(year, 2, 20) <= each <= datetime.date(year, 3, 10) for each in moved)
        assert len(seen) >= expected > 5


def test_a_contract_is_due_30_days_before_it_goes_on(store):
    customer = born(store, None)
    plan = store.sql("SELECT product_id FROM product WHERE category = 'service_plan' LIMIT 1")["product_id"].item()
    place_order(store, customer, [(plan, 1)], "web", at="2024-02-29 12:00")
    days = [day for first in ("2024-02-28", "2025-01-28", "2026-01-28") for day in pd.date_range(first, periods=4)]
    mine = [str(day.date()) for day in days
            if customer in set(due_events(store, day, ("contract_end",))["customer_id"])]  # fmt: skip
    assert mine == ["2025-01-30", "2026-01-30"]
    due = due_events(store, "2026-01-30", ("contract_end",)).set_index("customer_id").loc[customer]
    assert due["event_date"] == pd.Timestamp("2026-03-01")


def test_holidays_and_seasons_go_to_those_who_bought_then(store):
    assert holiday_dates(2024)["Easter Sunday"] == datetime.date(2024, 3, 31)
    assert holiday_dates(2024)["Mother's Day"] == datetime.date(2024, 5, 12)
    due = due_events(store, "2025-12-11", ("holiday",))
    bought = store.sql(
        """SELECT DISTINCT customer_id FROM v_order JOIN order_line USING (order_id) JOIN product USING (product_id)
        WHERE category = 'gift' AND order_date >= '2024-11-25' AND order_date < '2024-12-25' ORDER BY 1"""
    )
    assert due["customer_id"].to_list() == bought["customer_id"].to_list() and len(due) > 5
    assert due_events(store, "2025-12-12", ("holiday",)).empty
    spring = due_events(store, "2026-03-01", ("season",))
    bought = store.sql("SELECT DISTINCT customer_id FROM v_order WHERE order_date >= '2025-03-01' "
                       "AND order_date < '2025-06-01' AND subscription_id IS NULL ORDER BY 1")  # fmt: skip
    assert spring["customer_id"].to_list() == bought["customer_id"].to_list() and len(spring) > 50
    winter = due_events(store, "2025-12-01", ("season",))
    assert set(winter["occasion"]) == {"winter"}
    with pytest.raises(RefusedOperation, match="events are known ones"):
        due_events(store, "2026-03-01", ("wedding",))


def test_an_event_is_acted_on_once_for_a_person(store):
    first, second = born(store, "1992-02-29"), born(store, "1992-02-29", "c@example.org")
    gone = born(store, "1980-03-01", "gone@example.org")
    opt_out(store, "gone@example.org")
    birthdays = campaign(store, "birthdays", [], start_date="2026-01-10", end_date="2026-12-31")
    queued = queue_events(store, birthdays, "2026-03-01", ("birthday",), seed=1)
    states = queued["campaign_member"].set_index("customer_id")
    assert states.loc[[first, second, gone], "status"].to_list() == ["queued", "queued", "suppressed"]
    assert states.loc[gone, "suppress_reason"] == "opt_out"
    again = queue_events(store, birthdays, "2026-03-01", ("birthday",), seed=1)
    assert again["customer_event"].empty and again["campaign_member"].empty
    merge_customers(store, winner_id=second, loser_id=first, at="2026-03-01 08:00")
    other = campaign(store, "others", [], start_date="2026-01-10", end_date="2026-12-31")
    assert queue_events(store, other, "2026-03-01", ("birthday",), seed=1)["customer_event"].empty
    send_due(store, birthdays, "2026-03-01 10:00")
    sent = store.sql("SELECT customer_id FROM campaign_member WHERE sent_at > '2026'")["customer_id"]
    assert second in set(sent) and first not in set(sent) and gone not in set(sent)


def test_events_need_a_campaign_of_that_day(store):
    birthdays = campaign(store, "birthdays", [])
    with pytest.raises(RefusedOperation, match="Active on that day"):
        queue_events(store, birthdays, "2026-03-01", ("birthday",), seed=1)
    assert store.sql("SELECT * FROM customer_event").empty
