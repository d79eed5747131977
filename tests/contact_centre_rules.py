"""Rules that the store's triggers keep about dialogues, the queue, chats, call-backs and calling lists: each with
statements, the last of which breaks it.

``test_store.py`` runs them, with those of the other tables, against a store with nothing but its company in it.
"""

_AT = "'2026-01-06T10:00:00'"
_AGENT = "(SELECT min(staff_id) FROM staff WHERE role = 'agent')"
_CALLER = "(SELECT max(customer_id) FROM customer)"

_DIALOGUE = [
    "BEGIN",
    "INSERT INTO dialogue VALUES (1, 'd', 1, 'agent', 'ask', NULL, 3, 1)",
    "INSERT INTO dialogue_step VALUES (1, 'ask', 'text', 'How?', NULL, NULL)",
    "INSERT INTO dialogue_step VALUES (1, 'more', 'text', 'More?', NULL, NULL)",
    "INSERT INTO dialogue_step VALUES (1, 'bye', 'end', 'Bye.', 'answered', NULL)",
    "INSERT INTO dialogue_branch VALUES (1, 'ask', '*', 'more')",
    "INSERT INTO dialogue_branch VALUES (1, 'more', '*', 'bye')",
    "COMMIT",
]
_INTERACTION = (
    "INSERT INTO interaction (interaction_id, customer_id, channel, direction, queue, arrived_at, operation_id) "
    f"VALUES ({{}}, {{}}, '{{}}', 'inbound', 'service', {_AT}, 1)"
)
_CALL, _UNKNOWN = _INTERACTION.format(900001, _CALLER, "call"), _INTERACTION.format(900001, "NULL", "call")
_CHAT, _CLICK = _INTERACTION.format(900001, _CALLER, "chat"), _INTERACTION.format(900001, _CALLER, "click_to_talk")
_RUN = (
    "INSERT INTO dialogue_run (dialogue_run_id, dialogue_id, interaction_id, step, started_at, operation_id) "
    f"VALUES (1, 1, 900001, 'ask', {_AT}, 1)"
)
_ANSWER = (
    "INSERT INTO dialogue_answer (dialogue_run_id, step, answer, is_valid, answered_at, operation_id) "
    "VALUES (1, '{}', 'x', 1, '{}', 1)"
)
_SAID = _ANSWER.format("ask", "2026-01-06T10:00:05")
_HELD = [*_DIALOGUE, _CALL, _RUN]
_END_RUN = "UPDATE dialogue_run SET ended_at = '2026-01-06T10:01:00', outcome = 'stopped'"

_WAIT = (
    "INSERT INTO queued_contact (interaction_id, priority, status, status_at, operation_id) "
    f"VALUES ({{}}, 'Normal', 'waiting', {_AT}, 1)"
)
_WAITS = [_CALL, _WAIT.format(900001)]
_DESK = [
    f"INSERT INTO agent_desk VALUES ({_AGENT}, '{{}}', 1, '2026-01-06T08:00:00', 1)",
    f"INSERT INTO agent_skill VALUES ({_AGENT}, 'service')",
]
_AVAILABLE = [each.format("available") for each in _DESK]
_ANSWERED = f"UPDATE interaction SET agent_id = {_AGENT}, answered_at = {_AT} WHERE interaction_id = {{}}"
_ACTIVE = "UPDATE queued_contact SET status = 'active' WHERE interaction_id = {}"
_TAKEN = [*_AVAILABLE, *_WAITS, _ANSWERED.format(900001), _ACTIVE.format(900001)]
_SECOND = [_INTERACTION.format(900002, _CALLER, "chat"), _WAIT.format(900002), _ANSWERED.format(900002)]
_WRAP_UP = "UPDATE queued_contact SET status = 'wrap_up' WHERE interaction_id = 900001"
_ENDED = "UPDATE interaction SET ended_at = '2026-01-06T10:05:00' WHERE interaction_id = 900001"

_MESSAGE = (
    "INSERT INTO chat_message (interaction_id, sender, text, sent_at, operation_id) "
    "VALUES (900001, '{}', 'Hello', '{}', 1)"
)
_FIRST_LINE = _MESSAGE.format("visitor", "2026-01-06T10:00:00")
_CALL_BACK = (
    "INSERT INTO call_back (interaction_id, phone, page, requested_at, promised_at, operation_id) "
    f"VALUES ({{}}, '+4971100001', '/machines', {_AT}, '2026-01-06T10:10:00', 1)"
)
_CLICKED = [_CLICK, _WAIT.format(900001), _CALL_BACK.format(900001)]

