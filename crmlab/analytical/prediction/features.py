"""The feature table: what is known of each customer on a day, one column a fact with its definition (lesson 11a).

Buying history, preferences, trends and service, counted in DuckDB from the tables as they were known on that day.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pandas as pd

from crmlab.analytical.prediction.known_at import known_at

_DEFINITIONS = (
    ("orders", "history", "orders", "orders until the day"),
    ("days_since_last_purchase", "history", "days", "from the last order to the day"),
    ("tenure_days", "history", "days", "from the first order to the day"),
    ("mean_order_cents", "history", "cents", "mean amount of an order, before returns"),
    ("margin_365_days_cents", "history", "cents", "margin of the last 365 days' orders, less refunds given in them"),
    ("gift_share", "preference", "0 to 1", "share of orders with a gift"),
    ("voucher_share", "preference", "0 to 1", "share of orders with a voucher"),
    ("web_share", "preference", "0 to 1", "share of orders by the web shop"),
    ("has_subscription", "preference", "0 or 1", "whether a subscription runs on the day"),
    ("opened_365_days", "preference", "e-mails", "e-mails of campaigns opened in the last 365 days"),
    ("orders_180_days", "trend", "orders", "orders in the last 180 days"),
    ("order_trend", "trend", "orders", "orders in the last 180 days, less orders in the 180 days before"),
    ("returns_365_days", "service", "returns", "returns in the last 365 days"),
    ("late_deliveries_365_days", "service", "orders", "promised within the last 365 days, and late or not there yet"),
    ("low_ratings_365_days", "service", "ratings", "ratings of 1 or 2 in the last 365 days"),
)
#: What each feature means: one row a feature, with its kind and unit. Orders are purchases: deliveries of a
#: subscription do not count.
FEATURE_DEFINITIONS = pd.DataFrame(_DEFINITIONS, columns=["feature", "kind", "unit", "definition"]).set_index("feature")

_SQL = """
WITH bought AS (
  SELECT o.customer_id, o.order_id, $as_of - CAST(o.order_date AS DATE) AS days_ago, o.amount_cents,
    o.voucher_percent > 0 AS with_voucher, o.channel = 'web' AS on_web,
    o.promised_date IS NOT NULL AND CAST(o.promised_date AS DATE) BETWEEN $as_of - 364 AND $as_of
      AND coalesce(CAST(o.delivered_date AS DATE), $as_of + 1) > CAST(o.promised_date AS DATE) AS was_late
  FROM orders AS o WHERE o.subscription_id IS NULL),
line AS (
  SELECT l.order_id, bool_or(p.category = 'gift') AS has_gift,
    sum(l.quantity * (l.unit_price_cents - l.unit_cost_cents)) AS margin_cents
  FROM order_lines AS l JOIN products AS p USING (product_id) GROUP BY l.order_id),
of_orders AS (
  SELECT customer_id, count(*) AS orders, min(days_ago) AS days_since_last_purchase, max(days_ago) AS tenure_days,
    sum(amount_cents) / count(*) AS mean_order_cents,
    sum(CASE WHEN days_ago < 365 THEN margin_cents ELSE 0 END) AS margin_cents,
    sum(has_gift::INT) / count(*) AS gift_share, sum(with_voucher::INT) / count(*) AS voucher_share,
    sum(on_web::INT) / count(*) AS web_share, sum((days_ago < 180)::INT) AS orders_180_days,
    sum((days_ago BETWEEN 180 AND 359)::INT) AS orders_before, sum(was_late::INT) AS late_deliveries_365_days
  FROM bought JOIN line USING (order_id) GROUP BY customer_id HAVING min(days_ago) <= $within),
of_returns AS (
  SELECT o.customer_id, count(*) AS returns_365_days, sum(r.refund_cents) AS refund_cents
  FROM returns AS r JOIN orders AS o USING (order_id)
  WHERE CAST(r.return_date AS DATE) > $as_of - 365 AND o.subscription_id IS NULL GROUP BY o.customer_id),
of_ratings AS (
  SELECT o.customer_id, count(*) AS low_ratings FROM delivery_ratings AS d JOIN orders AS o USING (order_id)
  WHERE d.delivery_rating <= 2 AND CAST(d.rating_date AS DATE) > $as_of - 365 GROUP BY o.customer_id),
of_subscriptions AS (
  SELECT customer_id FROM subscriptions WHERE end_date IS NULL GROUP BY customer_id),
of_messages AS (
  SELECT c.customer_id, count(*) AS opened FROM campaign_responses AS r JOIN campaign_contacts AS c
  USING (campaign_contact_id)
  WHERE r.reaction = 'opened' AND CAST(r.response_date AS DATE) > $as_of - 365 GROUP BY c.customer_id)
