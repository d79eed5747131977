-- What people said about being written to. The key is the address, not the record: a merge, a duplicate or an erased
-- person changes nothing. Only a salted hash of the address stands here, so that an opt-out can outlive the address.
CREATE TABLE consent (
  consent_id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  address_hash TEXT NOT NULL,
  purpose TEXT NOT NULL DEFAULT 'marketing',
  action TEXT NOT NULL,
  reason TEXT,
  lawful_basis TEXT,
  source TEXT NOT NULL,
  at TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT consent_kind_is_known CHECK (kind IN ('email', 'phone', 'post', 'chat', 'social')),
  CONSTRAINT consent_hash_is_sha256 CHECK (length(address_hash) = 64 AND address_hash NOT GLOB '*[^0-9a-f]*'),
  CONSTRAINT purpose_is_known CHECK (purpose IN ('marketing', 'service', 'research')),
  CONSTRAINT consent_action_is_known CHECK (action IN ('opt_in', 'confirmed_opt_in', 'opt_out')),
  CONSTRAINT lawful_basis_is_known
    CHECK (lawful_basis IN ('consent', 'contract', 'legitimate_interest', 'legal_obligation')),
  CONSTRAINT an_opt_in_has_a_lawful_basis CHECK (action = 'opt_out' OR lawful_basis IS NOT NULL),
  CONSTRAINT consent_source_is_known CHECK (source IN ('checkout', 'newsletter_form', 'confirmation_link',
    'preference_page', 'unsubscribe_link', 'contact_centre', 'import', 'bought_list')),
  -- Nobody can confirm for somebody else.
  CONSTRAINT only_the_person_confirms
    CHECK (action <> 'confirmed_opt_in' OR source IN ('confirmation_link', 'preference_page')),
  CONSTRAINT consent_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', at, '+0 days') IS at)
) STRICT;
CREATE INDEX ix_consent_address ON consent (address_hash, purpose, at);

CREATE TRIGGER consent_keeps_rows_u BEFORE UPDATE ON consent
BEGIN SELECT RAISE(ABORT, 'consent is append-only: a row is never changed'); END;
CREATE TRIGGER consent_keeps_rows_d BEFORE DELETE ON consent
BEGIN SELECT RAISE(ABORT, 'consent is append-only: a row is never deleted'); END;

-- Where each address stands, by purpose. No row means no permission. An opt-out holds until a later confirmed opt-in;
-- an opt-in from a form or a bought list does not lift it, and of two at the same second the opt-out counts.
CREATE VIEW v_permission AS
SELECT kind, address_hash, purpose,
  CASE WHEN last_opt_out >= ifnull(last_confirmed, '') THEN 'opted_out'
       WHEN last_confirmed IS NOT NULL THEN 'confirmed'
       ELSE 'opted_in' END AS state,
  CASE WHEN last_opt_out >= ifnull(last_confirmed, '') THEN last_opt_out
       ELSE ifnull(last_confirmed, last_opt_in) END AS since
FROM (
  SELECT kind, address_hash, purpose,
    max(CASE WHEN action = 'opt_out' THEN at END) AS last_opt_out,
    max(CASE WHEN action = 'confirmed_opt_in' THEN at END) AS last_confirmed,
    max(CASE WHEN action = 'opt_in' THEN at END) AS last_opt_in
  FROM consent GROUP BY kind, address_hash, purpose);

CREATE VIEW v_suppressed AS
SELECT kind, address_hash, purpose, since FROM v_permission WHERE state = 'opted_out';

-- The same for every address of every customer, seen from the surviving record.
CREATE VIEW v_contact_permission AS
SELECT v_customer.surviving_customer_id, p.customer_id, p.contact_point_id, p.kind, p.value, v.purpose, v.state, v.since
FROM contact_point AS p
JOIN v_customer USING (customer_id)
JOIN v_permission AS v ON v.address_hash = p.address_hash AND v.kind = p.kind;
