"""`Visit`: a request that isn't for a WebSocket, and what it tells about its sender."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import quote

from twisted.internet.interfaces import ISSLTransport

from txws2.wire.http.heads import Request

__all__ = ["Visit", "page_path"]

# A host and a port; other characters could begin something else where the address is shown.
_HOST = re.compile(r"[0-9A-Za-z.\-]{1,255}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")


def page_path(path: str) -> str:
    """Return a path without its query, and without a slash at its end."""
    return path.partition("?")[0].rstrip("/") or "/"


class Visit(NamedTuple):
    """A request for a page.

    Attributes:
        request: the request.
        peer: the address of the other end of the connection, perhaps a proxy's.
        secure: True if that end speaks TLS.
    """

    request: Request
    peer: Any
    secure: bool

    @classmethod
    def by(cls, request: Request, transport: Any) -> Visit:
        """Return the visit of a request that came on this transport."""
        return cls(request, transport.getPeer(), bool(ISSLTransport.providedBy(transport)))

    @property
    def path(self) -> str:
        """The path, without a query and without a slash at its end."""
        return page_path(self.request.path)

    @property
    def up(self) -> str:
        """The relative reference from here to "/", as a proxy may have put all below a path."""
        depth = self.request.path.partition("?")[0].count("/") - 1
        return "../" * depth or "./"

    @property
    def wants_html(self) -> bool:
        """True for browsers."""
        return "text/html" in self.request.fields.get("Accept", "").lower()

    @property
    def host(self) -> str:
        """The host and port that the client asks for; localhost if it says nothing sound."""
        host = self.request.fields.get("Host", "")
        return host if _HOST.fullmatch(host) else "localhost"

    @property
    def encrypted(self) -> bool:
        """True if the client uses TLS, with this server or, as that says, with a proxy."""
        forwarded = self.request.fields.get("X-Forwarded-Proto", "").strip().lower()
        return self.secure or forwarded in ("https", "wss")

    def uri(self, path: str, scheme: str = "ws") -> str:
        """Return the URI of a path, as this client reaches it.

        Args:
            path: the path.
            scheme: ws or http, which become wss and https if the client uses TLS.
        """
        scheme += "s" if self.encrypted else ""
        # People paste it into a shell, and anybody may have written the path of a link.
        return f"{scheme}://{self.host}{quote(path, safe='/%-._~')}"
