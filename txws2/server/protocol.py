"""The protocol class of a server."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self, cast

from twisted.internet.interfaces import ISSLTransport

from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol, check_arguments
from txws2._transport.capabilities import Address
from txws2.server.driver import ServerDriver
from txws2.server.handshake import acceptance_of
from txws2.wire.http.heads import Response

if TYPE_CHECKING:
    import twisted.web.server

__all__ = ["WebSocketServerProtocol"]


class WebSocketServerProtocol(WebSocketProtocol):
    """The server's end of a connection.

    Attributes:
        username: the user whom `basic_auth` has authenticated; None otherwise.
        auth_type: "Basic" if `basic_auth` has let the client in, "Bearer" if `bearer_auth` has;
            None otherwise. It is AUTH_TYPE of CGI (RFC 3875 section 4.1.1).
        site_request: twisted.web's object of the request, if a `WebSocketResource` got it: it has
            the session, the cookies, and the user who is logged in. None otherwise.
    """

    username: str | None = None
    auth_type: str | None = None
    site_request: twisted.web.server.Request | None = None

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Make an instance with its driver; the arguments are for ``__init__``."""
        if arguments or options:
            check_arguments(cls)
        return WebSocketProtocol.__new__(cls, ServerDriver())

    @property
    def response(self) -> Response:
        """The server's response; None until it is known."""
        driver = driver_of(self)
        agreement = driver.agreement
        if agreement.response is None and driver.opened:
            agreement.response = acceptance_of(agreement, driver.known_request)
        return cast(Response, agreement.response)

    @response.setter
    def response(self, response: Response) -> None:
        driver_of(self).agreement.response = response

    @property
    def remote_address(self) -> Address:
        """(host, port) of the client, or the path of a Unix socket.

        If one of the `trusted_proxies` sent the request, it is the address that the proxy tells;
        the port is 0 if the proxy doesn't tell it.
        """
        address: Address = driver_of(self).peer_address
        return address

    @property
    def secure(self) -> bool:
        """True if the client uses TLS, with this server or one of the `trusted_proxies`."""
        driver = driver_of(self)
        client = driver.agreement.client
        if client is None or client.secure is None:
            return bool(ISSLTransport.providedBy(driver.transport))
        return bool(client.secure)

    def respond(self, status: int, text: str) -> Response:
        """Make a response that a hook can return.

        Args:
            status: its status code, such as 403.
            text: its body, for a person to read.
        """
        return Response.plain(HTTPStatus(status), text)
