"""The policy file: late penalties, attempts, extensions and dropped questions, in TOML.

due = 2026-10-01T23:59:00Z
zip_zone = "Europe/Berlin"   # of the times in a zip, which name none; without it, UTC

[late]
grace_minutes = 15
percent_per_day = 10        # of the points that were won, for each day begun
most_percent = 50
nothing_after_days = 7

[attempts]
count = "last"              # or "best", "first"
most = 3                    # later ones do not count

[extensions]                # by the gradebook's name, the roster's, or the LMS's number
"Ada Lovelace" = 2026-10-05T23:59:00Z

[questions]
dropped = ["q4"]
"""

import datetime as dt
import math
import tomllib
import zoneinfo
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

_KNOWN = {
    "": {
        "due": dt.datetime,
        "zip_zone": str,
        "late": dict,
        "attempts": dict,
        "extensions": dict,
        "questions": dict,
    },
    "late": {
        "grace_minutes": (int, float),
        "percent_per_day": (int, float),
        "most_percent": (int, float),
        "nothing_after_days": (int, float),
    },
    "attempts": {"count": str, "most": int},
    "questions": {"dropped": list},
}


class PolicyError(ValueError):
    """A policy file that cannot be followed; the message names the setting."""


@dataclass(frozen=True)
class Policy:
    """What is done about lateness, attempts, questions. Without a due time nothing is late, but for the LMS's word."""

    due: dt.datetime | None = None
    zip_zone: dt.tzinfo = dt.UTC
    grace_minutes: float = 0
    percent_per_day: float = 0
    most_percent: float = 100
    nothing_after_days: float = math.inf
    count: str = "last"
    most: int | None = None
    extensions: Mapping[str, dt.datetime] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()

    def penalty_percent(self, names: Set[str], submitted_at: dt.datetime | None, late: bool = False) -> float:
        """The share of the points won, in percent, that lateness costs a student, who goes by all of these names.

        Where no due time is given, an LMS's mark of lateness costs one day's penalty. A time without a zone is one
        of a zip. Where several names have an extension, the last of them counts.

        >>> policy = Policy(due=dt.datetime(2026, 10, 1, tzinfo=dt.UTC), percent_per_day=10)
        >>> policy.penalty_percent({"Ada"}, dt.datetime(2026, 10, 2, 1, tzinfo=dt.UTC))
        20.0
        """
        due = max((self.extensions[name] for name in names & self.extensions.keys()), default=self.due)
        if due is None:
            return min(float(self.percent_per_day), float(self.most_percent)) if late else 0.0
        if submitted_at is None:
            return 0.0
        if submitted_at.tzinfo is None:
            submitted_at = submitted_at.replace(tzinfo=self.zip_zone)
        late_seconds = (submitted_at - due).total_seconds()
        if late_seconds <= self.grace_minutes * 60:
            return 0.0
        days = late_seconds / 86_400
        if days > self.nothing_after_days:
            return 100.0
        return min(math.ceil(days) * float(self.percent_per_day), float(self.most_percent))


def read_policy(text: str, questions: list[str]) -> Policy:
    """The policy in a TOML text, for an exercise with these questions. Raises PolicyError.

    >>> read_policy('[attempts]\\nmany = 3', ["q1"])
    Traceback (most recent call last):
        ...
    crmlab.course.grading.policy.PolicyError: attempts has no setting 'many' (known: count, most)
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"the policy is not TOML: {error}") from error
    _check("", tree)
    for section in ("late", "attempts", "questions"):
        _check(section, tree.get(section, {}))
    late, attempts = tree.get("late", {}), tree.get("attempts", {})
    if attempts.get("count", "last") not in ("last", "best", "first"):
        raise PolicyError(f"attempts.count is {attempts['count']!r}, expected last, best or first")
    if attempts.get("most", 1) < 1:
        raise PolicyError(f"attempts.most is {attempts['most']}, expected a whole number from 1")
    for name, value in late.items():
        if value < 0:
            raise PolicyError(f"late.{name} is {value}, expected a number from 0")
    dropped = tree.get("questions", {}).get("dropped", [])
    unknown = [each for each in dropped if each not in questions]
    if unknown:
        raise PolicyError(f"questions.dropped names {unknown[0]!r} (the exercise has: {', '.join(questions)})")
    moments = {f"extensions.{name}": each for name, each in tree.get("extensions", {}).items()}
    for name, moment in (moments | ({"due": tree["due"]} if "due" in tree else {})).items():
        if not isinstance(moment, dt.datetime) or moment.tzinfo is None:
            raise PolicyError(f"{name} is {moment}, expected a time with its zone, such as 2026-10-01T23:59:00Z")
    return Policy(
        due=tree.get("due"),
        zip_zone=_zone(tree["zip_zone"]) if "zip_zone" in tree else dt.UTC,
        extensions=tree.get("extensions", {}),
        dropped=tuple(dropped),
        **late,
        **attempts,
    )


def _zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise PolicyError(f"zip_zone is {name!r}, expected the name of a time zone, such as Europe/Berlin") from error


def _check(section: str, tree: Mapping[str, Any]) -> None:
    for name, value in tree.items():
        where = section or "the policy"
        if name not in _KNOWN[section]:
            raise PolicyError(f"{where} has no setting {name!r} (known: {', '.join(_KNOWN[section])})")
        kind = _KNOWN[section][name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise PolicyError(f"{where}: {name} is {value!r}, of the wrong kind")
