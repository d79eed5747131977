-- Every touch point of a customer in one stream, seen from the surviving record. A new domain adds its part here.
CREATE VIEW v_timeline AS
SELECT v.surviving_customer_id AS customer_id, t.at, t.touch, t.channel, t.detail,
  t.customer_id AS recorded_customer_id, t.source_table, t.source_id
FROM (
  SELECT customer_id, created_at AS at, 'recorded' AS touch, source_system AS channel, acquisition_channel AS detail,
    'customer' AS source_table, customer_id AS source_id FROM customer
  UNION ALL
  SELECT customer_id, ordered_at, 'order', channel, 'order ' || order_id, 'sales_order', order_id FROM sales_order
  UNION ALL
  SELECT customer_id, returned_at, 'return', NULL, reason, 'order_return', return_id FROM v_order_return
  UNION ALL
  SELECT o.customer_id, r.rated_at, 'delivery_rating', NULL, CAST(r.delivery_rating AS TEXT), 'delivery_rating',
    order_id
  FROM delivery_rating AS r JOIN sales_order AS o USING (order_id)
  UNION ALL
  SELECT customer_id, start_date || 'T00:00:00', 'subscription_start', NULL, 'product ' || product_id, 'subscription',
    subscription_id FROM subscription
  UNION ALL
  SELECT customer_id, end_date || 'T00:00:00', 'subscription_end', NULL, exit_reason, 'subscription', subscription_id
  FROM subscription WHERE end_date IS NOT NULL
  UNION ALL
  SELECT customer_id, start_date || 'T00:00:00', 'contract_start', NULL, 'product ' || product_id, 'service_contract',
    service_contract_id FROM service_contract
  UNION ALL
  SELECT customer_id, end_date || 'T00:00:00', 'contract_end', NULL, NULL, 'service_contract', service_contract_id
  FROM service_contract WHERE end_date IS NOT NULL
  UNION ALL
  SELECT customer_id, opened_at, 'ticket', channel, subject, 'ticket', ticket_id FROM ticket
  UNION ALL
  SELECT customer_id, arrived_at, 'contact', channel, direction, 'interaction', interaction_id
  FROM interaction WHERE customer_id IS NOT NULL
  UNION ALL
  -- Who is held out notices nothing: that is no touch.
  SELECT m.customer_id, m.sent_at, 'campaign_sent', c.channel, c.name, 'campaign_member', m.campaign_member_id
  FROM campaign_member AS m JOIN campaign AS c USING (campaign_id) WHERE m.status = 'sent'
  UNION ALL
  -- An order and an opt-out stand here already as what they are, where the store knows them.
  SELECT m.customer_id, r.responded_at, 'campaign_' || r.reaction, c.channel, c.name, 'campaign_response',
    r.campaign_response_id
  FROM campaign_response AS r JOIN campaign_member AS m USING (campaign_member_id) JOIN campaign AS c USING (campaign_id)
  WHERE r.reaction IN ('opened', 'clicked') OR (r.reaction = 'bought' AND r.order_id IS NULL)
  UNION ALL
  -- A consent belongs to an address. It stands once, with the record that had the address first.
  SELECT p.customer_id, c.at, c.action, c.source, c.kind, 'consent', c.consent_id
  FROM consent AS c JOIN contact_point AS p USING (address_hash)
  WHERE NOT EXISTS (SELECT 1 FROM contact_point AS earlier
    WHERE earlier.address_hash = p.address_hash AND earlier.contact_point_id < p.contact_point_id)) AS t
JOIN v_customer AS v ON v.customer_id = t.customer_id;
