"""From the answers of a submission to marks, in the trusted process.

An answer is text that the sandbox wrote. It is read by the codec's rules and compared by the key; whatever goes wrong
with it is a wrong answer of that student and nobody else's trouble.
"""

from collections.abc import Mapping
from typing import Any

from crmlab.course.codec import CodecError, loads
from crmlab.course.marking import Marker

#: How a question can stand; `by_hand` waits for a person, `not_run` did not survive the run, `no_answer` was tried.
STATES = ("right", "followed", "partly", "wrong", "not_attempted", "no_answer", "not_run", "by_hand")
_UNABLE = {
    "missing": ("no_answer", "the answer's name was never given a value"),
    "kind": ("wrong", "the answer is of a kind that cannot be marked"),
    "raises": ("wrong", "the answer cannot be read"),
}


def mark_record(marker: Marker, record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The marks of each checked question: `points` (two decimals), `state`, `problem`, `mistake`."""
    answers, unreadable = {}, {}
    for name, text in record.get("answers", {}).items():
        try:
            answers[name] = loads(text)
        except CodecError as error:
            unreadable[name] = str(error)
    marks = {}
    for question in marker.key.checked:
        name = question.name
        if name in answers:
            marks[name] = _mark(marker, name, answers)
        elif name in unreadable:
            marks[name] = _fields(0, "wrong", "the answer is of a kind that cannot be marked")
        elif name in record.get("unable", {}):
            marks[name] = _fields(0, *_UNABLE[record["unable"][name]])
        else:
            marks[name] = _fields(0, "not_run", "the run ended before this question")
    return marks


def _mark(marker: Marker, name: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    try:
        mark = marker.mark(name, answers[name], answers)
    except Exception as error:
        # The key's own functions see a student's value here (a score, a follow-through): any error is the value's.
        return _fields(0, "wrong", f"the answer cannot be compared ({type(error).__name__})")
    verdict = mark.verdict
    points = round(mark.share * marker.key.questions[name].points, 2)
    if not verdict.attempted:
        state = "not_attempted"
    elif mark.share == 1:
        state = "followed" if verdict.problem else "right"
    else:
        state = "partly" if points else "wrong"
    return _fields(points, state, verdict.problem, None if mark.share == 1 else verdict.mistake)


def _fields(points: float, state: str, problem: str = "", mistake: str | None = None) -> dict[str, Any]:
    return {"points": points, "state": state, "problem": problem, "mistake": mistake}
