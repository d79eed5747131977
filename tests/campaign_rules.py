"""Rules that the store's triggers keep about lists and campaigns: each with statements, the last of which breaks it.

``test_store.py`` runs them, with those of the other tables, against a store with nothing but its company in it.
"""

_CAMPAIGN = (
    "INSERT INTO campaign (campaign_id, name, objective, channel, message, purpose, status, start_date, end_date, "
    "contact_cost_cents, operation_id) VALUES ({}, 'c{}', 'sell_more', 'email', 'new_roast', 'marketing', '{}', "
    "'2026-01-10', '2026-01-20', 3, 1)"
)
_PLANNED, _ACTIVE, _OTHER = (_CAMPAIGN.format(i, i, s) for i, s in ((90, "Planning"), (90, "Active"), (91, "Active")))
#: Addresses with permission, of people who opted out under none, the smallest customer first.
_USABLE = (
    "FROM v_contact_permission WHERE kind = 'email' AND purpose = 'marketing' AND state = 'confirmed' AND customer_id "
    "NOT IN (SELECT customer_id FROM v_contact_permission WHERE kind = 'email' AND state = 'opted_out') "
    "ORDER BY customer_id LIMIT 1"
)
_MEMBER = (
    "INSERT INTO campaign_member (campaign_id, customer_id, arm, status, suppress_reason, contact_point_id, drawn_at, "
    "watched_from, scheduled_at, sent_at, operation_id) SELECT {}, {}, {}, '2026-01-05T00:00:00', "
    "'2026-01-10T09:00:00', '2026-01-10T09:00:00', {}, 1 "
)
_QUEUED = _MEMBER.format(90, "customer_id", "'treatment', 'queued', NULL, contact_point_id", "NULL") + _USABLE
_HELD_OUT = _MEMBER.format(91, "customer_id", "'control', 'held_out', NULL, contact_point_id", "NULL") + _USABLE
_SENT = _MEMBER.format(90, "customer_id", "'treatment', 'sent', NULL, contact_point_id", "'2026-01-12T10:00:00'")
_SUPPRESSED = _MEMBER.format(90, "1", "NULL, 'suppressed', 'opt_out', NULL", "NULL")
_SEND = "UPDATE campaign_member SET status = 'sent', sent_at = '{}' WHERE campaign_id = 90"
_SEND_NOW = _SEND.format("2026-01-12T10:00:00")
_OF_STATE = "FROM v_contact_permission WHERE kind = 'email' AND state = '{}' ORDER BY customer_id LIMIT 1"
_MERGE_FIRST = (
    "UPDATE customer SET merged_into_id = (SELECT max(customer_id) FROM customer), merged_at = '2026-01-06T00:00:00', "
    "operation_id = 1 WHERE customer_id = (SELECT customer_id " + _USABLE + ")"
)
_SAME_ADDRESS = [
    "INSERT INTO contact_point (customer_id, kind, value, value_as_recorded, address_hash, operation_id) "
    "SELECT (SELECT max(customer_id) FROM customer), kind, value, value, address_hash, 1 FROM contact_point "
    "WHERE contact_point_id = (SELECT contact_point_id " + _USABLE + ")",
    _MEMBER.format(90, "customer_id", "'treatment', 'queued', NULL, contact_point_id", "NULL")
    + "FROM contact_point ORDER BY contact_point_id DESC LIMIT 1",
]
_LIST = [
    "INSERT INTO target_list VALUES (1, 'a', 'email', 'marketing', '[]', '[]', NULL, 1)",
    "INSERT INTO target_list_build VALUES (1, 1, '2026-01-05T00:00:00', 1)",
    "INSERT INTO target_list_member VALUES (1, 1, 1, 'suppressed', 'opt_out', NULL, NULL)",
]
_RESPONSE = (
    "INSERT INTO campaign_response (campaign_member_id, reaction, responded_at, operation_id) "
    "SELECT campaign_member_id, 'opened', '{}', 1 FROM campaign_member WHERE status = '{}' LIMIT 1"
)
_OBSERVED = "INSERT INTO campaign_observation (campaign_id, until_date, seed, operation_id) VALUES (1, '2026-01-20', "

