-- What was bought and what came back. Amounts follow from the lines (v_order): no total is stored twice.
CREATE TABLE subscription (
  subscription_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer,
  product_id INTEGER NOT NULL REFERENCES product,
  interval_days INTEGER NOT NULL,
  start_date TEXT NOT NULL,
  end_date TEXT,
  exit_reason TEXT,
  CONSTRAINT interval_is_above_0 CHECK (interval_days > 0),
  CONSTRAINT subscription_dates_are_dates
    CHECK (date(start_date, '+0 days') IS start_date AND (end_date IS NULL OR date(end_date, '+0 days') IS end_date)),
  CONSTRAINT subscription_ends_after_its_start CHECK (end_date IS NULL OR end_date > start_date),
  CONSTRAINT only_an_ended_subscription_has_a_reason CHECK (exit_reason IS NULL OR end_date IS NOT NULL),
  CONSTRAINT exit_reason_is_known
    CHECK (exit_reason IN ('no_longer_needed', 'too_expensive', 'moved_to_competitor', 'not_satisfied'))
) STRICT;
CREATE INDEX ix_subscription_customer ON subscription (customer_id);

CREATE TABLE sales_order (
  order_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer,
  ordered_at TEXT NOT NULL,                         -- midnight where the source knew the day only
  order_date TEXT GENERATED ALWAYS AS (substr(ordered_at, 1, 10)) VIRTUAL,
  channel TEXT NOT NULL,
  reseller_id INTEGER REFERENCES account,
  subscription_id INTEGER REFERENCES subscription,
  voucher_percent INTEGER NOT NULL DEFAULT 0,
  promised_date TEXT,
  delivered_date TEXT,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT ordered_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', ordered_at, '+0 days') IS ordered_at),
  CONSTRAINT order_channel_is_known CHECK (channel IN ('web', 'store', 'phone', 'reseller')),
  CONSTRAINT reseller_orders_name_the_reseller CHECK ((channel = 'reseller') = (reseller_id IS NOT NULL)),
  CONSTRAINT voucher_is_a_percentage CHECK (voucher_percent BETWEEN 0 AND 100),
  CONSTRAINT delivery_dates_are_dates CHECK ((promised_date IS NULL OR date(promised_date, '+0 days') IS promised_date)
    AND (delivered_date IS NULL OR date(delivered_date, '+0 days') IS delivered_date)),
  CONSTRAINT delivered_on_or_after_the_order
    CHECK (delivered_date IS NULL OR delivered_date >= substr(ordered_at, 1, 10))
) STRICT;
CREATE INDEX ix_order_customer ON sales_order (customer_id);

CREATE TABLE order_line (
  order_line_id INTEGER PRIMARY KEY,
  order_id INTEGER NOT NULL REFERENCES sales_order,
  product_id INTEGER NOT NULL REFERENCES product,
  quantity INTEGER NOT NULL,
  unit_price_cents INTEGER NOT NULL,                -- what was paid: list price of the day less the voucher
  unit_cost_cents INTEGER NOT NULL,
  sold_as TEXT NOT NULL DEFAULT 'asked_for',        -- whether the customer asked, or took an offer
  parent_line_id INTEGER REFERENCES order_line,     -- of a part of a bundle: the bundle's line, which bears no money
  CONSTRAINT sold_as_is_known CHECK (sold_as IN ('asked_for', 'cross_sell', 'up_sell')),
  CONSTRAINT quantity_is_from_1_to_10000 CHECK (quantity BETWEEN 1 AND 10000),
  CONSTRAINT unit_price_is_not_negative CHECK (unit_price_cents >= 0),
  CONSTRAINT unit_cost_of_the_line_is_not_negative CHECK (unit_cost_cents >= 0)
) STRICT;
CREATE INDEX ix_line_order ON order_line (order_id);
CREATE INDEX ix_line_parent ON order_line (parent_line_id) WHERE parent_line_id IS NOT NULL;

