"""The student's side of an exercise: the company, the parameters, and a check that says what happened.

lab = Lab("04_rfm")
lab.company.orders            the tables of the practice company
lab.parameters                the date, the cost and the threshold of this release
lab.check("q1", answer)       correct, not yet (with a hint), or not attempted
lab.progress()                what is done
"""

import textwrap
from pathlib import Path
from typing import Any

from crmlab.course.attempts import Attempts
from crmlab.course.codec import CodecError, plain
from crmlab.course.parameters import Parameters
from crmlab.course.session import current_session
from crmlab.course.verdict import Verdict, judge

MY_WORK = "my_work"
#: Tries that brought general hints, before the solution is offered.
TRIES_BEFORE_SOLUTION = 2
_WIDTH = 88
_YELLOW, _BOLD, _PLAIN = "\x1b[33m", "\x1b[1m", "\x1b[0m"


class NotCorrectError(AssertionError):
    """An answer that is not correct yet. A notebook shows it as a short message, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        first, *rest = str(self).splitlines()
        return [f"{_YELLOW}{_BOLD}{first}{_PLAIN}", *rest]


class NotAttemptedError(NotCorrectError):
    """A question whose answer is still the three dots."""


class Lab:
    """One exercise, opened: `Lab("04_rfm")`.

    Raises PracticeFileError for an exercise that there is not, and ValueError when the company beside it is not the
    one that the practice answers are for.

    >>> lab = Lab("04_rfm")
    >>> lab.check("q1", ...)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    crmlab.course.lab.NotAttemptedError: q1 is not attempted: ...
    """

    def __init__(self, exercise: str):
        self.exercise = exercise
        self._session = current_session()
        if self._session is not None:
            self.company, self.parameters = self._session.company, self._session.parameters
            return
        from crmlab.company import open_company
        from crmlab.course.practice import company_mark, read_practice
        from crmlab.home import find_home

        self._home = find_home()
        self._practice = read_practice(self._home / "exercises" / "practice" / f"{exercise}.json")
        self.company = open_company()
        self.parameters: Parameters = self._practice.parameters
        found = company_mark(self.company)
        if found != self._practice.company:
            raise ValueError(
                f"the practice answers of {exercise} are for the course company {dict(self._practice.company)} "
                f"(found in datasets: {found}); get the course's own datasets again"
            )
        self._attempts = Attempts(attempts_path(self._home, exercise) if _is_my_work(self._home) else None)

    def check(self, question: str, answer: Any) -> None:
        """Say whether an answer is correct on the practice company.

        Raises NotCorrectError with what is wrong and a hint, NotAttemptedError for `...`; both are AssertionErrors.
        """
        if self._session is not None:
            self._session.hand_over(question, answer)
            return
        asked = self._practice.questions.get(question)
        if asked is None or asked.rule is None:
            known = [name for name, each in self._practice.questions.items() if each.rule is not None]
            raise ValueError(f"{self.exercise} has no question {question!r} to check (found: {', '.join(known)})")
        try:
            value = plain(answer)
        except CodecError as error:
            raise NotCorrectError(_folded(f"{question} is not correct yet: {error}.")) from None
        verdict = judge(value, asked.right, asked.rule, asked.known)
        if not verdict.attempted:
            raise NotAttemptedError(_folded(f"{question} is {verdict.problem}"))
        if not verdict.correct:
            general = verdict.hint is None and not verdict.diagnosed
            tries = self._attempts.wrong(question, value, hinted=general)
            raise NotCorrectError(self._message(question, verdict, tries))
        self._attempts.right(question)
        points = f"{asked.points} point{'s' if asked.points > 1 else ''}"
        print(f"{question}: correct on the practice company ({points}).")
        if asked.scored:
            print(
                "Your list is close to ours. Graded, it is held against what is true of another company. If a\n"
                "question asks who is something, and nobody is: does your code then give an empty set?"
            )

    def progress(self) -> Any:
        """What is done so far: a frame with a row for each question (points, minutes, state, wrong tries).

        None in a session, where nothing is checked. Says so where the tries are not remembered.
        """
        import pandas as pd

        if self._session is not None:
            return None

        if not self._attempts.remembered:
            own = f"{MY_WORK}/{self.exercise}.ipynb"
            print(_folded(f"These tries are forgotten when the kernel stops: they are remembered in {own} only."))
        rows = [
            {
                "question": name,
                "points": each.points,
                "minutes": each.minutes,
                "state": "marked by hand" if each.rule is None else self._state(name),
                "wrong_tries": self._attempts.tries(name),
            }
            for name, each in self._practice.questions.items()
        ]
        return pd.DataFrame(rows).set_index("question")

    def _state(self, name: str) -> str:
        if self._attempts.is_right(name):
            return "correct"
        return "not yet" if self._attempts.tries(name) else "not attempted"

    def _message(self, question: str, verdict: Verdict, tries: int) -> str:
        """What is wrong, and the hint of a known mistake, or else as many general hints as there were `tries` for them.

        A wrong kind, unit, sign or rounding is said alone; it spoils no hint, and a known mistake explains it better.
        """
        asked = self._practice.questions[question]
        problem = verdict.problem if verdict.problem.endswith("?") else f"{verdict.problem}."
        wrong = f"{question} is not correct yet"
        if verdict.diagnosed and not verdict.hint:
            return _folded(f"{wrong}: {problem}")
        said = [f"{wrong}." if verdict.diagnosed else _folded(f"{wrong}: {problem}")]
        hints = [verdict.hint] if verdict.hint else asked.hints[:tries]
        said += [_folded(f"Hint: {hint}") for hint in hints]
        unsure = [name for name in asked.follows if not self._attempts.is_right(name)]
        if unsure:
            said.append(f"It builds on {' and '.join(unsure)}: make that correct first.")
        if tries > max(TRIES_BEFORE_SOLUTION, len(asked.hints)):
            said.append(_folded(self._solution(question)))
        elif not verdict.hint and tries < len(asked.hints):
            said.append("Another answer brings another hint.")
        return "\n".join(said)

    def _solution(self, question: str) -> str:
        solution = Path("solutions") / f"{self.exercise}.ipynb"
        if (self._home / solution).is_file():
            return f"Stuck? The solution stands in {solution.as_posix()}, at {question}. Then try without looking."
        return "Stuck? Your instructor has the solution; ask with this message."


def attempts_path(home: Path, exercise: str) -> Path:
    """Where the tries of an exercise are remembered."""
    return home / MY_WORK / ".progress" / f"{exercise}.json"


def _is_my_work(home: Path) -> bool:
    # A notebook runs in its own folder. Only the student's own copy is remembered: not the original, nor a test's run.
    return Path.cwd() == (home / MY_WORK).resolve()


def _folded(text: str) -> str:
    return textwrap.fill(text, _WIDTH)
