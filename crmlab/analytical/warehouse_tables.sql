-- The star: facts in the middle, each with its own date, and the dimensions around them by which they are counted.
-- Money in cents, units in names, customer_id as in the store. Keys of products, employees and partners are the store's
-- ids; a customer has one key for each version of what was known of it (type 2).
CREATE TABLE warehouse_load (as_of DATE PRIMARY KEY, company_key VARCHAR NOT NULL);

CREATE TABLE dim_date (
  date_key INTEGER PRIMARY KEY, date DATE NOT NULL, month_key INTEGER NOT NULL, iso_week INTEGER NOT NULL,
  month INTEGER NOT NULL, quarter INTEGER NOT NULL, year INTEGER NOT NULL, is_weekday BOOLEAN NOT NULL);

-- valid_from is the first day of a version, valid_to the first day after it. No names and no addresses: analytics
-- counts.
CREATE TABLE dim_customer (
  customer_key INTEGER PRIMARY KEY, customer_id BIGINT NOT NULL, surviving_customer_id BIGINT NOT NULL,
  account_id BIGINT, is_office BOOLEAN NOT NULL, territory VARCHAR, region VARCHAR, postal_code VARCHAR,
  language VARCHAR NOT NULL, birth_year INTEGER, household_size INTEGER, yearly_income_cents BIGINT,
  acquisition_channel VARCHAR NOT NULL, acquisition_cost_cents BIGINT NOT NULL, source_system VARCHAR NOT NULL,
  created_date DATE NOT NULL, valid_from DATE NOT NULL, valid_to DATE NOT NULL, is_current BOOLEAN NOT NULL);

CREATE TABLE dim_product (
  product_key INTEGER PRIMARY KEY, product_id BIGINT NOT NULL, sku VARCHAR NOT NULL, name VARCHAR NOT NULL,
  category VARCHAR NOT NULL, type VARCHAR NOT NULL, grade INTEGER NOT NULL);

CREATE TABLE dim_employee (
  employee_key INTEGER PRIMARY KEY, staff_id BIGINT NOT NULL, name VARCHAR NOT NULL, role VARCHAR NOT NULL,
  manager VARCHAR, territory VARCHAR);

CREATE TABLE dim_channel (channel_key INTEGER PRIMARY KEY, channel VARCHAR NOT NULL, is_self_service BOOLEAN NOT NULL);

CREATE TABLE dim_partner (
  partner_key INTEGER PRIMARY KEY, account_id BIGINT NOT NULL, name VARCHAR NOT NULL, type VARCHAR NOT NULL);

-- One row an order line. What came back is in fact_return, at its own date.
CREATE TABLE fact_sales (
  order_line_id BIGINT PRIMARY KEY, order_id BIGINT NOT NULL, date_key INTEGER NOT NULL, customer_key INTEGER NOT NULL,
  customer_id BIGINT NOT NULL, product_key INTEGER NOT NULL, channel_key INTEGER NOT NULL, employee_key INTEGER,
  partner_key INTEGER, quantity BIGINT NOT NULL, voucher_percent INTEGER NOT NULL, revenue_cents BIGINT NOT NULL,
  margin_cents BIGINT NOT NULL, lead_time_days INTEGER, is_on_time BOOLEAN);

CREATE TABLE fact_return (
  return_id BIGINT PRIMARY KEY, order_line_id BIGINT NOT NULL, order_id BIGINT NOT NULL, date_key INTEGER NOT NULL,
  order_date_key INTEGER NOT NULL, customer_key INTEGER NOT NULL, customer_id BIGINT NOT NULL,
  product_key INTEGER NOT NULL, quantity BIGINT NOT NULL, refund_cents BIGINT NOT NULL, reason VARCHAR NOT NULL);

CREATE TABLE fact_interaction (
  interaction_id BIGINT PRIMARY KEY, date_key INTEGER NOT NULL, hour INTEGER NOT NULL, customer_key INTEGER,
  customer_id BIGINT, employee_key INTEGER, channel_key INTEGER NOT NULL, direction VARCHAR NOT NULL, queue VARCHAR,
  wait_seconds BIGINT, handle_seconds BIGINT, is_abandoned BOOLEAN NOT NULL, is_finished_alone BOOLEAN NOT NULL,
  cost_cents BIGINT);

-- One row a ticket, filled in as the ticket goes on.
CREATE TABLE fact_ticket (
  ticket_id BIGINT PRIMARY KEY, created_date_key INTEGER NOT NULL, resolved_date_key INTEGER,
  customer_key INTEGER NOT NULL, customer_id BIGINT NOT NULL, product_key INTEGER, employee_key INTEGER,
  channel_key INTEGER NOT NULL, type VARCHAR NOT NULL, priority VARCHAR NOT NULL, assignment_seconds BIGINT,
  resolution_seconds BIGINT, reopened_count INTEGER NOT NULL);

CREATE TABLE dim_campaign (
  campaign_key INTEGER PRIMARY KEY, campaign_id BIGINT NOT NULL, name VARCHAR NOT NULL, objective VARCHAR NOT NULL,
  channel VARCHAR NOT NULL, message VARCHAR NOT NULL, purpose VARCHAR NOT NULL, start_date DATE NOT NULL,
  end_date DATE NOT NULL, holdout_share DOUBLE NOT NULL, discount_percent INTEGER NOT NULL,
  contact_cost_cents BIGINT NOT NULL, budget_cents BIGINT);

-- One row a person on a campaign, filled in as the campaign goes on. Purchases count up to the campaign's last day, in
-- both arms. Who was suppressed before the lottery has no arm.
CREATE TABLE fact_campaign_contact (
  campaign_member_id BIGINT PRIMARY KEY, campaign_key INTEGER NOT NULL, customer_key INTEGER NOT NULL,
  customer_id BIGINT NOT NULL, drawn_date_key INTEGER NOT NULL, arm VARCHAR, is_suppressed BOOLEAN NOT NULL,
  suppress_reason VARCHAR, sent_date_key INTEGER, is_opened BOOLEAN NOT NULL, is_clicked BOOLEAN NOT NULL,
  is_opted_out BOOLEAN NOT NULL, purchase_count INTEGER NOT NULL, order_count INTEGER NOT NULL,
  revenue_cents BIGINT NOT NULL, discount_cents BIGINT NOT NULL, cost_cents BIGINT NOT NULL);

-- One row a buyer and month from the first purchase on, as it was known at the end of the month. The buyer is the
-- surviving record. Months that are not over are left out. One column is of another kind: churned_next_90d says whether
-- the 90 days AFTER month_end brought no order, and is filled when they are over (missing until then). It is there to
-- learn from, as a label. As a feature it would be the answer itself.
CREATE TABLE fact_customer_month (
  month_key INTEGER, customer_id BIGINT, month_end DATE NOT NULL, days_since_last_purchase INTEGER NOT NULL,
  order_count INTEGER NOT NULL, revenue_cents BIGINT NOT NULL, margin_cents BIGINT NOT NULL,
  refund_cents BIGINT NOT NULL, orders_to_date INTEGER NOT NULL, revenue_to_date_cents BIGINT NOT NULL,
  margin_to_date_cents BIGINT NOT NULL, refund_to_date_cents BIGINT NOT NULL, ticket_count INTEGER NOT NULL,
  churned_next_90d BOOLEAN,
  PRIMARY KEY (month_key, customer_id));
