"""List generator: saved criteria, applied to the customers of a day, with how many are left after each filter.

Who meets the criteria and cannot be written to stands in the list with the reason, and so does the second record with
an address of the list: the first record made is written to. Lesson 05 shows it.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlab.operational.marketing.list_fields import FACTS_SQL, FIELDS
from crmlab.operational.marketing.suppression import NO_ADDRESS, Reach, first_records, reach
from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

COMPARISONS = ("=", "<>", "<", "<=", ">", ">=", "in", "includes", "is known", "is missing")
Criterion = tuple[str, str, Any]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _checked(criteria: Sequence[Criterion]) -> list[list[Any]]:
    rows = []
    for each in criteria:
        if not isinstance(each, tuple | list) or len(each) not in (2, 3):
            expected = "for example ('days_since_last_purchase', '<=', 365)"
            raise RefusedOperation("a criterion is a field, a comparison and a value", repr(each), expected)
        field, comparison, value = [*each, None][:3]
        if comparison not in COMPARISONS:
            raise RefusedOperation("a criterion has a known comparison", repr(comparison), ", ".join(COMPARISONS))
        if not isinstance(field, str) or not field.isidentifier():
            raise RefusedOperation("a criterion names a field", repr(field), ", ".join(FIELDS))
        if (comparison == "in") != isinstance(value, list | tuple | set):
            expected = "a list of values" if comparison == "in" else "one value; for several, 'in'"
            raise RefusedOperation("a criterion has a value that fits its comparison", repr(value), expected)
        value = sorted(map(_plain, value)) if comparison == "in" else _plain(value)
        rows.append([field, comparison, value])
    return rows


def save_target_list(
    store: Store,
    name: str,
    criteria: Sequence[Criterion],
    at: str | datetime.date,
    *,
    channel: str = "email",
    purpose: str = "marketing",
    sort_by: Sequence[tuple[str, str]] = (),
    most_members: int | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Save whom a list takes; ``build_list`` finds them.

    Parameters
    ----------
    criteria: triples of a field, a comparison and a value, all of which must hold. Fields: see ``FIELDS``, or a column
        of the scores that ``build_list`` is given. Comparisons: see ``COMPARISONS``; ``includes`` is for
        ``categories``. What is not known meets no comparison but ``is missing``.
    sort_by: pairs of a field and asc or desc; the customer's number decides between equals.
    most_members: how many are written to at most, from the front.

    Returns the rows written: ``operation_log, target_list``. Raises ``RefusedOperation``.

    >>> from crmlab.operational import build_list, open_store
    >>> with open_store() as store:
    ...     saved = save_target_list(store, "Lapsed", [("days_since_last_purchase", ">", 365)], at="2026-01-05")
    ...     built = build_list(store, saved["target_list"]["target_list_id"].item(), at="2026-01-05")
    >>> built["target_list_step"]["filter"].to_list()[:2]
    ['all customers', 'days_since_last_purchase > 365']
    """
    at, rows = moment(at), _checked(criteria)
    orders = [list(each) for each in sort_by]
    if not all(len(each) == 2 and str(each[0]).isidentifier() and each[1] in ("asc", "desc") for each in orders):
        raise RefusedOperation("a list is sorted by pairs of a field and a direction", repr(orders), "asc or desc")
    with running_operation(store, "save_target_list", at, actor_of(by)) as operation:
        operation.insert(
            "target_list",
            name=name,
            channel=channel,
            purpose=purpose,
            criteria=json.dumps(rows),
            sort_by=json.dumps(orders),
            most_members=None if most_members is None else whole_number("most_members", most_members),
            operation_id=operation.operation_id,
        )
    return operation.written


def _keep_scores(connection: sqlite3.Connection, scores: pd.DataFrame | None) -> list[str]:
    """The scores as a table beside the store; their columns."""
    if scores is None:
        connection.execute("CREATE TEMP TABLE list_score (customer_id INTEGER PRIMARY KEY)")
        return []
    if "customer_id" not in scores.columns or scores["customer_id"].duplicated().any():
        found = ", ".join(map(str, scores.columns))
        raise RefusedOperation("scores have one row a customer_id", found, "customer_id, each once, and scores")
    names = [str(name) for name in scores.columns if name != "customer_id"]
    wrong = [name for name in names if name in FIELDS or not name.isidentifier()]
    if wrong:
        raise RefusedOperation("a score has a name of its own", ", ".join(wrong), "a word that is no field of the list")
    columns = ", ".join(["customer_id INTEGER PRIMARY KEY", *(f'"{name}"' for name in names)])
    connection.execute(f"CREATE TEMP TABLE list_score ({columns})")
    values = [scores["customer_id"].tolist(), *(scores[name].astype(object).where(scores[name].notna(), None).tolist()
                                                for name in names)]  # fmt: skip
    marks = ", ".join("?" * len(values))
    connection.executemany(f"INSERT INTO list_score VALUES ({marks})", zip(*values, strict=True))
    return names


