-- Times are texts, 2026-01-05T14:30:00 (columns ..._at), and days are texts, 2026-01-05 (columns ..._date). A CHECK
-- holds each against the calendar: '+0 days' makes SQLite reckon, so that 30 February comes back as 2 March and is
-- refused.

-- What this store is, and who did what in it, when.
CREATE TABLE store_info (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Front-office work leaves a row: what was done, when it happened, and who did it. Every row that an operation writes
-- names the operation; rows that were there when the store was filled name the operation 'fill_store'.
CREATE TABLE operation_log (
  operation_id INTEGER PRIMARY KEY,
  operation TEXT NOT NULL,
  at TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  staff_id INTEGER REFERENCES staff,
  partner_id INTEGER REFERENCES account,
  customer_id INTEGER REFERENCES customer,          -- whom it concerns, where that is known
  CONSTRAINT operation_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', at, '+0 days') IS at),
  CONSTRAINT actor_is_customer_staff_partner_or_system CHECK (actor_kind IN ('customer', 'staff', 'partner', 'system')),
  CONSTRAINT only_staff_have_a_staff_id CHECK ((actor_kind = 'staff') = (staff_id IS NOT NULL)),
  CONSTRAINT only_partners_have_a_partner_id CHECK ((actor_kind = 'partner') = (partner_id IS NOT NULL))
) STRICT;
CREATE INDEX ix_operation_customer ON operation_log (customer_id);

CREATE TRIGGER operation_log_keeps_rows_u BEFORE UPDATE ON operation_log
BEGIN SELECT RAISE(ABORT, 'the operation log is append-only: a row is never changed'); END;
CREATE TRIGGER operation_log_keeps_rows_d BEFORE DELETE ON operation_log
BEGIN SELECT RAISE(ABORT, 'the operation log is append-only: a row is never deleted'); END;
