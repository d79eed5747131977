"""Do segments come back, and are they there at all? On clouds, on noise, and on companies with and without types."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.segmentation import (
    KMeansSegments,
    agreement,
    behaviour_features,
    bootstrap_agreement,
    check_against_chance,
    compare_k,
    deal_at_random,
    halves_agreement,
    order_facts,
    reseed_agreement,
)

COLUMNS = ["gift_share", "voucher_share", "pieces"]
PEOPLE = 4_000


def facts_of(company):
    return order_facts(company.orders, company.order_lines, company.products, company.as_of)


def clouds(seed=3):
    rng = np.random.default_rng(seed)
    own = np.repeat([0.0, 5.0, 10.0, 15.0], 40)
    return pd.DataFrame({"one": own + rng.normal(0, 0.3, 160), "two": own % 10 + rng.normal(0, 0.3, 160)})


def pairs_index(one, other):
    """The adjusted Rand index counted over all pairs of customers, as in Hubert and Arabie (1985)."""
    pairs = list(itertools.combinations(range(len(one)), 2))
    together = [(one[i] == one[j], other[i] == other[j]) for i, j in pairs]
    both, first, second = (sum(map(test, together)) for test in (all, lambda t: t[0], lambda t: t[1]))
    expected, most = first * second / len(pairs), (first + second) / 2
    return (both - expected) / (most - expected) if most != expected else 1.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=12), st.permutations(range(4)))
@settings(max_examples=60, deadline=None)
def test_agreement_counts_pairs_and_takes_no_notice_of_names(rows, names):
    one, other = (pd.Series(side) for side in zip(*rows, strict=True))
    found = agreement(one, other)
    assert found == pytest.approx(pairs_index(list(one), list(other)), abs=1e-12)
    assert found == pytest.approx(agreement(one, other.map(lambda label: names[label]).sample(frac=1, random_state=1)))


def test_agreement_of_other_customers_is_refused():
    with pytest.raises(ValueError, match="the customers differ"):
        agreement(pd.Series([1, 2]), pd.Series([1, 2], index=[1, 2]))


def test_clouds_come_back_whatever_the_seed_and_the_sample():
    features = clouds()
    assert reseed_agreement(features, 4) == 1
    assert bootstrap_agreement(features, 4, draws=3) == 1
    table = compare_k(features, ks=[2, 3, 4, 5, 6], draws=2)
    assert table["silhouette"].idxmax() == 4
    assert table["inertia"].is_monotonic_decreasing
    assert table.loc[4, "smallest"] == 40


def test_noise_does_not_come_back_from_another_sample():
    noise = pd.DataFrame(np.random.default_rng(1).normal(size=(300, 4)))
    assert bootstrap_agreement(noise, 5, draws=3) < 0.6
    with pytest.raises(ValueError, match="at least two to compare"):
        reseed_agreement(noise, 2, seeds=[1])


def test_orders_dealt_at_random_keep_each_customers_months_and_each_orders_content():
    facts = facts_of(observed(people=PEOPLE))
    dealt = deal_at_random(facts, seed=5)
    months = [frame.groupby(["customer_id", frame["order_date"].dt.to_period("M")]).size() for frame in (facts, dealt)]
    pd.testing.assert_series_equal(*months)
    content = facts.set_index("order_id").drop(columns="customer_id").sort_index()
    pd.testing.assert_frame_equal(dealt.set_index("order_id").drop(columns="customer_id").sort_index(), content)
    assert (
        dealt.set_index("order_id")["customer_id"].loc[facts["order_id"]].to_numpy() != facts["customer_id"]
    ).mean() > 0.9
    assert deal_at_random(facts, seed=5).equals(dealt)


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("k", [3, 4])
def test_the_answer_is_no_in_a_company_without_segments_and_yes_in_one_that_has_them(seed, k):
    for absent, there in (("", True), ("segments", False)):
        company = observed(seed, absent, PEOPLE)
        found = check_against_chance(facts_of(company), COLUMNS, k, company.as_of, draws=3)
        assert found.segments_are_there is there, (absent, found)
        assert found.agreement > 0.25 if there else found.agreement < 0.06
        assert max(np.abs(found.by_chance)) < 0.04


def test_k_means_returns_segments_in_a_company_without_any_and_another_seed_returns_them_again():
    company = observed(11, "segments", PEOPLE)
    features = behaviour_features(facts_of(company), company.as_of, least_orders=6)[COLUMNS]
    assert KMeansSegments(4).fit(features).labels_.nunique() == 4
    assert reseed_agreement(features, 4, seeds=range(3)) > 0.5


def test_segments_have_to_do_with_the_hidden_tendencies():
    company, truth = observed(11, "", PEOPLE), hidden(11, "", PEOPLE)
    features = behaviour_features(facts_of(company), company.as_of, least_orders=6)
    labels = KMeansSegments(4).fit(features[COLUMNS]).labels_
    tendency = truth["records"].merge(truth["tendencies"], on="person_id").set_index("customer_id")["tendency"]
    assert agreement(labels, tendency.loc[labels.index]) > 0.2
    gifts = features.groupby(labels)["gift_share"].mean().idxmax()
    assert (tendency.loc[labels.index[labels == gifts]] == "gift_buyer").mean() > 0.4


def test_what_cannot_be_halved_is_refused():
    facts = facts_of(observed(people=PEOPLE))
    for least, said in ((1, "least_orders is 1"), (10_000, "no customer has 10000 orders")):
        with pytest.raises(ValueError, match=said):
            halves_agreement(facts, COLUMNS, 3, dt.date(2025, 12, 31), least_orders=least)
    with pytest.raises(ValueError, match="draws is 0"):
        check_against_chance(facts, COLUMNS, 3, dt.date(2025, 12, 31), draws=0)
