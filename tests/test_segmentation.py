"""Segments by rule and by k-means: by hand on small tables, and what the functions refuse."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from companies import observed

from crmlab.analytical.segmentation import (
    KMeansSegments,
    behaviour_features,
    name_segments,
    order_facts,
    profile_segments,
    segment_by_rules,
)

AS_OF = dt.date(2025, 3, 31)
PRODUCTS = pd.DataFrame({"product_id": [1, 2, 3], "category": ["beans", "gift", "machine"]})


def small_shop():
    """Customer 7 with three orders and one to come, customer 8 with one."""
    orders = pd.DataFrame(
        [
            (1, 7, "2025-01-01", "web", 0, 1000),
            (2, 7, "2025-02-01", "store", 10, 3000),
            (3, 7, "2025-03-31 23:00", "web", 0, 2000),
            (4, 7, "2025-04-01", "web", 50, 9999),
            (5, 8, "2025-03-01", "store", 0, 500),
        ],
        columns=["order_id", "customer_id", "order_date", "channel", "voucher_percent", "amount_cents"],
    )
    orders["order_date"] = pd.to_datetime(orders["order_date"], format="mixed")
    lines = pd.DataFrame(
        [(1, 1, 1), (2, 1, 2), (2, 2, 2), (3, 1, 2), (4, 3, 1), (5, 2, 1)],
        columns=["order_id", "product_id", "quantity"],
    )
    return orders, lines


def three_clouds(n=60, seed=3):
    """Three far-off clouds of customers in two features of very different units, and which cloud is whose."""
    rng = np.random.default_rng(seed)
    own = np.repeat([0, 1, 2], [n, n // 2, n // 4])
    share = np.array([0.1, 0.5, 0.9])[own] + rng.normal(0, 0.02, len(own))
    cents = rng.normal(5000, 2000, len(own))
    return pd.DataFrame({"share": share, "cents": cents}, index=np.arange(len(own)) + 100), own


# --- rules ------------------------------------------------------------------------------------------------------------


def rules(*rows):
    return pd.DataFrame(list(rows), columns=["segment", "rule"])


def test_the_first_rule_that_fits_decides_and_the_customers_stay_as_they_are():
    customers = pd.DataFrame({"orders": [1, 5, 9], "region": ["North", "South", "North"]}, index=[3, 1, 2])
    before = customers.copy()
    table = rules(("north", 'region == "North"'), ("many", "orders >= 5"))
    assert segment_by_rules(customers, table).to_dict() == {3: "north", 1: "many", 2: "north"}
    assert segment_by_rules(customers, table[::-1]).to_dict() == {3: "north", 1: "many", 2: "many"}
    pd.testing.assert_frame_equal(customers, before)


def test_whom_no_rule_fits_is_other_and_a_missing_value_fits_nothing():
    customers = pd.DataFrame({"income": pd.array([100, None, 900], dtype="Int64")})
    table = rules(("rich", "income > 500"), ("not rich", "income <= 500"))
    assert segment_by_rules(customers, table).tolist() == ["not rich", "other", "rich"]
    assert segment_by_rules(customers, rules(), otherwise="all").tolist() == ["all"] * 3


@pytest.mark.parametrize("rule", ["incom > 5", "income >", "income + 1", "3 > 2"])
def test_a_rule_that_cannot_be_read_is_named(rule):
    with pytest.raises(ValueError, match="the rule "):
        segment_by_rules(pd.DataFrame({"income": [1]}), rules(("a", rule)))


# --- behaviour --------------------------------------------------------------------------------------------------------


def test_orders_and_customers_by_hand():
    orders, lines = small_shop()
    returns = pd.DataFrame({"order_id": [1, 2], "return_date": pd.to_datetime(["2025-01-09", "2025-04-02"])})
    facts = order_facts(orders, lines, PRODUCTS, AS_OF, returns=returns).set_index("order_id")
    assert facts.index.tolist() == [1, 2, 3, 5]
    assert facts["pieces"].tolist() == [1, 4, 2, 1]
    assert facts["has_gift"].tolist() == [0, 1, 0, 1]
    assert facts["beans_only"].tolist() == [1, 0, 1, 0]
    assert facts["sent_back"].tolist() == [1, 0, 0, 0]
    seven = behaviour_features(facts.reset_index(), AS_OF, least_orders=2).loc[[7]]
    assert len(behaviour_features(facts.reset_index(), AS_OF)) == 2
    assert seven["orders"].item() == 3
    assert seven["days_since_last_purchase"].item() == 0
    assert seven[["order_cents", "pieces"]].round(9).to_numpy().tolist() == [[2000.0, 2.0]]
    shares = ["gift_share", "beans_share", "voucher_share", "web_share", "return_share"]
    assert (seven[shares] * 3).round(9).to_numpy().tolist() == [[1, 2, 1, 2, 1]]


def test_deliveries_of_subscriptions_are_left_out():
    orders, lines = small_shop()
    orders["subscription_id"] = pd.array([None, None, 4, None, None], dtype="Int64")
    assert order_facts(orders, lines, PRODUCTS, AS_OF)["order_id"].tolist() == [1, 2, 5]


def test_what_is_wrong_with_a_table_is_named():
    orders, lines = small_shop()
    with pytest.raises(ValueError, match="orders has no column 'channel'"):
        order_facts(orders.drop(columns="channel"), lines, PRODUCTS, AS_OF)
    with pytest.raises(ValueError, match="no line of order 3"):
        order_facts(orders, lines[lines["order_id"] != 3], PRODUCTS, AS_OF)
    with pytest.raises(ValueError, match="no customer has 5 orders"):
        behaviour_features(order_facts(orders, lines, PRODUCTS, AS_OF), AS_OF, least_orders=5)
    with pytest.raises(TypeError, match="orders is list"):
        order_facts([1], lines, PRODUCTS, AS_OF)


def test_the_company_agrees_with_a_count_by_hand():
    company = observed()
    facts = order_facts(company.orders, company.order_lines, company.products, company.as_of, returns=company.returns)
    features = behaviour_features(facts, company.as_of)
    some = features.index[features["orders"] >= 5][0]
    own = company.orders.query("customer_id == @some and subscription_id.isna()")
    lines = company.order_lines.merge(company.products, on="product_id")
    gifts = lines.loc[lines["category"] == "gift", "order_id"]
    assert features.loc[some, "gift_share"] == pytest.approx(own["order_id"].isin(gifts).mean())
    assert features.loc[some, "voucher_share"] == pytest.approx((own["voucher_percent"] > 0).mean())
    assert len(facts) == company.orders["subscription_id"].isna().sum()


# --- k-means ----------------------------------------------------------------------------------------------------------


def test_three_clouds_are_found_when_scaled_numbered_by_size_and_given_again_by_predict():
    features, own = three_clouds()
    fitted = KMeansSegments(3, seed=1).fit(features[["share"]])
    assert (fitted.labels_ == own + 1).all()
    assert fitted.predict(features).equals(fitted.labels_)
    assert fitted.centres_["share"].round(1).tolist() == [0.1, 0.5, 0.9]
    assert fitted.labels_.equals(KMeansSegments(3, seed=1).fit(features[["share"]]).labels_)


def test_without_scaling_the_feature_with_the_large_numbers_decides_alone():
    features, _ = three_clouds()
    by_cents = KMeansSegments(3).fit(features[["cents"]]).labels_
    assert KMeansSegments(3, scale=False).fit(features).labels_.equals(by_cents)
    assert not KMeansSegments(3).fit(features).labels_.equals(by_cents)


def test_segments_do_not_depend_on_the_units_of_the_features():
    features, _ = three_clouds()
    euro = features.assign(cents=features["cents"] / 100)
    assert KMeansSegments(3).fit(euro).labels_.equals(KMeansSegments(3).fit(features).labels_)


def test_one_segment_is_everybody():
    features, own = three_clouds()
    fitted = KMeansSegments(1).fit(features)
    assert (fitted.labels_ == 1).all()
    assert fitted.inertia_ == pytest.approx(2 * len(own))


@pytest.mark.parametrize(
    ("change", "k", "said"),
    [
        (lambda f: f.assign(share=np.nan), 2, "'share' has 105 missing or infinite values"),
        (lambda f: f.assign(share="high"), 2, "'share' holds"),
        (lambda f: f.assign(share=0.5), 2, "'share' is the same for all"),
        (lambda f: f.iloc[:0], 2, "features is empty"),
        (lambda f: f.iloc[[0, 0, 1]], 3, "2 different customers"),
        (lambda f: f, 0, "k is 0"),
        (lambda f: f, True, "k is True"),
    ],
)
def test_features_that_cannot_be_clustered_are_refused(change, k, said):
    with pytest.raises(ValueError, match=said):
        KMeansSegments(k).fit(change(three_clouds()[0]))


def test_a_profile_and_a_name_for_each_segment():
    features, own = three_clouds()
    labels = pd.Series(own + 1, index=features.index)
    profile = profile_segments(features, labels[::-1])
    assert profile["customers"].to_dict() == {1: 60, 2: 30, 3: 15, "all": 105}
    assert profile.loc["all", "share_of_customers"] == 1
    assert profile.loc[3, "cents"] == pytest.approx(features.loc[labels == 3, "cents"].mean())
    names = name_segments(features, labels)
    assert names[1] == "low share"
    assert names[3].startswith("high share")
    assert set(name_segments(features, labels, least=9)) == {"like everybody"}


def test_a_label_for_each_customer_is_asked_for():
    features, _ = three_clouds()
    with pytest.raises(ValueError, match="labels lacks some customers"):
        profile_segments(features, pd.Series([1, 2], index=[100, 101]))
    with pytest.raises(TypeError, match="expected a Series"):
        name_segments(features, [1] * len(features))
