"""Personal pages: by segment, with consent and a cold start, and every view kept."""

import sqlite3

import numpy as np
import pandas as pd
import pytest
from stores import store_fixture

from crmlab.operational import RefusedOperation, click_page, page_clicks, page_variant, show_page

AT = "2026-01-05 20:00"
OFFERS = {"stranger": 2, "machine": 22}


store = store_fixture(scope="module")


def show(store, **settings):
    usual = {"visitor_id": 7, "cookie_consent": True, "segment": "machine", "variant": "personal"}
    return show_page(store, AT, OFFERS, **{**usual, **settings})


def test_variants_are_halves_stay_with_the_visitor_and_change_with_the_seed():
    drawn = np.array([[page_variant(visitor, seed) == "personal" for visitor in range(1, 4001)] for seed in (1, 2)])
    assert abs(drawn.mean(axis=1) - 0.5).max() < 4 * 0.5 / np.sqrt(4000)
    assert abs(np.corrcoef(drawn)[0, 1]) < 4 / np.sqrt(4000)
    assert page_variant(np.int64(7), 1) == page_variant(7, 1)
    assert page_variant(7, 1, personal_share=1) == "personal" and page_variant(7, 1, personal_share=0) == "standard"


@pytest.mark.parametrize(
    ("settings", "product", "word"),
    [
        ({}, 22, "Chosen for you"),
        ({"variant": "standard"}, 2, "Our best seller"),
        ({"segment": "stranger"}, 2, "Our best seller"),
        ({"segment": "gift"}, 2, "Our best seller"),
        ({"visitor_id": None, "cookie_consent": False, "variant": "standard"}, 2, "Our best seller"),
    ],
)
def test_what_is_shown_is_kept(store, settings, product, word):
    page = show(store, **settings)
    row = page["page_view"].iloc[0]
    assert row["product_id"] == product and pd.isna(row["clicked_at"])
    assert word in page["html"]


def test_a_known_customer_is_greeted_by_name(store):
    named = store.sql("SELECT customer_id, first_name FROM customer WHERE merged_into_id IS NULL LIMIT 1").iloc[0]
    assert named["first_name"] in show(store, customer_id=int(named["customer_id"]))["html"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cookie_consent": False, "variant": "standard"}, "without consent no id is kept"),
        ({"cookie_consent": False, "visitor_id": None}, "without consent the page is the standard one"),
        ({"visitor_id": None}, "with consent the device is known"),
        ({"variant": "other"}, "known variant"),
        ({"cookie_consent": 1}, "yes or no"),
    ],
)
def test_what_is_refused_is_not_kept(store, settings, message):
    before = store.sql("SELECT count(*) FROM page_view").iloc[0, 0]
    with pytest.raises(RefusedOperation, match=message):
        show(store, **settings)
    assert store.sql("SELECT count(*) FROM page_view").iloc[0, 0] == before


def test_without_consent_the_customer_stands_nowhere(store):
    with pytest.raises(RefusedOperation, match="without consent no id"):
        show(store, visitor_id=None, customer_id=1, cookie_consent=False, variant="standard")


def test_offers_need_one_for_strangers(store):
    with pytest.raises(RefusedOperation, match="offer for strangers"):
        show_page(store, AT, {"machine": 22}, visitor_id=7, cookie_consent=True, variant="personal")


def test_a_view_counts_one_click_after_it(store):
    before = page_clicks(store)["clicks"].sum()
    view = show(store)["page_view"]["page_view_id"].item()
    with pytest.raises(RefusedOperation, match="clicked after it was viewed"):
        click_page(store, view, "2026-01-05 19:00")
    click_page(store, view, "2026-01-05 20:01")
    assert page_clicks(store)["clicks"].sum() == before + 1
    with pytest.raises((RefusedOperation, sqlite3.IntegrityError), match="one click"):
        click_page(store, view, "2026-01-05 20:02")
    with pytest.raises(RefusedOperation, match="belongs to a view"):
        click_page(store, 10**6, AT)


def test_views_without_consent_are_in_no_comparison(store):
    before = page_clicks(store)["views"].sum()
    show(store, visitor_id=None, cookie_consent=False, variant="standard")
    assert page_clicks(store)["views"].sum() == before
    for statement in ("UPDATE page_view SET variant = 'standard'", "DELETE FROM page_view"):
        with pytest.raises(sqlite3.IntegrityError):
            store.connection.execute(statement)
