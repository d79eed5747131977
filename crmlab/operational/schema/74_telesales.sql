-- Outbound telesales: lists of people to call, and each call. The rules about whom and when are kept here, so that no
-- program, and nobody who writes to the file by hand, calls somebody who must not be called.

-- What the clock shows where the number is at home, against the company's. All of these change to summer time at the
-- same second, so the difference holds through the year. A number from elsewhere is not called.
CREATE TABLE dialling_zone (
  prefix TEXT PRIMARY KEY,
  minutes_ahead INTEGER NOT NULL
) STRICT;
INSERT INTO dialling_zone VALUES ('+49', 0), ('+43', 0), ('+41', 0), ('+31', 0), ('+32', 0), ('+33', 0), ('+352', 0),
  ('+34', 0), ('+39', 0), ('+45', 0), ('+46', 0), ('+47', 0), ('+48', 0), ('+44', -60), ('+351', -60), ('+353', -60),
  ('+30', 60), ('+358', 60);

CREATE TABLE call_list (
  call_list_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  most_tries INTEGER NOT NULL,
  wait_minutes INTEGER NOT NULL,                    -- between two tries
  call_from TEXT NOT NULL,                          -- on the customer's clock
  call_until TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT most_calls_is_above_0 CHECK (most_tries > 0),
  CONSTRAINT wait_minutes_is_above_0 CHECK (wait_minutes > 0),
  CONSTRAINT calling_hours_are_hours_of_a_day CHECK (strftime('%H:%M', call_from) IS call_from
    AND strftime('%H:%M', call_until) IS call_until AND call_from < call_until),
  CONSTRAINT nobody_is_called_at_night CHECK (call_from >= '08:00' AND call_until <= '21:00')
) STRICT;

