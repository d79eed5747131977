-- The contact centre's part of the star: one row a contact, a paid stretch of an agent, a ticket, a rating, a day's sales.
CREATE TABLE warehouse_load AS SELECT $as_of::DATE AS as_of;

CREATE TABLE fact_contact AS
WITH timed AS (
  SELECT interaction_id, customer_id, channel, direction, queue, topic, agent_id, outcome, arrived_at, wrap_up_seconds,
    is_abandoned, answered_at IS NOT NULL AS is_answered, channel IN ('ivr', 'web') AS is_self_service,
    CASE WHEN channel NOT IN ('ivr', 'web') THEN date_diff('second', arrived_at, coalesce(answered_at, ended_at)) END
      AS wait_seconds,
    date_diff('second', answered_at, ended_at) AS talk_seconds
  FROM source_interactions),
handled AS (
  SELECT *, CASE WHEN is_answered THEN talk_seconds + wrap_up_seconds END AS handle_seconds FROM timed),
-- The next contact of the customer on the topic, through whatever channel.
followed AS (
  SELECT interaction_id, lead(arrived_at) OVER (PARTITION BY customer_id, topic ORDER BY arrived_at, interaction_id)
      AS next_at,
    lag(arrived_at) OVER (PARTITION BY customer_id, topic ORDER BY arrived_at, interaction_id) AS previous_at
  FROM timed WHERE customer_id IS NOT NULL AND topic IS NOT NULL AND direction = 'inbound')
SELECT handled.*, time_bucket(INTERVAL 30 MINUTE, arrived_at) AS half_hour,
  -- Of three chats at once each takes a third of the agent.
  handle_seconds * CASE WHEN channel = 'chat' THEN 1.0 / 3 ELSE 1.0 END AS agent_seconds,
  channel = 'call' AND direction = 'inbound' AND coalesce(outcome, '') <> 'closed'
    AND NOT (is_abandoned AND wait_seconds <= $short_abandon_seconds) AS is_offered,
  next_at, previous_at
FROM handled LEFT JOIN followed USING (interaction_id)
ORDER BY interaction_id;

CREATE TABLE fact_agent_time AS
SELECT s.agent_id, starts_at, ends_at, activity, date_diff('second', starts_at, ends_at) AS paid_seconds,
  date_diff('second', starts_at, ends_at) * hourly_wage_cents / 3600.0 AS cost_cents
FROM source_agent_shifts AS s JOIN source_agents USING (agent_id)
ORDER BY starts_at, s.agent_id;

CREATE TABLE fact_ticket AS
SELECT ticket_id, customer_id, topic, opened_at, first_resolved_at, reopened_at, resolved_at
FROM source_tickets ORDER BY ticket_id;

CREATE TABLE fact_rating AS
SELECT interaction_id, rated_at, rating FROM source_contact_ratings ORDER BY interaction_id;

CREATE TABLE fact_order AS
SELECT order_id, customer_id, order_date, amount_cents FROM source_orders ORDER BY order_id;