-- A return is a row of its own, with its own date: a question about an earlier day does not see it.
CREATE TABLE order_return (
  return_id INTEGER PRIMARY KEY,
  order_line_id INTEGER NOT NULL REFERENCES order_line,
  returned_at TEXT NOT NULL,
  return_date TEXT GENERATED ALWAYS AS (substr(returned_at, 1, 10)) VIRTUAL,
  quantity INTEGER NOT NULL,
  refund_cents INTEGER NOT NULL,
  reason TEXT NOT NULL,
  operation_id INTEGER NOT NULL REFERENCES operation_log,
  CONSTRAINT returned_at_is_a_time CHECK (strftime('%Y-%m-%dT%H:%M:%S', returned_at, '+0 days') IS returned_at),
  CONSTRAINT returned_quantity_is_above_0 CHECK (quantity > 0),
  CONSTRAINT refund_is_not_negative CHECK (refund_cents >= 0),
  CONSTRAINT return_reason_is_known
    CHECK (reason IN ('changed_mind', 'defective', 'wrong_item', 'late', 'unwanted_gift'))
) STRICT;
CREATE INDEX ix_return_line ON order_return (order_line_id);

CREATE TABLE service_contract (
  service_contract_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer,
  order_line_id INTEGER NOT NULL UNIQUE REFERENCES order_line,
  product_id INTEGER NOT NULL REFERENCES product,
  start_date TEXT NOT NULL,
  end_date TEXT,
  CONSTRAINT contract_dates_are_dates
    CHECK (date(start_date, '+0 days') IS start_date AND (end_date IS NULL OR date(end_date, '+0 days') IS end_date)),
  CONSTRAINT contract_ends_after_its_start CHECK (end_date IS NULL OR end_date > start_date)
) STRICT;
CREATE INDEX ix_contract_customer ON service_contract (customer_id);

CREATE TRIGGER order_after_the_customer_exists BEFORE INSERT ON sales_order
WHEN NEW.ordered_at < (SELECT created_at FROM customer WHERE customer_id = NEW.customer_id)
BEGIN SELECT RAISE(ABORT, 'an order comes after its customer was recorded'); END;
CREATE TRIGGER order_for_a_survivor BEFORE INSERT ON sales_order
WHEN (SELECT merged_into_id FROM customer WHERE customer_id = NEW.customer_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a merged record takes no new order: name the surviving customer'); END;
CREATE TRIGGER order_stays_as_placed
BEFORE UPDATE OF order_id, customer_id, ordered_at, channel, reseller_id, subscription_id, voucher_percent
ON sales_order
BEGIN SELECT RAISE(ABORT, 'an order stays as it was placed: what comes back is a return'); END;
CREATE TRIGGER order_is_never_deleted BEFORE DELETE ON sales_order
BEGIN SELECT RAISE(ABORT, 'an order is never deleted: what comes back is a return'); END;
CREATE TRIGGER order_line_stays_as_placed BEFORE UPDATE ON order_line
BEGIN SELECT RAISE(ABORT, 'an order line stays as it was placed: what comes back is a return'); END;
CREATE TRIGGER order_line_is_never_deleted BEFORE DELETE ON order_line
BEGIN SELECT RAISE(ABORT, 'an order line is never deleted: what comes back is a return'); END;

CREATE TRIGGER part_belongs_to_its_bundle BEFORE INSERT ON order_line
WHEN NEW.parent_line_id IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM order_line AS parent JOIN product USING (product_id)
  WHERE parent.order_line_id = NEW.parent_line_id AND parent.order_id = NEW.order_id AND product.type = 'bundle'
    AND parent.parent_line_id IS NULL AND parent.unit_price_cents = 0 AND parent.unit_cost_cents = 0)
BEGIN SELECT RAISE(ABORT, 'a part belongs to a bundle of its own order, and the money stands on the parts'); END;

