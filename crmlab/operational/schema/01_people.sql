-- Who: territories and staff, accounts, customers as they are recorded, and the addresses under which they are reached.
CREATE TABLE territory (
  territory_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  parent_id INTEGER REFERENCES territory,           -- the region
  postal_code_prefix TEXT UNIQUE
) STRICT;

CREATE TABLE staff (
  staff_id INTEGER PRIMARY KEY,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  role TEXT NOT NULL,
  manager_id INTEGER REFERENCES staff,
  territory_id INTEGER REFERENCES territory,
  hourly_cost_cents INTEGER NOT NULL,
  hired_date TEXT NOT NULL,
  CONSTRAINT role_is_known CHECK (role IN ('marketer', 'rep', 'agent', 'technician', 'manager', 'bot')),
  CONSTRAINT hourly_cost_is_not_negative CHECK (hourly_cost_cents >= 0),
  CONSTRAINT hired_date_is_a_date CHECK (date(hired_date, '+0 days') IS hired_date)
) STRICT;

CREATE TABLE account (
  account_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  employees INTEGER,
  territory_id INTEGER REFERENCES territory,
  owner_id INTEGER REFERENCES staff,                -- the rep who looks after it
  CONSTRAINT account_type_is_known
    CHECK (type IN ('prospect', 'customer', 'partner', 'reseller', 'supplier', 'competitor'))
) STRICT;

