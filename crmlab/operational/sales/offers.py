"""Offers: something that goes with it (cross-selling), or the next grade of it (up-selling). Lesson 08.

An offer is made at the cart, or after a purchase: a machine today, a care plan next week. It says why it is made. Who
owns a thing that lasts is not offered it again, nothing is offered that cannot be had, and each offer that was shown
is kept with what became of it: those who declined are the denominator.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pandas as pd

from crmlab.operational.moments import moment
from crmlab.operational.operation import Operation, actor_of, running_operation, whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.sales.prices import priced
from crmlab.operational.store import Store

PLACES = ("cart", "after_purchase")
KINDS = ("cross_sell", "up_sell")

# What lasts carries a warranty; a care plan is owned while it runs. Parts of a bundle are owned with it, also where an
# old order names the bundle only.
_OWNED = """
WITH person (customer_id) AS (SELECT customer_id FROM v_customer WHERE surviving_customer_id = :customer_id),
bought (product_id) AS (
  SELECT product_id FROM order_line AS l JOIN sales_order USING (order_id) JOIN person USING (customer_id)
  WHERE ordered_at <= :at AND quantity >
    (SELECT ifnull(sum(quantity), 0) FROM order_return AS r
     WHERE r.order_line_id = l.order_line_id AND returned_at <= :at)),
with_parts (product_id) AS (
  SELECT product_id FROM bought
  UNION SELECT to_product_id FROM product_link JOIN bought ON product_id = from_product_id WHERE kind = 'bundle_item')
