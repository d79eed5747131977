-- Sales promotion: promotions with a code. What a promotion gives, to whom, for what and when; the codes; and each use of one.
CREATE TABLE promotion (
  promotion_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  percent_off INTEGER,                              -- one of these two
  amount_off_cents INTEGER,
  product_id INTEGER REFERENCES product,            -- what it is for: one product, one category, or all in the order
  category TEXT,
  target_list_id INTEGER REFERENCES target_list,    -- whom it is for: members of a run of this list; none: everybody
  campaign_id INTEGER REFERENCES campaign,          -- the campaign that tells people of it
  least_order_cents INTEGER NOT NULL DEFAULT 0,     -- of the order at list prices
  valid_from TEXT NOT NULL,
  valid_until TEXT NOT NULL,                        -- the last day
  uses_per_customer INTEGER NOT NULL DEFAULT 1,
  most_uses INTEGER,                                -- of all customers together; none: no limit
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT promotion_name_is_not_empty CHECK (trim(name) <> ''),
  CONSTRAINT a_promotion_gives_a_percentage_or_an_amount CHECK ((percent_off IS NULL) <> (amount_off_cents IS NULL)),
  CONSTRAINT percent_off_is_from_1_to_100 CHECK (percent_off BETWEEN 1 AND 100),
  CONSTRAINT amount_off_is_above_0 CHECK (amount_off_cents > 0),
  CONSTRAINT a_promotion_is_for_a_product_or_a_category CHECK (product_id IS NULL OR category IS NULL),
  CONSTRAINT least_order_is_not_negative CHECK (least_order_cents >= 0),
  CONSTRAINT promotion_dates_are_dates
    CHECK (date(valid_from, '+0 days') IS valid_from AND date(valid_until, '+0 days') IS valid_until),
  CONSTRAINT a_promotion_ends_after_its_start CHECK (valid_until >= valid_from),
  CONSTRAINT promotion_limits_are_above_0 CHECK (uses_per_customer > 0 AND (most_uses IS NULL OR most_uses > 0))
) STRICT;

-- A code is kept in capitals without spaces and hyphens, so that case and spaces are forgiven.
CREATE TABLE promotion_code (
  promotion_code_id INTEGER PRIMARY KEY,
  promotion_id INTEGER NOT NULL REFERENCES promotion,
  code TEXT NOT NULL,
  customer_id INTEGER REFERENCES customer,          -- whose it is; none: anybody's
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT a_code_stands_for_one_promotion UNIQUE (code),
  CONSTRAINT a_customer_has_one_code_of_a_promotion UNIQUE (promotion_id, customer_id),
  CONSTRAINT a_code_is_4_to_20_capitals_and_digits
    CHECK (length(code) BETWEEN 4 AND 20 AND code NOT GLOB '*[^A-Z0-9]*')
) STRICT;

CREATE TABLE promotion_redemption (
  promotion_redemption_id INTEGER PRIMARY KEY,
  promotion_code_id INTEGER NOT NULL REFERENCES promotion_code,
  order_id INTEGER NOT NULL REFERENCES sales_order,
  customer_id INTEGER NOT NULL REFERENCES customer,
  redeemed_at TEXT NOT NULL,
  discount_cents INTEGER NOT NULL,                  -- what it took off the list prices
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT an_order_takes_one_code UNIQUE (order_id),
  CONSTRAINT redeemed_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', redeemed_at, '+0 days') IS redeemed_at),
  CONSTRAINT discount_is_not_negative CHECK (discount_cents >= 0)
) STRICT;
CREATE INDEX ix_redemption_code ON promotion_redemption (promotion_code_id);
CREATE INDEX ix_redemption_customer ON promotion_redemption (customer_id);

-- Each use with its person. Where the whole order came back the use is given back too, from the last return on.
CREATE VIEW v_promotion_redemption AS
SELECT r.promotion_redemption_id, c.promotion_id, c.code, r.order_id, r.customer_id, r.redeemed_at,
  r.discount_cents,
  (SELECT CASE WHEN sum(l.quantity) = sum(l.returned_count) THEN max(l.last_returned_at) END
   FROM (SELECT l.quantity, ifnull(sum(b.quantity), 0) AS returned_count, max(b.returned_at) AS last_returned_at
         FROM order_line AS l LEFT JOIN order_return AS b USING (order_line_id)
         -- A bundle comes back by its parts.
         WHERE l.order_id = r.order_id
           AND l.order_line_id NOT IN (SELECT parent_line_id FROM order_line WHERE parent_line_id IS NOT NULL)
         GROUP BY l.order_line_id) AS l) AS given_back_at
FROM promotion_redemption AS r JOIN promotion_code AS c USING (promotion_code_id);

