"""Answers whose code is nearly identical, as a reason to ask, never as a proof.

Code is compared by runs of tokens in which comments and layout do not matter (after winnowing; Schleimer, Wilkerson &
Aiken 2003). Runs that many of the class share come from the task itself and are left out, so that what remains is what
only a few wrote.
"""

import io
import tokenize
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

RUN_LENGTH = 8
LEAST_SHARED = 12
LEAST_SHARE = 0.8
#: A run of tokens that more than this share of the class has, or more people than `_MOST_FEW`, is the task's own.
_COMMON_SHARE, _LEAST_FEW, _MOST_FEW = 0.05, 3, 20
_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass(frozen=True)
class SimilarPair:
    """Two students and the share of their rare runs of tokens that they have in common."""

    first: str
    second: str
    share: float


def identical_groups(code: Mapping[str, str], template: str) -> list[list[str]]:
    """Groups of students whose code is the same to the letter, but for spaces at line ends; largest first."""
    groups: dict[str, list[str]] = {}
    for student, text in code.items():
        plain = _plain(text)
        if plain and plain != _plain(template):
            groups.setdefault(plain, []).append(student)
    return sorted(
        (sorted(group) for group in groups.values() if len(group) > 1), key=lambda group: (-len(group), group)
    )


def similar_pairs(code: Mapping[str, str]) -> list[SimilarPair]:
    """Pairs whose rare runs of tokens are nearly the same; the most similar first. Equal texts are left to the groups.

    >>> similar_pairs({"Ada": "a = 1", "Ben": "a = 1"})
    []
    """
    if not code:
        return []
    # Arrays: the runs of ten thousand notebooks as Python's numbers would take a gigabyte.
    runs = {student: np.fromiter(token_runs(text), dtype=np.int64) for student, text in code.items()}
    held, holders = np.unique(np.concatenate(list(runs.values())), return_counts=True)
    most = min(_MOST_FEW, max(_LEAST_FEW, int(len(runs) * _COMMON_SHARE)))
    rare = {student: set(own[holders[np.searchsorted(held, own)] <= most].tolist()) for student, own in runs.items()}
    having: dict[int, list[str]] = {}
    for student, own in rare.items():
        for run in own:
            having.setdefault(run, []).append(student)
    shared: Counter[tuple[str, str]] = Counter()
    for students in having.values():
        shared.update(combinations(sorted(students), 2))
    pairs = []
    for (first, second), count in shared.items():
        share = count / len(rare[first] | rare[second])
        if count >= LEAST_SHARED and share >= LEAST_SHARE and _plain(code[first]) != _plain(code[second]):
            pairs.append(SimilarPair(first, second, share))
    return sorted(pairs, key=lambda pair: (-pair.share, pair.first, pair.second))


def token_runs(text: str) -> set[int]:
    """Numbers that stand for the runs of `RUN_LENGTH` tokens in a text; layout and comments do not count."""
    tokens = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in _LAYOUT:
                tokens.append(token.string)
    except (tokenize.TokenError, SyntaxError):
        # Text that is no Python is compared as far as it can be read.
        pass
    return {hash(tuple(tokens[at : at + RUN_LENGTH])) for at in range(len(tokens) - RUN_LENGTH + 1)}


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
