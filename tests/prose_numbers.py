"""Which numbers in a lesson's prose does no cell of the lesson show?

A number in the prose must stand in an output or in the code of the same notebook, with the same value: 1,218 is 1218
and 12.50 is 12.5, 27.3 % is also 0.273, 1.2 million is also 1200000, and "31 December 2025" is 2025-12-31. Signs are
not compared ("fell by 3.2"). Rounding is: prose that says 0.27 needs a cell that shows 0.27.

Not looked at, because they are not results:
- code spans and fences, formulas between dollar signs, addresses of links and images, HTML tags;
- the numbering of headings and of lists;
- minutes in the first cell, in headings and in lines wholly in italics (the lesson's timetable), and points and minutes
  of an exercise in brackets: (2 points, 5 minutes);
- references to a lesson, chapter, section, exercise, question, step, part or equation: lesson 04, chapters 06 and 07;
- a year at the end of round brackets, as in a citation (Hughes 1996), and everything under a heading References,
  Sources or Further reading.
"""

import calendar
import html
import io
import re
import tokenize
from collections.abc import Iterator
from decimal import Decimal

MONTHS = {name: number for number, name in enumerate(calendar.month_name) if name}
MONTH = "|".join(MONTHS)
SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
NUMBER = re.compile(
    r"(?<![A-Za-z_\d.])(?<![A-Za-z]-)"
    r"(?P<digits>\d{1,3}(?:[,\u00a0\u202f_']\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d_])(?P<exponent>[eE][-+]?\d+)?"
    r"(?P<percent>\s?%|[\s-]per\s?cent\b|(?:st|nd|rd|th)\s+percentile)?"
    r"(?:\s(?P<scale>thousand|million|billion)\b)?"
)
DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d))?\b"),
    re.compile(rf"\b(?:(?P<day>\d{{1,2}}) )?(?P<month>{MONTH}) (?P<year>\d{{4}})\b"),
    re.compile(rf"\b(?P<month>{MONTH}) (?P<day>\d{{1,2}}), (?P<year>\d{{4}})\b"),
)
CLOCK_TIME = re.compile(r"(?<![\d:])\d{1,2}:\d\d(?::\d\d)?(?![\d:])")

FENCE = re.compile(r"^(?P<mark> {0,3}(?:```|~~~))[^\n]*\n.*?(?:^(?P=mark)[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
NOT_PROSE = (
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"(`+).+?\1", re.DOTALL),
    re.compile(r"\$\$.+?\$\$", re.DOTALL),
    re.compile(r"(?<!\\)\$[^$\n]+\$"),
    re.compile(r"(?<=\])\([^)]*\)"),
    re.compile(r"https?://\S+"),
    re.compile(r"<[^<>]+>"),
)
REFERENCE_KIND = "lesson|chapter|section|exercise|question|step|part|equation"
NOT_RESULTS = (
    re.compile(r"^(?P<keep>\s*#+\s*)\d+(?:\.\d+)*[.)]?(?=\s)", re.MULTILINE),
    re.compile(r"^(?P<keep>[\s>]*)\d+[.)](?=\s)", re.MULTILINE),
    re.compile(rf"\b(?P<keep>)(?:{REFERENCE_KIND})s\s+\d+[a-z]?(?:(?:,\s*|\s+and\s+|\s+to\s+|-)\d+[a-z]?)*\b", re.I),
    re.compile(rf"\b(?P<keep>)(?:{REFERENCE_KIND})\s+\d+[a-z]?\b", re.I),
    re.compile(r"(?P<keep>)\((?:[^()\d]|\b(?:1[89]|20)\d\d[a-z]?;)*\b(?:1[89]|20)\d\d[a-z]?\)"),
    re.compile(r"(?P<keep>)\((?:\d+\s+(?:points?|minutes?|min)(?:,\s*)?)+(?:marked by hand)?\)"),
)
MINUTES = re.compile(
    r"\b\d+(?:\s*(?:\+|-|to)\s*\d+)*[\s-](?:minutes?|min)\b|\b(?:minutes?|min)\s+\d+(?:\s*(?:-|to)\s*\d+)?\b", re.I
)
TIMETABLE_LINE = re.compile(r"^\s*(?:#+\s.*|\*[^*].*[^*]\*|_[^_].*[^_]_)\s*$")
SOURCES_HEADING = re.compile(r"^#+\s*(?:References|Sources|Further reading)\b", re.I)


