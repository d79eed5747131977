-- Target lists: whom one wants to write to. The criteria are saved; each run of them is dated and kept, with how many
-- were left after each filter, and with those who cannot be written to.
CREATE TABLE target_list (
  target_list_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  purpose TEXT NOT NULL,
  criteria TEXT NOT NULL,                           -- JSON: [[field, comparison, value], ...]
  sort_by TEXT NOT NULL,                            -- JSON: [[field, 'asc' or 'desc'], ...]
  most_members INTEGER,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT list_name_is_not_empty CHECK (trim(name) <> ''),
  CONSTRAINT list_channel_is_known CHECK (channel IN ('email', 'phone', 'post')),
  CONSTRAINT list_purpose_is_known CHECK (purpose IN ('marketing', 'service')),
  CONSTRAINT criteria_are_json CHECK (json_valid(criteria) AND json_valid(sort_by)),
  CONSTRAINT most_members_is_above_0 CHECK (most_members > 0)
) STRICT;

CREATE TABLE target_list_build (
  target_list_build_id INTEGER PRIMARY KEY,
  target_list_id INTEGER NOT NULL REFERENCES target_list,
  built_at TEXT NOT NULL,                           -- the criteria ask about this day
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT built_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', built_at, '+0 days') IS built_at)
) STRICT;
CREATE INDEX ix_list_build ON target_list_build (target_list_id, built_at);

CREATE TABLE target_list_step (
  target_list_build_id INTEGER NOT NULL REFERENCES target_list_build,
  step INTEGER NOT NULL,
  filter TEXT NOT NULL,
  customer_count INTEGER NOT NULL,
  PRIMARY KEY (target_list_build_id, step)
) STRICT;

-- Who meets the criteria, in the order of the list; those who are not written to stand in it with the reason.
CREATE TABLE target_list_member (
  target_list_build_id INTEGER NOT NULL REFERENCES target_list_build,
  position INTEGER NOT NULL,
  customer_id INTEGER NOT NULL REFERENCES customer,
  status TEXT NOT NULL,
  reason TEXT,
  contact_point_id INTEGER REFERENCES contact_point,
  duplicate_of_id INTEGER REFERENCES customer,      -- the first record made with the same address
  PRIMARY KEY (target_list_build_id, position),
  CONSTRAINT a_customer_stands_once_in_a_list UNIQUE (target_list_build_id, customer_id),
  CONSTRAINT list_status_is_known CHECK (status IN ('member', 'suppressed', 'duplicate')),
  CONSTRAINT list_reason_is_known CHECK (reason IN ('opt_out', 'no_permission', 'no_address', 'duplicate_address')),
  CONSTRAINT a_member_has_no_reason CHECK ((status = 'member') = (reason IS NULL)),
  CONSTRAINT a_member_has_an_address CHECK (status <> 'member' OR contact_point_id IS NOT NULL),
  CONSTRAINT a_duplicate_names_the_other CHECK ((status = 'duplicate') = (duplicate_of_id IS NOT NULL))
) STRICT;

CREATE TRIGGER list_member_keeps_rows_u BEFORE UPDATE ON target_list_member
BEGIN SELECT RAISE(ABORT, 'a list that was built stays as it was: build it again'); END;
CREATE TRIGGER list_member_keeps_rows_d BEFORE DELETE ON target_list_member
BEGIN SELECT RAISE(ABORT, 'a list that was built stays as it was: build it again'); END;