CREATE TABLE call_list_member (
  call_list_member_id INTEGER PRIMARY KEY,
  call_list_id INTEGER NOT NULL REFERENCES call_list,
  customer_id INTEGER NOT NULL REFERENCES customer,
  contact_point_id INTEGER REFERENCES contact_point,
  status TEXT NOT NULL,
  suppress_reason TEXT,
  next_at TEXT,                                     -- not to be called before
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT a_customer_stands_once_on_a_call_list UNIQUE (call_list_id, customer_id),
  CONSTRAINT call_status_is_known CHECK (status IN ('open', 'sold', 'refused', 'unreached', 'suppressed')),
  CONSTRAINT call_suppress_reason_is_known CHECK (suppress_reason IN
    ('merged', 'opt_out', 'no_permission', 'no_address', 'duplicate_address', 'unknown_zone')),
  CONSTRAINT who_is_not_called_has_a_reason CHECK ((status = 'suppressed') = (suppress_reason IS NOT NULL)),
  CONSTRAINT who_is_called_has_a_number CHECK (status = 'suppressed' OR contact_point_id IS NOT NULL),
  CONSTRAINT next_at_is_a_time CHECK (next_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', next_at, '+0 days') IS next_at)
) STRICT;

CREATE TABLE call_attempt (
  call_attempt_id INTEGER PRIMARY KEY,
  call_list_member_id INTEGER NOT NULL REFERENCES call_list_member,
  agent_id INTEGER NOT NULL REFERENCES staff,
  started_at TEXT NOT NULL,
  disposition TEXT,                                 -- none while it rings or they talk
  interaction_id INTEGER REFERENCES interaction,
  order_id INTEGER REFERENCES sales_order,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT call_started_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', started_at, '+0 days') IS started_at),
  CONSTRAINT disposition_is_known CHECK (disposition IN ('sold', 'refused', 'do_not_call', 'call_again', 'wrong_number',
    'no_answer', 'busy', 'voicemail')),
  CONSTRAINT a_sale_has_an_order CHECK ((disposition IS 'sold') = (order_id IS NOT NULL)),
  CONSTRAINT a_call_that_ended_leaves_a_contact CHECK ((disposition IS NULL) = (interaction_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX ix_call_attempt_open ON call_attempt (call_list_member_id) WHERE disposition IS NULL;
CREATE UNIQUE INDEX ix_call_attempt_agent ON call_attempt (agent_id) WHERE disposition IS NULL;

CREATE TRIGGER call_list_stays_as_planned BEFORE UPDATE ON call_list
BEGIN SELECT RAISE(ABORT, 'a calling list keeps its rules'); END;
CREATE TRIGGER call_list_is_not_replaced BEFORE INSERT ON call_list
WHEN EXISTS (SELECT 1 FROM call_list WHERE call_list_id = NEW.call_list_id OR name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a calling list has a name of its own, and is never replaced'); END;
CREATE TRIGGER call_list_is_never_deleted BEFORE DELETE ON call_list
BEGIN SELECT RAISE(ABORT, 'a calling list is never deleted'); END;
CREATE TRIGGER call_member_stays BEFORE UPDATE OF call_list_member_id, call_list_id, customer_id, contact_point_id
ON call_list_member
BEGIN SELECT RAISE(ABORT, 'a member of a calling list keeps customer and number'); END;
CREATE TRIGGER call_member_is_finished_once BEFORE UPDATE OF status ON call_list_member
WHEN OLD.status <> 'open' AND NEW.status <> OLD.status
BEGIN SELECT RAISE(ABORT, 'a member of a calling list that is finished stays finished'); END;
CREATE TRIGGER call_member_is_never_deleted BEFORE DELETE ON call_list_member
BEGIN SELECT RAISE(ABORT, 'a member of a calling list is never deleted'); END;
CREATE TRIGGER call_starts_open BEFORE INSERT ON call_attempt WHEN NEW.disposition IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a call has a disposition when it ends, not before'); END;
CREATE TRIGGER call_is_not_replaced BEFORE INSERT ON call_attempt
WHEN EXISTS (SELECT 1 FROM call_attempt WHERE call_attempt_id = NEW.call_attempt_id)
BEGIN SELECT RAISE(ABORT, 'a call that was made is never replaced'); END;
CREATE TRIGGER call_stays BEFORE UPDATE ON call_attempt
WHEN OLD.disposition IS NOT NULL OR NEW.call_list_member_id <> OLD.call_list_member_id
  OR NEW.started_at <> OLD.started_at OR NEW.agent_id <> OLD.agent_id OR NEW.call_attempt_id <> OLD.call_attempt_id
BEGIN SELECT RAISE(ABORT, 'a call that was made stays as it was'); END;
CREATE TRIGGER call_is_never_deleted BEFORE DELETE ON call_attempt
BEGIN SELECT RAISE(ABORT, 'a call that was made is never deleted'); END;
CREATE TRIGGER sale_is_an_order_of_the_person BEFORE UPDATE OF order_id ON call_attempt
WHEN NEW.order_id IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM sales_order AS o JOIN call_list_member AS m ON m.call_list_member_id = NEW.call_list_member_id
  JOIN v_customer AS v ON v.customer_id = m.customer_id
  WHERE o.order_id = NEW.order_id AND o.customer_id = v.surviving_customer_id AND o.channel = 'phone'
    AND o.ordered_at >= NEW.started_at)
BEGIN SELECT RAISE(ABORT, 'a sale by telephone is an order of the customer who was called'); END;

CREATE TRIGGER call_guard BEFORE INSERT ON call_attempt
BEGIN
  SELECT RAISE(ABORT, 'only an open member of a calling list is called')
  WHERE (SELECT status FROM call_list_member WHERE call_list_member_id = NEW.call_list_member_id) IS NOT 'open';
  SELECT RAISE(ABORT, 'a merged record is not called')
  FROM call_list_member AS m JOIN customer AS c USING (customer_id)
  WHERE m.call_list_member_id = NEW.call_list_member_id AND c.merged_into_id IS NOT NULL;
  SELECT RAISE(ABORT, 'a call goes to a number of its customer')
  WHERE NOT EXISTS (
    SELECT 1 FROM call_list_member AS m JOIN contact_point AS p USING (contact_point_id)
    WHERE m.call_list_member_id = NEW.call_list_member_id AND p.kind = 'phone' AND p.customer_id IN (
      WITH RECURSIVE person (id) AS (
        SELECT m.customer_id
        UNION SELECT r.customer_id FROM customer AS r JOIN person ON r.merged_into_id = person.id)
      SELECT id FROM person));
  -- As for messages: an opt-out counts for the person, for every number on every record merged into this one, until
  -- the person confirms an opt-in for the number itself, and from whichever day it is of.
  SELECT RAISE(ABORT, 'nobody on the do-not-call list is called')
  FROM call_list_member AS m JOIN contact_point AS used USING (contact_point_id)
  WHERE m.call_list_member_id = NEW.call_list_member_id AND EXISTS (
    SELECT 1 FROM contact_point AS any_of
    JOIN consent AS o ON o.address_hash = any_of.address_hash AND o.kind = 'phone' AND o.purpose = 'marketing'
    WHERE o.action = 'opt_out' AND any_of.kind = 'phone'
      AND (any_of.contact_point_id = used.contact_point_id OR any_of.customer_id IN (
        WITH RECURSIVE person (id) AS (
          SELECT m.customer_id
          UNION SELECT r.customer_id FROM customer AS r JOIN person ON r.merged_into_id = person.id)
        SELECT id FROM person))
      AND o.at >= ifnull((SELECT max(y.at) FROM consent AS y
        WHERE y.address_hash = used.address_hash AND y.purpose = 'marketing' AND y.action = 'confirmed_opt_in'
          AND y.at <= NEW.started_at), ''));
  SELECT RAISE(ABORT, 'nobody is called without permission')
  FROM call_list_member AS m JOIN contact_point AS used USING (contact_point_id)
  WHERE m.call_list_member_id = NEW.call_list_member_id AND NOT EXISTS (
    SELECT 1 FROM consent AS y WHERE y.address_hash = used.address_hash AND y.purpose = 'marketing'
      AND y.action <> 'opt_out' AND y.at <= NEW.started_at);
  SELECT RAISE(ABORT, 'a call comes at the hours of the list, on the clock of the customer, and not on Sunday')
  FROM call_list_member AS m JOIN call_list AS l USING (call_list_id) JOIN contact_point AS p USING (contact_point_id)
  WHERE m.call_list_member_id = NEW.call_list_member_id AND NOT EXISTS (
    SELECT 1 FROM (
      SELECT datetime(NEW.started_at, minutes_ahead || ' minutes') AS local_at FROM dialling_zone
      WHERE substr(p.value, 1, length(prefix)) = prefix ORDER BY length(prefix) DESC LIMIT 1)
    WHERE strftime('%H:%M', local_at) >= l.call_from AND strftime('%H:%M', local_at) < l.call_until
      AND strftime('%w', local_at) <> '0');
  SELECT RAISE(ABORT, 'a call comes at the hours that the customer named')
  FROM call_list_member AS m JOIN contact_preference AS w ON w.channel = 'phone' AND w.customer_id = m.customer_id
  WHERE m.call_list_member_id = NEW.call_list_member_id AND w.send_from IS NOT NULL
    AND NOT CASE WHEN w.send_from < w.send_until
      THEN substr(NEW.started_at, 12, 5) >= w.send_from AND substr(NEW.started_at, 12, 5) < w.send_until
      ELSE substr(NEW.started_at, 12, 5) >= w.send_from OR substr(NEW.started_at, 12, 5) < w.send_until END;
  SELECT RAISE(ABORT, 'nobody is tried more often than the list allows')
  FROM call_list_member AS m JOIN call_list AS l USING (call_list_id)
  WHERE m.call_list_member_id = NEW.call_list_member_id AND l.most_tries <=
    (SELECT count(*) FROM call_attempt WHERE call_list_member_id = NEW.call_list_member_id);
  SELECT RAISE(ABORT, 'between two tries lies the wait of the list')
  FROM call_list_member AS m JOIN call_list AS l USING (call_list_id)
  JOIN call_attempt AS a ON a.call_list_member_id = m.call_list_member_id
  WHERE m.call_list_member_id = NEW.call_list_member_id
    AND NEW.started_at < strftime('%Y-%m-%dT%H:%M:%S', a.started_at, l.wait_minutes || ' minutes');
  SELECT RAISE(ABORT, 'nobody is called before the time that was agreed')
  FROM call_list_member WHERE call_list_member_id = NEW.call_list_member_id AND NEW.started_at < next_at;
  SELECT RAISE(ABORT, 'one number is called by one member of a list')
  FROM call_list_member AS m JOIN contact_point AS used USING (contact_point_id)
  JOIN contact_point AS same ON same.address_hash = used.address_hash
  JOIN call_list_member AS other ON other.contact_point_id = same.contact_point_id
    AND other.call_list_id = m.call_list_id AND other.call_list_member_id <> m.call_list_member_id
  JOIN call_attempt AS a ON a.call_list_member_id = other.call_list_member_id
  WHERE m.call_list_member_id = NEW.call_list_member_id;
END;
