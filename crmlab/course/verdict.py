"""Is an answer right, is it a mistake that is known, or was the question not attempted?

The same few lines judge for a student at practice and for the grader in its own process. They see an answer only after
the codec has built it anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crmlab.course.comparison import Diagnosis, Rule

NOT_ATTEMPTED = "not attempted: put your answer in place of the dots, and run that cell first"


@dataclass(frozen=True)
class Known:
    """A known wrong answer, by its value, with its hint."""

    name: str
    answer: Any
    hint: str


@dataclass(frozen=True)
class Verdict:
    """`correct`, or what is wrong in words; `mistake` names the known mistake that was made, `hint` helps with it.

    Where several known mistakes lead to the same answer, `mistake` is the first and `hint` says what each may be.
    `diagnosed`: the words are all the help needed, such as that the answer is of the wrong kind or in another unit.
    """

    correct: bool
    problem: str = ""
    mistake: str | None = None
    hint: str | None = None
    attempted: bool = True
    diagnosed: bool = False


def judge(answer: Any, right: Any, rule: Rule, known: Sequence[Known] = ()) -> Verdict:
    """The verdict on an answer that came through the codec.

    >>> from crmlab.course.comparison import Number
    >>> judge(7, 5, Number(), [Known("lines", 7, "You counted lines.")]).hint
    'You counted lines.'
    >>> judge(..., 5, Number()).attempted
    False
    """
    if answer is ...:
        return Verdict(False, NOT_ATTEMPTED, attempted=False)
    problem = _problem(rule, right, answer)
    if problem is None:
        return Verdict(True)
    diagnosed = isinstance(problem, Diagnosis)
    made = [each for each in known if _problem(rule.exact, each.answer, answer) is None]
    if not made:
        return Verdict(False, problem, diagnosed=diagnosed)
    hint = " Or: ".join(dict.fromkeys(each.hint for each in made))
    return Verdict(False, problem, made[0].name, hint, diagnosed=diagnosed)


def _problem(rule: Rule, right: Any, answer: Any) -> str | None:
    try:
        return rule.problem(right, answer)
    except (TypeError, ValueError, OverflowError, ArithmeticError, KeyError) as error:
        # Odd values, such as a column that mixes dates and texts, are a wrong answer and no reason to stop.
        return f"the answer cannot be compared ({type(error).__name__}: {error})"
