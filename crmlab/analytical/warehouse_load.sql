-- From the staged rows of the store to the star. $as_of, $start: dates. staged_* come from the store, kept_* from the
-- warehouse as it was; the new file starts empty, so that loading twice gives the same.
INSERT INTO warehouse_load
SELECT as_of, company_key FROM kept_warehouse_load WHERE as_of <> $as_of UNION ALL SELECT $as_of, $company_key;

INSERT INTO dim_date
SELECT CAST(strftime(day, '%Y%m%d') AS INTEGER), day, year(day) * 100 + month(day), weekofyear(day), month(day),
  quarter(day), year(day), isodow(day) < 6
FROM (SELECT CAST(unnest(generate_series(date_trunc('year', $start), date_trunc('year', $as_of) + INTERVAL 1 YEAR
  - INTERVAL 1 DAY, INTERVAL 1 DAY)) AS DATE) AS day)
ORDER BY day;

-- Type 2: a version ends where a load finds something else, and the next begins on that day. A second load on the same
-- day replaces what the first began. Who is whom (surviving_customer_id) is not history: it holds for all versions.
INSERT INTO dim_customer
WITH incoming AS (
  SELECT *, {'a': account_id, 't': territory, 'r': region, 'p': postal_code, 'l': language, 'b': birth_year,
    'h': household_size, 'y': yearly_income_cents} AS known
  FROM staged_customer),
before AS (
  SELECT *, {'a': account_id, 't': territory, 'r': region, 'p': postal_code, 'l': language, 'b': birth_year,
    'h': household_size, 'y': yearly_income_cents} AS known
  FROM kept_dim_customer),
new_version AS (
  SELECT i.customer_id, CASE WHEN b.customer_id IS NULL THEN i.created_date ELSE $as_of END AS valid_from,
    b.valid_from = $as_of AS replaces, b.customer_key AS replaced_key
  FROM incoming AS i LEFT JOIN before AS b ON b.customer_id = i.customer_id AND b.is_current
  WHERE b.customer_id IS NULL OR b.known IS DISTINCT FROM i.known),
added AS (
  SELECT customer_id, valid_from, CASE WHEN replaces THEN replaced_key ELSE
    (SELECT coalesce(max(customer_key), 0) FROM before)
    + row_number() OVER (PARTITION BY coalesce(replaces, false) ORDER BY customer_id) END AS customer_key
  FROM new_version),
version AS (
  SELECT b.customer_key, b.customer_id, b.account_id, b.territory, b.region, b.postal_code, b.language, b.birth_year,
    b.household_size, b.yearly_income_cents, b.valid_from,
    CASE WHEN b.is_current AND n.customer_id IS NOT NULL THEN $as_of ELSE b.valid_to END AS valid_to,
    b.is_current AND n.customer_id IS NULL AS is_current
  FROM before AS b LEFT JOIN new_version AS n ON n.customer_id = b.customer_id AND b.is_current
  WHERE NOT coalesce(n.replaces, false)
  UNION ALL
  SELECT a.customer_key, i.customer_id, i.account_id, i.territory, i.region, i.postal_code, i.language, i.birth_year,
    i.household_size, i.yearly_income_cents, a.valid_from, DATE '9999-12-31', true
  FROM added AS a JOIN incoming AS i USING (customer_id))
SELECT v.customer_key, v.customer_id, i.surviving_customer_id, v.account_id, v.account_id IS NOT NULL, v.territory,
  v.region, v.postal_code, v.language, v.birth_year, v.household_size, v.yearly_income_cents, i.acquisition_channel,
  i.acquisition_cost_cents, i.source_system, i.created_date, v.valid_from, v.valid_to, v.is_current
FROM version AS v JOIN incoming AS i USING (customer_id)
ORDER BY v.customer_key;

INSERT INTO dim_product SELECT product_id, * FROM staged_product ORDER BY product_id;
INSERT INTO dim_employee SELECT staff_id, * FROM staged_employee ORDER BY staff_id;
INSERT INTO dim_channel VALUES (1, 'web', true), (2, 'store', false), (3, 'phone', false), (4, 'reseller', false),
  (5, 'call', false), (6, 'chat', false), (7, 'click_to_talk', false), (8, 'email', false), (9, 'ivr', true),
  (10, 'social', false);
INSERT INTO dim_partner SELECT account_id, * FROM staged_partner ORDER BY account_id;

INSERT INTO fact_sales
SELECT s.order_line_id, s.order_id, CAST(strftime(s.order_date, '%Y%m%d') AS INTEGER), c.customer_key, s.customer_id,
  s.product_id, h.channel_key, s.staff_id, s.reseller_id, s.quantity, s.voucher_percent,
  s.quantity * s.unit_price_cents, s.quantity * (s.unit_price_cents - s.unit_cost_cents),
  date_diff('day', s.order_date, s.delivered_date), s.delivered_date <= s.promised_date
FROM staged_sale AS s
JOIN dim_channel AS h USING (channel)
JOIN dim_customer AS c ON c.customer_id = s.customer_id AND s.order_date >= c.valid_from AND s.order_date < c.valid_to
ORDER BY s.order_line_id;

INSERT INTO fact_return
SELECT r.return_id, r.order_line_id, r.order_id, CAST(strftime(r.return_date, '%Y%m%d') AS INTEGER),
  CAST(strftime(r.order_date, '%Y%m%d') AS INTEGER), c.customer_key, r.customer_id, r.product_id, r.quantity,
  r.refund_cents, r.reason
FROM staged_return AS r
JOIN dim_customer AS c ON c.customer_id = r.customer_id AND r.return_date >= c.valid_from AND r.return_date < c.valid_to
ORDER BY r.return_id;

