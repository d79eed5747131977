-- The customer interaction centre: one queue over all channels, and the agents who work on it.
-- Some channels take the whole agent; of those that are shared an agent serves as many at once as the capacity allows.
CREATE TABLE contact_channel (
  channel TEXT PRIMARY KEY,
  is_shared INTEGER NOT NULL
) STRICT;
INSERT INTO contact_channel VALUES ('call', 0), ('click_to_talk', 0), ('chat', 1), ('email', 0), ('social', 0);

CREATE TABLE contact_priority (
  priority TEXT PRIMARY KEY,
  rank INTEGER NOT NULL UNIQUE                      -- 1 comes first
) STRICT;
INSERT INTO contact_priority VALUES ('Urgent', 1), ('High', 2), ('Normal', 3), ('Low', 4);

CREATE TABLE agent_desk (
  agent_id INTEGER PRIMARY KEY REFERENCES staff,
  status TEXT NOT NULL,
  capacity INTEGER NOT NULL,                        -- contacts at once, on a shared channel
  status_at TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT desk_status_is_known CHECK (status IN ('available', 'away')),
  CONSTRAINT capacity_is_above_0 CHECK (capacity > 0),
  CONSTRAINT desk_status_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', status_at, '+0 days') IS status_at)
) STRICT;

-- What an agent has learnt to do: the queues that he or she serves.
CREATE TABLE agent_skill (
  agent_id INTEGER NOT NULL REFERENCES agent_desk,
  queue TEXT NOT NULL,
  PRIMARY KEY (agent_id, queue)
) STRICT;

-- What the queue knows beside the contact itself. The contact is a row of interaction from its first second.
CREATE TABLE queued_contact (
  interaction_id INTEGER PRIMARY KEY REFERENCES interaction,
  priority TEXT NOT NULL REFERENCES contact_priority,
  wanted_agent_id INTEGER REFERENCES staff,         -- who should take it if free: the agent of last time
  status TEXT NOT NULL DEFAULT 'waiting',
  status_at TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT contact_status_is_known CHECK (status IN ('waiting', 'active', 'wrap_up', 'closed', 'abandoned')),
  CONSTRAINT contact_status_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', status_at, '+0 days') IS status_at)
) STRICT;
CREATE INDEX ix_queued_contact_open ON queued_contact (status) WHERE status IN ('waiting', 'active', 'wrap_up');

CREATE VIEW v_contact AS
SELECT q.interaction_id, i.channel, i.queue, q.priority, p.rank, i.topic, q.status, q.status_at, i.customer_id,
  i.agent_id, q.wanted_agent_id, i.arrived_at, i.answered_at, i.ended_at, i.ticket_id, i.outcome, c.is_shared
FROM queued_contact AS q JOIN interaction AS i USING (interaction_id)
JOIN contact_priority AS p USING (priority) JOIN contact_channel AS c USING (channel);

CREATE TRIGGER contact_starts_waiting BEFORE INSERT ON queued_contact
WHEN NEW.status <> 'waiting' OR NOT EXISTS (SELECT 1 FROM interaction JOIN contact_channel USING (channel)
  WHERE interaction_id = NEW.interaction_id AND direction = 'inbound' AND queue IS NOT NULL AND answered_at IS NULL
    AND ended_at IS NULL AND arrived_at = NEW.status_at)
