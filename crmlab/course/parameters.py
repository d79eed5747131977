"""The numbers of an exercise that differ from one release to the next: a date, a threshold, a cost."""

from collections.abc import Iterator, Mapping
from typing import Any


class Parameters(Mapping[str, Any]):
    """Named values that cannot be changed, read by name or as attributes.

    >>> parameters = Parameters(letter_cost_cents=90)
    >>> parameters.letter_cost_cents, parameters["letter_cost_cents"]
    (90, 90)
    >>> parameters.as_of
    Traceback (most recent call last):
        ...
    AttributeError: this exercise has no parameter 'as_of' (found: letter_cost_cents)
    """

    def __init__(self, **values: Any) -> None:
        self.__dict__["_values"] = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"this exercise has no parameter {name!r} (found: {', '.join(values)})")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"the parameters of an exercise cannot be changed ({name!r})")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {value!r}" for name, value in self._values.items())
