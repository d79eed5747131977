"""Answer keys: what an author writes about an exercise, in plain Python, in `solutions/NN_topic.py`.

A key says, for each question, how the right answer is computed from a company and the parameters, and which wrong
answers are to be expected, each with the hint that helps whoever gave it. The same key serves the course company and
every hidden one: nothing in it is a stored number.

>>> import datetime as dt
>>> from crmlab.course.answer_key import AnswerKey
>>> from crmlab.course.comparison import Number
>>> def draw(rng):
...     return {"as_of": dt.datetime(2025, int(rng.integers(3, 10)), 28)}
>>> key = AnswerKey("04_rfm", practice={"as_of": dt.datetime(2025, 9, 30)}, draw=draw)
>>> @key.question("q1", points=2, minutes=4, compare=Number(), hints=["Which orders are known on that day?"])
... def customers_who_bought(company, parameters):
...     orders = company.orders
...     return orders.loc[orders.order_date <= parameters.as_of, "customer_id"].nunique()
>>> @customers_who_bought.mistake("You counted orders. A customer who ordered twice is one customer.")
... def orders_counted(company, parameters):
...     return int((company.orders.order_date <= parameters.as_of).sum())
>>> from crmlab.company import open_company
>>> company = open_company()
>>> customers_who_bought(company, key.practice) < orders_counted(company, key.practice)
True

`crmlab release` proves a key before students see the exercise: see `crmlab.course.proof`.
"""

import functools
import hashlib
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crmlab.course.comparison import Rule
from crmlab.course.comparison_many import Overlap
from crmlab.course.parameters import Parameters

Answer = Callable[..., Any]

_QUESTION_NAME = re.compile(r"q[1-9]\d?")
#: The least distance of a decision from a tie, as a share: less could be the rounding of two right computations.
NEAR_TIE = 1e-6


class KeyFaultError(ValueError):
    """An answer key that is not sound; the message names the question and what is wrong."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer to be expected: how it comes about, and the hint for whoever gave it.

    `sometimes`: in some companies the mistake changes nothing; it need not be wrong in each of them. Mistakes that
    share an answer on the practice company share a hint too, one that is true of each.
    """

    name: str
    answer: Answer
    hint: str
    sometimes: bool = False


@dataclass
class Question:
    """A question that is checked by computation. Made by `AnswerKey.question`; called, it gives the right answer."""

    name: str
    points: int
    minutes: int
    compare: Rule
    reference: Answer
    hints: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    mistakes: list[Mistake] = field(default_factory=list)
    scored_by: Answer | None = None
    distance_from_tie: Answer | None = None

    def __call__(self, company: Any, parameters: Parameters, *earlier: Any) -> Any:
        return self.reference(company, parameters, *earlier)

    def mistake(self, hint: str, *, sometimes: bool = False) -> Callable[[Answer], Answer]:
        """Declare the function below as a mistake: it computes the wrong answer that earns this hint."""

        def declare(answer: Answer) -> Answer:
            self.mistakes.append(Mistake(answer.__name__, answer, hint, sometimes))
            return answer

        return declare

    def score(self, share: Answer) -> Answer:
        """Declare the function below, of (members, company, truth, parameters), as what grades: a share from 0 to 1.

        For lists that are held against the hidden truth; the function gets the members of the answer as a set. The
        practice company's truth stays hidden: there the answer is compared with the reference's, by `compare`, which
        must be an `Overlap`.
        """
        if not isinstance(self.compare, Overlap):
            raise KeyFaultError(f"{self.name} is scored, so its rule must be Overlap (found: {self.compare})")
        self.scored_by = share
        return share

    def near_tie(self, distance: Answer) -> Answer:
        """Declare the function below, of (company, parameters), as the distance of this decision from a tie.

        A share: 0.02 when what decides is 2 % away from deciding otherwise. Release refuses less than `NEAR_TIE`.
        """
        self.distance_from_tie = distance
        return distance


@dataclass(frozen=True)
class Judgement:
    """A question answered in words and marked by hand; its mark scheme stands in the solution notebook."""

    name: str
    points: int
    minutes: int


