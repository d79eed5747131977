"""Event-based marketing: a daily rule finds whose occasion it is, and acts on it once.

**birthday**, on the day. Whoever was born on 29 February has it on 1 March in years without that day: the day of birth
is the first day of life, so a year of it is full when 28 February is over.
**contract_end**, 30 days before a running service contract would go on for another year.
**holiday**, 14 days before Easter Sunday, Mother's Day and Christmas Day (the calendar of Germany), for those who
bought something from the category gift in the 30 days before that holiday in the year before.
**season**, on the first day of March, June, September and December, for those who ordered in the same three months of
the year before.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.marketing.audience import add_members
from crmlab.operational.marketing.campaigns import read_campaign
from crmlab.operational.marketing.send_queue import give_times
from crmlab.operational.moments import day, moment
from crmlab.operational.operation import actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

EVENTS = ("birthday", "contract_end", "holiday", "season")
NOTICE_DAYS = 30
HOLIDAY_NOTICE_DAYS = 14
_GIFT_DAYS = 30
_ONE_DAY = datetime.timedelta(days=1)


def in_year(date: datetime.date, year: int) -> datetime.date:
    """The same day in another year; 29 February becomes 1 March where the year has none.

    >>> in_year(datetime.date(2024, 2, 29), 2026), in_year(datetime.date(2024, 2, 29), 2028)
    (datetime.date(2026, 3, 1), datetime.date(2028, 2, 29))
    """
    try:
        return date.replace(year=year)
    except ValueError:
        return datetime.date(year, 3, 1)


def holiday_dates(year: int) -> dict[str, datetime.date]:
    """The days before which people buy presents.

    >>> holiday_dates(2026)["Easter Sunday"], holiday_dates(2026)["Mother's Day"]
    (datetime.date(2026, 4, 5), datetime.date(2026, 5, 10))
    """
    import holidays

    public = holidays.country_holidays("DE", years=year, language="en_US")
    (easter_monday,) = public.get_named("Easter Monday")
    (christmas,) = public.get_named("Christmas Day")
    # Mother's Day is no public holiday: the second Sunday of May.
    first = datetime.date(year, 5, 1)
    mothers_day = first + datetime.timedelta(days=6 - first.weekday() + 7)
    return {"Easter Sunday": easter_monday - _ONE_DAY, "Mother's Day": mothers_day, "Christmas Day": christmas}


def due_events(store: Store, on: str | datetime.date, events: tuple[str, ...] = EVENTS) -> pd.DataFrame:
    """Whose occasion is acted on on a day, whether that was done already or not.

    Returns ``customer_id`` (the surviving record), ``event``, ``event_date``, ``due_date`` and ``occasion``, a row a
    customer, event and date, sorted. Raises ``RefusedOperation`` for an unknown event.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     due = due_events(store, "2026-03-01")
    >>> sorted(set(due["event"]))
    ['birthday', 'contract_end', 'season']
    """
    unknown = [each for each in events if each not in EVENTS]
    if isinstance(events, str) or unknown:
        raise RefusedOperation("events are known ones", repr(events), ", ".join(EVENTS))
    today = datetime.date.fromisoformat(day(on))
    found = {
        "birthday": _birthdays, "contract_end": _contract_ends, "holiday": _holidays, "season": _seasons
    }  # fmt: skip
    rows = [row for event in events for row in _rows(event, found[event](store, today), today)]
    names = ["customer_id", "event", "event_date", "due_date", "occasion"]
    frame = pd.DataFrame(rows, columns=names).astype({"customer_id": "int64", "event": "str", "occasion": "str"})
    for name in ("event_date", "due_date"):
        frame[name] = pd.to_datetime(frame[name])
    frame = frame.drop_duplicates(["customer_id", "event", "event_date"])
    return frame.sort_values(["event", "customer_id", "event_date"], ignore_index=True)


def _rows(event: str, found: pd.DataFrame, today: datetime.date) -> list[tuple[object, ...]]:
    rows = found[["customer_id", "event_date", "occasion"]].itertuples(index=False, name=None)
    return [(customer_id, event, date, today, occasion) for customer_id, date, occasion in rows]


def _birthdays(store: Store, today: datetime.date) -> pd.DataFrame:
    days = [today.strftime("%m-%d")]
    if days == ["03-01"] and in_year(datetime.date(2024, 2, 29), today.year) == today:
        days.append("02-29")
    return store.sql(
        f"""SELECT customer_id, :today AS event_date, 'birthday, ' ||
           (CAST(substr(:today, 1, 4) AS INTEGER) - CAST(substr(birth_date, 1, 4) AS INTEGER)) AS occasion
        FROM customer WHERE merged_into_id IS NULL AND substr(birth_date, 6) IN ({", ".join(repr(d) for d in days)})
          AND birth_date < :today AND created_at < :today || 'T24'""",
        {"today": today.isoformat()},
    )


def _contract_ends(store: Store, today: datetime.date) -> pd.DataFrame:
    anniversary = today + datetime.timedelta(days=NOTICE_DAYS)
    running = store.sql(
        """SELECT v.surviving_customer_id AS customer_id, p.name AS occasion, c.start_date
        FROM service_contract AS c JOIN v_customer AS v USING (customer_id) JOIN product AS p USING (product_id)
        WHERE c.start_date <= :today AND (c.end_date IS NULL OR c.end_date > :today)""",
        {"today": today.isoformat()},
    )
    started = running["start_date"].dt.date
    ends = [in_year(each, anniversary.year) == anniversary and each.year < anniversary.year for each in started]
    return running[ends].assign(event_date=anniversary)


def _holidays(store: Store, today: datetime.date) -> pd.DataFrame:
    soon = today + datetime.timedelta(days=HOLIDAY_NOTICE_DAYS)
    rows = []
    for name, date in holiday_dates(soon.year).items():
        if date == soon:
            last_year = holiday_dates(soon.year - 1)[name]
            bought = store.sql(
                """SELECT DISTINCT v.surviving_customer_id AS customer_id
                FROM sales_order AS o JOIN v_customer AS v USING (customer_id) JOIN order_line USING (order_id)
                JOIN product AS p USING (product_id)
                WHERE p.category = 'gift' AND o.order_date >= ? AND o.order_date < ?""",
                [(last_year - datetime.timedelta(days=_GIFT_DAYS)).isoformat(), last_year.isoformat()],
            )
            rows.append(bought.assign(event_date=date, occasion=name))
    return pd.concat(rows) if rows else pd.DataFrame(columns=["customer_id", "event_date", "occasion"])


def _seasons(store: Store, today: datetime.date) -> pd.DataFrame:
    names = {3: "spring", 6: "summer", 9: "autumn", 12: "winter"}
    if today.day != 1 or today.month not in names:
        return pd.DataFrame(columns=["customer_id", "event_date", "occasion"])
    first = today.replace(year=today.year - 1)
    after = first.replace(month=first.month + 3) if first.month < 12 else datetime.date(today.year, 3, 1)
    bought = store.sql(
        """SELECT DISTINCT v.surviving_customer_id AS customer_id
        FROM sales_order AS o JOIN v_customer AS v USING (customer_id)
        WHERE o.order_date >= ? AND o.order_date < ? AND o.order_date < ? AND o.subscription_id IS NULL""",
        [first.isoformat(), after.isoformat(), today.isoformat()],
    )
    return bought.assign(event_date=today, occasion=names[today.month])


def queue_events(
    store: Store,
    campaign_id: int,
    on: str | datetime.date,
    events: tuple[str, ...],
    *,
    seed: int,
    at: str | datetime.date | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Put those whose occasion it is on a campaign that is Active, to be sent that day.

    Once for an event, its date and a person, merged or not, whichever campaign it was; a person stands on a campaign
    once, so give each year a campaign of its own. The lottery holds out and the suppressions hold as for any audience.

    Parameters
    ----------
    at: when it is done; ``on`` at the campaign's first hour unless given.

    Returns the rows written: ``operation_log, campaign_member, customer_event``. Raises ``RefusedOperation``.
    """
    on, campaign_id = day(on), whole_number("campaign_id", campaign_id)
    seed = whole_number("seed", seed, least=0)
    due = due_events(store, on, events)
    with running_operation(store, "queue_events", f"{on}T00:00:00" if at is None else moment(at),
                           actor_of(by)) as operation:  # fmt: skip
        campaign = read_campaign(operation, campaign_id)
        first = f"{on}T{campaign.send_from}:00" if at is None else moment(at)
        if campaign.status != "Active" or not campaign.start_date <= on <= campaign.end_date:
            found = f"{campaign.name!r}, {campaign.status}, {campaign.start_date} to {campaign.end_date}"
            raise RefusedOperation("events go to a campaign that is Active on that day", found, "schedule_campaign")
        done = set(operation.all("SELECT v.surviving_customer_id, e.event, e.event_date FROM customer_event AS e "
                                 "JOIN v_customer AS v USING (customer_id)"))  # fmt: skip
        new = [
            (row.customer_id, row.event, row.event_date.strftime("%Y-%m-%d"))
            for row in due.itertuples()
            if (row.customer_id, row.event, row.event_date.strftime("%Y-%m-%d")) not in done
        ]
        drawn_at = first if at is not None else f"{on}T00:00:00"
        add_members(operation, campaign, [customer_id for customer_id, *_ in new], drawn_at, seed)
        added = operation.all(
            "SELECT campaign_member_id, customer_id, arm FROM campaign_member WHERE campaign_id = ? "
            "AND operation_id = ?", campaign_id, operation.operation_id,
        )  # fmt: skip
        give_times(operation, [member_id for member_id, _, arm in added if arm is not None], first)
        member_of = dict(operation.all("SELECT customer_id, campaign_member_id FROM campaign_member "
                                       "WHERE campaign_id = ?", campaign_id))  # fmt: skip
        for customer_id, event, event_date in new:
            operation.insert("customer_event", customer_id=customer_id, event=event, event_date=event_date,
                             due_date=on, campaign_member_id=member_of[customer_id],
                             operation_id=operation.operation_id)  # fmt: skip
        operation.also_wrote("campaign_member", "operation_id = ?", operation.operation_id)
    for table in ("campaign_member", "customer_event"):
        if table not in operation.written:
            operation.written[table] = store.sql(f"SELECT * FROM {table} WHERE 0")
    return operation.written
