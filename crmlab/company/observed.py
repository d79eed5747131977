"""The company as its own systems see it: observable tables as pandas frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crmlab.home import find_home

if TYPE_CHECKING:
    from crmlab.company.market import Market
    from crmlab.company.past_baskets import PastBaskets


def company_folder(path: Path | str | None = None) -> Path:
    """The folder of a company: ``path``, or ``datasets`` in the lab's home.

    Raises ``FileNotFoundError`` that names the folder and what to do.
    """
    folder = find_home() / "datasets" if path is None else Path(path)
    if not (folder / "company").is_dir():
        found = f"a folder with {sorted(each.name for each in folder.iterdir())}" if folder.is_dir() else "nothing"
        raise FileNotFoundError(
            f"{folder}: expected a company, that is a folder with 'company' in it (found: {found}); "
            "make one with 'crmlab generate --customers 20000 --seed 1 --out FOLDER'"
        )
    return folder


def _pandas_columns(table: pa.Table) -> pa.Table:
    """Texts as plain text; dates, and whole numbers all of one kind, so that sums and products cannot overflow."""
    for position, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_dictionary(kind):
            table = table.set_column(position, field.name, table.column(position).cast(kind.value_type))
        elif pa.types.is_integer(kind):
            table = table.set_column(position, field.name, table.column(position).cast(pa.int64()))
        elif pa.types.is_date(kind):
            # The unit that pandas gives to dates of its own: frames of both kinds can be merged.
            table = table.set_column(position, field.name, table.column(position).cast(pa.timestamp("us")))
    return table


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """An Arrow table as a frame: dates as datetime64, whole numbers as int64, or Int64 where some are missing."""
    table = _pandas_columns(table)
    frame = table.to_pandas(ignore_metadata=True)
    for field, column in zip(table.schema, table.columns, strict=True):
        if column.null_count and pa.types.is_integer(field.type):
            frame[field.name] = column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame


def read_table(folder: Path) -> pd.DataFrame:
    """One table, all its parts in order."""
    parts = sorted(folder.glob("part-*.parquet"))
    if not parts:
        raise FileNotFoundError(f"{folder}: expected files named part-*.parquet (found none)")
    return to_pandas(pa.concat_tables([pq.read_table(part) for part in parts], promote_options="permissive"))


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """All tables of a folder, by name."""
    return {each.name: read_table(each) for each in sorted(folder.iterdir()) if each.is_dir()}


class Company:
    """The observable tables of one company, each read when it is first asked for.

    ``as_of`` is the last day that the tables know of (a Timestamp). ``tables`` lists the names; each is an attribute.
    Each look gives a frame of its own, so that changing one changes nothing else.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._frames: dict[str, pd.DataFrame] = {}
        self._market: Market | None = None
        self._past_baskets: PastBaskets | None = None
        description = json.loads((folder / "company.json").read_text(encoding="utf-8"))
        self.as_of = pd.Timestamp(description["as_of"])
        self.start = pd.Timestamp(description["start"])

    @property
    def folder(self) -> Path:
        """Where the company is on disk."""
        return self._folder

    @property
    def tables(self) -> list[str]:
        """The names of the tables, in the order of the alphabet."""
        return sorted(each.name for each in (self._folder / "company").iterdir() if each.is_dir())

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or name not in self.tables:
            raise AttributeError(f"the company has no table {name!r} (found: {', '.join(self.tables)})")
        if name not in self._frames:
            self._frames[name] = read_table(self._folder / "company" / name)
        return self._frames[name].copy()

    def react(
        self,
        actions: pd.DataFrame,
        until: object,
        *,
        seed: int,
        history: pd.DataFrame | None = None,
        watch_contracts: bool = False,
        order_lines: bool = False,
    ) -> pd.DataFrame:
        """What customers do after what is done to them: reactions from the hidden truth, from ``as_of`` on.

        Parameters
        ----------
        actions: a row an action, in any order: ``action_id`` (its own), ``customer_id``, ``at`` (a moment from
            ``as_of`` on), ``kind``: ``message``, ``retention_offer`` (to somebody who may leave),
            ``win_back_offer`` (to somebody who has left), or ``no_contact`` for those who are held out and only
            watched.
            A message needs ``channel`` (email, post, phone) and ``message`` (voucher, new_roast, gift_guide,
            plan_advice), and a voucher may say its ``discount_percent`` (10). An offer needs ``channel``, and
            may say its ``offer_cents`` (1500): a credit on the next purchase within 90 days. What a contact costs is
            not among the reactions. Other columns are not looked at.
            Whether there is permission is the sender's business.
        until: the last day that is watched, the whole of it.
        seed: a whole number from 0: the market's luck. The same seed and actions give the same reactions, in any
            order of rows; nobody's reactions depend on who else is in the list; a later ``until`` adds to them.
        history: earlier actions (``customer_id``, ``at``, ``kind``): their messages still tire the readers.
        order_lines: whether to say what is bought, so that ``place_order`` can place it. The reactions are the same;
            a purchase then costs what its goods cost, which is about as much.
        watch_contracts: whether to tell of contracts too: reaction ``ended``, with ``contract`` (subscription,
            service_contract) and ``contract_id`` as two more columns, for those reached and those held out alike.

        A retention offer keeps some of those who would leave within 90 days, their purchases and their contracts, and
        reminds some others to leave. A win-back offer brings back some of those who have left.

        Returns a frame in the order of time: ``action_id``, ``customer_id``, ``reaction`` (opened and clicked, of
        e-mails; bought; opted_out), ``at``, ``amount_cents`` (paid; missing where nothing is bought) and
        ``discount_cents``; with ``order_lines`` also ``voucher_percent`` and ``order_lines``, pairs of product_id and
        quantity. A purchase belongs to the person's latest action before it, held out or not. Who has two
        records reacts as one person.

        Raises ``ValueError`` that names what is wrong with the actions, and ``FileNotFoundError`` where the hidden
        truth is not there.

        >>> company = open_company()
        >>> actions = pd.DataFrame({"action_id": [1, 2], "customer_id": [7, 8], "kind": ["message", "no_contact"],
        ...                         "channel": ["email", None], "message": ["voucher", None],
        ...                         "at": pd.to_datetime(["2026-01-12 09:00", "2026-01-12 09:00"])})
        >>> list(company.react(actions, "2026-01-31", seed=1).columns)
        ['action_id', 'customer_id', 'reaction', 'at', 'amount_cents', 'discount_cents']
        """
        from crmlab.company.market import open_market
        from crmlab.company.past_baskets import past_baskets
        from crmlab.company.reaction import react

        if self._market is None:
            self._market = open_market(self._folder)
        if order_lines and self._past_baskets is None:
            self._past_baskets = past_baskets(self._market, self.orders, self.order_lines, self.products)
        return react(
            self._market,
            actions,
            until,
            seed=seed,
            history=history,
            watch_contracts=watch_contracts,
            baskets=self._past_baskets if order_lines else None,
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.tables]

    def __repr__(self) -> str:
        return f"Company(as_of={self.as_of:%Y-%m-%d}, tables={', '.join(self.tables)})"


def open_company(path: Path | str | None = None) -> Company:
    """The course company, or the one in the folder ``path``.

    Its home is found by the variable ``CRMLAB_HOME``, else as the repository's root.

    >>> company = open_company()
    >>> company.as_of
    Timestamp('2025-12-31 00:00:00')
    >>> list(company.orders.columns[:3])
    ['order_id', 'customer_id', 'order_date']
    """
    return Company(company_folder(path))