BEGIN SELECT RAISE(ABORT, 'a contact enters a queue when it arrives, and waits'); END;
CREATE TRIGGER contact_moves_step_by_step BEFORE UPDATE OF status ON queued_contact
WHEN NEW.status <> OLD.status AND OLD.status || ' ' || NEW.status NOT IN ('waiting active', 'waiting abandoned', 'active wrap_up', 'wrap_up closed')
BEGIN SELECT RAISE(ABORT, 'a contact goes from waiting to active, wrap_up and closed, or is abandoned'); END;
CREATE TRIGGER contact_moves_forward_in_time BEFORE UPDATE OF status_at ON queued_contact
WHEN NEW.status_at < OLD.status_at
BEGIN SELECT RAISE(ABORT, 'a contact changes after its last change'); END;
CREATE TRIGGER contact_is_never_deleted BEFORE DELETE ON queued_contact
BEGIN SELECT RAISE(ABORT, 'a contact in the queue is never deleted: it is closed or abandoned'); END;
CREATE TRIGGER contact_is_taken BEFORE UPDATE OF status ON queued_contact
WHEN NEW.status = 'active' AND OLD.status = 'waiting'
BEGIN
  SELECT RAISE(ABORT, 'a contact is taken by an agent who is available and serves its queue')
  WHERE NOT EXISTS (SELECT 1 FROM interaction AS i JOIN agent_desk AS d USING (agent_id)
    JOIN agent_skill AS s ON s.agent_id = d.agent_id AND s.queue = i.queue
    WHERE i.interaction_id = NEW.interaction_id AND d.status = 'available');
  SELECT RAISE(ABORT, 'an agent serves no more contacts at once than the capacity')
  FROM v_contact AS new_one JOIN agent_desk AS d USING (agent_id)
  WHERE new_one.interaction_id = NEW.interaction_id AND (
    (SELECT count(*) FROM v_contact AS o WHERE o.agent_id = d.agent_id AND o.interaction_id <> NEW.interaction_id
       AND o.status IN ('active', 'wrap_up')) >= CASE WHEN new_one.is_shared THEN d.capacity ELSE 1 END
    OR EXISTS (SELECT 1 FROM v_contact AS o WHERE o.agent_id = d.agent_id AND o.interaction_id <> NEW.interaction_id
       AND o.status IN ('active', 'wrap_up') AND NOT o.is_shared));
END;
CREATE TRIGGER contact_is_finished BEFORE UPDATE OF status ON queued_contact
WHEN NEW.status IN ('wrap_up', 'abandoned')
 AND (SELECT ended_at FROM interaction WHERE interaction_id = NEW.interaction_id) IS NULL
BEGIN SELECT RAISE(ABORT, 'a contact leaves the agent or the queue when it has ended'); END;
CREATE TRIGGER contact_is_closed_with_an_outcome BEFORE UPDATE OF status ON queued_contact
WHEN NEW.status = 'closed' AND (
  (SELECT outcome FROM interaction WHERE interaction_id = NEW.interaction_id) IS NULL
  OR EXISTS (SELECT 1 FROM dialogue_run WHERE interaction_id = NEW.interaction_id AND ended_at IS NULL))
BEGIN SELECT RAISE(ABORT, 'a contact is closed with its outcome, and its script ended'); END;

-- An agent who must go hands on what is open: to somebody for whom the same rules hold.
CREATE TRIGGER contact_is_handed_over BEFORE UPDATE OF agent_id ON interaction
WHEN NEW.agent_id IS NOT OLD.agent_id AND EXISTS (
  SELECT 1 FROM queued_contact WHERE interaction_id = OLD.interaction_id AND status <> 'waiting')
BEGIN
  SELECT RAISE(ABORT, 'only an active contact is handed over')
  WHERE (SELECT status FROM queued_contact WHERE interaction_id = OLD.interaction_id) <> 'active';
  SELECT RAISE(ABORT, 'a contact is handed over to an agent who is available, serves its queue and has room')
  WHERE NOT EXISTS (
    SELECT 1 FROM agent_desk AS d JOIN agent_skill AS s ON s.agent_id = d.agent_id AND s.queue = OLD.queue
    JOIN contact_channel AS c ON c.channel = OLD.channel
    WHERE d.agent_id = NEW.agent_id AND d.status = 'available'
      AND (SELECT count(*) FROM v_contact AS o WHERE o.agent_id = d.agent_id AND o.status IN ('active', 'wrap_up'))
        < CASE WHEN c.is_shared THEN d.capacity ELSE 1 END
      AND NOT EXISTS (SELECT 1 FROM v_contact AS o WHERE o.agent_id = d.agent_id
        AND o.status IN ('active', 'wrap_up') AND NOT o.is_shared));
END;

CREATE TRIGGER contact_is_linked_once BEFORE UPDATE OF customer_id ON interaction
WHEN OLD.customer_id IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a contact is linked to a customer once'); END;
CREATE TRIGGER contact_is_linked_to_a_survivor BEFORE UPDATE OF customer_id ON interaction
WHEN (SELECT merged_into_id FROM customer WHERE customer_id = NEW.customer_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a contact is linked to a record that is not merged'); END;