SELECT product_id FROM with_parts JOIN product USING (product_id) WHERE warranty_months > 0
UNION
SELECT product_id FROM service_contract JOIN person USING (customer_id)
WHERE start_date <= substr(:at, 1, 10) AND (end_date IS NULL OR end_date > substr(:at, 1, 10))
"""


def owned_products(store: Store, customer_id: int, at: str | datetime.date) -> set[int]:
    """What a customer owns and needs no second one of: things with a warranty, and care plans that run.

    All records of the person count. What was sent back is not owned. Beans and filters are used up: never owned.

    >>> from crmlab.operational import open_store, place_order
    >>> with open_store() as store:
    ...     _ = place_order(store, 17, [(11, 1), (2, 1)], channel="web", at="2026-01-05")
    ...     owned = owned_products(store, 17, "2026-01-06")
    >>> 11 in owned, 2 in owned
    (True, False)
    """
    query = {"customer_id": whole_number("customer_id", customer_id), "at": moment(at)}
    return set(store.sql(_OWNED, query)["product_id"])


def find_offers(
    store: Store,
    customer_id: int,
    cart: Sequence[int],
    at: str | datetime.date,
    *,
    rules: pd.DataFrame | None = None,
    kinds: Sequence[str] = KINDS,
) -> pd.DataFrame:
    """What could be offered to a customer with these products in the cart, or bought before; the best first.

    Parameters
    ----------
    cart: product ids.
    rules: what goes with what, from the analysts: ``product_id, offer_product_id`` and ``probability``, that the offer
        is taken. Without it the links that marketing keeps are used, each with the same probability of 1: then the
        offer with the highest margin comes first. Up-sells are always to marketing's next grade.
    kinds: which of "cross_sell" and "up_sell" are looked for.

    Left out are: what is in the cart or owned, what is out of stock, bundles and subscriptions, a plan or option that
    nothing in the cart or owned goes with, and an up-sell that brings no margin.

    Returns a frame, one row an offer, sorted by expected margin: ``kind, product_id, for_product_id, reason,
    list_price_cents, instead_price_cents, instead_cost_cents, price_gap_cents, margin_gain_cents, probability,
    expected_margin_cents``. A cross-sell's gap and gain are its own price and margin; an up-sell's are the differences
    to the simpler product. Raises ``RefusedOperation`` for an unknown customer or product.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     offers = find_offers(store, 17, [1], "2026-01-05")
    >>> offers[["kind", "product_id", "price_gap_cents", "reason"]].to_dict("records")[-1]["reason"]
    'Almond Biscuits goes well with House Blend 250 g'
    """
    at = moment(at)
    customer_id = whole_number("customer_id", customer_id)
    cart = [whole_number("product_id", each) for each in cart]
    with store.lock:
        reading = Operation(store.connection, 0)
        survivor = reading.survivor(customer_id)
        priced_in_cart = {each: priced(reading, each, at) for each in cart}
        names = dict(reading.all("SELECT product_id, name FROM product"))
        out = _out_of_stock(reading, at)
        links = _links(reading)
        owned = owned_products(store, survivor, at)
        found = []
        for kind, product_id, offer_id, probability in _candidates(cart, links, rules):
            there = set(cart) | owned
            if kind not in kinds:
                continue
            if offer_id in there or offer_id in out or not _goes_with(offer_id, links, there):
                continue
            if offer_id not in names:
                expected = "ids in table product"
                raise RefusedOperation("rules name products of the catalogue", f"product_id {offer_id}", expected)
            offer, simple = priced(reading, offer_id, at), priced_in_cart[product_id]
            if offer.type == "bundle" or offer.category == "subscription":
                continue
            instead = (simple.list_price_cents, simple.unit_cost_cents) if kind == "up_sell" else (0, 0)
            row = {"kind": kind, "product_id": offer_id, "for_product_id": product_id}
            row["reason"] = _reason(kind, names[offer_id], names[product_id], offer.list_price_cents - instead[0])
            row |= {"list_price_cents": offer.list_price_cents}
            row |= dict(zip(("instead_price_cents", "instead_cost_cents"), instead, strict=True))
            row["price_gap_cents"] = offer.list_price_cents - instead[0]
            row["margin_gain_cents"] = row["price_gap_cents"] - offer.unit_cost_cents + instead[1]
            row["probability"] = probability
            if kind == "cross_sell" or row["margin_gain_cents"] > 0:
                found.append(row)
    return _best_first(found)


_COLUMNS = ["kind", "product_id", "for_product_id", "reason", "list_price_cents", "instead_price_cents",
            "instead_cost_cents", "price_gap_cents", "margin_gain_cents", "probability"]  # fmt: skip


def _best_first(found: list[dict]) -> pd.DataFrame:
    offers = pd.DataFrame(found, columns=_COLUMNS)
    offers["expected_margin_cents"] = (offers["probability"] * offers["margin_gain_cents"]).astype("float64")
    by = ["expected_margin_cents", "product_id", "for_product_id"]
    offers = offers.sort_values(by, ascending=[False, True, True])
    # Two things in the cart can speak for one offer: the better reason is given.
    return offers.drop_duplicates("product_id", ignore_index=True)


def _out_of_stock(reading: Operation, at: str) -> set[int]:
    rows = reading.all(
        "SELECT product_id FROM stock_out WHERE out_from_at <= ? AND (out_until_at IS NULL OR out_until_at > ?)", at, at
    )
    return {product_id for (product_id,) in rows}


def _links(reading: Operation) -> dict[str, list[tuple[int, int]]]:
    links: dict[str, list[tuple[int, int]]] = {"up_sell": [], "cross_sell": [], "requires": [], "option": []}
    query = "SELECT kind, from_product_id, to_product_id FROM product_link ORDER BY from_product_id, to_product_id"
    for kind, product, other in reading.all(query):
        links.setdefault(kind, []).append((product, other))
    return links


def _candidates(cart: list[int], links: dict, rules: pd.DataFrame | None) -> list[tuple[str, int, int, float]]:
    held = set(cart)
    up = [("up_sell", product, better, 1.0) for product, better in links["up_sell"] if product in held]
    if rules is None:
        return up + [("cross_sell", product, other, 1.0) for product, other in links["cross_sell"] if product in held]
    missing = {"product_id", "offer_product_id", "probability"} - set(rules.columns)
    if missing:
        found = f"columns {', '.join(map(str, rules.columns))}"
        raise RefusedOperation("rules say what to offer and how likely it is taken", found, f"also {min(missing)}")
    wanted = rules[rules["product_id"].isin(held) & (rules["product_id"] != rules["offer_product_id"])]
    if not wanted["probability"].between(0, 1).all():
        raise RefusedOperation("a probability is from 0 to 1", wanted["probability"].tolist(), "0 to 1")
    ruled = wanted[["product_id", "offer_product_id", "probability"]].itertuples(index=False)
    likely = {(int(product), int(offer)): float(probability) for product, offer, probability in ruled}
    # An up-sell without a rule of its own has nothing that says how often it is taken.
    up = [(kind, product, better, likely[product, better]) for kind, product, better, _ in up
          if (product, better) in likely]  # fmt: skip
    instead = {(product, better) for _, product, better, _ in up}
    return up + [("cross_sell", *pair, share) for pair, share in likely.items() if pair not in instead]


def _goes_with(product_id: int, links: dict, there: set[int]) -> bool:
    """An option needs its machine, a plan one that it is for: what it requires, or what marketing links to it."""
    needs = {other for product, other in links["requires"] if product == product_id}
    fits = {product for product, other in links["option"] if other == product_id}
    if not needs and not fits:
        return True
    linked = {product for product, other in links["cross_sell"] if other == product_id}
    return bool((needs | fits | linked) & there)


def _reason(kind: str, offer: str, product: str, gap_cents: int) -> str:
    if kind == "cross_sell":
        return f"{offer} goes well with {product}"
    return f"{offer} instead of {product}, for {gap_cents / 100:.2f} euro more"


def show_offers(
    store: Store,
    customer_id: int,
    cart: Sequence[int],
    at: str | datetime.date,
    *,
    place: str = "cart",
    k: int = 1,
    rules: pd.DataFrame | None = None,
    by: int | None = None,
) -> dict[str, pd.DataFrame]:
    """Show a customer the ``k`` best offers (see ``find_offers``), and keep what was shown.

    place: ``cart``, or ``after_purchase``: then ``cart`` holds what was bought, and only cross-sells are shown, since
        who has just bought a thing does not want a better one. Offers shown earlier at that place and
        not answered count as declined. ``by`` is the staff id of who makes the offer; none on the web.

    Returns the rows written: ``operation_log``, and ``offer``, with the status ``shown``, and ``declined`` for those
    shown before. There is no ``offer`` where nothing was fit to offer and none was open.

    >>> from crmlab.operational import open_store, place_order
    >>> with open_store() as store:
    ...     shown = show_offers(store, 17, [13], at="2026-01-05 10:00", k=2)["offer"]
    ...     order = place_order(store, 17, [(13, 1)], "web", at="2026-01-05 10:01", accepts=shown["offer_id"][:1])
    >>> order["order_line"]["sold_as"].to_list(), order["offer"]["status"].to_list()
    (['up_sell'], ['accepted', 'declined'])
    """
    at = moment(at)
    if place not in PLACES:
        raise RefusedOperation("an offer is made at a known place", repr(place), ", ".join(PLACES))
    k = whole_number("k", k)
    kinds = KINDS if place == "cart" else ("cross_sell",)
    best = find_offers(store, customer_id, cart, at, rules=rules, kinds=kinds).head(k)
    with running_operation(store, "show_offers", at, actor_of(by), customer_id) as operation:
        operation.unmerged(customer_id)
        before = operation.all(
            "SELECT offer_id FROM offer WHERE customer_id = ? AND place = ? AND status = 'shown' AND shown_at <= ?",
            customer_id, place, at,
        )  # fmt: skip
        for (offer_id,) in before:
            operation.update("offer", "offer_id", offer_id, status="declined", answered_at=at)
        shown = best.drop(columns=["price_gap_cents", "margin_gain_cents", "probability", "expected_margin_cents"])
        for row in shown.to_dict("records"):
            operation.insert("offer", customer_id=customer_id, place=place, shown_at=at,
                             operation_id=operation.operation_id, **row)  # fmt: skip
    return operation.written


def offer_report(store: Store) -> pd.DataFrame:
    """What offers brought: one row a kind and place.

    Columns: ``kind, place, shown`` (offers), ``accepted`` (offers), ``acceptance`` (of those answered),
    ``revenue_cents`` and ``margin_cents`` (due to accepted offers: of an up-sell the difference to the simpler product;
    pieces that came back count nothing). Margin due to an offer is not all its effect: some would have bought the same
    without it, which only a hold-out group tells.

    >>> from crmlab.operational import open_store
    >>> with open_store() as store:
    ...     len(offer_report(store))
    0
    """
    return store.sql(
        """SELECT f.kind, f.place, count(*) AS shown, sum(f.status = 'accepted') AS accepted,
          1.0 * sum(f.status = 'accepted') / nullif(sum(f.status <> 'shown'), 0) AS acceptance,
          ifnull(sum(g.revenue_cents), 0) AS revenue_cents, ifnull(sum(g.margin_cents), 0) AS margin_cents
        FROM offer AS f LEFT JOIN v_offer_gain AS g USING (offer_id)
        GROUP BY f.kind, f.place ORDER BY f.kind, f.place"""
    )
