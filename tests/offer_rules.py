"""Rules that triggers keep about bundles, offers and pages: each with statements, the last of which breaks it.

``test_store.py`` runs them, with those of the other tables, against a store with nothing but its company in it.
"""

_LINE = (
    "INSERT INTO order_line (order_line_id, order_id, product_id, quantity, unit_price_cents, unit_cost_cents, "
    "parent_line_id) SELECT {}, order_id, {}, 1, {}, 0, {} FROM sales_order ORDER BY order_id LIMIT 1"
)
_BUNDLE = "(SELECT min(product_id) FROM product WHERE type = 'bundle')"
_PARENT, _PART = _LINE.format(900_001, _BUNDLE, 0, "NULL"), _LINE.format(900_002, 1, 500, 900_001)
_RETURN = (
    "INSERT INTO order_return (order_line_id, returned_at, quantity, refund_cents, reason, operation_id) "
    "VALUES ({}, '2026-01-08T00:00:00', 1, {}, 'defective', 1)"
)
_OFFER = (
    "INSERT INTO offer (offer_id, customer_id, kind, place, product_id, for_product_id, reason, list_price_cents, "
    "instead_price_cents, instead_cost_cents, shown_at, operation_id) "
    "VALUES (1, 1, '{}', '{}', 21, 1, 'goes with it', 450, {}, 0, '2026-01-05T10:00:00', 1)"
)
_SHOWN = _OFFER.format("cross_sell", "cart", 0)
_DECLINED = "UPDATE offer SET status = 'declined', answered_at = '2026-01-05T11:00:00'"
_VIEW = (
    "INSERT INTO page_view (page_view_id, viewed_at, cookie_consent, visitor_id, variant, segment, product_id, "
    "operation_id) VALUES (1, '2026-01-05T20:00:00', {}, {}, '{}', 'stranger', 2, 1)"
)
_SEEN = _VIEW.format(1, 7, "personal")

RULES = [
    ("a part belongs to a bundle of its own order", [_LINE.format(900_001, 1, 0, "NULL"), _PART]),
    ("a part belongs to a bundle of its own order", [_LINE.format(900_001, _BUNDLE, 500, "NULL"), _PART]),
    ("a part belongs to a bundle of its own order", [_PARENT, _PART, _LINE.format(900_003, 1, 500, 900_002)]),
    ("sold_as_is_known", [_LINE.format(900_001, 1, 0, "NULL").replace("parent_line_id)", "sold_as)").replace(
        "NULL", "'gift'")]),
    ("a bundle comes back by its parts", [_PARENT, _PART, _RETURN.format(900_001, 0)]),
    ("no more is refunded than was paid", [_PARENT, _PART, _RETURN.format(900_002, 501)]),
    ("an offer stays as it was shown", [_SHOWN, "UPDATE offer SET list_price_cents = 1"]),
    ("an offer is answered once", [_SHOWN, _DECLINED, _DECLINED]),
    ("an offer is never deleted", [_SHOWN, "DELETE FROM offer"]),
    ("an offer is accepted by a line of its customer, product and kind",
     [_SHOWN, "UPDATE offer SET status = 'accepted', answered_at = '2026-01-05T11:00:00', order_line_id = 1"]),
    ("an_accepted_offer_names_its_line",
     [_SHOWN, "UPDATE offer SET status = 'accepted', answered_at = '2026-01-05T11:00:00'"]),
    ("an_up_sell_is_made_at_the_cart", [_OFFER.format("up_sell", "after_purchase", 90)]),
    ("only_an_up_sell_is_instead_of_something", [_OFFER.format("cross_sell", "cart", 90)]),
    ("stock_is_back_after_it_ran_out",
     ["INSERT INTO stock_out VALUES (1, 1, '2026-01-05T10:00:00', '2026-01-05T10:00:00', 1)"]),
    ("a page view stays as it was shown", [_SEEN, "UPDATE page_view SET variant = 'standard'"]),
    ("a page view is never deleted", [_SEEN, "DELETE FROM page_view"]),
    ("a view counts one click",
     [_SEEN, *["UPDATE page_view SET clicked_at = '2026-01-05T20:01:00'"] * 2]),
    ("without_consent_no_id_is_kept", [_VIEW.format(0, 7, "standard")]),
    ("without_consent_the_page_is_the_standard_one", [_VIEW.format(0, "NULL", "personal")]),
]  # fmt: skip
