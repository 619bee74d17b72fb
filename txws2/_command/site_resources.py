"""Resources of the site of `twistd ws`: files, several resources by path, and a check of hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from twisted.web.pages import notFound
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from twisted.web.static import File

from txws2.exceptions import InvalidHost
from txws2.server.mounted_site import put_back
from txws2.server.resource import respond
from txws2.server.site_bodies import SMALL_BODY, largest_body
from txws2.wire.handshake.server import refusal
from txws2.wire.http.hosts import Hosts
from txws2.wire.http.mount_points import segments_of_point

__all__ = ["HostCheck", "PublicFiles", "Tree"]

# RFC 8615: files of this directory are for all, as the proofs for a certificate (ACME).
_WELL_KNOWN = b".well-known"


class PublicFiles(File):
    """The files of a directory, without those that are hidden, and without lists."""

    # A browser runs scripts in what it takes for HTML, twisted.web's own default.
    def __init__(
        self,
        path: str,
        defaultType: str = "application/octet-stream",
        ignoredExts: Sequence[str] = (),
        registry: Any = None,
        allowExt: Literal[0] = 0,
    ) -> None:
        super().__init__(path, defaultType, ignoredExts, registry, allowExt)

    def largest_body(self, segments: Sequence[bytes]) -> int:
        """Return the bytes of the largest body of a request."""
        return SMALL_BODY

    def getChild(self, path: bytes, request: Request) -> Any:
        """Return the resource of a name in the directory."""
        if path.startswith(b".") and path != _WELL_KNOWN:
            return notFound()
        if not _is_name(path):
            return notFound()
        return super().getChild(path, request)  # type: ignore[no-untyped-call]

    def render_GET(self, request: Request) -> Any:
        """Send the file, or the parts of it that are asked for."""
        if self.exists() and not self.isfile() and not self.isdir():
            # Opening a pipe would wait for its writer, and stop the whole server.
            return notFound().render(request)
        if b"," in (request.getHeader(b"range") or b""):
            # RFC 9110 section 14.2: "A server MAY ignore the Range header field." Some hundred
            # ranges would make a large response of a small file; and twisted.web never ends
            # some responses with several ranges.
            request.requestHeaders.removeHeader(b"range")
        return super().render_GET(request)  # type: ignore[no-untyped-call]

    render_HEAD = render_GET

    def createSimilarFile(self, path: str) -> PublicFiles:
        """Return the resource of a path below."""
        return type(self)(path)

    def directoryListing(self) -> Any:
        """Return the resource of a directory without index.html."""
        return notFound()


def _is_name(path: bytes) -> bool:
    """Return False for a name that no file can have; twisted.web would log its traceback."""
    try:
        return "\0" not in path.decode()
    except UnicodeDecodeError:
        return False


class Tree(Resource):
    """Several resources, each with a path: the longest path that is that of a request, or above it.

    Args:
        resources: the resources by their paths.
    """

    def __init__(self, resources: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._resources = {
            tuple(part.encode() for part in segments_of_point(path)): resource
            for path, resource in resources.items()
        }
        self._deepest = max(map(len, self._resources))

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:
        """Return the resource of a request, and take its path off."""
        put_back(request)
        prepath, postpath = cast(Any, request.prepath), cast(Any, request.postpath)
        length, resource = self._find(postpath)
        if resource is None:
            del postpath[:]
            return notFound()
        prepath += postpath[:length]
        del postpath[:length]
        return resource

    def largest_body(self, segments: Sequence[bytes]) -> int | None:
        """Return the bytes of the largest body of a request; None for no limit."""
        length, resource = self._find(segments)
        return SMALL_BODY if resource is None else largest_body(resource, segments[length:])

    def _find(self, segments: Sequence[bytes]) -> tuple[int, Any]:
        """Return the resource of a path, and the length of its own path; None if there is none."""
        for length in range(min(len(segments), self._deepest), -1, -1):
            resource = self._resources.get(tuple(segments[:length]))
            if resource is not None:
                return length, resource
        return 0, None


class HostCheck(Resource):
    """Refuses requests for hosts that the server doesn't answer for, as for WebSockets.

    Otherwise, an attacker could make the host name of a page resolve to this server (DNS
    rebinding), and read its pages.

    Args:
        resource: the resource for all other requests.
        hosts: returns the hosts to answer for; None for all.
    """

    def __init__(self, resource: Any, hosts: Callable[[], Hosts | None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._resource = resource
        self._hosts = hosts

    def largest_body(self, segments: Sequence[bytes]) -> int | None:
        """Return the bytes of the largest body of a request; None for no limit."""
        return largest_body(self._resource, segments)

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:
        """Return the resource of a request, of whose path nothing is taken yet."""
        hosts = self._hosts()
        # Anything may come, and in Latin-1 all bytes are text.
        host = request.requestHeaders.getRawHeaders(b"Host", [b""])[0].decode("latin-1")
        # No page can leave Host out.
        if hosts is None or not host or host in hosts:
            put_back(request)
            return self._resource
        return _Misdirected(host)


class _Misdirected(Resource):
    """Refuses a request for a host that the server doesn't answer for."""

    isLeaf = True

    def __init__(self, host: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._host = host

    def render(self, request: Request) -> int:
        respond(request, refusal(InvalidHost(self._host)))
        return NOT_DONE_YET
