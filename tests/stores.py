"""Stores that several tests work in: of a small company, filled once a run, with a copy of its own for each test."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import companies
import pytest

from crmlab.company import Company, open_company
from crmlab.operational import open_store
from crmlab.operational.store import Store

PEOPLE = 300
SEED = 3


@functools.cache
def template_folder() -> tempfile.TemporaryDirectory:
    """Where the filled stores lie that are copied: not among the user's own. Removed when the tests end."""
    return tempfile.TemporaryDirectory(prefix="crmlab-test-", ignore_cleanup_errors=True)


def small_company(people: int = PEOPLE) -> Path:
    return companies.company_folder(SEED, people=people)


@contextlib.contextmanager
def own_copy(company: Company | Path | None) -> Iterator[Store]:
    """A private store of a company (None: the course company), closed and deleted at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRMLAB_CACHE", template_folder().name)
        store = open_store(company=company)
    with store:
        yield store


def company_fixture(people: int = PEOPLE):
    """A fixture to put into a test module as `company = company_fixture()`: the company of its stores."""

    @pytest.fixture(scope="module")
    def company():
        return open_company(small_company(people))

    return company


def store_fixture(people: int = PEOPLE, scope: str = "function"):
    """A fixture to put into a test module as `store = store_fixture()`: a store of so many people, anew for each test.

    With scope "module" the tests of a module share it, which is for those that write nothing others would see.
    """

    @pytest.fixture(scope=scope)
    def store():
        with own_copy(small_company(people)) as opened:
            yield opened

    return store
