"""What a target list can ask about a customer: fields from many tables of the store, as of one moment."""

from __future__ import annotations

#: A row for each surviving customer that was recorded by ``:at``. What its merged records did counts as its own, and
#: what happened later is not seen.
FACTS_SQL = """
WITH person AS (
  SELECT s.customer_id AS record_id, s.surviving_customer_id AS customer_id FROM v_customer AS s),
bought AS (
  SELECT person.customer_id, count(DISTINCT o.order_id) AS order_count, max(o.ordered_at) AS last_ordered_at,
    sum(l.quantity * l.unit_price_cents) AS spent_cents, group_concat(DISTINCT p.category) AS categories
  FROM sales_order AS o JOIN person ON person.record_id = o.customer_id
  JOIN order_line AS l USING (order_id) JOIN product AS p USING (product_id)
  WHERE o.ordered_at <= :at GROUP BY person.customer_id),
returned AS (
  SELECT person.customer_id, sum(r.refund_cents) AS refund_cents
  FROM v_order_return AS r JOIN person ON person.record_id = r.customer_id
  WHERE r.returned_at <= :at GROUP BY person.customer_id),
contract AS (
  SELECT person.customer_id, count(*) AS contract_count
  FROM service_contract AS c JOIN person ON person.record_id = c.customer_id
  WHERE c.start_date <= substr(:at, 1, 10) AND (c.end_date IS NULL OR c.end_date > substr(:at, 1, 10))
  GROUP BY person.customer_id),
subscribed AS (
  SELECT person.customer_id, count(*) AS subscription_count
  FROM subscription AS c JOIN person ON person.record_id = c.customer_id
  WHERE c.start_date <= substr(:at, 1, 10) AND (c.end_date IS NULL OR c.end_date > substr(:at, 1, 10))
  GROUP BY person.customer_id),
asked AS (
  SELECT person.customer_id, sum(t.status NOT IN ('Resolved', 'Closed')) AS open_ticket_count
  FROM ticket AS t JOIN person ON person.record_id = t.customer_id
  WHERE t.opened_at <= :at GROUP BY person.customer_id),
written_to AS (
  SELECT person.customer_id, max(m.sent_at) AS last_sent_at
  FROM campaign_member AS m JOIN person ON person.record_id = m.customer_id
  WHERE m.sent_at <= :at GROUP BY person.customer_id)
SELECT c.customer_id, c.last_name, c.language, c.postal_code, c.household_size, c.yearly_income_cents,
  c.acquisition_channel, c.source_system, c.account_id IS NOT NULL AS is_office,
  t.name AS territory, region.name AS region,
  CAST(julianday(substr(:at, 1, 10)) - julianday(substr(c.created_at, 1, 10)) AS INTEGER) AS days_since_recorded,
  CAST(julianday(substr(:at, 1, 10)) - julianday(substr(b.last_ordered_at, 1, 10)) AS INTEGER)
    AS days_since_last_purchase,
  ifnull(b.order_count, 0) AS order_count, ifnull(b.spent_cents, 0) AS spent_cents, b.categories,
  ifnull(returned.refund_cents, 0) AS refund_cents, ifnull(contract.contract_count, 0) AS contract_count,
  ifnull(subscribed.subscription_count, 0) AS subscription_count,
  ifnull(asked.open_ticket_count, 0) AS open_ticket_count,
  CAST(julianday(substr(:at, 1, 10)) - julianday(substr(written_to.last_sent_at, 1, 10)) AS INTEGER)
    AS days_since_last_message
FROM customer AS c
LEFT JOIN territory AS t USING (territory_id) LEFT JOIN territory AS region ON region.territory_id = t.parent_id
LEFT JOIN bought AS b USING (customer_id) LEFT JOIN returned USING (customer_id)
LEFT JOIN contract USING (customer_id) LEFT JOIN subscribed USING (customer_id)
LEFT JOIN asked USING (customer_id) LEFT JOIN written_to USING (customer_id)
WHERE c.merged_into_id IS NULL AND c.created_at <= :at
"""

#: Days count from the day of the list; ``categories`` is for the comparison ``includes``.
FIELDS = (
    "customer_id", "last_name", "language", "postal_code", "household_size", "yearly_income_cents",
    "acquisition_channel", "source_system", "is_office", "territory", "region", "days_since_recorded",
    "days_since_last_purchase", "order_count", "spent_cents", "categories", "refund_cents", "contract_count",
    "subscription_count", "open_ticket_count", "days_since_last_message",
)  # fmt: skip
