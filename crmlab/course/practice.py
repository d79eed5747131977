"""The practice file of an exercise: all that the student's side knows of its answer key.

It holds the practice parameters and, for the course company only, each right answer and each known mistake with its
hint. No reference code, no truth, nothing of a hidden company. The answers are written so that nobody reads one by
accident while looking for something else; whoever wants to see them can, and gains nothing: what is graded is another
company with other parameters.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlab.course.answer_key import AnswerKey, Question
from crmlab.course.codec import CodecError, dumps, loads
from crmlab.course.comparison import Rule, rule_fields, rule_from_fields
from crmlab.course.marking import Marker
from crmlab.course.parameters import Parameters
from crmlab.course.verdict import Known

FORMAT = 1


class PracticeFileError(ValueError):
    """A practice file that is missing or cannot be read; the message says what to do."""


@dataclass(frozen=True)
class PracticeQuestion:
    """A question as the student's side knows it; a judgement has no rule and no answer."""

    name: str
    points: int
    minutes: int
    rule: Rule | None = None
    right: Any = None
    known: tuple[Known, ...] = ()
    hints: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    scored: bool = False


@dataclass(frozen=True)
class Practice:
    """An exercise as the student's side knows it."""

    exercise: str
    parameters: Parameters
    company: Mapping[str, Any]
    questions: Mapping[str, PracticeQuestion]


def company_mark(company: Any) -> dict[str, Any]:
    """What tells the practice company from others: its last day, and the rows of two tables."""
    return {
        "as_of": company.as_of.strftime("%Y-%m-%d"),
        "customers": len(company.customers),
        "orders": len(company.orders),
    }


def practice_text(key: AnswerKey, company: Any) -> str:
    """The practice file of a key for the course company, as text; the same key and company give the same text."""
    marker = Marker(key, company, key.practice, truth=None)
    questions = {
        name: _question_fields(question, marker)
        if isinstance(question, Question)
        else {"points": question.points, "minutes": question.minutes, "by_hand": True}
        for name, question in key.questions.items()
    }
    content = {
        "format": FORMAT,
        "exercise": key.exercise,
        "company": company_mark(company),
        "parameters": json.loads(dumps(dict(key.practice))),
        "questions": questions,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_practice(path: Path) -> Practice:
    """The practice file at `path`. Raises PracticeFileError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise PracticeFileError(
                f"{path} has the format {content['format']!r}, expected {FORMAT}: update the course"
            )
        parameters = Parameters(**loads(json.dumps(content["parameters"])))
        questions = {name: _read_question(name, fields) for name, fields in content["questions"].items()}
        return Practice(content["exercise"], parameters, content["company"], questions)
    except FileNotFoundError:
        known = ", ".join(sorted(each.stem for each in path.parent.glob("*.json"))) or "none"
        raise PracticeFileError(f"there is no exercise {path.stem!r} (found: {known})") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, PracticeFileError):
            raise
        raise PracticeFileError(f"{path} is not a practice file ({error}): get it again with the course") from error


def _question_fields(question: Question, marker: Marker) -> dict[str, Any]:
    known = [
        {"name": each.name, "hint": each.hint, "answer": _veiled(each.answer)} for each in marker.known(question.name)
    ]
    return {
        "points": question.points,
        "minutes": question.minutes,
        "scored": question.scored_by is not None,
        "follows": list(question.follows),
        "compare": rule_fields(question.compare),
        "hints": list(question.hints),
        "answer": _veiled(marker.right(question.name)),
        "mistakes": known,
    }


def _read_question(name: str, fields: Mapping[str, Any]) -> PracticeQuestion:
    if fields.get("by_hand"):
        return PracticeQuestion(name, fields["points"], fields["minutes"])
    return PracticeQuestion(
        name,
        fields["points"],
        fields["minutes"],
        rule_from_fields(fields["compare"]),
        _unveiled(fields["answer"]),
        tuple(Known(each["name"], _unveiled(each["answer"]), each["hint"]) for each in fields["mistakes"]),
        tuple(fields["hints"]),
        tuple(fields["follows"]),
        fields["scored"],
    )


def _veiled(answer: Any) -> str:
    return base64.b64encode(dumps(answer).encode("utf-8")).decode("ascii")


def _unveiled(text: str) -> Any:
    try:
        return loads(base64.b64decode(text, validate=True).decode("utf-8"))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise CodecError(f"an answer that cannot be read: {error}") from error