#: Numbers with permission, of people who opted out under none, the smallest customer first.
_OPTED_OUT = "SELECT customer_id FROM v_contact_permission WHERE kind = 'phone' AND state = 'opted_out'"
_USABLE = (
    "SELECT p.customer_id, p.contact_point_id FROM v_contact_permission AS p WHERE kind = 'phone' "
    f"AND state = 'opted_in' AND purpose = 'marketing' AND customer_id NOT IN ({_OPTED_OUT}) "
    "ORDER BY p.customer_id LIMIT 1"
)
_LIST = "INSERT INTO call_list VALUES (1, 'l', {}, {}, '09:00', '20:00', 1)"
_MEMBER = (
    "INSERT INTO call_list_member (call_list_member_id, call_list_id, customer_id, contact_point_id, status, "
    "suppress_reason, next_at, operation_id) SELECT {}, 1, customer_id, contact_point_id, {}, 1 FROM ({})"
)
_OPEN = "'open', NULL, NULL"
_ON_LIST = [_LIST.format(3, 60), _MEMBER.format(1, _OPEN, _USABLE)]
_RING = "INSERT INTO call_attempt (call_list_member_id, agent_id, started_at, operation_id) VALUES (1, {}, '{}', 1)"
_CALLED = _RING.format(_AGENT, "2026-01-06T10:00:00")
_OTHER_AGENT = "(SELECT max(staff_id) FROM staff WHERE role = 'agent')"
_LEAVES_A_CONTACT = (
    "INSERT INTO interaction (interaction_id, channel, direction, arrived_at, ended_at, operation_id) "
    f"VALUES (900003, 'call', 'outbound', {_AT}, {_AT}, 1)"
)
_FINISHED = [_LEAVES_A_CONTACT, "UPDATE call_attempt SET disposition = 'no_answer', interaction_id = 900003"]
_OF_STATE = (
    "SELECT customer_id, contact_point_id FROM v_contact_permission WHERE kind = 'phone' AND state = '{}' LIMIT 1"
)
_WITHOUT = (
    "SELECT customer_id, contact_point_id FROM contact_point WHERE kind = 'phone' AND address_hash NOT IN "
    f"(SELECT address_hash FROM consent) AND customer_id NOT IN ({_OPTED_OUT}) LIMIT 1"
)
_MERGE = (
    "UPDATE customer SET merged_into_id = {}, merged_at = '2026-01-05T00:00:00', operation_id = 1 "
    "WHERE customer_id = {}"
)
_CUSTOMER, _ELSE = f"(SELECT customer_id FROM ({_USABLE}))", "(SELECT max(customer_id) FROM customer)"
_HASH = f"(SELECT address_hash FROM contact_point WHERE contact_point_id = (SELECT contact_point_id FROM ({_USABLE})))"
_SAME_NUMBER = [
    "INSERT INTO contact_point (contact_point_id, customer_id, kind, value, value_as_recorded, address_hash, "
    f"operation_id) SELECT 900009, {_ELSE}, kind, value, value, address_hash, 1 FROM contact_point "
    f"WHERE contact_point_id = (SELECT contact_point_id FROM ({_USABLE}))",
    _MEMBER.format(2, _OPEN, f"SELECT {_ELSE} AS customer_id, 900009 AS contact_point_id"),
    f"INSERT INTO call_attempt (call_list_member_id, agent_id, started_at, operation_id) VALUES (2, {_OTHER_AGENT}, "
    "'2026-01-06T09:30:00', 1)",
]
_WISH = (
    "INSERT INTO contact_preference (customer_id, channel, send_from, send_until, operation_id) "
    f"VALUES ({_CUSTOMER}, 'phone', '{{}}', '{{}}', 1)"
)

