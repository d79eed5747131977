"""The words that names and addresses are made of, frozen once from Faker.

Faker is asked once, when the course is made, and never a call a row. ``write_vocabulary()``
writes ``vocabulary.json`` again; a test holds the file against what this module makes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

_FILE = Path(__file__).with_name("vocabulary.json")
_LOCALES = ("de_DE", "en_IE", "fr_FR", "nl_NL")
_SEED = 20230101

#: People's names that break careless programs: they are in every company.
AWKWARD_LAST_NAMES = ("O'Brien", "van der Berg", "Müller-Lüdenscheidt", "Ng", "d'Arc", "Null", "Østergård", "Şahin")


def make_vocabulary() -> dict[str, list[str]]:
    """Lists of distinct words by kind, from Faker with a fixed seed."""
    from faker import Faker

    def distinct(count: int, word_of: Callable[[Faker], str]) -> list[str]:
        words: dict[str, None] = {}
        per_locale = count // len(_LOCALES)
        for locale in _LOCALES:
            faker = Faker(locale)
            faker.seed_instance(_SEED)
            found: dict[str, None] = {}
            for _ in range(200 * per_locale):
                word = word_of(faker)
                # A few entries are names as a card index has them ("Berg, van"): not what people call themselves.
                if "," not in word:
                    found[word] = None
                if len(found) == per_locale:
                    break
            words.update(found)
        return list(words)

    return {
        "first_names": distinct(480, lambda faker: faker.first_name().split()[0]),
        "last_names": [*distinct(720, lambda faker: faker.last_name()), *AWKWARD_LAST_NAMES],
        "streets": distinct(240, lambda faker: faker.street_name()),
        "cities": distinct(120, lambda faker: faker.city()),
        "company_names": distinct(240, lambda faker: faker.last_name()),
        "company_kinds": [
            "Architects", "Dental Practice", "Design", "Engineering", "Law", "Logistics", "Media", "Software",
            "Tax Advisers", "Trading",
        ],
    }  # fmt: skip


@functools.cache
def vocabulary() -> dict[str, list[str]]:
    """The frozen words.

    >>> sorted(vocabulary())
    ['cities', 'company_kinds', 'company_names', 'first_names', 'last_names', 'streets']
    """
    return json.loads(_FILE.read_text(encoding="utf-8"))


def write_vocabulary() -> None:
    """Write ``vocabulary.json`` anew."""
    _FILE.write_text(json.dumps(make_vocabulary(), ensure_ascii=False, indent=0) + "\n", encoding="utf-8", newline="\n")
