"""Generating a company: the same bytes from the same seed, on any number of workers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import joblib

from crmlab.company.assumptions import Assumptions, draw_assumptions
from crmlab.company.block import Block, HandedOn
from crmlab.company.domains import blocks, draw_block, draw_company_wide, draw_days, draw_files, tables_of
from crmlab.company.tables import Parts, whole_folder, write_parts
from crmlab.company.truth import assumptions_table

#: What the description file of a company is called.
DESCRIPTION = "company.json"


#: Where blocks leave what the days start from; gone when the company is there.
_HANDED_ON = ".handed_on"


def _write_block(block: Block, folder: Path) -> None:
    drawn = draw_block(block)
    # Parts of blocks come after the part that is drawn once for the company.
    write_parts(tables_of(drawn, "tables"), folder / "company", block.number + 1)
    write_parts(tables_of(drawn, "truth"), folder / "truth", block.number + 1)
    write_parts(tables_of(drawn, "handed_on"), folder / _HANDED_ON, block.number + 1)


def _write_days(seed: int, given: Assumptions, folder: Path) -> None:
    parts = {kind: Parts(folder / kind) for kind in ("company", "truth")}
    for drawn in draw_days(seed, given, HandedOn(folder / _HANDED_ON)):
        parts["company"].add(tables_of(drawn, "tables"))
        parts["truth"].add(tables_of(drawn, "truth"))
    for each in parts.values():
        each.write_rest()
    shutil.rmtree(folder / _HANDED_ON, ignore_errors=True)


def generate(
    customers: int,
    seed: int,
    out: Path | str,
    n_jobs: int = 1,
    *,
    assumptions: Assumptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the company with this seed to the folder ``out``: ``company/<table>/part-*.parquet`` and
    ``truth/<table>/...``.

    Parameters
    ----------
    customers: how many people the company has dealt with, at least 1. A few are recorded twice, so there are
        about 4 % more rows in ``customers``.
    seed: a whole number from 0. It decides everything, also whether the company lacks something (see ``Assumptions``).
    out: a folder that does not exist yet, or is empty. It is there whole at the end, or not at all.
    n_jobs: workers, through joblib (-1: one a processor). The files are the same for any number.
    assumptions: what is true of the company; drawn from the seed unless given.
    progress: called with (blocks done, blocks in all) as the work goes on.

    Returns the folder. Raises ``ValueError`` for a number that cannot be, ``FileExistsError`` where something is in
    the way.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = generate(200, 7, Path(folder) / "small")
    ...     sorted(path.name for path in made.iterdir())
    ['company', 'company.json', 'truth']
    """
    _check_whole("customers", customers, 1)
    _check_whole("seed", seed, 0)
    out = Path(out)
    given = draw_assumptions(seed) if assumptions is None else assumptions
    todo = blocks(customers, seed, given)
    with whole_folder(out) as folder:
        once = {**draw_company_wide(seed, given), **draw_files(seed, given)}
        write_parts(tables_of(once, "tables"), folder / "company", 0)
        write_parts({**tables_of(once, "truth"), "assumptions": assumptions_table(given)}, folder / "truth", 0)
        work = (joblib.delayed(_write_block)(block, folder) for block in todo)
        finished = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(work)
        for done, _ in enumerate(finished, start=1):
            if progress is not None:
                progress(done, len(todo))
        _write_days(seed, given, folder)
        description = {
            "as_of": given.as_of.isoformat(),
            "customers": customers,
            "seed": seed,
            "start": given.start.isoformat(),
        }
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8", newline="\n")
    return out


def _check_whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least} (found: {value!r})")
