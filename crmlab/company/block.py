"""Blocks and domains: how a company of any size is drawn piece by piece, with the same result on any number of workers.

A **domain** is one part of the company's life (its people, its orders, its returns). It is drawn once for the
company, or once for each **block** of customers; or it is a **file** that stands beside the company, on which nothing
builds. Each draw has a random stream of its own, keyed by the seed, the domain's name and the block's number. So it
does not matter which worker draws a block, or when; and a new domain leaves the others' tables unchanged. Block sizes
are constants: they are part of what a seed means.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from crmlab.company.assumptions import Assumptions

#: People in a block. A block's tables stay in memory together: about 60 MB.
BLOCK_PEOPLE = 50_000
#: Room for the numbers of one block: the ids of block b start at b times this, plus one.
IDS_PER_BLOCK = 10_000_000


def random_generator(seed: int, domain: str, block: int | None = None) -> np.random.Generator:
    """A random stream for one domain and one block (``None``: drawn once for the whole company).

    >>> bool(random_generator(1, "orders", 0).random() == random_generator(1, "orders", 0).random())
    True
    """
    key = (zlib.crc32(domain.encode()), 0 if block is None else block + 1)
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))


@dataclasses.dataclass(frozen=True)
class Block:
    """People ``first_person`` to ``first_person + people - 1`` (numbered from 1) of one company.

    ``number`` is ``None`` where a domain is drawn once for the whole company.
    """

    seed: int
    assumptions: Assumptions
    number: int | None = None
    people: int = 0

    @property
    def first_person(self) -> int:
        """The number of the block's first person."""
        return self.first_id // IDS_PER_BLOCK * BLOCK_PEOPLE + 1

    @property
    def first_id(self) -> int:
        """The first order, line, return ... number of this block."""
        return (self.number or 0) * IDS_PER_BLOCK + 1

    def ids(self, count: int) -> np.ndarray:
        """``count`` numbers of this block, int64, in order."""
        if count > IDS_PER_BLOCK:
            raise ValueError(f"block {self.number} needs {count} ids, but a block has room for {IDS_PER_BLOCK}")
        return np.arange(self.first_id, self.first_id + count, dtype=np.int64)

    def rng(self, domain: str) -> np.random.Generator:
        """The random stream of ``domain`` in this block."""
        return random_generator(self.seed, domain, self.number)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What a domain made: observable tables, hidden truth, facts that later domains build on, and what the days need.

    ``handed_on``: tables from which a domain that is drawn by days starts, with a column ``day`` in ascending order.
    """

    tables: Mapping[str, pa.Table] = dataclasses.field(default_factory=dict)
    truth: Mapping[str, pa.Table] = dataclasses.field(default_factory=dict)
    facts: Any = None
    handed_on: Mapping[str, pa.Table] = dataclasses.field(default_factory=dict)


class HandedOn:
    """What the blocks handed on to the days, in a folder: tables with a column ``day``, a file a block.

    Reads what lies between two days, so that the days need no more memory for a large company.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def _files(self, name: str) -> list[Path]:
        return sorted((self._folder / name).glob("part-*.parquet"))

    def between(self, name: str, first_day: int, after: int) -> pa.Table:
        """Rows of the table ``name`` with ``first_day <= day < after``, block by block."""
        days = [("day", ">=", first_day), ("day", "<", after)]
        return pa.concat_tables([pq.read_table(file, filters=days, use_threads=False) for file in self._files(name)])

    def counts_by_day(self, name: str, column: str, days: int, values: int) -> np.ndarray:
        """How many rows there are by day and value of a column of small whole numbers, int64 (days, values)."""
        counts = np.zeros((days, values), dtype=np.int64)
        for file in self._files(name):
            rows = pq.read_table(file, columns=["day", column], use_threads=False)
            np.add.at(counts, (rows["day"].to_numpy(), rows[column].to_numpy()), 1)
        return counts


class Made(dict[str, Any]):
    """What earlier domains made: their ``facts`` by the domain's name, as a mapping.

    ``tables`` and ``truth`` hold what they wrote in this block (or for the company), by the table's name: a later
    domain may look up what the company could look up, or what really happened.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, pa.Table] = {}
        self.truth: dict[str, pa.Table] = {}

    def add(self, name: str, drawn: Drawn) -> None:
        """Keep what the domain ``name`` made."""
        self[name] = drawn.facts
        self.tables.update(drawn.tables)
        self.truth.update(drawn.truth)


@dataclasses.dataclass(frozen=True)
class Domain:
    """One part of the company's life: its name, the function that draws it, and what it is drawn for.

    ``draw(block, made)`` gets a ``Block`` and what the domains before it made (``Made``). ``drawn_for``: ``"block"``,
    a block of people at a time; ``"company"``, once, and quickly, since each worker draws it again to build blocks on
    it; ``"file"``, once and by one worker, since nothing builds on it; ``"days"``, once and by one worker after all
    blocks, from day to day, where people are coupled (a queue): ``draw(block, made, handed_on)`` yields what it draws
    part by part, from what the blocks handed on (``HandedOn``).
    """

    name: str
    draw: Callable[..., Any]
    drawn_for: Literal["block", "company", "file", "days"] = "block"
