"""Offers: at the cart, in the next order, the next grade, in a bundle, the best one, and on a page that learns."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed
from hypothesis import given
from hypothesis import strategies as st

from crmlab.analytical.at_the_cart import CartRecommender, hit_rate
from crmlab.analytical.bundles import refund_of_parts, split_price
from crmlab.analytical.exploration import EpsilonGreedy, ThompsonSampling, simulate_page
from crmlab.analytical.item_similarity import similar_products
from crmlab.analytical.next_best_offer import next_best_offer
from crmlab.analytical.next_order import next_order_rules
from crmlab.analytical.up_selling import up_sell_offers

# --- at the cart ------------------------------------------------------------------------------------------------------


def folds_hit_rate(baskets, by, k=5, seed=0):
    """Five folds, each held out once; one product hidden by lot in each basket of two or more."""
    folds = np.array_split(np.random.default_rng(seed).permutation(len(baskets)), 5)
    rates = []
    for fold in folds:
        held_out = set(fold.tolist())
        learnt = [basket for row, basket in enumerate(baskets) if row not in held_out]
        rates.append(hit_rate(CartRecommender(by).fit(learnt), [baskets[row] for row in fold], k, seed=seed))
    return np.mean(rates)


def test_offers_by_hand():
    baskets = [["machine", "filter"]] * 6 + [["beans", "mug"]] * 5 + [["beans"]] * 20 + [["machine", "beans"]] * 5
    confidence = CartRecommender("confidence").fit(baskets)
    assert confidence.recommend(["machine"], 2) == ["filter", "beans"]
    assert confidence.recommend(["machine", "filter"], 9) == ["beans", "mug"]
    assert confidence.recommend([], 2) == confidence.recommend(["never seen"], 2) == ["beans", "machine"]
    assert CartRecommender("popularity").fit(baskets).recommend(["machine"], 1) == ["beans"]
    assert CartRecommender("lift").fit(baskets).recommend(["beans"], 1) == ["mug"]
    # With pairs in six baskets at least, the mug's lift does not count.
    assert CartRecommender("lift", min_count=6).fit(baskets).recommend(["beans"], 1) == ["machine"]


def test_hit_rate_agrees_with_recommending_one_basket_at_a_time():
    rng = np.random.default_rng(4)
    baskets = [
        rng.choice(8, rng.integers(1, 5), replace=False, p=np.arange(8, 0, -1) / 36).tolist() for _ in range(200)
    ]
    recommender = CartRecommender("confidence", min_count=1).fit(baskets[:150])
    held_out = [[*basket, 99] for basket in baskets[150:]]
    # Every choice of a hidden product, averaged: what the lot gives in expectation.
    exact = np.mean(
        [np.mean([p in recommender.recommend([q for q in b if q != p], 3) for p in b]) for b in held_out if len(b) > 1]
    )
    drawn = [hit_rate(recommender, held_out, 3, seed=seed) for seed in range(200)]
    assert np.mean(drawn) == pytest.approx(exact, abs=0.015)
    assert hit_rate(recommender, held_out, 3, seed=1) == hit_rate(recommender, held_out, 3, seed=1)


def test_in_a_company_with_rules_the_cart_says_more_than_popularity():
    lines = observed().order_lines
    baskets = lines.groupby("order_id")["product_id"].agg(list).tolist()
    assert folds_hit_rate(baskets, "confidence") > folds_hit_rate(baskets, "popularity") + 0.05


def test_hit_rates_on_the_groceries():
    folder = os.environ.get("CRMLAB_REAL_DATA")
    path = Path(folder or "") / "groceries.txt"
    if not folder or not path.exists():
        pytest.skip("CRMLAB_REAL_DATA names no folder with groceries.txt")
    baskets = [line.split("|") for line in path.read_text(encoding="utf-8").splitlines()]
    # Measured before: 26.9, 28.8 and 5.1 %. One product hidden by lot in 7,676 baskets: standard error 0.5 points.
    assert folds_hit_rate(baskets, "popularity") == pytest.approx(0.269, abs=0.02)
    assert folds_hit_rate(baskets, "confidence") == pytest.approx(0.288, abs=0.02)
    assert folds_hit_rate(baskets, "lift") == pytest.approx(0.051, abs=0.02)


def test_errors_at_the_cart():
    with pytest.raises(ValueError, match="by is 'love', expected one of popularity, confidence, lift"):
        CartRecommender("love").fit([["a"]])
    recommender = CartRecommender().fit([["a", "b"]])
    with pytest.raises(ValueError, match="k is 0"):
        recommender.recommend(["a"], 0)
    with pytest.raises(ValueError, match="no basket of two products or more"):
        hit_rate(recommender, [["a"], []], 5, seed=1)


# --- the next order ---------------------------------------------------------------------------------------------------


def test_next_order_by_hand():
    orders = pd.DataFrame(
        {
            "customer_id": [1, 2, 1, 1, 2, 3, 4],
            "order_id": [10, 11, 12, 13, 14, 15, 16],
            "order_date": pd.to_datetime(["2025-01-01"] * 2 + ["2025-02-01", "2025-02-01"] + ["2025-03-01"] * 3),
        }
    )
    lines = pd.DataFrame(
        {
            "order_id": [10, 10, 11, 12, 12, 13, 14, 15, 16],
            "product_id": ["m", "b", "m", "p", "p", "b", "b", "m", "b"],
        }
    )
    first = next_order_rules(orders, lines, min_count=1).set_index(["product_id", "next_product_id"])
    # Customers 1 and 2 came back; 1 bought p next (13 is later on the same day), 2 bought b; 3 and 4 did not.
    assert first["count"].to_dict() == {("m", "p"): 1, ("b", "p"): 1, ("m", "b"): 1}
    assert first["followed"].to_dict() == {("m", "p"): 2, ("b", "p"): 1, ("m", "b"): 2}
    assert first.loc[("m", "b"), "return_share"] == 2 / 3
    assert first.loc[("b", "p"), "return_share"] == 1 / 2
    assert first.loc[("b", "p"), "lift"] == 2
    every = next_order_rules(orders, lines, min_count=1, after="every").set_index(["product_id", "next_product_id"])
    assert every.loc[("p", "b"), "count"] == 1
    assert every.loc[("p", "b"), "lift"] == 1 / (2 / 3)


def test_nobody_came_back():
    orders = pd.DataFrame({"customer_id": [1, 2], "order_id": [1, 2], "order_date": pd.to_datetime(["2025-01-01"] * 2)})
    lines = pd.DataFrame({"order_id": [1, 2], "product_id": [5, 6]})
    assert next_order_rules(orders, lines, min_count=1).empty
    with pytest.raises(ValueError, match="orders has order_id 1 more than once"):
        next_order_rules(pd.concat([orders, orders]), lines)
    with pytest.raises(ValueError, match="after is 'last'"):
        next_order_rules(orders, lines, after="last")


def test_next_orders_of_a_company_add_up():
    company = observed()
    rules = next_order_rules(company.orders, company.order_lines, min_count=5)
    assert len(rules) > 20 and not rules.isna().any(axis=None)
    assert rules["confidence"].between(0, 1).all() and rules["return_share"].between(0, 1).all()


# --- up-selling and bundles -------------------------------------------------------------------------------------------


def test_up_sells_of_the_catalogue_gain_less_than_their_price():
    company = observed()
    offers = up_sell_offers(company.products, company.product_links)
    assert len(offers) == (company.product_links["kind"] == "up_sell").sum()
    price = company.products.set_index("product_id")["list_price_cents"]
    gap = offers["offer_product_id"].map(price) - offers["product_id"].map(price)
    assert (offers["price_gap_cents"] == gap).all()
    assert (offers["margin_gain_cents"] < offers["price_gap_cents"]).all()
    with pytest.raises(ValueError, match="names 11, which is not in products"):
        up_sell_offers(company.products.query("product_id != 11"), company.product_links)


cents = st.integers(0, 10**7)
parts = st.lists(cents, min_size=1, max_size=6).filter(any)


@given(cents, parts)
def test_a_split_price_adds_up_to_the_cent(price, lists):
    split = split_price(price, lists)
    assert sum(split) == price
    for part, value in zip(split, lists, strict=True):
        assert abs(part * sum(lists) - price * value) < sum(lists)


@given(cents, parts, st.data())
def test_refunds_never_exceed_what_was_paid_and_keep_list_price_for_the_rest(price, lists, data):
    back = data.draw(st.sets(st.sampled_from(range(len(lists))), min_size=1))
    refund = refund_of_parts(price, lists, sorted(back))
    kept = sum(value for part, value in enumerate(lists) if part not in back)
    assert 0 <= refund <= price
    assert price - refund == min(price, kept)
    assert refund_of_parts(price, lists, range(len(lists))) == price


def test_bundles_by_hand():
    # 4,999.5 and 2,999.7 and 1,999.8: the two cents left go to the largest remainders.
    assert split_price(9999, [5000, 3000, 2000]) == [4999, 3000, 2000]
    assert split_price(0, [1, 2]) == [0, 0]
    assert split_price(10, [0, 7]) == [0, 10]
    # Bought for 9,000 instead of 10,000: the grinder of 3,000 comes back, the machine of 7,000 is kept at list price.
    assert refund_of_parts(9000, [7000, 3000], [1]) == 2000
    with pytest.raises(ValueError, match="expected at least one part with a price above 0"):
        split_price(10, [0, 0])
    with pytest.raises(ValueError, match=r"returned is \[2\], expected positions from 0 to 1"):
        refund_of_parts(10, [1, 2], [2])
    with pytest.raises(ValueError, match=r"bundle_price_cents is 9\.5, expected whole cents"):
        split_price(9.5, [1])


# --- the best offer, and what is like it ------------------------------------------------------------------------------


def test_the_best_offer_is_not_the_likeliest_one():
    offers = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 2, 3],
            "product_id": [10, 11, 12, 10, 11],
            "probability": [0.5, 0.1, 0.2, 0.01, 0.4],
            "margin_cents": [100, 2000, 1000, 100, -50],
        }
    )
    best = next_best_offer(offers, cost_cents=5)
    # 11 and 12 bring the same: the smaller product_id comes first. Customers 2 and 3: nothing that pays.
    assert best[["customer_id", "product_id", "expected_margin_cents"]].to_numpy().tolist() == [[1, 11, 195]]
    assert next_best_offer(offers, k=2)["product_id"].tolist() == [11, 12, 10]
    assert next_best_offer(offers.iloc[:0]).empty
    with pytest.raises(ValueError, match=r"'probability' has 1\.2, expected 0 to 1"):
        next_best_offer(offers.assign(probability=1.2))
    with pytest.raises(ValueError, match="customer 1 with product 10 more than once"):
        next_best_offer(pd.concat([offers, offers]))


def test_similarity_is_the_cosine_of_two_columns():
    rng = np.random.default_rng(2)
    held = rng.random((50, 6)) < 0.4
    similar = similar_products([np.flatnonzero(row).tolist() for row in held], k=5)
    norm = np.linalg.norm(held.astype(float), axis=0)
    cosine = (held.T.astype(float) @ held) / np.outer(norm, norm)
    for row in similar.itertuples():
        assert row.cosine == pytest.approx(cosine[row.product_id, row.similar_product_id])
    assert len(similar) == (cosine[~np.eye(6, dtype=bool)] > 0).sum()
    assert similar_products([["a"], ["b"], []]).empty


def test_what_was_planted_is_similar():
    company, planted = observed(), hidden()["basket_affinities"]
    similar = similar_products(company.order_lines, k=5)
    pairs = set(similar[["product_id", "similar_product_id"]].itertuples(index=False, name=None))
    strong = planted[planted["attach_probability"] > 0.35]
    hits = [(b, a) in pairs or (a, b) in pairs for a, b in strong.iloc[:, :2].itertuples(index=False, name=None)]
    assert len(hits) > 10 and np.mean(hits) > 0.7


# --- a page that learns -----------------------------------------------------------------------------------------------

RATES = [0.03, 0.05, 0.04, 0.08]


def final_regret(make, seeds=range(10), visits=5000):
    return np.mean([simulate_page(make(seed), RATES, visits, seed=1000 + seed)[1][-1] for seed in seeds])


def test_learning_pages_lose_less_than_a_lottery():
    lottery = final_regret(lambda seed: EpsilonGreedy(4, 1.0, seed=seed))
    assert lottery == pytest.approx(5000 * (0.08 - np.mean(RATES)), rel=0.05)
    assert final_regret(lambda seed: EpsilonGreedy(4, 0.1, seed=seed)) < 0.6 * lottery
    assert final_regret(lambda seed: ThompsonSampling(4, seed=seed)) < 0.5 * lottery


def test_a_page_run_again_is_the_same_and_all_policies_meet_the_same_visitors():
    runs = [simulate_page(ThompsonSampling(4, seed=3), RATES, 300, seed=7) for _ in range(2)]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    assert (np.diff(runs[0][1]) >= 0).all()
    sure = EpsilonGreedy(2, 0.0, seed=1)
    shown, regret = simulate_page(sure, [0.0, 1.0], 50, seed=1)
    # Offer 0 once, unseen; then offer 1 for ever.
    assert shown.tolist() == [0] + [1] * 49 and regret[-1] == 1
    with pytest.raises(ValueError, match="click_rates has 2 offers, expected 4"):
        simulate_page(ThompsonSampling(4, seed=3), [0.1, 0.2], 10, seed=1)
    with pytest.raises(ValueError, match="epsilon is 2"):
        EpsilonGreedy(2, 2, seed=1)
