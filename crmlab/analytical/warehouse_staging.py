"""What the warehouse takes from the store: the rows that were there on a day, as Arrow tables.

Each row counts by its own time: a return, a merge or a resolution after the day is not seen. The present attributes of
a customer are taken as they stand; their history comes about by loading again and again.
"""

from __future__ import annotations

import datetime
import sqlite3

import pyarrow as pa

_DATE, _TIME, _WHOLE, _TEXT, _FLAG = pa.date32(), pa.timestamp("s"), pa.int64(), pa.string(), pa.bool_()
_ID = _CENTS = _COUNT = _WHOLE

# Each staged table: its columns, and the query for them. :after is the first day that is not seen any more.
_STAGED: dict[str, tuple[dict[str, pa.DataType], str]] = {
    "staged_customer": (
        {
            "customer_id": _ID, "surviving_customer_id": _ID, "account_id": _ID, "territory": _TEXT, "region": _TEXT,
            "postal_code": _TEXT, "language": _TEXT, "birth_year": _WHOLE, "household_size": _WHOLE,
            "yearly_income_cents": _CENTS, "acquisition_channel": _TEXT, "acquisition_cost_cents": _CENTS,
            "source_system": _TEXT, "created_date": _DATE,
        },
        """WITH RECURSIVE merged (loser_id, winner_id) AS (
          SELECT loser_id, winner_id FROM customer_merge
          WHERE merged_at < :after AND (undone_at IS NULL OR undone_at >= :after)),
        chain (customer_id, next_id) AS (
          SELECT loser_id, winner_id FROM merged
          UNION ALL
          SELECT chain.customer_id, merged.winner_id FROM chain JOIN merged ON merged.loser_id = chain.next_id)
        SELECT c.customer_id, coalesce(s.surviving_customer_id, c.customer_id), c.account_id, t.name,
          r.name, c.postal_code, c.language, CAST(substr(c.birth_date, 1, 4) AS INTEGER),
          c.household_size, c.yearly_income_cents, c.acquisition_channel, c.acquisition_cost_cents, c.source_system,
          substr(c.created_at, 1, 10)
        FROM customer AS c LEFT JOIN territory AS t USING (territory_id)
        LEFT JOIN territory AS r ON r.territory_id = t.parent_id
        LEFT JOIN (SELECT customer_id, next_id AS surviving_customer_id FROM chain
                   WHERE next_id NOT IN (SELECT loser_id FROM merged)) AS s ON s.customer_id = c.customer_id
        WHERE c.created_at < :after""",
    ),
    "staged_product": (
        {"product_id": _ID, "sku": _TEXT, "name": _TEXT, "category": _TEXT, "type": _TEXT, "grade": _WHOLE},
        "SELECT product_id, sku, name, category, type, grade FROM product",
    ),
    "staged_employee": (
        {"staff_id": _ID, "name": _TEXT, "role": _TEXT, "manager": _TEXT, "territory": _TEXT},
        """SELECT s.staff_id, s.first_name || ' ' || s.last_name, s.role, m.first_name || ' ' || m.last_name, t.name
        FROM staff AS s LEFT JOIN staff AS m ON m.staff_id = s.manager_id
        LEFT JOIN territory AS t ON t.territory_id = s.territory_id WHERE s.hired_date < :after""",
    ),
    "staged_partner": (
        {"account_id": _ID, "name": _TEXT, "type": _TEXT},
        "SELECT account_id, name, type FROM account WHERE type IN ('partner', 'reseller', 'supplier')",
    ),
    "staged_sale": (
        {
            "order_line_id": _ID, "order_id": _ID, "order_date": _DATE, "customer_id": _ID, "product_id": _ID,
            "channel": _TEXT, "staff_id": _ID, "reseller_id": _ID, "quantity": _COUNT, "voucher_percent": _WHOLE,
            "unit_price_cents": _CENTS, "unit_cost_cents": _CENTS, "promised_date": _DATE, "delivered_date": _DATE,
        },
        """SELECT order_line_id, order_id, order_date, o.customer_id, product_id, channel, staff_id, reseller_id,
          quantity, voucher_percent, unit_price_cents, unit_cost_cents, promised_date,
          CASE WHEN delivered_date < :after THEN delivered_date END
        FROM order_line JOIN sales_order AS o USING (order_id) JOIN operation_log USING (operation_id)
        WHERE ordered_at < :after""",
    ),
    "staged_return": (
        {
            "return_id": _ID, "order_line_id": _ID, "order_id": _ID, "order_date": _DATE, "return_date": _DATE,
            "customer_id": _ID, "product_id": _ID, "quantity": _COUNT, "refund_cents": _CENTS, "reason": _TEXT,
        },
        """SELECT return_id, order_line_id, order_id, order_date, return_date, customer_id, product_id, r.quantity,
          refund_cents, reason
        FROM order_return AS r JOIN order_line USING (order_line_id) JOIN sales_order USING (order_id)
        WHERE returned_at < :after""",
    ),
    "staged_interaction": (
        {
            "interaction_id": _ID, "arrived_at": _TIME, "customer_id": _ID, "agent_id": _ID, "channel": _TEXT,
            "direction": _TEXT, "queue": _TEXT, "wait_seconds": _WHOLE, "handle_seconds": _WHOLE,
            "is_abandoned": _FLAG, "is_finished_alone": _FLAG, "hourly_cost_cents": _CENTS,
        },
        """SELECT interaction_id, arrived_at, customer_id, agent_id, channel, direction, queue, wait_seconds,
          handle_seconds, is_abandoned, is_finished_alone, hourly_cost_cents
        FROM v_interaction LEFT JOIN staff ON staff_id = agent_id WHERE arrived_at < :after""",
    ),
    "staged_ticket": (
        {
            "ticket_id": _ID, "opened_at": _TIME, "first_assigned_at": _TIME, "resolved_at": _TIME, "customer_id": _ID,
            "product_id": _ID, "owner_id": _ID, "channel": _TEXT, "type": _TEXT, "priority": _TEXT,
            "reopened_count": _COUNT,
        },
        # The owner and the resolution as of the day: a ticket that was opened again is not resolved.
        """WITH seen AS (SELECT *, row_number() OVER (PARTITION BY ticket_id ORDER BY ticket_history_id DESC) AS latest
          FROM ticket_history WHERE changed_at < :after)
        SELECT t.ticket_id, t.opened_at, min(CASE WHEN h.to_status = 'Assigned' THEN h.changed_at END),
          CASE WHEN max(CASE WHEN h.latest = 1 THEN h.to_status END) IN ('Resolved', 'Closed')
               THEN max(CASE WHEN h.to_status = 'Resolved' THEN h.changed_at END) END,
          t.customer_id, l.product_id, max(CASE WHEN h.latest = 1 THEN h.owner_id END), t.channel, t.type, t.priority,
          sum(ifnull(h.from_status = 'Resolved' AND h.to_status = 'Assigned', 0))
        FROM ticket AS t JOIN seen AS h USING (ticket_id) LEFT JOIN order_line AS l USING (order_line_id)
        GROUP BY t.ticket_id""",
    ),
    "staged_campaign": (
        {
            "campaign_id": _ID, "name": _TEXT, "objective": _TEXT, "channel": _TEXT, "message": _TEXT,
            "purpose": _TEXT, "start_date": _DATE, "end_date": _DATE, "holdout_share": pa.float64(),
            "discount_percent": _WHOLE, "contact_cost_cents": _CENTS, "budget_cents": _CENTS,
        },
        """SELECT campaign_id, name, objective, channel, message, purpose, start_date, end_date, holdout_share,
          discount_percent, contact_cost_cents, budget_cents
        FROM campaign WHERE EXISTS (SELECT 1 FROM campaign_member AS m
          WHERE m.campaign_id = campaign.campaign_id AND m.drawn_at < :after)
          OR operation_id IN (SELECT operation_id FROM operation_log WHERE at < :after)""",
    ),
    "staged_campaign_member": (
        {
            "campaign_member_id": _ID, "campaign_id": _ID, "customer_id": _ID, "arm": _TEXT, "drawn_at": _TIME,
            "suppress_reason": _TEXT, "sent_at": _TIME, "opened_count": _COUNT, "clicked_count": _COUNT,
            "opted_out_count": _COUNT, "purchase_count": _COUNT, "order_count": _COUNT, "revenue_cents": _CENTS,
            "discount_cents": _CENTS,
        },
        # A suppression has the time of the operation that wrote the row last.
        """WITH answered AS (
          SELECT r.campaign_member_id, sum(r.reaction = 'opened') AS opened, sum(r.reaction = 'clicked') AS clicked,
            sum(r.reaction = 'opted_out') AS opted_out,
            sum(r.reaction = 'bought' AND substr(r.responded_at, 1, 10) <= c.end_date) AS purchases,
            sum(r.order_id IS NOT NULL AND substr(r.responded_at, 1, 10) <= c.end_date) AS orders,
            sum(CASE WHEN substr(r.responded_at, 1, 10) <= c.end_date THEN r.amount_cents END) AS revenue,
            sum(CASE WHEN substr(r.responded_at, 1, 10) <= c.end_date THEN r.discount_cents END) AS discount
          FROM campaign_response AS r JOIN campaign_member AS m USING (campaign_member_id)
          JOIN campaign AS c USING (campaign_id) WHERE r.responded_at < :after GROUP BY r.campaign_member_id)
        SELECT m.campaign_member_id, m.campaign_id, m.customer_id, m.arm, m.drawn_at,
          CASE WHEN w.at < :after THEN m.suppress_reason END, CASE WHEN m.sent_at < :after THEN m.sent_at END,
          ifnull(a.opened, 0), ifnull(a.clicked, 0), ifnull(a.opted_out, 0), ifnull(a.purchases, 0),
          ifnull(a.orders, 0), ifnull(a.revenue, 0), ifnull(a.discount, 0)
        FROM campaign_member AS m JOIN operation_log AS w USING (operation_id)
        LEFT JOIN answered AS a USING (campaign_member_id) WHERE m.drawn_at < :after""",
    ),
}  # fmt: skip


def _array(values: tuple[object, ...], kind: pa.DataType) -> pa.Array:
    # SQLite keeps days and times as text, and truth as 0 and 1.
    source = {_DATE: pa.string(), _TIME: pa.string(), _FLAG: pa.int64()}.get(kind, kind)
    return pa.array(values, source).cast(kind)


def stage(connection: sqlite3.Connection, as_of: datetime.date) -> dict[str, pa.Table]:
    """The store's rows as of the end of a day, by staged table. The store is read at one moment, in one transaction."""
    after = {"after": (as_of + datetime.timedelta(days=1)).isoformat()}
    staged = {}
    connection.execute("BEGIN")
    try:
        for name, (columns, query) in _STAGED.items():
            rows = connection.execute(query, after).fetchall()
            values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
            arrays = [_array(each, kind) for each, kind in zip(values, columns.values(), strict=True)]
            staged[name] = pa.table(arrays, names=list(columns))
    finally:
        connection.execute("ROLLBACK")
    return staged
