-- Pages that were put together for a visitor. Each view keeps what was shown, so that clicks have a denominator.
CREATE TABLE page_view (
  page_view_id INTEGER PRIMARY KEY,
  viewed_at TEXT NOT NULL,
  cookie_consent INTEGER NOT NULL,
  visitor_id INTEGER,
  customer_id INTEGER REFERENCES customer,
  variant TEXT NOT NULL,
  segment TEXT NOT NULL,                                -- which of the kinds of visitor the page took this one for
  product_id INTEGER NOT NULL REFERENCES product,       -- the offer on the page
  clicked_at TEXT,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT viewed_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', viewed_at, '+0 days') IS viewed_at),
  CONSTRAINT cookie_consent_is_yes_or_no CHECK (cookie_consent IN (0, 1)),
  CONSTRAINT page_variant_is_known CHECK (variant IN ('standard', 'personal')),
  CONSTRAINT without_consent_no_id_is_kept
    CHECK (cookie_consent = 1 OR (visitor_id IS NULL AND customer_id IS NULL)),
  CONSTRAINT with_consent_the_device_is_known CHECK (cookie_consent = 0 OR visitor_id IS NOT NULL),
  CONSTRAINT without_consent_the_page_is_the_standard_one CHECK (cookie_consent = 1 OR variant = 'standard'),
  CONSTRAINT clicked_at_is_a_time
    CHECK (clicked_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', clicked_at, '+0 days') IS clicked_at),
  CONSTRAINT clicked_after_it_was_viewed CHECK (clicked_at IS NULL OR clicked_at >= viewed_at)
) STRICT;

CREATE TRIGGER page_view_stays_as_shown
BEFORE UPDATE OF page_view_id, viewed_at, cookie_consent, visitor_id, customer_id, variant, segment, product_id
ON page_view
BEGIN SELECT RAISE(ABORT, 'a page view stays as it was shown'); END;
CREATE TRIGGER page_is_clicked_once BEFORE UPDATE OF clicked_at ON page_view WHEN OLD.clicked_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a view counts one click'); END;
CREATE TRIGGER page_view_is_never_deleted BEFORE DELETE ON page_view
BEGIN SELECT RAISE(ABORT, 'a page view is never deleted: views without a click count too'); END;
