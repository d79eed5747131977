"""Messages: nobody is greeted as None, a person named Null is greeted, and no name becomes part of a page."""

import numpy as np
import pandas as pd
import pytest
from campaign_steps import campaign, confirm
from stores import own_copy, small_company

from crmlab.operational import (
    RefusedOperation,
    add_customer,
    choose_offers,
    render_campaign,
    render_message,
    render_subject,
)

ABSENT = object()


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", "  ", ABSENT])
def test_a_missing_name_gives_the_default_and_no_word_for_nothing(missing):
    facts = {"last_name": "Bee", "language": "en"} | ({} if missing is ABSENT else {"first_name": missing})
    assert render_message("{{ greeting }} it is new.", facts) == "Hello, it is new."
    assert render_message("Dear {{ first_name | default('friend') }}", facts) == "Dear friend"
    with pytest.raises(RefusedOperation, match="or has a default"):
        render_message("Dear {{ first_name }}", facts)


@pytest.mark.parametrize("name", ["Null", "None", "NaN", "True", "O'Brien", "Øyvind", "Łukasz", "李"])
def test_a_name_is_a_name(name):
    assert render_message("Dear {{ last_name }}", {"last_name": name}) == f"Dear {name}"
    assert render_message("{{ greeting }}", {"first_name": name, "language": "en"}) == f"Dear {name},"


@pytest.mark.parametrize(
    ("language", "named", "unnamed"),
    [("de", "Hallo Ana,", "Guten Tag,"), ("en", "Dear Ana,", "Hello,"), ("fr", "Bonjour Ana,", "Bonjour,"),
     ("nl", "Beste Ana,", "Hallo,"), ("sv", "Dear Ana,", "Hello,"), (None, "Hallo Ana,", "Guten Tag,")],
)  # fmt: skip
def test_the_greeting_is_in_the_persons_language(language, named, unnamed):
    assert render_message("{{ greeting }}", {"language": language, "first_name": "Ana"}) == named
    assert render_message("{{ greeting }}", {"language": language}) == unnamed


def test_values_are_escaped_in_html_and_plain_in_text():
    facts = {"first_name": "<script>alert(1)</script>", "language": "en"}
    assert "<script>" not in render_message("<p>{{ greeting }}</p>", facts, is_html=True)
    assert render_message("{{ first_name }}", {"first_name": "A & B"}) == "A & B"
    # A name is a value: it is never read as a template.
    assert render_message("{{ first_name }}", {"first_name": "{{ 7 * 7 }}"}) == "{{ 7 * 7 }}"


def test_a_template_that_is_wrong_or_reaches_out_is_refused():
    for template in ("{{ first_name", "{% for %}", "{{ first_name | shout }}", "{{ ''.__class__ }}", "{{ 1 + 'a' }}"):
        with pytest.raises(RefusedOperation):
            render_message(template, {"first_name": "Ana"})


def test_a_subject_is_one_line():
    assert "\n" not in render_subject("For {{ first_name }}", {"first_name": "A\r\nBcc: x@example.org"})


def test_a_campaign_is_rendered_whole_or_not_at_all():
    with own_copy(small_company()) as store:
        people = {"Null": None, "Bee": "Ana"}
        customers = []
        for last_name, first_name in people.items():
            new = add_customer(store, last_name, [("email", f"{last_name}@example.org")], "2026-01-02",
                               first_name=first_name, language="en")  # fmt: skip
            confirm(store, f"{last_name}@example.org")
            customers.append(new["customer"]["customer_id"].item())
        made = campaign(store, "Spring", customers)
        found = render_campaign(store, made, "{{ greeting }} {{ first_name | default('') }} {{ last_name }}")
        assert found["body"].to_list() == ["Hello,  Null", "Dear Ana, Ana Bee"]
        assert found["subject"].to_list() == ["Spring", "Spring"]
        assert found["address"].to_list() == ["null@example.org", "bee@example.org"]
        with pytest.raises(RefusedOperation, match="default"):
            render_campaign(store, made, "{{ first_name }}")
        assert render_campaign(store, campaign(store, "empty", []), "x").empty


def test_each_segment_gets_its_offer():
    segments = pd.DataFrame({"customer_id": [1, 2, 3], "segment": ["a", "b", None]})
    assert choose_offers(segments, {"a": "tasting"}, "news")["offer"].to_list() == ["tasting", "news", "news"]
    with pytest.raises(ValueError, match="no column 'segment'"):
        choose_offers(segments[["customer_id"]], {}, "news")