RULES = [
    ("a dialogue is never changed", [*_DIALOGUE, "UPDATE dialogue SET most_tries = 4"]),
    ("a dialogue is never deleted", [*_DIALOGUE, "DELETE FROM dialogue"]),
    ("a step of a dialogue is never changed", [*_DIALOGUE, "UPDATE dialogue_step SET prompt = 'x'"]),
    ("a step of a dialogue is never deleted", [*_DIALOGUE, "DELETE FROM dialogue_step"]),
    ("a branch of a dialogue is never changed", [*_DIALOGUE, "UPDATE dialogue_branch SET next_step = 'bye'"]),
    ("a branch of a dialogue is never deleted", [*_DIALOGUE, "DELETE FROM dialogue_branch"]),
    ("a dialogue that was used takes no new step",
     [*_HELD, "INSERT INTO dialogue_step VALUES (1, 'late', 'text', 'x', NULL, NULL)"]),
    ("a dialogue that was used takes no new branch",
     [*_HELD, "INSERT INTO dialogue_branch VALUES (1, 'ask', '1', 'bye')"]),
    ("a dialogue starts at its first step", [*_DIALOGUE, _CALL, _RUN.replace("'ask'", "'bye'")]),
    ("a dialogue moves along its branches", [*_HELD, "UPDATE dialogue_run SET step = 'bye'"]),
    ("a dialogue that ended stays as it is", [*_HELD, _END_RUN, _END_RUN]),
    ("a dialogue that was held is never deleted", [*_HELD, "DELETE FROM dialogue_run"]),
    ("an answer belongs to the step at which the dialogue stands",
     [*_HELD, "UPDATE dialogue_run SET step = 'more'", _SAID]),
    ("an answer belongs to the step at which the dialogue stands", [*_HELD, _END_RUN, _SAID]),
    ("an answer comes after the one before it", [*_HELD, _ANSWER.format("ask", "2026-01-06T09:59:59")]),
    ("an answer comes after the one before it", [*_HELD, _SAID, _ANSWER.format("ask", "2026-01-06T10:00:04")]),
    ("an answer in a dialogue is never changed", [*_HELD, _SAID, "UPDATE dialogue_answer SET answer = 'y'"]),
    ("an answer in a dialogue is never deleted", [*_HELD, _SAID, "DELETE FROM dialogue_answer"]),
    ("an_end_has_an_outcome", [*_DIALOGUE, "INSERT INTO dialogue_step VALUES (1, 'x', 'end', 'x', NULL, NULL)"]),
    ("only_the_computer_has_a_way_out", ["INSERT INTO dialogue VALUES (1, 'd', 1, 'agent', 'ask', 'service', 3, 1)"]),
    ("a contact enters a queue when it arrives", [_CALL, _WAIT.format(900001).replace("'waiting'", "'active'")]),
    ("a contact enters a queue when it arrives", [_CALL, _WAIT.format(900001).replace("10:00", "10:01")]),
    ("a contact goes from waiting to active", [*_TAKEN, "UPDATE queued_contact SET status = 'waiting'"]),
    ("a contact changes after its last change",
     [*_WAITS, "UPDATE queued_contact SET status_at = '2026-01-06T09:59:59'"]),
    ("a contact in the queue is never deleted", [*_WAITS, "DELETE FROM queued_contact"]),
    ("a contact is taken by an agent who is available",
     [*[each.format("away") for each in _DESK], *_WAITS, _ANSWERED.format(900001), _ACTIVE.format(900001)]),
    ("a contact is taken by an agent who is available",
     [_AVAILABLE[0], *_WAITS, _ANSWERED.format(900001), _ACTIVE.format(900001)]),
    ("an agent serves no more contacts at once than the capacity", [*_TAKEN, *_SECOND, _ACTIVE.format(900002)]),
    ("only an active contact is handed over",
     [*_TAKEN, _ENDED, _WRAP_UP, f"UPDATE interaction SET agent_id = {_OTHER_AGENT} WHERE interaction_id = 900001"]),
    ("a contact is handed over to an agent who is available",
     [*_TAKEN, f"UPDATE interaction SET agent_id = {_OTHER_AGENT} WHERE interaction_id = 900001"]),
    ("a contact leaves the agent or the queue when it has ended", [*_TAKEN, _WRAP_UP]),
    ("a contact is closed with its outcome",
     [*_TAKEN, _ENDED, _WRAP_UP, "UPDATE queued_contact SET status = 'closed'"]),
    ("a contact is closed with its outcome",
     [*_TAKEN, *_DIALOGUE, _RUN, _ENDED.replace("SET", "SET outcome = 'answered',"), _WRAP_UP,
      "UPDATE queued_contact SET status = 'closed'"]),
    ("a contact is linked to a customer once", [_CALL, "UPDATE interaction SET customer_id = 1"]),
    ("a contact is linked to a record that is not merged",
     [_UNKNOWN, _MERGE.format(1, 2), "UPDATE interaction SET customer_id = 2"]),
    ("a message belongs to a chat that goes on", [_CALL, _FIRST_LINE]),
    ("a message belongs to a chat that goes on", [_CHAT, _MESSAGE.format("agent", "2026-01-06T10:00:09")]),
    ("a message belongs to a chat that goes on", [_CHAT, _ENDED, _MESSAGE.format("visitor", "2026-01-06T10:06:00")]),
    ("a message comes after the one before it",
     [_CHAT, _MESSAGE.format("visitor", "2026-01-06T10:00:09"), _FIRST_LINE]),
    ("the transcript of a chat is append-only", [_CHAT, _FIRST_LINE, "UPDATE chat_message SET text = 'x'"]),
    ("the transcript of a chat is append-only", [_CHAT, _FIRST_LINE, "DELETE FROM chat_message"]),
    ("a call-back waits in the queue as click_to_talk", [*_WAITS, _CALL_BACK.format(900001)]),
    ("a number is called back once",
     [*_CLICKED, _INTERACTION.format(900002, _CALLER, "click_to_talk"), _WAIT.format(900002),
      _CALL_BACK.format(900002)]),
    ("a call-back stays as it was promised", [*_CLICKED, "UPDATE call_back SET promised_at = '2026-01-06T11:00:00'"]),
    ("a promised call-back is never deleted", [*_CLICKED, "DELETE FROM call_back"]),
    ("promised_after_the_click", [_CLICK, _WAIT.format(900001), _CALL_BACK.format(900001).replace("10:10", "10:00")]),
    ("a calling list keeps its rules", [*_ON_LIST, "UPDATE call_list SET most_tries = 99"]),
    ("a calling list has a name of its own, and is never replaced",
     [*_ON_LIST, _LIST.format(99, 1).replace("INSERT", "INSERT OR REPLACE")]),
    ("nobody_is_called_at_night", [_LIST.format(3, 60).replace("20:00", "21:30")]),
    ("a calling list is never deleted", [*_ON_LIST, "DELETE FROM call_list"]),
    ("a member of a calling list keeps customer and number",
     [*_ON_LIST, "UPDATE call_list_member SET customer_id = 1"]),
    ("a member of a calling list that is finished stays finished",
     [*_ON_LIST, "UPDATE call_list_member SET status = 'refused'", "UPDATE call_list_member SET status = 'open'"]),
    ("a member of a calling list is never deleted", [*_ON_LIST, "DELETE FROM call_list_member"]),
    ("a call has a disposition when it ends",
     [*_ON_LIST, _LEAVES_A_CONTACT,
      "INSERT INTO call_attempt (call_list_member_id, agent_id, started_at, disposition, interaction_id, operation_id) "
      f"VALUES (1, {_AGENT}, '2026-01-06T10:00:00', 'refused', 900003, 1)"]),
    ("a call that was made is never replaced",
     [*_ON_LIST, _CALLED,
      _CALLED.replace("INSERT", "INSERT OR REPLACE").replace("(call_list", "(call_attempt_id, call_list")
      .replace("VALUES (", "VALUES ((SELECT max(call_attempt_id) FROM call_attempt), ").replace("T10", "T12")]),
    ("a call that was made stays as it was",
     [*_ON_LIST, _CALLED, "UPDATE call_attempt SET started_at = '2026-01-01T10:00:00'"]),
    ("a call that was made stays as it was",
     [*_ON_LIST, _CALLED, *_FINISHED, "UPDATE call_attempt SET disposition = 'busy'"]),
    ("a call that was made is never deleted", [*_ON_LIST, _CALLED, "DELETE FROM call_attempt"]),
    ("a sale by telephone is an order of the customer who was called",
     [*_ON_LIST, _CALLED, _LEAVES_A_CONTACT, "UPDATE call_attempt SET disposition = 'sold', interaction_id = 900003, "
      "order_id = (SELECT max(order_id) FROM sales_order)"]),
    ("only an open member of a calling list is called",
     [*_ON_LIST, "UPDATE call_list_member SET status = 'refused'", _CALLED]),
    ("a merged record is not called", [*_ON_LIST, _MERGE.format(_ELSE, _CUSTOMER), _CALLED]),
    ("a call goes to a number of its customer",
     [_LIST.format(3, 60),
      _MEMBER.format(1, _OPEN, f"SELECT customer_id + 1 AS customer_id, contact_point_id FROM ({_USABLE})"),
      _CALLED]),
    ("nobody on the do-not-call list is called",
     [_LIST.format(3, 60), _MEMBER.format(1, _OPEN, _OF_STATE.format("opted_out")), _CALLED]),
    # An opt-out of another record that is merged into this one, and one that is dated later, count as well.
    ("nobody on the do-not-call list is called",
     [*_ON_LIST, _MERGE.format(_CUSTOMER, f"({_OPTED_OUT} LIMIT 1)"), _CALLED]),
    ("nobody on the do-not-call list is called",
     [*_ON_LIST, "INSERT INTO consent (kind, address_hash, purpose, action, source, at, operation_id) "
      f"SELECT 'phone', {_HASH}, 'marketing', 'opt_out', 'contact_centre', '2026-03-01T00:00:00', 1", _CALLED]),
    # Nor does a new opt-in from a list, or another record of the same number, lift it.
    ("nobody on the do-not-call list is called",
     [_LIST.format(3, 60), _MEMBER.format(1, _OPEN, _OF_STATE.format("opted_out")),
      "INSERT INTO consent (kind, address_hash, purpose, action, lawful_basis, source, at, operation_id) SELECT "
      "'phone', address_hash, 'marketing', 'opt_in', 'consent', 'bought_list', '2026-01-06T09:00:00', 1 "
      "FROM contact_point JOIN call_list_member USING (contact_point_id)", _CALLED]),
    ("nobody on the do-not-call list is called",
     [_LIST.format(3, 60),
      "INSERT INTO contact_point (contact_point_id, customer_id, kind, value, value_as_recorded, address_hash, "
      f"operation_id) SELECT 900009, {_ELSE}, kind, value, value, address_hash, 1 FROM contact_point WHERE "
      f"contact_point_id = (SELECT contact_point_id FROM ({_OF_STATE.format('opted_out')}))",
      _MEMBER.format(1, _OPEN, f"SELECT {_ELSE} AS customer_id, 900009 AS contact_point_id"), _CALLED]),
    ("nobody is called without permission", [_LIST.format(3, 60), _MEMBER.format(1, _OPEN, _WITHOUT), _CALLED]),
    ("a call comes at the hours of the list", [*_ON_LIST, _RING.format(_AGENT, "2026-01-06T08:59:59")]),
    ("a call comes at the hours of the list", [*_ON_LIST, _RING.format(_AGENT, "2026-01-06T20:00:00")]),
    ("a call comes at the hours of the list", [*_ON_LIST, _RING.format(_AGENT, "2026-01-11T10:00:00")]),
    ("a call comes at the hours that the customer named", [*_ON_LIST, _WISH.format("18:00", "19:00"), _CALLED]),
    ("a call comes at the hours that the customer named", [*_ON_LIST, _WISH.format("19:00", "09:00"), _CALLED]),
    ("nobody is tried more often than the list allows",
     [_LIST.format(1, 60), _ON_LIST[1], _CALLED, *_FINISHED, _RING.format(_AGENT, "2026-01-07T10:00:00")]),
    ("between two tries lies the wait of the list",
     [*_ON_LIST, _CALLED, *_FINISHED, _RING.format(_AGENT, "2026-01-06T10:59:59")]),
    ("nobody is called before the time that was agreed",
     [_LIST.format(3, 60), _MEMBER.format(1, "'open', NULL, '2026-01-07T10:00:00'", _USABLE), _CALLED]),
    ("one number is called by one member of a list", [*_ON_LIST, *_SAME_NUMBER, _CALLED]),
    ("UNIQUE constraint failed: call_list_member", [*_ON_LIST, _MEMBER.format(2, _OPEN, _USABLE)]),
]  # fmt: skip
