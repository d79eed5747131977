"""Making a company: the same from the same seed, whole or not at all, and clear about what cannot be."""

from __future__ import annotations

import hashlib

import pandas as pd
import pyarrow as pa
import pytest

from crmlab.company import domains as company_domains
from crmlab.company import draw_assumptions, generate, open_company
from crmlab.company.block import BLOCK_PEOPLE, Domain, Drawn, random_generator
from crmlab.company.observed import read_tables

TWO_BLOCKS = BLOCK_PEOPLE + 300


def fingerprint(folder) -> dict[str, str]:
    """A hash of the values of each table, not of Parquet bytes: the writer's version stands in the file."""
    found = {}
    for kind in ("company", "truth"):
        for name, table in read_tables(folder / kind).items():
            hashes = pd.util.hash_pandas_object(table, index=False).to_numpy()
            found[f"{kind}/{name}"] = hashlib.sha256(
                hashes.tobytes() + str(list(table.dtypes.items())).encode()
            ).hexdigest()
    return found


@pytest.fixture(scope="module")
def two_blocks(tmp_path_factory):
    return generate(TWO_BLOCKS, 5, tmp_path_factory.mktemp("two") / "blocks")


def test_any_number_of_workers_writes_the_same(two_blocks, tmp_path):
    assert fingerprint(generate(TWO_BLOCKS, 5, tmp_path / "two", n_jobs=2)) == fingerprint(two_blocks)


def test_bytes_are_the_same_too(two_blocks, tmp_path):
    again = generate(TWO_BLOCKS, 5, tmp_path / "again", n_jobs=2)
    files = sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two_blocks) for path in two_blocks.rglob("*") if path.is_file())
    assert all((again / path).read_bytes() == (two_blocks / path).read_bytes() for path in files)


def test_another_seed_is_another_company(two_blocks, tmp_path):
    other = fingerprint(generate(300, 6, tmp_path / "other"))
    same_for_all = {"company/territories", "company/product_links", "truth/seasonal_clock"}
    assert all(other[name] != value for name, value in fingerprint(two_blocks).items() if name not in same_for_all)


def test_numbers_of_blocks_do_not_overlap(two_blocks):
    company = open_company(two_blocks)
    assert company.orders["order_id"].is_unique
    assert company.customers["customer_id"].is_unique
    assert company.orders["customer_id"].isin(company.customers["customer_id"]).all()
    assert len(company.customers) > TWO_BLOCKS


def test_a_new_domain_leaves_the_others_as_they_are(monkeypatch, tmp_path):
    before = fingerprint(generate(400, 3, tmp_path / "before"))

    def draw_visits(block, made):
        return Drawn(tables={"visits": pa.table({"visit_id": block.rng("visits").integers(0, 9, 5)})})

    grown = (*company_domains.DOMAINS[:7], Domain("visits", draw_visits), *company_domains.DOMAINS[7:])
    monkeypatch.setattr(company_domains, "DOMAINS", grown)
    company_domains.draw_company_wide.cache_clear()
    after = fingerprint(generate(400, 3, tmp_path / "after"))
    company_domains.draw_company_wide.cache_clear()
    assert after.pop("company/visits")
    assert after == before


def test_an_interrupted_run_leaves_nothing(monkeypatch, tmp_path):
    def interrupted(done, all_blocks):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(300, 1, tmp_path / "company", progress=interrupted)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_cleared_away(tmp_path):
    left = tmp_path / ".company.unfinished" / "company" / "orders"
    left.mkdir(parents=True)
    (left / "part-00009.parquet").write_text("half")
    made = generate(300, 1, tmp_path / "company")
    assert [path.name for path in tmp_path.iterdir()] == ["company"]
    assert not (made / "company" / "orders" / "part-00009.parquet").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="exists and is not an empty folder"):
        generate(300, 1, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        generate(300, 1, tmp_path / "notes.txt")


@pytest.mark.parametrize(
    ("customers", "seed", "message"),
    [
        (0, 1, "customers must be a whole number of at least 1 \\(found: 0\\)"),
        (-5, 1, "customers must .*found: -5"),
        (2.5, 1, "customers must .*found: 2.5"),
        (True, 1, "customers must .*found: True"),
        ("many", 1, "customers must .*found: 'many'"),
        (10, -1, "seed must be a whole number of at least 0 \\(found: -1\\)"),
        (10, None, "seed must .*found: None"),
    ],
)
def test_numbers_that_cannot_be_are_refused(tmp_path, customers, seed, message):
    with pytest.raises(ValueError, match=message):
        generate(customers, seed, tmp_path / "company")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("customers", [1, 2, 25])
def test_very_small_companies_work(tmp_path, customers):
    company = open_company(generate(customers, 9, tmp_path / "company"))
    assert len(company.customers) >= customers
    for name in company.tables:
        assert len(getattr(company, name).columns) > 1


def test_progress_counts_the_blocks(tmp_path):
    seen = []
    generate(TWO_BLOCKS, 5, tmp_path / "company", progress=lambda done, all_blocks: seen.append((done, all_blocks)))
    assert seen == [(1, 2), (2, 2)]


def test_random_streams_are_keyed_by_seed_domain_and_block():
    def draw(*key):
        return random_generator(*key).integers(0, 2**63)

    first = draw(1, "orders", 0)
    assert draw(1, "orders", 0) == first
    others = [draw(2, "orders", 0), draw(1, "people", 0), draw(1, "orders", 1), draw(1, "orders")]
    assert len({first, *others}) == 5


def test_settings_follow_from_the_seed():
    assert draw_assumptions(4) == draw_assumptions(4)
    assert draw_assumptions(4) != draw_assumptions(5)
