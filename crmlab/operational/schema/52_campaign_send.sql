-- The last gate before a message goes out. The send queue looks at all of this too; the database looks again, so that
-- no program, and nobody who writes to the file by hand, gets a message past an opt-out.
--
-- An opt-out counts for the person: for every address of that kind on every record that was merged into this one, until
-- the person confirms an opt-in for the address itself. It counts from whichever day it is of. Only while the store is
-- being filled with campaigns of the past does a send know no more than its own day.
CREATE VIEW v_store_is_open AS SELECT EXISTS (SELECT 1 FROM store_info WHERE name = 'filled') AS is_open;

CREATE TRIGGER store_stays_open_u BEFORE UPDATE ON store_info WHEN OLD.name = 'filled'
BEGIN SELECT RAISE(ABORT, 'a store that was filled is not filled again'); END;
CREATE TRIGGER store_stays_open_d BEFORE DELETE ON store_info WHEN OLD.name = 'filled'
BEGIN SELECT RAISE(ABORT, 'a store that was filled is not filled again'); END;
-- INSERT OR REPLACE takes a row away without asking the trigger that forbids it.
CREATE TRIGGER consent_is_not_replaced BEFORE INSERT ON consent
WHEN EXISTS (SELECT 1 FROM consent WHERE consent_id = NEW.consent_id)
BEGIN SELECT RAISE(ABORT, 'consent is append-only: a row is never replaced'); END;

CREATE TRIGGER send_guard BEFORE UPDATE OF status ON campaign_member WHEN NEW.status = 'sent'
BEGIN
  SELECT RAISE(ABORT, 'only a campaign that is Active sends, on its days')
  FROM campaign WHERE campaign_id = NEW.campaign_id
    AND NOT (status = 'Active' AND substr(NEW.sent_at, 1, 10) BETWEEN start_date AND end_date);
  SELECT RAISE(ABORT, 'nothing is sent before it is drawn and due')
  WHERE NEW.sent_at < NEW.drawn_at OR NEW.sent_at < ifnull(NEW.scheduled_at, '9999');
  SELECT RAISE(ABORT, 'nothing is sent to a merged record')
  FROM customer WHERE customer_id = NEW.customer_id AND merged_into_id IS NOT NULL;
  SELECT RAISE(ABORT, 'a message goes to an address of its customer, on the channel of its campaign')
  WHERE NOT EXISTS (
    SELECT 1 FROM contact_point AS p JOIN campaign AS c ON c.campaign_id = NEW.campaign_id AND c.channel = p.kind
    WHERE p.contact_point_id = NEW.contact_point_id AND p.customer_id IN (
      WITH RECURSIVE person (id) AS (
        SELECT NEW.customer_id
        UNION SELECT r.customer_id FROM customer AS r JOIN person ON r.merged_into_id = person.id)
      SELECT id FROM person));
  SELECT RAISE(ABORT, 'nobody who opted out is written to')
  FROM campaign AS c JOIN contact_point AS used ON used.contact_point_id = NEW.contact_point_id
  WHERE c.campaign_id = NEW.campaign_id AND EXISTS (
    SELECT 1 FROM contact_point AS any_of
    JOIN consent AS o ON o.address_hash = any_of.address_hash AND o.kind = c.channel AND o.purpose = c.purpose
    WHERE o.action = 'opt_out' AND any_of.kind = c.channel
      AND (o.at <= NEW.sent_at OR (SELECT is_open FROM v_store_is_open))
      AND (any_of.contact_point_id = used.contact_point_id OR any_of.customer_id IN (
        WITH RECURSIVE person (id) AS (
          SELECT NEW.customer_id
          UNION SELECT r.customer_id FROM customer AS r JOIN person ON r.merged_into_id = person.id)
        SELECT id FROM person))
      AND o.at >= ifnull((SELECT max(y.at) FROM consent AS y
        WHERE y.address_hash = used.address_hash AND y.purpose = c.purpose AND y.action = 'confirmed_opt_in'
          AND y.at <= NEW.sent_at), ''));
  -- Service mail needs no permission. By e-mail only an opt-in that the person confirmed is one.
  SELECT RAISE(ABORT, 'nobody is written to without permission')
  FROM campaign AS c JOIN contact_point AS used ON used.contact_point_id = NEW.contact_point_id
  WHERE c.campaign_id = NEW.campaign_id AND c.purpose <> 'service' AND NOT EXISTS (
    SELECT 1 FROM consent AS y
    WHERE y.address_hash = used.address_hash AND y.purpose = c.purpose AND y.at <= NEW.sent_at
      AND (y.action = 'confirmed_opt_in' OR (y.action = 'opt_in' AND c.channel <> 'email')));
  SELECT RAISE(ABORT, 'one address gets a campaign once')
  FROM contact_point AS used
  JOIN contact_point AS same ON same.address_hash = used.address_hash
  JOIN campaign_member AS m ON m.contact_point_id = same.contact_point_id
  WHERE used.contact_point_id = NEW.contact_point_id AND m.campaign_id = NEW.campaign_id AND m.status = 'sent'
    AND (SELECT is_open FROM v_store_is_open);
  SELECT RAISE(ABORT, 'who is held out of one campaign is not written to by another')
  FROM campaign AS c JOIN campaign AS other ON other.campaign_id <> c.campaign_id
  WHERE c.campaign_id = NEW.campaign_id AND c.purpose <> 'service' AND other.protects_control
    AND substr(NEW.sent_at, 1, 10) BETWEEN other.start_date AND other.end_date
    AND (EXISTS (
        SELECT 1 FROM campaign_member AS m
        WHERE m.campaign_id = other.campaign_id AND m.arm = 'control' AND m.customer_id IN (
          WITH RECURSIVE person (id) AS (
            SELECT NEW.customer_id
            UNION SELECT r.customer_id FROM customer AS r JOIN person ON r.merged_into_id = person.id)
          SELECT id FROM person))
      OR EXISTS (
        SELECT 1 FROM contact_point AS used
        JOIN contact_point AS same ON same.address_hash = used.address_hash
        JOIN campaign_member AS m ON m.contact_point_id = same.contact_point_id
        WHERE used.contact_point_id = NEW.contact_point_id AND m.campaign_id = other.campaign_id
          AND m.arm = 'control'));
END;