def _condition(field: str, comparison: str, value: Any) -> tuple[str, list[Any], str]:
    """A criterion as SQL, its parameters, and as one reads it."""
    if comparison in ("is known", "is missing"):
        return f'"{field}" IS {"NOT " if comparison == "is known" else ""}NULL', [], f"{field} {comparison}"
    if comparison == "in":
        marks = ", ".join("?" * len(value))
        return f'"{field}" IN ({marks})', list(value), f"{field} in {', '.join(map(str, value))}"
    if comparison == "includes":
        return f"instr(',' || \"{field}\" || ',', ',' || ? || ',') > 0", [value], f"{field} includes {value}"
    return f'"{field}" {comparison} ?', [value], f"{field} {comparison} {value}"


def _filtered(
    operation: Operation, at: str, criteria: list[list[Any]], sort_by: list[list[str]], scores: pd.DataFrame | None
) -> tuple[list[tuple[str, int]], list[int]]:
    """How many are left after each filter, and who, in order."""
    connection = operation.connection
    for table in ("list_score", "list_fact"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
    names = _keep_scores(connection, scores)
    unknown = sorted({each[0] for each in [*criteria, *sort_by]} - {*FIELDS, *names})
    if unknown:
        raise RefusedOperation("a list asks for known fields", ", ".join(unknown), ", ".join([*FIELDS, *names]))
    connection.execute(f"CREATE TEMP TABLE list_fact AS {FACTS_SQL}", {"at": at})
    source, where, values = "list_fact LEFT JOIN list_score USING (customer_id)", "1", []
    steps = [("all customers", operation.one("SELECT count(*) FROM list_fact")[0])]
    for criterion in criteria:
        condition, parameters, text = _condition(*criterion)
        where, values = f"{where} AND {condition}", values + parameters
        steps.append((text, operation.one(f"SELECT count(*) FROM {source} WHERE {where}", *values)[0]))
    order = ", ".join([*(f'"{field}" {direction} NULLS LAST' for field, direction in sort_by), "customer_id"])
    found = operation.all(f"SELECT customer_id FROM {source} WHERE {where} ORDER BY {order}", *values)
    for table in ("list_score", "list_fact"):
        connection.execute(f"DROP TABLE temp.{table}")
    return steps, [customer_id for (customer_id,) in found]


def build_list(
    store: Store, target_list_id: int, at: str | datetime.date, *, scores: pd.DataFrame | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Find the members of a saved list as of a time; each run is dated and kept.

    Parameters
    ----------
    scores: a frame with ``customer_id`` and columns that criteria may name: what the analytical side found out.

    Returns the rows written: ``operation_log, target_list_build, target_list_step`` (customers left after each
    filter), ``target_list_member`` (``status`` member, suppressed or duplicate, with the ``reason``). Raises
    ``RefusedOperation`` for an unknown list or field.
    """
    at, target_list_id = moment(at), whole_number("target_list_id", target_list_id)
    with running_operation(store, "build_list", at, actor_of(by)) as operation:
        saved = operation.one(
            "SELECT channel, purpose, criteria, sort_by, most_members FROM target_list WHERE target_list_id = ?",
            target_list_id,
        )
        if saved is None:
            found = f"target_list_id {target_list_id}"
            raise RefusedOperation("the list is in the store", found, "an id in table target_list")
        channel, purpose, criteria, sort_by, most = saved
        steps, customers = _filtered(operation, at, json.loads(criteria), json.loads(sort_by), scores)
        build_id = operation.insert(
            "target_list_build", target_list_id=target_list_id, built_at=at, operation_id=operation.operation_id
        )
        members = _judged(customers, reach(operation.connection, channel, purpose, at), most)
        reachable = sum(status != "suppressed" for _, status, *_ in members)
        steps.append(("can be written to", reachable))
        steps.append(("each address once", sum(status == "member" for _, status, *_ in members)))
        operation.connection.executemany(
            "INSERT INTO target_list_step VALUES (?, ?, ?, ?)",
            [(build_id, number, text, count) for number, (text, count) in enumerate(steps)],
        )
        operation.connection.executemany(
            "INSERT INTO target_list_member VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(build_id, position, *member) for position, member in enumerate(members, start=1)],
        )
        for table in ("target_list_step", "target_list_member"):
            operation.also_wrote(table, "target_list_build_id = ?", build_id)
    return operation.written


def _judged(customers: list[int], reached: dict[int, Reach], most: int | None) -> list[tuple[Any, ...]]:
    """The list in its order: customer, status, reason, address, and of whom it is a duplicate."""
    stands_for = first_records(customers, reached)
    rows, members = [], 0
    for customer_id in customers:
        how = reached.get(customer_id, NO_ADDRESS)
        first = stands_for.get(how.address_hash, customer_id)
        if how.reason is not None:
            rows.append((customer_id, "suppressed", how.reason, None, None))
        elif first != customer_id:
            rows.append((customer_id, "duplicate", "duplicate_address", None, first))
        elif most is None or members < most:
            members += 1
            rows.append((customer_id, "member", None, how.contact_point_id, None))
        else:
            break
    return rows
