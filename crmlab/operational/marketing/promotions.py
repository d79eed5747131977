"""Sales promotion: promotions with a code, that have days, a limit and one use a customer.

``place_order(..., promotion_code=...)`` redeems one: the reduction is in the prices of the lines, and a row says which code
took off how much. Case, spaces and hyphens in a code are forgiven. Whoever sends the whole order back gets the use
back, as long as the promotion runs; a part sent back leaves it used. Lesson 06 shows it.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import math
import unicodedata
from collections.abc import Iterable

import pandas as pd

from crmlab.operational.moments import day, moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

#: Personal codes are made of these: no letter or digit that is easily taken for another.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_LENGTH = 8

#: Who counts as one person: records that were merged, and records with the same e-mail address. The triggers of
#: ``55_promotion.sql`` say the same.
_SAME_SQL = """WITH RECURSIVE same (id) AS (
  SELECT ?
  UNION
  SELECT c.customer_id FROM same JOIN customer AS s ON s.customer_id = same.id
  JOIN customer AS c ON c.merged_into_id = s.customer_id OR c.customer_id = s.merged_into_id
    OR c.customer_id IN (
      SELECT q.customer_id FROM contact_point AS p JOIN contact_point AS q USING (address_hash)
      WHERE p.customer_id = s.customer_id AND p.kind = 'email' AND q.kind = 'email'))
SELECT id FROM same"""


@dataclasses.dataclass(frozen=True)
class Promotion:
    """A promotion that may be used: its code and what it gives, as in the table ``promotion``."""

    promotion_code_id: int
    promotion_id: int
    code: str
    customer_id: int | None
    percent_off: int | None
    amount_off_cents: int | None
    product_id: int | None
    category: str | None
    least_order_cents: int
    valid_from: str
    valid_until: str

    def is_for(self, product_id: int, category: str) -> bool:
        """Whether it takes something off this product."""
        return self.product_id in (None, product_id) and self.category in (None, category)


def normalise_code(code: str) -> str:
    """A code as the store keeps it: capitals, without spaces and hyphens.

    >>> normalise_code(" spring-10 ")
    'SPRING10'
    """
    if not isinstance(code, str):
        raise RefusedOperation("a code is a text", repr(code), "for example 'SPRING10'")
    return "".join(unicodedata.normalize("NFKC", code).upper().replace("-", "").split())


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

    Returns the rows written: ``operation_log, promotion``, and ``promotion_code`` with a code. Raises ``RefusedOperation``.

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

    Returns the rows written: ``operation_log, promotion_code``. Raises ``RefusedOperation``: an unknown promotion, an unknown
    or merged customer.
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


def same_person(operation: Operation, customer_id: int) -> set[int]:
    """The customer numbers behind which, as far as anybody can see, the same person stands."""
    return {each for (each,) in operation.all(_SAME_SQL, customer_id)}


def usable_promotion(operation: Operation, code: str, customer_id: int, at: str) -> Promotion:
    """The promotion behind a code that this customer may use at this moment.

    Raises ``RefusedOperation`` with the reason: unknown, not yet or no longer valid, another person's, used up. The
    database looks again when the use is written.
    """
    names = ", ".join(field.name for field in dataclasses.fields(Promotion))
    typed = normalise_code(code)
    row = operation.one(f"SELECT {names} FROM promotion_code JOIN promotion USING (promotion_id) WHERE code = ?", typed)
    if row is None:
        raise RefusedOperation("a code is one that was given out", repr(code), "another spelling")
    promotion = Promotion(*row)
    if at[:10] < promotion.valid_from:
        raise RefusedOperation("a code is not used before its first day", f"{typed} on {at[:10]}", promotion.valid_from)
    if at[:10] > promotion.valid_until:
        raise RefusedOperation("a code is not used after its last day", f"{typed} on {at[:10]}", promotion.valid_until)
    same = same_person(operation, customer_id)
    if promotion.customer_id is not None and promotion.customer_id not in same:
        raise RefusedOperation("a personal code is used by its own customer", f"{typed} by customer_id {customer_id}",
                               "the customer to whom it was given")  # fmt: skip
    per_customer, most = operation.one("SELECT uses_per_customer, most_uses FROM promotion WHERE promotion_id = ?",
                                       promotion.promotion_id)  # fmt: skip
    uses = operation.all(
        "SELECT customer_id, order_id FROM v_promotion_redemption WHERE promotion_id = ? AND ifnull(given_back_at, '9999') > ?",
        promotion.promotion_id, at,
    )  # fmt: skip
    own = [order_id for user, order_id in uses if user in same]
    if len(own) >= per_customer:
        rule = "a promotion is used no more often by one person"
        raise RefusedOperation(rule, f"{typed} at order {own[-1]}", f"{per_customer} use(s) a customer")
    if most is not None and len(uses) >= most:
        raise RefusedOperation(
            "a promotion is used no more often than its limit", f"{len(uses)} uses", f"{most} in all"
        )
    return promotion


def reduced_lines(
    promotion: Promotion, lines: list[tuple[int, int, int, str]]
) -> tuple[list[tuple[int, int, int]], int]:
    """The lines of an order at reduced prices, and what was taken off.

    ``lines``: product_id, quantity, list price (cents) and category of each. A percentage is taken off each piece, to
    the nearest cent (a half goes up). An amount is spread over the pieces in proportion to their price; where that
    leaves pieces of one line with two prices, the line becomes two, so that the sum is exact.

    Raises ``RefusedOperation`` where nothing in the order is what the promotion is for, or the order is too small.
    """
    if not any(promotion.is_for(product_id, category) for product_id, _, _, category in lines):
        found = f"{promotion.code} for products {sorted(product_id for product_id, *_ in lines)}"
        wanted = (
            f"category {promotion.category}" if promotion.product_id is None else f"product_id {promotion.product_id}"
        )
        raise RefusedOperation("a code is used for what its promotion is for", found, wanted)
    total = sum(quantity * price for _, quantity, price, _ in lines)
    if total < promotion.least_order_cents:
        raise RefusedOperation("a code is used from its least order on", f"{total} cents at list prices",
                               f"{promotion.least_order_cents} cents or more")  # fmt: skip
    reduced = []
    left = promotion.amount_off_cents or 0
    worth = sum(
        quantity * price for product_id, quantity, price, category in lines if promotion.is_for(product_id, category)
    )
    for product_id, quantity, price, category in lines:
        if not promotion.is_for(product_id, category):
            reduced.append((product_id, quantity, price))
        elif promotion.percent_off is not None:
            reduced.append((product_id, quantity, (price * (100 - promotion.percent_off) + 50) // 100))
        else:
            # What is left, in proportion to what this line is of the rest: so the last one takes what remains.
            off = min(left * quantity * price // worth if worth else 0, quantity * price)
            left, worth = left - off, worth - quantity * price
            off_each, one_cent_more = divmod(off, quantity)
            reduced.append((product_id, quantity - one_cent_more, price - off_each))
            if one_cent_more:
                reduced.append((product_id, one_cent_more, price - off_each - 1))
    return reduced, total - sum(quantity * price for _, quantity, price in reduced)


@dataclasses.dataclass(frozen=True)
class PromotionReport:
    """What became of a promotion. ``redemption_rate``: uses that stand, over codes given out to persons, or for a code for
    everybody over the messages of its campaign; missing where neither is known."""

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
