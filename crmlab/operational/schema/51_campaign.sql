-- Campaigns: the plan, who is on it in which arm, and where each one stands in the send queue.
CREATE TABLE campaign_status (status TEXT PRIMARY KEY) STRICT;
INSERT INTO campaign_status VALUES ('Planning'), ('Active'), ('Inactive'), ('Complete');
CREATE TABLE campaign_transition (
  from_status TEXT NOT NULL REFERENCES campaign_status,
  to_status TEXT NOT NULL REFERENCES campaign_status,
  PRIMARY KEY (from_status, to_status)
) STRICT;
INSERT INTO campaign_transition VALUES
  ('Planning', 'Active'), ('Active', 'Inactive'), ('Inactive', 'Active'), ('Active', 'Complete'),
  ('Inactive', 'Complete'), ('Planning', 'Complete');

CREATE TABLE campaign (
  campaign_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  objective TEXT NOT NULL,
  channel TEXT NOT NULL,
  message TEXT NOT NULL,
  purpose TEXT NOT NULL DEFAULT 'marketing',
  status TEXT NOT NULL DEFAULT 'Planning',
  target_list_id INTEGER REFERENCES target_list,
  suppression_list_id INTEGER REFERENCES target_list,
  start_date TEXT NOT NULL,
  end_date TEXT NOT NULL,                           -- the last day on which it sends, and on which purchases count
  -- Without a hold-out nobody learns what a campaign did: whoever wants none says 0.
  holdout_share REAL NOT NULL DEFAULT 0.1,
  protects_control INTEGER NOT NULL DEFAULT 1,      -- no other campaign writes to those who are held out
  discount_percent INTEGER NOT NULL DEFAULT 0,
  contact_cost_cents INTEGER NOT NULL,
  budget_cents INTEGER,
  frequency_cap INTEGER,                            -- messages a person gets at most, of all campaigns,
  frequency_days INTEGER,                           -- in so many days
  send_from TEXT NOT NULL DEFAULT '09:00',
  send_until TEXT NOT NULL DEFAULT '20:00',
  operation_id INTEGER NOT NULL REFERENCES operation_log,   -- the operation that wrote the row last
  CONSTRAINT campaign_name_is_not_empty CHECK (trim(name) <> ''),
  CONSTRAINT campaign_channel_is_known CHECK (channel IN ('email', 'phone', 'post')),
  CONSTRAINT message_is_known
    CHECK (message IN ('voucher', 'new_roast', 'gift_guide', 'plan_advice', 'service_notice')),
  CONSTRAINT campaign_purpose_is_known CHECK (purpose IN ('marketing', 'service')),
  -- Otherwise an advertisement could be sent as service mail, past every opt-out.
  CONSTRAINT service_mail_sells_nothing
    CHECK ((purpose = 'service') = (message = 'service_notice') AND (purpose = 'marketing' OR discount_percent = 0)),
  CONSTRAINT campaign_dates_are_dates
    CHECK (date(start_date, '+0 days') IS start_date AND date(end_date, '+0 days') IS end_date),
  CONSTRAINT a_campaign_ends_after_its_start CHECK (end_date >= start_date),
  CONSTRAINT holdout_share_is_from_0_to_0_9 CHECK (holdout_share BETWEEN 0 AND 0.9),
  CONSTRAINT protects_control_is_0_or_1 CHECK (protects_control IN (0, 1)),
  CONSTRAINT only_a_voucher_has_a_discount CHECK ((message = 'voucher') = (discount_percent > 0)),
  CONSTRAINT discount_is_a_percentage CHECK (discount_percent BETWEEN 0 AND 100),
  CONSTRAINT contact_cost_is_not_negative CHECK (contact_cost_cents >= 0),
  CONSTRAINT budget_is_not_negative CHECK (budget_cents >= 0),
  CONSTRAINT a_frequency_cap_has_days
    CHECK ((frequency_cap IS NULL) = (frequency_days IS NULL) AND frequency_cap > 0 AND frequency_days > 0),
  CONSTRAINT send_times_are_times_of_day CHECK (strftime('%H:%M', send_from) IS send_from
    AND strftime('%H:%M', send_until) IS send_until AND send_from <> send_until),
  FOREIGN KEY (status) REFERENCES campaign_status (status)
) STRICT;

CREATE TRIGGER campaign_moves_as_allowed BEFORE UPDATE OF status ON campaign
WHEN NEW.status <> OLD.status AND NOT EXISTS (
  SELECT 1 FROM campaign_transition WHERE from_status = OLD.status AND to_status = NEW.status)
BEGIN SELECT RAISE(ABORT, 'this status may not follow that one: see campaign_transition'); END;
-- A plan that changed after the draw would not be the one that the experiment tests.
CREATE TRIGGER campaign_stays_as_drawn
BEFORE UPDATE OF campaign_id, name, channel, message, purpose, target_list_id, holdout_share, start_date, end_date
ON campaign WHEN EXISTS (SELECT 1 FROM campaign_member WHERE campaign_id = OLD.campaign_id)
BEGIN SELECT RAISE(ABORT, 'a campaign stays as planned once its audience is drawn'); END;
CREATE TRIGGER campaign_is_never_deleted BEFORE DELETE ON campaign
BEGIN SELECT RAISE(ABORT, 'a campaign is never deleted: it is Complete'); END;

