-- Click-to-talk: a click on a page of the web shop, and the promise to call back by a time.
CREATE TABLE call_back (
  call_back_id INTEGER PRIMARY KEY,
  interaction_id INTEGER NOT NULL UNIQUE REFERENCES interaction,
  phone TEXT NOT NULL,
  page TEXT NOT NULL,                               -- what the visitor was looking at
  requested_at TEXT NOT NULL,
  promised_at TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT call_back_phone_is_e164 CHECK (phone GLOB '+[1-9]*' AND substr(phone, 2) NOT GLOB '*[^0-9]*'),
  CONSTRAINT page_is_not_empty CHECK (trim(page) <> ''),
  CONSTRAINT call_back_times_are_times CHECK (strftime('%Y-%m-%dT%H:%M:%S', requested_at, '+0 days') IS requested_at
    AND strftime('%Y-%m-%dT%H:%M:%S', promised_at, '+0 days') IS promised_at),
  CONSTRAINT promised_after_the_click CHECK (promised_at > requested_at)
) STRICT;

CREATE TRIGGER call_back_is_a_contact_in_the_queue BEFORE INSERT ON call_back
WHEN NOT EXISTS (SELECT 1 FROM v_contact WHERE interaction_id = NEW.interaction_id AND channel = 'click_to_talk')
BEGIN SELECT RAISE(ABORT, 'a call-back waits in the queue as click_to_talk'); END;
CREATE TRIGGER one_call_back_a_number BEFORE INSERT ON call_back
WHEN EXISTS (SELECT 1 FROM call_back AS c JOIN queued_contact AS q USING (interaction_id)
  WHERE c.phone = NEW.phone AND q.status = 'waiting')
BEGIN SELECT RAISE(ABORT, 'a number is called back once: a call-back is promised already'); END;
CREATE TRIGGER call_back_stays_as_promised BEFORE UPDATE ON call_back
BEGIN SELECT RAISE(ABORT, 'a call-back stays as it was promised'); END;
CREATE TRIGGER call_back_is_never_deleted BEFORE DELETE ON call_back
BEGIN SELECT RAISE(ABORT, 'a promised call-back is never deleted'); END;

CREATE VIEW v_call_back AS
SELECT c.call_back_id, c.interaction_id, i.customer_id, c.phone, c.page, c.requested_at, c.promised_at,
  i.answered_at AS called_at, i.answered_at <= c.promised_at AS is_kept,
  i.is_abandoned AND i.ended_at <= c.promised_at AS is_withdrawn
FROM call_back AS c JOIN interaction AS i USING (interaction_id);
