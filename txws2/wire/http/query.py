"""The query of a request: the part of its path after the question mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

__all__ = ["Query"]


class Query(Mapping[str, str]):
    """The fields of a query, by name, as a form would have them ("a=1&b=two+words").

    `query["room"]` is the first value of a field, `get_all("room")` has all of them. A field
    without a value has the empty text.

    Args:
        text: the query, without the question mark. Malformed parts are read as browsers read
            them: a percent sign that escapes nothing stands for itself, and bytes that aren't
            UTF-8 become U+FFFD.
    """

    # RFC 3986 section 3.4 gives a query no structure. Names and values with "&" and "=" are the
    # form of the WHATWG URL standard (application/x-www-form-urlencoded), which every browser's
    # URLSearchParams writes. Why not refuse a malformed one: the standard has no errors, either.
    __slots__ = ("_values",)

    def __init__(self, text: str) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            self._values.setdefault(name, []).append(value)

    def get_all(self, name: str) -> list[str]:
        """Return the field's values in order; an empty list if the field isn't there."""
        return list(self._values.get(name, ()))

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Query {self._values}>"
