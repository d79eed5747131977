"""What is wrong with a dialogue before anybody is led through it: ways that never end, and steps nobody reaches."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd

from crmlab.operational.operation import whole_number
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.store import Store


def check_dialogue(store: Store, dialogue_id: int, *, with_zero_out: bool = True) -> pd.DataFrame:
    """The faulty steps of a dialogue, in the order of their names; no row means that all is well.

    Columns: ``step``, ``fault``: ``dead_end`` (from here no branch ever leads to an end: the caller goes round until
    he hangs up), ``no_way_out`` (only a valid answer leads on, and somebody who has none, such as an order number,
    cannot reach an agent), ``unreachable`` (no way leads here). With a zero-out, a caller can leave every step of the
    computer with the key 0; ``with_zero_out=False`` looks at the branches alone.

    Raises ``RefusedOperation`` for an unknown dialogue.

    >>> from crmlab.operational import open_store, save_dialogue
    >>> steps = [{"step": "main", "kind": "choice", "prompt": "1 more", "branches": {"1": "more"}},
    ...          {"step": "more", "kind": "choice", "prompt": "1 back", "branches": {"1": "main"}}]
    >>> with open_store() as store:
    ...     saved = save_dialogue(store, "menu", steps, at="2026-01-05", spoken_by="computer")["dialogue"]
    ...     check_dialogue(store, saved["dialogue_id"].item())["fault"].to_list()
    ['dead_end', 'dead_end']
    """
    dialogue_id = whole_number("dialogue_id", dialogue_id)
    dialogue = store.sql("SELECT first_step, spoken_by, zero_out_queue FROM dialogue WHERE dialogue_id = ?",
                         [dialogue_id])  # fmt: skip
    if dialogue.empty:
        expected = "an id in table dialogue"
        raise RefusedOperation("the dialogue is in the store", f"dialogue_id {dialogue_id}", expected)
    (first_step, spoken_by, zero_out_queue) = dialogue.iloc[0]
    steps = store.sql("SELECT step, kind FROM dialogue_step WHERE dialogue_id = ?", [dialogue_id])
    branches = store.sql("SELECT step, next_step FROM dialogue_branch WHERE dialogue_id = ?", [dialogue_id])
    forward, backward = defaultdict(set), defaultdict(set)
    for step, next_step in branches.itertuples(index=False):
        forward[step].add(next_step)
        backward[next_step].add(step)
    has_way_out = with_zero_out and isinstance(zero_out_queue, str)
    reached = _reached({first_step}, forward)
    ends = _reached(set(steps.loc[steps["kind"] == "end", "step"]), backward)
    faults = [(step, "unreachable") for step in steps["step"] if step not in reached]
    for step, kind in steps.itertuples(index=False):
        if has_way_out or step not in reached:
            continue
        if step not in ends:
            faults.append((step, "dead_end"))
        elif spoken_by == "computer" and kind in ("order", "email", "phone"):
            faults.append((step, "no_way_out"))
    return pd.DataFrame(sorted(faults), columns=["step", "fault"], dtype="str")


def _reached(begin: set[str], neighbours: dict[str, set[str]]) -> set[str]:
    """All steps that can be reached from these, and these themselves."""
    reached, waiting = set(begin), list(begin)
    while waiting:
        new = neighbours[waiting.pop()] - reached
        reached |= new
        waiting.extend(new)
    return reached
