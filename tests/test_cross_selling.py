"""`association_rules`: by hand, by brute force, against other programs, and on the real groceries."""

import itertools
import os
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from crmlab.analytical.baskets_matrix import basket_matrix
from crmlab.analytical.cross_selling import association_rules
from crmlab.analytical.pair_counts import pair_counts

# Han, Kamber and Pei (2012), Data Mining, table 6.1: nine transactions of a shop.
NINE = [["I1", "I2", "I5"], ["I2", "I4"], ["I2", "I3"], ["I1", "I2", "I4"], ["I1", "I3"], ["I2", "I3"], ["I1", "I3"],
        ["I1", "I2", "I3", "I5"], ["I1", "I2", "I3"]]  # fmt: skip

some_baskets = st.lists(st.lists(st.sampled_from("abcdef"), max_size=7), min_size=1, max_size=14)
some_shares = st.integers(1, 20).map(lambda twentieths: twentieths / 20)


def as_dict(rules):
    sides = zip(rules["antecedents"], rules["consequents"], strict=True)
    return dict(zip(sides, rules["count"], strict=True))


def by_brute_force(baskets, min_support, min_confidence, max_consequents):
    """Every split of every set of products, counted one basket at a time."""
    sets = [frozenset(basket) for basket in baskets]
    products = sorted(frozenset().union(*sets))

    def count(items):
        return sum(items <= basket for basket in sets)

    found = {}
    for length in range(2, len(products) + 1):
        for items in map(frozenset, itertools.combinations(products, length)):
            together = count(items)
            if together == 0 or Fraction(together, len(sets)) < Fraction(str(min_support)):
                continue
            for size in range(1, min(max_consequents, length - 1) + 1):
                for right in map(frozenset, itertools.combinations(sorted(items), size)):
                    if Fraction(together, count(items - right)) >= Fraction(str(min_confidence)):
                        found[items - right, right] = together
    return found


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_the_rules_of_a_textbook():
    # Example 6.4 there: the rules of {I1, I2, I5} and their confidences.
    rules = association_rules(NINE, min_support=2 / 9, min_confidence=0, max_consequents=2)
    confidence = {
        (tuple(sorted(a)), tuple(sorted(c))): value
        for a, c, value in zip(rules["antecedents"], rules["consequents"], rules["confidence"], strict=True)
        if a | c == {"I1", "I2", "I5"}
    }
    assert confidence == {
        (("I1", "I2"), ("I5",)): 2 / 4,
        (("I1", "I5"), ("I2",)): 1.0,
        (("I2", "I5"), ("I1",)): 1.0,
        (("I1",), ("I2", "I5")): 2 / 6,
        (("I2",), ("I1", "I5")): 2 / 7,
        (("I5",), ("I1", "I2")): 1.0,
    }
    # Six frequent pairs and two frequent sets of three: 2 rules a pair, 3 + 3 a set of three.
    assert len(rules) == 6 * 2 + 2 * 6


def test_figures_of_a_rule_by_hand():
    baskets = [["a", "b"]] * 3 + [["a"]] * 1 + [["b"]] * 2 + [[]] * 2
    rule = association_rules(baskets, 0.1, 0.75).iloc[0]
    assert (rule["antecedents"], rule["consequents"]) == ({"a"}, {"b"})
    assert rule["count"] == 3
    assert rule["support"] == 3 / 8
    assert rule["confidence"] == 3 / 4
    assert rule["lift"] == (3 / 4) / (5 / 8)
    assert rule["leverage"] == 3 / 8 - (4 / 8) * (5 / 8)
    assert rule["conviction"] == (1 - 5 / 8) / (1 - 3 / 4)


def test_a_rule_that_always_holds_has_infinite_conviction_and_no_figure_is_missing():
    rules = association_rules([["a", "b"], ["a", "b"]], 1, 1)
    assert rules["conviction"].tolist() == [np.inf, np.inf]
    assert rules["lift"].tolist() == [1, 1]
    assert not rules.isna().any(axis=None)


def test_empty_baskets_are_baskets_and_a_product_counts_once():
    rules = association_rules([["a", "b", "b", "a"], [], [], []], 0.25, 0.5)
    assert rules["support"].tolist() == [0.25, 0.25]
    assert rules["count"].tolist() == [1, 1]