class AnswerKey:
    """The key of one exercise: its parameters, questions and judgements, in the order in which they are declared.

    `practice` are the parameters that students see; `draw`, of a numpy random generator, draws others of the same
    names and types for a graded release.
    """

    def __init__(self, exercise: str, *, practice: Mapping[str, Any], draw: Callable[[np.random.Generator], dict]):
        self.exercise = exercise
        self.practice = Parameters(**practice)
        self.questions: dict[str, Question | Judgement] = {}
        self._draw = draw

    @property
    def checked(self) -> list[Question]:
        """The questions that are checked by computation."""
        return [question for question in self.questions.values() if isinstance(question, Question)]

    def parameters(self, seed: int) -> Parameters:
        """The parameters that belong to a seed; each exercise draws its own.

        Raises KeyFaultError when what is drawn differs from the practice parameters in its names or types.
        """
        own = int.from_bytes(hashlib.sha256(self.exercise.encode()).digest()[:8], "little")
        drawn = self._draw(np.random.default_rng([own, seed]))
        kinds = {name: type(value) for name, value in drawn.items()}
        expected = {name: type(value) for name, value in self.practice.items()}
        if kinds != expected:
            raise KeyFaultError(f"{self.exercise}: draw gives {kinds}, expected as in practice: {expected}")
        return Parameters(**drawn)

    def question(
        self,
        name: str,
        *,
        points: int,
        minutes: int,
        compare: Rule,
        hints: Sequence[str] = (),
        follows: Sequence[str] = (),
    ) -> Callable[[Answer], Question]:
        """Declare the function below, of (company, parameters), as the right answer to a question.

        `hints` help step by step whoever is wrong in no known way. `follows` names earlier questions: their answers are
        handed to the function after the parameters, the student's own when it is graded, so that one slip costs once.
        """
        self._check(name, points, minutes)
        for earlier in follows:
            if not isinstance(self.questions.get(earlier), Question):
                raise KeyFaultError(f"{self.exercise} {name} follows {earlier!r}, which is no question before it")

        def declare(reference: Answer) -> Question:
            made = Question(name, points, minutes, compare, reference, tuple(hints), tuple(follows))
            self.questions[name] = made
            return made

        return declare

    def judgement(self, name: str, *, points: int, minutes: int) -> None:
        """Declare a question that is answered in words and marked by hand."""
        self._check(name, points, minutes)
        self.questions[name] = Judgement(name, points, minutes)

    def step(self, compute: Answer) -> Answer:
        """Declare the function below, of (company, parameters), as a step that several answers take.

        What it gives for the company and parameters at hand is kept until others come; nobody may change it.
        """
        last: list[Any] = [None, None, None]

        @functools.wraps(compute)
        def kept(company: Any, parameters: Parameters) -> Any:
            if last[0] is not company or last[1] is not parameters:
                last[:] = company, parameters, compute(company, parameters)
            return last[2]

        return kept

    def answer(
        self,
        name: str,
        company: Any,
        parameters: Parameters,
        *,
        mistake: Mistake | None = None,
        earlier: Mapping[str, Any] | None = None,
    ) -> Any:
        """The right answer to a question, or the one that a mistake makes of it.

        Where the question follows others, `earlier` gives the answers to build on; those it lacks are the right ones.
        """
        question = self.questions[name]
        given = earlier or {}
        before = [
            given[each] if each in given else self.answer(each, company, parameters, earlier=given)
            for each in question.follows
        ]
        return (mistake.answer if mistake else question.reference)(company, parameters, *before)

    def _check(self, name: str, points: int, minutes: int) -> None:
        if not _QUESTION_NAME.fullmatch(name):
            raise KeyFaultError(f"{self.exercise}: a question is called q1, q2, ... (found: {name!r})")
        if name in self.questions:
            raise KeyFaultError(f"{self.exercise}: {name} stands in the key twice")
        for what, number in (("points", points), ("minutes", minutes)):
            if type(number) is not int or number < 1:
                raise KeyFaultError(f"{self.exercise} {name}: {what} is {number!r}, expected a whole number from 1")


def load_key(path: Path) -> AnswerKey:
    """The key in a file, which must call it `key`.

    Raises KeyFaultError when there is none, or when it is called after another exercise than its file.
    """
    if not path.is_file():
        raise KeyFaultError(f"{path.name}: there is no answer key at {path}")
    spec = importlib.util.spec_from_file_location(f"answer_key_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    key = getattr(module, "key", None)
    if not isinstance(key, AnswerKey):
        raise KeyFaultError(f"{path.name}: expected an AnswerKey called 'key' (found: {type(key).__name__})")
    if key.exercise != path.stem:
        raise KeyFaultError(f"{path.name}: the key is of exercise {key.exercise!r}, expected {path.stem!r}")
    return key
