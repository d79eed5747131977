"""Segments by rule: a table of rules, read from the top; the first that fits decides (lesson 07, section 2).

A rule is a condition on what is known of a customer (income, region, what was bought), so that everybody can read why
a customer is in a segment.
"""

from typing import Any

import pandas as pd

from crmlab.analytical.segmentation.columns import require


def segment_by_rules(customers: Any, rules: Any, otherwise: str = "other") -> pd.Series:
    """The segment of each customer: that of the first rule that fits.

    customers, one row a customer
        the columns that the rules speak of, any types; a comparison with a missing value does not fit
    rules, one row a rule, the most important first
        segment    text, the name of the segment; two rules may lead to one segment
        rule       text, a condition as in `DataFrame.query`, such as "orders >= 4 and gift_share > 0.5"
    otherwise
        the segment of those whom no rule fits

    Returns a Series of text with the index of `customers`, called `segment`.

    Raises ValueError for missing columns, for a rule that cannot be read (the message names it), and for one that is
    not true or false for each customer.

    >>> customers = pd.DataFrame({"orders": [1, 9, 9], "gift_share": [0.0, 0.8, 0.1]}, index=["Ada", "Bob", "Cem"])
    >>> rules = pd.DataFrame([("gifts", "gift_share > 0.5"), ("regulars", "orders >= 4")], columns=["segment", "rule"])
    >>> segment_by_rules(customers, rules, otherwise="new").to_dict()
    {'Ada': 'new', 'Bob': 'gifts', 'Cem': 'regulars'}
    """
    require(customers, "customers", [])
    require(rules, "rules", ["segment", "rule"])
    segment = pd.Series(otherwise, index=customers.index, dtype="object", name="segment")
    undecided = pd.Series(True, index=customers.index)
    for name, rule in zip(rules["segment"], rules["rule"], strict=True):
        fits = undecided & _fits(customers, rule)
        segment[fits] = name
        undecided &= ~fits
    return segment


def _fits(customers: pd.DataFrame, rule: str) -> pd.Series:
    try:
        found = customers.eval(rule, engine="python")
    except (NameError, SyntaxError, TypeError, ValueError, AttributeError) as error:
        known = ", ".join(map(str, customers.columns))
        raise ValueError(f"the rule {rule!r} cannot be read: {error} (columns: {known})") from error
    if not isinstance(found, pd.Series) or not pd.api.types.is_bool_dtype(found.dtype):
        kind = found.dtype if isinstance(found, pd.Series) else type(found).__name__
        raise ValueError(f"the rule {rule!r} gives {kind}, expected true or false for each customer")
    return found.fillna(False).astype(bool)
