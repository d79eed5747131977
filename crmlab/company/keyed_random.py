"""Random numbers by key: the same number for the same key, whatever else is asked for, in whichever order.

A stream would give the second person another number when the first is left out. Here each number is a function of the
seed, a purpose and up to a few whole numbers (a person, a count, a moment), mixed by SplitMix64 (Steele, Lea and Flood
2014).
"""

from __future__ import annotations

import zlib

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)


def _mixed(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def keyed_uniform(seed: int, purpose: str, *keys: np.ndarray) -> np.ndarray:
    """Numbers between 0 and 1 (both excluded), one for each row of ``keys`` (whole numbers of one length).

    >>> first = keyed_uniform(1, "opens", np.array([7, 8, 9]))
    >>> bool((first[1:] == keyed_uniform(1, "opens", np.array([8, 9]))).all())
    True
    """
    # Of any size: a seed is folded to 64 bits together with the purpose.
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])
    state = np.full(len(keys[0]), sequence.generate_state(1, np.uint64)[0])
    for key in keys:
        state = _mixed(state + _STEP + _mixed(key.astype(np.int64).view(np.uint64) + _STEP))
    return ((state >> np.uint64(12)).astype(float) + 0.5) / 2.0**52
