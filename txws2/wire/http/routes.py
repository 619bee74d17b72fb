"""Routes: paths with parameters in them, and the targets at them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from keyword import iskeyword
from typing import Generic, TypeVar
from urllib.parse import unquote

__all__ = ["Routes", "parameters_of", "segments_of"]

T = TypeVar("T")

_PARAMETER = re.compile(r"\{(.*)\}")
# RFC 3986 section 2.1: pct-encoded = "%" HEXDIG HEXDIG.
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# This pattern looks at no more than three characters from each position, so the time is linear.
_BADLY_ESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})")

# For each segment of a pattern, the text that a path must have there; None for a parameter.
_Shape = tuple[str | None, ...]


class Routes(Generic[T]):
    """Finds the target at a path.

    A pattern is a path. Each of its segments is a text, as a person reads it, or a parameter: in
    "/chat/{room}", room stands for any text but the empty one. A pattern without parameters is
    tried before those with parameters, and these are tried in the order of the table. A path with
    a slash at its end is another path than one without.

    Args:
        table: the patterns, and the target at the paths of each.

    Raises:
        ValueError: a pattern isn't one, or stands for the same paths as another.
    """

    # RFC 3986 section 3.3: a slash parts segments, and nothing else does. The segments "." and ".."
    # aren't resolved: clients do that (section 5.2.4), and a route has no directory that a path
    # could climb out of.

    def __init__(self, table: Mapping[str, T]) -> None:
        self._fixed: dict[_Shape, T] = {}
        # The patterns with parameters, by their number of segments: a path of another number can't
        # match.
        self._open: dict[int, list[tuple[_Shape, list[str], T]]] = {}
        seen: dict[_Shape, str] = {}
        for pattern, target in table.items():
            names = parameters_of(pattern)
            shape = _shape(pattern)
            if shape in seen:
                raise ValueError(f"{pattern!r} stands for the same paths as {seen[shape]!r}")
            seen[shape] = pattern
            if names:
                self._open.setdefault(len(shape), []).append((shape, names, target))
            else:
                self._fixed[shape] = target

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """Return the target at a path, and its parameters; None if there is none.

        Args:
            path: the path of a request: percent-encoded, perhaps with a query, which is ignored. A
                path that is encoded wrongly, or isn't UTF-8, has no target.
        """
        # RFC 3986 section 2.4: "When a URI is dereferenced, the components and subcomponents
        # significant to the scheme-specific dereferencing process (if any) must be parsed and
        # separated before the percent-encoded octets within those components can be safely
        # decoded". So a parameter may have a slash in it, as "%2F".
        segments = segments_of(path.partition("?")[0])
        if segments is None:
            return None
        if segments in self._fixed:
            return self._fixed[segments], {}
        for shape, names, target in self._open.get(len(segments), ()):
            values = _match(shape, segments)
            if values is not None:
                return target, dict(zip(names, values, strict=True))
        return None


def parameters_of(pattern: str) -> list[str]:
    """Return the names of a pattern's parameters, in order.

    Raises:
        TypeError: `pattern` isn't a str.
        ValueError: it isn't a pattern.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"a path is a str, as '/chat'; it is {pattern!r}")
    if not pattern.startswith("/"):
        raise ValueError(f"a path begins with a slash, as '/chat'; it is {pattern!r}")
    if "?" in pattern or "#" in pattern:
        raise ValueError(
            f"{pattern!r} is more than a path; leave the query out: it is in request.query"
        )
    if _ESCAPE.search(pattern):
        raise ValueError(f"write a path as it reads, {unquote(pattern)!r}; it is {pattern!r}")
    names: list[str] = []
    for segment in pattern.split("/"):
        match = _PARAMETER.fullmatch(segment)
        if match is not None:
            names.append(_checked(match.group(1), names, pattern))
        elif "{" in segment or "}" in segment:
            raise ValueError(
                f"a parameter is all that is between two slashes, as in '/chat/{{room}}'; "
                f"in {pattern!r}, it is {segment!r}"
            )
    return names


def _checked(name: str, names: list[str], pattern: str) -> str:
    if not name.isidentifier() or iskeyword(name):
        raise ValueError(f"a parameter is named as in Python; in {pattern!r}, one is {name!r}")
    if name in names:
        raise ValueError(f"each parameter has a name of its own; in {pattern!r}, two are {name!r}")
    return name


def _shape(pattern: str) -> _Shape:
    return tuple(
        None if _PARAMETER.fullmatch(segment) else segment for segment in pattern[1:].split("/")
    )


def segments_of(path: str) -> tuple[str, ...] | None:
    """Return the decoded segments of a path; None if it is encoded wrongly, or isn't UTF-8.

    Args:
        path: the path of a request, without its query.
    """
    if "%" in path:
        if _BADLY_ESCAPED.search(path):
            return None
        try:
            return tuple(unquote(each, errors="strict") for each in path[1:].split("/"))
        except UnicodeDecodeError:
            return None
    return tuple(path[1:].split("/"))


def _match(shape: _Shape, segments: tuple[str, ...]) -> list[str] | None:
    values = []
    for wanted, segment in zip(shape, segments, strict=True):
        if wanted is None and segment:
            values.append(segment)
        elif wanted != segment:
            return None
    return values
