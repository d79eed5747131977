-- What is sold: products, the links that marketing keeps between them, and the price list.
CREATE TABLE product (
  product_id INTEGER PRIMARY KEY,
  sku TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  category TEXT NOT NULL,
  type TEXT NOT NULL,
  grade INTEGER NOT NULL,
  size_grams INTEGER,
  unit_cost_cents INTEGER NOT NULL,                 -- as of now; order_line keeps the cost of its day
  warranty_months INTEGER NOT NULL DEFAULT 0,
  CONSTRAINT product_type_is_known CHECK (type IN ('good', 'service', 'bundle', 'option')),
  CONSTRAINT unit_cost_is_not_negative CHECK (unit_cost_cents >= 0),
  CONSTRAINT warranty_is_not_negative CHECK (warranty_months >= 0)
) STRICT;

CREATE TABLE product_link (
  from_product_id INTEGER NOT NULL REFERENCES product,
  to_product_id INTEGER NOT NULL REFERENCES product,
  kind TEXT NOT NULL,
  quantity INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (from_product_id, to_product_id, kind),
  CONSTRAINT link_kind_is_known
    CHECK (kind IN ('bundle_item', 'cross_sell', 'up_sell', 'option', 'requires', 'excludes')),
  CONSTRAINT link_quantity_is_above_0 CHECK (quantity > 0),
  CONSTRAINT a_product_is_not_linked_to_itself CHECK (from_product_id <> to_product_id)
) STRICT;

-- A price holds from its day until the next one. Before its first price a product is not sold.
CREATE TABLE price (
  product_id INTEGER NOT NULL REFERENCES product,
  valid_from TEXT NOT NULL,
  list_price_cents INTEGER NOT NULL,
  PRIMARY KEY (product_id, valid_from),
  CONSTRAINT valid_from_is_a_date CHECK (date(valid_from, '+0 days') IS valid_from),
  CONSTRAINT list_price_is_not_negative CHECK (list_price_cents >= 0)
) STRICT;

CREATE VIEW v_price AS
SELECT product_id, valid_from, lead(valid_from) OVER (PARTITION BY product_id ORDER BY valid_from) AS valid_until,
  list_price_cents
FROM price;
