-- Offers at the cart and after a purchase: what was shown, why, and what became of it.
-- A product that cannot be had just now: from a time until another, or until further notice. Others are in stock.
CREATE TABLE stock_out (
  stock_out_id INTEGER PRIMARY KEY,
  product_id INTEGER NOT NULL REFERENCES product,
  out_from_at TEXT NOT NULL,
  out_until_at TEXT,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT out_from_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', out_from_at, '+0 days') IS out_from_at),
  CONSTRAINT out_until_at_is_a_time CHECK (out_until_at IS NULL
    OR strftime('%Y-%m-%dT%H:%M:%S', out_until_at, '+0 days') IS out_until_at),
  CONSTRAINT stock_is_back_after_it_ran_out CHECK (out_until_at IS NULL OR out_until_at > out_from_at)
) STRICT;
CREATE INDEX ix_stock_out_product ON stock_out (product_id, out_from_at);

CREATE TABLE offer (
  offer_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer,
  kind TEXT NOT NULL,
  place TEXT NOT NULL,
  product_id INTEGER NOT NULL REFERENCES product,       -- what is offered
  for_product_id INTEGER NOT NULL REFERENCES product,   -- what it goes with, or would be instead of
  reason TEXT NOT NULL,
  list_price_cents INTEGER NOT NULL,
  instead_price_cents INTEGER NOT NULL,                 -- of an up-sell: list price and cost of the simpler product,
  instead_cost_cents INTEGER NOT NULL,                  -- which the customer would have bought; else 0
  status TEXT NOT NULL DEFAULT 'shown',
  shown_at TEXT NOT NULL,
  answered_at TEXT,
  order_line_id INTEGER UNIQUE REFERENCES order_line,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT offer_kind_is_known CHECK (kind IN ('cross_sell', 'up_sell')),
  CONSTRAINT offer_place_is_known CHECK (place IN ('cart', 'after_purchase')),
  CONSTRAINT an_up_sell_is_made_at_the_cart CHECK (kind = 'cross_sell' OR place = 'cart'),
  CONSTRAINT offer_status_is_known CHECK (status IN ('shown', 'accepted', 'declined')),
  CONSTRAINT offer_prices_are_not_negative
    CHECK (list_price_cents >= 0 AND instead_price_cents >= 0 AND instead_cost_cents >= 0),
  CONSTRAINT only_an_up_sell_is_instead_of_something
    CHECK (kind = 'up_sell' OR (instead_price_cents = 0 AND instead_cost_cents = 0)),
  CONSTRAINT an_offer_is_not_for_itself CHECK (product_id <> for_product_id),
  CONSTRAINT shown_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', shown_at, '+0 days') IS shown_at),
  CONSTRAINT answered_at_is_a_time
    CHECK (answered_at IS NULL OR strftime('%Y-%m-%dT%H:%M:%S', answered_at, '+0 days') IS answered_at),
  CONSTRAINT answered_after_it_was_shown CHECK (answered_at IS NULL OR answered_at >= shown_at),
  CONSTRAINT only_an_answered_offer_has_a_time_of_answer CHECK ((status = 'shown') = (answered_at IS NULL)),
  CONSTRAINT an_accepted_offer_names_its_line CHECK ((status = 'accepted') = (order_line_id IS NOT NULL))
) STRICT;
CREATE INDEX ix_offer_customer ON offer (customer_id, status);

CREATE TRIGGER offer_stays_as_shown
BEFORE UPDATE OF offer_id, customer_id, kind, place, product_id, for_product_id, reason, list_price_cents,
  instead_price_cents, instead_cost_cents, shown_at
ON offer
BEGIN SELECT RAISE(ABORT, 'an offer stays as it was shown'); END;
CREATE TRIGGER offer_is_answered_once BEFORE UPDATE ON offer WHEN OLD.status <> 'shown'
BEGIN SELECT RAISE(ABORT, 'an offer is answered once'); END;
CREATE TRIGGER offer_is_never_deleted BEFORE DELETE ON offer
BEGIN SELECT RAISE(ABORT, 'an offer is never deleted: who declined counts too'); END;
CREATE TRIGGER offer_is_accepted_by_its_line BEFORE UPDATE ON offer WHEN NEW.order_line_id IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM order_line JOIN sales_order USING (order_id)
  WHERE order_line_id = NEW.order_line_id AND customer_id = NEW.customer_id AND product_id = NEW.product_id
    AND sold_as = NEW.kind AND ordered_at >= NEW.shown_at)
BEGIN SELECT RAISE(ABORT, 'an offer is accepted by a line of its customer, product and kind'); END;

-- What each accepted offer brought. Of an up-sell it is the gap to what the customer would have bought anyway, at the
-- same voucher. Pieces that came back bring nothing.
CREATE VIEW v_offer_gain AS
SELECT offer_id, kind, place, customer_id, product_id, for_product_id, shown_at, order_line_id, kept_quantity,
  kept_quantity * (unit_price_cents - instead_unit_price_cents) AS revenue_cents,
  kept_quantity * (unit_price_cents - unit_cost_cents - instead_unit_price_cents + instead_cost_cents) AS margin_cents
FROM (
  SELECT f.*, l.unit_cost_cents, l.unit_price_cents,
    (f.instead_price_cents * (100 - o.voucher_percent) + 50) / 100 AS instead_unit_price_cents,
    l.quantity - (SELECT ifnull(sum(r.quantity), 0) FROM order_return AS r WHERE r.order_line_id = l.order_line_id)
      AS kept_quantity
  FROM offer AS f JOIN order_line AS l USING (order_line_id) JOIN sales_order AS o ON o.order_id = l.order_id
  WHERE f.status = 'accepted');
