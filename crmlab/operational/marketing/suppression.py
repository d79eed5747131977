"""Suppression: who cannot be written to, and why.

The reasons come in this order: merged, opt_out, no_permission, no_address. An **opt-out** of any address of a person
counts for all addresses of that kind on all records merged into one, until the person confirms an opt-in for the
address that would be used. The send queue asks here, and the database asks again (``52_campaign_send.sql``).
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterable, Mapping

_REACH_SQL = """
WITH said AS (
  SELECT address_hash, max(CASE WHEN action = 'opt_out' THEN at END) AS last_out,
    max(CASE WHEN action = 'confirmed_opt_in' AND at <= :at THEN at END) AS confirmed,
    max(CASE WHEN action <> 'opt_out' AND at <= :at THEN at END) AS said_yes
  FROM consent WHERE kind = :channel AND purpose = :purpose GROUP BY address_hash),
address AS (
  SELECT v.surviving_customer_id AS customer_id, p.contact_point_id, p.address_hash, p.is_primary,
    p.customer_id = v.surviving_customer_id AS is_own, said.confirmed, said.said_yes,
    max(said.last_out) OVER (PARTITION BY v.surviving_customer_id) AS person_out
  FROM contact_point AS p JOIN v_customer AS v USING (customer_id) LEFT JOIN said USING (address_hash)
  WHERE p.kind = :channel),
judged AS (
  SELECT *, CASE
      WHEN person_out >= ifnull(confirmed, '') THEN 'opt_out'
      WHEN :purpose = 'service' THEN NULL
      WHEN CASE :channel WHEN 'email' THEN confirmed ELSE said_yes END IS NULL THEN 'no_permission' END AS reason
  FROM address),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY customer_id
      ORDER BY reason IS NOT NULL, is_primary DESC, is_own DESC, contact_point_id) AS choice,
    max(reason = 'opt_out') OVER (PARTITION BY customer_id) AS some_opted_out
  FROM judged)
SELECT customer_id, contact_point_id, address_hash, reason, choice, some_opted_out FROM ranked
"""


@dataclasses.dataclass(frozen=True)
class Reach:
    """How a customer is reached on a channel: the address to use, or the ``reason`` why none can be used."""

    contact_point_id: int | None
    address_hash: str | None
    reason: str | None


NO_ADDRESS = Reach(None, None, "no_address")


def reach(connection: sqlite3.Connection, channel: str, purpose: str, at: str) -> dict[int, Reach]:
    """How each surviving customer with an address of that kind is reached at a time; the others have no address.

    Of several addresses it takes the primary one of those with permission. E-mail needs a confirmed opt-in; telephone
    and letter need an opt-in. Service mail needs no permission, and heeds only an opt-out from service mail.
    """
    found = connection.execute(_REACH_SQL, {"channel": channel, "purpose": purpose, "at": at})
    return {
        customer_id: Reach(point, address_hash, "opt_out" if reason is not None and some_opted_out else reason)
        for customer_id, point, address_hash, reason, choice, some_opted_out in found
        if choice == 1
    }


def address_reasons(
    connection: sqlite3.Connection, channel: str, purpose: str, at: str
) -> dict[tuple[int, str], str | None]:
    """Why each address of each surviving customer cannot be used at a time; None where it can."""
    found = connection.execute(_REACH_SQL, {"channel": channel, "purpose": purpose, "at": at})
    return {(customer_id, address_hash): reason for customer_id, _, address_hash, reason, *_ in found}


def first_records(customers: Iterable[int], reached: Mapping[int, Reach]) -> dict[str, int]:
    """Which customer each address is written to: of several records with one address, the first that was made.

    So the order of a list does not decide which of them is on it.
    """
    first: dict[str, int] = {}
    for customer_id in customers:
        how = reached.get(customer_id, NO_ADDRESS)
        if how.reason is None:
            first[how.address_hash] = min(first.get(how.address_hash, customer_id), customer_id)
    return first
