"""The committed course company is what its seed makes, and its data dictionary says what stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from crmlab.company import draw_assumptions, generate, open_company
from crmlab.company.course import COURSE_CUSTOMERS, COURSE_SEED, ensure_course_company
from crmlab.company.observed import read_tables

DATASETS = Path(__file__).parents[1] / "datasets"
DICTIONARY = (DATASETS / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made_again(tmp_path_factory):
    return generate(COURSE_CUSTOMERS, COURSE_SEED, tmp_path_factory.mktemp("course") / "company")


@pytest.mark.parametrize("kind", ["company", "truth"])
def test_the_seed_makes_the_committed_values(made_again, kind):
    committed, made = read_tables(DATASETS / kind), read_tables(made_again / kind)
    assert list(committed) == list(made)
    for name, table in committed.items():
        pd.testing.assert_frame_equal(table, made[name], check_exact=True, obj=name)


def test_the_course_company_lacks_nothing():
    assert draw_assumptions(COURSE_SEED).absent == ""


def test_it_is_small_enough_to_commit():
    assert sum(path.stat().st_size for path in DATASETS.rglob("*.parquet")) < 10_000_000


def _sections() -> dict[str, tuple[int, set[str]]]:
    """Table -> rows and columns, as the dictionary has them."""
    found = {}
    for section in re.split(r"^### ", DICTIONARY, flags=re.MULTILINE)[1:]:
        name, rows = re.match(r"([\w/]+): ([\d,]+) rows", section).groups()
        listed = re.findall(r"^- ((?:`\w+`(?:, )?)+)", section, flags=re.MULTILINE)
        found[name] = int(rows.replace(",", "")), {column for each in listed for column in re.findall(r"`(\w+)`", each)}
    return found


def test_the_dictionary_lists_every_table_with_its_rows_and_columns():
    tables = {**read_tables(DATASETS / "company")}
    tables.update({f"truth/{name}": table for name, table in read_tables(DATASETS / "truth").items()})
    assert _sections() == {name: (len(table), set(table.columns)) for name, table in tables.items()}


def test_the_dictionary_names_every_value_of_a_closed_list():
    company = open_company(DATASETS)
    for table, column in [
        ("products", "category"),
        ("products", "type"),
        ("product_links", "kind"),
        ("orders", "channel"),
        ("returns", "reason"),
        ("consents", "action"),
        ("contact_points", "kind"),
        ("staff", "role"),
        ("accounts", "type"),
        ("interactions", "channel"),
        ("interactions", "direction"),
        ("interactions", "topic"),
        ("tickets", "type"),
        ("tickets", "priority"),
        ("tickets", "status"),
        ("agents", "employer"),
        ("agent_shifts", "activity"),
    ]:
        section = DICTIONARY.split(f"### {table}: ")[1].split("### ")[0]
        line = re.search(rf"^- `{column}`.*$", section, flags=re.MULTILINE).group()
        for value in getattr(company, table)[column].unique():
            assert value in line, (table, column, value)


def test_a_lab_without_the_company_makes_it(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "README.md").write_text("kept")
    half = tmp_path / "datasets" / "company" / "orders"
    half.mkdir(parents=True)
    folder = ensure_course_company(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "company", "company.json", "truth"]
    assert len(open_company(folder).orders) == len(open_company(DATASETS).orders)
    before = (folder / "company.json").stat().st_mtime_ns
    assert ensure_course_company(tmp_path) == folder
    assert (folder / "company.json").stat().st_mtime_ns == before
