"""How the questions did: difficulty, discrimination, and the misconceptions that they met.

Difficulty is the mean share of a question's points among those whose work was run. Discrimination is the correlation of
a question with the points of all other questions (corrected item-total correlation; Crocker & Algina 1986, chapter 14):
near or below 0, it does not tell those who know from those who do not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crmlab.course.answer_key import AnswerKey

#: Who has at least this share of a question's points has passed it.
PASSED = 0.5


@dataclass(frozen=True)
class ItemStatistics:
    """One question over the class. `difficulty` and `discrimination` are None where they cannot be computed."""

    name: str
    points: int
    taken: int
    difficulty: float | None
    discrimination: float | None
    passed: int
    not_attempted: int

    @property
    def nobody_passes(self) -> bool:
        """Nobody passed a question that somebody tried: the question or its key may be at fault."""
        return self.taken > self.not_attempted and self.passed == 0


def item_statistics(key: AnswerKey, rows: Sequence[Mapping[str, Any]]) -> list[ItemStatistics]:
    """The statistics of each question that counts and is marked; `rows` are those of the gradebook."""
    ran = [row for row in rows if row["status"] not in ("unreadable", "missing")]
    names = [name for name in key.questions if all(row["questions"][name]["points"] is not None for row in ran)]
    shares = np.array(
        [[row["questions"][name]["points"] / key.questions[name].points for name in names] for row in ran], dtype=float
    ).reshape(len(ran), len(names))
    worth = np.array([key.questions[name].points for name in names])
    total = shares @ worth
    found = []
    for place, name in enumerate(names):
        states = Counter(row["questions"][name]["state"] for row in ran)
        marked = np.array([row["questions"][name]["state"] != "by_hand" for row in ran], dtype=bool)
        item = shares[marked, place]
        rest = total[marked] - item * worth[place]
        found.append(
            ItemStatistics(
                name,
                key.questions[name].points,
                int(marked.sum()),
                float(item.mean()) if len(item) else None,
                _correlation(item, rest),
                int((item >= PASSED).sum()),
                states["not_attempted"],
            )
        )
    return found


def misconceptions(key: AnswerKey, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """Known mistakes that were made: question, hint, and by how many; the commonest first."""
    made = Counter(
        (name, mark["mistake"])
        for row in rows
        for name, mark in row["questions"].items()
        if mark["mistake"] is not None
    )
    hints = {(question.name, each.name): each.hint for question in key.checked for each in question.mistakes}
    ordered = sorted(made.items(), key=lambda item: (-item[1], item[0]))
    return [(name, hints.get((name, mistake), mistake), count) for (name, mistake), count in ordered]


def _correlation(item: np.ndarray, rest: np.ndarray) -> float | None:
    if len(item) < 3 or np.ptp(item) == 0 or np.ptp(rest) == 0:
        return None
    return float(np.corrcoef(item, rest)[0, 1])
