"""The trusted comparison: the marks of one answer on one company, computed from the key.

It runs in the grader's own process. The answer is text of the codec, written by the sandbox; no line of a student runs
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmlab.course.answer_key import AnswerKey, KeyFaultError, Mistake, Question
from crmlab.course.codec import CodecError, plain
from crmlab.course.comparison_many import members
from crmlab.course.parameters import Parameters
from crmlab.course.verdict import Known, Verdict, judge


@dataclass(frozen=True)
class Mark:
    """The share of a question's points, from 0 to 1, and the verdict behind it."""

    share: float
    verdict: Verdict


class Marker:
    """Marks answers on one company: right answers and mistakes are computed once, when first needed.

    `truth` are the hidden company's true tables, for questions that are scored against them; None is practice, where
    such a question is compared like the others.
    """

    def __init__(self, key: AnswerKey, company: Any, parameters: Parameters, truth: Mapping[str, pd.DataFrame] | None):
        self.key, self.company, self.parameters, self.truth = key, company, parameters, truth
        self._right: dict[str, Any] = {}
        self._known: dict[str, list[Known]] = {}

    def right(self, name: str) -> Any:
        """The right answer to a question."""
        if name not in self._right:
            earlier = {each: self.right(each) for each in self.key.questions[name].follows}
            self._right[name] = plain(self.key.answer(name, self.company, self.parameters, earlier=earlier))
        return self._right[name]

    def known(self, name: str) -> list[Known]:
        """The known mistakes of a question, by their values on this company. Raises KeyFaultError where one raises."""
        if name not in self._known:
            self._known[name] = [
                Known(mistake.name, self._mistaken(name, mistake), mistake.hint)
                for mistake in self.key.questions[name].mistakes
            ]
        return self._known[name]

    def mark(self, name: str, answer: Any, own: Mapping[str, Any] | None = None) -> Mark:
        """The mark of an answer; `own` are the student's answers to earlier questions, for follow-through."""
        question = self.key.questions[name]
        verdict = judge(answer, self.right(name), question.compare, self.known(name))
        if question.scored_by is not None and self.truth is not None and verdict.attempted:
            return self._scored(question, answer, verdict)
        if verdict.correct or not verdict.attempted:
            return Mark(float(verdict.correct), verdict)
        followed = self._follow(question, own or {})
        if followed is not None and judge(answer, followed, question.compare).correct:
            return Mark(1.0, Verdict(True, "right for the earlier answer that it builds on"))
        return Mark(0.0, verdict)

    def _mistaken(self, name: str, mistake: Mistake) -> Any:
        earlier = {each: self.right(each) for each in self.key.questions[name].follows}
        try:
            return plain(self.key.answer(name, self.company, self.parameters, mistake=mistake, earlier=earlier))
        except Exception as error:
            # Whatever an author's function raises is a fault of the key, to be named with its place.
            raise KeyFaultError(f"the mistake {mistake.name!r} raises {type(error).__name__}: {error}") from error

    def _scored(self, question: Question, answer: Any, verdict: Verdict) -> Mark:
        found = members(answer)
        if isinstance(found, str):
            return Mark(0.0, verdict)
        share = float(question.scored_by(found, self.company, self.truth, self.parameters))
        return Mark(min(max(share, 0.0), 1.0), verdict)

    def _follow(self, question: Question, own: Mapping[str, Any]) -> Any:
        """The right answer for someone whose earlier answers are `own`; None where there is none."""
        earlier = {name: own[name] for name in question.follows if name in own and own[name] is not ...}
        if not earlier:
            return None
        try:
            return plain(self.key.answer(question.name, self.company, self.parameters, earlier=earlier))
        except (CodecError, TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError):
            # An earlier answer of the wrong kind carries no further.
            return None