RULES = [
    ("a store that was filled is not filled again", ["DELETE FROM store_info WHERE name = 'filled'"]),
    ("a store that was filled is not filled again", ["UPDATE store_info SET name = 'x' WHERE name = 'filled'"]),
    ("consent is append-only: a row is never replaced",
     ["INSERT OR REPLACE INTO consent SELECT consent_id, kind, address_hash, purpose, 'opt_in', NULL, 'consent', "
      "'import', at, 1 FROM consent WHERE action = 'opt_out' LIMIT 1"]),
    ("a list that was built stays as it was", [*_LIST, "UPDATE target_list_member SET position = 2"]),
    ("a list that was built stays as it was", [*_LIST, "DELETE FROM target_list_member"]),
    ("this status may not follow that one", ["UPDATE campaign SET status = 'Active' WHERE campaign_id = 1"]),
    ("a campaign stays as planned once its audience is drawn", ["UPDATE campaign SET holdout_share = 0.5"]),
    ("a campaign is never deleted", ["DELETE FROM campaign"]),
    ("a message is queued before it is sent", [_ACTIVE, _SENT + _USABLE]),
    ("a customer stands once in a campaign", [_ACTIVE, _QUEUED, _QUEUED.replace("INSERT", "INSERT OR REPLACE", 1)]),
    ("a merged record is on no new campaign",
     [_ACTIVE, _MERGE_FIRST, _QUEUED.replace(_USABLE, "FROM contact_point WHERE customer_id = (SELECT customer_id "
                                             "FROM customer WHERE merged_into_id IS NOT NULL) LIMIT 1")]),
    ("a member of a campaign keeps customer, address and arm",
     [_ACTIVE, _QUEUED, "UPDATE campaign_member SET customer_id = 1 WHERE campaign_id = 90"]),
    ("what was sent cannot be called back", ["UPDATE campaign_member SET sent_at = NULL WHERE status = 'sent'"]),
    ("who was suppressed in a campaign gets nothing",
     [_ACTIVE, _SUPPRESSED, "UPDATE campaign_member SET status = 'queued' WHERE campaign_id = 90"]),
    ("a member of a campaign is never deleted", ["DELETE FROM campaign_member"]),
    ("only a campaign that is Active sends, on its days", [_PLANNED, _QUEUED, _SEND_NOW]),
    ("only a campaign that is Active sends, on its days", [_ACTIVE, _QUEUED, _SEND.format("2026-01-21T10:00:00")]),
    ("nothing is sent before it is drawn and due", [_ACTIVE, _QUEUED, _SEND.format("2026-01-10T08:59:59")]),
    ("nothing is sent to a merged record", [_ACTIVE, _QUEUED, _MERGE_FIRST, _SEND_NOW]),
    ("a message goes to an address of its customer",
     [_ACTIVE, _MEMBER.format(90, "customer_id + 1", "'treatment', 'queued', NULL, contact_point_id", "NULL") + _USABLE,
      _SEND_NOW]),
    ("a message goes to an address of its customer, on the channel of its campaign",
     [_ACTIVE, _QUEUED.replace(_USABLE, "FROM contact_point WHERE kind = 'post' LIMIT 1"), _SEND_NOW]),
    ("nobody who opted out is written to",
     [_ACTIVE, _QUEUED.replace(_USABLE, _OF_STATE.format("opted_out")), _SEND_NOW]),
    ("nobody is written to without permission",
     [_ACTIVE, _QUEUED.replace(_USABLE, _OF_STATE.format("opted_in")), _SEND_NOW]),
    ("one address gets a campaign once", [_ACTIVE, _QUEUED, *_SAME_ADDRESS, _SEND_NOW]),
    ("who is held out of one campaign is not written to by another", [_ACTIVE, _OTHER, _QUEUED, _HELD_OUT, _SEND_NOW]),
    ("all observations of a store are made with one seed", [_OBSERVED + "1, 1)", _OBSERVED + "2, 1)"]),
    ("a response comes after its campaign began", [_RESPONSE.format("2020-01-01T00:00:00", "sent")]),
    ("only who was written to can open", [_RESPONSE.format("2026-01-12T00:00:00", "held_out")]),
    ("a response is never changed", ["UPDATE campaign_response SET reaction = 'opened'"]),
    ("a response is never deleted", ["DELETE FROM campaign_response"]),
    ("an event that was acted on is never deleted",
     ["INSERT INTO customer_event (customer_id, event, event_date, due_date, campaign_member_id, operation_id) "
      "VALUES (1, 'birthday', '2026-01-05', '2026-01-05', 1, 1)", "DELETE FROM customer_event"]),
]  # fmt: skip
