"""Who opted out gets no marketing: not by a merge, an import, a second record, by hand, again, by another list."""

import sqlite3

import pytest
from campaign_steps import AT, BEFORE, EMAIL, campaign, confirm, opt_out, person
from stores import store_fixture

from crmlab.operational import (
    RefusedOperation,
    draw_audience,
    merge_customers,
    plan_campaign,
    record_consent,
    send_due,
)
from crmlab.operational.marketing.suppression import address_reasons

SEND = "2026-01-12 10:00"


store = store_fixture()


def sends(store, address=EMAIL):
    query = """SELECT count(*) AS n FROM campaign_member AS m JOIN contact_point AS p USING (contact_point_id)
        WHERE m.sent_at > '2026' AND p.address_hash IN (SELECT address_hash FROM contact_point WHERE value = ?)"""
    return store.sql(query, [address])["n"].item()


def reasons(store, campaign_id):
    found = store.sql("SELECT customer_id, status, suppress_reason FROM campaign_member WHERE campaign_id = ?",
                      [campaign_id])  # fmt: skip
    return {row.customer_id: row.suppress_reason if row.status == "suppressed" else row.status
            for row in found.itertuples()}  # fmt: skip


def test_the_attacks_would_succeed_without_the_opt_out(store):
    customer = person(store)
    confirm(store, EMAIL)
    send_due(store, campaign(store, "c", [customer]), SEND)
    assert sends(store) == 1


def test_attack_by_a_merge(store):
    out, other = person(store), person(store, "in@example.org", "In")
    confirm(store, EMAIL), confirm(store, "in@example.org")
    opt_out(store)
    waiting = campaign(store, "waiting", [out, other])
    merge_customers(store, winner_id=other, loser_id=out, at=AT)
    send_due(store, waiting, SEND)
    later = campaign(store, "later", [out, other])
    send_due(store, later, SEND)
    # The person said no under one address: the other one is the same person's.
    assert sends(store) == sends(store, "in@example.org") == 0
    assert reasons(store, waiting) == {out: "opt_out", other: "opt_out"} and reasons(store, later) == {other: "opt_out"}


def test_attack_by_importing_the_address_again(store):
    person(store)
    opt_out(store)
    again = person(store, "OUT@Example.org", source_system="contact_centre", source_key="import-1")
    for source in ("import", "bought_list"):
        record_consent(store, "email", EMAIL, "opt_in", AT, source=source)
    send_due(store, campaign(store, "c", [again]), SEND)
    assert sends(store) == 0


def test_attack_by_a_second_record(store):
    first = person(store)
    second = person(store, source_system="store_till")
    confirm(store, EMAIL)
    both = campaign(store, "both", [first, second])
    opt_out(store, at="2026-01-11")
    send_due(store, both, SEND)
    assert sends(store) == 0
    assert reasons(store, both) == {first: "opt_out", second: "duplicate_address"}


def test_attack_by_hand(store):
    customer = person(store)
    confirm(store, EMAIL)
    waiting = campaign(store, "c", [customer])
    opt_out(store, at="2026-01-11")
    point = store.sql("SELECT contact_point_id FROM contact_point WHERE value = ?", [EMAIL]).iat[0, 0].item()
    by_hand = sqlite3.connect(store.path)
    row = f"VALUES ({waiting}, {{}}, 'treatment', '{{}}', {point}, '2026-01-05T00:00:00', '{{}}', {{}}, 1)"
    columns = "(campaign_id, customer_id, arm, status, contact_point_id, drawn_at, scheduled_at, sent_at, operation_id)"
    for verb in ("INSERT", "INSERT OR REPLACE", "REPLACE"):
        for who in (customer, 1):
            values = row.format(who, "sent", "2026-01-10T09:00:00", "'2026-01-12T10:00:00'")
            with pytest.raises(sqlite3.IntegrityError):
                by_hand.execute(f"{verb} INTO campaign_member {columns} {values}")
    for sent_at in ("2026-01-12T10:00:00", "2026-01-10T09:00:00"):
        # The second is before the opt-out: a date can be written by hand, too.
        with pytest.raises(sqlite3.IntegrityError, match="nobody who opted out is written to"):
            by_hand.execute("UPDATE campaign_member SET status = 'sent', sent_at = ? WHERE campaign_id = ?",
                            (sent_at, waiting))  # fmt: skip
    # Queued by hand under a record that has nothing to do with the address.
    by_hand.execute(f"INSERT INTO campaign_member {columns} " + row.format(1, "queued", "2026-01-10T09:00:00", "NULL"))
    with pytest.raises(sqlite3.IntegrityError, match="an address of its customer"):
        by_hand.execute("UPDATE campaign_member SET status = 'sent', sent_at = '2026-01-12T10:00:00' "
                        "WHERE campaign_id = ? AND customer_id = 1", (waiting,))  # fmt: skip
    by_hand.rollback()
    by_hand.close()
    send_due(store, waiting, SEND)
    assert sends(store) == 0


