"""Sales promotion: promotions with a code, that have days, a limit and one use a customer.

``place_order(..., promotion_code=...)`` redeems one. Whoever sends the whole order back gets the use back, as long as
the promotion runs; a part sent back leaves it used. Lesson 06 shows it.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import math
from collections.abc import Iterable

import pandas as pd

from crmlab.operational.marketing.promotion_codes import normalise_code
from crmlab.operational.moments import day, moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

#: Personal codes are made of these: no letter or digit that is easily taken for another.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_LENGTH = 8


def create_promotion(
    store: Store,
    name: str,
    *,
    valid_from: str | datetime.date,
    valid_until: str | datetime.date,
    at: str | datetime.date,
    code: str | None = None,
    percent_off: int | None = None,
    amount_off_cents: int | None = None,
    product_id: int | None = None,
    category: str | None = None,
    target_list_id: int | None = None,
    campaign_id: int | None = None,
    least_order_cents: int = 0,
    uses_per_customer: int = 1,
    most_uses: int | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Make a promotion.

    Parameters
    ----------
    percent_off, amount_off_cents: one of the two, off the list prices of what it is for.
    product_id, category: what it is for; all in the order unless given.
    target_list_id: whom it is for: members of a run of this list; everybody unless given.
    code: a code for everybody. Without one, ``issue_codes`` gives each customer a code of their own.
    most_uses: of all customers together.

    Returns the rows written: ``operation_log, promotion``, and ``promotion_code`` with a code. Raises
    ``RefusedOperation``.

    >>> from crmlab.operational import open_store, place_order
    >>> with open_store() as store:
    ...     made = create_promotion(store, "Spring", code="SPRING10", percent_off=10, valid_from="2026-03-01",
    ...                         valid_until="2026-03-31", at="2026-02-20")
    ...     order = place_order(store, 17, [(1, 2)], channel="web", at="2026-03-05", promotion_code="spring 10")
    >>> order["promotion_redemption"]["discount_cents"].item() > 0
    True
    """
    at = moment(at)
    with running_operation(store, "create_promotion", at, actor_of(by)) as operation:
        known = operation.all("SELECT DISTINCT category FROM product ORDER BY category")
        if category is not None and (category,) not in known:
            rule = "a promotion is for a known category"
            raise RefusedOperation(rule, repr(category), ", ".join(each for (each,) in known))
        promotion_id = operation.insert(
            "promotion",
            name=name,
            percent_off=percent_off,
            amount_off_cents=amount_off_cents,
            product_id=product_id,
            category=category,
            target_list_id=target_list_id,
            campaign_id=campaign_id,
            least_order_cents=least_order_cents,
            valid_from=day(valid_from),
            valid_until=day(valid_until),
            uses_per_customer=uses_per_customer,
            most_uses=most_uses,
            operation_id=operation.operation_id,
        )
        if code is not None:
            _insert_code(operation, promotion_id, normalise_code(code), None)
    return operation.written


def _insert_code(operation: Operation, promotion_id: int, code: str, customer_id: int | None) -> None:
    operation.insert(
        "promotion_code",
        promotion_id=promotion_id,
        code=code,
        customer_id=customer_id,
        operation_id=operation.operation_id,
    )


def personal_code(seed: int, promotion_id: int, customer_id: int, attempt: int = 0) -> str:
    """A code that nobody guesses who does not know the seed.

    >>> personal_code(1, 1, 17)
    'JR4ACW2Z'
    """
    digest = hashlib.sha256(f"{seed}\n{promotion_id}\n{customer_id}\n{attempt}".encode()).digest()
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(_LENGTH):
        number, position = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[position])
    return "".join(letters)


def issue_codes(
    store: Store,
    promotion_id: int,
    customers: Iterable[int],
    at: str | datetime.date,
    *,
    seed: int,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Give customers a code of their own; who has one of this promotion keeps it.

    Returns the rows written: ``operation_log, promotion_code``. Raises ``RefusedOperation``: an unknown promotion, an
    unknown or merged customer.
    """
    at, promotion_id = moment(at), whole_number("promotion_id", promotion_id)
    seed = whole_number("seed", seed, least=0)
    wanted = [whole_number("customer_id", each) for each in dict.fromkeys(customers)]
    with running_operation(store, "issue_codes", at, actor_of(by)) as operation:
        if operation.one("SELECT 1 FROM promotion WHERE promotion_id = ?", promotion_id) is None:
            raise RefusedOperation(
                "the promotion is in the store", f"promotion_id {promotion_id}", "an id in table promotion"
            )
        taken = {code for (code,) in operation.all("SELECT code FROM promotion_code")}
        have = operation.all("SELECT customer_id FROM promotion_code WHERE promotion_id = ?", promotion_id)
        for customer_id in wanted:
            if (customer_id,) in have:
                continue
            operation.unmerged(customer_id)
            attempts = (personal_code(seed, promotion_id, customer_id, attempt) for attempt in range(1000))
            code = next(each for each in attempts if each not in taken)
            taken.add(code)
            _insert_code(operation, promotion_id, code, customer_id)
    operation.written.setdefault("promotion_code", store.sql("SELECT * FROM promotion_code WHERE 0"))
    return operation.written


@dataclasses.dataclass(frozen=True)
class PromotionReport:
    """What became of a promotion. ``redemption_rate``: uses that stand, over codes given out to persons, or for a code
    for everybody over the messages of its campaign; missing where neither is known."""

    promotion_id: int
    issued_count: int
    used_count: int
    given_back_count: int
    redemption_rate: float
    discount_cents: int
    revenue_cents: int


def promotion_report(store: Store, promotion_id: int) -> PromotionReport:
    """Report what became of a promotion up to now. ``revenue_cents`` and ``discount_cents`` are those of the uses that
    stand, before part returns.

    Raises ``RefusedOperation`` for an unknown promotion.
    """
    promotion_id = whole_number("promotion_id", promotion_id)
    found = store.sql("SELECT campaign_id FROM promotion WHERE promotion_id = ?", [promotion_id])
    if found.empty:
        raise RefusedOperation(
            "the promotion is in the store", f"promotion_id {promotion_id}", "an id in table promotion"
        )
    uses = store.sql(
        """SELECT r.given_back_at IS NOT NULL AS is_given_back, r.discount_cents, o.amount_cents
        FROM v_promotion_redemption AS r JOIN v_order AS o USING (order_id) WHERE r.promotion_id = ?""", [promotion_id],
    )  # fmt: skip
    stands = uses[uses["is_given_back"] == 0]
    issued = int(
        store.sql("SELECT count(customer_id) AS n FROM promotion_code WHERE promotion_id = ?", [promotion_id])[
            "n"
        ].item()
    )
    told = issued
    if not issued and pd.notna(found["campaign_id"].item()):
        query = "SELECT count(*) AS n FROM campaign_member WHERE campaign_id = ? AND status = 'sent'"
        told = int(store.sql(query, [found["campaign_id"].item()])["n"].item())
    return PromotionReport(
        promotion_id=promotion_id,
        issued_count=issued,
        used_count=len(stands),
        given_back_count=len(uses) - len(stands),
        redemption_rate=len(stands) / told if told else math.nan,
        discount_cents=int(stands["discount_cents"].sum()),
        revenue_cents=int(stands["amount_cents"].sum()),
    )