def unshown_numbers(notebook: dict) -> list[str]:
    """The numbers, dates and clock times of the prose that no cell shows, as "cell 3: 1,218".

    >>> say = {"cell_type": "markdown", "source": "Of 1,218 customers 27.3 % came back."}
    >>> show = {"cell_type": "code", "source": "print(len(customers))", "outputs": [
    ...     {"output_type": "stream", "name": "stdout", "text": "1218"}]}
    >>> unshown_numbers({"cells": [say, show]})
    ['cell 1: 27.3 %']
    """
    shown = shown_text(notebook)
    shown_days = {day for date, _ in find_dates(shown) for day in (date, date[:7])}
    years = {Decimal(day[:4]) for day in shown_days}
    numbers_only = CLOCK_TIME.sub(" ", without_dates(shown))
    shown_values = {value for values, _ in find_numbers(numbers_only) for value in values} | years
    shown_times = set(CLOCK_TIME.findall(shown))
    missing = []
    for place, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] != "markdown":
            continue
        prose = prose_of(joined(cell["source"]), first=place == 1)
        absent = [text for date, text in find_dates(prose) if date not in shown_days]
        prose = without_dates(prose)
        absent += [text for text in CLOCK_TIME.findall(prose) if text not in shown_times]
        numbers = find_numbers(CLOCK_TIME.sub(" ", prose))
        absent += [text for values, text in numbers if not values & shown_values]
        missing += [f"cell {place}: {text}" for text in absent]
    return missing


def prose_of(markdown: str, *, first: bool) -> str:
    """The markdown without what is not prose and without the numbers that are not results."""
    text = FENCE.sub("\n", markdown.replace("\u2013", "-").replace("\u2212", "-"))
    for pattern in NOT_PROSE:
        text = pattern.sub(" ", text)
    lines, sources = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            sources = bool(SOURCES_HEADING.match(line.lstrip()))
        if not sources:
            lines.append(MINUTES.sub(" ", line) if first or TIMETABLE_LINE.match(line) else line)
    text = "\n".join(lines)
    for pattern in NOT_RESULTS:
        text = pattern.sub(r"\g<keep>", text)
    return text


def shown_text(notebook: dict) -> str:
    """What the code cells hold and show, as text: code without comments, printed text, tables."""
    parts = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            parts.append(code_without_comments(joined(cell["source"])))
            parts += [text for output in cell["outputs"] for text in output_texts(output)]
    return "\n".join(parts)


def output_texts(output: dict) -> Iterator[str]:
    """The texts of one output; of a table in HTML, what stands between the tags."""
    if output["output_type"] == "stream":
        yield joined(output["text"])
    elif output["output_type"] == "error":
        yield output["evalue"]
    else:
        for kind, content in output["data"].items():
            if kind == "text/html":
                without_style = re.sub(r"<style.*?</style>", " ", joined(content), flags=re.DOTALL)
                yield html.unescape(re.sub(r"<[^<>]+>", " ", without_style))
            elif kind.startswith("text/"):
                yield joined(content)


def code_without_comments(source: str) -> str:
    """The code, so that a number in a comment does not count as shown.

    >>> code_without_comments("bins = 5  # not 7").strip()
    'bins = 5'
    """
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    source = "\n".join(lines) + "\n"
    kept = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            kept[row - 1] = kept[row - 1][:column]
    return "\n".join(kept)


def find_numbers(text: str) -> Iterator[tuple[set[Decimal], str]]:
    """Each number with the values that may stand for it in an output.

    >>> [sorted(values) for values, _ in find_numbers("12.50, 1,218 and 27.3 %, UTF-8")]
    [[Decimal('12.50')], [Decimal('1218')], [Decimal('0.273'), Decimal('27.3')]]
    """
    for match in NUMBER.finditer(text):
        digits = re.sub(r"[,\u00a0\u202f_']", "", match["digits"])
        value = Decimal(digits + (match["exponent"] or ""))
        values = {value}
        if match["percent"]:
            values.add(value / 100)
        if match["scale"]:
            values.add(value * SCALES[match["scale"]])
        yield values, match[0].strip()


def find_dates(text: str) -> Iterator[tuple[str, str]]:
    """Each date or month of a year as 2025-12-31 or 2025-12, and as it stands in the text.

    >>> list(find_dates("as of 31 December 2025"))
    [('2025-12-31', '31 December 2025')]
    """
    for pattern in DATES:
        for match in pattern.finditer(text):
            month = match["month"]
            number = int(month) if month.isdigit() else MONTHS[month]
            day = f"-{int(match['day']):02d}" if match["day"] else ""
            yield f"{match['year']}-{number:02d}{day}", match[0]


def without_dates(text: str) -> str:
    for pattern in DATES:
        text = pattern.sub(" ", text)
    return text


def joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