SELECT customer_id, orders, days_since_last_purchase, tenure_days, mean_order_cents,
  margin_cents - coalesce(refund_cents, 0) AS margin_365_days_cents, gift_share, voucher_share, web_share,
  (s.customer_id IS NOT NULL)::INT AS has_subscription, coalesce(opened, 0) AS opened_365_days, orders_180_days,
  orders_180_days - orders_before AS order_trend, coalesce(returns_365_days, 0) AS returns_365_days,
  late_deliveries_365_days, coalesce(low_ratings, 0) AS low_ratings_365_days
FROM of_orders LEFT JOIN of_returns USING (customer_id) LEFT JOIN of_ratings USING (customer_id)
LEFT JOIN of_subscriptions AS s USING (customer_id) LEFT JOIN of_messages USING (customer_id)
ORDER BY customer_id
"""
_TABLES = (
    "orders", "order_lines", "products", "returns", "delivery_ratings", "subscriptions", "campaign_contacts",
    "campaign_responses",
)  # fmt: skip
_SHARES = ["mean_order_cents", "gift_share", "voucher_share", "web_share"]


def customer_features(company: Any, as_of: dt.date, active_within_days: int = 365) -> pd.DataFrame:
    """What is known of each active customer at the end of the day `as_of`: one row a customer, by `customer_id`.

    company               the course company, or anything with its tables (orders, order_lines, products, returns,
                          delivery_ratings, subscriptions, campaign_contacts, campaign_responses) and `as_of`
    as_of                 the day; nothing that happened after it is looked at
    active_within_days    whose last purchase is at most so many days ago, from 0

    Returns the columns of `FEATURE_DEFINITIONS`, int64 but for `mean_order_cents` and the shares, which are float64.
    Raises ValueError for a day after the company's own, and when nobody was active.

    >>> from crmlab import open_company
    >>> features = customer_features(open_company(), dt.date(2025, 9, 30))
    >>> list(features.columns) == list(FEATURE_DEFINITIONS.index), int(features["days_since_last_purchase"].max())
    (True, 365)
    """
    if isinstance(active_within_days, bool) or active_within_days < 0:
        raise ValueError(f"active_within_days is {active_within_days!r}, expected 0 or more days")
    known = known_at(company, as_of)
    with duckdb.connect(config={"threads": 1}) as connection:
        for table in _TABLES:
            connection.register(table, getattr(known, table))
        settings = {"as_of": known.as_of.date(), "within": int(active_within_days)}
        rows = connection.sql(_SQL, params=settings).to_arrow_table().to_pandas()
    if rows.empty:
        raise ValueError(f"nobody bought in the {active_within_days} days before {known.as_of:%Y-%m-%d}")
    features = rows.set_index("customer_id")[list(FEATURE_DEFINITIONS.index)]
    whole = [name for name in features if name not in _SHARES]
    return features.astype({**dict.fromkeys(whole, "int64"), **dict.fromkeys(_SHARES, "float64")})


def churn_label(company: Any, customers: Any, as_of: dt.date, horizon_days: int = 90) -> pd.Series:
    """Whether each customer buys nothing in the `horizon_days` after the day `as_of`: the label, known only later.

    customers    the customers to look at, such as the index of `customer_features`

    Returns a bool Series `churned` with the customers as its index. Deliveries of a subscription are no purchases.
    Raises ValueError when the horizon is not over by the company's last day: whoever has not bought yet may still.

    >>> from crmlab import open_company
    >>> churn_label(open_company(), [1, 2], dt.date(2025, 12, 1))
    Traceback (most recent call last):
    ...
    ValueError: the 90 days after 2025-12-01 end on 2026-03-01, expected 2025-12-31 (the last day known) or before
    """
    start = pd.Timestamp(as_of).normalize()
    end = start + pd.Timedelta(days=horizon_days)
    if horizon_days < 1:
        raise ValueError(f"horizon_days is {horizon_days!r}, expected 1 or more")
    if end > pd.Timestamp(company.as_of):
        raise ValueError(
            f"the {horizon_days} days after {start:%Y-%m-%d} end on {end:%Y-%m-%d}, "
            f"expected {company.as_of:%Y-%m-%d} (the last day known) or before"
        )
    orders = company.orders
    day = orders["order_date"].dt.normalize()
    came = orders.loc[(day > start) & (day <= end) & orders["subscription_id"].isna(), "customer_id"]
    index = pd.Index(customers, name="customer_id")
    return pd.Series(~index.isin(came), index=index, name="churned")
