-- What customers asked and how they were served: tickets with their history, single contacts, ratings of deliveries.
CREATE TABLE ticket (
  ticket_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer,
  order_line_id INTEGER REFERENCES order_line,
  type TEXT NOT NULL,
  channel TEXT NOT NULL,
  subject TEXT NOT NULL,
  description TEXT,
  priority TEXT NOT NULL DEFAULT 'Normal',
  status TEXT NOT NULL DEFAULT 'New',
  owner_id INTEGER REFERENCES staff,
  opened_at TEXT NOT NULL,
  status_at TEXT NOT NULL,                          -- when the status became what it is
  operation_id INTEGER NOT NULL REFERENCES operation_log,   -- the operation that wrote the row last
  CONSTRAINT ticket_type_is_known CHECK (type IN ('question', 'incident', 'complaint', 'return', 'warranty')),
  CONSTRAINT ticket_channel_is_known CHECK (channel IN ('call', 'chat', 'email', 'web', 'store', 'social')),
  CONSTRAINT subject_is_not_empty CHECK (trim(subject) <> ''),
  CONSTRAINT priority_is_known CHECK (priority IN ('Low', 'Normal', 'High', 'Urgent')),
  CONSTRAINT opened_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', opened_at, '+0 days') IS opened_at),
  CONSTRAINT status_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', status_at, '+0 days') IS status_at),
  CONSTRAINT an_assigned_ticket_has_an_owner CHECK (status NOT IN ('Assigned', 'Pending') OR owner_id IS NOT NULL),
  FOREIGN KEY (status) REFERENCES ticket_status (status)
) STRICT;
CREATE INDEX ix_ticket_customer ON ticket (customer_id);

CREATE TABLE ticket_status (status TEXT PRIMARY KEY) STRICT;
INSERT INTO ticket_status VALUES ('New'), ('Assigned'), ('Pending'), ('Resolved'), ('Closed');
-- Which status may follow which. From Resolved back to Assigned is a ticket opened again.
CREATE TABLE ticket_transition (
  from_status TEXT NOT NULL REFERENCES ticket_status,
  to_status TEXT NOT NULL REFERENCES ticket_status,
  PRIMARY KEY (from_status, to_status)
) STRICT;
INSERT INTO ticket_transition VALUES
  ('New', 'Assigned'), ('Assigned', 'Pending'), ('Pending', 'Assigned'), ('Assigned', 'Resolved'),
  ('Pending', 'Resolved'), ('Resolved', 'Assigned'), ('Resolved', 'Closed');

-- Written by the triggers below, on every change of status, whoever makes it.
CREATE TABLE ticket_history (
  ticket_history_id INTEGER PRIMARY KEY,
  ticket_id INTEGER NOT NULL REFERENCES ticket,
  from_status TEXT,
  to_status TEXT NOT NULL,
  owner_id INTEGER REFERENCES staff,
  changed_at TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log
) STRICT;
CREATE INDEX ix_ticket_history ON ticket_history (ticket_id);

