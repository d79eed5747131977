"""Who is calling: from the number on the display, or any other address, to the customer's record.

A number may belong to nobody whom the store knows, to one record, or to several: of one person who was recorded twice,
or of a household. The agent asks, and links the contact to the right one, once.
"""

from __future__ import annotations

import datetime

import pandas as pd

from crmlab.operational.addresses import normalise_address
from crmlab.operational.moments import moment
from crmlab.operational.operation import actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

_CARD_SQL = """
SELECT c.customer_id, c.first_name, c.last_name, c.postal_code, c.language, count(DISTINCT p.customer_id) AS records,
  (SELECT max(o.ordered_at) FROM sales_order AS o JOIN v_customer AS w USING (customer_id)
   WHERE w.surviving_customer_id = c.customer_id AND o.ordered_at <= :at) AS last_order_at,
  (SELECT count(*) FROM ticket AS t JOIN v_customer AS w USING (customer_id)
   WHERE w.surviving_customer_id = c.customer_id AND t.opened_at <= :at AND t.status NOT IN ('Resolved', 'Closed'))
   AS open_ticket_count
FROM contact_point AS p JOIN v_customer AS v USING (customer_id)
JOIN customer AS c ON c.customer_id = v.surviving_customer_id
WHERE p.kind = :kind AND p.value = :value AND c.created_at <= :at
GROUP BY c.customer_id ORDER BY last_order_at DESC NULLS LAST, c.customer_id
"""


def identify_caller(store: Store, address: str | None, at: str | datetime.date, *, kind: str = "phone") -> pd.DataFrame:
    """The surviving records that have this address, whoever ordered last first.

    kind: phone, email, post, chat or social. What the display shows when the number is withheld (None), and what is no
    address, as the three digits of an extension, belongs to nobody: no row.

    Columns: ``customer_id`` (int64), ``first_name``, ``last_name``, ``postal_code``, ``language``, ``records`` (how
    many records of the person have the address), ``last_order_at`` (datetime64), ``open_ticket_count`` (int64).

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     phone = store.sql("SELECT value FROM contact_point WHERE kind = 'phone' LIMIT 1")["value"].item()
    ...     len(identify_caller(store, phone.replace("+49", "0"), at="2026-01-05")) >= 1
    True
    """
    at = moment(at)
    try:
        value = None if address is None else normalise_address(kind, address)
    except RefusedOperation as error:
        if not error.rule.endswith("has the form of one"):
            raise
        value = None
    return store.sql(_CARD_SQL, {"kind": kind, "value": value, "at": at})


def link_caller(
    store: Store, interaction_id: int, customer_id: int, at: str | datetime.date, *, by: int
) -> dict[str, pd.DataFrame]:
    """Say who the caller is. A contact is linked once.

    Returns the rows written: ``operation_log, interaction``. Raises ``RefusedOperation`` for a contact that is linked
    already, for an unknown contact, and for a merged record (it names the surviving one).
    """
    at = moment(at)
    interaction_id, customer_id = (
        whole_number("interaction_id", interaction_id),
        whole_number("customer_id", customer_id),
    )
    with running_operation(store, "link_caller", at, actor_of(whole_number("by", by)), customer_id) as operation:
        operation.unmerged(customer_id)
        found = operation.one("SELECT customer_id FROM interaction WHERE interaction_id = ?", interaction_id)
        if found is None:
            rule, expected = "the contact is in the store", "an id in table interaction"
            raise RefusedOperation(rule, f"interaction_id {interaction_id}", expected)
        operation.update("interaction", "interaction_id", interaction_id, customer_id=customer_id)
    return operation.written