-- Everybody on the list of a campaign, with the outcome. The lottery is drawn among those who can be written to: who is
-- suppressed before it has no arm, who is suppressed after it keeps the arm, so that the arms stay alike.
CREATE TABLE campaign_member (
  campaign_member_id INTEGER PRIMARY KEY,
  campaign_id INTEGER NOT NULL REFERENCES campaign,
  customer_id INTEGER NOT NULL REFERENCES customer,
  arm TEXT,
  status TEXT NOT NULL,
  suppress_reason TEXT,
  defer_reason TEXT,
  contact_point_id INTEGER REFERENCES contact_point,
  drawn_at TEXT NOT NULL,
  watched_from TEXT,                                -- purchases count from here on, in both arms
  scheduled_at TEXT,                                -- when it is to be sent; a deferral moves it
  sent_at TEXT,
  operation_id INTEGER NOT NULL REFERENCES operation_log,   -- the operation that wrote the row last
  CONSTRAINT a_customer_stands_once_in_a_campaign UNIQUE (campaign_id, customer_id),
  CONSTRAINT arm_is_treatment_or_control CHECK (arm IN ('treatment', 'control')),
  CONSTRAINT member_status_is_known CHECK (status IN ('queued', 'deferred', 'sent', 'suppressed', 'held_out')),
  CONSTRAINT who_is_held_out_is_control CHECK ((arm IS 'control') = (status = 'held_out')),
  CONSTRAINT who_has_no_arm_is_suppressed CHECK (arm IS NOT NULL OR status = 'suppressed'),
  CONSTRAINT who_has_an_arm_has_an_address CHECK ((arm IS NULL) = (contact_point_id IS NULL)),
  CONSTRAINT the_suppressed_have_a_reason CHECK ((status = 'suppressed') = (suppress_reason IS NOT NULL)),
  CONSTRAINT suppress_reason_is_known CHECK (suppress_reason IN ('merged', 'no_address', 'opt_out', 'no_permission',
    'duplicate_address', 'suppression_list', 'preference', 'held_out_elsewhere', 'over_budget', 'campaign_ended')),
  CONSTRAINT the_deferred_have_a_reason CHECK ((status = 'deferred') = (defer_reason IS NOT NULL)),
  CONSTRAINT defer_reason_is_known CHECK (defer_reason IN ('frequency_cap', 'quiet_hours')),
  CONSTRAINT the_sent_have_a_time CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
  CONSTRAINT the_deferred_are_scheduled CHECK (status <> 'deferred' OR scheduled_at IS NOT NULL),
  CONSTRAINT member_times_are_times CHECK (strftime('%Y-%m-%dT%H:%M:%S', drawn_at, '+0 days') IS drawn_at
    AND (scheduled_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', scheduled_at, '+0 days') IS scheduled_at)
    AND (watched_from IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', watched_from, '+0 days') IS watched_from)
    AND (sent_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', sent_at, '+0 days') IS sent_at))
) STRICT;
CREATE INDEX ix_member_customer ON campaign_member (customer_id);
CREATE INDEX ix_member_address ON campaign_member (contact_point_id);

CREATE TRIGGER member_starts_in_the_queue BEFORE INSERT ON campaign_member
WHEN NEW.status IN ('sent', 'deferred')
BEGIN SELECT RAISE(ABORT, 'a message is queued before it is sent'); END;
-- INSERT OR REPLACE would take a row away without asking the trigger that forbids it.
CREATE TRIGGER member_is_not_replaced BEFORE INSERT ON campaign_member
WHEN EXISTS (SELECT 1 FROM campaign_member WHERE campaign_id = NEW.campaign_id AND customer_id = NEW.customer_id)
  OR EXISTS (SELECT 1 FROM campaign_member WHERE campaign_member_id = NEW.campaign_member_id)
BEGIN SELECT RAISE(ABORT, 'a customer stands once in a campaign'); END;
CREATE TRIGGER member_for_a_survivor BEFORE INSERT ON campaign_member
WHEN NEW.arm IS NOT NULL AND (SELECT merged_into_id FROM customer WHERE customer_id = NEW.customer_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a merged record is on no new campaign: name the surviving customer'); END;
CREATE TRIGGER member_stays_who_it_is
BEFORE UPDATE OF campaign_member_id, campaign_id, customer_id, contact_point_id, arm, drawn_at ON campaign_member
BEGIN SELECT RAISE(ABORT, 'a member of a campaign keeps customer, address and arm'); END;
CREATE TRIGGER sent_is_sent BEFORE UPDATE ON campaign_member WHEN OLD.status = 'sent'
BEGIN SELECT RAISE(ABORT, 'what was sent cannot be called back or sent again'); END;
CREATE TRIGGER suppressed_stays_suppressed BEFORE UPDATE OF status ON campaign_member
WHEN OLD.status = 'suppressed' AND NEW.status <> 'suppressed'
BEGIN SELECT RAISE(ABORT, 'who was suppressed in a campaign gets nothing from it'); END;
CREATE TRIGGER member_is_never_deleted BEFORE DELETE ON campaign_member
BEGIN SELECT RAISE(ABORT, 'a member of a campaign is never deleted'); END;

CREATE VIEW v_campaign_tally AS
SELECT campaign_id, count(*) AS listed_count, sum(status = 'sent') AS sent_count,
  sum(status = 'suppressed') AS suppressed_count, sum(status = 'deferred') AS deferred_count,
  sum(status = 'held_out') AS held_out_count, sum(status = 'queued') AS queued_count
FROM campaign_member GROUP BY campaign_id;

CREATE VIEW v_campaign_reason AS
SELECT campaign_id, status, ifnull(suppress_reason, defer_reason) AS reason, count(*) AS member_count
FROM campaign_member WHERE status IN ('suppressed', 'deferred')
GROUP BY campaign_id, status, ifnull(suppress_reason, defer_reason);