def test_attack_by_sending_again(store):
    customer = person(store)
    confirm(store, EMAIL)
    sent = campaign(store, "c", [customer])
    send_due(store, sent, SEND)
    opt_out(store, at="2026-01-13")
    send_due(store, sent, "2026-01-14 10:00")
    draw_audience(store, sent, "2026-01-14 11:00", seed=2)
    send_due(store, sent, "2026-01-15 10:00")
    for change in ("status = 'queued', sent_at = NULL", "sent_at = '2026-01-15T10:00:00'", "status = 'sent'"):
        with pytest.raises(sqlite3.IntegrityError, match=r"what was sent|nobody who opted out"):
            store.connection.execute(f"UPDATE campaign_member SET {change} WHERE campaign_id = ?", [sent])
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        store.connection.execute("DELETE FROM campaign_member WHERE campaign_id = ?", [sent])
    assert sends(store) == 1, "only the one from before the opt-out"


def test_attack_by_another_list(store):
    customer = person(store)
    confirm(store, EMAIL)
    first = campaign(store, "first", [customer])
    second = campaign(store, "second", [customer])
    opt_out(store, at="2026-01-11")
    third = campaign(store, "third", [customer])
    for each in (first, second, third):
        send_due(store, each, SEND)
    assert sends(store) == 0


def test_service_mail_still_goes_and_sells_nothing(store):
    customer = person(store)
    opt_out(store)
    service = campaign(store, "recall", [customer], message="service_notice", purpose="service")
    send_due(store, service, SEND)
    assert sends(store) == 1
    with pytest.raises(RefusedOperation, match="service mail sells nothing"):
        plan_campaign(store, "sly", channel="email", message="voucher", purpose="service", start_date="2026-01-10",
                      end_date="2026-01-12", at=AT)  # fmt: skip
    opt_out(store, purpose="service")
    again = campaign(store, "recall 2", [customer], message="service_notice", purpose="service")
    send_due(store, again, SEND)
    assert sends(store) == 1


def test_only_a_confirmed_opt_in_of_that_address_lifts_the_opt_out(store):
    customer = person(store)
    confirm(store, EMAIL)
    opt_out(store, at="2026-01-03")
    confirm(store, EMAIL, at="2026-01-04")
    send_due(store, campaign(store, "c", [customer]), SEND)
    assert sends(store) == 1


def test_without_permission_nothing_goes(store):
    customer = person(store)
    record_consent(store, "email", EMAIL, "opt_in", BEFORE, source="newsletter_form")
    unconfirmed = campaign(store, "c", [customer])
    assert reasons(store, unconfirmed) == {customer: "no_permission"}


def test_the_queue_and_the_database_have_one_rule(store):
    """For every address of the company: what the queue says can be used is what the trigger lets through."""
    record = store.connection
    for winner in range(7, 300, 7):
        merge_customers(store, winner, winner + 1, AT)
    survivors = record.execute("SELECT customer_id FROM customer WHERE merged_into_id IS NULL").fetchall()
    compared = set()
    for channel in ("email", "phone", "post"):
        made = plan_campaign(store, channel, channel=channel, message="new_roast", start_date="2026-01-10",
                             end_date="2026-02-10", at=AT)  # fmt: skip
        campaign_id = made["campaign"]["campaign_id"].item()
        record.execute("UPDATE campaign SET status = 'Active' WHERE campaign_id = ?", [campaign_id])
        said = address_reasons(record, channel, "marketing", "2026-01-12T10:00:00")
        for (customer_id,) in survivors:
            points = record.execute(
                "SELECT p.contact_point_id, p.address_hash FROM contact_point AS p JOIN v_customer USING (customer_id) "
                "WHERE surviving_customer_id = ? AND kind = ?", [customer_id, channel]).fetchall()  # fmt: skip
            for point, address_hash in points:
                record.execute("BEGIN")
                record.execute(
                    "INSERT INTO campaign_member (campaign_id, customer_id, arm, status, contact_point_id, drawn_at, "
                    "watched_from, scheduled_at, operation_id) VALUES (?, ?, 'treatment', 'queued', ?, "
                    "'2026-01-10T00:00:00', '2026-01-10T09:00:00', '2026-01-10T09:00:00', 1)",
                    [campaign_id, customer_id, point],
                )
                try:
                    record.execute("UPDATE campaign_member SET status = 'sent', sent_at = '2026-01-12T10:00:00' "
                                   "WHERE campaign_id = ?", [campaign_id])  # fmt: skip
                    found = None
                except sqlite3.IntegrityError as error:
                    words = {"nobody who opted out is written to": "opt_out",
                             "nobody is written to without permission": "no_permission"}  # fmt: skip
                    found = words[str(error)]
                if record.in_transaction:
                    record.execute("ROLLBACK")
                assert found == said[customer_id, address_hash]
                compared.add(found)
    assert compared == {None, "opt_out", "no_permission"}
