"""What a promotion's code gives at an order: who may use it, and the prices with its reduction.

The reduction is in the prices of the lines, and a row says which code took off how much. Case, spaces and hyphens in a
code are forgiven.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Sequence

from crmlab.operational.operation import Operation
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.sales.prices import PricedProduct

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

    def is_for(self, product: PricedProduct) -> bool:
        """Whether it takes something off this product. A bundle is reduced already."""
        if product.type == "bundle":
            return False
        return self.product_id in (None, product.product_id) and self.category in (None, product.category)


def normalise_code(code: str) -> str:
    """A code as the store keeps it: capitals, without spaces and hyphens.

    >>> normalise_code(" spring-10 ")
    'SPRING10'
    """
    if not isinstance(code, str):
        raise RefusedOperation("a code is a text", repr(code), "for example 'SPRING10'")
    return "".join(unicodedata.normalize("NFKC", code).upper().replace("-", "").split())


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
        """SELECT customer_id, order_id FROM v_promotion_redemption
        WHERE promotion_id = ? AND ifnull(given_back_at, '9999') > ?""",
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


def reduced_prices(
    promotion: Promotion, lines: Sequence[tuple[PricedProduct, int]]
) -> tuple[list[list[tuple[int, int]]], int]:
    """The quantities and unit prices (cents) that each line of an order becomes, and what was taken off.

    ``lines``: product and quantity of each. A percentage is taken off each piece, to the nearest cent (a half goes up).
    An amount is spread over the pieces in proportion to their price; where that leaves pieces of one line with two
    prices, the line becomes two, so that the sum is exact.

    Raises ``RefusedOperation`` where nothing in the order is what the promotion is for, or the order is too small.
    """
    reducible = [(product, quantity) for product, quantity in lines if promotion.is_for(product)]
    if not reducible:
        found = f"{promotion.code} for products {sorted(product.product_id for product, _ in lines)}"
        wanted = f"product_id {promotion.product_id}"
        if promotion.product_id is None:
            wanted = "what is no bundle" if promotion.category is None else f"category {promotion.category}"
        raise RefusedOperation("a code is used for what its promotion is for", found, wanted)
    total = sum(quantity * product.list_price_cents for product, quantity in lines)
    if total < promotion.least_order_cents:
        raise RefusedOperation("a code is used from its least order on", f"{total} cents at list prices",
                               f"{promotion.least_order_cents} cents or more")  # fmt: skip
    left = promotion.amount_off_cents or 0
    worth = sum(quantity * product.list_price_cents for product, quantity in reducible)
    reduced: list[list[tuple[int, int]]] = []
    for product, quantity in lines:
        price = product.list_price_cents
        if not promotion.is_for(product):
            reduced.append([(quantity, price)])
        elif promotion.percent_off is not None:
            reduced.append([(quantity, product.price_with(promotion.percent_off))])
        else:
            # What is left, in proportion to what this line is of the rest: so the last one takes what remains.
            off = min(left * quantity * price // worth if worth else 0, quantity * price)
            left, worth = left - off, worth - quantity * price
            off_each, one_cent_more = divmod(off, quantity)
            pieces = [(quantity - one_cent_more, price - off_each), (one_cent_more, price - off_each - 1)]
            reduced.append([each for each in pieces if each[0]])
    return reduced, total - sum(quantity * price for pieces in reduced for quantity, price in pieces)
