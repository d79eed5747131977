"""Outbound **telesales**: the next call of a list, what came of it, and the order where it was a sale.

A call that must not be made is not made: the database refuses it. Each call that ended leaves a contact in
``interaction``, and who asks not to be called again has opted out with the same stroke.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pandas as pd

from crmlab.operational.marketing.contact_times import earliest_allowed
from crmlab.operational.marketing.suppression import address_reasons
from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.sales.accepted_offers import WantedLine
from crmlab.operational.sales.call_lists import minutes_ahead
from crmlab.operational.sales.orders import checked_lines, insert_order
from crmlab.operational.store import Store

#: What came of a call in which somebody answered, and of one in which nobody did.
CONNECTED = ("sold", "refused", "do_not_call", "call_again", "wrong_number")
UNANSWERED = ("no_answer", "busy", "voicemail")
_FINAL = {"sold": "sold", "refused": "refused", "do_not_call": "refused", "wrong_number": "unreached"}


def next_call(store: Store, call_list_id: int, at: str | datetime.date, *, by: int) -> dict[str, pd.DataFrame]:
    """The agent ``by`` calls the next member who is due: who has waited longest since the last try, then in the order
    of the list.

    Who may not be called any more (an opt-out since, a merge) is suppressed on the way. Who may not be called at this
    hour keeps the turn.

    Returns the rows written: ``operation_log, call_list_member, call_attempt``; the last two are empty where nobody
    is due. Raises ``RefusedOperation`` for an unknown list, and for an agent who has a call.
    """
    at, call_list_id, by = moment(at), whole_number("call_list_id", call_list_id), whole_number("by", by)
    with running_operation(store, "next_call", at, actor_of(by)) as operation:
        rules = operation.one(
            "SELECT call_from, call_until, wait_minutes FROM call_list WHERE call_list_id = ?", call_list_id
        )
        if rules is None:
            expected = "an id in table call_list"
            raise RefusedOperation("the calling list is in the store", f"call_list_id {call_list_id}", expected)
        reasons = address_reasons(operation.connection, "phone", "marketing", at)
        for member_id, customer_id, point_id, address_hash in _due(operation, call_list_id, at, rules[2]):
            survivor = operation.survivor(customer_id)
            reason = "merged" if survivor != customer_id else reasons.get((customer_id, address_hash), "no_address")
            if reason is not None:
                operation.update("call_list_member", "call_list_member_id", member_id, status="suppressed",
                                 suppress_reason=reason, operation_id=operation.operation_id)  # fmt: skip
            elif _may_ring(operation, customer_id, point_id, at, rules[0], rules[1]):
                operation.insert("call_attempt", call_list_member_id=member_id, agent_id=by, started_at=at,
                                 operation_id=operation.operation_id)  # fmt: skip
                break
    for table in ("call_list_member", "call_attempt"):
        operation.written.setdefault(table, store.sql(f"SELECT * FROM {table} WHERE 0"))
    return operation.written


def finish_call(
    store: Store,
    call_attempt_id: int,
    disposition: str,
    at: str | datetime.date,
    *,
    by: int,
    lines: Sequence[tuple[int, int]] = (),
    call_again_at: str | datetime.date | None = None,
    wrap_up_seconds: int = 0,
) -> dict[str, pd.DataFrame]:
    """Note what came of a call.

    Parameters
    ----------
    disposition: sold (with the ``lines`` of the order, pairs of product_id and quantity), refused, do_not_call,
        call_again (with ``call_again_at``), wrong_number, no_answer, busy or voicemail.

    do_not_call opts the number out, and wrong_number, too: it belongs to somebody who gave no permission. Who is not
    reached in the last try of the list is ``unreached``.

    Returns the rows written: ``operation_log, interaction, call_attempt, call_list_member``; with a sale
    ``sales_order, order_line``, with an opt-out ``consent``. Raises ``RefusedOperation``: a call that has ended,
    another agent, a sale without lines.

    >>> from crmlab.operational import open_store, plan_call_list
    >>> with open_store() as store:
    ...     plan = plan_call_list(store, "Care plans", range(1, 301), at="2026-01-05 08:00")["call_list"]
    ...     call = next_call(store, plan["call_list_id"].item(), at="2026-01-05 10:00", by=20)["call_attempt"]
    ...     call_id = call["call_attempt_id"].item()
    ...     sold = finish_call(store, call_id, "sold", at="2026-01-05 10:04", by=20, lines=[(38, 1)])
    >>> sold["sales_order"]["channel"].item()
    'phone'
    """
    at, call_attempt_id, by = moment(at), whole_number("call_attempt_id", call_attempt_id), whole_number("by", by)
    _check_disposition(disposition, lines, call_again_at)
    again = None if call_again_at is None else moment(call_again_at)
    if again is not None and again <= at:
        raise RefusedOperation("a call that was agreed comes later", again, f"after {at}")
    with running_operation(store, "finish_call", at, actor_of(by)) as operation:
        member_id, customer_id, started_at = _open_call(operation, call_attempt_id, by, at)
        wanted = [WantedLine(*pair) for pair in checked_lines(lines)] if lines else []
        order_id = insert_order(operation, customer_id, wanted, "phone", at) if wanted else None
        connected = disposition in CONNECTED
        interaction_id = operation.insert(
            "interaction", customer_id=customer_id, channel="call", direction="outbound", queue="outbound",
            topic="offer", agent_id=by if connected else None, arrived_at=started_at,
            answered_at=started_at if connected else None, ended_at=at,
            wrap_up_seconds=whole_number("wrap_up_seconds", wrap_up_seconds, least=0) if connected else 0,
            outcome=disposition, operation_id=operation.operation_id,
        )  # fmt: skip
        operation.update("call_attempt", "call_attempt_id", call_attempt_id, disposition=disposition,
                         interaction_id=interaction_id, order_id=order_id)  # fmt: skip
        if disposition in ("do_not_call", "wrong_number"):
            _opt_out(operation, member_id, disposition, at)
        _move_on(operation, member_id, disposition, again)
    return operation.written


def telesales_report(store: Store, call_list_id: int) -> pd.Series:
    """What came of a list: counts (int64) of ``members``, ``suppressed``, ``calls`` that ended, ``connects`` (somebody
    answered), ``sales``, and ``calls_to_opted_out``: calls to a number whose owner had said no by then, which is 0.
    """
    return store.sql(
        """SELECT count(DISTINCT m.call_list_member_id) AS members,
          count(DISTINCT CASE WHEN m.status = 'suppressed' THEN m.call_list_member_id END) AS suppressed,
          count(a.disposition) AS calls,
          ifnull(sum(a.disposition IN ('sold', 'refused', 'do_not_call', 'call_again', 'wrong_number')), 0) AS connects,
          count(a.order_id) AS sales,
          ifnull(sum(EXISTS (SELECT 1 FROM contact_point AS p JOIN consent AS o USING (address_hash)
            WHERE p.contact_point_id = m.contact_point_id AND o.action = 'opt_out' AND o.purpose = 'marketing'
              AND o.at <= a.started_at AND o.at >= ifnull((SELECT max(y.at) FROM consent AS y
                WHERE y.address_hash = o.address_hash AND y.purpose = 'marketing' AND y.action = 'confirmed_opt_in'
                  AND y.at <= a.started_at), ''))), 0) AS calls_to_opted_out
        FROM call_list_member AS m LEFT JOIN call_attempt AS a USING (call_list_member_id) WHERE m.call_list_id = ?""",
        [call_list_id],
    ).iloc[0]


def _due(operation: Operation, call_list_id: int, at: str, wait_minutes: int) -> list[tuple[int, int, int, str]]:
    return operation.all(
        """SELECT m.call_list_member_id, m.customer_id, m.contact_point_id, p.address_hash
        FROM call_list_member AS m JOIN contact_point AS p USING (contact_point_id)
        LEFT JOIN (SELECT call_list_member_id, max(started_at) AS last_at, sum(disposition IS NULL) AS open_count
                   FROM call_attempt GROUP BY call_list_member_id) AS a USING (call_list_member_id)
        WHERE m.call_list_id = ? AND m.status = 'open' AND ifnull(m.next_at, '') <= ? AND ifnull(open_count, 0) = 0
          AND ifnull(strftime('%Y-%m-%dT%H:%M:%S', last_at, ? || ' minutes'), '') <= ?
        ORDER BY ifnull(last_at, ''), m.call_list_member_id""",
        call_list_id, at, wait_minutes, at,
    )  # fmt: skip


def _may_ring(
    operation: Operation, customer_id: int, contact_point_id: int, at: str, call_from: str, call_until: str
) -> bool:
    """Whether a call at this time comes at a decent hour where the customer is, and at the hours that he named."""
    ahead = minutes_ahead(operation, contact_point_id)
    local = datetime.datetime.fromisoformat(at) + datetime.timedelta(minutes=ahead)
    if local.isoweekday() == 7 or not call_from <= local.strftime("%H:%M") < call_until:
        return False
    wish = operation.one(
        "SELECT send_from, send_until FROM contact_preference WHERE customer_id = ? AND channel = 'phone'", customer_id
    )
    return wish is None or wish[0] is None or earliest_allowed(at, *wish) == at


def _check_disposition(disposition: str, lines: Sequence, call_again_at: object) -> None:
    if disposition not in CONNECTED + UNANSWERED:
        expected = ", ".join(CONNECTED + UNANSWERED)
        raise RefusedOperation("a call ends with a known disposition", repr(disposition), expected)
    if (disposition == "sold") != bool(lines):
        raise RefusedOperation("a sale has lines, and no other call has", f"{disposition} with {lines!r}",
                               "'sold' and pairs of product_id and quantity")  # fmt: skip
    if (disposition == "call_again") != (call_again_at is not None):
        raise RefusedOperation("who is to be called again named a time", f"{disposition}, {call_again_at!r}",
                               "'call_again' and call_again_at")  # fmt: skip


def _open_call(operation: Operation, call_attempt_id: int, by: int, at: str) -> tuple[int, int, str]:
    found = operation.one(
        """SELECT m.call_list_member_id, m.customer_id, a.started_at, a.agent_id, a.disposition
        FROM call_attempt AS a JOIN call_list_member AS m USING (call_list_member_id) WHERE a.call_attempt_id = ?""",
        call_attempt_id,
    )
    if found is None:
        expected = "an id in table call_attempt"
        raise RefusedOperation("the call is in the store", f"call_attempt_id {call_attempt_id}", expected)
    member_id, customer_id, started_at, agent_id, ended = found
    if ended is not None:
        raise RefusedOperation("a call ends once", f"ended as {ended}", "a call that goes on")
    if by != agent_id:
        raise RefusedOperation("a call belongs to the agent who made it", f"by={by}", f"by={agent_id}")
    if at < started_at:
        raise RefusedOperation("a call ends after its start", at, f"{started_at} or later")
    # Merged while the call went on: what comes of it belongs to the surviving record.
    return member_id, operation.survivor(customer_id), started_at


def _opt_out(operation: Operation, member_id: int, disposition: str, at: str) -> None:
    (address_hash,) = operation.one(
        """SELECT address_hash FROM call_list_member JOIN contact_point USING (contact_point_id)
        WHERE call_list_member_id = ?""", member_id,
    )  # fmt: skip
    said = {"purpose": "marketing", "action": "opt_out", "reason": disposition, "source": "contact_centre", "at": at}
    operation.insert("consent", kind="phone", address_hash=address_hash, **said, operation_id=operation.operation_id)


def _move_on(operation: Operation, member_id: int, disposition: str, again: str | None) -> None:
    tries, most_tries = operation.one(
        """SELECT (SELECT count(*) FROM call_attempt WHERE call_list_member_id = m.call_list_member_id), l.most_tries
        FROM call_list_member AS m JOIN call_list AS l USING (call_list_id) WHERE m.call_list_member_id = ?""",
        member_id,
    )
    status = _FINAL.get(disposition, "unreached" if tries >= most_tries else "open")
    operation.update("call_list_member", "call_list_member_id", member_id, status=status, next_at=again,
                     operation_id=operation.operation_id)  # fmt: skip
