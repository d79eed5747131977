-- Occasions that marketing acts on, and what customers want to hear and when.
CREATE TABLE customer_event (
  customer_event_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer,
  event TEXT NOT NULL,
  event_date TEXT NOT NULL,                         -- the day of the occasion itself
  due_date TEXT NOT NULL,                           -- the day on which it was due to be acted on
  campaign_member_id INTEGER NOT NULL REFERENCES campaign_member,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT an_event_is_acted_on_once UNIQUE (customer_id, event, event_date),
  CONSTRAINT event_is_known CHECK (event IN ('birthday', 'contract_end', 'holiday', 'season')),
  CONSTRAINT event_dates_are_dates
    CHECK (date(event_date, '+0 days') IS event_date AND date(due_date, '+0 days') IS due_date)
) STRICT;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON customer_event
BEGIN SELECT RAISE(ABORT, 'an event that was acted on is never deleted'); END;

-- No row means no wish: then the campaign's own hours and cap count.
CREATE TABLE contact_preference (
  customer_id INTEGER NOT NULL REFERENCES customer,
  channel TEXT NOT NULL,
  send_from TEXT,
  send_until TEXT,
  frequency_cap INTEGER,
  frequency_days INTEGER,
  unwanted_messages TEXT NOT NULL DEFAULT '[]',     -- JSON
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  PRIMARY KEY (customer_id, channel),
  CONSTRAINT preference_channel_is_known CHECK (channel IN ('email', 'phone', 'post')),
  CONSTRAINT preferred_times_are_times_of_day CHECK ((send_from IS NULL) = (send_until IS NULL)
    AND (send_from IS NULL OR (strftime('%H:%M', send_from) IS send_from
      AND strftime('%H:%M', send_until) IS send_until AND send_from <> send_until))),
  CONSTRAINT a_preferred_cap_has_days
    CHECK ((frequency_cap IS NULL) = (frequency_days IS NULL) AND frequency_cap > 0 AND frequency_days > 0),
  CONSTRAINT unwanted_messages_are_json CHECK (json_valid(unwanted_messages))
) STRICT;