@pytest.mark.parametrize("hundredths", range(1, 101))
def test_a_rule_that_meets_a_threshold_exactly_is_in(hundredths):
    # 0.07 * 100 is above 7 in binary; so are others.
    baskets = [["a", "b"]] * hundredths + [["a"]] * (100 - hundredths)
    share = hundredths / 100
    assert as_dict(association_rules(baskets, share, share))[frozenset("a"), frozenset("b")] == hundredths
    if hundredths < 100:
        above = Fraction(hundredths * 10 + 1, 1000)
        assert (frozenset("a"), frozenset("b")) not in as_dict(association_rules(baskets, 0.01, above))
        assert association_rules(baskets, above, 0).empty


# --- by brute force and by properties ---------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(some_baskets, some_shares, some_shares, st.integers(1, 4))
def test_same_rules_as_by_brute_force(baskets, min_support, min_confidence, max_consequents):
    rules = association_rules(baskets, min_support, min_confidence, max_consequents)
    assert as_dict(rules) == by_brute_force(baskets, min_support, min_confidence, max_consequents)


@settings(max_examples=60, deadline=None)
@given(some_baskets, st.randoms(use_true_random=False))
def test_the_order_of_baskets_and_of_products_changes_nothing(baskets, random):
    mixed = [random.sample(basket, len(basket)) for basket in baskets]
    random.shuffle(mixed)
    expected = association_rules(baskets, 0.1, 0.2, 2)
    pd.testing.assert_frame_equal(association_rules(mixed, 0.1, 0.2, 2), expected, check_exact=True)


@settings(max_examples=60, deadline=None)
@given(some_baskets)
def test_a_larger_set_is_in_no_more_baskets_and_figures_are_quotients(baskets):
    rules = association_rules(baskets, 0.05, 0, 3)
    count = {a | c: n for (a, c), n in as_dict(rules).items()}
    single = basket_matrix(baskets)
    count |= {frozenset([p]): int(n) for p, n in zip(single.products, single.product_counts, strict=True)}
    for items, other in itertools.permutations(count, 2):
        if items < other:
            assert count[items] >= count[other]
    for rule in rules.itertuples():
        assert rule.confidence == rule.count / count[rule.antecedents]
        assert rule.support == rule.count / len(baskets)
        assert rule.lift == pytest.approx(rule.confidence / (count[rule.consequents] / len(baskets)))


def test_many_products_are_counted_like_few():
    rng = np.random.default_rng(3)
    few = sparse.csr_array((rng.random((60, 9)) < 0.3).astype(np.int32))
    many = sparse.csr_array(sparse.hstack([few, sparse.csr_array((60, 3000), dtype=np.int32)]))
    for ours, theirs in zip(pair_counts(few), pair_counts(many), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    expected = np.triu((few.T @ few).toarray(), k=1)
    row, column, count = pair_counts(few)
    assert (expected[row, column] == count).all() and expected.sum() == count.sum()


@pytest.mark.parametrize("products", [np.array([3, 1, 3, 2, 1, 2]), np.array([10**12, 5, 10**12, 7, 5, 7])])
def test_the_same_from_lists_pandas_polars_and_duckdb(products):
    frame = pd.DataFrame({"order_id": [9, 9, 4, 4, 7, 7], "product_id": products, "quantity": 1})
    before = frame.copy()
    lists = [group.tolist() for _, group in frame.groupby("order_id")["product_id"]]
    expected = association_rules(lists, 0.3, 0.5)
    assert len(expected) == 6
    connection = duckdb.connect()
    polars = pl.from_pandas(frame)
    tables = [frame, polars, polars.lazy(), connection.from_arrow(polars.to_arrow())]
    for table in tables:
        pd.testing.assert_frame_equal(association_rules(table, 0.3, 0.5), expected, check_exact=True)
    as_text = frame.assign(product_id=frame["product_id"].map("p{:015d}".format))
    assert association_rules(as_text, 0.3, 0.5)["count"].tolist() == expected["count"].tolist()
    pd.testing.assert_frame_equal(frame, before)


# --- awkward input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baskets", [[["a"], ["b"]], [[], []], [["a"]]])
def test_baskets_without_a_pair_have_no_rules(baskets):
    rules = association_rules(baskets, 0.01, 0)
    assert rules.empty
    assert rules.dtypes["count"] == np.int64 and rules.dtypes["lift"] == np.float64


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([], 0.1, 0.1), ValueError, "baskets is empty"),
        ((["ab", "c"], 0.1, 0.1), TypeError, r"baskets\[0\] is 'ab', expected a list of products"),
        (("ab", 0.1, 0.1), TypeError, "baskets is str"),
        ((NINE, 0, 0.1), ValueError, "min_support is 0, expected above 0"),
        ((NINE, 1.5, 0.1), ValueError, "min_support is 1.5, expected a number from 0 to 1"),
        ((NINE, 0.1, float("nan")), ValueError, "min_confidence is nan"),
        ((NINE, 0.1, 0.1, 0), ValueError, "max_consequents is 0, expected a whole number from 1 up"),
        (([["a", None]], 0.1, 0.1), ValueError, "product None"),
        ((pd.DataFrame({"order_id": [1]}), 0.1, 0.1), ValueError, "baskets has no column 'product_id'"),
    ],
)  # fmt: skip
def test_errors_say_what_was_found_and_expected(arguments, error, message):
    with pytest.raises(error, match=message):
        association_rules(*arguments)


