"""Personalised messages: a template and a customer become a text.

What is not known of a customer stays undefined, and an undefined name in a template is an error unless the template
gives a default: so nobody is greeted as "None". A person whose name is Null has a name. In an HTML template the values
are escaped, so that what somebody typed as a name cannot become part of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
import pandas as pd
from jinja2.sandbox import SandboxedEnvironment

from crmlab.operational.operation import whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store

#: ``greeting`` in each language: with a first name, and without.
GREETINGS = {
    "de": ("Hallo {},", "Guten Tag,"),
    "en": ("Dear {},", "Hello,"),
    "fr": ("Bonjour {},", "Bonjour,"),
    "nl": ("Beste {},", "Hallo,"),
}


def _is_missing(value: Any) -> bool:
    """Nothing known: None, not a number, or a text without a letter or digit. The text "Null" is a name."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or bool(pd.isna(value))


def _environment(is_html: bool) -> SandboxedEnvironment:
    return SandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=is_html, keep_trailing_newline=False)


def render_message(template: str, facts: Mapping[str, Any], *, is_html: bool = False) -> str:
    """A template with the facts of one customer.

    Parameters
    ----------
    template: Jinja: ``{{ first_name | default("coffee lover") }}``. ``greeting`` is there always: by first name where
        one is known, in the customer's ``language``.
    facts: names and values; what is None, not a number or blank counts as not known.

    Raises ``RefusedOperation`` for a template that is wrong, or that names what is not known without a default.

    >>> render_message("{{ greeting }} your beans wait.", {"first_name": None, "language": "en"})
    'Hello, your beans wait.'
    >>> render_message("Dear {{ first_name | default('friend') }} {{ last_name }}", {"last_name": "Null"})
    'Dear friend Null'
    >>> render_message("<p>{{ last_name }}</p>", {"last_name": "<b>O'Brien</b>"}, is_html=True)
    '<p>&lt;b&gt;O&#39;Brien&lt;/b&gt;</p>'
    """
    known = {name: value.strip() if isinstance(value, str) else value
             for name, value in facts.items() if not _is_missing(value)}  # fmt: skip
    named, unnamed = GREETINGS.get(known.get("language", "de"), GREETINGS["en"])
    known["greeting"] = named.format(known["first_name"]) if "first_name" in known else unnamed
    try:
        return _environment(is_html).from_string(template).render(known)
    except jinja2.UndefinedError as error:
        expected = "a default in the template, as in {{ first_name | default('coffee lover') }}"
        raise RefusedOperation("a message names what is known, or has a default", str(error), expected) from error
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        raise RefusedOperation("a template is one that Jinja reads", str(error), "such as {{ greeting }}") from error


def render_subject(template: str, facts: Mapping[str, Any]) -> str:
    """The subject of an e-mail: one line, whatever is in the facts (a line break would begin another header).

    >>> render_subject("News for {{ last_name }}", {"last_name": "Bee\\r\\nBcc: all@example.org"})
    'News for Bee Bcc: all@example.org'
    """
    return " ".join(render_message(template, facts).split())


def render_campaign(
    store: Store, campaign_id: int, body: str, *, subject: str = "{{ campaign_name }}", is_html: bool = False
) -> pd.DataFrame:
    """The messages of everybody in the treatment arm who was written to or still waits.

    Templates know ``first_name, last_name, language, postal_code, campaign_name, discount_percent`` and ``greeting``.
    Returns ``campaign_member_id, customer_id, address, subject, body``. Raises ``RefusedOperation`` and renders none
    when one of them cannot be rendered: try a template before the campaign is sent.
    """
    members = store.sql(
        """SELECT m.campaign_member_id, m.customer_id, p.value AS address, c.first_name, c.last_name, c.language,
          c.postal_code, campaign.name AS campaign_name, campaign.discount_percent
        FROM campaign_member AS m JOIN campaign USING (campaign_id) JOIN customer AS c USING (customer_id)
        JOIN contact_point AS p USING (contact_point_id)
        WHERE m.campaign_id = ? AND m.status IN ('queued', 'deferred', 'sent') ORDER BY 1""",
        [whole_number("campaign_id", campaign_id)],
    )
    rows = members.to_dict("records")
    return members[["campaign_member_id", "customer_id", "address"]].assign(
        subject=pd.Series([render_subject(subject, row) for row in rows], index=members.index, dtype="str"),
        body=pd.Series([render_message(body, row, is_html=is_html) for row in rows], index=members.index, dtype="str"),
    )


def choose_offers(segments: pd.DataFrame, offers: Mapping[str, str], default: str) -> pd.DataFrame:
    """Personalised promotions: the offer of each customer's segment, or the default where the table has none.

    ``segments``: ``customer_id, segment``. Returns them with ``offer``.

    >>> choose_offers(pd.DataFrame({"customer_id": [1, 2], "segment": ["champions", None]}), {"champions": "tasting"},
    ...               "news")["offer"].to_list()
    ['tasting', 'news']
    """
    for name in ("customer_id", "segment"):
        if name not in segments.columns:
            found = ", ".join(map(str, segments.columns))
            raise ValueError(f"segments has no column {name!r} (found: {found})")
    return segments.assign(offer=segments["segment"].map(dict(offers)).fillna(default).astype("str"))
