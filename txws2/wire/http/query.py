"""The query of a request: what follows the question mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

__all__ = ["Query"]


class Query(Mapping[str, str]):
    """The fields of a query, by name, as a form would have them ("a=1&b=two+words").

    `query["room"]` is the first value of a field, `get_all("room")` has all of them. One without
    a value is there, and empty.

    Args:
        text: the query, without the question mark. What isn't well-formed in it is read as
            browsers do: a percent sign that escapes nothing is itself, and what isn't UTF-8
            becomes U+FFFD.
    """

    __slots__ = ("_values",)

    def __init__(self, text: str) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            self._values.setdefault(name, []).append(value)

    def get_all(self, name: str) -> list[str]:
        """Return the field's values in order, none if it isn't there."""
        return list(self._values.get(name, ()))

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Query {self._values}>"
