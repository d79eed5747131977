"""Rules against chance: nothing where nothing is, the planted complements where they are."""

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.analytical.basket_shuffle import shuffled_baskets
from crmlab.analytical.baskets_matrix import basket_matrix, first_products
from crmlab.analytical.cross_selling import association_rules
from crmlab.analytical.rule_check import check_rules


def lines_of(company):
    return company.order_lines[["order_id", "product_id"]]


def checked_rules(lines, **arguments):
    rules = association_rules(lines, 0.0003, 0, max_length=2)
    return check_rules(lines, rules, seed=5, first_stays=True, **arguments)


def pairs_of(rules):
    return {a | c for a, c in zip(rules["antecedents"], rules["consequents"], strict=True)}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6), min_size=1, max_size=20), st.integers(0, 9))
def test_chance_keeps_the_size_of_baskets_and_how_often_products_are_bought(baskets, seed):
    matrix = basket_matrix(baskets)
    opened = first_products(baskets, matrix)
    for first in (None, opened):
        for table in shuffled_baskets(matrix, 2, seed, first):
            assert table.data.tolist() == [1] * matrix.incidence.nnz
            assert table.has_canonical_format or len(table.data) == 0
            assert (table.sum(axis=0) == matrix.incidence.sum(axis=0)).all()
            assert (table.sum(axis=1) == matrix.incidence.sum(axis=1)).all()
            if first is not None:
                filled = np.flatnonzero(first >= 0)
                assert (table.toarray()[filled, first[filled]] == 1).all()


def test_all_tables_with_these_sums_are_equally_likely():
    matrix = basket_matrix([["a"], ["b"], ["c"], ["a", "b"]])
    seen = pd.Series([tuple(table.toarray().ravel().tolist()) for table in shuffled_baskets(matrix, 4000, 3)])
    share = seen.value_counts(normalize=True)
    # By hand: the basket of two holds {a, b}, {a, c} or {b, c}; what is left falls into three baskets of one in
    # 3! / (products left twice)! ways: a, b, c in 6; a, b, b in 3; a, a, b in 3.
    assert len(share) == 12
    assert (abs(share - 1 / 12) < 5 * np.sqrt(1 / 12 * 11 / 12 / 4000)).all()


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_nothing_survives_in_a_company_without_rules(seed):
    rules = checked_rules(lines_of(observed(seed, "rules")), permutations=99)
    assert len(rules) > 300
    assert (rules["p_adjusted"] > 0.01).all()
    # Taken one by one, some rules seem to be there; a lift above 2 alone is no evidence.
    assert (rules["p_value"] <= 0.05).sum() > 5


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_planted_complements_are_found(seed):
    lines, planted = lines_of(observed(seed)), hidden(seed)["basket_affinities"]
    rules = checked_rules(lines, permutations=99)
    found = pairs_of(rules[rules["p_adjusted"] <= 0.05])
    opened = lines.drop_duplicates("order_id")["product_id"].value_counts()
    often = planted[planted["anchor_product_id"].map(opened).fillna(0) * planted["attach_probability"] > 30]
    pairs, all_pairs = (set(map(frozenset, t.iloc[:, :2].to_numpy().tolist())) for t in (often, planted))
    assert len(pairs) > 30
    recall = len(found & pairs) / len(pairs)
    assert recall > 0.9
    # What is found and was not planted joins the same product as something planted: tied by a third, not by chance.
    complements = planted.groupby("anchor_product_id")["attached_product_id"].agg(set)
    tied = {frozenset((a, b)) for joined in complements for a in joined for b in joined if a != b}
    precision = len(found & all_pairs) / len(found)
    assert precision > 0.6
    assert len(found & (all_pairs | tied)) / len(found) > 0.95


def test_shuffling_what_opens_a_basket_takes_avoidance_for_a_rule():
    lines = lines_of(observed(11, "rules"))
    rules = association_rules(lines, 0.0003, 0, max_length=2)
    everything = check_rules(lines, rules, permutations=99, seed=5)
    assert (everything["p_adjusted"] <= 0.01).any()


def test_p_values_by_chance_alone_are_not_too_small():
    # Twenty shops of independent products: a find in one of twenty is what 5 % means; six would be a fault.
    finds = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        held = rng.random((400, 10)) < rng.uniform(0.05, 0.4, 10)
        baskets = [np.flatnonzero(row).tolist() for row in held]
        rules = check_rules(baskets, association_rules(baskets, 0.001, 0, max_length=2), permutations=99, seed=seed)
        finds += (rules["p_adjusted"] <= 0.05).any()
        assert rules[["p_value", "p_adjusted"]].min(axis=None) >= 0.01
    assert finds <= 5


def test_longer_rules_are_checked_and_the_seed_decides():
    baskets = [["a", "b", "c"]] * 30 + [["a", "d"], ["b", "d"], ["c", "d"], ["d"]] * 25
    rules = association_rules(baskets, 0.1, 0.1, max_consequents=2)
    once = check_rules(baskets, rules, permutations=99, seed=1)
    pd.testing.assert_frame_equal(once, check_rules(baskets, rules, permutations=99, seed=1))
    assert not once.equals(check_rules(baskets, rules, permutations=99, seed=2))
    three = once[[len(a | c) == 3 for a, c in zip(once["antecedents"], once["consequents"], strict=True)]]
    assert len(three) == 6 and (three["p_adjusted"] == 0.01).all()
    assert list(once.columns[: len(rules.columns)]) == list(rules.columns)


@pytest.mark.parametrize("baskets", [[["a"], ["b"]], [[], ["a"]], [["a", "b"]]])
def test_baskets_that_cannot_be_shuffled_show_nothing(baskets):
    rules = association_rules(baskets, 0.1, 0)
    result = check_rules(baskets, rules, permutations=19, seed=1)
    assert (result[["p_value", "p_adjusted"]] == 1).all(axis=None)
    assert not result.isna().any(axis=None)


def test_errors():
    rules = association_rules([["a", "b"]], 0.1, 0)
    with pytest.raises(ValueError, match="permutations is 5, expected a whole number from 19 up"):
        check_rules([["a", "b"]], rules, permutations=5, seed=1)
    with pytest.raises(ValueError, match="rules has no column 'antecedents'"):
        check_rules([["a", "b"]], rules[["count"]], seed=1)
    with pytest.raises(ValueError, match="names 'b', which is in none of the baskets"):
        check_rules([["a", "c"]], rules, seed=1)
    with pytest.raises(TypeError, match=r"baskets\[0\] is a set, which has no first product"):
        check_rules([{"a", "b"}], rules, seed=1, first_stays=True)
