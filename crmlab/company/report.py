"""One HTML page that holds a company against the truth behind it and against published facts. A spoiler."""

from __future__ import annotations

from pathlib import Path

import jinja2

from crmlab.company.report_baskets import baskets_section
from crmlab.company.report_concentration import concentration_section
from crmlab.company.report_contacts import contacts_section
from crmlab.company.report_customers import orders_section, recency_section
from crmlab.company.report_leaving import leaving_section, retention_section
from crmlab.company.report_process import duplicates_section, process_section
from crmlab.company.report_seasons import seasonality_section
from crmlab.company.report_service import delivery_section, returns_section
from crmlab.company.report_source import open_source
from crmlab.whole_files import write_text_whole

#: What the page is called.
REPORT = "report.html"

_SECTIONS = (
    orders_section,
    recency_section,
    concentration_section,
    seasonality_section,
    baskets_section,
    returns_section,
    delivery_section,
    leaving_section,
    retention_section,
    contacts_section,
    duplicates_section,
    process_section,
)
_ABSENT = {
    "": "Nothing is absent: segments, rules and a leak are there.",
    "segments": "Absent: segments. All customers have the same tastes; the honest answer to “which segments?” is none.",
    "rules": "Absent: rules. Products fall into baskets independently; the honest answer to “what goes with what?” is "
    "nothing.",
    "lift": "Absent: lift. Campaigns change nothing. Nothing on this page shows it: it holds no campaigns.",
    "leak": "Absent: leak. Service, price and competitors drive nobody away.",
}


def write_report(folder: Path | str) -> Path:
    """Write ``report.html``, one self-contained page of plots and figures, into the folder of a company.

    The page is a spoiler for the exercises. It has no clock: the same company gives the same bytes. The tables are
    read with DuckDB, so a large company needs no more memory than a small one.

    Returns the page's path; it is there whole, or not at all. Raises ``FileNotFoundError`` where ``folder`` holds no
    company.

    >>> import tempfile
    >>> from crmlab.company import generate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_report(generate(200, 7, Path(folder) / "small"))
    ...     page.name, page.read_text(encoding="utf-8").count("<section")
    ('report.html', 12)
    """
    with open_source(folder) as source:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        text = environment.get_template("report.html").render(
            source=source,
            absent=_ABSENT[source.absent],
            counts={"company": source.row_counts("company"), "truth": source.row_counts("truth")},
            settings=sorted(source.settings.items()),
            sections=[make(source) for make in _SECTIONS],
        )
        path = source.folder / REPORT
    write_text_whole(path, text)
    return path