# --- other programs ---------------------------------------------------------------------------------------------------


def at_threshold(baskets, rule, min_confidence):
    left, right = rule
    sets = [frozenset(basket) for basket in baskets]
    with_left = sum(left <= basket for basket in sets)
    return Fraction(sum(left | right <= basket for basket in sets), with_left) == Fraction(str(min_confidence))


@settings(max_examples=60, deadline=None)
@given(some_baskets, some_shares, some_shares)
def test_same_rules_as_mlxtend_but_for_those_it_loses_at_the_threshold(baskets, min_support, min_confidence):
    patterns = pytest.importorskip("mlxtend.frequent_patterns", reason="mlxtend is not installed (extra bench)")
    products = sorted(set().union(*baskets))
    table = pd.DataFrame([[p in basket for p in products] for basket in baskets], columns=products, dtype=bool)
    frequent = patterns.fpgrowth(table, min_support, use_colnames=True)
    theirs = set()
    if len(frequent):
        found = patterns.association_rules(frequent, metric="confidence", min_threshold=min_confidence)
        theirs = set(zip(found["antecedents"], found["consequents"], strict=True))
    ours = set(as_dict(association_rules(baskets, min_support, min_confidence, max_consequents=6)))
    assert theirs <= ours
    assert all(at_threshold(baskets, rule, min_confidence) for rule in ours - theirs)


@settings(max_examples=60, deadline=None)
@given(some_baskets, some_shares, some_shares)
def test_same_rules_as_efficient_apriori(baskets, min_support, min_confidence):
    other = pytest.importorskip("efficient_apriori", reason="efficient-apriori is not installed (extra bench)")
    _, found = other.apriori([tuple(basket) for basket in baskets], min_support, min_confidence)
    theirs = {(frozenset(rule.lhs), frozenset(rule.rhs)) for rule in found}
    ours = set(as_dict(association_rules(baskets, min_support, min_confidence, max_consequents=6)))
    assert theirs <= ours
    assert all(at_threshold(baskets, rule, min_confidence) for rule in ours - theirs)


# --- real baskets -----------------------------------------------------------------------------------------------------


def groceries():
    folder = os.environ.get("CRMLAB_REAL_DATA")
    path = Path(folder or "") / "groceries.txt"
    if not folder or not path.exists():
        pytest.skip("CRMLAB_REAL_DATA names no folder with groceries.txt")
    return [line.split("|") for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_groceries_have_the_rules_that_are_known():
    # The data of Hahsler, Hornik and Reutterer (2006); counts as R's package arules and its users publish them.
    baskets = groceries()
    matrix = basket_matrix(baskets)
    assert (matrix.baskets, len(matrix.products), matrix.sizes.sum()) == (9835, 169, 43367)
    assert matrix.product_counts[matrix.products.index("whole milk")] == 2513
    assert len(association_rules(baskets, 0.01, 0.5)) == 15
    assert len(association_rules(baskets, 0.006, 0.25)) == 463
    assert len(association_rules(baskets, 0.001, 0.8)) == 410
    assert len(association_rules(baskets, 0.001, 0.5)) == 5668
