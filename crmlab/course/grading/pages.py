"""The HTML pages: one style, everything escaped, nothing loaded, no script."""

import functools
from pathlib import Path
from typing import Any

import jinja2


def page(template: str, **content: Any) -> str:
    """A page from its template. Every text in it is escaped, whoever wrote it."""
    text = _environment().get_template(template).render(**content)
    return text.encode("utf-8", "replace").decode("utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("pages")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