-- A customer is the buying party as recorded: one person can stand here twice. A merge keeps both rows; the loser names
-- the winner in merged_into_id, and v_customer follows it.
CREATE TABLE customer (
  customer_id INTEGER PRIMARY KEY,
  account_id INTEGER REFERENCES account,
  first_name TEXT,
  last_name TEXT NOT NULL,
  birth_date TEXT,
  postal_code TEXT,
  territory_id INTEGER REFERENCES territory,
  language TEXT NOT NULL DEFAULT 'de',
  household_size INTEGER,
  yearly_income_cents INTEGER,
  acquisition_channel TEXT NOT NULL,
  acquisition_cost_cents INTEGER NOT NULL DEFAULT 0,
  source_system TEXT NOT NULL,
  created_at TEXT NOT NULL,
  merged_into_id INTEGER REFERENCES customer,
  merged_at TEXT,
  operation_id INTEGER NOT NULL REFERENCES operation_log,   -- the operation that wrote the row last
  CONSTRAINT last_name_is_not_empty CHECK (trim(last_name) <> ''),
  CONSTRAINT created_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', created_at, '+0 days') IS created_at),
  CONSTRAINT birth_date_is_a_date CHECK (birth_date IS NULL OR date(birth_date, '+0 days') IS birth_date),
  CONSTRAINT born_before_recorded CHECK (birth_date IS NULL OR birth_date <= substr(created_at, 1, 10)),
  CONSTRAINT acquisition_cost_is_not_negative CHECK (acquisition_cost_cents >= 0),
  CONSTRAINT acquisition_channel_is_known CHECK (acquisition_channel IN ('direct', 'store_walk_in', 'search_ads',
    'social_ads', 'referral', 'price_comparison', 'direct_mail', 'reseller')),
  CONSTRAINT source_system_is_known
    CHECK (source_system IN ('web_shop', 'store_till', 'reseller_portal', 'contact_centre')),
  CONSTRAINT not_merged_into_itself CHECK (merged_into_id IS NULL OR merged_into_id <> customer_id),
  CONSTRAINT merged_at_goes_with_merged_into_id CHECK ((merged_into_id IS NULL) = (merged_at IS NULL)),
  CONSTRAINT merged_at_is_a_time CHECK (
    merged_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', merged_at, '+0 days') IS merged_at)
) STRICT;
CREATE INDEX ix_customer_merged ON customer (merged_into_id) WHERE merged_into_id IS NOT NULL;

-- Every merge and its undoing, written by the triggers below: the state of any day can be found again.
CREATE TABLE customer_merge (
  customer_merge_id INTEGER PRIMARY KEY,
  loser_id INTEGER NOT NULL REFERENCES customer,
  winner_id INTEGER NOT NULL REFERENCES customer,
  merged_at TEXT NOT NULL,
  undone_at TEXT,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  undo_operation_id INTEGER REFERENCES operation_log
) STRICT;
CREATE UNIQUE INDEX ix_customer_merge_open ON customer_merge (loser_id) WHERE undone_at IS NULL;

CREATE TRIGGER customer_is_recorded_unmerged BEFORE INSERT ON customer WHEN NEW.merged_into_id IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a customer is recorded first and merged later'); END;
CREATE TRIGGER customer_is_never_deleted BEFORE DELETE ON customer
BEGIN SELECT RAISE(ABORT, 'a customer is never deleted: merge_customers keeps both rows'); END;
CREATE TRIGGER customer_stays_the_same BEFORE UPDATE OF customer_id, created_at ON customer
BEGIN SELECT RAISE(ABORT, 'a customer keeps customer_id and created_at'); END;

-- A winner that is merged itself could close a circle; with a winner that survives, none can.
CREATE TRIGGER merge_into_a_survivor BEFORE UPDATE OF merged_into_id ON customer
WHEN NEW.merged_into_id IS NOT NULL
 AND (SELECT merged_into_id FROM customer WHERE customer_id = NEW.merged_into_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the winner of a merge is a record that is not merged itself'); END;
CREATE TRIGGER merge_once BEFORE UPDATE OF merged_into_id ON customer
WHEN OLD.merged_into_id IS NOT NULL AND NEW.merged_into_id IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a merged record is merged again only after undo_merge'); END;
CREATE TRIGGER merge_after_both_exist BEFORE UPDATE OF merged_into_id ON customer
WHEN NEW.merged_into_id IS NOT NULL AND NEW.merged_at < max(OLD.created_at,
  (SELECT created_at FROM customer WHERE customer_id = NEW.merged_into_id))
BEGIN SELECT RAISE(ABORT, 'a merge comes after both records were made'); END;
-- Otherwise a record would have had two survivors on one day, or none.
CREATE TRIGGER merge_after_the_last_undo BEFORE UPDATE OF merged_into_id ON customer
WHEN NEW.merged_into_id IS NOT NULL AND NEW.merged_at < (
  SELECT max(undone_at) FROM customer_merge WHERE loser_id IN (NEW.customer_id, NEW.merged_into_id))
BEGIN SELECT RAISE(ABORT, 'a merge comes after earlier merges of its records were undone'); END;
CREATE TRIGGER merge_is_kept AFTER UPDATE OF merged_into_id ON customer
WHEN OLD.merged_into_id IS NULL AND NEW.merged_into_id IS NOT NULL
BEGIN
  INSERT INTO customer_merge (loser_id, winner_id, merged_at, operation_id)
  VALUES (NEW.customer_id, NEW.merged_into_id, NEW.merged_at, NEW.operation_id);
END;
-- The row holds no time once the merge is undone: the operation that undid it knows the time.
CREATE TRIGGER undo_after_the_merge BEFORE UPDATE OF merged_into_id ON customer
WHEN OLD.merged_into_id IS NOT NULL AND NEW.merged_into_id IS NULL
 AND (SELECT at FROM operation_log WHERE operation_id = NEW.operation_id) < OLD.merged_at
BEGIN SELECT RAISE(ABORT, 'a merge is undone after it was made'); END;
CREATE TRIGGER undo_is_kept AFTER UPDATE OF merged_into_id ON customer
WHEN OLD.merged_into_id IS NOT NULL AND NEW.merged_into_id IS NULL
BEGIN
  UPDATE customer_merge SET undo_operation_id = NEW.operation_id,
    undone_at = (SELECT at FROM operation_log WHERE operation_id = NEW.operation_id)
  WHERE loser_id = NEW.customer_id AND undone_at IS NULL;
END;
CREATE TRIGGER merge_is_never_deleted BEFORE DELETE ON customer_merge
BEGIN SELECT RAISE(ABORT, 'a merge is never deleted: undo_merge ends it'); END;

-- Each record and the record that stands for it now: itself, or the end of its chain of merges.
CREATE VIEW v_customer AS
WITH RECURSIVE chain (customer_id, next_id) AS (
  SELECT customer_id, merged_into_id FROM customer WHERE merged_into_id IS NOT NULL
  UNION ALL
  SELECT chain.customer_id, winner.merged_into_id
  FROM chain JOIN customer AS winner ON winner.customer_id = chain.next_id WHERE winner.merged_into_id IS NOT NULL)
SELECT customer_id, customer_id AS surviving_customer_id FROM customer WHERE merged_into_id IS NULL
UNION ALL
SELECT chain.customer_id, chain.next_id
FROM chain JOIN customer AS last ON last.customer_id = chain.next_id WHERE last.merged_into_id IS NULL;

-- value is normalised (see addresses.py), so that one address is written in one way; address_hash is what consents
-- know.
CREATE TABLE contact_point (
  contact_point_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  value_as_recorded TEXT NOT NULL,
  address_hash TEXT NOT NULL,
  is_primary INTEGER NOT NULL DEFAULT 0,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT contact_kind_is_known CHECK (kind IN ('email', 'phone', 'post', 'chat', 'social')),
  CONSTRAINT address_is_not_empty CHECK (trim(value) <> ''),
  CONSTRAINT email_is_lower_case CHECK (kind <> 'email' OR value = lower(value)),
  CONSTRAINT phone_is_e164 CHECK (kind <> 'phone' OR (value GLOB '+[1-9]*' AND substr(value, 2) NOT GLOB '*[^0-9]*')),
  CONSTRAINT address_hash_is_sha256 CHECK (length(address_hash) = 64 AND address_hash NOT GLOB '*[^0-9a-f]*'),
  CONSTRAINT is_primary_is_0_or_1 CHECK (is_primary IN (0, 1)),
  CONSTRAINT one_row_an_address_and_record UNIQUE (customer_id, kind, value)
) STRICT;
CREATE INDEX ix_contact_point_value ON contact_point (kind, value);
CREATE INDEX ix_contact_point_hash ON contact_point (address_hash);

-- One address has one hash, on every record: a second hash would slip past an opt-out.
CREATE TRIGGER one_hash_an_address BEFORE INSERT ON contact_point
WHEN EXISTS (SELECT 1 FROM contact_point
             WHERE kind = NEW.kind AND value = NEW.value AND address_hash <> NEW.address_hash)
  OR EXISTS (SELECT 1 FROM contact_point
             WHERE address_hash = NEW.address_hash AND (kind <> NEW.kind OR value <> NEW.value))
BEGIN SELECT RAISE(ABORT, 'one address has one hash'); END;
CREATE TRIGGER address_is_not_rewritten BEFORE UPDATE OF kind, value, address_hash ON contact_point
BEGIN SELECT RAISE(ABORT, 'an address is not rewritten: a new one is a new row'); END;

-- What each source system sent, kept as it came; it points to one customer.
CREATE TABLE source_record (
  source_record_id INTEGER PRIMARY KEY,
  source_system TEXT NOT NULL,
  source_key TEXT NOT NULL,
  payload TEXT NOT NULL,
  customer_id INTEGER NOT NULL REFERENCES customer,
  match_score REAL,                                 -- from 0 to 1, where the customer was found by matching
  loaded_at TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT a_source_row_is_loaded_once UNIQUE (source_system, source_key),
  CONSTRAINT payload_is_json CHECK (json_valid(payload)),
  CONSTRAINT match_score_is_a_share CHECK (match_score BETWEEN 0 AND 1),
  CONSTRAINT loaded_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', loaded_at, '+0 days') IS loaded_at)
) STRICT;
CREATE INDEX ix_source_record_customer ON source_record (customer_id);