INSERT INTO fact_interaction
SELECT i.interaction_id, CAST(strftime(i.arrived_at, '%Y%m%d') AS INTEGER), hour(i.arrived_at), c.customer_key,
  i.customer_id, i.agent_id, h.channel_key, i.direction, i.queue, i.wait_seconds, i.handle_seconds, i.is_abandoned,
  i.is_finished_alone, CAST(round(i.handle_seconds * i.hourly_cost_cents / 3600) AS BIGINT)
FROM staged_interaction AS i
JOIN dim_channel AS h USING (channel)
LEFT JOIN dim_customer AS c
  ON c.customer_id = i.customer_id AND CAST(i.arrived_at AS DATE) >= c.valid_from
  AND CAST(i.arrived_at AS DATE) < c.valid_to
ORDER BY i.interaction_id;

INSERT INTO fact_ticket
SELECT t.ticket_id, CAST(strftime(t.opened_at, '%Y%m%d') AS INTEGER),
  CAST(strftime(t.resolved_at, '%Y%m%d') AS INTEGER),
  c.customer_key, t.customer_id, t.product_id, t.owner_id, h.channel_key, t.type, t.priority,
  date_diff('second', t.opened_at, t.first_assigned_at), date_diff('second', t.opened_at, t.resolved_at),
  t.reopened_count
FROM staged_ticket AS t
JOIN dim_channel AS h USING (channel)
JOIN dim_customer AS c
  ON c.customer_id = t.customer_id AND CAST(t.opened_at AS DATE) >= c.valid_from
  AND CAST(t.opened_at AS DATE) < c.valid_to
ORDER BY t.ticket_id;

INSERT INTO dim_campaign SELECT campaign_id, * FROM staged_campaign ORDER BY campaign_id;

-- The version of a customer is that of the draw.
INSERT INTO fact_campaign_contact
SELECT m.campaign_member_id, m.campaign_id, c.customer_key, m.customer_id,
  CAST(strftime(m.drawn_at, '%Y%m%d') AS INTEGER), m.arm, m.suppress_reason IS NOT NULL, m.suppress_reason,
  CAST(strftime(m.sent_at, '%Y%m%d') AS INTEGER), m.opened_count > 0, m.clicked_count > 0, m.opted_out_count > 0,
  m.purchase_count, m.order_count, m.revenue_cents, m.discount_cents,
  CASE WHEN m.sent_at IS NULL THEN 0 ELSE k.contact_cost_cents END
FROM staged_campaign_member AS m JOIN staged_campaign AS k USING (campaign_id)
JOIN dim_customer AS c ON c.customer_id = m.customer_id AND CAST(m.drawn_at AS DATE) >= c.valid_from
  AND CAST(m.drawn_at AS DATE) < c.valid_to
ORDER BY m.campaign_member_id;

INSERT INTO fact_customer_month
WITH person AS (SELECT customer_key, surviving_customer_id FROM dim_customer),
happened AS (
  SELECT surviving_customer_id AS customer_id, date_key // 100 AS month_key, order_id, date_key, revenue_cents,
    margin_cents, 0 AS refund_cents, 0 AS ticket_count
  FROM fact_sales JOIN person USING (customer_key)
  UNION ALL
  SELECT surviving_customer_id, date_key // 100, NULL, NULL, 0, 0, refund_cents, 0
  FROM fact_return JOIN person USING (customer_key)
  UNION ALL
  SELECT surviving_customer_id, created_date_key // 100, NULL, NULL, 0, 0, 0, 1
  FROM fact_ticket JOIN person USING (customer_key)),
by_month AS (
  SELECT customer_id, month_key, count(DISTINCT order_id) AS order_count, max(date_key) AS last_date_key,
    sum(revenue_cents) AS revenue_cents, sum(margin_cents) AS margin_cents, sum(refund_cents) AS refund_cents,
    sum(ticket_count) AS ticket_count
  FROM happened GROUP BY ALL),
calendar AS (SELECT month_key, max(date) AS month_end FROM dim_date GROUP BY month_key HAVING max(date) <= $as_of),
sale_day AS (
  SELECT DISTINCT surviving_customer_id AS customer_id, date
  FROM fact_sales JOIN person USING (customer_key) JOIN dim_date USING (date_key)),
buyer AS (
  SELECT customer_id, min(month_key) AS first_month_key FROM by_month WHERE order_count > 0 GROUP BY customer_id),
filled AS (
  SELECT k.month_key, b.customer_id, k.month_end, coalesce(m.order_count, 0) AS order_count,
    coalesce(m.revenue_cents, 0) AS revenue_cents, coalesce(m.margin_cents, 0) AS margin_cents,
    coalesce(m.refund_cents, 0) AS refund_cents, coalesce(m.ticket_count, 0) AS ticket_count, m.last_date_key
  FROM buyer AS b JOIN calendar AS k ON k.month_key >= b.first_month_key
  LEFT JOIN by_month AS m ON m.customer_id = b.customer_id AND m.month_key = k.month_key)
SELECT month_key, filled.customer_id, month_end,
  date_diff('day', strptime(CAST(max(last_date_key) OVER so_far AS VARCHAR), '%Y%m%d'), month_end),
  order_count, revenue_cents, margin_cents, refund_cents, sum(order_count) OVER so_far, sum(revenue_cents) OVER so_far,
  sum(margin_cents) OVER so_far, sum(refund_cents) OVER so_far, ticket_count,
  CASE WHEN month_end + 90 <= $as_of THEN next_sale.date IS NULL OR next_sale.date > month_end + 90 END
FROM filled ASOF LEFT JOIN sale_day AS next_sale
  ON filled.customer_id = next_sale.customer_id AND filled.month_end < next_sale.date
WINDOW so_far AS (PARTITION BY filled.customer_id ORDER BY month_key)
ORDER BY filled.customer_id, month_key;
