"""The largest bodies of requests to a site, which are judged before they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

__all__ = ["SMALL_BODY", "largest_body", "segments_of_target"]

SMALL_BODY = 64 * 1024
"""Enough for resources that need no body: so they can still say what is wrong with a request."""


def largest_body(resource: Any, segments: Sequence[bytes]) -> int | None:
    """Return the bytes of the largest body for a path below a resource; None for no limit.

    A resource says this by a method of the same name, which has the rest of the path. Resources
    without it, and without a child that is known before there is a request, have no limit.

    Args:
        resource: a resource of twisted.web.
        segments: the segments of the path below the resource, decoded.
    """
    for number, segment in enumerate([*segments, b""]):
        limited = getattr(resource, "largest_body", None)
        if limited is not None:
            found: int | None = limited(segments[number:])
            return found
        resource = getattr(resource, "children", {}).get(segment)
    return None


def segments_of_target(target: bytes) -> list[bytes]:
    """Return the segments of the target of a request, as twisted.web does."""
    path = target.partition(b"?")[0]
    return [unquote_to_bytes(segment) for segment in path[1:].split(b"/")]
