-- What came of a campaign, in both arms: who is held out can buy, too.
CREATE TABLE campaign_observation (
  campaign_observation_id INTEGER PRIMARY KEY,
  campaign_id INTEGER NOT NULL REFERENCES campaign,
  until_date TEXT NOT NULL,
  seed INTEGER NOT NULL,                            -- the market's luck
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT until_date_is_a_date CHECK (date(until_date, '+0 days') IS until_date)
) STRICT;
CREATE TRIGGER one_store_has_one_future BEFORE INSERT ON campaign_observation
WHEN EXISTS (SELECT 1 FROM campaign_observation WHERE seed <> NEW.seed)
BEGIN SELECT RAISE(ABORT, 'all observations of a store are made with one seed'); END;

CREATE TABLE campaign_response (
  campaign_response_id INTEGER PRIMARY KEY,
  campaign_member_id INTEGER NOT NULL REFERENCES campaign_member,
  reaction TEXT NOT NULL,
  responded_at TEXT NOT NULL,
  order_id INTEGER REFERENCES sales_order,          -- none where the market only says what was spent
  amount_cents INTEGER,                             -- paid, after the voucher
  discount_cents INTEGER,                           -- what the voucher took off
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT reaction_is_known CHECK (reaction IN ('opened', 'clicked', 'bought', 'opted_out')),
  CONSTRAINT responded_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', responded_at, '+0 days') IS responded_at),
  CONSTRAINT a_purchase_has_an_amount CHECK ((reaction = 'bought') = (amount_cents IS NOT NULL)
    AND (amount_cents IS NULL) = (discount_cents IS NULL)),
  CONSTRAINT only_a_purchase_has_an_order CHECK (order_id IS NULL OR reaction = 'bought'),
  CONSTRAINT amounts_are_not_negative CHECK (amount_cents >= 0 AND discount_cents >= 0)
) STRICT;
CREATE UNIQUE INDEX ix_response ON campaign_response
  (campaign_member_id, reaction, responded_at, ifnull(order_id, 0));

CREATE TRIGGER response_after_it_is_watched BEFORE INSERT ON campaign_response
WHEN NEW.responded_at < ifnull((SELECT watched_from FROM campaign_member
                                WHERE campaign_member_id = NEW.campaign_member_id), '9999')
BEGIN SELECT RAISE(ABORT, 'a response comes after its campaign began for this member'); END;
CREATE TRIGGER only_a_message_is_answered BEFORE INSERT ON campaign_response
WHEN NEW.reaction <> 'bought'
 AND (SELECT status FROM campaign_member WHERE campaign_member_id = NEW.campaign_member_id) <> 'sent'
BEGIN SELECT RAISE(ABORT, 'only who was written to can open, click or opt out'); END;
CREATE TRIGGER response_keeps_rows_u BEFORE UPDATE ON campaign_response
BEGIN SELECT RAISE(ABORT, 'a response is never changed'); END;
CREATE TRIGGER response_keeps_rows_d BEFORE DELETE ON campaign_response
BEGIN SELECT RAISE(ABORT, 'a response is never deleted'); END;

-- Each arm as it was drawn. Who was suppressed after the draw counts in the arm: leaving them out would make the arms
-- unlike, since nobody is suppressed in the control arm. Purchases count from watched_from to the end of the campaign.
CREATE VIEW v_campaign_arm AS
SELECT m.campaign_id, m.arm, count(*) AS member_count, sum(m.status = 'sent') AS sent_count,
  sum(r.opened) AS opened_count, sum(r.clicked) AS clicked_count, sum(r.opted_out) AS opted_out_count,
  sum(r.purchase_count > 0) AS buyer_count, sum(r.purchase_count) AS purchase_count,
  sum(r.amount_cents) AS amount_cents, sum(r.discount_cents) AS discount_cents,
  sum(m.status = 'sent') * c.contact_cost_cents AS contact_cost_cents
FROM campaign_member AS m
JOIN campaign AS c USING (campaign_id)
JOIN (
  SELECT m.campaign_member_id,
    ifnull(max(r.reaction = 'opened'), 0) AS opened, ifnull(max(r.reaction = 'clicked'), 0) AS clicked,
    ifnull(max(r.reaction = 'opted_out'), 0) AS opted_out,
    count(CASE WHEN r.reaction = 'bought' AND substr(r.responded_at, 1, 10) <= c.end_date THEN 1 END) AS purchase_count,
    ifnull(sum(CASE WHEN substr(r.responded_at, 1, 10) <= c.end_date THEN r.amount_cents END), 0) AS amount_cents,
    ifnull(sum(CASE WHEN substr(r.responded_at, 1, 10) <= c.end_date THEN r.discount_cents END), 0) AS discount_cents
  FROM campaign_member AS m
  JOIN campaign AS c USING (campaign_id)
  LEFT JOIN campaign_response AS r USING (campaign_member_id)
  GROUP BY m.campaign_member_id) AS r USING (campaign_member_id)
WHERE m.arm IS NOT NULL
GROUP BY m.campaign_id, m.arm;
