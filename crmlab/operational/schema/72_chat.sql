-- The transcript of a chat: what was said stays.
CREATE TABLE chat_message (
  chat_message_id INTEGER PRIMARY KEY,
  interaction_id INTEGER NOT NULL REFERENCES interaction,
  sender TEXT NOT NULL,
  text TEXT NOT NULL,
  sent_at TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT sender_is_visitor_or_agent CHECK (sender IN ('visitor', 'agent')),
  CONSTRAINT message_is_not_empty CHECK (trim(text) <> ''),
  CONSTRAINT message_sent_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', sent_at, '+0 days') IS sent_at)
) STRICT;
CREATE INDEX ix_chat_message ON chat_message (interaction_id);

CREATE TRIGGER message_in_a_chat_that_goes_on BEFORE INSERT ON chat_message
WHEN NOT EXISTS (SELECT 1 FROM interaction WHERE interaction_id = NEW.interaction_id AND channel = 'chat'
  AND ended_at IS NULL AND NEW.sent_at >= CASE NEW.sender WHEN 'agent' THEN answered_at ELSE arrived_at END)
BEGIN SELECT RAISE(ABORT, 'a message belongs to a chat that goes on, and an agent writes once the chat is taken'); END;
CREATE TRIGGER message_in_order_of_time BEFORE INSERT ON chat_message
WHEN NEW.sent_at < (SELECT max(sent_at) FROM chat_message WHERE interaction_id = NEW.interaction_id)
BEGIN SELECT RAISE(ABORT, 'a message comes after the one before it'); END;
CREATE TRIGGER message_keeps_rows_u BEFORE UPDATE ON chat_message
BEGIN SELECT RAISE(ABORT, 'the transcript of a chat is append-only'); END;
CREATE TRIGGER message_keeps_rows_d BEFORE DELETE ON chat_message
BEGIN SELECT RAISE(ABORT, 'the transcript of a chat is append-only'); END;