CREATE TRIGGER ticket_starts_new BEFORE INSERT ON ticket WHEN NEW.status <> 'New' OR NEW.status_at <> NEW.opened_at
BEGIN SELECT RAISE(ABORT, 'a ticket starts as New, at the time it is opened'); END;
CREATE TRIGGER ticket_after_the_customer_exists BEFORE INSERT ON ticket
WHEN NEW.opened_at < (SELECT created_at FROM customer WHERE customer_id = NEW.customer_id)
BEGIN SELECT RAISE(ABORT, 'a ticket comes after its customer was recorded'); END;
CREATE TRIGGER ticket_for_a_survivor BEFORE INSERT ON ticket
WHEN (SELECT merged_into_id FROM customer WHERE customer_id = NEW.customer_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a merged record takes no new ticket: name the surviving customer'); END;
CREATE TRIGGER ticket_stays_as_opened BEFORE UPDATE OF ticket_id, customer_id, opened_at ON ticket
BEGIN SELECT RAISE(ABORT, 'a ticket keeps its customer and the time it was opened'); END;
CREATE TRIGGER ticket_is_never_deleted BEFORE DELETE ON ticket
BEGIN SELECT RAISE(ABORT, 'a ticket is never deleted: it is closed'); END;
CREATE TRIGGER ticket_moves_as_allowed BEFORE UPDATE OF status ON ticket
WHEN NEW.status <> OLD.status AND NOT EXISTS (
  SELECT 1 FROM ticket_transition WHERE from_status = OLD.status AND to_status = NEW.status)
BEGIN SELECT RAISE(ABORT, 'this status may not follow that one: see ticket_transition'); END;
CREATE TRIGGER ticket_moves_forward_in_time BEFORE UPDATE OF status, status_at ON ticket
WHEN NEW.status_at < OLD.status_at OR (NEW.status <> OLD.status AND NEW.operation_id = OLD.operation_id
  -- The past came in as one operation.
  AND EXISTS (SELECT 1 FROM store_info WHERE name = 'filled'))
BEGIN SELECT RAISE(ABORT, 'a change of status is a new operation, not before the last change'); END;
CREATE TRIGGER ticket_is_kept_i AFTER INSERT ON ticket
BEGIN
  INSERT INTO ticket_history (ticket_id, to_status, owner_id, changed_at, operation_id)
  VALUES (NEW.ticket_id, NEW.status, NEW.owner_id, NEW.opened_at, NEW.operation_id);
END;
CREATE TRIGGER ticket_is_kept_u AFTER UPDATE OF status, owner_id ON ticket
WHEN NEW.status <> OLD.status OR NEW.owner_id IS NOT OLD.owner_id
BEGIN
  INSERT INTO ticket_history (ticket_id, from_status, to_status, owner_id, changed_at, operation_id)
  VALUES (NEW.ticket_id, OLD.status, NEW.status, NEW.owner_id, NEW.status_at, NEW.operation_id);
END;
CREATE TRIGGER ticket_history_keeps_rows_u BEFORE UPDATE ON ticket_history
BEGIN SELECT RAISE(ABORT, 'the history of a ticket is append-only'); END;
CREATE TRIGGER ticket_history_keeps_rows_d BEFORE DELETE ON ticket_history
BEGIN SELECT RAISE(ABORT, 'the history of a ticket is append-only'); END;

-- Times of a ticket, from its history.
CREATE VIEW v_ticket AS
SELECT t.ticket_id, v.surviving_customer_id, t.customer_id, t.order_line_id, t.type, t.channel, t.priority, t.status,
  t.owner_id, t.opened_at, h.first_assigned_at, h.resolved_at, h.reopened_count
FROM ticket AS t
JOIN v_customer AS v USING (customer_id)
JOIN (SELECT ticket_id,
        min(CASE WHEN to_status = 'Assigned' THEN changed_at END) AS first_assigned_at,
        max(CASE WHEN to_status = 'Resolved' THEN changed_at END) AS resolved_at,
        sum(from_status = 'Resolved' AND to_status = 'Assigned') AS reopened_count
      FROM ticket_history GROUP BY ticket_id) AS h USING (ticket_id);

-- One contact with a customer, or with a caller whom nobody knows yet.
CREATE TABLE interaction (
  interaction_id INTEGER PRIMARY KEY,
  customer_id INTEGER REFERENCES customer,
  channel TEXT NOT NULL,
  direction TEXT NOT NULL,
  queue TEXT,
  topic TEXT,                                       -- what it was about; none where nobody wrote it down
  agent_id INTEGER REFERENCES staff,                -- none where the customer acts alone
  ticket_id INTEGER REFERENCES ticket,
  arrived_at TEXT NOT NULL,
  answered_at TEXT,
  ended_at TEXT,
  wrap_up_seconds INTEGER NOT NULL DEFAULT 0,       -- the agent's work after the customer has gone
  is_abandoned INTEGER NOT NULL DEFAULT 0,
  outcome TEXT,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT interaction_channel_is_known
    CHECK (channel IN ('call', 'chat', 'click_to_talk', 'email', 'ivr', 'web', 'social')),
  CONSTRAINT direction_is_known CHECK (direction IN ('inbound', 'outbound')),
  CONSTRAINT interaction_times_are_times CHECK (strftime('%Y-%m-%dT%H:%M:%S', arrived_at, '+0 days') IS arrived_at
    AND (answered_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', answered_at, '+0 days') IS answered_at)
    AND (ended_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', ended_at, '+0 days') IS ended_at)),
  CONSTRAINT answered_after_arrival CHECK (answered_at IS NULL OR answered_at >= arrived_at),
  CONSTRAINT ended_last CHECK (ended_at IS NULL OR ended_at >= ifnull(answered_at, arrived_at)),
  CONSTRAINT is_abandoned_is_0_or_1 CHECK (is_abandoned IN (0, 1)),
  CONSTRAINT an_abandoned_contact_was_not_answered CHECK (is_abandoned = 0 OR answered_at IS NULL),
  CONSTRAINT an_answer_has_an_agent CHECK ((agent_id IS NULL) = (answered_at IS NULL)),
  CONSTRAINT wrap_up_is_not_negative CHECK (wrap_up_seconds >= 0),
  CONSTRAINT only_an_agent_wraps_up CHECK (wrap_up_seconds = 0 OR agent_id IS NOT NULL)
) STRICT;
CREATE INDEX ix_interaction_customer ON interaction (customer_id);
CREATE INDEX ix_interaction_ticket ON interaction (ticket_id);

CREATE TRIGGER interaction_for_a_survivor BEFORE INSERT ON interaction
WHEN (SELECT merged_into_id FROM customer WHERE customer_id = NEW.customer_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a merged record takes no new contact: name the surviving customer'); END;
CREATE TRIGGER interaction_is_never_deleted BEFORE DELETE ON interaction
BEGIN SELECT RAISE(ABORT, 'a contact that happened is never deleted'); END;

-- Waiting ends with the answer, or with the customer's giving up; handling is talk and wrap-up.
CREATE VIEW v_interaction AS
SELECT interaction_id, customer_id, channel, direction, queue, topic, agent_id, ticket_id, arrived_at, answered_at,
  ended_at, is_abandoned, outcome,
  CASE WHEN answered_at IS NOT NULL OR is_abandoned
       THEN CAST(strftime('%s', ifnull(answered_at, ended_at)) AS INTEGER) - CAST(strftime('%s', arrived_at) AS INTEGER)
       END AS wait_seconds,
  CASE WHEN answered_at IS NOT NULL
       THEN CAST(strftime('%s', ended_at) AS INTEGER) - CAST(strftime('%s', answered_at) AS INTEGER) + wrap_up_seconds
       END AS handle_seconds,
  wrap_up_seconds,
  agent_id IS NULL AND NOT is_abandoned AND direction = 'inbound' AND ended_at IS NOT NULL AS is_finished_alone
FROM interaction;

CREATE TABLE contact_rating (
  interaction_id INTEGER PRIMARY KEY REFERENCES interaction,
  rated_at TEXT NOT NULL,
  rating INTEGER NOT NULL,
  CONSTRAINT contact_rated_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', rated_at, '+0 days') IS rated_at),
  CONSTRAINT contact_rating_is_from_1_to_5 CHECK (rating BETWEEN 1 AND 5)
) STRICT;
CREATE TRIGGER contact_rating_after_its_contact BEFORE INSERT ON contact_rating
WHEN NEW.rated_at < (SELECT arrived_at FROM interaction WHERE interaction_id = NEW.interaction_id)
BEGIN SELECT RAISE(ABORT, 'a contact is rated after it began'); END;

CREATE TABLE delivery_rating (
  order_id INTEGER PRIMARY KEY REFERENCES sales_order,
  rated_at TEXT NOT NULL,
  delivery_rating INTEGER NOT NULL,
  CONSTRAINT rated_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', rated_at, '+0 days') IS rated_at),
  CONSTRAINT delivery_rating_is_from_1_to_5 CHECK (delivery_rating BETWEEN 1 AND 5)
) STRICT;
CREATE TRIGGER rating_after_its_order BEFORE INSERT ON delivery_rating
WHEN NEW.rated_at < (SELECT ordered_at FROM sales_order WHERE order_id = NEW.order_id)
BEGIN SELECT RAISE(ABORT, 'a delivery is rated after its order'); END;
