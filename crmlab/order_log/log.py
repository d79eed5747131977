"""An order log as it is being read: its columns, the number of each row, and what is wrong with which row."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class RowReports(list):
    """A list of dicts, one a row. pandas copies `.attrs` deeply at every step: a million reports must not be copied."""

    def __deepcopy__(self, memo: dict) -> "RowReports":
        return self


@dataclass
class Log:
    """The columns of a source by role, the number of each row, and what is wrong with which row."""

    name: str
    numbered_by: str
    columns: dict[str, pa.Array]
    numbers: np.ndarray
    unreadable: list[dict] = field(default_factory=list)
    faults: list[tuple[np.ndarray, Callable[[int], str]]] = field(default_factory=list)

    def drop_blank_rows(self) -> None:
        for role, values in self.columns.items():
            values = values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
            values = values.cast(pa.string()) if pa.types.is_null(values.type) else values
            values = pc.utf8_trim_whitespace(values) if is_text(values.type) else values
            self.columns[role] = values
        filled = ~np.logical_and.reduce([missing_values(values) for values in self.columns.values()])
        if not filled.all():
            self.columns = {role: values.filter(pa.array(filled)) for role, values in self.columns.items()}
            self.numbers = self.numbers[filled]

    def shown(self, role: str, i: int) -> str:
        value = self.columns[role][i].as_py()
        return repr(value) if isinstance(value, str) else str(value)

    def fault(self, bad: np.ndarray, reason: Callable[[int], str]) -> None:
        if bad.any():
            self.faults.append((bad, reason))

    def bad(self) -> np.ndarray:
        return np.logical_or.reduce([bad for bad, _ in self.faults] or [np.zeros(len(self.numbers), bool)])

    def rejected(self, limit: int | None) -> RowReports:
        found = [
            {"row": int(self.numbers[i]), "reason": "; ".join(reason(i) for bad, reason in self.faults if bad[i])}
            for i in np.flatnonzero(self.bad())[:limit]
        ]
        return RowReports(sorted(found + self.unreadable, key=lambda report: report["row"])[:limit])

    def complaint(self, first: list[dict]) -> str:
        bad, rows = int(self.bad().sum()) + len(self.unreadable), len(self.numbers) + len(self.unreadable)
        shown = [f"  {self.numbered_by} {report['row']}: {report['reason']}" for report in first]
        more = [f"  ... and {bad - len(first):,} more"] if bad > len(first) else []
        heading = f"{self.name}: {bad:,} of {rows:,} rows cannot be read"
        return "\n".join([heading, *shown, *more, "To keep the good rows, say bad_rows='report'."])


def missing_values(values: pa.Array) -> np.ndarray:
    if is_text(values.type):
        return as_numpy(pc.fill_null(pc.equal(values, ""), True))
    return as_numpy(values.is_null(nan_is_null=True))


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def as_numpy(values: pa.Array) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)
