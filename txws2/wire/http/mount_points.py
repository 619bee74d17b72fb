"""Mount points: paths, each of which stands for all paths below it, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from txws2.wire.http.routes import parameters_of, segments_of

__all__ = ["MountPoints", "segments_of_point"]

T = TypeVar("T")


class MountPoints(Generic[T]):
    """Finds the target of a path: that of the longest mount point that is the path or above it.

    Args:
        table: the mount points, as "/" and "/chat", and the target of each.

    Raises:
        TypeError: a mount point isn't a str.
        ValueError: a mount point isn't a path, has a parameter, or is the same as another.
    """

    # RFC 3986 section 3.3: a slash parts segments. So "/chats" isn't below "/chat".

    def __init__(self, table: Mapping[str, T]) -> None:
        self._targets: dict[tuple[str, ...], T] = {}
        seen: dict[tuple[str, ...], str] = {}
        for point, target in table.items():
            segments = segments_of_point(point)
            if segments in seen:
                raise ValueError(f"{point!r} stands for the same paths as {seen[segments]!r}")
            seen[segments] = point
            self._targets[segments] = target
        # Clients choose the number of segments of a path, so it must not decide on the time.
        self._deepest = max(map(len, self._targets), default=0)

    def find(self, path: str) -> T | None:
        """Return the target of a path; None if there is none.

        Args:
            path: the path of a request: percent-encoded, perhaps with a query, which is ignored. A
                path that is encoded wrongly, or isn't UTF-8, is only below "/".
        """
        if not self._deepest:
            return self._targets.get(())
        segments = segments_of(path.partition("?")[0]) or ()
        for length in range(min(len(segments), self._deepest), -1, -1):
            target = self._targets.get(segments[:length])
            if target is not None:
                return target
        return None


def segments_of_point(point: str) -> tuple[str, ...]:
    """Return the segments of a mount point; a slash at its end doesn't matter.

    Raises:
        TypeError: it isn't a str.
        ValueError: it isn't a path, has a parameter, or a segment of dots.
    """
    if parameters_of(point):
        raise ValueError(
            f"{point!r} has a parameter; a mount has all paths below it, and route() in its "
            "factory tells them apart"
        )
    segments = tuple(point[1:].split("/"))
    if "." in segments or ".." in segments:
        # RFC 3986 section 5.2.4.
        raise ValueError(f"{point!r} has a segment of dots, which clients remove before they ask")
    return segments if segments[-1] else segments[:-1]
