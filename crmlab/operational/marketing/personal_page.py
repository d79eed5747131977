"""Personalised web pages: what a visitor sees follows from what the visitor did, and each view is kept (lesson 08).

Half of the visitors, by lot, get the standard page: without them nobody could say what the personal one adds. Who
refuses cookies is not followed: no id is kept, and the page is the standard one. Of whom nothing is known yet, the page
shows the offer for strangers (the **cold start**).
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping

import pandas as pd

from crmlab.operational.marketing.messages import render_message
from crmlab.operational.moments import moment
from crmlab.operational.operation import CUSTOMER, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

#: The kind of visitor of whom nothing is known.
STRANGER = "stranger"

PAGE = """<h1>{{ greeting }}</h1>
<p>{{ reason }}: <b>{{ product }}</b>, {{ price }} euro.</p>"""
BEST_SELLER, CHOSEN = "Our best seller", "Chosen for you"
VARIANTS = ("standard", "personal")


def page_variant(visitor_id: int | None, seed: int, personal_share: float = 0.5) -> str:
    """The variant of a visitor, by lot: the same at each visit, and another lot for another ``seed``.

    Without a ``visitor_id`` (no cookies) it is "standard".

    >>> page_variant(None, seed=1)
    'standard'
    >>> page_variant(7, seed=1) == page_variant(7, seed=1)
    True
    """
    if not 0 <= personal_share <= 1:
        raise RefusedOperation("a share is from 0 to 1", repr(personal_share), "personal_share from 0 to 1")
    if visitor_id is None:
        return "standard"
    drawn = hashlib.sha256(f"page {seed} visitor {whole_number('visitor_id', visitor_id)}".encode()).digest()
    return "personal" if int.from_bytes(drawn[:8], "big") < personal_share * 2**64 else "standard"


def show_page(
    store: Store,
    at: str | datetime.date,
    offers: Mapping[str, int],
    *,
    visitor_id: int | None = None,
    customer_id: int | None = None,
    cookie_consent: bool,
    segment: str = STRANGER,
    variant: str,
) -> dict[str, object]:
    """Put a page together for a visitor, and keep the view.

    Parameters
    ----------
    offers: segment -> product_id; "stranger" must be among them. The standard page shows the stranger's offer to all.
    segment: the kind of visitor, from behaviour; one that ``offers`` does not know gets the stranger's offer.
    visitor_id, customer_id: of the device, and from the login on of the customer. Only with ``cookie_consent``.
    variant: "standard" or "personal": see ``page_variant``.

    Returns the rows written, ``operation_log, page_view``, and the page as text under ``html``. Raises
    ``RefusedOperation`` for an id or a personal page without consent, and for offers without one for strangers.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     view = show_page(store, "2026-01-05 20:00", {"stranger": 2, "machine": 22}, visitor_id=7,
    ...                      cookie_consent=True, segment="machine", variant="personal")
    >>> print(view["html"])
    <h1>Guten Tag,</h1>
    <p>Chosen for you: <b>Descaler 500 ml</b>, 11.40 euro.</p>
    """
    at = moment(at)
    if STRANGER not in offers:
        raise RefusedOperation(
            "there is an offer for strangers", f"offers for {', '.join(offers)}", f"also {STRANGER!r}"
        )
    if not isinstance(cookie_consent, bool):
        raise RefusedOperation("cookie_consent is yes or no", repr(cookie_consent), "True or False")
    if variant not in VARIANTS:
        raise RefusedOperation("a page has a known variant", repr(variant), ", ".join(VARIANTS))
    seen_as = segment if variant == "personal" and segment in offers else STRANGER
    visitor_id = None if visitor_id is None else whole_number("visitor_id", visitor_id)
    with running_operation(store, "show_page", at, CUSTOMER, customer_id if cookie_consent else None) as operation:
        product_id = whole_number("product_id", offers[seen_as])
        operation.insert(
            "page_view",
            viewed_at=at,
            cookie_consent=int(cookie_consent),
            visitor_id=visitor_id,
            customer_id=None if customer_id is None else operation.unmerged(whole_number("customer_id", customer_id)),
            variant=variant,
            segment=segment,
            product_id=product_id,
            operation_id=operation.operation_id,
        )
        facts = _facts(operation, product_id, customer_id, at)
        facts["reason"] = BEST_SELLER if seen_as == STRANGER else CHOSEN
    return {**operation.written, "html": render_message(PAGE, facts, is_html=True)}


def _facts(operation, product_id: int, customer_id: int | None, at: str) -> dict[str, object]:
    name, cents = operation.one(
        """SELECT name, list_price_cents FROM product JOIN price USING (product_id)
        WHERE product_id = ? AND valid_from <= ? ORDER BY valid_from DESC LIMIT 1""",
        product_id, at[:10],
    ) or (None, None)  # fmt: skip
    if name is None:
        found = f"product_id {product_id} on {at[:10]}"
        raise RefusedOperation("a page offers what is sold", found, "a product with a price on that day")
    facts = {"product": name, "price": f"{cents / 100:.2f}"}
    if customer_id is not None:
        known = operation.one("SELECT first_name, language FROM customer WHERE customer_id = ?", customer_id)
        facts |= dict(zip(("first_name", "language"), known, strict=True))
    return facts


def click_page(store: Store, page_view_id: int, at: str | datetime.date) -> dict[str, pd.DataFrame]:
    """Note that the offer of a view was clicked. Returns the rows written: ``operation_log, page_view``.

    Raises ``RefusedOperation`` for an unknown view, a second click, or a click before the view.
    """
    at = moment(at)
    page_view_id = whole_number("page_view_id", page_view_id)
    with running_operation(store, "click_page", at, CUSTOMER) as operation:
        if operation.one("SELECT 1 FROM page_view WHERE page_view_id = ?", page_view_id) is None:
            found = f"page_view_id {page_view_id}"
            raise RefusedOperation("a click belongs to a view", found, "an id in table page_view")
        operation.update("page_view", "page_view_id", page_view_id, clicked_at=at)
    return operation.written


def page_clicks(store: Store) -> pd.DataFrame:
    """Views and clicks by variant, segment and offer: one row each, ``variant, segment, product_id, views, clicks``.

    Only views with consent: the others are all standard, and would be compared with people of another kind.
    """
    return store.sql(
        """SELECT variant, segment, product_id, count(*) AS views, count(clicked_at) AS clicks FROM page_view
        WHERE cookie_consent = 1 GROUP BY variant, segment, product_id ORDER BY variant, segment, product_id"""
    )