-- One person are records that were merged, and records with the same e-mail address (same and person, below).
CREATE TRIGGER redemption_keeps_the_rules BEFORE INSERT ON promotion_redemption
BEGIN
  SELECT RAISE(ABORT, 'a use of a code is never replaced')
  WHERE EXISTS (SELECT 1 FROM promotion_redemption
                WHERE promotion_redemption_id = NEW.promotion_redemption_id OR order_id = NEW.order_id);
  SELECT RAISE(ABORT, 'a code is used at an order of the same customer and moment')
  WHERE NOT EXISTS (SELECT 1 FROM sales_order
                    WHERE order_id = NEW.order_id AND customer_id = NEW.customer_id AND ordered_at = NEW.redeemed_at);
  SELECT RAISE(ABORT, 'a code is used within its days')
  FROM promotion_code JOIN promotion USING (promotion_id) WHERE promotion_code_id = NEW.promotion_code_id
    AND substr(NEW.redeemed_at, 1, 10) NOT BETWEEN valid_from AND valid_until;
  SELECT CASE
    WHEN own_id IS NOT NULL AND own_id NOT IN (SELECT value FROM json_each(person))
      THEN RAISE(ABORT, 'a personal code is used by its own customer')
    WHEN target_list_id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM target_list_build AS b JOIN target_list_member AS m USING (target_list_build_id)
      WHERE b.target_list_id = used.target_list_id AND b.built_at <= NEW.redeemed_at AND m.status = 'member'
        AND m.customer_id IN (SELECT value FROM json_each(person)))
      THEN RAISE(ABORT, 'a promotion for a list is used by those on it')
    WHEN uses_per_customer <= (
      SELECT count(*) FROM v_promotion_redemption AS r
      WHERE r.promotion_id = used.promotion_id AND ifnull(r.given_back_at, '9999') > NEW.redeemed_at
        AND r.customer_id IN (SELECT value FROM json_each(person)))
      THEN RAISE(ABORT, 'a promotion is used no more often by one person')
    END
  FROM (
    SELECT c.customer_id AS own_id, f.promotion_id, f.target_list_id, f.uses_per_customer, (
      WITH RECURSIVE same (id) AS (
        SELECT NEW.customer_id
        UNION
        SELECT c.customer_id FROM same JOIN customer AS s ON s.customer_id = same.id
        JOIN customer AS c ON c.merged_into_id = s.customer_id OR c.customer_id = s.merged_into_id
          OR c.customer_id IN (
            SELECT q.customer_id FROM contact_point AS p JOIN contact_point AS q USING (address_hash)
            WHERE p.customer_id = s.customer_id AND p.kind = 'email' AND q.kind = 'email'))
      SELECT json_group_array(id) FROM same) AS person
    FROM promotion_code AS c JOIN promotion AS f USING (promotion_id)
    WHERE c.promotion_code_id = NEW.promotion_code_id) AS used;
  SELECT RAISE(ABORT, 'a promotion is used no more often than its limit')
  FROM promotion_code AS c JOIN promotion AS f USING (promotion_id) WHERE c.promotion_code_id = NEW.promotion_code_id
    AND f.most_uses <= (
      SELECT count(*) FROM v_promotion_redemption AS r
      WHERE r.promotion_id = f.promotion_id AND ifnull(r.given_back_at, '9999') > NEW.redeemed_at);
  SELECT RAISE(ABORT, 'a code is used for what its promotion is for')
  FROM promotion_code AS c JOIN promotion AS f USING (promotion_id) WHERE c.promotion_code_id = NEW.promotion_code_id
    AND NOT EXISTS (
      SELECT 1 FROM order_line AS l JOIN product AS p USING (product_id) WHERE l.order_id = NEW.order_id
        -- A bundle is reduced already.
        AND p.type <> 'bundle' AND l.parent_line_id IS NULL
        AND (f.product_id IS NULL OR f.product_id = l.product_id) AND (f.category IS NULL OR f.category = p.category));
  SELECT RAISE(ABORT, 'a code is used from its least order on')
  FROM promotion_code AS c JOIN promotion AS f USING (promotion_id) WHERE c.promotion_code_id = NEW.promotion_code_id
    AND f.least_order_cents > NEW.discount_cents
      + (SELECT sum(quantity * unit_price_cents) FROM order_line WHERE order_id = NEW.order_id);
  SELECT RAISE(ABORT, 'no more is taken off than the promotion gives')
  FROM promotion_code AS c JOIN promotion AS f USING (promotion_id) WHERE c.promotion_code_id = NEW.promotion_code_id
    AND NEW.discount_cents > f.amount_off_cents;
END;
CREATE TRIGGER redemption_keeps_rows_u BEFORE UPDATE ON promotion_redemption
BEGIN SELECT RAISE(ABORT, 'a use of a code is never changed'); END;
CREATE TRIGGER redemption_keeps_rows_d BEFORE DELETE ON promotion_redemption
BEGIN SELECT RAISE(ABORT, 'a use of a code is never deleted'); END;
CREATE TRIGGER promotion_stays_as_made_i BEFORE INSERT ON promotion
WHEN EXISTS (SELECT 1 FROM promotion WHERE promotion_id = NEW.promotion_id OR name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a promotion is made once: give it a name of its own'); END;
CREATE TRIGGER promotion_stays_as_made_u BEFORE UPDATE ON promotion
BEGIN SELECT RAISE(ABORT, 'a promotion stays as it was made'); END;
CREATE TRIGGER promotion_stays_as_made_d BEFORE DELETE ON promotion
BEGIN SELECT RAISE(ABORT, 'a promotion stays as it was made'); END;
CREATE TRIGGER promotion_code_is_new BEFORE INSERT ON promotion_code
WHEN EXISTS (SELECT 1 FROM promotion_code WHERE promotion_code_id = NEW.promotion_code_id OR code = NEW.code)
BEGIN SELECT RAISE(ABORT, 'a code is given out once'); END;
CREATE TRIGGER promotion_code_stays_u BEFORE UPDATE ON promotion_code
BEGIN SELECT RAISE(ABORT, 'a code stays as it was given out'); END;
CREATE TRIGGER promotion_code_stays_d BEFORE DELETE ON promotion_code
BEGIN SELECT RAISE(ABORT, 'a code stays as it was given out'); END;
