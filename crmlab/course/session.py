"""Where a check goes: to the practice answers beside the student, or to whoever runs the notebook for a purpose.

Release proofs and the grader run a notebook on a company of their own. They open a session around it; every `Lab` made
inside has that company, and hands its answers over instead of checking them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from crmlab.course.parameters import Parameters


@dataclass(frozen=True)
class Session:
    """A company, its parameters, and what to do with the answer to a question."""

    company: Any
    parameters: Parameters
    hand_over: Callable[[str, Any], None]


_current: ContextVar[Session | None] = ContextVar("lab_session", default=None)


def current_session() -> Session | None:
    """The session that is open around this code, if there is one."""
    return _current.get()


@contextmanager
def lab_session(company: Any, parameters: Parameters, hand_over: Callable[[str, Any], None]) -> Iterator[None]:
    """Within the block, `Lab` uses this company and hands answers to `hand_over(name, value)`.

    >>> answers = {}
    >>> with lab_session(None, Parameters(), answers.__setitem__):
    ...     current_session().hand_over("q1", 3)
    >>> answers, current_session()
    ({'q1': 3}, None)
    """
    token = _current.set(Session(company, parameters, hand_over))
    try:
        yield
    finally:
        _current.reset(token)
