"""Rules that the store's triggers keep about promotions: each with statements, the last of which breaks it.

``test_store.py`` runs them, with those of the other tables, against a store with nothing but its company in it.
"""

_AT = "2026-03-05T10:00:00"
_PROMOTION_COLUMNS = (
    "promotion_id, name, percent_off, amount_off_cents, category, target_list_id, least_order_cents, most_uses"
)


def _promotion(percent="10", amount="NULL", category="NULL", target_list="NULL", least="0", most="NULL", verb="INSERT"):
    values = f"1, 'Spring', {percent}, {amount}, {category}, {target_list}, {least}, {most}"
    return (f"{verb} INTO promotion ({_PROMOTION_COLUMNS}, valid_from, valid_until, operation_id) "
            f"VALUES ({values}, '2026-03-01', '2026-03-31', 1)")  # fmt: skip


def _code(owner="NULL", verb="INSERT"):
    return f"{verb} INTO promotion_code VALUES (1, 1, 'SPRING10', {owner}, 1)"


def _order(number, customer=1, at=_AT):
    return [
        "INSERT INTO sales_order (order_id, customer_id, ordered_at, channel, operation_id) "
        f"VALUES ({9_000_000 + number}, {customer}, '{at}', 'web', 1)",
        "INSERT INTO order_line (order_id, product_id, quantity, unit_price_cents, unit_cost_cents) "
        f"VALUES ({9_000_000 + number}, 1, 1, 900, 500)",
    ]


def _use(number, customer=1, at=_AT, discount=100, verb="INSERT"):
    return (f"{verb} INTO promotion_redemption (promotion_code_id, order_id, customer_id, redeemed_at, discount_cents, "
            f"operation_id) VALUES (1, {9_000_000 + number}, {customer}, '{at}', {discount}, 1)")  # fmt: skip


_READY = [_promotion(), _code()]
_LATE = "2026-04-01T00:00:00"
_LIST = "INSERT INTO target_list VALUES (1, 'a', 'email', 'marketing', '[]', '[]', NULL, 1)"

RULES = [
    ("a use of a code is never replaced", [*_READY, *_order(1), _use(1), _use(1, verb="INSERT OR REPLACE")]),
    ("a code is used at an order of the same customer and moment", [*_READY, *_order(1), _use(1, customer=2)]),
    ("a code is used at an order of the same customer and moment", [*_READY, *_order(1), _use(1, at=_LATE)]),
    ("a code is used within its days", [*_READY, *_order(1, at=_LATE), _use(1, at=_LATE)]),
    ("a personal code is used by its own customer",
     [_promotion(), _code("(SELECT max(customer_id) FROM customer)"), *_order(1), _use(1)]),
    ("a promotion for a list is used by those on it",
     [_LIST, _promotion(target_list="1"), _code(), *_order(1), _use(1)]),
    ("a promotion is used no more often by one person", [*_READY, *_order(1), *_order(2), _use(1), _use(2)]),
    ("a promotion is used no more often than its limit",
     [_promotion(most="1"), _code(), *_order(1), *_order(2, "(SELECT max(customer_id) FROM customer)"), _use(1),
      _use(2, "(SELECT max(customer_id) FROM customer)")]),
    ("a code is used for what its promotion is for", [_promotion(category="'machine'"), _code(), *_order(1), _use(1)]),
    ("a code is used from its least order on", [_promotion(least="1001"), _code(), *_order(1), _use(1)]),
    ("no more is taken off than the promotion gives", [_promotion("NULL", "99"), _code(), *_order(1), _use(1)]),
    ("a use of a code is never changed",
     [*_READY, *_order(1), _use(1), "UPDATE promotion_redemption SET discount_cents = 0"]),
    ("a use of a code is never deleted", [*_READY, *_order(1), _use(1), "DELETE FROM promotion_redemption"]),
    ("a promotion is made once", [*_READY, _promotion(verb="INSERT OR REPLACE")]),
    ("a promotion stays as it was made", [*_READY, "UPDATE promotion SET valid_until = '2030-12-31'"]),
    ("a promotion stays as it was made", [*_READY, "DELETE FROM promotion"]),
    ("a code is given out once", [*_READY, _code(verb="INSERT OR REPLACE")]),
    ("a code stays as it was given out", [*_READY, "UPDATE promotion_code SET customer_id = 1"]),
    ("a code stays as it was given out", [*_READY, "DELETE FROM promotion_code"]),
]  # fmt: skip