-- Triggers fire before the row's own CHECKs; a quantity below 1 is theirs to refuse.
CREATE TRIGGER return_after_its_order BEFORE INSERT ON order_return
WHEN NEW.returned_at < (SELECT ordered_at FROM sales_order JOIN order_line USING (order_id)
                        WHERE order_line_id = NEW.order_line_id)
BEGIN SELECT RAISE(ABORT, 'a return comes after its order'); END;
CREATE TRIGGER return_no_more_than_bought BEFORE INSERT ON order_return
WHEN NEW.quantity + (SELECT ifnull(sum(quantity), 0) FROM order_return WHERE order_line_id = NEW.order_line_id)
   > (SELECT quantity FROM order_line WHERE order_line_id = NEW.order_line_id)
BEGIN SELECT RAISE(ABORT, 'no more comes back than was bought'); END;
-- The parts of a bundle were paid with one price: together they give back no more than that.
CREATE TRIGGER refund_no_more_than_paid BEFORE INSERT ON order_return
WHEN (SELECT parent_line_id FROM order_line WHERE order_line_id = NEW.order_line_id) IS NULL
  AND NEW.refund_cents + (SELECT ifnull(sum(refund_cents), 0) FROM order_return WHERE order_line_id = NEW.order_line_id)
   > (SELECT quantity * unit_price_cents FROM order_line WHERE order_line_id = NEW.order_line_id)
BEGIN SELECT RAISE(ABORT, 'no more is refunded than was paid'); END;
CREATE TRIGGER refund_of_a_bundle_no_more_than_paid BEFORE INSERT ON order_return
WHEN NEW.refund_cents
   + (SELECT ifnull(sum(r.refund_cents), 0) FROM order_line AS returned
      JOIN order_line AS part ON part.parent_line_id = returned.parent_line_id
      JOIN order_return AS r ON r.order_line_id = part.order_line_id WHERE returned.order_line_id = NEW.order_line_id)
   > (SELECT sum(part.quantity * part.unit_price_cents) FROM order_line AS returned
      JOIN order_line AS part ON part.parent_line_id = returned.parent_line_id
      WHERE returned.order_line_id = NEW.order_line_id)
BEGIN SELECT RAISE(ABORT, 'no more is refunded than was paid'); END;
CREATE TRIGGER bundle_comes_back_by_its_parts BEFORE INSERT ON order_return
WHEN EXISTS (SELECT 1 FROM order_line WHERE parent_line_id = NEW.order_line_id)
BEGIN SELECT RAISE(ABORT, 'a bundle comes back by its parts'); END;
CREATE TRIGGER return_keeps_rows_u BEFORE UPDATE ON order_return
BEGIN SELECT RAISE(ABORT, 'a return is never changed'); END;
CREATE TRIGGER return_keeps_rows_d BEFORE DELETE ON order_return
BEGIN SELECT RAISE(ABORT, 'a return is never deleted'); END;

-- An order with its amount. What came back later is not taken off: ask v_order_return, which has its own date.
CREATE VIEW v_order AS
SELECT o.order_id, v.surviving_customer_id, o.customer_id, o.ordered_at, o.order_date, o.channel, o.reseller_id,
  o.subscription_id, o.voucher_percent, o.promised_date, o.delivered_date, l.line_count, l.amount_cents, l.cost_cents
FROM sales_order AS o
JOIN v_customer AS v USING (customer_id)
JOIN (SELECT order_id, count(*) AS line_count, sum(quantity * unit_price_cents) AS amount_cents,
        sum(quantity * unit_cost_cents) AS cost_cents
      FROM order_line GROUP BY order_id) AS l USING (order_id);

CREATE VIEW v_order_return AS
SELECT r.return_id, r.order_line_id, l.order_id, o.customer_id, l.product_id, r.returned_at, r.return_date, r.quantity,
  r.refund_cents, r.reason
FROM order_return AS r JOIN order_line AS l USING (order_line_id) JOIN sales_order AS o USING (order_id);
